"""Labels with a meaning: some trigger work once, others show a state and are kept in sync with it."""

from __future__ import annotations

from bot.github.models import Label
from bot.repository_config.model import LabelRole, Labels

__all__ = ["LabelRole", "is_state", "label_of"]

_LOOKS = {
    LabelRole.RUN: ("5319e7", "Starts a Codegen agent here, once"),
    LabelRole.MULTI_RUN: ("5319e7", "Lets several Codegen agents try, once"),
    LabelRole.ANALYZE_LOGS: ("5319e7", "Explains the failed checks, once"),
    LabelRole.REMOVE: ("b60205", "Takes Codegen off this pull request, once"),
    LabelRole.BAN_CHECKS: ("d93f0b", "Codegen does not react to the checks here"),
    LabelRole.STARRED: ("fbca04", "The team has starred a Codegen run of this"),
}


def label_of(role: LabelRole, labels: Labels) -> Label:
    """The label as the bot creates it if it is missing: the repository's name for it, colour, description."""
    return Label(labels.name_of(role), *_LOOKS[role])


def is_state(role: LabelRole) -> bool:
    """Whether it stays on; any other label is removed when its work is done."""
    return role in {LabelRole.BAN_CHECKS, LabelRole.STARRED}
