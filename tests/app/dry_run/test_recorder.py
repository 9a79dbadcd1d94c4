"""How a call looks to whoever reads it."""

from __future__ import annotations

import json

from inline_snapshot import snapshot

from bot.app.dry_run import Recorder


def shown(method: str, url: str, body: object = None, *, secrets: tuple[str, ...] = ()) -> str:
    texts: list[str] = []
    content = b"" if body is None else json.dumps(body).encode()
    Recorder(texts.append, secrets=secrets).record(method, url, content)
    (text,) = texts
    return text


def test_call_without_body_is_one_line() -> None:
    assert shown("GET", "https://api.github.com/user") == "GET https://api.github.com/user"


def test_body_is_indented() -> None:
    body = {"prompt": "Grüße\nand more", "images": [], "repo_id": 3}
    assert shown("POST", "https://api.codegen.com/v1/organizations/1/agent/run", body) == snapshot("""\
POST https://api.codegen.com/v1/organizations/1/agent/run
  {
    "prompt": "Grüße\\nand more",
    "images": [],
    "repo_id": 3
  }\
""")


def test_empty_body_is_shown() -> None:
    assert shown("POST", "https://api.github.com/x", {}) == "POST https://api.github.com/x\n  {}"


def test_long_prompt_is_shown_whole() -> None:
    prompt = "word " * 20_000
    assert json.dumps(prompt) in shown("POST", "https://x.test/", {"prompt": prompt})


def test_secrets_are_redacted() -> None:
    """Those that are known by their looks, and the bot's own whatever they look like."""
    body = {"prompt": f"use ghp_{'a' * 36} and open-sesame", "deep": [{"x": "open-sesame"}]}
    text = shown("POST", "https://me:hunter2@x.test/?q=open-sesame", body, secrets=("open-sesame", "use"))
    assert text == snapshot("""\
POST https://[redacted]@x.test/?q=[redacted]
  {
    "prompt": "use [redacted] and [redacted]",
    "deep": [
      {
        "x": "[redacted]"
      }
    ]
  }\
""")


def test_image_is_shortened() -> None:
    text = shown("POST", "https://x.test/", {"images": ["data:image/png;base64," + "A" * 5000]})
    assert '"data:image/png;base64,... (5000 characters)"' in text


def test_control_characters_are_escaped() -> None:
    """A pull request's title is anybody's text. What is shown is still the same JSON."""
    body = {"body": "\x1b[2J\x9b2J \u202e right to left \N{ROCKET} \ud800"}
    text = shown("POST", "https://x.test/", body)
    assert "\x9b" not in text
    assert "\u202e" not in text
    assert json.loads(text.partition("\n")[2]) == body
    text.encode()
