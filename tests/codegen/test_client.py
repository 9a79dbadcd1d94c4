"""Each method of the client does at Codegen what it says, and returns what it says."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from bot.codegen.client import CLOCK_SLACK, Codegen
from bot.codegen.models import MARK, AgentRun, CheckSuiteChange, OrganizationSettings, RunPullRequest, State, normalise
from bot.emulators.codegen import CodegenEmulator
from tests.codegen.conftest import PACE, TOKEN
from tests.harness.clock import Clock


def last_query(emulator: CodegenEmulator) -> dict[str, str]:
    return emulator.control.journal[-1].query


# Runs


async def test_create_run_with_all_parameters(codegen: Codegen, emulator: CodegenEmulator) -> None:
    run = await codegen.create_run(
        "Fix the flaky test",
        metadata={MARK: {"identity": "c-1"}},
        repo_id=101,
        model="fast",
        agent_type="claude_code",
        images=["data:image/png;base64,AA=="],
    )
    assert (run.id, run.organization_id, run.state, run.source_type) == (1, 1, State.QUEUED, "API")
    assert run.metadata == {MARK: {"identity": "c-1"}}
    assert run.created_at is not None
    assert run.created_at.tzinfo is not None
    there = emulator.runs[1]
    assert (there.prompt, there.repo_id, there.model, there.agent_type) == (
        "Fix the flaky test",
        101,
        "fast",
        "claude_code",
    )
    assert there.images == ["data:image/png;base64,AA=="]


async def test_create_run_omits_missing_parameters(codegen: Codegen, emulator: CodegenEmulator) -> None:
    """The organization's own choice of model and agent stands."""
    await codegen.create_run("Hello")
    assert emulator.control.journal[-1].body == {"prompt": "Hello"}


async def test_run_with_pull_request(codegen: Codegen, emulator: CodegenEmulator) -> None:
    await codegen.create_run("Fix the flaky test")
    emulator.finish(1, result="Done.", summary="Waits.", pull_request="octo/shop#12")
    run = await codegen.run(1)
    assert (run.finished, run.succeeded, run.result, run.summary) == (True, True, "Done.", "Waits.")
    (pull_request,) = run.github_pull_requests
    assert isinstance(pull_request, RunPullRequest)
    assert (pull_request.url, pull_request.head_branch_name) == (
        "https://github.com/octo/shop/pull/12",
        "codegen/run-1",
    )


async def test_runs_pages_are_requested_as_consumed(codegen: Codegen, emulator: CodegenEmulator) -> None:
    for _ in range(250):
        emulator.start_elsewhere("Hello")
    page = await codegen.runs_page(2)
    assert ([page.runs[0].id, page.runs[-1].id], page.total) == ([150, 51], 250)
    assert [run.id async for run in codegen.runs()] == [*range(250, 0, -1)]
    emulator.control.journal.clear()
    async for run in codegen.runs():
        if run.id == 150:
            break
    assert [entry.query["skip"] for entry in emulator.control.journal] == ["0", "100"]


async def test_runs_without_duplicates_when_one_begins(codegen: Codegen, emulator: CodegenEmulator) -> None:
    """It moves the older ones on by one place, over the end of a page."""
    for _ in range(150):
        emulator.start_elsewhere("Hello")
    seen = []
    async for run in codegen.runs():
        seen.append(run.id)
        if len(seen) == 50:
            emulator.start_elsewhere("Hello")
    assert seen == [*range(150, 0, -1)]


async def test_runs_by_user_and_source(codegen: Codegen, emulator: CodegenEmulator) -> None:
    emulator.start_elsewhere("Hello")
    await codegen.create_run("Hello")
    assert [run.id async for run in codegen.runs(source_type="API", user_id=1)] == [2]
    assert [run.id async for run in codegen.runs(user_id=2)] == []
    assert last_query(emulator)["user_id"] == "2"


