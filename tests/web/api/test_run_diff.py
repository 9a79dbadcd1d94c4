"""A run's diff, cancelling a run, and keeping an attempt of a multi-run, by HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from inline_snapshot import snapshot

from bot.emulators.github.model import Thread
from tests.harness.server import ORG, ApiServer

RUN = f"{ORG}/agent/run"


async def pull_request(api_server: ApiServer, **files: str) -> Thread:
    given = {name.replace("__", "/").replace("_py", ".py"): text for name, text in files.items()}
    return await api_server.github.open_pull_request("bob", "Round once", "round-once", given)


def begin(api_server: ApiServer, *links: str, **metadata: Any) -> int:
    run = api_server.codegen.start_elsewhere("Fix it.", metadata=metadata).id
    for link in links:
        api_server.codegen.open_pull_request(run, link)
    return run


def read_pulls(api_server: ApiServer) -> int:
    return sum("/pulls" in entry.path for entry in api_server.github.control.journal)


async def test_diff_has_files_and_checks(api_server: ApiServer) -> None:
    thread = await pull_request(api_server, app__new_py="a = 1\nb = 2\n")
    run = begin(api_server, f"octo/shop#{thread.number}")

    response = await api_server.get(f"{RUN}/{run}/diff", token="sk-org1-alice")

    assert response.status == 200
    [found] = response.document["pull_requests"]
    assert {name: value for name, value in found.items() if name != "files"} == snapshot(
        {
            "url": "https://github.com/octo/shop/pull/3",
            "repository": "octo/shop",
            "number": 3,
            "title": "Round once",
            "state": "open",
            "is_draft": False,
            "head_branch": "round-once",
            "base_branch": "main",
            "additions": 2,
            "deletions": 0,
            "changed_files": 1,
            "checks": {"state": "none", "passed": 0, "failed": 0, "pending": 0},
            "is_cut": False,
            "problem": None,
        }
    )
    assert found["files"] == snapshot(
        [
            {
                "path": "app/new.py",
                "previous_path": None,
                "status": "added",
                "additions": 2,
                "deletions": 0,
                "patch": """\
@@ -0,0 +1,2 @@
+a = 1
+b = 2\
""",
                "is_cut": False,
            }
        ]
    )
    again = await api_server.get(f"{RUN}/{run}/diff", token="sk-org1-alice", If_None_Match=response.headers["ETag"])
    assert again.status == 304


async def test_diff_is_not_shown_without_read_access(api_server: ApiServer) -> None:
    """Also when another caller's request has just filled the cache."""
    api_server.github.world.private = True
    api_server.github.world.accounts["carol"].role = "none"
    thread = await pull_request(api_server, app__new_py="a = 1\n")
    run = begin(api_server, f"octo/shop#{thread.number}")
    await api_server.get(f"{RUN}/{run}/diff", token="sk-org1-alice")
    before = read_pulls(api_server)

    response = await api_server.get(f"{RUN}/{run}/diff", token="sk-org1-carol")

    assert read_pulls(api_server) == before
    [found] = response.document["pull_requests"]
    assert (found["files"], found["title"], found["repository"]) == ([], None, None)
    assert found["problem"] == snapshot(
        "Not shown: the GitHub account of your token is not known to have read access to its repository."
    )


async def test_diff_of_other_organization_is_not_shown(shared_server: ApiServer) -> None:
    """The server's GitHub account works for the server's own organization only."""
    thread = await pull_request(shared_server, app__new_py="a = 1\n")
    run = shared_server.codegen.start_elsewhere("Fix it.", org_id=2).id
    shared_server.codegen.open_pull_request(run, f"octo/shop#{thread.number}")

    response = await shared_server.get(f"/organizations/2/agent/run/{run}/diff", token="sk-org2-alice")

    assert (response.status, read_pulls(shared_server)) == (200, 0)
    assert response.document["pull_requests"][0]["files"] == []


