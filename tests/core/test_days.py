"""A day is the user's day: in storage, in words, in filters, and as notes are shown (FAULTS B11, B12)."""

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.doubles import open_sync
from zettelmem import AGENT_TOOLS, Caller, InvalidInput, Memory, show

ZONES = ("Europe/Berlin", "Asia/Tokyo", "America/Los_Angeles")


def at(zone: str, day: int, hour: int, minute: int = 0) -> datetime:
    return datetime(2026, 5, day, hour, minute, tzinfo=ZoneInfo(zone))


def opened(zone: str, now: datetime | None = None) -> Memory:
    moment = now or at(zone, 4, 12)  # a Monday
    return open_sync(timezone=zone, clock=lambda: moment.astimezone(UTC))


def days(memory: Memory, **narrowed: Any) -> list[str]:
    return [note.content for note in memory.notes(namespace="a", by="occurred_at", **narrowed).notes]


@pytest.mark.parametrize("zone", ZONES)
def test_a_date_is_stored_and_shown_as_that_day_of_the_user(zone: str) -> None:
    with opened(zone) as memory:
        made = memory.remember("The dentist.", namespace="a", occurred_at=date(2026, 5, 3)).note
        assert made.occurred_at == at(zone, 3, 0)
        (hit,) = memory.recall("dentist", namespace="a")
        assert " 2026-05-03, " in show([hit.note])
        drafts = [{"content": "A draft.", "occurred_at": date(2026, 5, 3)}]
        assert memory.remember_many(drafts, namespace="a")[0].note.occurred_at == at(zone, 3, 0)
        turns = [{"role": "user", "content": "A turn.", "at": date(2026, 5, 3)}]
        assert memory.remember_conversation(turns, namespace="a")[0].note.occurred_at == at(zone, 3, 0)
        revised = memory.revise(made.id, namespace="a", invalid_at=date(2026, 5, 9)).note
        assert revised.status == "so until 2026-05-09"


@pytest.mark.parametrize("zone", ZONES)
def test_a_date_as_filter_is_that_whole_day_of_the_user(zone: str) -> None:
    with opened(zone) as memory:
        late, early = at(zone, 3, 23, 50), at(zone, 4, 0, 10)
        memory.remember("late", namespace="a", occurred_at=late)
        memory.remember("early", namespace="a", occurred_at=early)
        third, fourth = date(2026, 5, 3), date(2026, 5, 4)
        assert days(memory, since=third, until=third) == ["late"]
        assert days(memory, since=fourth, until=fourth) == ["early"]
        assert [hit.note.content for hit in memory.recall("late", namespace="a", until=third)] == ["late"]


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("What happened yesterday?", "sunday"),
        ("What happened on 3 May?", "sunday"),
        ("What happened last weekend?", "sunday"),
        ("What happened today?", "monday"),
    ],
)
@pytest.mark.parametrize("zone", ZONES)
def test_words_for_days_mean_the_days_of_the_user(zone: str, words: str, found: str) -> None:
    with opened(zone) as memory:
        memory.remember("sunday", namespace="a", occurred_at=at(zone, 3, 23, 50))
        memory.remember("monday", namespace="a", occurred_at=at(zone, 4, 0, 10))
        hits = memory.recall(words, namespace="a", explain=True)
        assert max(hits, key=lambda hit: hit.signals["time"]).note.content == found
        assert len({hit.signals["time"] for hit in hits}) == 2


@pytest.mark.parametrize("hour", [0, 23])
@pytest.mark.parametrize("zone", ZONES)
def test_just_before_and_after_midnight_today_is_the_users_today(zone: str, hour: int) -> None:
    with opened(zone, at(zone, 4, hour, 30)) as memory:
        memory.remember("today", namespace="a", occurred_at=at(zone, 4, 12))
        memory.remember("before", namespace="a", occurred_at=at(zone, 3, 12))
        hits = memory.recall("What was yesterday?", namespace="a", explain=True)
        assert {hit.note.content: hit.signals["time"] >= 0.99 for hit in hits} == {
            "today": False,
            "before": True,
        }


def test_a_call_can_be_of_another_zone() -> None:
    with opened("Europe/Berlin") as memory:
        memory.remember("call", namespace="a", occurred_at=at("Asia/Tokyo", 4, 0, 10))
        day = date(2026, 5, 4)
        assert days(memory, since=day, until=day) == []
        assert days(memory, since=day, until=day, timezone="Asia/Tokyo") == ["call"]
        (hit,) = memory.recall("call", namespace="a", timezone="Asia/Tokyo")
        assert f"{hit.note.occurred_at:%Y-%m-%d}" == "2026-05-04"


def test_a_time_without_a_zone_is_meant_in_the_memorys() -> None:
    with opened("Asia/Tokyo") as memory:
        naive = datetime(2026, 5, 3, 9)  # noqa: DTZ001
        assert memory.remember("x", namespace="a", occurred_at=naive).note.occurred_at == at(
            "Asia/Tokyo", 3, 9
        )


def test_times_are_kept_in_utc_whatever_the_zone() -> None:
    with opened("Asia/Tokyo") as memory:
        made = memory.remember("x", namespace="a", occurred_at=date(2026, 5, 3)).note
        memory.revise(made.id, namespace="a", invalid_at=date(2026, 5, 9))
        stored = memory.run(lambda each: each._store.get([made.id]))[made.id]
        offsets = {stored.occurred_at.utcoffset(), stored.recorded_at.utcoffset()}
        assert offsets == {timedelta(0)}


def test_an_agents_date_is_the_users_day() -> None:
    with opened("America/Los_Angeles") as memory:
        caller = Caller("a", "test")
        words = {"content": "The dentist.", "occurred_at": "2026-05-03"}
        answer = memory.run(lambda each: AGENT_TOOLS["remember"].run(each, words, caller))
        assert answer.value[0].note.occurred_at == at("America/Los_Angeles", 3, 0)
        asked = {"query": "dentist", "since": "2026-05-03", "until": "2026-05-03"}
        assert "2026-05-03" in memory.run(lambda each: AGENT_TOOLS["recall"].run(each, asked, caller)).text


@pytest.mark.parametrize("name", ["Mars/Olympus", "", "../etc/passwd", 7])
def test_what_is_no_time_zone_is_refused_at_the_door(name: Any) -> None:
    with pytest.raises(InvalidInput, match="is no time zone; give one such as Europe/Lisbon"):
        Memory(timezone=name)