async def test_find_run_by_identity(codegen: Codegen, emulator: CodegenEmulator) -> None:
    began = datetime.now(UTC)
    await codegen.create_run("Hello", metadata={MARK: {"identity": "c-1"}})
    await codegen.create_run("Hello", metadata={MARK: "of another form"})
    await codegen.create_run("Hello", metadata={"somebody": "else"})
    for _ in range(120):
        emulator.start_elsewhere("Hello")
    found = await codegen.find_run("c-1", since=began)
    assert found is not None
    assert found.id == 1
    assert await codegen.find_run("c-2", since=began) is None


async def test_find_run_older_than_command_is_none(codegen: Codegen, emulator: CodegenEmulator) -> None:
    """Somebody may have written the identity of a command to come into a run's metadata."""
    forged = emulator.start_elsewhere("Hello", metadata={MARK: {"identity": "c-1"}})

    later = forged.created_at + CLOCK_SLACK + timedelta(seconds=1)

    assert await codegen.find_run("c-1", since=later) is None


async def test_find_run_stops_at_older_runs(codegen: Codegen, emulator: CodegenEmulator, clock: Clock) -> None:
    """But those within the two clocks' difference are."""
    await codegen.create_run("Hello", metadata={MARK: {"identity": "c-1"}})
    for _ in range(300):
        emulator.start_elsewhere("Hello")
    created = (await codegen.run(1)).created_at
    assert created is not None
    assert await codegen.find_run("c-1", since=created + CLOCK_SLACK) is not None
    emulator.control.journal.clear()
    assert await codegen.find_run("c-1", since=created + CLOCK_SLACK + timedelta(minutes=1)) is None
    assert len(emulator.control.journal) == 1


async def test_resume_run(codegen: Codegen, emulator: CodegenEmulator) -> None:
    await codegen.create_run("Fix the flaky test")
    emulator.finish(1)
    run = await codegen.resume_run(1, "Now the docs", images=["data:image/png;base64,AA=="])
    assert run.id == 1
    assert emulator.runs[1].prompts == ["Fix the flaky test", "Now the docs"]
    assert emulator.control.journal[-1].body["images"] == ["data:image/png;base64,AA=="]


async def test_ban_checks_unban_checks_remove_from_pr(codegen: Codegen, emulator: CodegenEmulator) -> None:
    await codegen.create_run("Fix the flaky test")
    emulator.open_pull_request(1, "octo/shop#12")
    await codegen.ban_checks(1)
    assert emulator.runs[1].flags == {"banned"}
    await codegen.unban_checks(1)
    assert emulator.runs[1].flags == set()
    await codegen.remove_from_pr(1)
    assert emulator.runs[1].flags == {"removed"}
    assert (await codegen.run(1)).state is State.CANCELLED


async def test_logs_page_slices_and_reverse(codegen: Codegen, emulator: CodegenEmulator, clock: Clock) -> None:
    await codegen.create_run("Fix the flaky test")
    clock.advance(PACE)
    page = await codegen.logs_page(1, skip=1, limit=2)
    assert ([entry.thought for entry in page.logs], page.total_logs) == (["I look around.", "I read the code."], 7)
    newest = await codegen.logs_page(1, limit=1, reverse=True)
    assert newest.logs[0].message_type == "FINAL_ANSWER"
    assert newest.status == "COMPLETE"


# People, organizations, repositories


async def test_me_user_and_users(codegen: Codegen) -> None:
    me = await codegen.me()
    assert (me.id, me.github_username, me.role) == (1, "alice", "ADMIN")
    assert await codegen.user(1) == me
    assert [user.github_username for user in await codegen.users()] == ["alice", "bob", "carol"]


async def test_organizations_and_repositories(codegen: Codegen) -> None:
    (organization,) = await codegen.organizations()
    assert (organization.id, organization.name, organization.settings) == (1, "Octo", OrganizationSettings())
    assert [(repo.id, repo.full_name) for repo in await codegen.repositories()] == [
        (101, "octo/shop"),
        (102, "octo/docs"),
    ]
    integrations = await codegen.integrations()
    assert integrations.total_active_integrations == 1
    assert [each.integration_type for each in integrations.integrations if each.active] == ["github"]


