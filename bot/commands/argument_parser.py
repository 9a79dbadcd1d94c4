"""Parses one command: ``<name> [flags] [prompt]``, the text that follows the prefix."""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable, Mapping
from types import MappingProxyType

from bot.commands.help import Help
from bot.commands.multi_run import MultiRun
from bot.commands.named import Named
from bot.commands.run import Run
from bot.commands.table import COMMANDS, Command
from bot.commands.usage import Flag, InvalidCommand, ParseError, Usage
from bot.repository_config.model import NamedPrompt

NO_PROMPTS: Mapping[str, NamedPrompt] = MappingProxyType({})

FLAGS_A_COMMAND = 30
"""Most flags of one command, repeated ones included."""

_WORD = re.compile(r"\S+")
_ASKS_FOR_HELP = frozenset({"-h", "--help"})


def parse(
    text: str, *, prefix: str, prompts: Mapping[str, NamedPrompt] = NO_PROMPTS
) -> Command | Named | InvalidCommand:
    """Parses a command; never raises, whatever the text.

    :param text: the text after the prefix; its first line belongs to the command
    :param prompts: the repository's named prompts
    """
    found = _WORD.match(text := text.strip())
    if found is None or found[0].lower() in _ASKS_FOR_HELP:
        return Help()
    name, rest = found[0].lower().replace("_", "-"), text[found.end() :]
    if name in prompts:
        return _named(name, prompts[name], rest, prefix)
    command = COMMANDS.get(name)
    if command is None:
        return _unknown_name(name, prefix, prompts)
    usage = command.USAGE
    try:
        flags, prompt = _split_flags(rest, usage)
        read: Command = Help(usage.name) if flags is None else command.read(flags, prompt)
    except ParseError as error:
        return InvalidCommand(f"{error} For example: `{prefix} {usage.example}`", usage.name)
    if isinstance(read, Help) and read.name is not None and read.name not in COMMANDS and read.name not in prompts:
        return _unknown_name(read.name, prefix, prompts)
    return read


def build(
    name: str, flags: dict[str, list[str]], rest: str, *, prompts: Mapping[str, NamedPrompt] = NO_PROMPTS
) -> Command | Named:
    """Builds a command from separate parts: a workflow step's inputs.

    :param flags: values by the long option
    :param rest: what would follow the flags
    :raises ParseError: if there is no such command or a part is invalid; the text has an example
    """
    command = _base(prompts[name]) if name in prompts else COMMANDS.get(name)
    if command is None:
        near = difflib.get_close_matches(name[:40], [*COMMANDS, *prompts], n=1, cutoff=0.5)
        raise ParseError(f"There is no command {_code(name)}.{f' Did you mean `{near[0]}`?' if near else ''}")
    known = {flag.name: flag for flag in command.USAGE.flags}
    for flag, values in flags.items():
        if flag not in known:
            raise ParseError(f"`{name}` takes no `{flag}`.")
        if len(values) > 1 and not known[flag].many:
            raise ParseError(f"`{name}` takes one `{flag}`.")
    if name in prompts:
        return _of_prompt(name, prompts[name], flags, rest)
    built: Command = command.read(flags, rest)
    return built


def _base(prompt: NamedPrompt) -> type[Run | MultiRun]:
    """The command that a named prompt is based on."""
    return Run if prompt.command == "run" else MultiRun


def _of_prompt(name: str, prompt: NamedPrompt, flags: Mapping[str, list[str]], rest: str) -> Named:
    base = _base(prompt)
    # The prompt is the repository's, so the name alone is enough.
    return Named(name, base.read(flags, rest.strip() or name), prompt.prompt, rest.strip())


def _named(name: str, prompt: NamedPrompt, rest: str, prefix: str) -> Command | Named | InvalidCommand:
    base = _base(prompt)
    try:
        flags, words = _split_flags(rest, base.USAGE)
        return Help(name) if flags is None else _of_prompt(name, prompt, flags, words)
    except ParseError as error:
        return InvalidCommand(f"{error} For example: `{prefix} {name}`", name)


def _unknown_name(name: str, prefix: str, prompts: Mapping[str, NamedPrompt]) -> InvalidCommand:
    near = difflib.get_close_matches(name[:40], [*COMMANDS, *prompts], n=1, cutoff=0.5)
    hint = f"Did you mean `{near[0]}`?" if near else f"`{prefix} help` shows all there are."
    known = near[0] if near else "run"
    example = COMMANDS[known].USAGE.example if known in COMMANDS else known
    text = f"There is no command {_code(name)}. {hint} For example: `{prefix} {example}`"
    return InvalidCommand(text, near[0] if near else "unknown")


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
        if word in _ASKS_FOR_HELP:
            return None, ""
        if typed is None or not re.match("--?[A-Za-z]", word):
            return flags, text[start:]
        flag, value, position = _read_flag(text, typed, word, known)
        if flag.name in flags and not flag.many:
            raise ParseError(f"`{flag.name}` was given twice.")
        flags.setdefault(flag.name, []).append(value)
    raise ParseError(f"A command takes {FLAGS_A_COMMAND} flags at most.")


def _skip_blanks(text: str, position: int) -> int:
    while position < len(text) and text[position].isspace() and text[position] != "\n":
        position += 1
    return position


def _with_plain_dashes(word: str, known: Iterable[str]) -> str:
    """Phones turn two hyphens into a dash; if that gives a known flag, it is one."""
    plain = re.sub("^[—–]", "--", word)  # noqa: RUF001 - the dashes are the point
    return plain if plain.partition("=")[0] in {*known, "--"} else word


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


def _unknown_flag(spelling: str, known: dict[str, Flag]) -> str:
    near = difflib.get_close_matches(spelling[:40], known, n=1, cutoff=0.5)
    hint = f"Did you mean `{near[0]}`?" if near else "If it belongs to the prompt, put `--` before the prompt."
    return f"There is no flag {_code(spelling)} here. {hint}"


def _code(text: str) -> str:
    """User input, made safe for inline code."""
    letters = re.sub(r"[^\w./:=+-]", "", text)[:40]
    return f"`{letters}`" if letters else "like that"
