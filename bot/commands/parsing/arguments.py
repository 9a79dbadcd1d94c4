"""Parses one command: ``<name> [flags] [prompt]``, the text that follows the prefix."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from bot.commands.help import Help
from bot.commands.registry import COMMANDS, Command
from bot.commands.usage import Flag, InvalidCommand, NamedPromptUse, ParseError, Usage
from bot.execution.repository_config.model import NamedPrompt
from bot.text.unseen import INVISIBLE

NO_PROMPTS: Mapping[str, NamedPrompt] = MappingProxyType({})

FLAGS_A_COMMAND = 30
"""Most flags of one command, repeated ones included."""

Parsed = tuple[Command | InvalidCommand, NamedPromptUse | None]
"""A command, and the named prompt that it came from."""

_WORD = re.compile(r"\S+")
_UNSEEN = re.compile(rf"\A[\s{INVISIBLE}]+")
_HELP_FLAGS = frozenset({"-h", "--help"})
_AFTER_A_NAME = "!?.,:;\\…"


def parse(text: str, *, prefix: str, prompts: Mapping[str, NamedPrompt] = NO_PROMPTS) -> Parsed:
    """Parses a command; never raises, whatever the text.

    :param text: the text after the prefix; its first line belongs to the command
    :param prompts: the repository's named prompts
    """
    found = _WORD.match(text := _UNSEEN.sub("", text, count=1).rstrip())
    if found is None or found[0].lower() in _HELP_FLAGS:
        return Help(), None
    name, rest = found[0].strip(INVISIBLE).lower().replace("_", "-"), text[found.end() :]
    kind = _kind(name, prompts)
    if kind is None:
        # "help!", "whoami?"
        name = name.rstrip(_AFTER_A_NAME)
        kind = _kind(name, prompts)
    if kind is None:
        return _unknown_name(name, prefix, prompts), None
    try:
        flags, prompt = _split_flags(rest, kind.USAGE)
        parsed = (Help(name), None) if flags is None else _read(name, kind, flags, prompt, prompts)
    except ParseError as error:
        example = name if name in prompts else kind.USAGE.example
        return InvalidCommand(f"{error} For example: `{prefix} {example}`", name), None
    match parsed[0]:
        case Help(name=str(topic)) if _kind(topic, prompts) is None:
            return _unknown_name(topic, prefix, prompts), None
    return parsed


def build(
    name: str, flags: dict[str, list[str]], rest: str, *, prompts: Mapping[str, NamedPrompt] = NO_PROMPTS
) -> Parsed:
    """Builds a command from separate parts: a workflow step's inputs.

    :param flags: values by the long option
    :param rest: what would follow the flags
    :raises ParseError: if there is no such command or a part is invalid
    """
    kind = _kind(name, prompts)
    if kind is None:
        near = _nearest(name, [*COMMANDS, *prompts])
        raise ParseError(f"There is no command {_code(name)}.{f' Did you mean `{near}`?' if near else ''}")
    known = {flag.name: flag for flag in kind.USAGE.flags}
    for flag, values in flags.items():
        if flag not in known:
            raise ParseError(f"`{name}` takes no `{flag}`.")
        if len(values) > 1 and not known[flag].repeatable:
            raise ParseError(f"`{name}` takes one `{flag}`.")
    return _read(name, kind, flags, rest, prompts)


def _kind(name: str, prompts: Mapping[str, NamedPrompt]) -> type[Command] | None:
    """The class of a command, or of the command that a named prompt is based on."""
    return COMMANDS.get(prompts[name].command if name in prompts else name)


def _read(
    name: str, kind: type[Command], flags: Mapping[str, list[str]], rest: str, prompts: Mapping[str, NamedPrompt]
) -> Parsed:
    if name not in prompts:
        return kind.read(flags, rest), None
    # The prompt is the repository's, so the name alone is enough.
    return kind.read(flags, rest.strip() or name), NamedPromptUse(name, prompts[name].prompt, rest.strip())


def _unknown_name(name: str, prefix: str, prompts: Mapping[str, NamedPrompt]) -> InvalidCommand:
    near = _nearest(name, [*COMMANDS, *prompts])
    hint = f"Did you mean `{near}`?" if near else f"`{prefix} help` lists all commands."
    known = near or "run"
    example = COMMANDS[known].USAGE.example if known in COMMANDS else known
    text = f"There is no command {_code(name)}. {hint} For example: `{prefix} {example}`"
    return InvalidCommand(text, near or "unknown")


def _nearest(typed: str, known: Iterable[str]) -> str | None:
    return next(iter(difflib.get_close_matches(typed[:40], [*known], n=1, cutoff=0.5)), None)


def _split_flags(text: str, usage: Usage) -> tuple[dict[str, list[str]] | None, str]:
    """The flags at the beginning (None if one is ``--help``), and the rest exactly as typed.

    Flags must be on the command's own line: a prompt on the next line may begin with a dash, as a list does.
    """
    known = {spelling: flag for flag in usage.flags for spelling in (flag.name, flag.short)}
    flags: dict[str, list[str]] = {}
    position = 0
    for _ in range(FLAGS_A_COMMAND + 1):
        start = _skip_blanks(text, position)
        typed = _WORD.match(text, start)
        word = _with_plain_dashes(typed[0], known) if typed else ""
        if word == "--":
            return flags, text[start + len("--") :]
        if word in _HELP_FLAGS:
            return None, ""
        if typed is None or not re.match("--?[A-Za-z]", word):
            return flags, text[start:]
        flag, value, position = _read_flag(text, typed, word, known)
        if flag.name in flags and not flag.repeatable:
            raise ParseError(f"`{flag.name}` was given twice.")
        flags.setdefault(flag.name, []).append(value)
    raise ParseError(f"A command takes {FLAGS_A_COMMAND} flags at most.")


def _skip_blanks(text: str, position: int) -> int:
    while position < len(text) and text[position].isspace() and text[position] != "\n":
        position += 1
    return position


def _with_plain_dashes(word: str, known: Iterable[str]) -> str:
    """Phones and word processors turn hyphens into dashes: any run of them before a known flag's name is that flag."""
    name = word.lstrip(_DASHES)
    if not name:
        return "--" if word in {"—", "–", "——", "––", "−−", "‑‑"} else word  # noqa: RUF001 - the dashes are the point
    dashes = word[: len(word) - len(name)]
    spellings = (f"--{name}", f"-{name}") if dashes else ()
    flag = name.partition("=")[0]
    return next((plain for plain in spellings if plain.removesuffix(name) + flag in {*known, *_HELP_FLAGS}), word)


