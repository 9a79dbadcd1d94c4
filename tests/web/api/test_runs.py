"""Agent runs by HTTP."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from inline_snapshot import snapshot

from tests.harness.server import ALICE, BOB, ORG, ApiServer

RUN = f"{ORG}/agent/run"


async def test_create_run_passes_on_request(api_server: ApiServer) -> None:
    """The prompt is not changed; the temperature, which Codegen does not accept, goes into the metadata."""
    body = {"prompt": "Fix it.", "repo_id": "101", "model": "fast", "metadata": {"ticket": 7}, "temperature": 0.1}
    response = await api_server.post(RUN, body)

    assert (response.status, response.document["id"], response.document["status"]) == (200, 1, "PENDING")
    run = api_server.codegen.runs[1]
    assert (run.prompt, run.model) == ("Fix it.", "fast")
    assert run.metadata is not None
    assert (run.metadata["ticket"], run.metadata["temperature"]) == (7, 0.1)


async def test_created_run_has_author_and_no_temperature(api_server: ApiServer) -> None:
    by_api = await api_server.post(RUN, {"prompt": "# Fix it.\nAll of it."}, token=ALICE)
    by_page = await api_server.post(RUN, {"prompt": "Break it."}, token=BOB, X_Client="dashboard")
    assert (by_api.status, by_page.status) == (200, 200)

    bobs, alices = (await api_server.get(f"{ORG}/agent/runs")).document["items"]
    assert [(each["author"], each["title"]) for each in (alices, bobs)] == [
        ({"login": "alice"}, "Fix it."),
        ({"login": "bob"}, "Break it."),
    ]
    assert [each["metadata"]["codegen_bot"]["via"] for each in (alices, bobs)] == ["api", "dashboard"]
    assert "temperature" not in alices["metadata"]


async def test_runs_that_carry_no_metadata_have_author_and_title_too(api_server: ApiServer) -> None:
    """Codegen takes none with these operations: the bot's own database has them. Their results are no titles."""
    await api_server.post("/setup-commands", {"repo_id": 101}, token=BOB)
    await api_server.post("/sandbox/analyze-logs", {"sandbox_id": 5}, token=ALICE, X_Client="dashboard")
    api_server.codegen.finish(1, result="pip install .")
    api_server.codegen.finish(2, result="The disk was full.")

    expected = [(2, "Log analysis", "alice"), (1, "Set-up commands", "bob")]
    for query in ("", "?sort=-created_at&q=e"):
        listed = (await api_server.get(f"{ORG}/agent/runs{query}")).document["items"]
        assert [(run["id"], run["title"], run["author"]["login"]) for run in listed] == expected
    alone = (await api_server.get(f"{RUN}/2")).document
    assert alone["metadata"]["codegen_bot"]["via"] == "dashboard"
    found = (await api_server.get(f"{ORG}/agent/runs?author=bob")).document["items"]
    assert [run["id"] for run in found] == [1]


async def test_runs_are_found_by_author_and_part_of_repository(api_server: ApiServer) -> None:
    for token in (ALICE, BOB, ALICE):
        await api_server.post(RUN, {"prompt": "Fix it."}, token=token)
    api_server.codegen.finish(1, pull_request="octo/shop#1")
    api_server.codegen.start_elsewhere("Somebody's.")

    async def found(query: str) -> list[int]:
        return [run["id"] for run in (await api_server.get(f"{ORG}/agent/runs?{query}")).document["items"]]

    assert await found("author=alice") == [3, 1]
    assert await found("author=%40Alice&repo=octo") == [1]
    assert [await found(f"repo={part}") for part in ("SHOP", "o/s", "tools")] == [[1], [1], []]
    assert await found("q=bob") == [2]


async def test_same_key_creates_one_run(api_server: ApiServer) -> None:
    """Another key, or none, creates another run."""
    keys = ["a", "a", "b", None, None]
    response = [
        await api_server.post(RUN, {"prompt": "Fix it."}, **({"Idempotency_Key": key} if key else {})) for key in keys
    ]

    assert [each.document["id"] for each in response] == [1, 1, 2, 3, 4]


