"""`checks`: how Codegen reacts to this repository's checks."""

import pytest
from inline_snapshot import snapshot

from bot.text.markers import Stage
from tests.harness.world import World, either_entry_point


async def test_settings_are_shown(world: World) -> None:
    comment = await world.comment("bob", "/codegen checks")

    assert await world.reply(Stage.FINISHED) == snapshot("""\
How Codegen reacts to the checks of octo/shop:

| setting | value |
| --- | --- |
| tries to fix a failed check | 3 |
| ignored checks | none |
| checks that Codegen has seen | `GitHub Actions` |

To change them: `/codegen checks --retries 3 --ignore "nightly build"`\
""")
    await world.reacted(comment, "eyes", "rocket")


async def test_settings_are_changed_and_the_others_stay(world: World) -> None:
    await world.comment("bob", '/codegen checks --retries 5 --ignore "nightly | build" -i lint')
    assert await world.reply(Stage.FINISHED) == snapshot("""\
Changed. How Codegen reacts to the checks of octo/shop:

| setting | value |
| --- | --- |
| tries to fix a failed check | 5 |
| ignored checks | `nightly \\| build`, `lint` |
| checks that Codegen has seen | `GitHub Actions` |\
""")

    await world.comment("bob", "/codegen checks -u lint")
    assert await world.reply(Stage.FINISHED) == snapshot("""\
Changed. How Codegen reacts to the checks of octo/shop:

| setting | value |
| --- | --- |
| tries to fix a failed check | 5 |
| ignored checks | `nightly \\| build` |
| checks that Codegen has seen | `GitHub Actions` |\
""")
    assert world.requests("PUT", "/check-suite-settings") == [
        {"check_retry_count": 5, "ignored_checks": ["nightly | build", "lint"]},
        {"ignored_checks": ["nightly | build"]},
    ]


@either_entry_point
async def test_repository_that_codegen_does_not_know(world: World) -> None:
    world.codegen.control.fault(
        path="/repos$", status=200, body={"items": [], "total": 0, "page": 1, "size": 100, "pages": 0}
    )
    await world.comment("bob", "/codegen checks")

    assert await world.reply(Stage.REFUSED) == snapshot(
        """\
Codegen does not know the repository `octo/shop` in this organization.

Next: whoever manages the organization must add it in Codegen's GitHub integration; then give the command again in a new comment.\
"""
    )


@either_entry_point
async def test_refusal_upstream_is_reported(world: World) -> None:
    world.codegen.control.fault(path="/check-suite-settings$", status=403, body={"detail": "Not yours."})
    await world.comment("bob", "/codegen checks")

    assert (await world.reply(Stage.FAILED)).startswith("Codegen does not let the bot do this (403).")


@either_entry_point
async def test_reader_is_refused(world: World) -> None:
    await world.comment("carol", "/codegen checks")

    assert (await world.reply(Stage.REFUSED)).startswith("`carol` needs `")


@either_entry_point
@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("--retries 11", "`--retries` takes a whole number from 0 to 10."),
        ("--retries many", "`--retries` takes a whole number from 0 to 10."),
        ("please", "`checks` takes its flags and nothing else"),
        ("-i lint -u lint", "The same check cannot be in `--ignore` and in `--unignore`."),
    ],
)
async def test_invalid_input_is_reported(world: World, words: str, sentence: str) -> None:
    await world.comment("bob", f"/codegen checks {words}")

    assert (await world.reply(Stage.REFUSED)).startswith(sentence)


@either_entry_point
async def test_everything_that_codegen_knows_is_shown(world: World) -> None:
    """Names and prompts are anybody's text."""
    settings = {
        "check_retry_count": 1,
        "ignored_checks": [f"shard {number}" for number in range(52)],
        "check_retry_counts": {"lint": 2},
        "custom_prompts": {"lint": "Run @alice's formatter.\n/codegen run it"},
        "high_priority_apps": ["circle`ci"],
        "available_check_suite_names": [],
    }
    world.codegen.control.fault(path="/check-suite-settings$", status=200, body=settings)

    await world.comment("bob", "/codegen checks")

    reply = await world.reply(Stage.FINISHED)
    assert "`shard 49` … and 2 more" in reply
    assert "shard 50" not in reply
    assert reply.partition("| tries for single")[2] == snapshot("""\
 checks | `lint`: 2 |
| apps whose failures count at once | ``circle`ci`` |

<details><summary>Prompts for single checks</summary>

`lint`

```
Run @alice's formatter.
\u200b/codegen run it
```

</details>

To change them: `/codegen checks --retries 3 --ignore "nightly build"`\
""")
