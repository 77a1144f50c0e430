"""A made-up year of one person, day by day: what is said, and what is asked about each month."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random

from harness.corpus import Item, Question
from harness.doubles import TELLS_DAY, WAYS

SPACE = "ana"
START = datetime(2026, 1, 1, 8, tzinfo=UTC)
FRIENDS = """
Ben Carla Dora Emil Fabio Greta Hugo Ines Jonas Karla Luca Marta Nils Olga Paulo Rita Sven Tilda Uwe Vera
""".split()
PLACES = """
the harbour cafe|the old mill|the night market|the library garden|the tram depot|the bakery on Elm Street
the rowing club|the roof terrace|the science museum|the river bath|the cheese shop|the town hall
"""
TOPICS = """
her trip to Norway|the broken boiler|a pottery course|the school election|his new telescope|a lost passport
the allotment|night shifts|the choir concert|an electric bicycle|moving to the coast|the tax letter
a marathon plan|sourdough|the dog shelter|chess lessons|the bridge repair|old photographs
"""
THINGS = "cat dog boat van garden piano telescope cottage kite tent guitar bicycle".split()
SERVICES = "billing search mailer checkout profiles exports".split()
FAULTS = "a full disk|an expired certificate|a missing index|a stuck queue|a wrong time zone|a lost lease"
CURES = "clearing the cache|renewing it|building the index|draining the queue|pinning UTC|a restart"
MATTERS = {
    "The gym class": "Mondays Tuesdays Wednesdays Thursdays Fridays Saturdays".split(),
    "The project budget": ["4000 euros", "5200 euros", "6100 euros", "7400 euros", "8800 euros"],
    "The standup meeting": ["9 am", "9:30 am", "10 am", "11 am", "2 pm"],
    "The release": ["3 May", "9 June", "14 July", "20 August", "2 October", "11 November"],
}


@dataclass
class Life:
    """What happens, a day at a time; the same for the same seed.

    Args:
        a_day: texts of a day.
        seed: of the chances.

    Attributes:
        questions: those about the texts so far, each with the month that its text is of, from 0.
    """

    a_day: int
    seed: int = 0
    questions: list[tuple[int, Question]] = field(default_factory=list)

    def days(self, count: int) -> Iterator[tuple[datetime, list[Item]]]:
        """The texts of each day, in the order in which they are said."""
        chance = Random(self.seed)
        before: list[Item] = []
        for day in range(count):
            now = START + timedelta(days=day)
            texts: list[Item] = []
            for number in range(self.a_day):
                at = now + timedelta(minutes=12 * number)
                item = self._item(f"d{day}n{number}", at, before, chance)
                texts.append(item)
                before.append(item)
            yield now, texts

    def _item(self, key: str, at: datetime, before: list[Item], chance: Random) -> Item:
        roll = chance.random()
        if roll < 0.15 and len(before) > 20:
            again = chance.choice(before[-40 * self.a_day :])
            text = chance.choice(WAYS)(again.text, chance)
            if not TELLS_DAY.search(again.text):
                return Item(key, SPACE, text, "Ana", thread=f"day {at:%j}", occurred_at=at)
        text, question = self._said(roll, at, chance)
        if question:
            month = (at - START).days // 30
            self.questions.append((month, Question(SPACE, len(self.questions), question, "all", (key,))))
        return Item(key, SPACE, text, "Ana", thread=f"day {at:%j}", occurred_at=at)

    def _said(self, roll: float, at: datetime, chance: Random) -> tuple[str, str]:
        """A text, and a question that it answers; "" where a later text may answer it too."""
        friend, place, topic = chance.choice(FRIENDS), _one(PLACES, chance), _one(TOPICS, chance)
        number = chance.randrange(100, 1000)
        if roll < 0.6:
            bill = f"the bill was {number / 10} euros"
            told = f"Had lunch with {friend} at {place}. We talked about {topic}; {bill}."
            return told, f"What did we talk about at the lunch with {friend} at {place}?"
        if roll < 0.75:
            service, fault = chance.choice(SERVICES), _one(FAULTS, chance)
            cure = _listed(CURES)[_listed(FAULTS).index(fault)]
            told = f"Deploy {number} of {service} failed with {fault}; {cure} mended it."
            return told, f"Which deploy of {service} failed with {fault}?"
        if roll < 0.9:
            thing = chance.choice(THINGS)
            name = f"{friend[:2].upper()}{number}"
            return f"{friend} has a new {thing}, called {name}.", f"What is {friend}'s new {thing} called?"
        matter = chance.choice(list(MATTERS))
        value = chance.choice(MATTERS[matter])
        return f"{matter} is now {'on ' if value[-1] in 'sy' else ''}{value}.", ""


def _listed(names: str) -> list[str]:
    return names.strip().replace("\n", "|").split("|")


def _one(names: str, chance: Random) -> str:
    return chance.choice(_listed(names))
