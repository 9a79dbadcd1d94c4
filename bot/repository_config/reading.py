"""Parses a config file's text, or reports everything that is wrong with it."""

from __future__ import annotations

from collections.abc import Collection

from pydantic import ValidationError

from bot.repository_config import document, sentences
from bot.repository_config.model import Names, RepositoryConfig
from bot.repository_config.problems import ConfigProblem, ConfigProblems


def read(text: str, *, commands: Collection[str], measures: bool = False) -> RepositoryConfig:
    """Parses a config file; an empty one sets nothing.

    :param commands: the names of the built-in commands
    :param measures: refuses secret patterns that take too long on hostile texts; trying them takes up to seconds
    :returns: a config whose ``model_fields_set`` are the keys in the file
    :raises ConfigProblems: for any invalid text, with all the problems that can be found at once
    """
    loaded = document.load(text)
    prompts = loaded.data.get("prompts")
    known_prompts = prompts.keys() if isinstance(prompts, dict) else ()
    names = Names(commands=commands, prompts=known_prompts, measures=measures)
    try:
        config = RepositoryConfig.model_validate(loaded.data, by_alias=True, by_name=False, context=names)
    except ValidationError as error:
        found = [each for each in error.errors(include_url=False) if each["loc"] not in loaded.broken]
        raise ConfigProblems(loaded.problems + [sentences.problem(each, loaded, names) for each in found]) from None
    if loaded.problems:
        raise ConfigProblems(loaded.problems)
    return config


def decode(content: bytes) -> str:
    """A config file's bytes as text.

    :raises ConfigProblems: if it is not UTF-8
    """
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ConfigProblems([ConfigProblem(line, None, "The file is not UTF-8 text.")]) from None
