"""As whom the bot speaks: a GitHub App's installations, and their tokens' lives."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from bot.errors import ErrorKind, SettingsError, UpstreamError
from bot.github.auth import AppAuth
from bot.github.client import GitHub
from bot.github.limits import ContentBudget
from bot.github.models import Permission, Person
from bot.github.session import OpenSession
from tests.github.scripted_server import NOW, Reply, Request, Script
from tests.harness.clock import Clock

SHOP = "octo/shop"
TOKENS = "/app/installations/1/access_tokens"
HOUR = 3600.0
LOOK_UP = "GET /repos/octo/shop/installation"
NEW_TOKEN = f"POST {TOKENS}"
READ = "GET /repos/octo/shop"


def tokens(clock: Clock) -> Callable[[Request], Reply]:
    """Each answer another token, good for an hour."""
    given = iter(range(1, 100))

    def answer(_request: Request) -> Reply:
        ends_at = datetime.fromtimestamp(clock.now + HOUR, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return Reply({"token": f"ghs_{next(given)}", "expires_at": ends_at}, status=201)

    return answer


@pytest.fixture
def auth(private_key: str, clock: Clock) -> AppAuth:
    return AppAuth("1", private_key, clock=clock)


@pytest.fixture
def github(session: OpenSession, script: Script, clock: Clock, auth: AppAuth) -> GitHub:
    """The client as an App that is installed in octo's account."""
    script.on("GET", "/repos/octo/shop/installation", Reply({"id": 1}))
    script.on("POST", TOKENS, tokens(clock))
    script.on("GET", "/repos/octo/shop", Reply({"default_branch": "main"}))
    return GitHub(
        session,
        auth,
        base_url=script.url,
        clock=clock,
        sleep=clock.sleep,
        new_budget=lambda: ContentBudget(clock=clock, sleep=clock.sleep),
    )


async def test_app_token_requested_with_jwt_and_cached(script: Script, github: GitHub, private_key: str) -> None:
    await github.default_branch(SHOP)
    await github.default_branch("Octo/Shop".lower())
    assert script.asked() == [LOOK_UP, NEW_TOKEN, READ, READ]
    key = serialization.load_pem_private_key(private_key.encode(), None).public_key()
    for request in script.requests[:2]:
        scheme, _, token = request.authorization.partition(" ")
        assert scheme == "bearer"
        claims: dict[str, Any] = jwt.decode(token, key, algorithms=["RS256"])  # type: ignore[arg-type]  # an RSA key
        assert claims["iss"] == "1"
        assert claims["exp"] - claims["iat"] <= 600
    assert [request.authorization for request in script.requests[2:]] == ["token ghs_1"] * 2


async def test_app_token_shared_by_repositories_of_installation(script: Script, github: GitHub) -> None:
    script.on("GET", "/repos/octo/till/installation", Reply({"id": 1}))
    script.on("GET", "/repos/octo/till", Reply({"default_branch": "trunk"}))
    await github.default_branch(SHOP)
    assert await github.default_branch("octo/till") == "trunk"
    assert script.asked().count(NEW_TOKEN) == 1


@pytest.mark.parametrize(("left", "asked"), [(301, 1), (299, 2), (-10, 2)])
async def test_app_token_renewed_five_minutes_before_expiry(
    script: Script, github: GitHub, clock: Clock, left: float, asked: int
) -> None:
    await github.default_branch(SHOP)
    clock.now = NOW + HOUR - left
    await github.default_branch(SHOP)
    assert script.asked().count(NEW_TOKEN) == asked
    assert script.requests[-1].authorization == f"token ghs_{asked}"


async def test_app_token_shared_by_concurrent_calls(script: Script, github: GitHub) -> None:
    assert await asyncio.gather(*(github.default_branch(SHOP) for _ in range(20))) == ["main"] * 20
    assert script.asked().count(LOOK_UP) == 1
    assert script.asked().count(NEW_TOKEN) == 1


async def test_app_token_request_cancelled_other_calls_succeed(script: Script, github: GitHub) -> None:
    first, second = (asyncio.create_task(github.default_branch(SHOP)) for _ in range(2))
    await asyncio.sleep(0)
    first.cancel()
    assert await second == "main"
    with pytest.raises(asyncio.CancelledError):
        await first