async def test_diff_reads_github_once_for_all_callers(caching_server: ApiServer) -> None:
    thread = await pull_request(caching_server, app__new_py="a = 1\n")
    run = begin(caching_server, f"octo/shop#{thread.number}")

    for token in ("sk-org1-alice", "sk-org1-bob", "sk-org1-carol"):
        response = await caching_server.get(f"{RUN}/{run}/diff", token=token)
        assert response.document["pull_requests"][0]["additions"] == 1

    assert read_pulls(caching_server) == 2


async def test_diff_says_what_github_does_not_give(api_server: ApiServer) -> None:
    """The other pull requests are shown."""
    thread = await pull_request(api_server, app__new_py="a = 1\n")
    run = begin(api_server, "octo/shop#999", f"octo/shop#{thread.number}")

    response = await api_server.get(f"{RUN}/{run}/diff", token="sk-org1-alice")

    missing, shown = response.document["pull_requests"]
    assert missing["problem"] == snapshot("GitHub did not find it.")
    assert (shown["problem"], len(shown["files"])) == (None, 1)


async def test_long_patch_is_left_out(api_server: ApiServer) -> None:
    thread = await pull_request(api_server, app__long_py="x = 1\n" * 12_000, app__short_py="y = 1\n")
    run = begin(api_server, f"octo/shop#{thread.number}")

    response = await api_server.get(f"{RUN}/{run}/diff", token="sk-org1-alice")

    files = {each["path"]: each for each in response.document["pull_requests"][0]["files"]}
    assert (files["app/long.py"]["patch"], files["app/long.py"]["is_cut"]) == (None, True)
    assert files["app/long.py"]["additions"] == 12_000
    assert files["app/short.py"]["is_cut"] is False


async def test_secret_in_diff_is_redacted(api_server: ApiServer) -> None:
    thread = await pull_request(api_server, app__keys_py=f'KEY = "ghp_{"a1" * 18}"\n')
    run = begin(api_server, f"octo/shop#{thread.number}")

    response = await api_server.get(f"{RUN}/{run}/diff", token="sk-org1-alice")

    patch = response.document["pull_requests"][0]["files"][0]["patch"]
    assert "KEY" in patch
    assert "ghp_" not in patch


@pytest.mark.parametrize("ended", [True, False])
async def test_cancel_of_codegens_run_says_how(api_server: ApiServer, *, ended: bool) -> None:
    run = begin(api_server)
    if ended:
        api_server.codegen.finish(run)

    response = await api_server.post(f"{RUN}/{run}/cancel", {}, token="sk-org1-alice")

    assert response.status == 409
    assert ("already ended" in response.detail) is ended


async def test_keep_closes_the_others(api_server: ApiServer) -> None:
    for index in (1, 2, 3):
        begin(api_server, f"octo/shop#{index + 20}", multi_run_id="m-1", multi_run_index=index)
    begin(api_server, multi_run_id="another", multi_run_index=1)

    response = await api_server.post(f"{ORG}/multi-run/m-1/keep", {"attempt": 2}, token="sk-org1-alice")

    assert (response.status, response.document["message"]) == snapshot(
        (
            200,
            """\
Kept attempt 2, [run 2](https://codegen.com/agent/trace/2), with [octo/shop#22](https://github.com/octo/shop/pull/22).

Closed: [octo/shop#21](https://github.com/octo/shop/pull/21), [octo/shop#23](https://github.com/octo/shop/pull/23).\
""",
        )
    )
    closed = [entry.path for entry in api_server.codegen.control.journal if entry.method == "PATCH"]
    assert len(closed) == 2


@pytest.mark.parametrize(
    ("identity", "body", "status"),
    [
        ("nobody-knows", {"attempt": 1}, 404),
        ("m-1", {"attempt": 7}, 409),
        ("m-1", {}, 409),
        ("m-1", {"attempt": 0}, 422),
    ],
)
async def test_keep_of_what_does_not_exist(
    api_server: ApiServer, identity: str, body: dict[str, Any], status: int
) -> None:
    begin(api_server, multi_run_id="m-1", multi_run_index=1)

    response = await api_server.post(f"{ORG}/multi-run/{identity}/keep", body, token="sk-org1-alice")

    assert response.status == status
