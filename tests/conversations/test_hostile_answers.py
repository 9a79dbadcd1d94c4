"""What Codegen and its agents write is shown, and does nothing: it mentions nobody, loads nothing, hides nothing."""

from inline_snapshot import snapshot

from bot.replies.markers import Stage
from tests.conversations.world import World
from tests.replies.rendering import effects

INDENTED = "    @alice @octo/everyone ![x](https://tracker.example/x.png)<details><!--"
FENCED = "~~~\n@alice @octo/everyone #1\n~~~\nNo idea."


async def test_result_that_begins_indented_is_plain_words(world: World) -> None:
    """Its indentation made it a block of code; without it, it would be live Markdown."""
    await world.says("alice", "/codegen run list the files")
    await world.codegen.run_created(1)
    world.codegen.finish(1, result=INDENTED)

    reply = await world.reply(Stage.FINISHED)

    assert effects(reply) == []
    assert reply.replace("\u200b", "¦") == snapshot("""\
Finished in 0 s: [run 1](https://codegen.com/agent/trace/1).

@¦alice @¦octo/everyone [x](https://tracker.example/x.png)&lt;details>&lt;!--

A follow-up: `/codegen resume 1 <what to do next>`\
""")


async def test_multi_run_reasons_on_one_line_are_plain_words(world: World) -> None:
    """A block of code that becomes one line of a list is a block no longer."""
    await world.says("alice", "/codegen multi-run -n 2 list the files")
    await world.codegen.run_created(2)
    world.codegen.fail(1, result=FENCED)
    world.codegen.fail(2, result=INDENTED)

    reply = await world.reply(Stage.FAILED)

    assert effects(reply) == []
    assert reply.partition("\n- ")[2].replace("\u200b", "¦") == snapshot("""\
Attempt 1: ~~~ @¦alice @¦octo/everyone #¦1 ~~~ No idea.
- Attempt 2: @¦alice @¦octo/everyone [x](https://tracker.example/x.png)&lt;details>&lt;!--

Next: look at the reasons, then give one a hint with `/codegen resume <run> <a hint>`, or ask for a smaller piece.\
""")


async def test_upstream_error_quoted_in_a_reply_is_plain_words(world: World) -> None:
    world.codegen.control.fault(path="/agent/run$", method="POST", status=422, body={"detail": FENCED}, times=None)
    await world.says("alice", "/codegen multi-run -n 2 list the files")

    reply = await world.reply(Stage.FAILED)

    assert effects(reply) == []
    assert reply.replace("\u200b", "¦") == snapshot("""\
No attempt could be started.

- Attempts 1, 2: Codegen did not accept the request (422): ~~~ @¦alice @¦octo/everyone #¦1 ~~~ No idea.

Next: fix what the reasons name, or wait a few minutes; then give the command again in a new comment.\
""")