async def test_same_key_with_other_body_is_refused(api_server: ApiServer) -> None:
    first = await api_server.post(RUN, {"prompt": "Fix it."}, Idempotency_Key="a")
    other = await api_server.post(RUN, {"prompt": "Break it."}, Idempotency_Key="a")
    again = await api_server.post(RUN, {"prompt": "Fix it.", "temperature": None}, Idempotency_Key="a")

    assert (other.status, other.detail) == snapshot(
        (422, "This Idempotency-Key was used with a different body before.")
    )
    assert (again.status, again.document["id"]) == (200, first.document["id"])
    assert len(api_server.codegen.runs) == 1


async def test_key_is_per_caller(api_server: ApiServer) -> None:
    first = await api_server.post(RUN, {"prompt": "Fix it."}, Idempotency_Key="a")
    second = await api_server.post(RUN, {"prompt": "Fix it."}, token="sk-org1-other", Idempotency_Key="a")

    assert (first.document["id"], second.document["id"]) == (1, 2)


async def test_same_key_concurrently_creates_one_run(api_server: ApiServer) -> None:
    response = await asyncio.gather(
        *(api_server.post(RUN, {"prompt": "Fix it."}, Idempotency_Key="a") for _ in range(5))
    )

    assert {each.document["id"] for each in response} == {1}


async def test_run_with_lost_response_is_found(api_server: ApiServer) -> None:
    api_server.codegen.control.fault(path="/agent/run$", method="POST", action="drop", after_work=True)
    response = await api_server.post(RUN, {"prompt": "Fix it."})

    assert (response.status, response.document["id"], len(api_server.codegen.runs)) == (200, 1, 1)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "prompt"),
        ({"prompt": "  "}, "prompt"),
        ({"prompt": "x", "promt": "y"}, "promt"),
        ({"prompt": "x", "repo_id": "shop"}, "repo_id"),
        ({"prompt": "x", "temperature": 3}, "temperature"),
        ({"prompt": "x", "agent_type": "ro bot"}, "agent_type"),
        ({"prompt": "x", "images": ["http://x/y.png"]}, "images.0"),
    ],
)
async def test_invalid_field_is_named(api_server: ApiServer, body: dict[str, Any], field: str) -> None:
    response = await api_server.post(RUN, body)

    assert response.status == 422
    assert [error["field"] for error in response.document["errors"]] == [field]
    assert field in response.detail


async def test_quota_used_up(api_server: ApiServer) -> None:
    api_server.codegen.control.fault(path="/agent/run$", method="POST", status=402, body={"message": "Limit reached."})
    response = await api_server.post(RUN, {"prompt": "Fix it."})

    assert (response.status, response.detail) == snapshot(
        (402, "Codegen starts no more agent runs: the plan's runs are used up (402). Limit reached.")
    )


async def test_resume_run(api_server: ApiServer) -> None:
    await api_server.post(RUN, {"prompt": "Fix it."})
    api_server.codegen.finish(1)
    response = await api_server.post(f"{RUN}/1/resume", {"prompt": "Also the changelog."})

    assert (response.status, response.document["id"]) == (200, 1)
    assert (await api_server.get(f"{RUN}/1")).document["status"] == "RUNNING"
    (sent,) = [entry.body for entry in api_server.upstream("/agent/run/resume")]
    assert sent["prompt"] == "Also the changelog."


async def test_hundred_concurrent_run_requests_cost_one(caching_server: ApiServer) -> None:
    """For any of the newest hundred runs."""
    for _ in range(10):
        await caching_server.post(RUN, {"prompt": "Fix it."})
    response = await asyncio.gather(*(caching_server.get(f"{RUN}/{number % 10 + 1}") for number in range(100)))

    assert {each.status for each in response} == {200}
    assert [each.document["id"] for each in response[:3]] == [1, 2, 3]
    asked = [entry.path for entry in caching_server.codegen.control.journal if entry.method == "GET"]
    of_callers = [path for path in asked if path != "/v1/organizations/1/repos"]
    assert of_callers == ["/v1/organizations", "/v1/users/me", "/v1/organizations/1/agent/runs"]
    assert len(asked) - len(of_callers) == 1


