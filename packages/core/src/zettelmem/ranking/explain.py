"""From ranked candidates to hits: the notes, their scores, why each was found, and the cut. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence

from zettelmem.language.terms import words_with_terms
from zettelmem.note import LATER_WORDS, Note
from zettelmem.queries import Hit

from .candidates import Candidates
from .score import WEIGHTS, Ranking

TOLD = 4
"""Words that a reason names at most."""


def hits(
    query: str,
    candidates: Candidates,
    ranked: Ranking,
    places: Sequence[int],
    notes: Mapping[str, Note],
    words: Mapping[str, tuple[set[str], set[str]]],
    *,
    explain: bool,
) -> list[Hit]:
    """The candidates at `places` as hits, in that order, each with the reason it was found.

    Args:
        query: the question.
        candidates, ranked: what was ranked, and how.
        places: of the candidates that become hits.
        notes: whole notes, by id.
        words: for each of these notes the terms of its content, and all terms that it is found by.
        explain: tell the weight of each signal.
    """
    asked = _asked(query)
    better: set[str] = set()
    scores = ranked.scores
    found: list[Hit] = []
    for place in places:
        note = notes[candidates.ids[place]]
        values = {name: round(float(column[place]), 4) for name, column in ranked.signals.items()}
        why = "; ".join([*_matches(asked, *words[note.id]), *_reasons(note, values, better)])
        found.append(
            Hit.model_construct(
                note=note,
                score=float(scores[place]),
                signals=values,
                weights={name: WEIGHTS[name] for name in values} if explain else {},
                why=why or "near in meaning or thread",
            )
        )
        better.add(note.id)
    return found


def _asked(query: str) -> dict[str, str]:
    """Each term of the query, and the word of the query that it was made from."""
    asked: dict[str, str] = {}
    for word, of_word in words_with_terms(query):
        for term in of_word:
            asked.setdefault(term, word.lower())
    return asked


def _matches(asked: Mapping[str, str], own: set[str], around: set[str]) -> Iterable[str]:
    """The words of the query that scored, in words."""
    said = list(dict.fromkeys(word for term, word in asked.items() if term in own))
    near = dict.fromkeys(word for term, word in asked.items() if term in around and term not in own)
    if said:
        yield "matches " + ", ".join(f"'{word}'" for word in said[:TOLD])
    if near:
        yield "what is around it matches " + ", ".join(f"'{word}'" for word in list(near)[:TOLD])


def _reasons(note: Note, values: Mapping[str, float], better: Collection[str]) -> Iterable[str]:
    """How a note was found beside its words, and what is the matter with it; `better` are ranked above it."""
    if values.get("speaker"):
        yield f"said by {note.source.who}"
    if values.get("time", 0.0) >= 0.99:
        yield "happened at the time asked for"
    if values.get("bridge"):
        yield "named by a note above it"
    if values["meaning"] >= 0.75:
        yield "close in meaning"
    later = [link for link in note.links if link.relation in LATER_WORDS and link.source == note.id]
    if note.newer:
        yield f"said on {note.recorded_at:%-d %B %Y}; newer: {', '.join(note.newer[-TOLD:])}"
    elif later:
        yield later[-1].reason or "the newer word on its matter"
    if note.times_said > 1:
        yield f"said {note.times_said} times, last on {note.last_said_at:%-d %B %Y}"
    if note.rested_at is not None:
        yield f"rests since {note.rested_at:%-d %B %Y}"
    for link in note.links:
        other = link.other(note.id)
        if other in better and link.relation not in LATER_WORDS:
            way = "linked from" if link.target == note.id else "linked to"
            yield f"{way} {other} ({link.relation.value})"
            break
    if note.invalid_at is not None:
        yield note.status
    if note.disputed:
        yield "contradicted by another note"


def cut(found: Sequence[Hit], budget: int) -> list[Hit]:
    """The best hits whose contents fit `budget` tokens together; one that does not fit is skipped."""
    kept: list[Hit] = []
    left = budget
    for hit in found:
        size = tokens(hit.note.content)
        if size <= left:
            kept.append(hit)
            left -= size
    return kept


def tokens(text: str) -> int:
    """About how many tokens a model counts in `text`: a token for every four bytes of UTF-8."""
    return -(-len(text.encode()) // 4)
