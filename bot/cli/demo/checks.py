"""The failing check of the demo's pull request."""

from __future__ import annotations

FAILING_LOG = """\
============================= test session starts ==============================
collected 3 items

tests/test_checkout.py F..                                               [100%]

=================================== FAILURES ===================================
__________________________ test_total_is_rounded_once __________________________

    def test_total_is_rounded_once():
>       assert total([Item(price=0.105, count=1)], 0.2) == 0.13

app/checkout.py:3: TypeError
E       TypeError: type tuple doesn't define __round__ method
=========================== short test summary info ============================
FAILED tests/test_checkout.py::test_total_is_rounded_once - TypeError: type tuple doesn't define __round__ method
========================= 1 failed, 2 passed in 0.41s ==========================
"""
"""The log of its job; the pull request's change has that error."""
