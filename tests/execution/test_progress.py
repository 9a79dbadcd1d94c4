"""Progress catches up with what was left out."""

from __future__ import annotations

import asyncio

from bot.errors import WorkLimitError
from bot.execution.reply import Reply
from bot.execution.run_waiter import Progress
from bot.text.markers import Stage


class Comment:
    """A comment that takes an edit only while there is room."""

    def __init__(self, *, room: bool, is_behind: bool = False) -> None:
        self.has_room = room
        self.is_behind = is_behind
        self.tries: asyncio.Queue[str] = asyncio.Queue()
        self.text = ""

    async def edit(self, reply: Reply) -> None:
        self.is_behind = not self.has_room
        if self.has_room:
            self.text = reply.text
        self.tries.put_nowait(reply.text)


def progress_of(comment: Comment, states: list[str]) -> Progress:
    async def show() -> Reply:
        return Reply(stage=Stage.WORKING, text=states[-1])

    return Progress(
        show,
        edit=comment.edit,
        is_behind=lambda: comment.is_behind,
        interval=0.0,
        catching_up=0.0,
    )


async def test_what_was_left_out_is_tried_again_as_it_is_by_then() -> None:
    comment, states = Comment(room=False), ["half"]
    async with progress_of(comment, states) as progress:
        progress.notify()
        assert await comment.tries.get() == "half"
        assert comment.text == ""
        states.append("nearly")
        comment.has_room = True
        while await comment.tries.get() != "nearly":
            pass
        assert comment.text == "nearly"
    assert comment.tries.empty()


async def test_comment_that_was_behind_before_is_caught_up_with() -> None:
    comment = Comment(room=True, is_behind=True)
    async with progress_of(comment, ["begun"]):
        assert await comment.tries.get() == "begun"
    assert comment.tries.empty()


async def test_what_has_been_shown_is_not_shown_again_unasked() -> None:
    comment = Comment(room=True)
    async with progress_of(comment, ["begun"]) as progress:
        progress.notify()
        await comment.tries.get()
    assert comment.tries.empty()


async def test_slow_progress_is_not_retried() -> None:
    """What it tells of goes on."""
    tried = asyncio.Queue[None]()

    async def show() -> Reply:
        tried.put_nowait(None)
        raise WorkLimitError("it took longer than 10 seconds")

    comment = Comment(room=True)
    async with Progress(show, edit=comment.edit, is_behind=lambda: False, interval=0.0, catching_up=0.0) as progress:
        progress.notify()
        await tried.get()
        progress.notify()
        await asyncio.sleep(0)
    assert (tried.empty(), comment.text) == (True, "")
