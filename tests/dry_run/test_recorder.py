"""How a call looks to whoever reads it."""

from __future__ import annotations

import json

from inline_snapshot import snapshot

from bot.dry_run.recorder import Asked, Narrator


def told(method: str, url: str, body: object = None, *, secrets: tuple[str, ...] = ()) -> str:
    heard: list[str] = []
    content = b"" if body is None else json.dumps(body).encode()
    Narrator(heard.append, secrets=secrets).tell(Asked(method, url, content))
    (text,) = heard
    return text


def test_a_read_is_one_line() -> None:
    assert told("GET", "https://api.github.com/user") == "GET https://api.github.com/user"


def test_a_body_stands_indented_below() -> None:
    body = {"prompt": "Grüße\nand more", "images": [], "repo_id": 3}
    assert told("POST", "https://api.codegen.com/v1/organizations/1/agent/run", body) == snapshot("""\
POST https://api.codegen.com/v1/organizations/1/agent/run
  {
    "prompt": "Grüße\\nand more",
    "images": [],
    "repo_id": 3
  }\
""")


def test_an_empty_body_is_one_too() -> None:
    assert told("POST", "https://api.github.com/x", {}) == "POST https://api.github.com/x\n  {}"


def test_a_long_prompt_is_shown_whole() -> None:
    prompt = "word " * 20_000
    assert json.dumps(prompt) in told("POST", "https://x.test/", {"prompt": prompt})


def test_secrets_are_taken_out_wherever_they_stand() -> None:
    """Those that are known by their looks, and the bot's own whatever they look like."""
    body = {"prompt": f"use ghp_{'a' * 36} and open-sesame", "deep": [{"x": "open-sesame"}]}
    text = told("POST", "https://me:hunter2@x.test/?q=open-sesame", body, secrets=("open-sesame", "use"))
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


def test_an_image_is_not_spelled_out() -> None:
    text = told("POST", "https://x.test/", {"images": ["data:image/png;base64," + "A" * 5000]})
    assert '"data:image/png;base64,... (5000 characters)"' in text


def test_nothing_reaches_the_terminal_that_it_would_obey() -> None:
    """A pull request's title is anybody's text. What is shown is still the same JSON."""
    body = {"body": "\x1b[2J\x9b2J \u202e right to left \N{ROCKET} \ud800"}
    text = told("POST", "https://x.test/", body)
    assert "\x9b" not in text
    assert "\u202e" not in text
    assert json.loads(text.partition("\n")[2]) == body
    text.encode()
