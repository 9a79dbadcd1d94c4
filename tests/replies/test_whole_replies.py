"""Whole replies made of hostile answers of Codegen's, as GitHub renders them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from hypothesis import example, given
from hypothesis import strategies as st

from bot.codegen.models import AgentRun, CheckSuiteSettings, LogEntry, Repository, RunPullRequest
from bot.commands.comment_parser import read
from bot.errors import ErrorKind, Service, UpstreamError
from bot.replies import (
    analysis,
    checks,
    config_texts,
    failures,
    list_runs,
    logs,
    multi_run,
    pull_requests,
    reasons,
    run_pull_request,
    runs,
    setup_commands,
    stars,
)
from bot.replies.analysis import FailedCheck, Findings
from bot.replies.config_texts import Holds
from bot.replies.markers import Stage
from bot.replies.multi_run import Attempt, Closing
from bot.replies.reason import Reason
from bot.replies.reply import Reply, render
from bot.replies.trace import Trace
from bot.store.models import Star
from tests.replies.rendering import effects
from tests.replies.test_untrusted import HOSTILE

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
    yield runs.working(run, seconds=1)
    yield runs.outcome(run, seconds=1, prefix="/codegen")
    yield runs.status(run, seconds=1, prefix="/codegen")
    yield setup_commands.outcome(run, "octo/shop", seconds=1, prefix="/codegen")
    yield analysis.sandbox_analysed(run, 1, seconds=1, prefix="/codegen")
    yield logs.logs(run, Trace([], 0), last=1, prefix="/codegen")
    yield pull_requests.how_to_stop(run, prefix="/codegen")
    yield pull_requests.banned(run, failed=[], prefix="/codegen")
    yield stars.all_starred([Star(run_id=run.id, login="bob", at=NOW)], {run.id: run}, now=NOW, prefix="/codegen")
    listed = list_runs.Listed(whose="This repository", status=None, found=2, is_all=True, has_more=False)
    yield list_runs.latest_runs([run, run], listed=listed, here=[], asked_by={}, now=NOW, prefix="/codegen")


@given(st.lists(RUNS, min_size=1, max_size=3), RUNS)
@example([run_with(FENCED, status="FAILED")], run_with(""))
@example([run_with(INDENTED)], run_with(INDENTED, status="FAILED"))
def test_replies_about_a_multi_run_only_show_it(attempted: list[AgentRun], synthesis: AgentRun) -> None:
    nothing_happens(_of_multi_run(attempted, synthesis))


def _of_multi_run(attempted: list[AgentRun], synthesis: AgentRun) -> Iterator[Reply]:
    attempts = [Attempt(number=number, run=run, seconds=1) for number, run in enumerate(attempted, 1)]
    yield multi_run.working(attempts)
    yield multi_run.synthesising(attempts, synthesis)
    yield multi_run.outcome(attempts, synthesis, seconds=1, prefix="/codegen")
    yield multi_run.one_succeeded(attempts, attempts[0], seconds=1, prefix="/codegen")
    yield multi_run.none_succeeded(attempts, prefix="/codegen")


@given(HOSTILE)
@example(INDENTED)
@example(FENCED)
@example(f"Text.\n\n{INDENTED}")
def test_replies_with_words_of_others_only_show_them(words: str) -> None:
    nothing_happens(_with_words(words))


def _with_words(words: str) -> Iterator[Reply]:
    run = run_with("")
    link = RunPullRequest(id=1, title=words, url="https://codegen.com/pulls/1")
    error = UpstreamError(Service.CODEGEN, ErrorKind.INVALID, "create_run", 422, words)
    sentence = failures.sentence(error)
    yield failures.upstream(error)
    yield config_texts.closed_by_mistake(words)
    yield config_texts.unread(words, error, again="again")
    yield pull_requests.not_edited(run, link, words)
    yield multi_run.kept("attempt 1", run, [Closing(link="x", problem=sentence), Closing(link="y")])
    yield multi_run.none_started([Attempt(number=1, problem=sentence)], reason=Reason.FAILED)
    for text in (
        config_texts.config_is_wrong(words, [words, words], Holds.NOTHING),
        config_texts.restricted_by_mistake(words),
        reasons.reason_given("remove", run, words),
        run_pull_request.refused_without(run, error, command="close", prefix="/codegen"),
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
    yield checks.shown(repository, settings, prefix="/codegen")
    check = FailedCheck(name=words, conclusion=words, url=words, excerpt=words, problem=sentence)
    yield analysis.not_asked(Findings(sha="0" * 40, failed=(check, check), more=(words,), running=(words,)), error)


@given(HOSTILE)
@example(INDENTED)
def test_replies_with_a_log_only_show_it(words: str) -> None:
    entry = LogEntry(
        agent_run_id=1, tool_name=words, message_type="ERROR", thought=words, observation={words: [words, {"a": words}]}
    )
    answer = entry.model_copy(update={"message_type": "FINAL_ANSWER"})
    nothing_happens(
        logs.logs(run_with(""), Trace(entries, len(entries)), last=2, prefix="/codegen")
        for entries in ([entry], [entry, answer])
    )
