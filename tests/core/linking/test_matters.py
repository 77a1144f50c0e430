"""What is the later word on what: one matter is the same subject and attribute, and another value."""

from pathlib import Path
from typing import Any

import pytest

from tests.doubles import DAY, START, A, B, note
from zettelmem import Note, Source
from zettelmem.linking.matters import Matter, compare

WEEKS = 30 * DAY


def said(content: str, day: int = 0, who: str | None = "Ana", **fields: Any) -> Note:
    at = {"occurred_at": START + day * DAY, "recorded_at": START + day * DAY}
    return note(B if day else A, content, source=Source(who=who), **(at | fields))


def matter(old: str, new: str, **fields: Any) -> Matter:
    return compare(said(new, 30, **fields), said(old)).matter


ANNOUNCED = [
    ("The workshop is on 3 June.", "The workshop was moved to 9 June."),
    ("The workshop is at 14:00.", "The workshop is now at 15:30."),
    ("Choir practice is on Tuesday.", "Correction: choir practice is on Thursday."),
    ("My phone number is 0171 555 01.", "My new phone number is 0160 555 77."),
    ("I live in Graz.", "I moved to Linz."),
    ("I live in Graz.", "I no longer live in Graz."),
    ("I work at Fabrikam.", "I quit Fabrikam last month."),
    ("I smoke ten cigarettes a day.", "I don't smoke anymore."),
    ("I am vegan.", "I am no longer vegan."),
    ("The api is written in Python.", "The api was rewritten in Zig."),
    ("The rent is 700 euros.", "They raised the rent to 760 euros."),
    ("Our CTO is Lena.", "Omar is our new CTO."),
    ("The barbecue is on Saturday.", "The barbecue was cancelled."),
    ("My sister lives in Oslo.", "My sister moved to Bergen."),
    ("The status of the migration is blocked.", "The status of the migration is now done."),
    ("I drive a Golf.", "I now drive a Zoe."),
    ("The fee is 20 euros.", "The fee went up to 25 euros."),
    ("Mia is five.", "Mia turned six."),
    ("My parents live in Ulm.", "My parents moved to Kiel."),
    ("Our printer supplier is Kern.", "We changed our printer supplier to Hub."),
    ("I use Sublime for Python.", "I switched from Sublime to Helix."),
    ("My address: Hauptstrasse 5.", "Hauptstrasse 5 is no longer my address."),
    ("Renew Dropbox for a year.", "Please hold off on Dropbox."),
    ("We are launching Project Heron in May.", "Put Project Heron on hold."),
    ("I live in Graz. I drive a Golf.", "I moved to Linz. I now drive a Zoe."),
]

LATER = [
    ("I live in Graz.", "I live in Linz."),
    ("My favourite film is Alien.", "My favourite film is Arrival."),
    ("The gate code is 4411.", "The gate code is 9032."),
    ("I weigh 70 kg.", "I weigh 66 kg."),
    ("The heating is set to 20 degrees.", "The heating is set to 22 degrees."),
    ("Dinner is at 7 pm.", "Dinner is at 8 pm."),
    ("Lena leads the data team.", "Omar leads the data team."),
    ("Our head of sales is Lena.", "Our head of sales is Omar."),
    ("The ticket costs 40 euros.", "The ticket costs 55 euros."),
    ("I am a teacher at Nordschule.", "I am a teacher at Ostschule."),
    ("I have two children.", "I have three children."),
    ("The walls are white.", "The walls are green."),
    ("We use Node 18 in production.", "We use Node 22 in production."),
    ("Yoga: Mondays.", "I go to yoga on Thursdays."),
    ("Our team sits on the third floor.", "Our office is on the fourth floor."),
    ("I prefer window seats.", "I prefer aisle seats."),
    ("The backup runs at 2 am.", "The backup runs at 4 am."),
    ("The build takes 10 minutes.", "The build takes 4 minutes."),
    ("The invoices go to Lena.", "The invoices go to Omar."),
    ("I go to work by bus.", "I go to work by bike."),
    ("Lena is the goalkeeper.", "Omar is the goalkeeper."),
    ("The train leaves at 7:42.", "The train leaves at 7:55."),
]

