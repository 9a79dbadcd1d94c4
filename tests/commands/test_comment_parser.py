"""Which commands a comment holds."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.commands.account import Users
from bot.commands.help import Help
from bot.commands.list_runs import Status
from bot.commands.parsing.comment import COMMANDS_A_COMMENT, given_text_since, new_since, read
from bot.commands.registry import Command
from bot.commands.resume import Resume
from bot.commands.run import Run
from bot.commands.serialization import from_json, to_json
from bot.commands.usage import InvalidCommand
from bot.execution.repository_config.model import NamedPrompt
from bot.text.unseen import BLANKS, INVISIBLE
from tests.harness.stuck import never_stuck

NAMED = {
    "tests": NamedPrompt(command="run", prompt="Test {rest}."),
    "test": NamedPrompt(command="run", prompt="{rest}"),
}


def commands(text: str) -> list[Command | InvalidCommand]:
    return [said.command for said in read(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("/codegen run fix it", [Run("fix it")]),
        ("/CODEGEN Run fix it", [Run("fix it")]),
        ("   /codegen\trun fix it", [Run("fix it")]),
        ("Thanks!\n/codegen run fix it", [Run("fix it")]),
        ("/codegen run fix it\r\nand that", [Run("fix it\nand that")]),
        ("/codegen run\n- a\n- b", [Run("- a\n- b")]),
        ("/codegen run a\n/codegen run b\n\n/codegen status", [Run("a"), Run("b"), Status()]),
        (
            "/codegen run fix this:\n\n```py\n/codegen run no\n```\n\nplease",
            [Run("fix this:\n\n```py\n/codegen run no\n```\n\nplease")],
        ),
        ("/codegen run as said:\n> /codegen run no", [Run("as said:\n> /codegen run no")]),
        ("/codegen run fix\n---\nmore", [Run("fix\n---\nmore")]),
        ("> <!-- a -->\n\n/codegen run fix it", [Run("fix it")]),
        ("> say `<!--` there\n\n/codegen run fix it", [Run("fix it")]),
        ("> <!--\n\nhidden -->\n\n/codegen run fix it", [Run("fix it")]),
        ("/codegen run fix <!-- hidden --> it", [Run("fix  it")]),
        ("/codegen run fix\n\n<!-- hidden\nlines -->\n\nit", [Run("fix\n\n\n\n\nit")]),
        ("/codegen run show `<!-- this -->`", [Run("show `<!-- this -->`")]),
        ("/codegen", [Help()]),
        ("/codegen help run", [Help("run")]),
        ("/codegen resume go on", [Resume("go on")]),
        ("/codegen resume 7 go on", [Resume("go on", 7)]),
        ("/codegen resume #7 is still open", [Resume("#7 is still open")]),
        ("/codegen resume https://codegen.com/agent/trace/7 go on", [Resume("go on", 7)]),
        ("/codegen resume 7up is a drink", [Resume("7up is a drink")]),
        ("/codegen status 12", [Status(12)]),
        ("/codegen users 12345678901", [Users(12345678901)]),
        ("/codegen status\n\nThank you!", [Status()]),
    ],
)
def test_commands_in_plain_text_are_read(text: str, expected: list[Command]) -> None:
    assert commands(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "",
        "please /codegen run fix it",
        "/codegenrun fix it",
        "/codegens run fix it",
        "@codegen run fix it",
        "> /codegen run fix it",
        "> <!--\n/codegen run fix it",
        "> <!--\n\n/codegen run fix it",
        "> said <!-- hm\n\n/codegen run fix it\n\n-->",
        "> - <!--\n\n/codegen run fix it",
        "> somebody said\n/codegen run this is still the quotation",
        "```\n/codegen run fix it\n```",
        "~~~\n/codegen run an unclosed fence",
        "    /codegen run fix it",
        "`/codegen run fix it`",
        "`\n/codegen run fix it\n`",
        "<details>\n\n/codegen run something folded\n\n</details>",
        "<!-- /codegen run fix it -->",
        "<!--\n/codegen run fix it\n-->",
        "<!--\n\n/codegen run an unclosed comment",
        "hidden <!--\n/codegen run fix it\n--> in a paragraph",
        "<pre>\n/codegen run fix it\n</pre>",
        "- /codegen run fix it",
        "1. one\n   /codegen run fix it",
        "\\/codegen run fix it",
        "# /codegen run fix it",
    ],
)
def test_code_quotes_and_html_comments_are_not_read(text: str) -> None:
    assert commands(text) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("-m fast fix it", Run("fix it", model="fast")),
        ("--model=fast fix it", Run("fix it", model="fast")),
        ('--model "fast" fix "it"', Run('fix "it"', model="fast")),
        ("—model fast fix it", Run("fix it", model="fast")),
        ("--agent-type claude-code -r 101 fix it", Run("fix it", agent_type="claude_code", repo_id=101)),
        ("-i https://a/1.png -i https://a/2.png look", Run("look", images=("https://a/1.png", "https://a/2.png"))),
        ("-- --model is broken", Run("--model is broken")),
        ("- a dash", Run("- a dash")),
        ("-m fast\n--not-a-flag", Run("--not-a-flag", model="fast")),
        ("keep  --model x as typed", Run("keep  --model x as typed")),
    ],
)
def test_flags_stand_before_the_prompt(text: str, expected: Run) -> None:
    assert commands(f"/codegen run {text}") == [expected]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (
            "rnu fix",
            "There is no command `rnu`. Did you mean `run`? For example: `/codegen run fix the flaky checkout test`",
        ),
        (
            "frobnicate",
            (
                "There is no command `frobnicate`. `/codegen help` lists all commands. "
                "For example: `/codegen run fix the flaky checkout test`"
            ),
        ),
        ("help statsu", "There is no command `statsu`. Did you mean `status`? For example: `/codegen status 7`"),
        (
            "run",
            "The prompt is missing: say what to do. For example: `/codegen run fix the flaky checkout test`",
        ),
        (
            "run --modle x fix",
            "There is no flag `--modle` here. Did you mean `--model`? For example: `/codegen run fix the flaky checkout test`",
        ),
        (
            "run --zzz fix",
            (
                "There is no flag `--zzz` here. If it belongs to the prompt, put `--` before the prompt. "
                "For example: `/codegen run fix the flaky checkout test`"
            ),
        ),
        ("run --model", "`--model` needs a value. For example: `/codegen run fix the flaky checkout test`"),
        ("run -m a -m b x", "`--model` was given twice. For example: `/codegen run fix the flaky checkout test`"),
        (
            "run -m 'a x",
            "A quotation mark behind `--model` is not closed. For example: `/codegen run fix the flaky checkout test`",
        ),
        (
            "run -r shop x",
            "`--repo-id` takes Codegen's number of a repository. For example: `/codegen run fix the flaky checkout test`",
        ),
        (
            "run -a de/vin x",
            "`--agent-type` takes an agent's name: letters, digits and single `-` or `_`. For example: `/codegen run fix the flaky checkout test`",
        ),
        (
            "run -i file:///etc/passwd x",
            (
                "`--image` takes an address that starts with `https://`, or a `data:image/` one. "
                "For example: `/codegen run fix the flaky checkout test`"
            ),
        ),
        (
            "resume 7",
            "The prompt is missing: say what to do. For example: `/codegen resume also update the changelog`",
        ),
        ("status of it", "`status` takes a run number and nothing else. For example: `/codegen status 7`"),
    ],
)
def test_mistake_gets_one_sentence_and_an_example(text: str, sentence: str) -> None:
    [mistake] = commands(f"/codegen {text}")

    assert isinstance(mistake, InvalidCommand)
    assert mistake.text == sentence


def test_edit_brings_in_only_what_was_not_there() -> None:
    before = "/codegen run a\n/codegen run b"

    assert new_since(before, before) == []
    assert [said.command for said in new_since(before, f"{before}\n/codegen run c")] == [Run("c")]
    assert [said.command for said in new_since(before, "/codegen run b\n/codegen run a")] == []
    assert [(said.command, said.occurrence) for said in new_since(before, f"/codegen run a\n{before}")] == [
        (Run("a"), 1)
    ]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("/codegen run fix the login", "/codegen run fix the login\n\nEDIT: thanks"),
        ("/codegen run fix the login", "Hello!\n/codegen run fix the login and the logout\nEDIT: thanks"),
        ("/codegen run fix the login\n\nEDIT: thanks", "/codegen run fix the login"),
        ("/codegen run fix teh lgoin", "/codegen run fix the login"),
        ("/codegen run -m fast fix teh login", "/codegen run --model fast fix the login"),
        ("/codegen resume 7 fix teh login", "/codegen resume 7 fix the login"),
        ("/codegen analyze-logs 7", "/codegen analyze-logs 7\n\nEDIT: thanks"),
        ("/codegen run a test\n/codegen run b tset", "/codegen run a test, please\n/codegen run b test"),
        ("/codegen tests all", "/codegen tests all\nEDIT: thanks"),
    ],
)
def test_edit_of_a_commands_text_starts_nothing(before: str, after: str) -> None:
    assert new_since(before, after, prompts=NAMED) == []


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        ("/codegen run fix teh login\n\nEDIT: thanks", True),
        ("Hi\n/codegen run fix the login now\n/codegen help", True),
        ("/codegen run fix the login", False),
        ("/codegen run fix teh", False),
        ("/codegen run fix teh login\n/codegen run test it", False),
        ("/codegen run fix teh login\n/codegen status 7\nEDIT: thanks", False),
        ("Hi", False),
    ],
)
def test_given_text_since_ignores_corrected_words(after: str, *, expected: bool) -> None:
    found = given_text_since("/codegen run fix teh login\n/codegen status 7", after)
    assert [each.command for each in found] == ([Run("fix teh login")] if expected else [])


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("/codegen rnu fix it", "/codegen run fix it", Run("fix it")),
        ("/codegen run", "/codegen run fix it", Run("fix it")),
        ("/codegen run fix it", "/codegen run fix it\nEDIT\n/codegen run test it", Run("test it")),
        ("/codegen run fix it", "/codegen run fix it\n/codegen run fix it again", Run("fix it again")),
        ("/codegen run fix it", "/codegen run -m fast fix it", Run("fix it", model="fast")),
        ("/codegen run fix login", "/codegen run remove colours", Run("remove colours")),
        ("/codegen run fix it", "/codegen resume fix it", Resume("fix it")),
        ("/codegen status 7", "/codegen status 8", Status(8)),
        ("Hi", "Hi\n/codegen run fix it", Run("fix it")),
    ],
)
def test_edit_that_adds_a_command_counts(before: str, after: str, expected: Command) -> None:
    assert [said.command for said in new_since(before, after)] == [expected]


@pytest.mark.parametrize(
    "text",
    [
        *(f"{unseen}/codegen run fix it" for unseen in BLANKS + INVISIBLE),
        *(f"/codegen{unseen}run fix it" for unseen in BLANKS + INVISIBLE),
        " \u200b /codegen run fix it",
        "Hi\n\xa0\xa0/codegen\xa0run\xa0fix it",
        "/codegen: run fix it",
        "/codegen, run fix it",
        "/codegen \u200brun\u200b fix it",
        "/codegen,\ufeff run fix it",
    ],
)
def test_unseen_characters_and_punctuation_around_the_prefix(text: str) -> None:
    assert commands(text) == [Run("fix it")]


@pytest.mark.parametrize("text", ["/codegen:", "/codegen,\n", "/codegen\u200b", "\ufeff/codegen"])
def test_prefix_alone_asks_for_help(text: str) -> None:
    assert commands(text) == [Help()]


@pytest.mark.parametrize("text", ["/codegen:run x", "/codegen,run x", "/codegen. run x", "\u200b    x /codegen run"])
def test_other_words_are_no_prefix(text: str) -> None:
    assert commands(text) == []


def test_edit_to_another_named_prompt_counts() -> None:
    assert len(new_since("/codegen tests all", "/codegen test all", prompts=NAMED)) == 1


def test_another_prefix_can_be_used() -> None:
    assert [said.command for said in read("/bot run x\n/codegen run y", prefix="/bot")] == [Run("x\n/codegen run y")]


def test_comment_of_very_many_commands_is_bounded() -> None:
    """The first twenty are carried out, one mistake tells of the others."""
    read_commands = commands("/codegen status\n" * 5000)

    assert read_commands[:-1] == [Status()] * COMMANDS_A_COMMENT
    assert isinstance(read_commands[-1], InvalidCommand)


@pytest.mark.parametrize(
    "text",
    [
        "> " * 32_000 + "/codegen run",
        "- " * 32_000 + "/codegen",
        "`" * 65_000 + "\n/codegen",
        "/codegen " + "` `` " * 13_000,
        "<!--" * 16_000 + "\n/codegen run",
        "[a]:" * 16_000 + "/codegen",
        "/codegen run x\n" + "<!-- a\n" * 9_000,
        "\n".join("`" * length for length in range(350)) + "\n/codegen",
        "/codegen run x `\n" * 4_000,
        "a\n> " * 16_000 + "\n/codegen",
        "/codegen run " + "--image http://a " * 3_500,
    ],
    ids=range(11),
)
def test_hostile_comment_takes_no_more_than_a_moment(text: str) -> None:
    with never_stuck():
        read(text)


MARKDOWN = st.text(st.sampled_from("/codegen run>`~-<!->\n\t #*[]()\\'\"=\x00\r\u2028é1."), max_size=200)
WORDS = st.lists(
    st.sampled_from(
        [
            "/codegen",
            "run",
            "\n",
            "\n\n",
            "```",
            "`",
            ">",
            "<!--",
            "-->",
            "--model",
            "=",
            "'",
            "x",
            "- ",
            "    ",
            "help",
        ]
    )
).map(" ".join)


@given(MARKDOWN | WORDS | st.text(max_size=300).map("/codegen ".__add__))
@example("/codegen run --model '")
@example("/codegen run \x00")
def test_no_text_makes_it_raise(text: str) -> None:
    for said in read(text):
        assert from_json(to_json(said.command)) == said.command


@given(WORDS.map(lambda text: text.replace("`", "").replace("\n", "\n    ")))
def test_text_inside_a_code_block_is_never_a_command(text: str) -> None:
    assert read(f"```\n{text}\n/codegen run x\n```") == []


@given(WORDS.map(lambda text: "> " + text.replace("\n", "\n> ")))
def test_text_inside_a_quotation_is_never_a_command(text: str) -> None:
    assert read(text + "\n> /codegen run x") == []


@given(WORDS.map(lambda text: text.replace("-->", "").replace("--", "")))
def test_text_inside_an_html_comment_is_never_a_command(text: str) -> None:
    assert read(f"<!-- {text}\n/codegen run x\n-->") == []


@given(WORDS.map(lambda text: text.replace("`", "").replace("\n\n", "")))
def test_text_inside_inline_code_is_never_a_command(text: str) -> None:
    line = " ".join(text.split())

    assert read(f"``x {line}\n/codegen run x`` and more") == []
