"""Agent runs by HTTP."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from inline_snapshot import snapshot

from tests.web.api.api_server import ORG, ApiServer

RUN = f"{ORG}/agent/run"


async def test_a_run_is_started_with_the_callers_words(api_server: ApiServer) -> None:
    """Nothing is put around them; the temperature, which Codegen does not take, is noted."""
    body = {"prompt": "Fix it.", "repo_id": "101", "model": "fast", "metadata": {"ticket": 7}, "temperature": 0.1}
    said = await api_server.post(RUN, body)

    assert (said.status, said.document["id"], said.document["status"]) == (200, 1, "PENDING")
    run = api_server.codegen.runs[1]
    assert (run.prompt, run.model) == ("Fix it.", "fast")
    assert run.metadata is not None
    assert (run.metadata["ticket"], run.metadata["temperature"]) == (7, 0.1)


async def test_the_same_key_starts_one_run(api_server: ApiServer) -> None:
    """Another key, or none, another one."""
    keys = ["a", "a", "b", None, None]
    said = [
        await api_server.post(RUN, {"prompt": "Fix it."}, **({"Idempotency_Key": key} if key else {})) for key in keys
    ]

    assert [each.document["id"] for each in said] == [1, 1, 2, 3, 4]


async def test_the_same_key_with_another_body_is_refused(api_server: ApiServer) -> None:
    first = await api_server.post(RUN, {"prompt": "Fix it."}, Idempotency_Key="a")
    other = await api_server.post(RUN, {"prompt": "Break it."}, Idempotency_Key="a")
    again = await api_server.post(RUN, {"prompt": "Fix it.", "temperature": 0.7}, Idempotency_Key="a")

    assert (other.status, other.detail) == snapshot(
        (422, "This Idempotency-Key was used with a different body before.")
    )
    assert (again.status, again.document["id"]) == (200, first.document["id"])
    assert len(api_server.codegen.runs) == 1


async def test_a_key_is_its_callers_own(api_server: ApiServer) -> None:
    first = await api_server.post(RUN, {"prompt": "Fix it."}, Idempotency_Key="a")
    second = await api_server.post(RUN, {"prompt": "Fix it."}, token="sk-org1-other", Idempotency_Key="a")

    assert (first.document["id"], second.document["id"]) == (1, 2)


async def test_the_same_key_at_the_same_moment_starts_one_run(api_server: ApiServer) -> None:
    said = await asyncio.gather(*(api_server.post(RUN, {"prompt": "Fix it."}, Idempotency_Key="a") for _ in range(5)))

    assert {each.document["id"] for each in said} == {1}


async def test_a_run_whose_answer_was_lost_is_found(api_server: ApiServer) -> None:
    api_server.codegen.control.fault(path="/agent/run$", method="POST", action="drop", after_work=True)
    said = await api_server.post(RUN, {"prompt": "Fix it."})

    assert (said.status, said.document["id"], len(api_server.codegen.runs)) == (200, 1, 1)


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "prompt"),
        ({"prompt": "  "}, "prompt"),
        ({"prompt": "x", "promt": "y"}, "promt"),
        ({"prompt": "x", "repo_id": "shop"}, "repo_id"),
        ({"prompt": "x", "temperature": 3}, "temperature"),
        ({"prompt": "x", "agent_type": "robot"}, "agent_type"),
        ({"prompt": "x", "images": ["http://x/y.png"]}, "images.0"),
    ],
)
async def test_a_field_that_does_not_fit_is_named(api_server: ApiServer, body: dict[str, Any], field: str) -> None:
    said = await api_server.post(RUN, body)

    assert said.status == 422
    assert [error["field"] for error in said.document["errors"]] == [field]
    assert field in said.detail


async def test_a_plan_that_is_used_up(api_server: ApiServer) -> None:
    api_server.codegen.control.fault(path="/agent/run$", method="POST", status=402, body={"message": "Limit reached."})
    said = await api_server.post(RUN, {"prompt": "Fix it."})

    assert (said.status, said.detail) == snapshot(
        (402, "Codegen starts no more agent runs: the plan's runs are used up (402). Limit reached.")
    )


async def test_a_run_is_resumed(api_server: ApiServer) -> None:
    await api_server.post(RUN, {"prompt": "Fix it."})
    api_server.codegen.finish(1)
    said = await api_server.post(f"{RUN}/1/resume", {"prompt": "Also the changelog."})

    assert (said.status, said.document["id"]) == (200, 1)
    assert (await api_server.get(f"{RUN}/1")).document["status"] == "RUNNING"
    (sent,) = [entry.body for entry in api_server.upstream("/agent/run/resume")]
    assert sent["prompt"] == "Also the changelog."


async def test_a_hundred_who_ask_for_runs_cost_one_request(api_server: ApiServer) -> None:
    """Whichever of the newest hundred runs they ask for."""
    for _ in range(10):
        await api_server.post(RUN, {"prompt": "Fix it."})
    said = await asyncio.gather(*(api_server.get(f"{RUN}/{number % 10 + 1}") for number in range(100)))

    assert {each.status for each in said} == {200}
    assert [each.document["id"] for each in said[:3]] == [1, 2, 3]
    asked = [entry.path for entry in api_server.codegen.control.journal if entry.method == "GET"]
    assert asked == ["/v1/organizations", "/v1/organizations/1/agent/runs"]


async def test_an_old_run_is_read_alone(api_server: ApiServer) -> None:
    for number in range(1, 121):
        api_server.codegen.start_elsewhere(f"Number {number}")
    said = await asyncio.gather(*(api_server.get(f"{RUN}/5") for _ in range(20)))

    assert {each.document["id"] for each in said} == {5}
    assert (len(api_server.upstream("/agent/runs")), len(api_server.upstream("/agent/run/5"))) == (1, 1)


async def test_whoever_changes_a_run_sees_it_changed(api_server: ApiServer) -> None:
    """What is kept for those who only look is forgotten."""
    await api_server.post(RUN, {"prompt": "Fix it."})
    api_server.codegen.finish(1)
    assert (await api_server.get(f"{RUN}/1")).document["status"] == "COMPLETE"
    await api_server.post(f"{RUN}/1/resume", {"prompt": "Go on."})
    assert (await api_server.get(f"{RUN}/1")).document["status"] == "RUNNING"
    await api_server.post(RUN, {"prompt": "Another."})
    assert [run["id"] for run in (await api_server.get(f"{ORG}/agent/runs")).document["items"]] == [2, 1]


async def test_a_body_may_be_left_out_where_nothing_has_to_stand_in_it(api_server: ApiServer) -> None:
    await api_server.post(RUN, {"prompt": "Fix it."})
    api_server.codegen.finish(1, pull_request="octo/shop#1")
    banned = await api_server.ask("POST", f"{RUN}/1/ban-all-checks", token="sk-org1-caller")
    started = await api_server.ask("POST", RUN, token="sk-org1-caller")

    assert (banned.status, started.status) == (200, 415)


async def test_a_run_that_is_not_there(api_server: ApiServer) -> None:
    said = await api_server.get(f"{RUN}/99")

    assert (said.status, said.detail) == snapshot(
        (404, "Codegen knows nothing of the kind (404). Agent run 99 not found.")
    )


async def test_banning_does_what_the_command_does_and_tells_the_reason(api_server: ApiServer) -> None:
    """The label follows, and the reason stands on the pull request."""
    await api_server.post(RUN, {"prompt": "Fix it."})
    api_server.codegen.finish(1, pull_request="octo/shop#1")
    said = await api_server.post(f"{RUN}/1/ban-all-checks", {"reason": "Too eager, @octo/team."})

    assert said.status == 200
    assert api_server.github.labels(1) == ["codegen:ban-checks"]
    (comment,) = api_server.github.comments(1)
    assert comment.body == snapshot("""\