async def test_users_of_all_pages() -> None:
    names = [f"repo-{number}" for number in range(250)]

    def answer(request: httpx.Request) -> httpx.Response:
        skip, limit = int(request.url.params["skip"]), int(request.url.params["limit"])
        items = [
            {"id": number, "name": name, "full_name": name, "github_id": "1", "organization_id": 1}
            for number, name in enumerate(names)
        ][skip : skip + limit]
        return httpx.Response(200, json={"items": items, "total": 250, "page": 1, "size": limit, "pages": 3})

    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as http:
        codegen = Codegen(TOKEN, org_id=1, http=http)
        assert [repo.name for repo in await codegen.repositories()] == names


async def test_update_check_suite_settings_in_part(codegen: Codegen) -> None:
    before = await codegen.check_suite_settings(101)
    await codegen.update_check_suite_settings(101, CheckSuiteChange(check_retry_count=0, ignored_checks=["lint"]))
    after = await codegen.check_suite_settings(101)
    assert after == before.model_copy(update={"check_retry_count": 0, "ignored_checks": ("lint",)})


# What Codegen does beyond runs


async def test_setup_commands_and_log_analysis_start_runs(codegen: Codegen, emulator: CodegenEmulator) -> None:
    commands = await codegen.generate_setup_commands(101, prompt="Use uv")
    assert (commands.agent_run_id, commands.status) == (1, "PENDING")
    assert emulator.runs[1].prompt == "Use uv"
    analysis = await codegen.analyze_sandbox_logs(7)
    assert analysis.agent_run_id == 2


async def test_edit_pull_request(codegen: Codegen, emulator: CodegenEmulator) -> None:
    await codegen.create_run("Fix the flaky test")
    emulator.open_pull_request(1, "octo/shop#12")
    number = (await codegen.run(1)).github_pull_requests[0].id
    edited = await codegen.edit_pull_request(number, "draft")
    assert (edited.success, edited.number, edited.state) == (True, 12, "draft")
    edited = await codegen.edit_pull_request(number, "closed")
    assert (edited.success, edited.state) == (True, "closed")
    unknown = await codegen.edit_pull_request(12, "open")
    assert not unknown.success
    assert unknown.error


# How answers are read


@pytest.mark.parametrize(
    ("status", "state"),
    [
        ("PENDING", State.QUEUED),
        ("queued", State.QUEUED),
        ("ACTIVE", State.WORKING),
        ("RUNNING", State.WORKING),
        ("EVALUATION", State.WORKING),
        ("in_progress", State.WORKING),
        ("THINKING_VERY_HARD", State.WORKING),
        (None, State.WORKING),
        ("", State.WORKING),
        ("COMPLETE", State.SUCCEEDED),
        ("completed", State.SUCCEEDED),
        ("FAILED", State.FAILED),
        ("Error", State.FAILED),
        ("CANCELLED", State.CANCELLED),
        ("STOPPED", State.CANCELLED),
        ("TIMEOUT", State.TIMED_OUT),
        ("MAX_ITERATIONS_REACHED", State.MAX_ITERATIONS),
        ("max-iterations reached", State.MAX_ITERATIONS),
        ("OUT_OF_TOKENS", State.OUT_OF_TOKENS),
    ],
)
def test_normalise_any_spelling(status: str | None, state: State) -> None:
    assert normalise(status) is state
    assert state.finished == (state not in {State.QUEUED, State.WORKING})


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2027-01-15T08:00:00", datetime(2027, 1, 15, 8, tzinfo=UTC)),
        ("2027-01-15 08:00:00.000001+00:00", datetime(2027, 1, 15, 8, 0, 0, 1, tzinfo=UTC)),
        ("2027-01-15T10:00:00+02:00", datetime(2027, 1, 15, 8, tzinfo=UTC)),
        ("2027-01-15T08:00:00Z", datetime(2027, 1, 15, 8, tzinfo=UTC)),
        ("the day before yesterday", None),
        (None, None),
    ],
)
def test_run_created_at_in_any_form(text: Any, moment: datetime | None) -> None:
    assert AgentRun.model_validate({"id": 1, "organization_id": 1, "created_at": text}).created_at == moment


def test_models_accept_required_fields_only() -> None:
    run = AgentRun.model_validate({"id": 1, "organization_id": 1, "github_pull_requests": None, "new": "field"})
    assert (run.finished, run.github_pull_requests) == (False, ())