async def test_app_token_rejected_is_replaced_once(script: Script, github: GitHub) -> None:
    """Also for a write: what was refused with 401 was not done. And many who learn of it cause one new token."""
    script.on(
        "GET",
        "/repos/octo/shop",
        lambda request: (
            Reply({"default_branch": "main"})
            if request.authorization != "token ghs_1"
            else Reply({"message": "Bad credentials"}, status=401)
        ),
    )
    assert await asyncio.gather(*(github.default_branch(SHOP) for _ in range(5))) == ["main"] * 5
    assert script.asked().count(NEW_TOKEN) == 2


async def test_app_token_rejected_twice_is_an_error(script: Script, github: GitHub) -> None:
    script.on("GET", "/repos/octo/shop", Reply({"message": "Bad credentials"}, status=401))
    with pytest.raises(UpstreamError, match="Bad credentials") as caught:
        await github.default_branch(SHOP)
    assert caught.value.kind is ErrorKind.UNAUTHORIZED
    assert script.asked().count(READ) == 2


async def test_app_reinstalled_is_looked_up_again(script: Script, github: GitHub, clock: Clock) -> None:
    await github.default_branch(SHOP)
    clock.now += HOUR
    script.on("POST", TOKENS, Reply({"message": "Not Found"}, status=404))
    script.on("GET", "/repos/octo/shop/installation", Reply({"id": 2}))
    script.on("POST", "/app/installations/2/access_tokens", tokens(clock))
    assert await github.default_branch(SHOP) == "main"


async def test_permission_without_installation_is_an_error(script: Script, github: GitHub) -> None:
    """A 404 of the installation is an error; only one of the person means that they may nothing."""
    script.on("GET", "/repos/octo/shop/installation", Reply({"message": "Not Found"}, status=404))
    with pytest.raises(UpstreamError) as caught:
        await github.permission(SHOP, "dave")
    assert (caught.value.operation, caught.value.kind) == ("installation", ErrorKind.NOT_FOUND)
    script.on("GET", "/repos/octo/shop/installation", Reply({"id": 1}))
    assert await github.permission(SHOP, "dave") is Permission.NONE


async def test_app_token_renewal_fails_old_one_is_used(script: Script, github: GitHub, clock: Clock) -> None:
    await github.default_branch(SHOP)
    clock.now += HOUR - 120
    script.on("POST", TOKENS, Reply({"message": "Server Error"}, status=502))
    assert await github.default_branch(SHOP) == "main"
    assert script.requests[-1].authorization == "token ghs_1"


async def test_write_without_token_has_not_happened(script: Script, github: GitHub) -> None:
    script.on("POST", TOKENS, Reply({"message": "Server Error"}, status=502))
    with pytest.raises(UpstreamError) as caught:
        await github.comment(SHOP, 1, "hi")
    assert (caught.value.operation, caught.value.may_have_happened) == ("installation_token", False)


async def test_me_app_is_its_bot_account(script: Script, github: GitHub) -> None:
    script.on("GET", "/app", Reply({"slug": "codegen-bot"}))
    assert await github.me() == Person("codegen-bot[bot]", is_bot=True)
    assert script.requests[0].authorization.startswith("bearer ")


@pytest.mark.parametrize(
    "key", ["", "not a key", "-----BEGIN RSA PRIVATE KEY-----\nAAAA\n-----END RSA PRIVATE KEY-----"]
)
def test_app_auth_unusable_key_is_a_settings_error(key: str) -> None:
    with pytest.raises(SettingsError, match="GITHUB_PRIVATE_KEY"):
        AppAuth("1", key)


def test_app_auth_public_key_is_a_settings_error(private_key: str) -> None:
    public = serialization.load_pem_private_key(private_key.encode(), None).public_key()
    text = public.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    with pytest.raises(SettingsError, match="GITHUB_PRIVATE_KEY"):
        AppAuth("1", text.decode())


async def test_app_auth_repr_hides_tokens(auth: AppAuth, github: GitHub, script: Script) -> None:
    await github.default_branch(SHOP)
    assert "ghs_" not in repr(vars(auth)["_tokens"])
