"""Replies to ``repos``."""

from __future__ import annotations

from collections.abc import Sequence

from bot.codegen.models import Repository
from bot.replies.markers import Stage
from bot.replies.phrases import one_word, table
from bot.replies.reply import Reply


def repos(repositories: Sequence[Repository], *, here: str) -> Reply:
    """:param here: this thread's repository; it is listed first, or reported as unknown to Codegen"""

    def is_here(repository: Repository) -> bool:
        return repository.full_name.lower() == here.lower()

    own = next((each for each in repositories if is_here(each)), None)
    known = f"; this one is number {own.id}" if own else f", but not `{here}`: Codegen's settings add it"
    if not repositories:
        return Reply(stage=Stage.FINISHED, text="Codegen knows no repository yet: Codegen's settings add them.")
    count = "1 repository" if len(repositories) == 1 else f"{len(repositories)} repositories"
    rows = [_row(each, is_here=is_here(each)) for each in sorted(repositories, key=lambda each: not is_here(each))]
    shown = table(("number", "repository", "language", "visibility", "set-up"), rows)
    return Reply(stage=Stage.FINISHED, text=f"Codegen knows {count}{known}.\n\n{shown}")


def repo(own: Repository | None, *, here: str) -> Reply:
    """The reply about this repository alone.

    :param own: None if Codegen has no access to it
    """
    known = f"knows `{here}` as number {own.id}" if own else f"does not know `{here}`: Codegen's settings add it"
    return Reply(
        stage=Stage.FINISHED,
        text=(
            f"Codegen {known}. Others are not shown, because anybody can read this repository.\n\n"
            "All of them: `codegen-bot repos` on the command line, with a Codegen token of your own"
        ),
    )


def _row(repository: Repository, *, is_here: bool) -> tuple[str, ...]:
    notes = (" (here)" if is_here else "", " (archived)" if repository.archived else "")
    return (
        f"{repository.id}",
        f"{one_word(repository.full_name, 150)}{''.join(notes)}",
        one_word(repository.language or "", 40),
        one_word(repository.visibility or "", 40),
        one_word(repository.setup_status, 40),
    )
