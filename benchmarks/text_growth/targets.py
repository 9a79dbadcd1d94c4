"""The benchmark's targets: every pattern by itself, and every function that processes untrusted text."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from benchmarks.text_growth.patterns import Use, uses
from benchmarks.text_growth.worst import fragments_of
from bot.action.report import report
from bot.action.runner import Runner, without_commands
from bot.cli.screen import harmless
from bot.codegen import states
from bot.codegen.models import AgentRun, CheckSuiteSettings, LogEntry, Repository, RunPullRequest
from bot.commands import argument_parser, comment_parser, markdown, resume
from bot.commands.table import COMMANDS
from bot.commands.usage import ParseError
from bot.commands.visible_lines import plain_lines
from bot.errors import ErrorKind, Service, UpstreamError
from bot.github import events
from bot.outcome import CommandOutcome
from bot.prefilter import might_contain_command
from bot.redaction.values import LONGEST_SAYING
from bot.replies import (
    analysis,
    checks,
    config_texts,
    failures,
    job_log,
    list_runs,
    logs,
    markers,
    multi_run,
    phrases,
    pull_requests,
    reasons,
    redaction,
    run_pull_request,
    runs,
    stars,
    trace,
    untrusted,
)
from bot.replies.analysis import FailedCheck, Findings
from bot.replies.config_texts import Holds
from bot.replies.markers import Stage
from bot.replies.material import Material, assemble, quoted
from bot.replies.multi_run import Attempt
from bot.replies.prompts import logs_prompt
from bot.replies.reason import Reason
from bot.replies.reply import Reply, render
from bot.replies.trace import Trace
from bot.repository_config import prompts
from bot.repository_config import reading as config_reading
from bot.repository_config.patterns import LONGEST_PATTERN
from bot.repository_config.problems import ConfigProblems
from bot.store.models import Star

NOW = datetime(2026, 1, 1, tzinfo=UTC)
Work = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Target:
    """:param fragments: what it may react to, beside what is special in any text"""

    name: str
    run: Work
    fragments: tuple[str, ...] = ()


SHORT = {
    "bot.replies.job_log:_OF_A_KEY": job_log.LONGEST_LINE,
    "bot.replies.job_log:_SURE": job_log.READ_FOR_SIGNS,
    "bot.replies.job_log:_LIKELY": job_log.READ_FOR_SIGNS,
    "bot.redaction.values:_PLACEHOLDER": LONGEST_SAYING,
    "bot.redaction.values:_PATH": LONGEST_SAYING,
    "bot.redaction.values:_ADDRESS": LONGEST_SAYING,
    "bot.redaction.values:_TALKS_OF_ONE": LONGEST_SAYING,
    "bot.repository_config.matching:TOKEN": LONGEST_PATTERN,
}
"""Patterns that see no more than this many characters of a text."""


PUT_TOGETHER = {
    "bot.action.job:_rest": "its words are the bot's own",
    "bot.commands.comment_parser:_sources": "commands.comment_parser.read",
    "bot.commands.comment_parser:may_speak": "commands.comment_parser.may_speak",
    "bot.redaction.commands:_PATTERNS": "replies.redaction.redact",
    "bot.redaction.forms:_token": "replies.redaction.redact",
    "bot.replies.untrusted:inert": "replies.untrusted.inert",
    "bot.repository_config.matching:compile_pattern": "a repository's secret patterns have a time limit",
    "bot.repository_config.patterns:fault": "a repository's secret patterns have a time limit",
}
"""Patterns that are built where they are used: the function that is measured with them, or why none is."""


def patterns() -> list[Target]:
    """Each pattern, at every position of a text or at its start, as it is used."""
    return [
        Target(f"{use.name} ({use.way})", partial(_try, use, SHORT.get(use.name)), fragments_of(use.pattern))
        for use in uses()
    ]


def _try(use: Use, most: int | None, text: str) -> None:
    text = text[:most]
    find = getattr(use.pattern, use.way)
    found = find(text.encode(errors="replace") if isinstance(use.pattern.pattern, bytes) else text)
    if isinstance(found, Iterator):
        for _ in found:
            pass


def functions() -> list[Target]:
    """Each function, with the fragments of its module's patterns."""
    found = {**_reading(), **_writing(), **_replies(), **_others()}
    return [Target(name, run, _fragments(name)) for name, run in found.items()]


def _fragments(name: str) -> tuple[str, ...]:
    module = f"bot.{name.rpartition('.')[0]}"
    modules = {module, *_SECRETS} if module in {"bot.replies.redaction", "bot.replies.untrusted"} else {module}
    used = [use for use in uses() if use.name.partition(":")[0] in modules]
    return tuple(dict.fromkeys(fragment for use in used for fragment in fragments_of(use.pattern)))


_SECRETS = {f"bot.redaction.{name}" for name in ("commands", "forms", "known", "named", "values")}


