"""Times that a question names, as spans in the asker's zone."""

import doctest
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zettelmem.language import dates
from zettelmem.language.dates import span

NOW = datetime(2026, 5, 20, 13, tzinfo=UTC)  # a Wednesday
TODAY_ENDS = "2026-05-21"


def moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("query", "start", "end"),
    [
        # dates
        ("What did we do on 2026-03-04?", "2026-03-04", "2026-03-05"),
        ("What did we do on 2025/3/4?", "2025-03-04", "2025-03-05"),
        ("What did we do on 4.3.2025?", "2025-03-04", "2025-03-05"),
        ("What did we do on 4 March 2025?", "2025-03-04", "2025-03-05"),
        ("What did we do on March 4th?", "2026-03-04", "2026-03-05"),
        ("What did we do on 4 June?", "2025-06-04", "2025-06-05"),
        ("What did we do on 29 February?", "2024-02-29", "2024-03-01"),
        ("the 4th of March, 2025", "2025-03-04", "2025-03-05"),
        ("from 3 to 5 May 2025", "2025-05-03", "2025-05-06"),
        ("March 3-5, 2025", "2025-03-03", "2025-03-06"),
        ("Where was Ana in March 2024?", "2024-03-01", "2024-04-01"),
        ("Where was Ana in March?", "2026-03-01", "2026-04-01"),
        ("Where was Ana in may?", "2026-05-01", "2026-06-01"),
        ("Where was Ana in Sept. 2024?", "2024-09-01", "2024-10-01"),
        ("Where was Ana last May?", "2025-05-01", "2025-06-01"),
        ("Where was Ana last December?", "2025-12-01", "2026-01-01"),
        ("Where was Ana in 2023?", "2023-01-01", "2024-01-01"),
        # near days and parts of days
        ("What happened the day before yesterday?", "2026-05-18", "2026-05-19"),
        ("What happened yesterday?", "2026-05-19", "2026-05-20"),
        ("What happened today?", "2026-05-20", TODAY_ENDS),
        ("What happens tomorrow?", TODAY_ENDS, "2026-05-22"),
        ("What happened last night?", "2026-05-19T18:00", "2026-05-20T06:00"),
        ("What happens tonight?", "2026-05-20T18:00", "2026-05-21T06:00"),
        ("What happened this morning?", "2026-05-20T05:00", "2026-05-20T12:00"),
        ("What happened yesterday afternoon?", "2026-05-19T12:00", "2026-05-19T18:00"),
        ("What happens tomorrow evening?", "2026-05-21T18:00", "2026-05-22"),
        # weekdays and weekends
        ("What happened on Monday?", "2026-05-18", "2026-05-19"),
        ("What happened last Friday?", "2026-05-15", "2026-05-16"),
        ("What happened on Wednesday?", "2026-05-13", "2026-05-14"),
        ("What happens this Friday?", "2026-05-22", "2026-05-23"),
        ("What happens next Monday?", "2026-05-25", "2026-05-26"),
        ("What happened last weekend?", "2026-05-16", "2026-05-18"),
        ("What happened over the weekend?", "2026-05-16", "2026-05-18"),
        ("What happens this weekend?", "2026-05-23", "2026-05-25"),
        ("What happens next weekend?", "2026-05-30", "2026-06-01"),
        # so many of them back
        ("What happened two days ago?", "2026-05-18", "2026-05-19"),
        ("What happened seven days ago?", "2026-05-13", "2026-05-14"),
        ("What happened 3 weeks ago?", "2026-04-27", "2026-05-04"),
        ("What happened a month ago?", "2026-04-01", "2026-05-01"),
        ("What happened six months ago?", "2025-11-01", "2025-12-01"),
        ("What happened two years ago?", "2024-01-01", "2025-01-01"),
        ("What happened last week?", "2026-05-11", "2026-05-18"),
        ("What happened this week?", "2026-05-18", "2026-05-25"),
        ("What happened last month?", "2026-04-01", "2026-05-01"),
        ("What happened last year?", "2025-01-01", "2026-01-01"),
        ("What happens next month?", "2026-06-01", "2026-07-01"),
        ("What happened in the last 5 days?", "2026-05-15", TODAY_ENDS),
        ("What happened over the past week?", "2026-05-13", TODAY_ENDS),
        # behind a word that opens or closes the time
        ("What happened since March?", "2026-03-01", TODAY_ENDS),
        ("What happened since yesterday?", "2026-05-19", TODAY_ENDS),
        ("What happened since 2019?", "2019-01-01", TODAY_ENDS),
        ("What happened after March 4th?", "2026-03-05", TODAY_ENDS),
        ("between March and May 2025", "2025-03-01", "2025-06-01"),
        ("between November and February 2025", "2024-11-01", "2025-03-01"),
        ("between March and May", "2026-03-01", "2026-06-01"),
        ("between Monday and Wednesday", "2026-05-11", "2026-05-14"),
        ("between yesterday and today", "2026-05-19", TODAY_ENDS),
        ("from 2019 to 2021", "2019-01-01", "2022-01-01"),
        ("the photos from March", "2026-03-01", "2026-04-01"),
        ("during May", "2026-05-01", "2026-06-01"),
    ],
)
def test_a_time_is_a_span(query: str, start: str, end: str) -> None:
    assert span(query, NOW) == (moment(start), moment(end))
    assert span(query.upper(), NOW) == (moment(start), moment(end))


