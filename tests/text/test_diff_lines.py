from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from bot.text.diff_lines import DiffLines, diff_lines

PATCH = """\
@@ -1,4 +1,4 @@ def total(items):
 a
-b
+c
 d
 e
@@ -20,2 +20,3 @@
 x
+y
 z
\\ No newline at end of file"""


def test_lines_of_both_sides() -> None:
    assert diff_lines(PATCH) == DiffLines(before=((1, 4), (20, 21)), after=((1, 4), (20, 22)))


def test_added_and_removed_file() -> None:
    assert diff_lines("@@ -0,0 +1,2 @@\n+a\n+b") == DiffLines(after=((1, 2),))
    assert diff_lines("@@ -1 +0,0 @@\n-a") == DiffLines(before=((1, 1),))


def test_line_is_on_one_side_only() -> None:
    lines = diff_lines("@@ -5 +7 @@\n-a\n+b")
    assert [lines.has(number, is_before=True) for number in (5, 7)] == [True, False]
    assert [lines.has(number, is_before=False) for number in (5, 7)] == [False, True]


def test_no_patch() -> None:
    assert diff_lines("") == DiffLines()


@given(st.text(alphabet="@-+ ,0123456789\na\\"))
def test_any_text_is_read(patch: str) -> None:
    lines = diff_lines(patch)
    assert all(first <= last for first, last in (*lines.before, *lines.after))
