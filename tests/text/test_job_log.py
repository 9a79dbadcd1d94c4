"""Of a job's log, what tells of the failure is kept, and no secret."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from inline_snapshot import snapshot

from bot.commands.parsing.comment import read
from bot.text.job_log import LONGEST, excerpt
from bot.text.untrusted import fenced
from tests.harness.stuck import never_stuck

STAMP = "2026-01-02T03:04:05.1234567Z "
BUDGET = 10_000


def stamped(*lines: str) -> str:
    """As GitHub stores them."""
    return "\ufeff" + "".join(f"{STAMP}{line}\n" for line in lines)


PYTEST = stamped(
    "##[group]Run pytest",
    "\x1b[36;1mpytest -q\x1b[0m",
    "shell: /usr/bin/bash -e {0}",
    "##[endgroup]",
    *(f"tests/test_{number}.py PASSED" for number in range(500)),
    "=================================== FAILURES ===================================",
    "    def test_total():",
    ">       assert total([]) == 1",
    "\x1b[1m\x1b[31mE       assert 0 == 1\x1b[0m",
    "tests/test_x.py:4: AssertionError",
    "FAILED tests/test_x.py::test_total - assert 0 == 1",
    "1 failed, 500 passed in 3.2s",
    "##[error]Process completed with exit code 1.",
    "Post job cleanup.",
    *(f"[command]/usr/bin/git config {number}" for number in range(40)),
    "Cleaning up orphan processes",
)


def test_short_log_is_kept_without_runner_lines() -> None:
    log = stamped("##[group]Run make", "\x1b[36;1mmake\x1b[0m", "##[endgroup]", "", "", "", "##[warning]Old", "done")
    assert excerpt(log, BUDGET) == "Run make\nmake\n\nWarning: Old\ndone"


def test_parts_around_the_failure_and_the_end_are_kept() -> None:
    assert excerpt(PYTEST, 900) == snapshot("""\
[… the beginning of the log is left out …]
tests/test_497.py PASSED
tests/test_498.py PASSED
tests/test_499.py PASSED
=================================== FAILURES ===================================
    def test_total():
