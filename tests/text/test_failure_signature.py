"""A failure is recognized when it happens again."""

from bot.text.failure_signature import failure_signature

LOG = "collected 42 items\nE   assert 2.01 == 2.0\nFAILED test_total.py:12 - assert 2.01 == 2.0\n1 failed in 3.2s"


def test_signature_ignores_times_commits_and_order() -> None:
    again = LOG.replace("3.2s", "14 s").replace("42 items", "43 items")
    error = "Error: at {} in /tmp/pytest-{}/x, commit {}, object 0x7f{}"
    first, second = (
        error.format("2026-01-02 03:04:05.6", 1, "a" * 40, 1),
        error.format("2026-01-03 07:08", 2, "b7c8d9e", 2),
    )

    assert failure_signature([("a", LOG), ("b", first)]) == failure_signature([("b", second), ("a", again)])


def test_signature_differs_by_name_and_by_what_failed() -> None:
    logs = [LOG, LOG.replace("2.01", "2.02"), LOG.replace("py:12", "py:13"), ""]

    assert len({failure_signature([(name, log)]) for name in ("a", "b") for log in logs}) == 8


def test_log_without_a_sign_of_failure_counts_as_a_whole() -> None:
    assert failure_signature([("a", "one")]) != failure_signature([("a", "two")])