_DASHES = "-‐‑‒–—―−⁃﹘﹣－"  # noqa: RUF001 - the dashes are the point


def _read_flag(text: str, typed: re.Match[str], word: str, known: dict[str, Flag]) -> tuple[Flag, str, int]:
    """The flag, its value, and the position after it."""
    spelling, equals, _ = word.partition("=")
    flag = known.get(spelling)
    if flag is None:
        raise ParseError(_unknown_flag(spelling, known))
    after = text.index("=", typed.start()) + 1 if equals else _skip_blanks(text, typed.end())
    if after >= len(text) or text[after].isspace():
        raise ParseError(f"`{flag.name}` needs a value.")
    value, end = _read_value(text, after, flag)
    return flag, value, end


def _read_value(text: str, start: int, flag: Flag) -> tuple[str, int]:
    """A word parsed like a shell does, with its quotes and backslashes, and where it ends.

    `shlex` takes quadratic time: it adds each letter to a string.
    """
    parts: list[str] = []
    position = start
    if quoted := _TYPOGRAPHIC.match(text, start):
        return quoted[quoted.lastindex or 0].strip(), quoted.end()
    if text[start] in _OPENS_A_QUOTATION:
        raise ParseError(f"A quotation mark behind `{flag.name}` is not closed.")
    while position < len(text) and text[position] not in _ENDS_A_VALUE:
        part = _PART_OF_A_VALUE.match(text, position)
        if part is None:
            raise ParseError(f"A quotation mark behind `{flag.name}` is not closed.")
        parts.append(_ESCAPED.sub(r"\1", part["quoted"]) if part["quoted"] is not None else part[part.lastindex or 0])
        position = part.end()
    if not (value := "".join(parts)):
        raise ParseError(f"`{flag.name}` needs a value.")
    return value, position


_ENDS_A_VALUE = " \t\r\n"
_PART_OF_A_VALUE = re.compile(r"""([^ \t\r\n"'\\]+)|'([^']*)'|"(?P<quoted>[^"\\]*(?:\\.[^"\\]*)*)"|\\(.)""", re.DOTALL)
_ESCAPED = re.compile(r"""\\(["\\])""")
_OPENS_A_QUOTATION = "“„”«»"
_QUOTES = ("“”", "„“", "„”", "””", "«»", "»«", "‘’", "‚‘", "‚’", "‹›", "›‹")  # noqa: RUF001 - the quotes are the point
# On one line, and up to the first closing one that ends a word: an apostrophe is no quote.
_TYPOGRAPHIC = re.compile("|".join(rf"{pair[0]}([^\n{pair[0]}]+?){pair[1]}(?=\s|$)" for pair in _QUOTES))


def _unknown_flag(spelling: str, known: Iterable[str]) -> str:
    near = _nearest(spelling, known)
    hint = f"Did you mean `{near}`?" if near else "If it belongs to the prompt, put `--` before the prompt."
    return f"There is no flag {_code(spelling)} here. {hint}"


def _code(text: str) -> str:
    """User input, made safe for inline code."""
    letters = re.sub(r"[^\w./:=+-]", "", text)[:40]
    return f"`{letters}`" if letters else "like that"
