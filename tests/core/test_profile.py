"""What is known of the fields of a model: read by rules, or by a language model that names its notes."""

from collections.abc import Iterator
from datetime import date, datetime
from enum import Enum
from typing import Annotated, Any, Literal

import pytest
from pydantic import BaseModel, Field
from pydantic.fields import FieldInfo

from tests.doubles import DAY, START, Clock, note, open_sync
from zettelmem import InvalidInput, Memory, Trust
from zettelmem.portrait import INSTRUCTIONS, known, read
from zettelmem.testing import NEVER, Asked, ScriptedModel

FILLER = [f"The harvest of field {number} was brought in." for number in range(40)]


class Mood(Enum):
    CALM = "calm"
    STORMY = "stormy"


class Person(BaseModel):
    city: str | None = Field(None, description="lives in, city")
    drink: str | None = Field(None, description="drinks in the morning")
    desk: int | None = Field(None, title="number of the desk")
    born: date | None = Field(None, description="born, birthday")
    team: Literal["red", "blue"] | None = Field(None, description="plays for the team")
    pets: list[str] = Field(default=[], description="dog, cat")
    married: bool | None = None


@pytest.fixture
def memory() -> Iterator[Memory]:
    with open_sync(judge="none") as memory:
        memory.remember_many(FILLER, namespace="a")
        yield memory


def test_fields_are_filled_from_what_is_so_now_each_with_its_notes(memory: Memory) -> None:
    lives = memory.remember("Ana lives in Porto.", namespace="a").note
    memory.remember("Ana was born on 1990-05-04.", namespace="a")
    memory.remember("Ana has desk number 17.", namespace="a")
    memory.remember("Ana plays for the blue team.", namespace="a")
    memory.remember_many(["Ana has a dog.", "Ana has a cat."], namespace="a")
    profile = memory.profile(namespace="a", schema=Person)
    assert profile.fields["city"].value == "Ana lives in Porto."
    assert profile.fields["city"].notes == (lives.id,)
    assert profile.filled.born == date(1990, 5, 4)
    assert profile.filled.desk == 17
    assert profile.filled.team == "blue"
    assert sorted(profile.filled.pets) == ["Ana has a cat.", "Ana has a dog."]
    assert profile.notes[0] == lives
    assert len(profile.notes) == 6


def test_what_is_unknown_stays_none(memory: Memory) -> None:
    profile = memory.profile(namespace="a", schema=Person)
    assert profile.filled == Person.model_construct(**dict.fromkeys(Person.model_fields))
    assert all(each.value is None and each.notes == () for each in profile.fields.values())
    assert profile.notes == ()


@pytest.mark.parametrize(
    ("content", "fields"),
    [
        ("Where does Ana live? In which city?", {}),
        ("Ana lives in a city, the web page says.", {"trust": Trust.UNTRUSTED}),
        ("Ana lives in a city, I suppose.", {"trust": Trust.REPORTED}),
        ("My cousin lives in Braga.", {}),
        ("Ana paints.", {}),
    ],
)
def test_what_does_not_tell_it_of_the_person_is_not_taken(
    memory: Memory, content: str, fields: dict[str, Any]
) -> None:
    memory.remember(content, namespace="a", **fields)
    assert memory.profile(namespace="a", schema=Person).filled.city is None


def test_what_is_no_longer_so_is_not_taken(memory: Memory) -> None:
    done = memory.remember("Ana lives in Porto.", namespace="a")
    memory.revise(done.note.id, namespace="a", invalid_at=START)
    assert memory.profile(namespace="a", schema=Person).filled.city is None


FIELDS = Person.model_fields


@pytest.mark.parametrize(
    ("field", "content", "value"),
    [
        (FIELDS["desk"], "Desk 17.", "17"),
        (FIELDS["desk"], "Desk 17 or 18.", None),
        (FIELDS["desk"], "Desk A-17, version 1.2.3.", None),
        (FieldInfo(annotation=float), "It weighs 3,5 kilos.", "3.5"),
        (FIELDS["born"], "Born on 4 May 1990.", date(1990, 5, 4)),
        (FIELDS["born"], "Born in 1990.", None),
        (FIELDS["born"], "Born on 1990-02-30.", None),
        (FIELDS["born"], "Between 1990-05-04 and 1991-05-04.", None),
        (FieldInfo(annotation=datetime), "Born on 1990-05-04.", datetime(1990, 5, 4, tzinfo=START.tzinfo)),
        (FIELDS["team"], "The BLUE one.", "blue"),
        (FIELDS["team"], "Blue or red.", None),
        (FIELDS["team"], "Bluebells.", None),
        (FieldInfo(annotation=Mood), "A stormy person.", Mood.STORMY),
        (FIELDS["married"], "Ana is married.", None),
        (FieldInfo(annotation=Person), "Ana.", None),
        (FieldInfo(annotation=Annotated[str, "x"]), "Ana.", "Ana."),
    ],
)
def test_a_value_is_read_where_the_words_leave_no_doubt(field: FieldInfo, content: str, value: Any) -> None:
    assert read(field, note(content=content)) == value


