"""Who may deliver: only who knows a secret."""

from __future__ import annotations

import pytest

from bot.github.signature import sign, verify

BODY = b'{"zen": "Half measures are as bad as nothing at all."}'


def test_githubs_own_example_is_signed_as_its_documentation_says() -> None:
    """The values stand in "Validating webhook deliveries", section "Testing the webhook payload validation"."""
    assert sign(b"Hello, World!", "It's a Secret to Everybody") == (
        "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    )


@pytest.mark.parametrize("secret", ["one", "two"])
def test_every_secret_is_valid_during_a_rotation(secret: str) -> None:
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
def test_everything_else_is_refused(header: str | None) -> None:
    assert not verify(BODY, header, ["one", "two"])


def test_without_a_secret_nothing_is_valid() -> None:
    """Anybody can sign with an empty secret."""
    assert not verify(BODY, sign(BODY, ""), [])
    assert not verify(BODY, sign(BODY, ""), ["", "one"])