Codegen was told not to react to the checks here ([run 1](https://codegen.com/agent/trace/1)), by the HTTP API. The reason given:

Too eager, @\u200bocto/team.\
""")
    assert f"https://github.com/octo/shop/pull/1#issuecomment-{comment.id}" in said.document["message"]

    said = await api_server.post(f"{RUN}/1/unban-all-checks", {})
    assert (said.status, api_server.github.labels(1)) == (200, [])
    assert len(api_server.github.comments(1)) == 1


async def test_removing_takes_only_a_pull_request_of_the_run(api_server: ApiServer) -> None:
    await api_server.post(RUN, {"prompt": "Fix it."})
    api_server.codegen.finish(1, pull_request="octo/shop#1")
    wrong = await api_server.post(f"{RUN}/1/remove-codegen-from-pr", {"pr_number": 2})
    right = await api_server.post(f"{RUN}/1/remove-codegen-from-pr", {"pr_number": "1"})

    assert (wrong.status, wrong.detail) == (422, "pr_number: 2 is none of run 1's pull requests.")
    assert right.status == 200
    assert len(api_server.upstream("/agent/run/remove-from-pr")) == 1


async def test_a_log_comes_in_parts(api_server: ApiServer) -> None:
    await api_server.post(RUN, {"prompt": "Fix it."})
    for number in range(150):
        api_server.codegen.add_log(1, thought=f"Number {number}")
    total = len(api_server.codegen.runs[1].logs)
    said = await api_server.get(f"{RUN}/1/logs?skip=100&limit=20")

    assert (said.status, len(said.document["logs"]), said.document["total_logs"]) == (200, 20, total)
    assert 'rel="next"' in said.headers["Link"]


async def test_set_up_commands(api_server: ApiServer) -> None:
    body = {"repo_id": 101, "language": "Python", "framework": "Django", "prompt": "With uv."}
    said = await api_server.post("/setup-commands", body)

    assert (said.status, said.document["id"]) == (200, 1)
    (sent,) = [entry.body for entry in api_server.upstream("/setup-commands/generate")]
    assert sent["prompt"] == "With uv.\n\nLanguage: Python\n\nFramework: Django"


async def test_logs_that_are_sent_go_to_an_agent_without_their_secrets(api_server: ApiServer) -> None:
    logs = "export API_KEY=sk-abcdefghijklmnop\npip: no matching distribution"
    said = await api_server.post("/sandbox/analyze-logs", {"logs": logs, "context": "On a fresh machine."})

    assert (said.status, said.document["id"]) == (200, 1)
    prompt = api_server.codegen.runs[1].prompt
    assert "pip: no matching distribution" in prompt
    assert "On a fresh machine." in prompt
    assert "sk-abcdefghijklmnop" not in prompt


async def test_a_sandbox_by_its_number(api_server: ApiServer) -> None:
    said = await api_server.post("/sandbox/analyze-logs", {"sandbox_id": "5"})
    both = await api_server.post("/sandbox/analyze-logs", {"sandbox_id": 5, "logs": "x"})

    assert (said.status, said.document["id"]) == (200, 1)
    assert (both.status, both.document["errors"]) == (
        422,
        [{"field": "", "message": "give exactly one of sandbox_id and logs"}],
    )


async def test_a_star_is_the_labels_too(api_server: ApiServer) -> None:
    await api_server.post(RUN, {"prompt": "Fix it."})
    api_server.codegen.finish(1, pull_request="octo/shop#1")
    on = await api_server.post("/starred-runs", {"agent_run_id": "1", "starred": True})

    assert (on.status, on.document) == (200, {"agent_run_ids": [1]})
    assert api_server.github.labels(1) == ["codegen:starred"]

    off = await api_server.post("/starred-runs", {"agent_run_id": 1, "starred": False})
    assert (off.document, api_server.github.labels(1)) == ({"agent_run_ids": []}, [])


async def test_a_star_on_a_run_that_is_not_there(api_server: ApiServer) -> None:
    said = await api_server.post("/starred-runs", {"agent_run_id": 99, "starred": True})

    assert said.status == 404


@pytest.mark.parametrize("path", ["resume", "ban-all-checks"])
async def test_a_follow_up_under_the_same_key_is_sent_once(api_server: ApiServer, path: str) -> None:
    await api_server.post(RUN, {"prompt": "Fix it."})
    api_server.codegen.finish(1, pull_request="octo/shop#1")
    body = {"prompt": "Go on."} if path == "resume" else {}
    said = [await api_server.post(f"{RUN}/1/{path}", body, Idempotency_Key="a") for _ in range(3)]

    assert [each.status for each in said] == [200] * 3
    assert len(api_server.upstream("/agent/run/resume")) == (1 if path == "resume" else 0)


async def test_an_outage_upstream_is_reported(api_server: ApiServer) -> None:
    """What can be tried again was tried again; the caller learns what to make of it."""
    api_server.codegen.control.fault(path="/agent/run$", method="POST", status=500, body={"message": "Oops."}, times=50)
    said = await api_server.post(RUN, {"prompt": "Fix it."})

    assert (said.status, said.detail) == snapshot(
        (
            502,
            "Codegen has a fault of its own, and trying again did not help (500). Oops. It may have been done anyway: check before you retry.",
        )
    )
