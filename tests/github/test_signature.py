"""Who may deliver: only who knows a secret."""

from __future__ import annotations

import pytest

from bot.github.events import sign, verify

BODY = b'{"zen": "Half measures are as bad as nothing at all."}'


def test_sign_githubs_documented_example() -> None:
    """The values stand in "Validating webhook deliveries", section "Testing the webhook payload validation"."""
    assert sign(b"Hello, World!", "It's a Secret to Everybody") == (
        "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    )


@pytest.mark.parametrize("secret", ["one", "two"])
def test_verify_any_of_several_secrets(secret: str) -> None:
    assert verify(BODY, sign(BODY, secret), ["one", "two"])


@pytest.mark.parametrize(
    "header",
    [
        None,
        "",
        "sha256=",
        "sha256=é",
        "\udcff",
        sign(BODY, "other"),
        sign(BODY + b" ", "one"),
        sign(BODY, "one").removeprefix("sha256="),
        sign(BODY, "one").replace("sha256", "sha1"),
        sign(BODY, "one").upper(),
    ],
)
def test_verify_refuses_other_signatures(header: str | None) -> None:
    assert not verify(BODY, header, ["one", "two"])


def test_verify_without_secret_refuses_all() -> None:
    """Anybody can sign with an empty secret."""
    assert not verify(BODY, sign(BODY, ""), [])
    assert not verify(BODY, sign(BODY, ""), ["", "one"])