OTHERS = [
    # A question, a denial, a condition, a hope, hearsay, a plan.
    ("The workshop is on 3 June.", "Was the workshop moved to 9 June?"),
    ("The workshop is on 3 June.", "The workshop was not moved to 9 June."),
    ("The workshop is on 3 June.", "I hope the workshop is not moved to 9 June."),
    ("The workshop is on 3 June.", "If it rains, the workshop is moved to 9 June."),
    ("The workshop is on 3 June.", "Somebody said the workshop was moved to 9 June."),
    ("The workshop is on 3 June.", "The workshop might be moved to 9 June."),
    ("I live in Graz.", "I am thinking of moving to Linz."),
    ("I live in Graz.", "I want to live in Linz."),
    ("The barbecue is on Saturday.", "The barbecue on Saturday wasn't cancelled."),
    # News of somebody or something else.
    ("Omar works at Fabrikam.", "Lena no longer works at Fabrikam."),
    ("Train IC5 is on May 3.", "Train IC7 was cancelled."),
    ("Production is on Postgres.", "Staging switched from Postgres to MySQL."),
    ("The design review is on Monday.", "The budget review was moved to Friday."),
    ("My brother lives in Graz.", "I moved to Linz."),
    ("My sister's favourite colour is green.", "My favourite colour is orange."),
    ("The cellar code is 4411.", "The gate code is 9032."),
    ("Omar's car is a red Volvo.", "My car is no longer a red Fiat."),
    # Another side of the same.
    ("Omar is a pastry chef in Graz.", "Omar now lives with his girlfriend in Graz."),
    ("The workshop is on 3 June.", "The workshop is now in room 12."),
    ("The workshop is on 3 June.", "The workshop is at 14:00."),
    ("I am allergic to nuts.", "I am no longer allergic to cats."),
    ("I like jazz.", "I no longer like country music."),
    ("I take aspirin every day.", "I no longer take ibuprofen."),
    ("User prefers tabs in Go code.", "User no longer prefers tabs in Python code."),
    # Lists grow.
    ("I like green tea.", "I also like jasmine tea."),
    ("I speak Spanish.", "I speak Portuguese."),
    ("We use Redis in production.", "We use Kafka in staging."),
    ("My cat is called Momo.", "My cat is called Kiki."),
    ("I read Dune.", "I read Emma."),
    ("My brother plays the piano.", "My brother plays the cello."),
    ("I met Lena at the market.", "I met Omar at the market."),
    ("I went to a concert on Friday.", "I went to a parade on Sunday."),
    ("The colours are so bold.", "The colours are so bright."),
    ("The code of the gate is 4411.", "The code of the cellar is 4411."),
    # The same, or more of it.
    ("I live in Graz.", "I live in Graz, near the river."),
    ("The workshop is on 3 June.", "The workshop is on 3 June at 14:00."),
    # The past.
    ("I live in Graz.", "I lived in Linz as a student."),
    ("The walls are white.", "The walls were green."),
    # What the lists do not know.
    ("The kettle hums.", "The kettle no longer hums at night, it seems."),
    ("Ich wohne in Graz.", "Ich wohne jetzt in Linz."),
]


@pytest.mark.parametrize(("old", "new"), ANNOUNCED)
def test_a_change_that_is_announced_closes_what_it_is_about(old: str, new: str) -> None:
    assert matter(old, new) is Matter.CLOSES


@pytest.mark.parametrize(("old", "new"), LATER)
def test_another_value_of_the_same_may_be_the_newer_word(old: str, new: str) -> None:
    assert matter(old, new) is Matter.NEWER


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("My name is Sara, I live in Graz and I have a cat.", "I moved to Linz."),
        ("I'm Sara and I work as a dentist in Graz.", "I quit the clinic; I now work at a school in Linz."),
        ("I live in Graz. I am vegan.", "I no longer live in Graz."),
    ],
)
def test_a_note_that_states_more_than_what_changed_stays_open(old: str, new: str) -> None:
    assert matter(old, new) is Matter.NEWER


@pytest.mark.parametrize(("old", "new"), OTHERS)
def test_what_is_about_something_else_or_not_asserted_touches_nothing(old: str, new: str) -> None:
    assert matter(old, new) <= Matter.SAYS_THE_SAME


def closes_nothing() -> list[tuple[str, str]]:
    """Facts, each with a sentence after which it still holds."""
    lines = (Path(__file__).parent / "closes_nothing.txt").read_text("utf-8").splitlines()
    pairs = [line.partition(" | ") for line in lines if not line.startswith("#")]
    return [(fact, then) for fact, _, then in pairs]


@pytest.mark.parametrize(("fact", "then"), closes_nothing())
def test_nothing_is_closed_by_questions_denials_hopes_and_their_like(fact: str, then: str) -> None:
    """FAULTS A1, A2, A3."""
    assert matter(fact, then) is not Matter.CLOSES


def test_what_is_wanted_just_before_is_taken_back_by_what_it_was_called() -> None:
    wanted = said("I need to purchase Desk Lamps. The budget is $900.", thread="t")
    kept = said("I need to hire Interns. The budget is $900.", thread="t")
    taken_back = said("Cancel that purchase.", 1, thread="t", position=1)
    assert compare(taken_back, wanted).matter is Matter.NEWER
    assert compare(taken_back, kept).matter is Matter.NOTHING
    assert compare(said("Should I cancel that purchase?", 1, thread="t", position=1), wanted).matter is (
        Matter.NOTHING
    )
