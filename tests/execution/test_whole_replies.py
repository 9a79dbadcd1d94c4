"""Whole replies made of hostile answers of Codegen's, as GitHub renders them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from hypothesis import example, given
from hypothesis import strategies as st

from bot.codegen.models import AgentRun, CheckSuiteSettings, LogEntry, Repository, RunPullRequest
from bot.commands import analyze_logs as analysis
from bot.commands import ban_checks, checks, confirm, list_runs, logs
from bot.commands import multi_run_texts as multi_run
from bot.commands import pull_request as pull_requests
from bot.commands import star as stars
from bot.commands.analyze_logs import FailedCheck, Findings
from bot.commands.multi_run_texts import Attempt
from bot.commands.parsing.comment import read
from bot.errors import ErrorKind, Service, UpstreamError
from bot.execution import config_texts, failures
from bot.execution import phrases as reasons
from bot.execution import run_texts as runs
from bot.execution.config_texts import Fallback
from bot.execution.reply import Reason, Reply, render
from bot.execution.run_texts import Ended
from bot.execution.trace import Trace
from bot.storage.models import Star
from bot.text.markers import Stage
from tests.text.rendering import effects
from tests.text.test_untrusted import HOSTILE

NOW = datetime(2026, 11, 29, tzinfo=UTC)
INDENTED = "    @alice ![x](https://tracker.example/x.png)<details><!--"
FENCED = "~~~\n@alice #1\n~~~"

PULL_REQUESTS = st.builds(
    RunPullRequest,
    id=st.just(1),
    title=HOSTILE,
    url=st.sampled_from(["https://github.com/octo/shop/pull/12", "https://[", "https://x/` |)"]) | HOSTILE,
)
RUNS = st.builds(
    AgentRun,
    id=st.integers(1, 9),
    organization_id=st.just(1),
    status=st.sampled_from(["COMPLETE", "FAILED", "RUNNING"]) | HOSTILE,
    web_url=st.sampled_from([None, "https://codegen.com/agent/trace/1", "https://["]) | HOSTILE,
    result=st.none() | HOSTILE,
    summary=st.none() | HOSTILE,
    github_pull_requests=st.lists(PULL_REQUESTS, max_size=2).map(tuple),
)


def run_with(text: str, *, status: str = "COMPLETE") -> AgentRun:
    return AgentRun(id=1, organization_id=1, status=status, result=text)


def nothing_happens(replies: Iterator[Reply]) -> None:
    for reply in replies:
        comment = render(reply, identity="issue-comment-1-0", command="run")
        assert effects(comment) == [], comment
        assert read(comment) == [], comment


@given(RUNS)
@example(run_with(INDENTED))
@example(run_with(INDENTED, status="FAILED"))
def test_replies_about_a_run_only_show_it(run: AgentRun) -> None:
    nothing_happens(_about(run))


def _about(run: AgentRun) -> Iterator[Reply]:
    yield runs.started(run)
    yield runs.working(run, since=NOW)
    yield runs.outcome(Ended(run, 1), prefix="/codegen")
    yield runs.status(run, seconds=1, prefix="/codegen")
    yield runs.answered(Ended(run, 1), done="Done", hint="To change it", prompt="more", prefix="/codegen")
    yield logs.logs_reply(run, Trace([], 0), last=1, prefix="/codegen")
    yield ban_checks.how_to_stop(run, prefix="/codegen")
    yield ban_checks.banned(run, failed="", prefix="/codegen")
    yield stars.all_starred([Star(run_id=run.id, login="bob", at=NOW)], {run.id: run}, now=NOW, prefix="/codegen")
    search = list_runs.Search(owner="This repository", status=None, found=2, is_complete=True, has_more=False)
    yield list_runs.latest_runs([run, run], search=search, here=[], logins={}, now=NOW, prefix="/codegen")


@given(st.lists(RUNS, min_size=1, max_size=3), RUNS)
@example([run_with(FENCED, status="FAILED")], run_with(""))
@example([run_with(INDENTED)], run_with(INDENTED, status="FAILED"))
def test_replies_about_a_multi_run_only_show_it(attempted: list[AgentRun], synthesis: AgentRun) -> None:
    nothing_happens(_of_multi_run(attempted, synthesis))


def _of_multi_run(attempted: list[AgentRun], synthesis: AgentRun) -> Iterator[Reply]:
    attempts = [Attempt(number=number, run=run, seconds=1) for number, run in enumerate(attempted, 1)]
    yield multi_run.working(attempts)
    yield multi_run.synthesizing(attempts, synthesis)
    yield multi_run.outcome(attempts, Ended(synthesis, 1), prefix="/codegen")
    yield multi_run.one_succeeded(attempts, attempts[0], seconds=1, prefix="/codegen")
    yield multi_run.none_succeeded(attempts, prefix="/codegen")


@given(HOSTILE)
@example(INDENTED)
@example(FENCED)
@example(f"Text.\n\n{INDENTED}")
def test_replies_with_foreign_text_only_show_it(words: str) -> None:
    nothing_happens(_with_words(words))


def _with_words(words: str) -> Iterator[Reply]:
    run = run_with("")
    link = RunPullRequest(id=1, title=words, url="https://codegen.com/pulls/1")
    error = UpstreamError(Service.CODEGEN, ErrorKind.INVALID, "create_run", 422, words)
    sentence = failures.describe(error)
    yield failures.upstream(error)
    yield config_texts.closed_by_invalid_config(words)
    yield config_texts.unreadable_config(words, error, retry="again")
    yield pull_requests.not_edited(run, link, words)
    yield confirm.kept("attempt 1", run, [("x", sentence), ("y", "")])
    yield multi_run.none_started([Attempt(number=1, problem=sentence)], reason=Reason.FAILED)
    for text in (
        config_texts.invalid_config_notice(words, [words, words], Fallback.NOTHING),
        config_texts.restricted_by_invalid_config(words),
        reasons.change_made("remove", run, words, login=words, via="the API"),
        ban_checks.refused(run, error, command="/codegen remove"),
    ):
        yield Reply(stage=Stage.FINISHED, text=text)
    settings = CheckSuiteSettings(
        check_retry_count=1,
        ignored_checks=(words,),
        check_retry_counts={words: 1},
        custom_prompts={words: words},
        high_priority_apps=(words,),
    )
    repository = Repository(id=1, name="shop", full_name=words, github_id="1", organization_id=1)
    yield checks.settings_reply(repository, settings, prefix="/codegen")
    check = FailedCheck(name=words, conclusion=words, url=words, excerpt=words, problem=sentence)
    yield analysis.not_started(Findings(sha="0" * 40, failed=(check, check), more=(words,), running=(words,)), error)


@given(HOSTILE)
@example(INDENTED)
def test_replies_with_a_log_only_show_it(words: str) -> None:
    entry = LogEntry(
        agent_run_id=1, tool_name=words, message_type="ERROR", thought=words, observation={words: [words, {"a": words}]}
    )
    answer = entry.model_copy(update={"message_type": "FINAL_ANSWER"})
    nothing_happens(
        logs.logs_reply(run_with(""), Trace(entries, len(entries)), last=2, prefix="/codegen")
        for entries in ([entry], [entry, answer])
    )
