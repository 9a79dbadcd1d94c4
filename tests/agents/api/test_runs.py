"""Runs of the agents' API: created, listed, resumed and stopped."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest
from inline_snapshot import snapshot

from bot.agents.api.responses import run_json
from bot.agents.log_writer import document_of
from bot.agents.model import LogEntry, MessageType
from bot.codegen.models import AgentRun, RunChanges, RunUsage
from bot.execution.phrases import run_link
from bot.storage.agent_models import Changes, Used
from bot.storage.agent_turns import AgentTurns, OpenedPullRequest, TurnEnd
from tests.agents.api.served import NOW, ORG, Served
from tests.codegen.test_requests_are_valid import IMAGE as PIXEL

MARK = {"identity": "c-1", "command": "run", "repository": "octo/shop", "number": 7, "login": "carol"}


def turns_of(api: Served) -> AgentTurns:
    return AgentTurns(api.api.store._engine, lease=10.0)  # noqa: SLF001 - the same database


def end_turn(api: Served, **end: Any) -> None:
    """A worker takes the next turn and ends it."""
    turns = turns_of(api)
    turn = turns.claim("w-1")
    assert turn is not None
    assert turns.finish(turn, TurnEnd(**{"status": "COMPLETE", "result": "Done.", **end}), worker="w-1", at=NOW)


def a_pull_request(number: int = 12) -> OpenedPullRequest:
    url = f"https://github.com/octo/shop/pull/{number}"
    return OpenedPullRequest(repository="octo/shop", number=number, title="Fix it", url=url, head_branch="codegen/1")


async def test_create_answers_the_run(api: Served) -> None:
    assert await api.create(metadata={"codegen_bot": MARK}) == snapshot(
        {
            "id": 1,
            "organization_id": 1,
            "status": "PENDING",
            "created_at": "2026-11-29T12:00:00+00:00",
            "web_url": "https://bot.example/runs/1",
            "result": None,
            "metadata": {
                "codegen_bot": {
                    "identity": "c-1",
                    "command": "run",
                    "repository": "octo/shop",
                    "number": 7,
                    "login": "carol",
                }
            },
            "summary": None,
            "source_type": "API",
            "github_pull_requests": [],
            "cancellable": True,
            "agent_type": "opencode",
            "model": None,
            "usage": {"input_tokens": None, "output_tokens": None, "cost": None, "is_estimated": False},
            "changes": None,
            "working_seconds": 0.0,
            "author": {"login": "alice"},
        }
    )
    assert api.turns == 1


async def test_run_without_page_has_an_empty_address(api: Served) -> None:
    """Null would mean Codegen's usual address."""
    run = await api.create()
    assert run_json(api.api.store.runs()[0][0], replace(api.api, web_url=lambda _: None)) == run | {"web_url": ""}
    assert run_link(AgentRun.model_validate(run | {"web_url": ""})) == "run 1"


async def test_create_queues_a_turn_with_all_it_needs(api: Served) -> None:
    await api.create(
        "Look", images=[PIXEL], model="qwen3-coder:30b", agent_type="MY_FIXER", metadata={"codegen_bot": MARK}
    )
    turn = turns_of(api).claim("w-1")
    assert turn is not None
    assert (turn.prompt, turn.images, turn.model, turn.agent) == ("Look", (PIXEL,), "qwen3-coder:30b", "my-fixer")
    assert (turn.repository, turn.pull_request, turn.login, turn.purpose) == ("octo/shop", None, "alice", "prompt")


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({"metadata": {"codegen_bot": {**MARK, "works_in": "octo/docs"}}}, ("octo/docs", None)),
        ({"metadata": {"codegen_bot": MARK, "a": 1}, "repo_id": 102}, ("octo/shop", None)),
        (
            {"metadata": {"codegen_bot": {**MARK, "url": "https://github.com/octo/shop/pull/7#issuecomment-1"}}},
            ("octo/shop", 7),
        ),
        (
            {"metadata": {"codegen_bot": {**MARK, "url": "https://github.com/octo/shop/pull/70"}}},
            ("octo/shop", None),
        ),
        ({"metadata": {"codegen_bot": "octo/shop"}}, (None, None)),
        ({"metadata": {"codegen_bot": {"repository": "../../x"}}}, (None, None)),
        ({"repo_id": 102}, ("octo/docs", None)),
        ({"prompt": "Fix the tests of https://github.com/octo/Docs.git."}, ("octo/docs", None)),
        ({"prompt": "Copy octo/docs to octo/shop"}, (None, None)),
    ],
)
async def test_create_finds_the_repository(
    api: Served, body: dict[str, Any], place: tuple[str | None, int | None]
) -> None:
    run = await api.create(**body)
    stored = api.api.store.run(run["id"])
    assert stored is not None
    assert (stored.repository, stored.pull_request) == place


