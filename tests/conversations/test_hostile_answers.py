"""What Codegen and its agents write is shown, and does nothing: it mentions nobody, loads nothing, hides nothing."""

from inline_snapshot import snapshot

from bot.text.markers import Stage
from tests.harness.world import World, either_entry_point
from tests.text.rendering import effects

INDENTED = "    @alice @octo/everyone ![x](https://tracker.example/x.png)<details><!--"
FENCED = "~~~\n@alice @octo/everyone #1\n~~~\nNo idea."


@either_entry_point
async def test_indented_result_is_plain_text(world: World) -> None:
    """Its indentation made it a block of code; without it, it would be live Markdown."""
    await world.comment("alice", "/codegen run list the files")
    await world.codegen.run_created(1)
    world.codegen.finish(1, result=INDENTED)

    reply = await world.reply(Stage.FINISHED)

    assert effects(reply) == []
    assert reply.replace("\u200b", "¦") == snapshot("""\
Finished in 0 s: [run 1](https://codegen.com/agent/trace/1).

@¦alice @¦octo/everyone [x](https://tracker.example/x.png)&lt;details>&lt;!--

A follow-up: `/codegen resume 1 <what to do next>`\
""")


@either_entry_point
async def test_multi_run_reasons_are_plain_text(world: World) -> None:
    """A block of code that becomes one line of a list is a block no longer."""
    await world.comment("alice", "/codegen multi-run -n 2 list the files")
    await world.codegen.run_created(2)
    world.codegen.fail(1, result=FENCED)
    world.codegen.fail(2, result=INDENTED)

    reply = await world.reply(Stage.FAILED)

    assert effects(reply) == []
    assert reply.partition("\n- ")[2].replace("\u200b", "¦") == snapshot("""\
Attempt 1: ~~~ @¦alice @¦octo/everyone #¦1 ~~~ No idea.
- Attempt 2: @¦alice @¦octo/everyone [x](https://tracker.example/x.png)&lt;details>&lt;!--

Next: look at the reasons, then give one a hint with `/codegen resume <run> <a hint>`, or ask for less.\
""")


@either_entry_point
async def test_quoted_upstream_error_is_plain_text(world: World) -> None:
    world.codegen.control.fault(path="/agent/run$", method="POST", status=422, body={"detail": FENCED}, times=None)
    await world.comment("alice", "/codegen multi-run -n 2 list the files")

    reply = await world.reply(Stage.FAILED)

    assert effects(reply) == []
    assert reply.replace("\u200b", "¦") == snapshot("""\
No attempt could be started.

- Attempts 1, 2: Codegen did not accept the request (422): ~~~ @¦alice @¦octo/everyone #¦1 ~~~ No idea.

Next: fix the causes named above, or wait a few minutes; then give the command again in a new comment.\
""")
