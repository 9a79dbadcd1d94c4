"""What the scripts about coding agents share: a model served on loopback, an ACP client, and how each agent is started.

Agents are started from `node_modules` in the current folder; their home, with its configuration, is made there as well.
"""  # noqa: INP001 - the scripts' probes import it by PYTHONPATH

from __future__ import annotations

import json
import os
import queue
import subprocess
import threading
import uuid
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Response = tuple[int, str, bytes]
"""Status, content type, body."""

EVENTS = "text/event-stream"


def model_server(answer: Callable[[str, bytes], Response]) -> str:
    """Serves a model at the address that it returns; answer(path, body) is called in a thread of its own."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, kind, data = answer(self.path, body)
            with suppress(OSError):  # a call that was cancelled meanwhile
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        def do_GET(self) -> None:
            self.do_POST()

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return f"http://127.0.0.1:{server.server_address[1]}"


def failure(status: int) -> Response:
    """The error of a model that fails with this status."""
    return status, "application/json", json.dumps({"error": {"message": "made up", "type": "server_error"}}).encode()


def completion(
    text: str | None = None,
    *,
    command: str | None = None,
    call: tuple[str, dict[str, Any]] | None = None,
    reason: str | None = None,
    prompt_tokens: int = 1,
    completion_tokens: int = 1,
) -> Response:
    """A chat completion as a stream: a text, a call of opencode's tool "bash" with this command, or a call of a tool.

    :param call: the tool's name and its arguments
    :param reason: the `finish_reason`, if not the usual one
    """
    delta: dict[str, Any] = {"role": "assistant", "content": text}
    if command is not None:
        call = "bash", {"command": command, "description": "one command"}
    if call is not None:
        function = {"name": call[0], "arguments": json.dumps(call[1])}
        tool_call = {"index": 0, "id": f"call_{uuid.uuid4().hex}", "type": "function", "function": function}
        delta = {"role": "assistant", "tool_calls": [tool_call]}
    reason = reason or ("stop" if call is None else "tool_calls")
    total = prompt_tokens + completion_tokens
    usage = {"prompt_tokens": prompt_tokens, "completion_tokens": completion_tokens, "total_tokens": total}
    chunk = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "fake"}
    chunks = [
        {**chunk, "choices": [{"index": 0, "delta": delta, "finish_reason": None}]},
        {**chunk, "choices": [{"index": 0, "delta": {}, "finish_reason": reason}], "usage": usage},
    ]
    return 200, EVENTS, "".join(f"data: {json.dumps(each)}\n\n" for each in chunks).encode() + b"data: [DONE]\n\n"


def one_command(command: str) -> Callable[[str, bytes], Response]:
    """A model that has opencode run this command at each prompt, and then says that it is done."""

    def answer(_path: str, body: bytes) -> Response:
        said = json.loads(body)
        has_run = said["messages"][-1]["role"] == "tool"
        if has_run or not said.get("tools"):
            return completion("Done.")
        return completion(command=command)

    return answer


def gemini_part(part: dict[str, Any], reason: str = "STOP") -> Response:
    """An answer of Gemini's API with one part, as a stream."""
    candidate = {"content": {"role": "model", "parts": [part]}, "finishReason": reason, "index": 0}
    usage = {"promptTokenCount": 1, "candidatesTokenCount": 1, "totalTokenCount": 2}
    data = json.dumps({"candidates": [candidate], "usageMetadata": usage, "modelVersion": "gemini-2.5-pro"})
    return 200, EVENTS, f"data: {data}\r\n\r\n".encode()


