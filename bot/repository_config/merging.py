"""A repository's config file over its organisation's."""

from __future__ import annotations

from typing import Any

from pydantic import ValidationError

from bot.repository_config import sentences
from bot.repository_config.document import Document
from bot.repository_config.model import Names, RepositoryConfig
from bot.repository_config.problems import ConfigProblem, ConfigProblems

_ONE_VALUE = frozenset({"allowed-bots"})
"""Maps that are not merged key by key: a repository must be able to leave out a bot that the organisation lets in."""


def merge(organisation: RepositoryConfig | None, repository: RepositoryConfig | None) -> RepositoryConfig:
    """What holds in a repository: its own file, and where that does not say, the organisation's.

    Maps are merged key by key; a named prompt is one value. A list is one value too, and so are the allowed bots. What
    a file says is what it holds (pydantic's fields set), so ``null`` or a default that is written down goes over the
    organisation's word.

    :param organisation: None where there is no such file; `repository` likewise
    :raises ConfigProblems: where two files that are each fine give the same name to two labels, or too many prompts
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
    """The same for two files that do not fit together: the organisation's labels and prompts give way."""
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
