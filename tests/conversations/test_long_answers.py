"""An agent that falls into a repetition is answered like any other, and the bot goes on."""

import pytest
from inline_snapshot import snapshot

from bot.text.markers import Stage
from tests.harness.stuck import never_stuck
from tests.harness.world import World, either_entry_point


@either_entry_point
@pytest.mark.parametrize("repeated", ["- ", "> ", "1) "])
async def test_result_of_one_long_line_is_shown(world: World, repeated: str) -> None:
    with never_stuck():
        await world.comment("alice", "/codegen run list the files")
        await world.codegen.run_created(1)
        world.codegen.finish(1, result=repeated * (40_000 // len(repeated)))

        reply = await world.reply(Stage.FINISHED)

        shown = max(reply.split("\n"), key=len)
        assert reply.replace(shown, "THE LINE") == snapshot("""\
Finished in 0 s: [run 1](https://codegen.com/agent/trace/1).

<details><summary>The agent's result</summary>

THE LINE

</details>

A follow-up: `/codegen resume 1 <what to do next>`\
""")
        assert set(shown) == set(repeated)

        await world.comment("alice", "/codegen status 1")
        assert (await world.reply()).startswith("[Run 1](https://codegen.com/agent/trace/1): finished")
