"""The scripted server of models: what real agents rely on, without them."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from aiohttp import ClientSession, ServerDisconnectedError

from tests.harness.model_server import Drop, Edit, Fail, ModelServer, Read, Run, Say, Step, Write
from tests.harness.model_server.tools import Call, Tool, call_for

BASH = Tool("bash", {"properties": {"command": {"type": "string"}, "description": {"type": "string"}}})
EXEC = Tool("exec_command", {"properties": {"cmd": {"type": "string"}}})
ARRAY = Tool("shell", {"properties": {"command": {"type": "array"}}})
READ = Tool("read_file", {"properties": {"file_path": {"type": "string"}}})
WRITE = Tool("write_file", {"properties": {"file_path": {"type": "string"}, "content": {"type": "string"}}})
EDIT = Tool("edit", {"properties": {name: {"type": "string"} for name in ("filePath", "oldString", "newString")}})
STRICT = Tool(
    "run_shell_command",
    {
        "properties": {
            "command": {"type": "STRING"},
            "is_background": {"type": "BOOLEAN"},
            "timeout": {"type": "NUMBER", "minimum": 1},
            "mode": {"enum": ["quiet", "loud"]},
        },
        "required": ["command", "is_background", "timeout", "mode"],
    },
)

PATHS = {
    "chat": "/v1/chat/completions",
    "responses": "/v1/responses",
    "anthropic": "/v1/messages",
    "gemini": "/v1beta/models/m:generateContent",
    "gemini-stream": "/v1beta/models/m:streamGenerateContent",
}
SHELL = {"type": "object", "properties": {"command": {"type": "string"}}}
TOOLS: dict[str, list[dict[str, Any]]] = {
    "chat": [{"type": "function", "function": {"name": "bash", "parameters": SHELL}}],
    "responses": [{"type": "function", "name": "bash", "parameters": SHELL}],
    "anthropic": [{"name": "bash", "input_schema": SHELL}],
    "gemini": [{"functionDeclarations": [{"name": "bash", "parametersJsonSchema": SHELL}]}],
}
TOOLS["gemini-stream"] = TOOLS["gemini"]


@pytest.fixture
async def server() -> AsyncIterator[ModelServer]:
    async with ModelServer(key="right") as server:
        yield server


async def ask(server: ModelServer, api: str, *, key: str = "right", stream: bool = False) -> tuple[int, str]:
    body = {"model": "m", "tools": TOOLS[api], "stream": stream, "messages": ["hello"]}
    headers = {"x-api-key": key} if api == "anthropic" else {"Authorization": f"Bearer {key}"}
    async with ClientSession() as client, client.post(server.url + PATHS[api], json=body, headers=headers) as answer:
        return answer.status, await answer.text()


@pytest.mark.parametrize(
    ("step", "tools", "call"),
    [
        (Run("ls"), [WRITE, BASH], Call("bash", {"command": "ls"})),
        (Run("ls"), [EXEC], Call("exec_command", {"cmd": "ls"})),
        (Run("ls"), [ARRAY], Call("shell", {"command": ["bash", "-c", "ls"]})),
        (
            Run("ls"),
            [STRICT],
            Call("run_shell_command", {"command": "ls", "is_background": False, "timeout": 1, "mode": "quiet"}),
        ),
        (Read("/w/a"), [WRITE, READ, BASH], Call("read_file", {"file_path": "/w/a"})),
        (Read("/w/a b"), [BASH], Call("bash", {"command": "cat '/w/a b'"})),
        (Write("/w/a", "x"), [BASH, EDIT, WRITE], Call("write_file", {"file_path": "/w/a", "content": "x"})),
        (Write("/w/a", "x y"), [BASH], Call("bash", {"command": "printf %s 'x y' > /w/a"})),
        (
            Edit("/w/a", "x", "y"),
            [BASH, WRITE, EDIT],
            Call("edit", {"filePath": "/w/a", "oldString": "x", "newString": "y"}),
        ),
    ],
)
def test_call_for_chooses_the_tool_by_its_schema(step: Any, tools: list[Tool], call: Call) -> None:
    assert call_for(step, tools) == call


def test_call_for_without_a_shell_names_the_tools() -> None:
    with pytest.raises(LookupError, match="write_file"):
        call_for(Run("ls"), [WRITE])


@pytest.mark.parametrize("stream", [False, True])
@pytest.mark.parametrize("api", PATHS)
async def test_answer_has_call_then_text_then_done(server: ModelServer, api: str, *, stream: bool) -> None:
    server.script(Run("ls -l"), Say("All is well."))

    answers = [(await ask(server, api, stream=stream))[1] for _ in range(3)]

    assert "ls -l" in answers[0]
    assert "All is well." in answers[1]
    assert "Done." in answers[2]
    assert len(server.turns) == 3


@pytest.mark.parametrize("api", PATHS)
async def test_wrong_key_is_refused_and_takes_no_step(server: ModelServer, api: str) -> None:
    server.script(Say("Hello."))

    status, _ = await ask(server, api, key="wrong")
    _, text = await ask(server, api)

    assert status == 401
    assert "Hello." in text
    assert [request.key for request in server.requests] == ["wrong", "right"]


async def test_fail_is_repeated_as_often_as_it_says(server: ModelServer) -> None:
    server.script(Fail(429, times=2), Say("At last."))

    statuses = [(await ask(server, "chat"))[0] for _ in range(3)]

    assert statuses == [429, 429, 200]


@pytest.mark.parametrize("step", [Fail(500), Fail(404)])
async def test_fail_without_times_never_ends(server: ModelServer, step: Step) -> None:
    server.script(step, Say("Never."))

    answers = [await ask(server, "anthropic") for _ in range(3)]

    assert {status for status, _ in answers} == {step.status if isinstance(step, Fail) else 0}
    assert {json.loads(text)["type"] for _, text in answers} == {"error"}


async def test_drop_closes_the_connection(server: ModelServer) -> None:
    server.script(Drop())

    with pytest.raises(ServerDisconnectedError):
        await ask(server, "chat")
