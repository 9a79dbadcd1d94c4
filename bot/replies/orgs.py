"""The reply to ``orgs``."""

from __future__ import annotations

from collections.abc import Sequence

from bot.codegen.models import Organization
from bot.replies.markers import Stage
from bot.replies.phrases import one_line, table
from bot.replies.reply import Reply


def orgs(organizations: Sequence[Organization], *, own: int) -> Reply:
    """:param own: the organization that the bot works for"""
    if not organizations:
        return Reply(stage=Stage.FINISHED, text="The bot's token sees no organization of Codegen.")
    count = "1 organization" if len(organizations) == 1 else f"{len(organizations)} organizations"
    rows = [_row(each) for each in organizations]
    parts = (
        f"The bot's token sees {count} of Codegen; the bot works for {_own(organizations, own)}.",
        table(("number", "name", "agents open pull requests", "rules are detected"), rows),
    )
    return Reply(stage=Stage.FINISHED, text="\n\n".join(parts))


def _own(organizations: Sequence[Organization], own: int) -> str:
    name = next((one_line(each.name, 80) for each in organizations if each.id == own), "")
    return f"{name} ({own})" if name else f"organization {own}, which is not among them"


def _row(organization: Organization) -> tuple[str, ...]:
    settings = organization.settings
    return (
        f"{organization.id}",
        one_line(organization.name, 80),
        "yes" if settings.enable_pr_creation else "no",
        "yes" if settings.enable_rules_detection else "no",
    )