def _reading() -> dict[str, Work]:
    """Functions that read a comment."""

    def event(text: str) -> object:
        payload = {"action": "created", "comment": {"id": 1, "body": text, "user": _USER, "html_url": text}}
        thread = {"number": 1, "title": text, "body": text, "html_url": text, "user": _USER}
        return events.parse("issue_comment", {**payload, "issue": thread, "repository": _REPOSITORY, "sender": _USER})

    found: dict[str, Work] = {
        "commands.comment_parser.read": lambda text: comment_parser.read(f"/codegen help\n{text}"),
        "commands.comment_parser.new_since": lambda text: comment_parser.new_since(text, f"/codegen help\n{text}"),
        "commands.comment_parser.may_speak": lambda text: (
            comment_parser.may_speak(text),
            comment_parser.may_speak(_bytes(text)),
        ),
        "commands.comment_parser.looks_like_command": comment_parser.looks_like_command,
        "commands.markdown.parse_blocks": lambda text: [
            markdown.parse_blocks(text, html=html) for html in (True, False)
        ],
        "commands.markdown.find_code_blocks": markdown.find_code_blocks,
        "commands.markdown.find_spans": markdown.find_spans,
        "commands.markdown.find_html_spans": markdown.find_html_spans,
        "commands.markdown.find_code_spans": markdown.find_code_spans,
        "commands.markdown.without_comments": lambda text: _with_blocks(markdown.without_comments, text),
        "commands.visible_lines.plain_lines": lambda text: _with_blocks(plain_lines, text),
        "commands.comment_parser.split_first_line": comment_parser.split_first_line,
        "commands.resume.split_run": partial(_mistaken, resume.split_run),
        "commands.argument_parser.build": lambda text: _mistaken(
            argument_parser.build, "run", {"--model": [text]}, text
        ),
        "prefilter.might_contain_command": lambda text: (
            might_contain_command("issue_comment", _bytes(text)),
            might_contain_command("issues", b'labeled"' + _bytes(text)),
        ),
        "github.events.parse": event,
        "replies.markers.find": markers.find,
        "replies.material.assemble": lambda text: assemble([text, Material("a", text)]),
        "replies.material.quoted": lambda text: quoted(text, 1_000),
        "replies.prompts.logs_prompt": lambda text: logs_prompt(text, context=text),
    }
    for name in (*COMMANDS, "unknown"):
        found[f"commands.argument_parser.parse: {name}"] = partial(_parse, name)
    return found


_USER = {"login": "a", "id": 1, "type": "User"}
_REPOSITORY = {"full_name": "a/b", "private": False}


def _parse(name: str, text: str) -> object:
    usage = COMMANDS[name].USAGE if name in COMMANDS else None
    flags = [flag.name for flag in usage.flags] if usage else []
    return [
        argument_parser.parse(f"{name} {start}{text}", prefix="/codegen")
        for start in ("", *(f"{flag} " for flag in flags))
    ]


def _mistaken(run: Callable[..., object], *given: object, **more: object) -> object:
    try:
        return run(*given, **more)
    except (ParseError, ConfigProblems):
        return None


