"""Whatever a repository, a label or a person is called: the request goes where it was meant to go, or nowhere."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import ErrorKind, UpstreamError
from bot.github.auth import AppAuth
from bot.github.client import GitHub
from bot.github.hooks import DeliveryLog
from bot.github.models import Label, is_repository
from bot.github.session import OpenSession
from bot.github.transport import Endpoint
from tests.github.scripted_server import Script

IMPOSSIBLE = [
    "../../../user",
    "octo/..",
    "octo/.",
    "../shop",
    "octo",
    "octo/shop/issues",
    "octo/shop?x",
    "octo/shop#1",
    "octo/%2e%2e",
    "octo//shop",
    "/shop",
    "octo/",
    "-octo/shop",
    "octo/shop\n",
    "oct\u00f6/shop",
    f"{'o' * 40}/shop",
    f"octo/{'s' * 101}",
]

CALLS: dict[str, Callable[[GitHub, str], Awaitable[object]]] = {
    "labels": lambda github, repository: github.labels(repository, 2),
    "add_labels": lambda github, repository: github.add_labels(repository, 2, ["a"]),
    "comment": lambda github, repository: github.comment(repository, 2, "a"),
    "permission": lambda github, repository: github.permission(repository, "alice"),
    "file": lambda github, repository: github.file(repository, "a.yml"),
    "job_log": lambda github, repository: github.job_log(repository, 7),
    "redeliver": lambda github, repository: github.hooks.redeliver(DeliveryLog(repository, 1), 7),
}


@pytest.mark.parametrize(
    "name", ["octo/shop", "Octo-Org/.github", "octo_corp/a.b-c_d", "o/s", f"{'o' * 39}/{'s' * 100}"]
)
def test_is_repository_possible_names(name: str) -> None:
    assert is_repository(name)


@pytest.mark.parametrize("name", IMPOSSIBLE)
def test_is_repository_impossible_names(name: str) -> None:
    assert not is_repository(name)


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS.keys())
@pytest.mark.parametrize("name", ["../../../user", "octo/.."])
async def test_client_impossible_repository_sends_nothing(
    script: Script, github: GitHub, name: str, call: Callable[[GitHub, str], Awaitable[object]]
) -> None:
    with pytest.raises(UpstreamError) as refused:
        await call(github, name)

    assert refused.value.kind is ErrorKind.INVALID
    assert refused.value.detail.endswith("; nothing was sent")
    assert script.requests == []


async def test_app_impossible_repository_sends_nothing(script: Script, session: OpenSession, private_key: str) -> None:
    github = GitHub(session, AppAuth("1", private_key), base_url=script.url)

    with pytest.raises(UpstreamError, match="this is not a valid repository name"):
        await github.default_branch("../../app")

    assert script.requests == []


@pytest.mark.parametrize("name", ["..", ".", ""])
async def test_remove_label_unsendable_name_sends_nothing(script: Script, github: GitHub, name: str) -> None:
    with pytest.raises(UpstreamError, match="this name cannot be part of an address"):
        await github.remove_label("octo/shop", 2, name)

    assert script.requests == []


async def test_remove_label_odd_name_stays_one_segment(script: Script, github: GitHub) -> None:
    await github.remove_label("octo/shop", 2, "../../../../user?a#b")

    assert script.asked() == ["DELETE /repos/octo/shop/issues/2/labels/..%2F..%2F..%2F..%2Fuser%3Fa%23b"]


async def test_create_label_odd_name_is_looked_for_as_it_is(script: Script, github: GitHub) -> None:
    with pytest.raises(UpstreamError):
        await github.create_label("octo/shop", Label("a/b", "ffffff", ""))

    assert script.asked() == ["POST /repos/octo/shop/labels"]


@given(st.text())
def test_address_of_any_name_stays_below_repos(name: str) -> None:
    repository = name or ".."
    with suppress(UpstreamError):
        assert Endpoint("labels", repository, ("labels",)).url == f"/repos/{repository}/labels"
        assert is_repository(repository)