async def test_create_takes_the_only_repository_there_is(api: Served) -> None:
    del api.account.known[1]
    run = await api.create()
    stored = api.api.store.run(run["id"])
    assert stored is not None
    assert stored.repository == "octo/shop"


@pytest.mark.parametrize(("agent_type", "agent"), [(None, "opencode"), ("", "opencode"), ("claude_code", "claude")])
async def test_create_chooses_the_agent(api: Served, agent_type: str | None, agent: str) -> None:
    await api.create(agent_type=agent_type)
    turn = turns_of(api).claim("w-1")
    assert turn is not None
    assert turn.agent == agent


async def test_create_with_unknown_agent_names_those_there_are(api: Served) -> None:
    answer = await api.call("POST", f"{ORG}/agent/run", {"prompt": "Hello", "agent_type": "gpt"})
    assert (api.status, answer) == snapshot(
        (
            422,
            {
                "detail": [
                    {
                        "type": "enum",
                        "loc": ["body", "agent_type"],
                        "msg": "There is no agent 'gpt'. There are: claude, codegen, my-fixer, opencode.",
                    }
                ]
            },
        )
    )


@pytest.mark.parametrize(
    ("body", "place", "words"),
    [
        ({}, ["body", "prompt"], "required"),
        ({"prompt": " \n"}, ["body", "prompt"], "the prompt is empty"),
        ({"prompt": 7}, ["body", "prompt"], "valid string"),
        ({"prompt": "Hi", "images": ["https://a.example/b.png"]}, ["body", "images", 0], "not a data URI"),
        ({"prompt": "Hi", "images": ["data:image/png;base64,AA=="]}, ["body", "images", 0], "neither PNG"),
        ({"prompt": "Hi", "images": ["data:image/png;base64,A"]}, ["body", "images", 0], "not base64"),
        ({"prompt": "Hi", "images": [PIXEL] * 21}, ["body", "images"], "at most 20"),
        ({"prompt": "Hi", "model": "--help"}, ["body", "model"], "match pattern"),
        ({"prompt": "Hi", "model": "a b"}, ["body", "model"], "match pattern"),
        ({"prompt": "Hi", "metadata": [1]}, ["body", "metadata"], "should be an object"),
        ({"prompt": "Hi", "metadata": {"a": "x" * 70_000}}, ["body", "metadata"], "more than 64 kB"),
        ({"prompt": "Hi", "repo_id": 2**63}, ["body", "repo_id"], "less than or equal"),
    ],
)
async def test_create_refuses_what_is_invalid(api: Served, body: Any, place: list[Any], words: str) -> None:
    answer = await api.call("POST", f"{ORG}/agent/run", body)
    assert api.status == 422
    [problem] = answer["detail"]
    assert problem["loc"] == place
    assert words in problem["msg"]
    assert (await api.call("GET", f"{ORG}/agent/runs"))["total"] == 0


async def test_create_refuses_deep_metadata(api: Served) -> None:
    deep: dict[str, Any] = {}
    for _ in range(60):
        deep = {"a": deep}
    await api.call("POST", f"{ORG}/agent/run", {"prompt": "Hi", "metadata": deep})
    assert api.status == 422


