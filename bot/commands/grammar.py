"""One command's words: ``<name> [flags] [prompt]``, from the text that follows the prefix."""

from __future__ import annotations

import difflib
import io
import re
import shlex
from collections.abc import Iterable

from bot.commands.help import Help
from bot.commands.table import COMMANDS, Command
from bot.commands.usage import Flag, MisreadError, Mistake, Usage

_WORD = re.compile(r"\S+")


def parse(text: str, *, prefix: str) -> Command | Mistake:
    """The command that a text says; never raises, whatever the text.

    :param text: what follows the prefix, its first line being the command's
    """
    found = _WORD.match(text := text.strip())
    if found is None:
        return Help()
    name, rest = found[0].lower(), text[found.end() :]
    command = COMMANDS.get(name.replace("_", "-"))
    if command is None:
        return _unknown_name(name, prefix)
    usage = command.USAGE
    try:
        flags, prompt = _split_flags(rest, usage)
        read: Command = command.read(flags, prompt)
    except MisreadError as error:
        return Mistake(f"{error} For example: `{prefix} {usage.example}`", usage.name)
    if isinstance(read, Help) and read.name is not None and read.name not in COMMANDS:
        return _unknown_name(read.name, prefix)
    return read


def _unknown_name(name: str, prefix: str) -> Mistake:
    shown = _code(name)
    near = difflib.get_close_matches(name, COMMANDS, n=1, cutoff=0.5)
    if near:
        hint, name_meant = f"Did you mean `{near[0]}`?", near[0]
    else:
        hint, name_meant = f"`{prefix} help` shows all there are.", "run"
    text = f"There is no command {shown}. {hint} For example: `{prefix} {COMMANDS[name_meant].USAGE.example}`"
    return Mistake(text, near[0] if near else "unknown")


def _split_flags(text: str, usage: Usage) -> tuple[dict[str, list[str]], str]:
    """The flags at the beginning, and the rest exactly as it was typed.

    Flags stand on the command's own line: a prompt that begins on the next line may begin with a dash, as a list does.
    """
    known = {spelling: flag for flag in usage.flags for spelling in (flag.name, flag.short)}
    flags: dict[str, list[str]] = {}
    position = 0
    while True:
        start = _skip_blanks(text, position)
        word = text[start : start + 1000].split(maxsplit=1)[0] if text[start:] and text[start] != "\n" else ""
        word = _with_plain_dashes(word, known)
        if word == "--":
            return flags, text[start + 2 :]
        if not re.match(r"--?[A-Za-z]", word):
            return flags, text[start:]
        flag, value, position = _read_flag(text, start, word, known)
        if flag.name in flags and not flag.many:
            raise MisreadError(f"`{flag.name}` was given twice.")
        flags.setdefault(flag.name, []).append(value)


def _skip_blanks(text: str, position: int) -> int:
    while position < len(text) and text[position] in " \t":
        position += 1
    return position


def _with_plain_dashes(word: str, known: Iterable[str]) -> str:
    """Telephones turn two hyphens into a dash; what is then a known flag was meant as one."""
    plain = re.sub("^[—–]", "--", word)  # noqa: RUF001 - the dashes are the point
    return plain if plain.partition("=")[0] in known else word


def _read_flag(text: str, start: int, word: str, known: dict[str, Flag]) -> tuple[Flag, str, int]:
    """The flag, its value, and where the text goes on behind it."""
    spelling, equals, _ = word.partition("=")
    flag = known.get(spelling)
    if flag is None:
        raise MisreadError(_unknown_flag(spelling, known))
    after = text.index("=", start) + 1 if equals else _skip_blanks(text, start + len(text[start:].split(maxsplit=1)[0]))
    if after >= len(text) or text[after] in " \t\n":
        raise MisreadError(f"`{flag.name}` needs a value.")
    # shlex knows quotes and backslashes; the stream tells how far it has read.
    stream = io.StringIO(text[after:])
    lexer = shlex.shlex(stream, posix=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        value = lexer.get_token()
    except ValueError:
        raise MisreadError(f"A quotation mark behind `{flag.name}` is not closed.") from None
    if not value:
        raise MisreadError(f"`{flag.name}` needs a value.")
    end = after + stream.tell()
    # The lexer has also read the one character that ended the value; a line's end is still wanted.
    return flag, value, end - 1 if text[end - 1] in " \t\n\r" else end


def _unknown_flag(spelling: str, known: dict[str, Flag]) -> str:
    near = difflib.get_close_matches(spelling, known, n=1, cutoff=0.5)
    hint = f"Did you mean `{near[0]}`?" if near else "If it belongs to the prompt, put `--` before the prompt."
    return f"There is no flag {_code(spelling)} here. {hint}"


def _code(text: str) -> str:
    """What somebody typed, as it may stand in inline code."""
    letters = re.sub(r"[^\w./:=+-]", "", text)[:40]
    return f"`{letters}`" if letters else "like that"