@pytest.mark.parametrize(
    ("query", "start", "end"),
    [
        ("Was hat Ana gestern gesagt?", "2026-05-19", "2026-05-20"),
        ("Was war vorgestern?", "2026-05-18", "2026-05-19"),
        ("gestern Reise", "2026-05-19", "2026-05-20"),
        ("Wo waren wir letzte Woche?", "2026-05-11", "2026-05-18"),
        ("Was ist im März passiert?", "2026-03-01", "2026-04-01"),
        ("Was ist im März 2025 passiert?", "2025-03-01", "2025-04-01"),
        ("Was ist am 3. Mai 2025 passiert?", "2025-05-03", "2025-05-04"),
        ("Was haben wir am Montag gemacht?", "2026-05-18", "2026-05-19"),
        ("Was war vor drei Tagen?", "2026-05-17", "2026-05-18"),
        ("Was ist seit März passiert?", "2026-03-01", TODAY_ENDS),
        ("Qu'avons-nous fait hier ?", "2026-05-19", "2026-05-20"),
        ("Qu'avons-nous fait avant-hier ?", "2026-05-18", "2026-05-19"),
        ("Où étions-nous la semaine dernière ?", "2026-05-11", "2026-05-18"),
        ("Où étions-nous le 3 mai 2025 ?", "2025-05-03", "2025-05-04"),
        ("Que s'est-il passé en mars ?", "2026-03-01", "2026-04-01"),
        ("Que s'est-il passé depuis lundi ?", "2026-05-18", TODAY_ENDS),
        ("¿Qué hicimos ayer?", "2026-05-19", "2026-05-20"),
        ("¿Dónde estuvimos la semana pasada?", "2026-05-11", "2026-05-18"),
        ("¿Qué pasó en marzo de 2025?", "2025-03-01", "2025-04-01"),
        ("¿Qué pasó el 3 de mayo?", "2026-05-03", "2026-05-04"),
        ("¿Qué pasó el año pasado?", "2025-01-01", "2026-01-01"),
        ("Che cosa abbiamo fatto ieri?", "2026-05-19", "2026-05-20"),
        ("O que fizemos ontem?", "2026-05-19", "2026-05-20"),
        ("Wat deden we vorige week?", "2026-05-11", "2026-05-18"),
        ("昨日何をしましたか", "2026-05-19", "2026-05-20"),
        ("先週どこに行きましたか", "2026-05-11", "2026-05-18"),
        ("2025年5月3日に何がありましたか", "2025-05-03", "2025-05-04"),
        ("3日前に何を食べましたか", "2026-05-17", "2026-05-18"),
        ("昨天我们做了什么", "2026-05-19", "2026-05-20"),
        ("2025年5月发生了什么", "2025-05-01", "2025-06-01"),
        ("어제 뭐 했어요?", "2026-05-19", "2026-05-20"),
        ("Что мы делали вчера?", "2026-05-19", "2026-05-20"),
        ("Что было на прошлой неделе?", "2026-05-11", "2026-05-18"),
    ],
)
def test_other_languages_are_read_as_dateparser_reads_them(query: str, start: str, end: str) -> None:
    assert span(query, NOW) == (moment(start), moment(end))


