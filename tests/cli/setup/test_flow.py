"""GitHub's redirect is valid once, within an hour, and only for a form that was opened here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from bot.cli.setup.flow import MOST_STATES, STATE_TTL, ManifestFlow
from bot.cli.setup.plan import Plan, plan
from bot.emulators.github import GitHubEmulator
from bot.errors import UserError
from tests.harness.clock import Clock

REDIRECT = "http://127.0.0.1:9/created"
NO_FORM = "This redirect does not belong to a form that was opened here within the last hour."


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def flow(clock: Clock) -> ManifestFlow:
    return ManifestFlow(clock=clock)


@pytest.fixture
def wanted(github: GitHubEmulator) -> Plan:
    return plan(url="https://bot.example.com", organization="octo", name="Robot", github=github.url)


def state_of(flow: ManifestFlow, wanted: Plan) -> str:
    form = flow.form(wanted, redirect_url=REDIRECT)
    (state,) = parse_qs(urlsplit(form.action).query)["state"]
    return state


def code_for(github: GitHubEmulator, name: str = "Robot") -> str:
    """As GitHub gives it when a person has pressed the button."""
    manifest = {"name": name, "url": "https://b.example.com", "hook_attributes": {"url": "https://b.example.com/hook"}}
    return github.manifests.create(manifest, owner="octo", base=github.url)[1]


async def refusal(flow: ManifestFlow, code: str, state: str) -> str:
    with pytest.raises(UserError) as refused:
        await flow.finish(code=code, state=state)
    return refused.value.text


async def test_finish_exchanges_code_for_app(github: GitHubEmulator, flow: ManifestFlow, wanted: Plan) -> None:
    created = await flow.finish(code=code_for(github), state=state_of(flow, wanted))
    assert (created.app.name, created.app.owner, created.plan) == ("Robot", "octo", wanted)
    assert created.app.install_url == f"{github.url}/apps/robot/installations/new"
    assert created.app.private_key.startswith("-----BEGIN RSA PRIVATE KEY-----")
    assert "PRIVATE" not in repr(created)
    assert created.app.webhook_secret not in repr(created)
    (entry,) = github.control.journal
    assert (entry.method, entry.path.startswith("/api/v3/app-manifests/")) == ("POST", True)


@pytest.mark.parametrize("state", ["", "made-up", "é"])
async def test_finish_refuses_forged_state(
    github: GitHubEmulator, flow: ManifestFlow, wanted: Plan, state: str
) -> None:
    right = state_of(flow, wanted)
    assert (await refusal(flow, code_for(github), state)).startswith(NO_FORM)
    assert github.control.journal == []
    assert (await flow.finish(code=code_for(github, "Another"), state=right)).app.name == "Another"


async def test_state_is_valid_once(github: GitHubEmulator, flow: ManifestFlow, wanted: Plan) -> None:
    state = state_of(flow, wanted)
    assert (await refusal(flow, "no-code-of-githubs", state)).startswith("GitHub does not know the code")
    assert (await refusal(flow, code_for(github), state)).startswith(NO_FORM)


async def test_state_expires_after_an_hour(
    github: GitHubEmulator, flow: ManifestFlow, clock: Clock, wanted: Plan
) -> None:
    old, state = state_of(flow, wanted), state_of(flow, wanted)
    clock.now = STATE_TTL - 1
    assert (await flow.finish(code=code_for(github), state=state)).app.name == "Robot"
    clock.now = STATE_TTL
    assert (await refusal(flow, code_for(github, "Another"), old)).startswith(NO_FORM)


async def test_finish_refuses_second_app(github: GitHubEmulator, flow: ManifestFlow, wanted: Plan) -> None:
    first, second = state_of(flow, wanted), state_of(flow, wanted)
    await flow.finish(code=code_for(github), state=first)
    assert (await refusal(flow, code_for(github, "Another"), second)).startswith(NO_FORM)


async def test_finish_with_used_code(github: GitHubEmulator, flow: ManifestFlow, wanted: Plan) -> None:
    code = code_for(github)
    await github.manifests.convert(code)
    assert await refusal(flow, code, state_of(flow, wanted)) == (
        "GitHub does not know the code: it was used before, or is older than an hour. Start again."
    )


async def test_finish_without_code(flow: ManifestFlow, wanted: Plan) -> None:
    assert await refusal(flow, "", state_of(flow, wanted)) == "GitHub sent no code. Start again."


async def test_code_is_escaped_in_the_url(github: GitHubEmulator, flow: ManifestFlow, wanted: Plan) -> None:
    await refusal(flow, "../../user?x=1#y", state_of(flow, wanted))
    (entry,) = github.control.journal
    assert (entry.path, entry.query, entry.status) == ("/api/v3/app-manifests/../../user?x=1#y/conversions", {}, 404)


async def test_finish_after_lost_response(github: GitHubEmulator, flow: ManifestFlow, wanted: Plan) -> None:
    github.control.fault(path="conversions$", action="drop", after_work=True)
    stderr = await refusal(flow, code_for(github), state_of(flow, wanted))
    assert "The App was created, but its secrets did not arrive here." in stderr
    assert f"{github.url}/organizations/octo/settings/apps, and start again." in stderr
    assert (await flow.finish(code=code_for(github, "Another"), state=state_of(flow, wanted))).app.name == "Another"


async def test_finish_with_unreachable_github(flow: ManifestFlow) -> None:
    nowhere = plan(url="https://bot.example.com", github="http://127.0.0.1:9")
    stderr = await refusal(flow, "code", state_of(flow, nowhere))
    assert stderr.endswith("Can this machine reach http://127.0.0.1:9/api/v3? Start again.")


async def test_finish_refuses_app_without_webhook_secret(
    github: GitHubEmulator, flow: ManifestFlow, wanted: Plan
) -> None:
    manifest = {"name": "Deaf", "url": "https://bot.example.com"}
    code = github.manifests.create(manifest, owner="octo", base=github.url)[1]
    assert "no webhook secret" in await refusal(flow, code, state_of(flow, wanted))


async def test_oldest_form_expires_if_too_many_are_open(flow: ManifestFlow, wanted: Plan) -> None:
    issued = [state_of(flow, wanted) for _ in range(MOST_STATES + 1)]
    assert len({*issued}) == MOST_STATES + 1
    assert (await refusal(flow, "", issued[0])).startswith(NO_FORM)
    for state in (issued[1], issued[-1]):
        assert await refusal(flow, "", state) == "GitHub sent no code. Start again."


async def test_code_expires_at_github(clock: Clock) -> None:
    passed = timedelta()
    async with GitHubEmulator(now=lambda: datetime(2026, 1, 1, tzinfo=UTC) + passed) as github:
        flow, code = ManifestFlow(clock=clock), code_for(github)
        passed = timedelta(hours=1)
        wanted = plan(url="https://bot.example.com", organization="octo", github=github.url)
        assert (await refusal(flow, code, state_of(flow, wanted))).startswith("GitHub does not know the code")
