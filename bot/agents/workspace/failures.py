"""Failures of git, GitHub and the disk, as the sentences that users read."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager

from bot.agents.git import GitError, GitProblem
from bot.agents.model import TurnError
from bot.errors import ErrorKind, UpstreamError


@contextmanager
def failures_as_turn_errors() -> Iterator[None]:
    """Translates failures of git, GitHub and the disk into the sentence that ends a turn."""
    try:
        yield
    except GitError as error:
        raise TurnError(error.sentence) from error
    except UpstreamError as error:
        raise TurnError(sentence_of(error)) from error
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise TurnError(GitError(GitProblem.DISK_FULL).sentence) from error
        raise


def sentence_of(error: UpstreamError) -> str:
    """What the user reads when GitHub's API fails."""
    match error.kind:
        case ErrorKind.NOT_FOUND:
            return GitError(GitProblem.NOT_FOUND).sentence
        case ErrorKind.UNAUTHORIZED:
            return GitError(GitProblem.UNAUTHORIZED).sentence
        case ErrorKind.FORBIDDEN:
            return GitError(GitProblem.FORBIDDEN).sentence
        case ErrorKind.RATE_LIMITED:
            return "GitHub's rate limit is used up. Resume the run in an hour."
        case _:
            return "GitHub's API does not work just now. Resume the run later."


@contextmanager
def suppress_no_branch() -> Iterator[None]:
    """Ignores that a ref does not exist."""
    try:
        yield
    except GitError as error:
        if error.problem is not GitProblem.NO_BRANCH:
            raise