@pytest.mark.parametrize("content", [b"", b"{", b"null", b'{"prompt": "\\ud800"}', b"\xff", b"[" * 100_000])
async def test_create_refuses_what_is_no_json(api: Served, content: bytes) -> None:
    headers = {"Authorization": f"Bearer {api.alice}"}
    async with api.session.post(f"{api.url}{ORG}/agent/run", data=content, headers=headers) as response:
        assert response.status == 422
        assert (await response.json())["detail"][0]["loc"][0] == "body"


async def test_create_refuses_a_large_body(api: Served) -> None:
    headers = {"Authorization": f"Bearer {api.alice}"}
    content = io.BytesIO(b'{"prompt": "' + b"x" * (33 * 2**20))
    async with api.session.post(f"{api.url}{ORG}/agent/run", data=content, headers=headers) as response:
        assert (response.status, await response.json()) == (
            413,
            {"message": "The body is larger than 32 MB.", "status_code": 413},
        )


async def test_create_in_unknown_repository_is_not_found(api: Served) -> None:
    answer = await api.call("POST", f"{ORG}/agent/run", {"prompt": "Hi", "repo_id": 7})
    assert (api.status, answer["message"]) == (404, "The bot's GitHub account can reach no repository 7.")


async def test_image_gets_its_real_type(api: Served) -> None:
    await api.create(images=[PIXEL.replace("image/png", "image/jpeg")])
    turn = turns_of(api).claim("w-1")
    assert turn is not None
    assert turn.images == (PIXEL,)


async def test_list_is_newest_first_in_pages_with_filters(api: Served) -> None:
    for prompt in "abc":
        await api.create(prompt)
    await api.call("POST", f"{ORG}/agent/run", {"prompt": "d"}, token=api.bob)
    page = await api.call("GET", f"{ORG}/agent/runs", skip=1, limit=2)
    assert [run["id"] for run in page.pop("items")] == [3, 2]
    assert page == {"total": 4, "page": 1, "size": 2, "pages": 2}
    assert [run["id"] for run in (await api.call("GET", f"{ORG}/agent/runs", user_id=2))["items"]] == [4]
    assert (await api.call("GET", f"{ORG}/agent/runs", source_type="CHAT"))["total"] == 0
    assert (await api.call("GET", f"{ORG}/agent/runs", source_type="API"))["total"] == 4
    await api.call("GET", f"{ORG}/agent/runs", source_type="FAX")
    assert api.status == 422
    await api.call("GET", f"{ORG}/agent/runs", limit=101)
    assert api.status == 422


@pytest.mark.parametrize("path", ["agent/run/7", "agent/run/7/logs"])
async def test_unknown_run_is_not_found(api: Served, path: str) -> None:
    answer = await api.call("GET", f"{ORG}/{path}")
    assert (api.status, answer) == (404, {"message": "Agent run 7 not found.", "status_code": 404})


@pytest.mark.parametrize("action", ["ban", "unban", "remove-from-pr", "cancel", "resume"])
async def test_action_on_unknown_run_is_not_found(api: Served, action: str) -> None:
    await api.call("POST", f"{ORG}/agent/run/{action}", {"agent_run_id": 7, "prompt": "More"})
    assert api.status == 404


@pytest.mark.parametrize("number", ["x", "1.5", "²", "9" * 30])
async def test_id_that_is_no_number_is_invalid(api: Served, number: str) -> None:
    answer = await api.call("GET", f"{ORG}/agent/run/{number}")
    assert (api.status, answer["detail"][0]["loc"]) == (422, ["path", "agent_run_id"])


async def test_finished_run_shows_result_and_pull_request(api: Served) -> None:
    await api.create()
    end_turn(api, summary="Fixed.", pull_requests=[a_pull_request()])
    run = await api.call("GET", f"{ORG}/agent/run/1")
    assert (run["status"], run["result"], run["summary"], run["cancellable"]) == ("COMPLETE", "Done.", "Fixed.", False)
    assert run["github_pull_requests"] == [
        {
            "id": 1,
            "title": "Fix it",
            "url": "https://github.com/octo/shop/pull/12",
            "created_at": "2026-11-29T12:00:00+00:00",
            "head_branch_name": "codegen/1",
        }
    ]