@pytest.mark.parametrize(
    "query",
    [
        "Where does Ana live?",
        "May I?",
        "Who may march?",
        "This may take long.",
        "We made this march together.",
        "",
        "on 31 February 2024",
        "2026-13-45",
        "version 2.5.2025.1",
        "room 2024b",
        "12 hours ago",
        "a while ago",
        "What was so before March?",
        "until 2024-05-01",
        "between us and May",
        "Monday's meeting",
        "Wo arbeitet Ana hier?",
        "Was war vor März?",
        "Wo ist das Haus mit 3 Zimmern?",
        "¿Cómo se llama el mar?",
        "猫叫什么名字",
        "3月まで",
    ],
)
def test_what_is_not_understood_is_not_guessed(query: str) -> None:
    assert span(query, NOW) is None


@pytest.mark.parametrize(
    "zone", [ZoneInfo("Europe/Berlin"), ZoneInfo("Asia/Tokyo"), timezone(-timedelta(hours=8))]
)
@pytest.mark.parametrize("query", ["on 3 May", "Was war am 3. Mai?"])
def test_a_day_is_a_day_of_the_askers_zone(query: str, zone: ZoneInfo | timezone) -> None:
    asked = span(query, NOW.astimezone(zone))
    assert asked == (datetime(2026, 5, 3, tzinfo=zone), datetime(2026, 5, 4, tzinfo=zone))


def test_today_begins_at_the_askers_midnight() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    late = datetime(2026, 5, 20, 23, 30, tzinfo=UTC).astimezone(berlin)
    assert span("today", late) == (datetime(2026, 5, 21, tzinfo=berlin), datetime(2026, 5, 22, tzinfo=berlin))


def test_a_day_on_which_clocks_change_is_whole() -> None:
    berlin = ZoneInfo("Europe/Berlin")
    start, end = span("on 29 March", datetime(2026, 5, 20, tzinfo=berlin)) or (NOW, NOW)
    assert end.astimezone(UTC) - start.astimezone(UTC) == timedelta(hours=23)


@pytest.mark.parametrize("number", [0, 1, 5_000, 10**6, 10**12, 10**30])
@pytest.mark.parametrize("unit", ["days", "weeks", "months", "years"])
@pytest.mark.parametrize("question", ["what was {} {} ago", "what was so in the last {} {}"])
def test_no_number_is_too_large_to_ask_about(question: str, number: int, unit: str) -> None:
    found = span(question.format(number, unit), NOW)
    assert found is None or found[0] < found[1]


@given(st.text(max_size=60))
def test_any_question_can_be_read(query: str) -> None:
    found = span(query, NOW)
    assert found is None or found[0] < found[1]


TIME_WORDS = """
    since between from and to last next this the on in may March 31 29 February 2024 2026-02-30 3.5.2025
    yesterday Monday weekend days ago night morning before day gestern im vor seit 9999 hace mai 年 月 3
""".split()


@given(st.lists(st.sampled_from(TIME_WORDS), max_size=8), st.floats(0, 230))
def test_any_row_of_time_words_at_any_time_can_be_read(words: list[str], years: float) -> None:
    now = datetime(1970, 1, 2, tzinfo=ZoneInfo("Europe/Berlin")) + timedelta(days=365 * years)
    found = span(" ".join(words), now)
    assert found is None or (found[0] < found[1] and found[0].tzinfo is found[1].tzinfo is now.tzinfo)


@pytest.mark.parametrize("piece", ["since ", "3 ", "may and ", "1 day ", "a", "月", "between March and "])
def test_a_long_question_is_read_at_once(piece: str) -> None:
    span(piece, NOW)
    began = time.process_time()
    span(piece * 200_000, NOW)
    assert time.process_time() - began < 1


def test_an_english_question_does_not_import_dateparser() -> None:
    code = (
        "import sys; from datetime import UTC, datetime; from zettelmem.language.dates import span; "
        "span('What happened last Monday in Porto?', datetime.now(UTC)); "
        "span('Ana 3 tea', datetime.now(UTC)); "
        "sys.exit('dateparser' in sys.modules)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_examples_are_so() -> None:
    assert doctest.testmod(dates).failed == 0
