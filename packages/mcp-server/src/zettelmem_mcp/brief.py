"""What a new conversation should know first, as the core puts it together."""

from __future__ import annotations

from . import answers, core

PARTS = ("profile", "lessons", "plans", "notes")
EMPTY = "Nothing is remembered yet. Remember what later conversations will need."


async def brief(
    memory: core.AsyncMemory, namespace: tuple[str, ...], budget: int
) -> tuple[str, list[core.Note]]:
    """The brief in so many tokens: the whole memory where it fits, its most telling notes otherwise.

    Returns:
        The text for the model, and the notes in it.
    """
    brief = await memory.brief(namespace=namespace, budget_tokens=budget)
    parts = {name: tuple(map(answers.clean, getattr(brief, name))) for name in PARTS}
    cleaned = brief.model_copy(update=parts)
    return core.show_brief(cleaned) or EMPTY, list(cleaned.all_notes)