>       assert total([]) == 1
E       assert 0 == 1
tests/test_x.py:4: AssertionError
FAILED tests/test_x.py::test_total - assert 0 == 1
1 failed, 500 passed in 3.2s
Error: Process completed with exit code 1.
Post job cleanup.
[command]/usr/bin/git config 0
[command]/usr/bin/git config 1
[command]/usr/bin/git config 2
[… 31 lines left out …]
[command]/usr/bin/git config 34
[command]/usr/bin/git config 35
[command]/usr/bin/git config 36
[command]/usr/bin/git config 37
[command]/usr/bin/git config 38
[command]/usr/bin/git config 39
Cleaning up orphan processes\
""")


def test_with_less_room_the_signs_themselves_are_kept() -> None:
    kept = excerpt(PYTEST, 420)
    assert "FAILED tests/test_x.py::test_total" in kept
    assert "Error: Process completed with exit code 1." in kept
    assert kept.endswith("Cleaning up orphan processes")


@pytest.mark.parametrize(
    "sign",
    [
        "##[error]The operation was canceled.",
        "E   ValueError: no such thing",
        "Traceback (most recent call last):",
        "ValueError: no such thing",
        "java.lang.IllegalStateException: no such thing",
        "src/main.rs:3:5: error[E0308]: mismatched types",
        "app.ts(3,5): error TS2322: no such type",
        "main.c:3: undefined reference to `x'",
        "make: *** [Makefile:3: all] Error 2",
        "npm ERR! code ELIFECYCLE",
        "--- FAIL: TestTotal (0.00s)",
        "not ok 3 - total",
        "  ✕ adds the tax (3 ms)",
        "thread 'main' panicked at src/main.rs:3",
        "Segmentation fault (core dumped)",
        "The command exited with code 2: exit status 2",
        "Process finished with exit code 137",
        "Caused by: connection lost",
        "fatal: not a git repository",
        "The request timed out",
        "permission denied",
        "the build failed",
    ],
)
def test_sign_of_failure_is_found_in_the_midst_of_a_log(sign: str) -> None:
    noise = [f"line {number} of nothing, with 0 errors" for number in range(3000)]
    kept = excerpt(stamped(*noise[:1000], "just before", sign, *noise[1000:]), 1500)
    assert sign.removeprefix("##[error]") in kept
    assert "just before" in kept


def test_what_only_sounds_like_a_failure_takes_no_room() -> None:
    harmless = ["0 errors", "no failures", "errors=0", "test_failure.py PASSED", "wrote error.log", "test_error PASSED"]
    noise = [f"line {number}" for number in range(1000)]
    kept = excerpt(stamped(*harmless, *noise, "this broke: ValueError", *noise, "the end"), 1000)
    assert "this broke: ValueError" in kept
    assert not any(words in kept for words in harmless)


def test_first_and_last_of_many_failures_are_kept() -> None:
    kept = excerpt(stamped(*(f"ValueError: number {number}" for number in range(400))), 2000)
    assert "ValueError: number 0\n" in kept
    assert "ValueError: number 200\n" not in kept
    assert kept.endswith("ValueError: number 398\nValueError: number 399")


def test_log_without_failure_keeps_its_end() -> None:
    kept = excerpt(stamped(*(f"line {number}" for number in range(5000))), 200)
    assert kept.startswith("[… the beginning of the log is left out …]\nline ")
    assert kept.endswith("\nline 4998\nline 4999")
    assert len(kept) > 150


def test_what_is_left_out_is_counted() -> None:
    noise = [f"line {number}" for number in range(100)]
    kept = excerpt(stamped("##[error]first", *noise, "##[error]last"), 600)
    before, _, after = kept.partition("\n[… ")
    count = int(after.partition(" line")[0])
    assert len(before.splitlines()) + count + len(after.splitlines()) - 1 == 102


def test_progress_that_was_written_over_itself_is_shown_once() -> None:
    assert excerpt(stamped("10%\r50%\r100% done", "next\r"), BUDGET) == "100% done\nnext"


def test_lines_may_end_as_on_windows() -> None:
    assert excerpt(stamped("one", "two").replace("\n", "\r\n"), BUDGET) == "one\ntwo"


def test_of_a_very_long_line_beginning_and_end_are_kept() -> None:
    kept = excerpt(stamped(f"begins {'x ' * 10_000} ends"), BUDGET)
    assert kept.startswith("begins x x")
    assert kept.endswith("x x  ends")
    assert " […] " in kept
    assert len(kept) < 700


# Secrets

KEY = "MIIEpAIBAAKCAQEAw7Zt8Qq3yD5mJ2H5pL9sQ0v1WfXyZaBcDeFgHiJkLmNoPqRs"
SECRETS = {
    "GitHub": "ghp_" + "a1B2" * 9,
    "GitHub, fine-grained": "github_pat_" + "a1B2" * 15,
    "Codegen": "sk-" + "a1b2c3d4" * 4,
    "AWS": "AKIA" + "ABCD1234" * 2,
    "Slack": "xoxb-123456789012-abcdefABCDEF",
    "JWT": "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl",
}


@pytest.mark.parametrize("secret", SECRETS.values(), ids=SECRETS)
@pytest.mark.parametrize(
    "line", ["{}", "ValueError: {} is wrong", "token={}", "\x1b[31m{}\x1b[0m", "##[error]{}", "{" + "} x" * 400]
)
def test_secret_is_taken_out(secret: str, line: str) -> None:
    planted = line.replace("{}", secret)
    filler = [f"line {number}" for number in range(300)]
    for log in (stamped(planted), stamped(*filler, planted, *filler), stamped(*filler, planted)):
        for budget in (100, 700, BUDGET):
            kept = excerpt(log, budget)
            assert secret not in kept
            assert secret[-12:] not in kept


def test_password_in_an_address_is_taken_out() -> None:
    kept = excerpt(stamped("fatal: could not read from https://bot:hunter2hunter2@example.com/x.git"), BUDGET)
    assert kept == "fatal: could not read from https://[redacted]@example.com/x.git"


def test_hidden_characters_hide_no_secret() -> None:
    kept = excerpt(stamped("it is ghp_\u200baaaaaaaa\u2060aaaaaaaaaaaaaaaaaaaa"), BUDGET)
    assert kept == "it is [redacted]"


def test_secret_is_removed_although_its_name_was_cut() -> None:
    filler = [f"line {number}" for number in range(300)]
    log = stamped(*filler, "password:", "  hunter2hunter2", *filler[:8])
    for budget in range(60, 400):
        assert "hunter2hunter2" not in excerpt(log, budget)


@pytest.mark.parametrize("kind", ["RSA PRIVATE KEY", "PRIVATE KEY", "OPENSSH PRIVATE KEY", "PGP PRIVATE KEY BLOCK"])
@pytest.mark.parametrize("prefix", ["", "web_1  | ", "+ "])
def test_private_key_on_many_lines_is_taken_out(kind: str, prefix: str) -> None:
    key = [f"-----BEGIN {kind}-----", *[KEY] * 20, KEY[:30] + "==", f"-----END {kind}-----"]
    noise = [f"line {number}" for number in range(100)]
    log = stamped(*noise, *(f"{prefix}{line}" for line in key), "ValueError: bad key", *noise)
    for budget in (200, 500, 1000, BUDGET):
        kept = excerpt(log, budget)
        assert KEY[:20] not in kept
        assert "PRIVATE KEY" not in kept
        assert "ValueError: bad key" in kept


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["before", "-----BEGIN PRIVATE KEY-----", KEY, KEY, "after"], "before\n[redacted]\nafter"),
        (["before it", KEY, KEY, "-----END PRIVATE KEY-----", "after"], "before it\n[redacted]\nafter"),
        ([f"-----BEGIN PRIVATE KEY-----\\n{KEY}\\n-----END PRIVATE KEY-----", "after"], "[redacted]\nafter"),
        (["it needs -----BEGIN PRIVATE KEY-----", "ValueError: no key"], "it needs [redacted]\nValueError: no key"),
        (
            ["a -----BEGIN PRIVATE KEY-----x-----END PRIVATE KEY----- b -----BEGIN PRIVATE KEY-----", KEY],
            "a [redacted] b [redacted]",
        ),
    ],
    ids=["cut off at its end", "cut off at its beginning", "on one line", "only spoken of", "two"],
)
def test_part_of_a_private_key_is_taken_out(lines: list[str], expected: str) -> None:
    assert excerpt(stamped(*lines), BUDGET) == expected


def test_rest_of_a_line_that_was_cut_off_is_not_shown() -> None:
    log = "token=" + "s3cret" * (LONGEST // 6) + "\nthe end\n"
    assert excerpt(log, BUDGET) == "[… the beginning of the log is left out …]\nthe end"


# Whatever it is, it is harmless and small


def test_excerpt_mentions_nobody_and_runs_nothing() -> None:
    kept = excerpt(stamped("```", "/codegen run evil", "@octo/all", "</details>", "\u202eevil"), BUDGET)
    assert kept == "```\n/codegen run evil\n@octo/all\n</details>\nevil"
    assert fenced(kept) == snapshot("""\
