"""One turn: takes the steps of a script and reports each to the client."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
import urllib.error
import urllib.request
from collections.abc import Awaitable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

import acp
from acp.schema import AgentPlanUpdate, AllowedOutcome, PermissionOption, PlanEntry, ToolCallUpdate

from bot.emulators.agent.memory import Session
from bot.emulators.agent.script import Step

PACE_VARIABLE = "AGENT_PACE"
"""Seconds between the reports of an improvised turn, so that people can watch it."""

OUTPUT_LIMIT = 100_000

Kind = Literal["read", "edit", "delete", "execute", "fetch", "other"]


class Stopped(Exception):  # noqa: N818 - it ends a turn as the script wants it
    """Ends the turn with a stop reason."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Turn:
    """:ivar answer: the last message"""

    def __init__(self, session: Session, client: acp.Client, writer: asyncio.StreamWriter, *, images: int = 0) -> None:
        self.session = session
        self.folder = Path(session.cwd)
        self.answer = ""
        self._client = client
        self._writer = writer
        self._images = images
        self._calls = 0
        self._tokens = [0, 0]

    def usage(self) -> dict[str, int] | None:
        """Of the model calls of this turn; None without one."""
        read, written = self._tokens
        if not read + written:
            return None
        return {"totalTokens": read + written, "inputTokens": read, "outputTokens": written}

    async def take(self, step: Step) -> None:
        """Takes one step of a script.

        :raises acp.RequestError: the script or the model's API says so
        :raises Stopped: the turn ends here
        """
        match step:
            case {"think": str(text)}:
                await self.think(text)
            case {"plan": [*texts]}:
                await self.plan([str(text) for text in texts])
            case {"edit": str(path)}:
                await self.edit(path, step)
            case {"delete": str(path)}:
                await self._tool("delete_file", "delete", {"path": path}, self._delete(path))
            case {"read": str(path)}:
                await self._tool("read_file", "read", {"path": path}, self._read(path), step)
            case {"run": str(command)}:
                await self.run(command, step)
            case {"env": True}:
                lines = "\n".join(f"{name}={value}" for name, value in sorted(os.environ.items()))
                await self._tool("print_environment", "execute", {"command": "env"}, _given(lines), step)
            case {"fetch": str(url)}:
                await self._tool("fetch", "fetch", {"url": url}, asyncio.to_thread(_fetched, url), step)
            case {"permission": str(title)}:
                await self.ask_permission(title)
            case {"model": str(prompt)}:
                await self.say(await self._ask_model(prompt))
            case {"tokens": [int(read), int(written)]}:
                self._tokens = [self._tokens[0] + read, self._tokens[1] + written]
            case {"remember": str(text)}:
                self.session.remembered.append(text)
            case {"recall": True}:
                await self.say(", ".join(self.session.remembered) or "I remember nothing.")
            case {"repeat": True}:
                await self.say(self.session.prompts[-1])
            case {"images": True}:
                await self.say(f"I see {self._images} images.")
            case {"say": str(text)}:
                await self.say(text)
            case _:
                await self._misbehave(step)

    async def think(self, text: str) -> None:
        for word in text.splitlines(keepends=True):
            await self._update(acp.update_agent_thought_text(word))
        await self._pause()

    async def say(self, text: str) -> None:
        self.answer = text
        for line in text.splitlines(keepends=True):
            await self._update(acp.update_agent_message_text(line))
        await self._pause()

    async def plan(self, texts: list[str]) -> None:
        entries = [PlanEntry(content=text, priority="medium", status="pending") for text in texts]
        await self._update(AgentPlanUpdate(session_update="plan", entries=entries))

    async def edit(self, path: str, change: Mapping[str, Any]) -> None:
        """:param change: `text`, `append`, or `replace` with the old and the new text"""
        await self._tool("edit_file", "edit", {"path": path, **change}, self._edit(path, change))

    async def run(self, command: str, step: Step = {}) -> str:  # noqa: B006 - it is only read
        return await self._tool("run_command", "execute", {"command": command}, self._run(command), step)

    async def ask_permission(self, title: str) -> None:
        self._calls += 1
        call = ToolCallUpdate(tool_call_id=f"permission-{self._calls}", title=title, kind="execute")
        options = [
            PermissionOption(option_id="reject", name="Reject", kind="reject_once"),
            PermissionOption(option_id="allow", name="Allow", kind="allow_once"),
            PermissionOption(option_id="always", name="Always allow", kind="allow_always"),
        ]
        response = await self._client.request_permission(
            session_id=self.session.session_id, tool_call=call, options=options
        )
        outcome = response.outcome
        if not isinstance(outcome, AllowedOutcome):
            raise Stopped("cancelled")
        if outcome.option_id == "reject":
            await self.say("I may not do that.")
            raise Stopped("end_turn")
        done = acp.update_tool_call(call.tool_call_id, status="completed", raw_output={"chosen": outcome.option_id})
        await self._update(done)

    async def _misbehave(self, step: Step) -> None:
        match step:
            case {"sleep": int() | float() as seconds}:
                await asyncio.sleep(seconds)
            case {"silence": True}:
                await asyncio.Event().wait()
            case {"flood": int(size)}:
                await self._flood(size, str(step.get("as", "updates")))
            case {"update": dict(update)}:
                params = {"sessionId": self.session.session_id, "update": update}
                await self._write(json.dumps({"jsonrpc": "2.0", "method": "session/update", "params": params}))
            case {"raw": str(line)}:
                await self._write(line)
            case {"stderr": str(text)}:
                sys.stderr.write(text)
                sys.stderr.flush()
            case {"fail": {"code": int(code), "message": str(message), **rest}}:
                raise acp.RequestError(code, message, rest.get("data"))
            case {"stop": str(reason)}:
                raise Stopped(reason)
            case {"exit": int(status)}:
                os._exit(status)
            case _:
                raise acp.RequestError.invalid_params({"unknown step": dict(step)})

    async def _tool(
        self, name: str, kind: Kind, arguments: dict[str, Any], work: Awaitable[str], step: Step | None = None
    ) -> str:
        self._calls += 1
        call_id = f"call-{self._calls}"
        title = f"{name} {next(iter(arguments.values()))}"
        start = acp.start_tool_call(call_id, title, kind=kind, status="in_progress", raw_input=arguments)
        start.field_meta = {"toolName": name}
        await self._update(start)
        try:
            output, status = await work, "completed"
        except (OSError, ValueError) as error:
            output, status = f"{type(error).__name__}: {error}", "failed"
        shown = output[-OUTPUT_LIMIT:]
        await self._update(
            acp.update_tool_call(
                call_id,
                status="completed" if status == "completed" else "failed",
                content=[acp.tool_content(acp.text_block(shown))],
                raw_output={"output": shown},
            )
        )
        await self._pause()
        if step and step.get("say") is True:
            await self.say(shown)
        return output

    async def _edit(self, path: str, change: Mapping[str, Any]) -> str:
        file = self.folder / path
        old = file.read_text() if file.exists() else ""
        match change:
            case {"text": str(new)}:
                pass
            case {"append": str(added)}:
                new = old + added
            case {"replace": [str(before), str(after)]}:
                if before not in old:
                    raise ValueError(f"{path} does not contain {before!r}")
                new = old.replace(before, after, 1)
            case _:
                raise ValueError("say what to change: text, append or replace")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(new)
        return f"Changed {path}"

    async def _delete(self, path: str) -> str:
        (self.folder / path).unlink()
        return f"Deleted {path}"

    async def _read(self, path: str) -> str:
        return (self.folder / path).read_text(errors="replace")

    async def _run(self, command: str) -> str:
        process = await asyncio.create_subprocess_exec(
            "/bin/sh",
            "-c",
            command,
            cwd=self.folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            output, _ = await process.communicate()
        except asyncio.CancelledError:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            raise
        return f"{output.decode(errors='replace')}[exit status {process.returncode}]"

    async def _ask_model(self, prompt: str) -> str:
        status, body = await asyncio.to_thread(_asked_model, prompt)
        if status >= 400:
            raise acp.RequestError(-32603, f"The model's API answered {status}: {body[:500]}", {"status": status})
        answer = json.loads(body)
        usage = answer.get("usage") or {}
        self._tokens[0] += int(usage.get("prompt_tokens", 0))
        self._tokens[1] += int(usage.get("completion_tokens", 0))
        return str(answer["choices"][0]["message"]["content"])

    async def _flood(self, size: int, how: str) -> None:
        block = "flood " * 10_000
        written = 0
        while written < size:
            match how:
                case "line":
                    self._writer.write(block.encode())
                    await self._writer.drain()
                case "lines":
                    await self._write(block)
                case "stderr":
                    await asyncio.to_thread(sys.stderr.write, block)
                case _:
                    await self._update(acp.update_agent_message_text(block))
            written += len(block)
        if how == "line":
            await self._write("")

    async def _write(self, line: str) -> None:
        self._writer.write(line.encode() + b"\n")
        await self._writer.drain()

    async def _update(self, update: Any) -> None:
        await self._client.session_update(session_id=self.session.session_id, update=update)

    async def _pause(self) -> None:
        await asyncio.sleep(float(os.environ.get(PACE_VARIABLE, "0")))


async def _given(text: str) -> str:
    return text


def _asked_model(prompt: str) -> tuple[int, str]:
    """The HTTP status and the body of the model API's response."""
    base = os.environ.get("OPENAI_BASE_URL", "")
    body = {"model": os.environ.get("OPENAI_MODEL", "model"), "messages": [{"role": "user", "content": prompt}]}
    headers = {
        "Authorization": f"Bearer {os.environ.get('OPENAI_API_KEY', '')}",
        "Content-Type": "application/json",
    }
    request = urllib.request.Request(f"{base}/chat/completions", json.dumps(body).encode(), headers)  # noqa: S310 - the configured endpoint
    try:
        with urllib.request.urlopen(request, timeout=60) as response:  # noqa: S310
            return response.status, response.read().decode(errors="replace")
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.read().decode(errors="replace")
    except OSError as error:
        raise acp.RequestError(-32603, f"connection error: {error}") from error


def _fetched(url: str) -> str:
    with urllib.request.urlopen(url, timeout=20) as response:  # noqa: S310 - what a script wants to try
        text: str = response.read(OUTPUT_LIMIT).decode(errors="replace")
        return text
