"""Recall in rounds: after each a judge says what to keep, what to ask next, or that it is enough.

The loop of Auto-RAG (Yu et al., 2024) and Adaptive-Note (Wang et al., 2024); what is found in one round
leads to the question of the next, as in Iter-RetGen (Shao et al., 2023). Reads only.
"""

from __future__ import annotations

import inspect
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from .errors import InvalidInput
from .judge import Judging
from .limits import MAX_QUERY
from .linking.prompts import Prompt
from .namespace import Namespace
from .queries import Hit
from .render import DATA, cut, fence, one_line, tell
from .values import build

Effort = Literal["plain", "deep"]
"""How hard a recall tries: one search, or rounds of them led by a judge."""
MOST_ROUNDS = 10
"""Rounds of one recall."""
SHOWN = 10
"""Hits of a round that the judge is shown, those left out that were kept before."""
PREVIEW = 400
"""Characters of a note that a model is shown."""

INSTRUCTIONS = f"""You look for all the notes that are needed to answer a question. You are shown the notes
that a search has just found, each with a number, and those that were kept before. Answer with
- keep: the numbers of the notes that are needed for the answer. Most are not.
- enough: true if what was kept before and is kept now answers the question, or nothing more will be found.
- ask: otherwise, what to search for next: a few words or a short question about what is still missing,
  with the names and words that the missing note itself would use.
{DATA}"""


class Sifted(BaseModel):
    """What a judge says after a round.

    Attributes:
        enough: end here.
        keep: numbers of the hits that it was shown, from 0, which belong to the answer; others are ignored.
        ask: what to search for next; "" ends it too.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    enough: bool = Field(default=False, description="whether nothing is missing")
    keep: Annotated[tuple[int, ...], Field(description="numbers of the notes that are needed")] = ()
    ask: Annotated[
        str,
        BeforeValidator(lambda value: "" if value is None else value),
        Field(description="what to search for next"),
    ] = ""


Sift = Callable[[str, Sequence[Hit]], "Sifted | Mapping[str, Any] | Awaitable[Sifted | Mapping[str, Any]]"]
"""A judge of rounds: it is given the question and the best hits of a round that are not kept yet."""


def by_model(judging: Judging, namespace: Namespace) -> Sift:
    """A judge that asks a language model; where it fails, what was found so far is enough."""
    kept: list[Hit] = []

    async def sift(query: str, hits: Sequence[Hit]) -> Sifted:
        answer = await judging.ask(Prompt(INSTRUCTIONS, _prompt(query, kept, hits), Sifted), namespace)
        if answer is None:
            return Sifted(enough=True)
        kept.extend(hits[number] for number in _shown(answer.keep, hits))
        return answer

    return sift


def _prompt(query: str, kept: Sequence[Hit], hits: Sequence[Hit]) -> str:
    parts = [f"The question: {one_line(query, MAX_QUERY)}"]
    if kept:
        before = "\n".join(_told(hit, "-") for hit in kept)
        parts.append(f"Kept before:\n{fence(before, 'kept')}")
    found = "\n".join(_told(hit, f"{number}.") for number, hit in enumerate(hits))
    parts.append(f"Found now:\n{fence(found, 'found')}")
    return "\n\n".join(parts)


def _told(hit: Hit, name: str) -> str:
    return tell(cut(hit.note, PREVIEW), name, brief=True)


def _shown(keep: Iterable[int], hits: Sequence[Hit]) -> list[int]:
    """The numbers among `keep` that were shown, each once."""
    return [number for number in dict.fromkeys(keep) if 0 <= number < len(hits)]


async def deep(query: str, find: Callable[[str], Awaitable[list[Hit]]], sift: Sift, rounds: int) -> list[Hit]:
    """The hits of all rounds as one list: what the judge kept, then the rest, best first.

    Args:
        query: what is asked.
        find: a plain recall.
        sift: the judge.
        rounds: at most so many searches.

    Raises:
        InvalidInput: what the judge says does not fit.
    """
    kept: dict[str, Hit] = {}
    found: dict[str, Hit] = {}
    seen: set[str] = set()
    asked = [query]
    for number in range(1, rounds + 1):
        hits = await find(asked[-1])
        found = together(found, hits, number, asked[-1])
        # What was shown and not kept is shown again: a later round may tell what it is needed for.
        shown = [hit for hit in hits if hit.note.id not in kept][:SHOWN]
        if seen.issuperset(hit.note.id for hit in shown):
            break
        seen |= {hit.note.id for hit in shown}
        sifted = await _sifted(sift, query, shown)
        kept |= {shown[place].note.id: found[shown[place].note.id] for place in _shown(sifted.keep, shown)}
        ask = sifted.ask.strip()[:MAX_QUERY]
        if sifted.enough or not ask or ask in asked:
            break
        asked.append(ask)
    rest = sorted((hit for hit in found.values() if hit.note.id not in kept), key=lambda hit: -hit.score)
    return [*kept.values(), *rest]


def together(found: Mapping[str, Hit], hits: Iterable[Hit], number: int, asked: str) -> dict[str, Hit]:
    """What was found so far and what a round found: each note once, as the round saw it that scored it best.

    Args:
        found: hits of the rounds before, by the id of the note.
        hits: what this round found.
        number: of the round, from 1.
        asked: what was asked in it.
    """
    best = dict(found)
    where = f"round {number}, asked \u201c{one_line(asked, 120)}\u201d: "
    for hit in hits:
        before = best.get(hit.note.id)
        if before is None or before.score < hit.score:
            best[hit.note.id] = hit.model_copy(update={"why": where + hit.why})
    return best


async def _sifted(sift: Sift, query: str, hits: Sequence[Hit]) -> Sifted:
    answer = sift(query, hits)
    if inspect.isawaitable(answer):
        answer = await answer
    if not isinstance(answer, Sifted | Mapping):
        raise InvalidInput(
            f'the judge of the recall gave {type(answer).__name__}; give {{"enough": ..., "keep": ..., '
            '"ask": ...}}'
        )
    return build(Sifted, answer)
