"""The benchmark's targets: every pattern by itself, and every function that processes untrusted text."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

from benchmarks.text_growth.patterns import Use, uses
from benchmarks.text_growth.worst import fragments_of
from bot.action.report import Runner, report
from bot.agents.api.workplace import marked_workplace
from bot.cli.screen import harmless
from bot.codegen import models as codegen_models
from bot.codegen.models import MARK, AgentRun, CheckSuiteSettings, LogEntry, Repository, RunPullRequest
from bot.commands import analyze_logs as analysis
from bot.commands import ban_checks, checks, fix_checks, list_runs, logs, review_texts
from bot.commands import multi_run_texts as multi_run
from bot.commands import pull_request as pull_requests
from bot.commands import star as stars
from bot.commands.analyze_logs import FailedCheck, Findings
from bot.commands.fix_checks import Round
from bot.commands.multi_run_texts import Attempt
from bot.commands.parsing import arguments as argument_parser
from bot.commands.parsing import comment as comment_parser
from bot.commands.registry import COMMANDS
from bot.commands.review_findings import Finding, read_answer
from bot.commands.run import read_agent_types
from bot.commands.usage import ParseError, split_run
from bot.errors import ErrorKind, Service, UpstreamError
from bot.execution import config_texts, failures, last_steps, phrases, run_marks, trace
from bot.execution import run_texts as runs
from bot.execution.config_texts import Fallback
from bot.execution.outcome import CommandOutcome
from bot.execution.prefilter import looks_like_command, might_be_failed_checks, might_contain_command
from bot.execution.prompts import Material, assemble, logs_prompt, quoted
from bot.execution.reply import Reason, Reply, render
from bot.execution.repository_config import prompts
from bot.execution.repository_config import reading as config_reading
from bot.execution.repository_config.patterns import LONGEST_PATTERN
from bot.execution.repository_config.problems import ConfigProblems
from bot.execution.run_texts import Ended
from bot.execution.trace import Trace
from bot.github import events
from bot.storage.models import Star
from bot.text import job_log, mail_reply, markdown, markers, untrusted
from bot.text.diff_lines import diff_lines
from bot.text.failure_signature import failure_signature
from bot.text.markdown import plain_lines, split_first_line
from bot.text.markers import Stage
from bot.text.redaction import redact as redaction
from bot.text.redaction import redacting
from bot.text.redaction.values import LONGEST_PLACEHOLDER
from bot.text.workflow_commands import without_commands
from bot.web.api.failures import plain

NOW = datetime(2026, 1, 1, tzinfo=UTC)
Work = Callable[[str], object]


@dataclass(frozen=True, slots=True)
class Target:
    """:param fragments: what it may react to, beside what is special in any text"""

    name: str
    run: Work
    fragments: tuple[str, ...] = ()


SHORT = {
    "bot.text.job_log:_OF_A_KEY": job_log.LONGEST_LINE,
    "bot.text.job_log:_SURE": job_log.READ_FOR_SIGNS,
    "bot.text.job_log:_LIKELY": job_log.READ_FOR_SIGNS,
    "bot.text.redaction.values:_PLACEHOLDER": LONGEST_PLACEHOLDER,
    "bot.text.redaction.values:_PATH": LONGEST_PLACEHOLDER,
    "bot.text.redaction.values:_ADDRESS": LONGEST_PLACEHOLDER,
    "bot.text.redaction.values:_ABOUT_A_SECRET": LONGEST_PLACEHOLDER,
    "bot.text.redaction.matching:TOKEN": LONGEST_PATTERN,
    "bot.agents.outcome:_NUMBER": 4_000,
    "bot.execution.repository_config.patterns:_SYNTAX": LONGEST_PATTERN,
}
"""Patterns that see no more than this many characters of a text."""


PUT_TOGETHER = {
    "bot.commands.parsing.comment:_sources": "commands.parsing.comment.read",
    "bot.commands.parsing.comment:mentions_prefix": "commands.parsing.comment.mentions_prefix",
    "bot.text.markdown:_opener": "text.markdown.find_spans",
    "bot.text.redaction.tokens:_PATTERNS": "text.redaction.redact.redact",
    "bot.text.redaction.tokens:_token": "text.redaction.redact.redact",
    "bot.text.untrusted:inert": "text.untrusted.inert",
    "bot.text.redaction.matching:compile_pattern": "a repository's secret patterns have a time limit",
    "bot.execution.repository_config.patterns:fault": "a repository's secret patterns have a time limit",
    "bot.agents.api.workplace:marked_workplace": "agents.api.workplace.marked_workplace",
    "bot.agents.command:__init__": "a preset's own pattern, at the beginning of a line",
    "bot.agents.log_entries:__init__": "a preset's own pattern, at the beginning of a chunk",
    "bot.agents.git:": "git's errors are cut to 16,384 bytes",
    "bot.agents.outcome:_cause": "sees 4,000 characters of an error",
    "bot.commands.run:read_agent_types": "commands.run.read_agent_types",
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
    modules = (
        {module, *_SECRETS}
        if module in {"bot.text.redaction.redact", "bot.text.redaction.redacting", "bot.text.untrusted"}
        else {module}
    )
    used = [use for use in uses() if use.name.partition(":")[0] in modules]
    return tuple(dict.fromkeys(fragment for use in used for fragment in fragments_of(use.pattern)))


_SECRETS = {f"bot.text.redaction.{name}" for name in ("named", "spans", "tokens", "values")}
_REDACTING = {"bot.text.redaction.redact", "bot.text.redaction.redacting", "bot.text.untrusted"}


def _reading() -> dict[str, Work]:
    """Functions that read a comment."""

    def event(text: str) -> object:
        payload = {"action": "created", "comment": {"id": 1, "body": text, "user": _USER, "html_url": text}}
        thread = {"number": 1, "title": text, "body": text, "html_url": text, "user": _USER}
        return events.parse("issue_comment", {**payload, "issue": thread, "repository": _REPOSITORY, "sender": _USER})

    found: dict[str, Work] = {
        "commands.parsing.comment.read": lambda text: comment_parser.read(f"/codegen help\n{text}"),
        "commands.parsing.comment.new_since": lambda text: comment_parser.new_since(text, f"/codegen help\n{text}"),
        "commands.parsing.comment.given_text_since": lambda text: comment_parser.given_text_since(
            "/codegen run fix it", f"/codegen run fix it\n{text}"
        ),
        "commands.parsing.comment.mentions_prefix": lambda text: (
            comment_parser.mentions_prefix(text),
            comment_parser.mentions_prefix(_bytes(text)),
        ),
        "execution.prefilter.looks_like_command": looks_like_command,
        "text.mail_reply.end_of_reply": lambda text: mail_reply.end_of_reply(
            lines := text.split("\n"), [True] * len(lines)
        ),
        "text.markdown.parse_blocks": lambda text: [markdown.parse_blocks(text, html=html) for html in (True, False)],
        "text.markdown.find_code_blocks": markdown.find_code_blocks,
        "text.markdown.find_spans": markdown.find_spans,
        "text.markdown.find_html_spans": markdown.find_html_spans,
        "text.markdown.find_code_spans": markdown.find_code_spans,
        "text.markdown.without_comments": lambda text: _with_blocks(markdown.without_comments, text),
        "text.markdown.plain_lines": lambda text: _with_blocks(plain_lines, text),
        "text.markdown.split_first_line": split_first_line,
        "commands.usage.split_run": partial(_mistaken, split_run),
        "commands.run.read_agent_types": lambda text: _mistaken(read_agent_types, {"--agent-type": [text]}),
        "commands.parsing.arguments.build": lambda text: _mistaken(
            argument_parser.build, "run", {"--model": [text]}, text
        ),
        "execution.prefilter.might_contain_command": lambda text: (
            might_contain_command("issue_comment", _bytes(text)),
            might_contain_command("issues", b'labeled"' + _bytes(text)),
        ),
        "execution.prefilter.might_be_failed_checks": lambda text: might_be_failed_checks(
            "check_suite", b'"failure"' + _bytes(text)
        ),
        "github.events.parse": event,
        "text.markers.find": markers.find,
        "text.markers.insert_before": lambda text: markers.insert_before(text, text),
        "execution.prompts.assemble": lambda text: assemble([text, Material("a", text)]),
        "execution.prompts.quoted": lambda text: quoted(text, 1_000),
        "execution.prompts.logs_prompt": lambda text: logs_prompt(text, context=text),
    }
    for name in (*COMMANDS, "unknown"):
        found[f"commands.parsing.arguments.parse: {name}"] = partial(_parse, name)
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
        "text.untrusted.inert": untrusted.inert,
        "text.untrusted.inert_words": lambda text: untrusted.inert_words(text, 200),
        "text.untrusted.cut": lambda text: untrusted.cut(text, len(text) // 2),
        "text.untrusted.fenced": untrusted.fenced,
        "text.untrusted.folded": lambda text: untrusted.folded(text, text),
        "text.untrusted.inline_code": untrusted.inline_code,
        "text.redaction.redact.redact": redaction.redact,
        "text.redaction.redacting.redacted": lambda text: redacting.redacted(
            {"a": [text], "password": text, text: "a"}
        ),
        "text.redaction.redacting.redact_json": lambda text: redacting.redact_json(
            _bytes({"a": text, "password": text})
        ),
        "agents.api.workplace.marked_workplace": lambda text: marked_workplace(
            {MARK: {"repository": "octo/shop", "number": 1, "url": text}}
        ),
        "execution.phrases.first_line": lambda text: phrases.first_line(text, 200),
        "execution.phrases.one_line": lambda text: phrases.one_line(text, 200),
        "execution.phrases.one_word": phrases.one_word,
        "execution.phrases.cell": phrases.cell,
        "execution.phrases.whole_sentence": phrases.whole_sentence,
        "execution.phrases.quotation": phrases.quotation,
        "execution.phrases.listed": lambda text: phrases.listed(text.split(" "), 10),
        "execution.phrases.table": lambda text: phrases.table(("a",), [(text,)]),
        "execution.phrases.run_link": lambda text: phrases.run_link(_run(text)),
        "execution.phrases.with_pull_requests": lambda text: phrases.with_pull_requests(_run(text)),
        "execution.phrases.pull_request_links": lambda text: phrases.pull_request_links(
            _run(text).github_pull_requests
        ),
        "text.diff_lines.diff_lines": diff_lines,
        "commands.review_findings.read_answer": read_answer,
        "text.job_log.failure_lines": job_log.failure_lines,
        "text.failure_signature.failure_signature": lambda text: failure_signature([(text, text)]),
        "text.job_log.excerpt": lambda text: job_log.excerpt(text, 40_000),
        "execution.trace.tail": lambda text: trace.tail(text, 700),
        "execution.trace.as_text": lambda text: trace.as_text({text: [text, {text: text}]}),
        "execution.trace.entry_text": lambda text: trace.entry_text(1, _entry(text), NOW),
        "execution.trace.condensed": lambda text: trace.condensed(Trace([_entry(text)] * 5, 5), last=5, result=text),
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
        "execution.run_texts.outcome": lambda text: runs.outcome(Ended(_run(text), 1), prefix="/codegen"),
        "execution.run_texts.working": lambda text: runs.working(
            _run(text, text), since=NOW, step=last_steps.last_step([_entry(text)])
        ),
        "execution.run_texts.status": lambda text: runs.status(_run(text), seconds=1, prefix="/codegen"),
        "commands.multi_run_texts.outcome": lambda text: multi_run.outcome(
            attempts(text), Ended(_run(text), 1), prefix="/codegen"
        ),
        "commands.multi_run_texts.none_succeeded": lambda text: multi_run.none_succeeded(
            attempts(text), prefix="/codegen"
        ),
        "commands.analyze_logs.checks_explained": lambda text: analysis.checks_explained(
            Ended(_run(text), 1), findings=found(text), prefix="/codegen"
        ),
        "commands.review_texts.draft": lambda text: review_texts.draft(_run(text), sha=text, lines={}, earlier=()),
        "commands.review_texts.comment_text": lambda text: review_texts.comment_text(Finding(text=f"a{text}")),
        "commands.review_texts.is_open_finding": review_texts.is_open_finding,
        "commands.review_texts.no_longer_found": lambda text: review_texts.no_longer_found(text, "0"),
        "commands.fix_checks.worked_on": lambda text: fix_checks.worked_on(
            Ended(_run(text), 1), findings=found(text), this=Round(number=1, limit=3), prefix="/codegen"
        ),
        "commands.checks.settings_reply": lambda text: checks.settings_reply(
            repository(full_name=text), settings(text), prefix="/codegen"
        ),
        "execution.last_steps.last_step": lambda text: last_steps.last_step([_entry(text)]),
        "execution.failures.upstream": lambda text: failures.upstream(error(text)),
        "execution.failures.describe": lambda text: failures.describe(error(text)),
        "execution.config_texts.invalid_config_notice": lambda text: config_texts.invalid_config_notice(
            text, [text], Fallback.BOTH
        ),
        "commands.list_runs.latest_runs": lambda text: list_runs.latest_runs(
            [_run(text)] * 2,
            search=list_runs.Search(owner="The organization", status=None, found=2, is_complete=True, has_more=False),
            here=[],
            logins={},
            now=NOW,
            prefix="/codegen",
        ),
        "commands.logs.logs_reply": lambda text: logs.logs_reply(
            _run(text), Trace([_entry(text)], 1), last=1, prefix="/codegen"
        ),
        "commands.pull_request.not_edited": lambda text: pull_requests.not_edited(_run(text), _link(text), text),
        "execution.phrases.change_made": lambda text: phrases.change_made(
            "remove", _run(text), text, login=text, via="the API"
        ),
        "web.api.failures.plain": plain,
        "execution.run_marks.title_of": lambda text: run_marks.title_of(_run(text)),
        "commands.ban_checks.refused": lambda text: ban_checks.refused(
            _run(text), error(text), command="/codegen remove"
        ),
        "commands.star.all_starred": lambda text: stars.all_starred(
            [Star(run_id=1, login=text, at=NOW)], {1: _run(text)}, now=NOW, prefix="/codegen"
        ),
        "execution.reply.render": lambda text: render(
            Reply(stage=Stage.FINISHED, text=text), identity="a", command="run"
        ),
    }


def _others() -> dict[str, Work]:
    """Functions that read a status, a config file, a step's log."""
    runner = Runner({"GITHUB_ACTIONS": "true"}, lambda _line: None)
    names = {name: name for name in ("title", "link", "branch", "rest")}
    return {
        "codegen.models.normalise": codegen_models.normalise,
        "execution.repository_config.prompts.fill": lambda text: prompts.fill(text, **{**names, "title": text}),
        "execution.repository_config.prompts.placeholders": prompts.placeholders,
        "execution.repository_config.prompts.misplaced": prompts.misplaced,
        "execution.repository_config.reading.read": lambda text: _mistaken(
            config_reading.read, text, commands=COMMANDS
        ),
        "execution.repository_config.reading.read_partly": partial(config_reading.read_partly, commands=COMMANDS),
        "text.workflow_commands.without_commands": without_commands,
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
