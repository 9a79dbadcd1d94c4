"""The HTTP APIs of models: how each one asks, and how it is answered, at once or as a stream."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

from tests.harness.model_server.tools import Call, Tool

_INPUT_TOKENS = 100
_OUTPUT_TOKENS = 10


class Dialect(ABC):
    """One API."""

    content_type: ClassVar[str] = "text/event-stream"

    @abstractmethod
    def is_streamed(self, path: str, body: Mapping[str, Any]) -> bool: ...

    @abstractmethod
    def model_of(self, path: str, body: Mapping[str, Any]) -> str: ...

    @abstractmethod
    def tools_of(self, body: Mapping[str, Any]) -> Iterator[Tool]: ...

    @abstractmethod
    def answer(self, model: str, number: int, text: str, call: Call | None) -> dict[str, Any]:
        """The whole answer."""

    @abstractmethod
    def events(self, model: str, number: int, text: str, call: Call | None) -> Iterator[bytes]:
        """The same as a stream. The first event and those up to the text come before any call."""

    @abstractmethod
    def error(self, status: int, message: str) -> dict[str, Any]: ...


def _event(data: Mapping[str, Any], name: str = "") -> bytes:
    head = f"event: {name}\n" if name else ""
    return f"{head}data: {json.dumps(data)}\n\n".encode()


def _kind(status: int) -> str:
    kinds = {401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error"}
    return kinds.get(status, "server_error" if status >= 500 else "invalid_request_error")


class ChatCompletions(Dialect):
    """OpenAI's older API, which most other servers of models speak too."""

    _usage: ClassVar = {
        "prompt_tokens": _INPUT_TOKENS,
        "completion_tokens": _OUTPUT_TOKENS,
        "total_tokens": _INPUT_TOKENS + _OUTPUT_TOKENS,
    }

    def is_streamed(self, path: str, body: Mapping[str, Any]) -> bool:
        return bool(body.get("stream"))

    def model_of(self, path: str, body: Mapping[str, Any]) -> str:
        return str(body.get("model"))

    def tools_of(self, body: Mapping[str, Any]) -> Iterator[Tool]:
        for tool in body.get("tools") or ():
            function = tool["function"]
            yield Tool(function["name"], function.get("parameters") or {})

    def answer(self, model: str, number: int, text: str, call: Call | None) -> dict[str, Any]:
        message = {"role": "assistant", "content": text, **self._calls(number, call)}
        return {
            "id": f"chatcmpl-{number}",
            "object": "chat.completion",
            "created": 1,
            "model": model,
            "choices": [{"index": 0, "message": message, "finish_reason": self._reason(call)}],
            "usage": self._usage,
        }

    def events(self, model: str, number: int, text: str, call: Call | None) -> Iterator[bytes]:
        chunk = {"id": f"chatcmpl-{number}", "object": "chat.completion.chunk", "created": 1, "model": model}

        def choices(delta: Mapping[str, Any], reason: str | None = None) -> dict[str, Any]:
            return {**chunk, "choices": [{"index": 0, "delta": delta, "finish_reason": reason}]}

        yield _event(choices({"role": "assistant", "content": text}))
        if call:
            yield _event(choices(self._calls(number, call)))
        yield _event(choices({}, self._reason(call)))
        yield _event({**chunk, "choices": [], "usage": self._usage})
        yield b"data: [DONE]\n\n"

    def error(self, status: int, message: str) -> dict[str, Any]:
        code = "model_not_found" if status == 404 else None
        return {"error": {"message": message, "type": _kind(status), "param": None, "code": code}}

    @staticmethod
    def _reason(call: Call | None) -> str:
        return "tool_calls" if call else "stop"

    @staticmethod
    def _calls(number: int, call: Call | None) -> dict[str, Any]:
        if call is None:
            return {}
        function = {"name": call.name, "arguments": json.dumps(call.arguments)}
        return {"tool_calls": [{"index": 0, "id": f"call_{number}", "type": "function", "function": function}]}


class Responses(Dialect):
    """OpenAI's newer API."""

    def is_streamed(self, path: str, body: Mapping[str, Any]) -> bool:
        return bool(body.get("stream"))

    def model_of(self, path: str, body: Mapping[str, Any]) -> str:
        return str(body.get("model"))

    def tools_of(self, body: Mapping[str, Any]) -> Iterator[Tool]:
        for tool in body.get("tools") or ():
            if tool.get("type") == "function":
                yield Tool(tool["name"], tool.get("parameters") or {})

    def answer(self, model: str, number: int, text: str, call: Call | None) -> dict[str, Any]:
        usage = {
            "input_tokens": _INPUT_TOKENS,
            "input_tokens_details": {"cached_tokens": 0},
            "output_tokens": _OUTPUT_TOKENS,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": _INPUT_TOKENS + _OUTPUT_TOKENS,
        }
        return {
            "id": f"resp_{number}",
            "object": "response",
            "created_at": 1,
            "status": "completed",
            "model": model,
            "output": list(self._items(number, text, call)),
            "usage": usage,
        }

    def events(self, model: str, number: int, text: str, call: Call | None) -> Iterator[bytes]:
        whole = self.answer(model, number, text, call)
        begun = {**whole, "status": "in_progress", "output": [], "usage": None}
        yield _event({"type": "response.created", "response": begun}, "response.created")
        for index, item in enumerate(whole["output"]):
            for kind in ("response.output_item.added", "response.output_item.done"):
                yield _event({"type": kind, "output_index": index, "item": item}, kind)
        yield _event({"type": "response.completed", "response": whole}, "response.completed")

    def error(self, status: int, message: str) -> dict[str, Any]:
        return {"error": {"message": message, "type": _kind(status), "code": None}}

    @staticmethod
    def _items(number: int, text: str, call: Call | None) -> Iterator[dict[str, Any]]:
        if text:
            content = [{"type": "output_text", "text": text, "annotations": []}]
            yield {
                "type": "message",
                "id": f"msg_{number}",
                "role": "assistant",
                "status": "completed",
                "content": content,
            }
        if call:
            yield {
                "type": "function_call",
                "id": f"fc_{number}",
                "call_id": f"call_{number}",
                "name": call.name,
                "arguments": json.dumps(call.arguments),
                "status": "completed",
            }