def _bytes(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode(errors="replace")


def _with_blocks(run: Callable[..., object], text: str) -> object:
    lines = text.replace("\r", "\n").split("\n")
    return run(lines, markdown.parse_blocks("\n".join(lines)))


def _writing() -> dict[str, Work]:
    """Functions that escape, shorten or redact a text."""
    return {
        "replies.untrusted.inert": untrusted.inert,
        "replies.untrusted.inert_words": lambda text: untrusted.inert_words(text, 200),
        "replies.untrusted.cut": lambda text: untrusted.cut(text, len(text) // 2),
        "replies.untrusted.fenced": untrusted.fenced,
        "replies.untrusted.folded": lambda text: untrusted.folded(text, text),
        "replies.untrusted.inline_code": untrusted.inline_code,
        "replies.redaction.redact": redaction.redact,
        "replies.redaction.redact_all": lambda text: redaction.redact_all({"a": [text], "password": text, text: "a"}),
        "replies.redaction.redact_json": lambda text: redaction.redact_json(_bytes({"a": text, "password": text})),
        "replies.phrases.first_line": lambda text: phrases.first_line(text, 200),
        "replies.phrases.one_line": lambda text: phrases.one_line(text, 200),
        "replies.phrases.one_word": phrases.one_word,
        "replies.phrases.cell": phrases.cell,
        "replies.phrases.table": lambda text: phrases.table(("a",), [(text,)]),
        "replies.phrases.run_link": lambda text: phrases.run_link(_run(text)),
        "replies.phrases.pull_request_links": lambda text: phrases.pull_request_links(_run(text).github_pull_requests),
        "replies.job_log.excerpt": lambda text: job_log.excerpt(text, 40_000),
        "replies.trace.tail": lambda text: trace.tail(text, 700),
        "replies.trace.as_text": lambda text: trace.as_text({text: [text, {text: text}]}),
        "replies.trace.entry_text": lambda text: trace.entry_text(1, _entry(text), NOW),
        "replies.trace.condensed": lambda text: trace.condensed(Trace([_entry(text)] * 5, 5), last=5, result=text),
    }


def _replies() -> dict[str, Work]:
    """Whole replies, each with everything that it quotes."""

    def error(text: str) -> UpstreamError:
        return UpstreamError(Service.CODEGEN, ErrorKind.INVALID, "create_run", 422, text)

    def found(text: str) -> Findings:
        check = FailedCheck(name=text, conclusion=text, url=text, excerpt=text[:4_000], problem="")
        return Findings(sha="0", failed=(check,), more=(text,), running=(text,))

    def attempts(text: str) -> list[Attempt]:
        return [
            Attempt(number=number, run=_run(text, status)) for number, status in enumerate(("COMPLETE", "FAILED"), 1)
        ]

    def settings(text: str) -> CheckSuiteSettings:
        values = {text: text}
        return CheckSuiteSettings(
            check_retry_count=1,
            ignored_checks=(text,),
            check_retry_counts={text: 1},
            custom_prompts=values,
            high_priority_apps=(text,),
        )

    repository = partial(Repository, id=1, name="a", github_id="1", organization_id=1)
    return {
        "replies.runs.outcome": lambda text: runs.outcome(_run(text), seconds=1, prefix="/codegen"),
        "replies.runs.working": lambda text: runs.working(_run(text, text), seconds=1),
        "replies.runs.status": lambda text: runs.status(_run(text), seconds=1, prefix="/codegen"),
        "replies.multi_run.outcome": lambda text: multi_run.outcome(
            attempts(text), _run(text), seconds=1, prefix="/codegen"
        ),
        "replies.multi_run.none_succeeded": lambda text: multi_run.none_succeeded(attempts(text), prefix="/codegen"),
        "replies.analysis.checks_explained": lambda text: analysis.checks_explained(
            _run(text), found(text), seconds=1, prefix="/codegen"
        ),
        "replies.checks.shown": lambda text: checks.shown(
            repository(full_name=text), settings(text), prefix="/codegen"
        ),
        "replies.failures.upstream": lambda text: failures.upstream(error(text)),
        "replies.failures.sentence": lambda text: failures.sentence(error(text)),
        "replies.config_texts.config_is_wrong": lambda text: config_texts.config_is_wrong(text, [text], Holds.BOTH),
        "replies.list_runs.latest_runs": lambda text: list_runs.latest_runs(
            [_run(text)] * 2,
            listed=list_runs.Listed(whose="The organization", status=None, found=2, is_all=True, has_more=False),
            here=[],
            asked_by={},
            now=NOW,
            prefix="/codegen",
        ),
        "replies.logs.logs": lambda text: logs.logs(_run(text), Trace([_entry(text)], 1), last=1, prefix="/codegen"),
        "replies.pull_requests.not_edited": lambda text: pull_requests.not_edited(_run(text), _link(text), text),
        "replies.reasons.reason_given": lambda text: reasons.reason_given("remove", _run(text), text),
        "replies.run_pull_request.refused_without": lambda text: run_pull_request.refused_without(
            _run(text), error(text), command="close", prefix="/codegen"
        ),
        "replies.stars.all_starred": lambda text: stars.all_starred(
            [Star(run_id=1, login=text, at=NOW)], {1: _run(text)}, now=NOW, prefix="/codegen"
        ),
        "replies.reply.render": lambda text: render(
            Reply(stage=Stage.FINISHED, text=text), identity="a", command="run"
        ),
    }


def _others() -> dict[str, Work]:
    """Functions that read a status, a config file, a step's log."""
    runner = Runner({"GITHUB_ACTIONS": "true"}, lambda _line: None)
    names = {name: name for name in ("title", "link", "branch", "rest")}
    return {
        "codegen.states.normalise": states.normalise,
        "repository_config.prompts.fill": lambda text: prompts.fill(text, **{**names, "title": text}),
        "repository_config.prompts.placeholders": prompts.placeholders,
        "repository_config.prompts.misplaced": prompts.misplaced,
        "repository_config.reading.read": lambda text: _mistaken(config_reading.read, text, commands=COMMANDS),
        "action.runner.without_commands": without_commands,
        "action.report.report": lambda text: report(
            runner, [CommandOutcome(reason=Reason.FAILED, sentence=text)], fail_on=frozenset()
        ),
        "cli.screen.harmless": harmless,
    }


def _run(text: str, status: str = "COMPLETE") -> AgentRun:
    return AgentRun(
        id=1,
        organization_id=1,
        status=status,
        web_url=f"https://{text}",
        result=text,
        summary=f"Done.\n\n{text}",
        github_pull_requests=(_link(text),),
    )


def _link(text: str) -> RunPullRequest:
    return RunPullRequest(id=1, title=text, url=f"https://codegen.com/{text}")


def _entry(text: str) -> LogEntry:
    return LogEntry(
        agent_run_id=1,
        tool_name=text,
        message_type="ERROR",
        thought=text,
        observation={"a": text},
        tool_input={"a": [text, text]},
        tool_output={"a": text},
    )
