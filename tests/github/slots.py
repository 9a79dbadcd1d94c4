"""Writes that are over in no time, as far as a budget sees them."""

from __future__ import annotations

from bot.github.limits import ContentBudget, WritePriority


async def slot(budget: ContentBudget, priority: WritePriority = WritePriority.ORDINARY) -> float:
    """Waits for a write's turn.

    :returns: the seconds that it has waited
    """
    async with budget.slot(priority) as waited:
        assert waited is not None
        return waited


async def shows_progress(budget: ContentBudget) -> bool:
    """Whether there was room for it."""
    async with budget.slot(WritePriority.PROGRESS) as waited:
        return waited is not None
