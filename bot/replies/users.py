"""Replies to ``users``.

Never an email address: a comment may be public, and is mailed to all watchers.
"""

from __future__ import annotations

from collections.abc import Sequence

from bot.codegen.models import User
from bot.replies.markers import Stage
from bot.replies.phrases import one_line, one_word, table
from bot.replies.reply import Reply


def users(people: Sequence[User], *, org_id: int) -> Reply:
    if not people:
        return Reply(stage=Stage.FINISHED, text=f"Codegen names nobody in organization {org_id}.")
    count = "1 person is" if len(people) == 1 else f"{len(people)} people are"
    rows = [(f"{each.id}", one_word(each.github_username), _full_name(each), _role(each)) for each in people]
    shown = table(("number", "on GitHub", "name", "role"), rows)
    return Reply(stage=Stage.FINISHED, text=f"{count} in Codegen's organization {org_id}.\n\n{shown}")


def user(person: User, *, org_id: int) -> Reply:
    name = f" ({full_name})" if (full_name := _full_name(person)) else ""
    role = f", with the role {shown}" if (shown := _role(person)) else ""
    text = f"User {person.id} is {one_word(person.github_username)}{name} in Codegen's organization {org_id}{role}."
    return Reply(stage=Stage.FINISHED, text=text)


def _full_name(person: User) -> str:
    """Empty if it is an address, as for users who never entered a name."""
    name = person.full_name or ""
    return "" if "@" in name else one_line(name, 80)


def _role(person: User) -> str:
    """Older responses only mark administrators."""
    return one_word(person.role or ("ADMIN" if person.is_admin else ""), 40)
