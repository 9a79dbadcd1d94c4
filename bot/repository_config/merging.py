"""Merges a repository's config file over its organisation's."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from bot.repository_config import sentences
from bot.repository_config.document import Document
from bot.repository_config.model import Names, RepositoryConfig
from bot.repository_config.problems import ConfigProblem, ConfigProblems

_ONE_VALUE = frozenset({"allowed-bots"})
"""Maps that are not merged key by key: a repository must be able to exclude a bot that the organisation allows."""


def merge(organisation: RepositoryConfig | None, repository: RepositoryConfig | None) -> RepositoryConfig:
    """The config of a repository: its own file, and for missing keys the organisation's.

    Maps are merged key by key; a named prompt is one value. A list is one value too, and so are the allowed bots. The
    keys in a file count (pydantic's fields set), so an explicit ``null`` or default overrides the organisation's value.

    :param organisation: None if there is no such file; `repository` likewise
    :raises ConfigProblems: if two valid files together give two labels the same name, or have too many prompts
    """
    said = _said(organisation)
    for key, value in _said(repository).items():
        is_merged = isinstance(value, dict) and key not in _ONE_VALUE
        said[key] = {**said.get(key, {}), **value} if is_merged else value
    try:
        return RepositoryConfig.model_validate(said, by_alias=True, by_name=False)
    except ValidationError as error:
        told = [sentences.problem(each, Document(""), Names(commands=())) for each in error.errors(include_url=False)]
        together = "Together with the organisation's file: "
        raise ConfigProblems([ConfigProblem(None, None, f"{together}{each.sentence}") for each in told]) from None


def merge_what_fits(organisation: RepositoryConfig | None, repository: RepositoryConfig | None) -> RepositoryConfig:
    """The same for two files that conflict: the organisation's labels and prompts are dropped."""
    try:
        return merge(organisation, repository)
    except ConfigProblems:
        pass
    said = _said(organisation)
    return merge(
        RepositoryConfig.model_validate(
            {key: said[key] for key in said if key not in {"labels", "prompts"}}, by_alias=True
        ),
        repository,
    )


def _said(config: RepositoryConfig | None) -> dict[str, Any]:
    return config.model_dump(by_alias=True, exclude_unset=True) if config is not None else {}