async def test_resume_queues_the_next_turn(api: Served) -> None:
    await api.create()
    end_turn(api, session_id="s-1")
    run = await api.call("POST", f"{ORG}/agent/run/resume", {"agent_run_id": 1, "prompt": "Also the docs (c-2)"})
    assert (run["status"], run["result"]) == ("PENDING", None)
    turn = turns_of(api).claim("w-1")
    assert turn is not None
    assert (turn.number, turn.prompt, turn.session_id) == (2, "Also the docs (c-2)", "s-1")
    assert api.turns == 2


async def test_resume_while_it_works_waits(api: Served) -> None:
    await api.create()
    turns = turns_of(api)
    first = turns.claim("w-1")
    run = await api.call("POST", f"{ORG}/agent/run/resume", {"agent_run_id": 1, "prompt": "More"})
    assert run["status"] == "ACTIVE"
    assert turns.claim("w-1") is None
    assert first is not None
    turns.finish(first, TurnEnd(status="COMPLETE", result="Done."), worker="w-1", at=NOW)
    assert (await api.call("GET", f"{ORG}/agent/run/1"))["status"] == "PENDING"
    end_turn(api)
    assert (await api.call("GET", f"{ORG}/agent/run/1"))["status"] == "COMPLETE"


# Logs


@pytest.mark.parametrize("prefix", ["/v1/alpha/organizations/1", ORG])
async def test_logs_are_pages_in_either_direction(api: Served, prefix: str) -> None:
    await api.create("Go")
    entries = [
        document_of(LogEntry(message_type=MessageType.ACTION, created_at=NOW, thought=str(number)))
        for number in range(5)
    ]
    api.api.store.append_log(1, entries[:3], at=NOW)
    api.api.store.append_log(1, entries[3:], at=NOW)

    async def thoughts(**query: Any) -> list[str | None]:
        page = await api.call("GET", f"{prefix}/agent/run/1/logs", **query)
        assert (page["total_logs"], page["id"]) == (6, 1)
        return [entry["thought"] for entry in page["logs"]]

    assert await thoughts() == [None, "0", "1", "2", "3", "4"]
    assert await thoughts(skip=2, limit=2) == ["1", "2"]
    assert await thoughts(reverse="true", limit=2) == ["4", "3"]
    assert await thoughts(reverse="true", skip=4, limit=4) == ["0", None]
    assert await thoughts(skip=6) == []
    assert await thoughts(reverse="true", skip=6) == []
    assert (await api.call("GET", f"{prefix}/agent/run/1/logs", limit=1))["logs"] == [
        {
            "agent_run_id": 1,
            "created_at": "2026-11-29T12:00:00+00:00",
            "message_type": "USER_MESSAGE",
            "tool_name": None,
            "thought": None,
            "observation": "Go",
            "tool_input": None,
            "tool_output": None,
        }
    ]


async def test_prompt_is_logged_without_secrets_and_given_whole(api: Served) -> None:
    secret = "ghp_" + "a1B2" * 9
    await api.create(f"Use {secret}\x00")
    [entry] = (await api.call("GET", f"{ORG}/agent/run/1/logs"))["logs"]
    assert secret not in entry["observation"]
    turn = turns_of(api).claim("w-1")
    assert turn is not None
    assert turn.prompt == f"Use {secret}\ufffd"


# Stopping


async def stop(api: Served, action: str, run_id: int = 1) -> list[int]:
    answer = await api.call("POST", f"{ORG}/agent/run/{action}", {"agent_run_id": run_id})
    assert api.status == 200
    found: list[int] = answer["stopped_run_ids"]
    return found


async def status(api: Served, run_id: int = 1) -> str:
    return str((await api.call("GET", f"{ORG}/agent/run/{run_id}"))["status"])


@pytest.mark.parametrize(("action", "ends"), [("cancel", True), ("remove-from-pr", True), ("ban", False)])
async def test_waiting_run_without_pull_request(api: Served, action: str, *, ends: bool) -> None:
    await api.create()
    assert await stop(api, action) == ([1] if ends else [])
    assert await status(api) == ("CANCELLED" if ends else "PENDING")
    assert (turns_of(api).claim("w-1") is None) is ends


