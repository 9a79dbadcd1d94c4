"""Addresses of GitHub's API: valid repository names, and the paths below a repository."""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import urlencode

from bot.api_path import Segments, UnsafeSegmentError, api_path
from bot.errors import ErrorKind, Service, UpstreamError

_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,38}/(?!\.{1,2}$)[A-Za-z0-9._-]{1,100}", re.ASCII)
"""An owner has letters, digits and hyphens, and an underscore in enterprise-managed accounts; repositories also
have dots."""

HIGHEST_NUMBER = 2**31 - 1
"""Of an issue or a pull request."""


def is_repository(name: str) -> bool:
    """Whether GitHub's rules let a repository have this name: ``owner/name``."""
    return _REPOSITORY.fullmatch(name) is not None


def address(
    operation: str,
    repository: str,
    segments: Segments,
    query: Mapping[str, str] | None = None,
    *,
    is_folder: bool = False,
) -> str:
    """The path and query of a request below a repository's address.

    :param operation: for the error
    :param repository: ``owner/name``; empty for the account or App itself
    :param is_folder: whether the path ends in a slash
    :raises UpstreamError: of kind INVALID, before anything is sent, if a name is not valid in a path
    """
    if repository and not is_repository(repository):
        raise _unsendable(operation, "no repository can have this name")
    try:
        path = api_path(*(("repos", *repository.split("/")) if repository else ()), *segments)
        return path + "/" * is_folder + (f"?{urlencode(query)}" if query else "")
    except (UnsafeSegmentError, UnicodeEncodeError):
        raise _unsendable(operation, "no address can hold this name") from None


def _unsendable(operation: str, detail: str) -> UpstreamError:
    return UpstreamError(Service.GITHUB, ErrorKind.INVALID, operation, detail=f"{detail}; nothing was sent")