class Messages(Dialect):
    """Anthropic's API."""

    def is_streamed(self, path: str, body: Mapping[str, Any]) -> bool:
        return bool(body.get("stream"))

    def model_of(self, path: str, body: Mapping[str, Any]) -> str:
        return str(body.get("model"))

    def tools_of(self, body: Mapping[str, Any]) -> Iterator[Tool]:
        for tool in body.get("tools") or ():
            if "input_schema" in tool:
                yield Tool(tool["name"], tool["input_schema"])

    def answer(self, model: str, number: int, text: str, call: Call | None) -> dict[str, Any]:
        return {
            "id": f"msg_{number}",
            "type": "message",
            "role": "assistant",
            "model": model,
            "content": list(self._blocks(number, text, call)),
            "stop_reason": "tool_use" if call else "end_turn",
            "stop_sequence": None,
            "usage": {"input_tokens": _INPUT_TOKENS, "output_tokens": _OUTPUT_TOKENS},
        }

    def events(self, model: str, number: int, text: str, call: Call | None) -> Iterator[bytes]:
        whole = self.answer(model, number, text, call)
        begun: dict[str, Any] = {**whole, "content": [], "stop_reason": None}
        yield _event({"type": "message_start", "message": begun}, "message_start")
        for index, block in enumerate(whole["content"]):
            empty = {**block, "input": {}} if block["type"] == "tool_use" else {"type": "text", "text": ""}
            yield _event({"type": "content_block_start", "index": index, "content_block": empty}, "content_block_start")
            if block["type"] == "tool_use":
                delta = {"type": "input_json_delta", "partial_json": json.dumps(block["input"])}
            else:
                delta = {"type": "text_delta", "text": block["text"]}
            yield _event({"type": "content_block_delta", "index": index, "delta": delta}, "content_block_delta")
            yield _event({"type": "content_block_stop", "index": index}, "content_block_stop")
        end = {"stop_reason": whole["stop_reason"], "stop_sequence": None}
        yield _event({"type": "message_delta", "delta": end, "usage": whole["usage"]}, "message_delta")
        yield _event({"type": "message_stop"}, "message_stop")

    def error(self, status: int, message: str) -> dict[str, Any]:
        kind = "api_error" if status >= 500 else _kind(status)
        return {"type": "error", "error": {"type": kind, "message": message}}

    @staticmethod
    def _blocks(number: int, text: str, call: Call | None) -> Iterator[dict[str, Any]]:
        if text:
            yield {"type": "text", "text": text}
        if call:
            yield {"type": "tool_use", "id": f"toolu_{number}", "name": call.name, "input": dict(call.arguments)}


class Gemini(Dialect):
    """Google's API of the Gemini models."""

    _statuses: ClassVar = {401: "UNAUTHENTICATED", 404: "NOT_FOUND", 429: "RESOURCE_EXHAUSTED", 500: "INTERNAL"}

    def is_streamed(self, path: str, body: Mapping[str, Any]) -> bool:
        return path.endswith(":streamGenerateContent")

    def model_of(self, path: str, body: Mapping[str, Any]) -> str:
        return path.rpartition("/")[2].partition(":")[0]

    def tools_of(self, body: Mapping[str, Any]) -> Iterator[Tool]:
        for group in body.get("tools") or ():
            for tool in group.get("functionDeclarations") or ():
                yield Tool(tool["name"], tool.get("parametersJsonSchema") or tool.get("parameters") or {})

    def answer(self, model: str, number: int, text: str, call: Call | None) -> dict[str, Any]:
        parts: list[dict[str, Any]] = [{"text": text}] if text else []
        if call:
            parts.append({"functionCall": {"name": call.name, "args": dict(call.arguments)}})
        return self._candidate(model, parts, finishReason="STOP")

    def events(self, model: str, number: int, text: str, call: Call | None) -> Iterator[bytes]:
        if text:
            yield _event(self._candidate(model, [{"text": text}]))
        yield _event(self.answer(model, number, "", call))

    @staticmethod
    def _candidate(model: str, parts: list[dict[str, Any]], **end: str) -> dict[str, Any]:
        usage = {
            "promptTokenCount": _INPUT_TOKENS,
            "candidatesTokenCount": _OUTPUT_TOKENS,
            "totalTokenCount": _INPUT_TOKENS + _OUTPUT_TOKENS,
        }
        candidate = {"content": {"role": "model", "parts": parts}, "index": 0, **end}
        return {"candidates": [candidate], "usageMetadata": usage, "modelVersion": model}

    def error(self, status: int, message: str) -> dict[str, Any]:
        return {"error": {"code": status, "message": message, "status": self._statuses.get(status, "UNKNOWN")}}


def dialect_of(path: str) -> Dialect | None:
    """The API that a path belongs to; None if it is no request for an answer."""
    if path.endswith("/chat/completions"):
        return ChatCompletions()
    if path.endswith("/responses"):
        return Responses()
    if path.endswith("/messages"):
        return Messages()
    if path.endswith((":generateContent", ":streamGenerateContent")):
        return Gemini()
    return None