async def test_old_run_is_read_singly(caching_server: ApiServer) -> None:
    for number in range(1, 121):
        caching_server.codegen.start_elsewhere(f"Number {number}")
    response = await asyncio.gather(*(caching_server.get(f"{RUN}/5") for _ in range(20)))

    assert {each.document["id"] for each in response} == {5}
    assert (len(caching_server.upstream("/agent/runs")), len(caching_server.upstream("/agent/run/5"))) == (1, 1)


async def test_change_invalidates_cache_of_caller(api_server: ApiServer) -> None:
    await api_server.post(RUN, {"prompt": "Fix it."})
    api_server.codegen.finish(1)
    assert (await api_server.get(f"{RUN}/1")).document["status"] == "COMPLETE"
    await api_server.post(f"{RUN}/1/resume", {"prompt": "Go on."})
    assert (await api_server.get(f"{RUN}/1")).document["status"] == "RUNNING"
    await api_server.post(RUN, {"prompt": "Another."})
    assert [run["id"] for run in (await api_server.get(f"{ORG}/agent/runs")).document["items"]] == [2, 1]


async def test_body_without_required_field_may_be_omitted(api_server: ApiServer) -> None:
    await api_server.post(RUN, {"prompt": "Fix it."})
    api_server.codegen.finish(1, pull_request="octo/shop#1")
    banned = await api_server.request("POST", f"{RUN}/1/ban-all-checks", token="sk-org1-caller")
    started = await api_server.request("POST", RUN, token="sk-org1-caller")

    assert (banned.status, started.status) == (200, 415)


async def test_missing_run(api_server: ApiServer) -> None:
    response = await api_server.get(f"{RUN}/99")

    assert (response.status, response.detail) == snapshot(
        (404, "Codegen did not find it (404). Agent run 99 not found.")
    )


async def test_ban_all_checks_posts_reason(api_server: ApiServer) -> None:
    """The label is updated, and the reason is posted on the pull request."""
    await api_server.post(RUN, {"prompt": "Fix it."})
    api_server.codegen.finish(1, pull_request="octo/shop#1")
    response = await api_server.post(f"{RUN}/1/ban-all-checks", {"reason": "Too eager, @octo/team."})

    assert response.status == 200
    assert api_server.github.labels(1) == ["codegen:ban-checks"]
    (comment,) = api_server.github.comments(1)
    assert comment.body == snapshot("""\
Codegen no longer reacts to the checks here ([run 1](https://codegen.com/agent/trace/1)), by `alice`, via the API. The reason given:

Too eager, @\u200bocto/team.\
""")
    assert f"https://github.com/octo/shop/pull/1#issuecomment-{comment.id}" in response.document["message"]

    response = await api_server.post(f"{RUN}/1/unban-all-checks", {})
    assert (response.status, api_server.github.labels(1)) == (200, [])
    assert len(api_server.github.comments(1)) == 1


async def test_remove_accepts_pull_request_of_run_only(api_server: ApiServer) -> None:
    await api_server.post(RUN, {"prompt": "Fix it."})
    api_server.codegen.finish(1, pull_request="octo/shop#1")
    wrong = await api_server.post(f"{RUN}/1/remove-codegen-from-pr", {"pr_number": 2})
    right = await api_server.post(f"{RUN}/1/remove-codegen-from-pr", {"pr_number": "1"})

    assert (wrong.status, wrong.detail) == (422, "pr_number is 2, which is none of run 1's pull requests.")
    assert right.status == 200
    assert len(api_server.upstream("/agent/run/remove-from-pr")) == 1