class Agent:
    """A coding agent that speaks ACP (JSON-RPC, a message a line), initialized; permissions are granted once.

    The client declares no capabilities. `updates` are the updates of all sessions, `refused` the agent's other
    requests, all answered with "method not found". A call waits at most two minutes for its answer.
    """

    def __init__(self, program: str, cwd: str, env: dict[str, str], *arguments: str) -> None:
        """Starts node_modules/.bin/PROGRAM in this folder, which is made."""
        folder = Path(cwd).resolve()
        folder.mkdir(exist_ok=True)
        self.cwd = str(folder)
        self.process = subprocess.Popen(  # noqa: S603 - the pinned agent
            [str(Path("node_modules/.bin", program).resolve()), *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={"PATH": os.environ["PATH"], **env},
            cwd=folder,
            start_new_session=True,
        )
        self.answers: queue.Queue[dict[str, Any]] = queue.Queue()
        self.updates: list[dict[str, Any]] = []
        self.refused: list[dict[str, Any]] = []
        self.last = 0
        threading.Thread(target=self.read, daemon=True).start()
        self.call("initialize", protocolVersion=1, clientCapabilities={})

    def read(self) -> None:
        for line in self.process.stdout or ():
            try:
                message = json.loads(line)
            except ValueError:
                continue
            if message.get("method") == "session/request_permission":
                once = next(each for each in message["params"]["options"] if each["kind"] == "allow_once")
                outcome = {"outcome": "selected", "optionId": once["optionId"]}
                self.send({"id": message["id"], "result": {"outcome": outcome}})
            elif message.get("method") == "session/update":
                self.updates.append(message["params"]["update"])
            elif "method" not in message:
                self.answers.put(message)
            elif "id" in message:
                self.refused.append(message)
                self.send({"id": message["id"], "error": {"code": -32601, "message": "Method not found"}})

    def send(self, message: dict[str, Any]) -> None:
        assert self.process.stdin is not None  # noqa: S101
        self.process.stdin.write((json.dumps({"jsonrpc": "2.0", **message}) + "\n").encode())
        self.process.stdin.flush()

    def call(self, method: str, **params: object) -> dict[str, Any]:
        """The answer to this call: with "result" or "error"."""
        self.last += 1
        self.send({"id": self.last, "method": method, "params": params})
        while True:
            answer = self.answers.get(timeout=120)
            if answer.get("id") == self.last:
                return answer

    def start(self) -> str:
        """A new session's id."""
        session: str = self.call("session/new", cwd=self.cwd, mcpServers=[])["result"]["sessionId"]
        return session

    def prompt(self, session: str, *blocks: str | dict[str, Any]) -> dict[str, Any]:
        """The answer to a prompt of these blocks; a string is a block of text."""
        prompt = [{"type": "text", "text": each} if isinstance(each, str) else each for each in blocks]
        return self.call("session/prompt", sessionId=session, prompt=prompt)

    def cancel(self, session: str) -> None:
        self.send({"method": "session/cancel", "params": {"sessionId": session}})

    def end(self) -> None:
        os.killpg(self.process.pid, 9)


def home_with(path: str, text: str) -> str:
    """The home folder, with one file of configuration in it."""
    home = Path("home").resolve()
    (home / path).parent.mkdir(parents=True, exist_ok=True)
    (home / path).write_text(text)
    return str(home)


def opencode(address: str, cwd: str, **settings: object) -> Agent:
    """opencode; `settings` are added to its configuration."""
    options = {"baseURL": f"{address}/v1", "apiKey": "none"}
    provider = {"npm": "@ai-sdk/openai-compatible", "options": options, "models": {"fake": {"name": "fake"}}}
    config = {"model": "x/fake", "small_model": "x/fake", "provider": {"x": provider}, **settings}
    off = ("MODELS_FETCH", "AUTOUPDATE", "LSP_DOWNLOAD", "DEFAULT_PLUGINS")
    env = {"HOME": home_with(".config/opencode/opencode.json", json.dumps(config))}
    return Agent("opencode", cwd, {**env, **{f"OPENCODE_DISABLE_{name}": "1" for name in off}}, "acp")


def gemini(address: str, cwd: str) -> Agent:
    config = {"privacy": {"usageStatisticsEnabled": False}, "general": {"enableAutoUpdate": False}}
    env = {
        "HOME": home_with(".gemini/settings.json", json.dumps(config)),
        "GEMINI_API_KEY": "none",
        "GEMINI_CLI_NO_RELAUNCH": "true",
        "GEMINI_CLI_TRUST_WORKSPACE": "true",
        "GOOGLE_GEMINI_BASE_URL": address,
    }
    return Agent("gemini", cwd, env, "--acp", "--model", "gemini-2.5-pro")


def qwen(address: str, cwd: str, **generation: object) -> Agent:
    """qwen-code; `generation` are settings of `model.generationConfig`."""
    config = {
        "privacy": {"usageStatisticsEnabled": False},
        "security": {"auth": {"selectedType": "openai"}},
        "model": {"generationConfig": generation},
    }
    home = home_with(".qwen/settings.json", json.dumps(config))
    env = {"HOME": home, "OPENAI_BASE_URL": f"{address}/v1", "OPENAI_API_KEY": "none", "OPENAI_MODEL": "fake"}
    return Agent("qwen", cwd, env, "--acp")


def codex(address: str, cwd: str) -> Agent:
    config = f"""
model = "fake"
model_provider = "x"
check_for_update_on_startup = false
[analytics]
enabled = false
[features]
plugins = false
apps = false
remote_plugin = false
[model_providers.x]
name = "x"
base_url = "{address}/v1"
env_key = "X_KEY"
wire_api = "responses"
request_max_retries = 0
stream_max_retries = 0
"""
    return Agent("codex-acp", cwd, {"HOME": home_with(".codex/config.toml", config), "X_KEY": "none"})


def version(package: str) -> str:
    """The version of a package in node_modules."""
    found: str = json.loads(Path("node_modules", package, "package.json").read_text())["version"]
    return found
