"""What a prompt is told, and what is known of a person: verbs that put a memory together. They only read."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

from pydantic import BaseModel, Field
from pydantic.fields import FieldInfo

from . import portrait
from .errors import InvalidInput
from .judge import Judge
from .language.dates import span
from .language.english.tense import tells_plan
from .limits import MAX_BUDGET, MAX_K, PER_TOKEN, within
from .linking.prompts import Prompt
from .namespace import as_namespace
from .note import Note, Trust
from .queries import Brief, Hit, Profile, SchemaT
from .reader import Reader
from .render import CITE, HEAD, HEADINGS, NOTHING, cut, passage, show_brief, tell
from .selection import MIN_SCORE, for_prompt, stands_in, tells, to_ask_for

Part = Literal["profile", "lessons", "plans", "notes"]
"""A part of a brief."""
SHARES: Mapping[str, float] = {"profile": 0.3, "lessons": 0.25, "plans": 0.15}
"""What each part may take of a brief at most; what is left is for the notes."""
EACH = 3
"""Notes about one field of a person in a brief at most."""
LONG = 300
"""Characters of a note in a brief, where it is not the only one."""
LATEST = 12
"""Newest notes that a brief without a question tells."""
LOOK = 50
"""Notes that are looked at for each part at most."""
OPEN = timedelta(days=90)
"""For how long a plan without a date is told."""
FRAME = 48
"""Characters of a part beside its heading and its notes, at most."""
PLANS = "plan, planned, will, going to, deadline, due, appointment, next, todo, open question"


class Person(BaseModel):
    """What a brief tells of a person."""

    name: str | None = Field(None, description="name, age, birthday, language, speaks")
    home: str | None = Field(None, description="lives, moved, home, flat, house, city, country, address")
    work: str | None = Field(None, description="works, job, employer, company, business, study, profession")
    family: str | None = Field(
        None,
        description="wife, husband, partner, daughter, son, child, mother, father, sister, brother, dog, cat",
    )
    health: str | None = Field(
        None, description="allergic, allergy, illness, diet, vegetarian, medicine, doctor"
    )
    wishes: str | None = Field(
        None, description="prefers, wants, likes, loves, dislikes, hates, always, never, favourite, answers"
    )


class Briefs(Reader):
    """The verbs that put together what is remembered. `AsyncMemory` has them."""

    async def profile(
        self, *, namespace: str | Sequence[str], schema: type[SchemaT], judge: Judge | None = None
    ) -> Profile[SchemaT]:
        """What is known of the fields of a pydantic model, from what is so now.

        By the rules a field is recalled by its name, title and description, and the notes count that share
        a word with these. Numbers, days and choices are read off the words; text is the note's own words.
        Only notes that are trusted as the person's own words count. Unknown fields are None.

        Args:
            namespace: this one and all below it.
            schema: the model. Give its fields descriptions, with the words that people use.
            judge: `model` or `offline`; the memory's own where None. Where the model fails, the rules read.

        Raises:
            InvalidInput: a value does not fit.
        """
        fields: Mapping[str, FieldInfo] | None = getattr(schema, "model_fields", None)
        if not fields:
            raise InvalidInput(f"schema is {schema!r}; give a pydantic model, a class with fields")
        decider = self._judging.chosen(judge)
        found = await self._of_fields(namespace, fields)
        told = {
            name: [(portrait.read(fields[name], hit.note), hit.note, hit.score) for hit in about]
            for name, (_, about) in found.items()
        }
        if decider == "model":
            notes = list({hit.note.id: hit.note for hits, _ in found.values() for hit in hits}.values())
            prompt = portrait.prompt(fields, notes)
            answer = None
            if notes:
                answer = await self._judging.ask(
                    Prompt(portrait.INSTRUCTIONS, prompt, portrait.Filled), as_namespace(namespace)
                )
            if answer is not None:
                told = {name: portrait.as_told(name, answer, notes) for name in fields}
        now = self.clock()
        known = {name: portrait.known(fields[name], told[name], now) for name in fields}
        behind = {note.id: note for each in told.values() for _, note, _ in each}
        ids = {note_id for each in known.values() for note_id in each.notes}
        values = {name: each.value for name, each in known.items()}
        return Profile(
            filled=schema.model_construct(**values),
            fields=known,
            notes=_oldest_first(behind[note_id] for note_id in ids),
        )

    async def _of_fields(
        self, namespace: str | Sequence[str], fields: Mapping[str, FieldInfo]
    ) -> dict[str, tuple[list[Hit], list[Hit]]]:
        """For each field the hits of its question, and those among them that are about it by the rules."""
        asked = {name: portrait.question(name, field) for name, field in fields.items()}
        recalls = (
            self.recall(each, namespace=namespace, k=10, min_trust=Trust.STATED) for each in asked.values()
        )
        found = dict(zip(asked, await asyncio.gather(*recalls), strict=True))
        return {name: (hits, portrait.about(name, fields[name], hits)) for name, hits in found.items()}

    async def brief(
        self,
        *,
        namespace: str | Sequence[str],
        query: str | None = None,
        said: Sequence[str] = (),
        budget_tokens: int = 1_500,
        parts: Sequence[Part] = ("profile", "lessons", "plans", "notes"),
        k: int = 6,
        min_score: float = MIN_SCORE,
        min_trust: Trust = Trust.UNTRUSTED,
        present: Sequence[str] = (),
        cite: bool = False,
    ) -> Brief:
        """What a prompt should be told: who the person is, what was learned, what lies ahead, and what bears
        on a question. No model is called.

        Args:
            namespace: this one and all below it.
            query: what the person has just said or asked; None at the beginning of a conversation.
            said: the turns just before it, oldest first, as for `recall`.
            budget_tokens: tokens of the text at most (a token for every four characters), 1 to 10,000,000.
            parts: which parts are told. The first three stay the same whatever is asked, and tell only
                what the person or the application said, plans and lessons also an assistant's words.
            k: notes that bear on the question at most, where not all are told; 1 to 1,000.
            min_score: the score, in [0, 1], that such a note needs, where not all are told.
            min_trust: leave out notes that are trusted less.
            present: what stands in the conversation anyway and is not told again.
            cite: ask for the ids of the notes that an answer stands on.

        Raises:
            InvalidInput: a value does not fit.
        """
        if not parts or not set(parts) <= set(get_args(Part)):
            raise InvalidInput(f"parts is {parts!r}; give some of {', '.join(get_args(Part))}")
        within("budget_tokens", budget_tokens, 1, MAX_BUDGET)
        within("k", k, 1, MAX_K)
        if min_trust not in tuple(Trust):
            raise InvalidInput(f"min_trust is {min_trust!r}; give a Trust, such as Trust.STATED")
        if isinstance(present, str) or not all(isinstance(text, str) for text in present):
            raise InvalidInput("present is no list of strings; give the texts that the prompt holds anyway")
        told: dict[str, Sequence[Note]] = {}
        found: dict[str, Sequence[Note]] = {}
        given: dict[str, Any] = {"namespace": namespace, "min_trust": max(min_trust, Trust.REPORTED)}
        if query is None:
            page = await self.notes(valid=True, newest_first=True, limit=LOOK, **given)
            news = [note for note in page.notes if note.rested_at is None and tells(note)]
            every = composed({"all": news[::-1]}, budget_tokens, cite=cite)
            if page.cursor is None and len(every.notes) == len(news) and "notes" in parts:
                return every
            found = {"news": tuple(news[:LATEST])} if "notes" in parts else {}
        elif "notes" in parts:
            hits = await self.recall(
                query, namespace=namespace, said=said, k=to_ask_for(k), min_trust=min_trust
            )
            chosen = for_prompt(hits, k, present=present, min_score=min_score)
            found = {"question" if chosen else "nothing": tuple(hit.note for hit in chosen)}
        for name, notes in (await self._standing(parts, query, given)).items():
            told[name] = [note for note in notes if not stands_in(note, present)]
        return composed(told | found, budget_tokens, query=query or "", cite=cite)

    async def _standing(
        self, parts: Sequence[Part], query: str | None, given: Mapping[str, Any]
    ) -> dict[str, tuple[Note, ...]]:
        """The parts of a brief that no question changes, each most telling first."""
        told: dict[str, tuple[Note, ...]] = {}
        if "profile" in parts:
            told["profile"] = await self._person(given["namespace"], given["min_trust"])
        if "lessons" in parts:
            told["lessons"] = await self._lessons(query, given)
        if "plans" in parts:
            told["plans"] = await self._plans(given)
        return told

    async def _person(self, namespace: str | Sequence[str], least: Trust) -> tuple[Note, ...]:
        """The notes about a person, the best one of each field first."""
        found = await self._of_fields(namespace, Person.model_fields)
        best = [about[:EACH] for _, about in found.values()]
        order = [each[place].note for place in range(EACH) for each in best if place < len(each)]
        return tuple({note.id: note for note in order if note.trust >= least}.values())

    async def _lessons(self, query: str | None, given: Mapping[str, Any]) -> tuple[Note, ...]:
        """What was learned: all of it where it is little, else what bears on the question, or the newest."""
        kinds = ["procedural", "insight"]
        page = await self.notes(kinds=kinds, valid=True, newest_first=True, limit=LOOK, **given)
        if page.cursor is None or not query or not query.strip():
            return page.notes
        hits = await self.recall(query, kinds=kinds, k=LATEST, **given)
        return tuple(hit.note for hit in hits)

    async def _plans(self, given: Mapping[str, Any]) -> tuple[Note, ...]:
        """What is dated ahead, soonest first, then plans that were told and are not over yet."""
        now = self.clock()
        ahead = await self.notes(valid=True, since=now, limit=LATEST, by="occurred_at", **given)
        given = {**given, "since": now - OPEN}
        newest = await self.notes(valid=True, newest_first=True, limit=LOOK, **given)
        hits = await self.recall(PLANS, k=LOOK, **given)
        told = (each for each in (*newest.notes, *(hit.note for hit in hits)) if is_open(each, now))
        return tuple({each.id: each for each in (*ahead.notes, *told)}.values())


def is_open(note: Note, now: datetime) -> bool:
    """Whether the words of a note tell of a plan whose time has not passed."""
    if not tells_plan(note.content) or not tells(note) or note.newer:
        return False
    named = span(note.content, note.occurred_at)
    # A time that lies before the words were said is not the plan's.
    return named is None or named[1] <= note.occurred_at or named[1] > now


def composed(
    told: Mapping[str, Sequence[Note]], tokens: int, *, query: str = "", cite: bool = False
) -> Brief:
    """The brief that has room in so many tokens. Pure.

    Args:
        told: notes of the parts by the names in `render.HEADINGS`, and `nothing`; most telling first.
        tokens: of the text at most.
        query: what was asked: of a long note the passage is told that holds most of its words.
        cite: ask for ids.
    """
    whole = left = tokens * PER_TOKEN - len(HEAD) - (len(CITE) + 1 if cite else 0)
    about: Any = next((name for name in told if name not in SHARES), "news")
    if about == "nothing":
        left -= len(NOTHING) + FRAME
    chosen: dict[str, tuple[Note, ...]] = {}
    seen: set[str] = set()
    for name, notes in told.items():
        share = int(SHARES.get(name, 1.0) * whole)
        room = min(left, share) - FRAME - len(HEADINGS.get(name, ""))
        # What rests is found by a question, and not told unasked.
        awake = (note for note in notes if note.rested_at is None or name == "question")
        fitting = _fitting([note for note in awake if note.id not in seen], room, query)
        if fitting:
            seen |= {note.id for note in fitting}
            left -= FRAME + len(HEADINGS[name]) + sum(_size(note) for note in fitting)
            chosen[name] = _in_order(name, fitting)
    brief = Brief(
        profile=chosen.get("profile", ()),
        lessons=chosen.get("lessons", ()),
        plans=chosen.get("plans", ()),
        notes=chosen.get(about, ()),
        about=about,
    )
    return brief.model_copy(update={"text": show_brief(brief, cite=cite)})


def _fitting(notes: Sequence[Note], room: int, query: str) -> list[Note]:
    """The first notes that have room together, long ones cut to the passage that was asked for."""
    size = max(LONG, room // max(len(notes), 1))
    fitting: list[Note] = []
    for note in notes:
        told = cut(note, size, passage(note.content, query, size))
        if _size(told) > room and not fitting:
            # The first one is told as far as there is room, if that is more than its line.
            least = room - (_size(told) - len(told.content)) - FRAME
            told = cut(note, least, passage(note.content, query, least)) if least >= FRAME else told
        if _size(told) > room:
            continue
        fitting.append(told)
        room -= _size(told)
    return fitting


def _size(note: Note) -> int:
    return len(tell(note, brief=True)) + 1


def _in_order(part: str, notes: Sequence[Note]) -> tuple[Note, ...]:
    """What stays longest comes first, in the parts that no question changes."""
    if part in ("profile", "lessons"):
        return _oldest_first(notes)
    return tuple(notes)


def _oldest_first(notes: Any) -> tuple[Note, ...]:
    return tuple(sorted(notes, key=lambda note: (note.recorded_at, note.id)))