async def test_logs_are_paged(api_server: ApiServer) -> None:
    await api_server.post(RUN, {"prompt": "Fix it."})
    for number in range(150):
        api_server.codegen.add_log(1, thought=f"Number {number}")
    total = len(api_server.codegen.runs[1].logs)
    response = await api_server.get(f"{RUN}/1/logs?skip=100&limit=20")

    assert (response.status, len(response.document["logs"]), response.document["total_logs"]) == (200, 20, total)
    assert 'rel="next"' in response.headers["Link"]


async def test_setup_commands(api_server: ApiServer) -> None:
    body = {"repo_id": 101, "language": "Python", "framework": "Django", "prompt": "With uv."}
    response = await api_server.post("/setup-commands", body)

    assert (response.status, response.document["id"]) == (200, 1)
    (sent,) = [entry.body for entry in api_server.upstream("/setup-commands/generate")]
    assert sent["prompt"] == "With uv.\n\nLanguage: Python\n\nFramework: Django"


async def test_analyze_logs_redacts_logs_for_agent(api_server: ApiServer) -> None:
    logs = "export API_KEY=sk-abcdefghijklmnop\npip: no matching distribution"
    response = await api_server.post("/sandbox/analyze-logs", {"logs": logs, "context": "On a fresh machine."})

    assert (response.status, response.document["id"]) == (200, 1)
    prompt = api_server.codegen.runs[1].prompt
    assert "pip: no matching distribution" in prompt
    assert "On a fresh machine." in prompt
    assert "sk-abcdefghijklmnop" not in prompt


async def test_analyze_sandbox_by_id(api_server: ApiServer) -> None:
    response = await api_server.post("/sandbox/analyze-logs", {"sandbox_id": "5"})
    both = await api_server.post("/sandbox/analyze-logs", {"sandbox_id": 5, "logs": "x"})

    assert (response.status, response.document["id"]) == (200, 1)
    assert (both.status, both.document["errors"]) == (
        422,
        [{"field": "", "message": "must have exactly one of sandbox_id and logs"}],
    )


async def test_star_sets_label(api_server: ApiServer) -> None:
    await api_server.post(RUN, {"prompt": "Fix it."})
    api_server.codegen.finish(1, pull_request="octo/shop#1")
    on = await api_server.post("/starred-runs", {"agent_run_id": "1", "starred": True})

    assert (on.status, on.document) == (200, {"agent_run_ids": [1]})
    assert api_server.github.labels(1) == ["codegen:starred"]

    off = await api_server.post("/starred-runs", {"agent_run_id": 1, "starred": False})
    assert (off.document, api_server.github.labels(1)) == ({"agent_run_ids": []}, [])


async def test_star_of_missing_run(api_server: ApiServer) -> None:
    response = await api_server.post("/starred-runs", {"agent_run_id": 99, "starred": True})

    assert response.status == 404


@pytest.mark.parametrize("path", ["resume", "ban-all-checks"])
async def test_resume_with_same_key_is_sent_once(api_server: ApiServer, path: str) -> None:
    await api_server.post(RUN, {"prompt": "Fix it."})
    api_server.codegen.finish(1, pull_request="octo/shop#1")
    body = {"prompt": "Go on."} if path == "resume" else {}
    response = [await api_server.post(f"{RUN}/1/{path}", body, Idempotency_Key="a") for _ in range(3)]

    assert [each.status for each in response] == [200] * 3
    assert len(api_server.upstream("/agent/run/resume")) == (1 if path == "resume" else 0)


async def test_upstream_outage_is_reported(api_server: ApiServer) -> None:
    """After retries; the answer says whether it may have been done."""
    api_server.codegen.control.fault(path="/agent/run$", method="POST", status=500, body={"message": "Oops."}, times=50)
    response = await api_server.post(RUN, {"prompt": "Fix it."})

    assert (response.status, response.detail) == snapshot(
        (
            502,
            "Codegen failed (500). Oops. It may have been done anyway: check before you retry.",
        )
    )
