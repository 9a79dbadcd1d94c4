"""What GitHub sends back counts once, within an hour, and only where it was asked for here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from bot.emulator.github import GitHubEmulator
from bot.errors import UserError
from bot.setup.flow import ManifestFlow
from bot.setup.plan import Plan, plan
from bot.setup.states import LASTS, MOST, CsrfStates

REDIRECT = "http://127.0.0.1:9/created"
NO_FORM = "This answer belongs to no form that was opened here within the last hour."


class Clock:
    """Seconds, moved by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


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
    offer = flow.offer(wanted, redirect_url=REDIRECT)
    (state,) = parse_qs(urlsplit(offer.action).query)["state"]
    return state


def code_for(github: GitHubEmulator, name: str = "Robot") -> str:
    """As GitHub gives it when a person has pressed the button."""
    manifest = {"name": name, "url": "https://b.example.com", "hook_attributes": {"url": "https://b.example.com/hook"}}
    return github.manifests.create(manifest, owner="octo", base=github.url)[1]


async def refusal(flow: ManifestFlow, code: str, state: str) -> str:
    with pytest.raises(UserError) as refused:
        await flow.finish(code=code, state=state)
    return refused.value.text


async def test_a_code_is_changed_for_the_app(github: GitHubEmulator, flow: ManifestFlow, wanted: Plan) -> None:
    made = await flow.finish(code=code_for(github), state=state_of(flow, wanted))
    assert (made.app.name, made.app.owner, made.plan) == ("Robot", "octo", wanted)
    assert made.app.install_url == f"{github.url}/apps/robot/installations/new"
    assert made.app.private_key.startswith("-----BEGIN RSA PRIVATE KEY-----")
    assert "PRIVATE" not in repr(made)
    assert made.app.webhook_secret not in repr(made)
    (entry,) = github.control.journal
    assert (entry.method, entry.path.startswith("/api/v3/app-manifests/")) == ("POST", True)


@pytest.mark.parametrize("state", ["", "made-up", "é"])
async def test_a_forged_state_changes_nothing(
    github: GitHubEmulator, flow: ManifestFlow, wanted: Plan, state: str
) -> None:
    right = state_of(flow, wanted)
    assert (await refusal(flow, code_for(github), state)).startswith(NO_FORM)
    assert github.control.journal == []
    assert (await flow.finish(code=code_for(github, "Another"), state=right)).app.name == "Another"


async def test_a_state_counts_once(github: GitHubEmulator, flow: ManifestFlow, wanted: Plan) -> None:
    state = state_of(flow, wanted)
    assert (await refusal(flow, "no-code-of-githubs", state)).startswith("GitHub does not know the code")
    assert (await refusal(flow, code_for(github), state)).startswith(NO_FORM)


async def test_a_state_lasts_an_hour(github: GitHubEmulator, flow: ManifestFlow, clock: Clock, wanted: Plan) -> None:
    old, state = state_of(flow, wanted), state_of(flow, wanted)
    clock.now = LASTS - 1
    assert (await flow.finish(code=code_for(github), state=state)).app.name == "Robot"
    clock.now = LASTS
    assert (await refusal(flow, code_for(github, "Another"), old)).startswith(NO_FORM)


async def test_a_second_app_is_not_taken(github: GitHubEmulator, flow: ManifestFlow, wanted: Plan) -> None:
    first, second = state_of(flow, wanted), state_of(flow, wanted)
    await flow.finish(code=code_for(github), state=first)
    assert (await refusal(flow, code_for(github, "Another"), second)).startswith(NO_FORM)


async def test_a_code_that_was_used_is_reported(github: GitHubEmulator, flow: ManifestFlow, wanted: Plan) -> None:
    code = code_for(github)
    await github.manifests.convert(code)
    assert await refusal(flow, code, state_of(flow, wanted)) == (
        "GitHub does not know the code: it was used before, or is older than an hour. Begin again."
    )


async def test_an_answer_without_a_code_is_reported(flow: ManifestFlow, wanted: Plan) -> None:
    assert await refusal(flow, "", state_of(flow, wanted)) == "GitHub sent no code along. Begin again."


async def test_an_odd_code_stays_one_part_of_the_address(
    github: GitHubEmulator, flow: ManifestFlow, wanted: Plan
) -> None:
    await refusal(flow, "../../user?x=1#y", state_of(flow, wanted))
    (entry,) = github.control.journal
    assert (entry.path, entry.query, entry.status) == ("/api/v3/app-manifests/../../user?x=1#y/conversions", {}, 404)


async def test_an_app_whose_secrets_were_lost_on_the_way_can_be_mended(
    github: GitHubEmulator, flow: ManifestFlow, wanted: Plan
) -> None:
    github.control.fault(path="conversions$", action="drop", after_work=True)
    told = await refusal(flow, code_for(github), state_of(flow, wanted))
    assert "The App was made, but its secrets did not arrive here." in told
    assert f"{github.url}/organizations/octo/settings/apps, and begin again." in told
    assert (await flow.finish(code=code_for(github, "Another"), state=state_of(flow, wanted))).app.name == "Another"


async def test_a_github_that_is_not_reached_is_reported(flow: ManifestFlow) -> None:
    nowhere = plan(url="https://bot.example.com", github="http://127.0.0.1:9")
    told = await refusal(flow, "code", state_of(flow, nowhere))
    assert told.endswith("Does this machine reach http://127.0.0.1:9/api/v3? Begin again.")


async def test_an_app_without_a_secret_for_its_webhook_is_none(
    github: GitHubEmulator, flow: ManifestFlow, wanted: Plan
) -> None:
    manifest = {"name": "Deaf", "url": "https://bot.example.com"}
    code = github.manifests.create(manifest, owner="octo", base=github.url)[1]
    assert "no webhook secret" in await refusal(flow, code, state_of(flow, wanted))


def test_nobody_fills_the_memory_by_asking(clock: Clock) -> None:
    states: CsrfStates[int] = CsrfStates(clock)
    issued = [states.issue(number) for number in range(MOST + 1)]
    assert len({*issued}) == MOST + 1
    assert [states.take(issued[0]), states.take(issued[1]), states.take(issued[-1])] == [None, 1, MOST]


async def test_an_hour_later_github_has_forgotten_the_code(clock: Clock) -> None:
    passed = timedelta()
    async with GitHubEmulator(now=lambda: datetime(2026, 1, 1, tzinfo=UTC) + passed) as github:
        flow, code = ManifestFlow(clock=clock), code_for(github)
        passed = timedelta(hours=1)
        wanted = plan(url="https://bot.example.com", organization="octo", github=github.url)
        assert (await refusal(flow, code, state_of(flow, wanted))).startswith("GitHub does not know the code")