async def test_running_turn_is_told_to_stop(api: Served) -> None:
    await api.create()
    turns = turns_of(api)
    turn = turns.claim("w-1")
    assert turn is not None
    assert await stop(api, "cancel") == [1]
    assert await status(api) == "ACTIVE"
    assert turns.beat("w-1").cancelled == {turn.id}
    turns.finish(turn, TurnEnd(status="CANCELLED", result="Cancelled."), worker="w-1", at=NOW)
    assert await status(api) == "CANCELLED"
    assert await stop(api, "cancel") == []


async def test_resume_after_cancel_works_again(api: Served) -> None:
    await api.create()
    await stop(api, "cancel")
    await api.call("POST", f"{ORG}/agent/run/resume", {"agent_run_id": 1, "prompt": "Go on"})
    turn = turns_of(api).claim("w-1")
    assert turn is not None
    assert (turn.number, turn.cancel_wanted) == (2, False)


@pytest.mark.parametrize("action", ["ban", "remove-from-pr"])
async def test_agents_on_the_same_pull_request_are_stopped(api: Served, action: str) -> None:
    """1 has opened it, 2 was started on it, 3 works elsewhere."""
    await api.create(metadata={"codegen_bot": MARK})
    end_turn(api, pull_requests=[a_pull_request(12)])
    on_it = {**MARK, "number": 12, "url": "https://github.com/octo/shop/pull/12"}
    await api.create(metadata={"codegen_bot": on_it})
    await api.create(metadata={"codegen_bot": MARK})
    assert await stop(api, action) == [2]
    assert [await status(api, run_id) for run_id in (1, 2, 3)] == ["COMPLETE", "CANCELLED", "PENDING"]
    flags = [(run.checks_banned, run.removed) for run in api.api.store.runs()[0]]
    assert flags == [(False, False), (True, action != "ban"), (True, action != "ban")]
    await api.call("POST", f"{ORG}/agent/run/unban", {"agent_run_id": 2})
    assert not any(run.checks_banned or run.removed for run in api.api.store.runs()[0])


async def test_run_says_what_it_used_and_for_whom(api: Served) -> None:
    """The sums of its turns."""
    run = await api.create("Look", model="big", agent_type="my-fixer")
    assert run["agent_type"] == "my-fixer"
    assert (run["model"], run["author"], run["working_seconds"]) == ("big", {"login": "alice"}, 0.0)
    assert (run["usage"], run["changes"]) == (
        {"input_tokens": None, "output_tokens": None, "cost": None, "is_estimated": False},
        None,
    )
    end_turn(
        api, used=Used(input_tokens=100, output_tokens=7, cost=0.25), changes=Changes(files=2, additions=9, deletions=1)
    )
    await api.call("POST", "/v1/organizations/1/agent/run/resume", {"agent_run_id": 1, "prompt": "More"})
    end_turn(api, used=Used(input_tokens=10, cost=0.5, is_estimated=True))

    run = AgentRun.model_validate(await api.call("GET", "/v1/organizations/1/agent/run/1"))

    assert run.usage == RunUsage(input_tokens=110, output_tokens=7, cost=0.75, is_estimated=True)
    assert run.changes == RunChanges(files=2, additions=9, deletions=1)


async def test_mark_names_the_author_only_if_the_bot_wrote_it(api: Served) -> None:
    body = {"prompt": "Fix it", "metadata": {"codegen_bot": MARK}}
    for token, author in ((api.alice, {"login": "alice"}), (api.own, {"login": "carol"})):
        assert (await api.call("POST", f"{ORG}/agent/run", body, token=token))["author"] == author
    assert (await api.call("POST", f"{ORG}/agent/run", {"prompt": "Fix it"}, token=api.own))["author"] is None


async def test_unexpected_fields_of_a_run_are_not_known() -> None:
    run = AgentRun.model_validate(
        {"id": 1, "organization_id": 1, "agent_type": 7, "usage": "much", "changes": [], "author": {"name": "alice"}}
    )
    assert (run.agent_type, run.usage, run.changes, run.author) == (None, None, None, None)