def test_a_value_that_the_fields_type_refuses_is_left_out() -> None:
    class Small(BaseModel):
        floor: int = Field(le=10)

    field, here = Small.model_fields["floor"], note()
    assert known(field, [(12, here, 1.0)], START).value is None
    assert known(field, [("7", here, 1.0)], START).value == 7


def test_lately_and_usually_differ_where_a_habit_has_changed() -> None:
    field = FieldInfo(annotation=str)
    now = START + 300 * DAY
    coffee = [(f"{'Coffee' if n % 2 else 'coffee'}", said(f"cffff{n:03}", 10 * n), 1.0) for n in range(28)]
    tea = [("tea", said(f"tttttt{n:02}", 285 + 5 * n), 1.0) for n in range(3)]
    found = known(field, [*coffee, *tea], now)
    assert (found.lately, found.usually, found.value) == ("tea", "coffee", "tea")
    assert found.notes[0] == tea[-1][1].id
    assert len(found.notes) == 31


def said(note_id: str, day: int) -> Any:
    return note(note_id, occurred_at=START + day * DAY)


def test_what_is_said_again_counts_again() -> None:
    clock = Clock()
    with open_sync(clock=clock) as memory:
        memory.remember_many(FILLER, namespace="a")
        for day in (1, 100, 170):
            clock.day(day)
            memory.remember("Ana drinks coffee in the morning.", namespace="a")
        clock.day(200)
        memory.remember("Ana drinks tea in the morning, of late.", namespace="a")
        drink = memory.profile(namespace="a", schema=Person).fields["drink"]
        assert "tea" in drink.lately
        assert "coffee" in drink.usually


# --- with a language model ---------------------------------------------------------------------------


def reading(*told: tuple[str, Any, str]) -> ScriptedModel:
    """A model that reads values in notes, which it finds by their words."""

    def answer(asked: Asked) -> dict[str, Any]:
        assert asked.instructions == INSTRUCTIONS
        shown = asked.prompt.split("\n> ")
        found = []
        for field, value, words in told:
            place = next((n for n, words_of in enumerate(shown[1:]) if words_of.startswith(words)), 99)
            found.append({"field": field, "value": value, "notes": [place]})
        return {"told": found}

    return ScriptedModel(answer)


def test_a_model_reads_what_rules_cannot() -> None:
    model = reading(
        ("city", "Porto", "Ana lives"), ("married", True, "Ana lives"), ("pets", "dog", "Ana lives")
    )
    with open_sync(model=model, judge="none") as memory:
        lives = memory.remember("Ana lives in Porto with her husband and a dog.", namespace="a").note
        profile = memory.profile(namespace="a", schema=Person, judge="model")
        assert (profile.filled.city, profile.filled.married, profile.filled.pets) == ("Porto", True, ["dog"])
        assert profile.fields["married"].notes == (lives.id,)
        assert "- team (one of red, blue): team: plays for the team" in model.asked[0].prompt
        assert "- pets (several, each text): pets: dog, cat" in model.asked[0].prompt


def test_what_a_model_says_without_a_note_or_of_another_type_is_left_out() -> None:
    model = reading(
        ("city", "Paris", "no such note"), ("desk", "many", "Ana lives"), ("hair", "red", "Ana lives")
    )
    with open_sync(model=model, judge="none") as memory:
        memory.remember("Ana lives in Porto, at desk 17.", namespace="a")
        profile = memory.profile(namespace="a", schema=Person, judge="model")
        assert (profile.filled.city, profile.filled.desk) == (None, None)


@pytest.mark.parametrize("failure", [ValueError("away"), NEVER, "rubbish"])
def test_where_the_model_fails_the_rules_read(failure: Any) -> None:
    with open_sync(model=ScriptedModel([failure]), judge="none", model_timeout=0.05) as memory:
        memory.remember("Ana lives in Porto.", namespace="a")
        profile = memory.profile(namespace="a", schema=Person, judge="model")
        assert profile.filled.city == "Ana lives in Porto."


def test_nothing_is_asked_about_an_empty_memory() -> None:
    model = ScriptedModel([])
    with open_sync(model=model) as memory:
        assert memory.profile(namespace="a", schema=Person).filled.city is None
        assert model.asked == []


def test_what_is_no_model_is_refused(memory: Memory) -> None:
    with pytest.raises(InvalidInput, match="give a pydantic model"):
        memory.profile(namespace="a", schema=dict)  # type: ignore[type-var]
    with pytest.raises(InvalidInput, match="needs a model"):
        memory.profile(namespace="a", schema=Person, judge="model")