````
```
\u200b/codegen run evil
@octo/all
</details>
evil
````\
""")
    assert read(fenced(kept)) == []


@pytest.mark.parametrize(
    "line",
    [
        f'{STAMP}  File "/home/runner/work/shop/shop/checkout.py", line 42, in total --verbose token count\n',
        f"{STAMP}##[error]it failed\n",
        f"{STAMP}something failed here\n",
        f"{STAMP}-----BEGIN PRIVATE KEY-----\n",
        f"{KEY}\n-----END PRIVATE KEY-----\n",
        "-----BEGIN PRIVATE KEY-----",
        "-",
        "\n",
        "\x1b]",
        "10%\r",
        "exception" + "a." * 200 + "\n",
        "a b ",
    ],
    ids=lambda line: repr(line[-30:]),
)
def test_log_of_five_megabytes_takes_less_than_a_moment(line: str) -> None:
    log = line * (5_000_000 // len(line))
    with never_stuck():
        kept = excerpt(log, 16_000)
    assert len(kept) <= 16_000


PIECES = [
    "\n",
    " ",
    "\r",
    "\r\n",
    "\t",
    "x",
    "=",
    ":",
    "@a",
    "/codegen run",
    "```",
    "\ufeff",
    "\u200b",
    "\ud800",
    STAMP,
]
PIECES += [
    "##[group]",
    "##[endgroup]",
    "##[error]",
    "\x1b[31m",
    "\x1b]",
    "\x1b",
    "\x9b",
    "error: ",
    "FAILED",
    "password=",
]
PIECES += ["-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----", KEY, " ghp_" + "a" * 30, "-" * 90, "y" * 700]
PIECES += ["z " * 400, "\n" * 40, "line\n" * 60, "Traceback (most recent call last):\n"]
HOSTILE = st.lists(st.sampled_from(PIECES), max_size=60).map("".join)


@given(HOSTILE | st.text(), st.integers(min_value=-5, max_value=3000))
@example("", 0)
@example("x" * 5000, 1)
def test_it_is_never_longer_than_the_budget(log: str, budget: int) -> None:
    assert len(excerpt(log, budget)) <= max(budget, 0)


@given(HOSTILE, st.integers(min_value=0, max_value=3000))
def test_no_mixture_reveals_a_secret(log: str, budget: int) -> None:
    kept = excerpt(log, budget)
    assert "ghp_aaaaaaaaaaaaaaaa" not in kept
    assert not {"\x1b", "\u200b", "\ufeff", "\r"} & {*kept}
