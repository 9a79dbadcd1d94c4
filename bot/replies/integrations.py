"""The reply to ``integrations``.

It shows only which are active: the integrations' metadata, tokens and installations must not appear on a thread.
"""

from __future__ import annotations

from bot.codegen.models import Integrations
from bot.replies.markers import Stage
from bot.replies.phrases import one_line, one_word, table
from bot.replies.reply import Reply


def integrations(known: Integrations) -> Reply:
    name = f"{one_line(known.organization_name, 80)} ({known.organization_id})"
    if not known.integrations:
        return Reply(stage=Stage.FINISHED, text=f"{name} is connected to nothing yet: Codegen's settings do that.")
    active = sum(each.active for each in known.integrations)
    in_order = sorted(known.integrations, key=lambda each: not each.active)
    rows = [(one_word(each.integration_type, 60), "yes" if each.active else "no") for each in in_order]
    head = f"{active} of {len(rows)} integrations of {name} {'is' if active == 1 else 'are'} active."
    return Reply(stage=Stage.FINISHED, text=f"{head}\n\n{table(('integration', 'active'), rows)}")
