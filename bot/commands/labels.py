"""Labels that say something: some ask for work once, others are a state that is kept true."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from bot.github.models import Label


class LabelRole(StrEnum):
    """What a label stands for. Its name on GitHub can be changed in the repository's config."""

    RUN = "run"
    MULTI_RUN = "multi-run"
    ANALYZE_LOGS = "analyze-logs"
    REMOVE = "remove"
    BAN_CHECKS = "ban-checks"
    STARRED = "starred"

    @property
    def is_state(self) -> bool:
        """Whether it stays on; one that is none comes off when its work is done."""
        return self in {LabelRole.BAN_CHECKS, LabelRole.STARRED}


LABELS: Mapping[LabelRole, Label] = {
    LabelRole.RUN: Label("codegen:run", "5319e7", "Starts a Codegen agent here, once"),
    LabelRole.MULTI_RUN: Label("codegen:multi-run", "5319e7", "Lets several Codegen agents try, once"),
    LabelRole.ANALYZE_LOGS: Label("codegen:analyze-logs", "5319e7", "Explains the failed checks, once"),
    LabelRole.REMOVE: Label("codegen:remove", "b60205", "Takes Codegen off this pull request, once"),
    LabelRole.BAN_CHECKS: Label("codegen:ban-checks", "d93f0b", "Codegen does not react to the checks here"),
    LabelRole.STARRED: Label("codegen:starred", "fbca04", "The team has starred a Codegen run of this"),
}
"""The labels as the bot makes them where they are missing: usual name, colour, description."""
