"""Times that a question names, as spans."""

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zettelmem.language.dates import span

NOW = datetime(2026, 5, 20, 13, tzinfo=UTC)  # a Wednesday


def day(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("query", "start", "end"),
    [
        ("What did we do on 2026-03-04?", "2026-03-04", "2026-03-05"),
        ("What did we do on 4 March 2025?", "2025-03-04", "2025-03-05"),
        ("What did we do on March 4th?", "2026-03-04", "2026-03-05"),
        ("the 4th of March, 2025", "2025-03-04", "2025-03-05"),
        ("Where was Ana in March 2024?", "2024-03-01", "2024-04-01"),
        ("Where was Ana in March?", "2026-03-01", "2026-04-01"),
        ("Where was Ana last December?", "2025-12-01", "2026-01-01"),
        ("Where was Ana in 2023?", "2023-01-01", "2024-01-01"),
        ("What happened yesterday?", "2026-05-19", "2026-05-20"),
        ("What happened today?", "2026-05-20", "2026-05-21"),
        ("What happened two days ago?", "2026-05-18", "2026-05-19"),
        ("What happened 3 weeks ago?", "2026-04-27", "2026-05-04"),
        ("What happened last month?", "2026-04-01", "2026-05-01"),
        ("What happened last year?", "2025-01-01", "2026-01-01"),
    ],
)
def test_a_time_is_a_span(query: str, start: str, end: str) -> None:
    assert span(query, NOW) == (day(start), day(end))


@pytest.mark.parametrize(
    "query",
    [
        "Where does Ana live?",
        "May I?",
        "Who may march?",
        "",
        "on 31 February 2024",
        "2026-13-45",
        "room 2024b",
    ],
)
def test_what_names_no_time_has_none(query: str) -> None:
    assert span(query, NOW) is None


@pytest.mark.parametrize("number", [0, 1, 5_000, 10**6, 10**12, 10**30])
@pytest.mark.parametrize("unit", ["days", "weeks", "months", "years"])
def test_no_number_is_too_large_to_ask_about(number: int, unit: str) -> None:
    found = span(f"what was {number} {unit} ago", NOW)
    assert found is None or found[0] < found[1]


@given(st.text(max_size=60))
def test_any_question_can_be_read(query: str) -> None:
    found = span(query, NOW)
    assert found is None or found[0] < found[1]
