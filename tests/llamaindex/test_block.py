"""The block inside LlamaIndex's own Memory: one recall a turn, and the best notes when tokens are short."""

import asyncio
from typing import Any

import pytest
from llama_index.core.base.llms.types import ChatMessage, TextBlock
from llama_index.core.memory import BaseMemoryBlock, StaticMemoryBlock
from llama_index.core.memory import Memory as ShortTerm
from llama_index.core.utils import get_tokenizer
from pydantic import ValidationError
from sqlalchemy.ext.asyncio import AsyncEngine

from llama_index.memory.zettelmem import ZettelmemMemoryBlock
from tests.llamaindex.doubles import NS, Counting, assistant, user
from zettelmem import Memory

PEANUTS = [
    "Ana is allergic to peanuts and peanut butter.",
    "Ana once ate peanuts on a plane.",
    "Ana keeps peanuts for the squirrels in the garden behind the house.",
]


def block_of(memory: Memory, **kwargs: Any) -> ZettelmemMemoryBlock:
    return ZettelmemMemoryBlock(memory=memory, namespace=NS, **kwargs)


def notes_in(shown: str) -> list[str]:
    """What is shown of each note: a line about it, and its words."""
    lines = shown.splitlines()
    return [f"{line}\n{lines[place + 1]}" for place, line in enumerate(lines) if line.startswith("[")]


def fill(memory: Memory) -> None:
    """So many notes that a memory is not shown whole."""
    memory.remember_many([f"Line {n} of a poem." for n in range(50)], namespace=NS, judge="none")


def in_order(shown: str) -> list[str]:
    return [text for line in notes_in(shown) for text in PEANUTS if text in line]


def contents(memory: Memory) -> list[str]:
    return [note.content for note in memory.notes(namespace=NS).notes]


def test_it_is_a_memory_block_by_class_and_by_name() -> None:
    assert BaseMemoryBlock.__name__ in [each.__name__ for each in ZettelmemMemoryBlock.__mro__]
    assert ZettelmemMemoryBlock.class_name() == "ZettelmemMemoryBlock"


@pytest.mark.parametrize("namespace", ["ana", ("acme", "ana"), ["acme", "ana"]])
def test_a_namespace_is_a_word_or_a_path(memory: Memory, namespace: Any) -> None:
    block = ZettelmemMemoryBlock(memory=memory, namespace=namespace)
    assert block.namespace == namespace
    memory.remember("Ana lives in Porto.", namespace=namespace)
    assert "Porto" in asyncio.run(block.aget([user("Where does Ana live?")]))


@pytest.mark.parametrize("top_k", [0, 1001])
def test_more_or_fewer_notes_than_can_be_shown_are_refused(memory: Memory, top_k: int) -> None:
    with pytest.raises(ValidationError, match="top_k"):
        block_of(memory, top_k=top_k)


# --- recall ---------------------------------------------------------------------------------------


async def test_it_recalls_for_the_last_message_of_the_user(memory: Memory) -> None:
    memory.remember("Ana lives in Porto.", namespace=NS)
    memory.remember("Bread is baked on Fridays.", namespace=NS)
    fill(memory)
    shown = await block_of(memory, top_k=1).aget(
        [user("Is there bread?"), assistant("Yes."), user("Where does Ana live?"), assistant("Hm.")]
    )
    assert len(notes_in(shown)) == 1
    assert "Ana lives in Porto." in shown


@pytest.mark.parametrize(
    "messages", [None, [], [assistant("Hello.")], [user(" ")], [ChatMessage(role="user")]]
)
async def test_it_says_nothing_where_nobody_asked(memory: Memory, messages: list[ChatMessage] | None) -> None:
    memory.remember("Ana lives in Porto.", namespace=NS)
    assert await block_of(memory).aget(messages) == ""


async def test_as_many_notes_are_shown_as_wanted_beside_what_was_just_said(memory: Memory) -> None:
    said = ["What of peanuts?", "Peanuts, then?"]
    for text in [*said, *PEANUTS]:
        memory.remember(text, namespace=NS)
    fill(memory)
    shown = await block_of(memory, top_k=2).aget([user(text) for text in said])
    assert len(notes_in(shown)) == len(in_order(shown)) == 2


async def test_a_turn_is_looked_up_once_as_an_agent_asks_three_times(
    memory: Memory, embedder: Counting
) -> None:
    memory.remember("Ana lives in Porto.", namespace=NS)
    block = block_of(memory)
    question = user("Where does Ana live?")
    for seen in (
        [question],
        [question, question],  # LlamaIndex appends it again
        [question, ChatMessage(role="tool", content="x"), assistant("In Porto.")],
    ):
        assert "Ana lives in Porto." in await block.aget(seen, session_id="monday")
    assert embedder.queries == ["Where does Ana live?"]


@pytest.mark.parametrize("asked_after_the_answer", [True, False])
async def test_the_same_question_in_a_new_turn_is_looked_up_again(
    memory: Memory, embedder: Counting, asked_after_the_answer: bool
) -> None:
    block = block_of(memory)
    turn = [user("Any news?"), assistant("No.")]
    await block.aget(turn[:1], session_id="monday")
    if asked_after_the_answer:
        await block.aget(turn, session_id="monday")
    memory.remember("Here is news.", namespace=NS)
    assert "Here is news." in await block.aget([*turn, turn[0]], session_id="monday")
    assert embedder.queries == ["Any news?"] * 2


async def test_the_same_question_in_another_session_is_looked_up_again(
    memory: Memory, embedder: Counting
) -> None:
    block = block_of(memory)
    for session in ("monday", "tuesday"):
        await block.aget([user("Any news?")], session_id=session)
    assert embedder.queries == ["Any news?"] * 2


# --- what the short-term memory lets go -----------------------------------------------------------


async def test_what_overflows_is_remembered_in_its_session(memory: Memory, engine: AsyncEngine) -> None:
    short = ShortTerm.from_defaults(
        session_id="monday",
        token_limit=1000,
        chat_history_token_ratio=0.0001,
        token_flush_size=1,
        memory_blocks=[block_of(memory)],
        async_engine=engine,
    )
    for turn in range(3):
        await short.aput(user(f"Question {turn}?"))
        await short.aput(assistant(f"Answer {turn}."))
    notes = memory.notes(namespace=NS).notes
    assert [note.content for note in notes] == [
        "Question 0?",
        "Answer 0.",
        "Question 1?",
        "Answer 1.",
    ]  # the last turn stays with the short-term memory: hence ZettelmemMemory
    assert {note.thread for note in notes} == {"monday"}


async def test_messages_put_into_it_are_left_as_they_are(memory: Memory) -> None:
    mine = user("I live in Porto.")
    await block_of(memory).aput([mine], session_id="monday")
    assert mine.additional_kwargs == {}
    assert contents(memory) == ["I live in Porto."]


async def test_a_block_that_takes_no_overflow_remembers_none(memory: Memory) -> None:
    block = block_of(memory, accept_short_term_memory=False)
    await block.aput([user("I live in Porto.")], from_short_term_memory=True, session_id="monday")
    assert contents(memory) == []


# --- truncation -----------------------------------------------------------------------------------


@pytest.fixture
def peanuts(memory: Memory) -> Memory:
    for text in PEANUTS:
        memory.remember(text, namespace=NS)
    return memory


async def test_truncation_keeps_the_best_notes_within_the_limit(peanuts: Memory) -> None:
    block, count = block_of(peanuts), get_tokenizer()
    whole = await block.aget([user("Is Ana allergic to peanuts?")])
    ranking = in_order(whole)
    assert len(ranking) == 3
    for cut in (1, 20, 40):
        kept = await block.atruncate(whole, cut)
        assert kept is not None
        assert len(count(kept)) <= len(count(whole)) - cut
        assert in_order(kept) == ranking[: len(in_order(kept))]
        assert 0 < len(in_order(kept)) < 3
        dropped = "\n".join([kept, notes_in(whole)[len(in_order(kept))]])
        # The next one would not have fitted; a fence's mark is a few tokens more or less.
        assert len(count(dropped)) > len(count(whole)) - cut - 8


async def test_truncation_counts_with_the_tokenizer_it_is_given(peanuts: Memory) -> None:
    block = block_of(peanuts, tokenizer_fn=list)  # a token a character
    whole = await block.aget([user("Is Ana allergic to peanuts?")])
    last = len(notes_in(whole)[-1]) + 1
    kept = await block.atruncate(whole, last)
    assert kept is not None
    assert len(kept) == len(whole) - last
    kept = await block.atruncate(whole, last + 1)
    assert kept is not None
    assert len(in_order(kept)) == 1


async def test_a_note_too_long_for_the_room_makes_place_for_shorter_ones(memory: Memory) -> None:
    memory.remember("peanuts " * 200, namespace=NS)
    memory.remember("Ana keeps a garden with peanuts.", namespace=NS)
    block = block_of(memory)
    whole = await block.aget([user("peanuts peanuts")])
    assert notes_in(whole)[0].count("peanuts") > 100
    kept = await block.atruncate(whole, 150)
    assert kept is not None
    assert [line.count("peanuts") for line in notes_in(kept)] == [1]


async def test_nothing_is_left_where_no_note_fits(peanuts: Memory) -> None:
    block = block_of(peanuts)
    whole = await block.aget([user("Is Ana allergic to peanuts?")])
    assert await block.atruncate(whole, len(get_tokenizer()(whole))) is None
    assert await block.atruncate("", 5) is None


def short_of_tokens(peanuts: Memory, engine: AsyncEngine, priority: int, limit: int) -> ShortTerm:
    weather = StaticMemoryBlock(
        name="weather", static_content=[TextBlock(text="It rains. " * 20)], priority=2
    )
    return ShortTerm.from_defaults(
        session_id="monday",
        token_limit=limit,
        memory_blocks=[block_of(peanuts, priority=priority), weather],
        async_engine=engine,
    )


@pytest.mark.parametrize(
    ("priority", "limit", "notes", "weather"),
    [
        (1, 1000, {3}, True),  # enough for everybody
        (1, 200, {1, 2}, True),  # cut first, down to its best notes
        (3, 200, {3}, False),  # the other one is cut
        (0, 200, {3}, False),  # never cut
    ],
)
async def test_its_priority_decides_who_is_cut(
    peanuts: Memory, engine: AsyncEngine, priority: int, limit: int, notes: set[int], weather: bool
) -> None:
    short = short_of_tokens(peanuts, engine, priority, limit)
    await short.aput(user("Is Ana allergic to peanuts?"))
    shown = str((await short.aget())[0].content)
    assert len(in_order(shown)) in notes
    assert ("It rains." in shown) == weather


# --- what a prompt gets ---------------------------------------------------------------------------


async def test_a_small_memory_is_shown_whole(memory: Memory) -> None:
    for text in [*PEANUTS, "Bread is baked on Fridays."]:
        memory.remember(text, namespace=NS)
    assert len(notes_in(await block_of(memory, top_k=1).aget([user("What of peanuts?")]))) == 4


async def test_the_users_words_come_before_the_assistants_and_trust_is_told(memory: Memory) -> None:
    block = block_of(memory)
    await block.aput([assistant("Peanut allergy: Ana should avoid peanuts, of course, peanuts everywhere.")])
    await block.aput([user("I get a rash from nuts.")])
    first, second = notes_in(await block.aget([user("Peanut allergy?")]))
    assert "said by user (stated)" in first
    assert "said by assistant (reported)" in second


async def test_what_only_asks_comes_last_and_the_question_itself_is_not_shown(memory: Memory) -> None:
    for question in ("What is Ana allergic to?", "What is Ana's brother allergic to?"):
        memory.remember(question, namespace=NS)
    memory.remember("Ana cannot eat peanuts.", namespace=NS)
    shown = notes_in(await block_of(memory).aget([user("What is Ana allergic to?")]))
    assert [text.partition("> ")[2] for text in shown] == [
        "Ana cannot eat peanuts.",
        "What is Ana's brother allergic to?",
    ]


async def test_notes_are_cut_to_the_budget_at_the_passage_that_was_asked_for(memory: Memory) -> None:
    memory.remember("Bread is baked. " * 300 + "The spare key is under the pot.", namespace=NS)
    shown = await block_of(memory, budget_tokens=200).aget([user("Where is the spare key?")])
    assert "The spare key is under the pot." in shown
    assert len(shown) < 1_500


async def test_weak_hits_can_be_left_out(memory: Memory) -> None:
    memory.remember("Ana is allergic to peanuts.", namespace=NS)
    fill(memory)
    assert await block_of(memory, min_score=1.0).aget([user("Who built Rome?")]) == ""


async def test_acknowledgements_are_not_remembered(memory: Memory) -> None:
    await block_of(memory).aput([user("I live in Porto."), assistant("Noted."), assistant("Will do.")])
    assert contents(memory) == ["I live in Porto."]


async def test_ids_are_asked_for_only_where_somebody_reads_them(memory: Memory) -> None:
    memory.remember("Ana is allergic to peanuts.", namespace=NS)
    for cite in (False, True):
        shown = await block_of(memory, cite=cite).aget([user("What of peanuts?")])
        assert ("Cite a note" in shown) == cite


async def test_all_parts_of_a_brief_can_be_shown_and_the_answer_is_cut_last(memory: Memory) -> None:
    fill(memory)
    memory.remember_many(["Ana prefers short answers.", "Ana has a blue bicycle."], namespace=NS)
    block = block_of(memory, parts=("profile", "notes"), top_k=1, tokenizer_fn=str.split)
    shown = await block.aget([user("Which bicycle is blue?")])
    assert shown.index("Ana prefers short answers.") < shown.index("Ana has a blue bicycle.")
    shorter = await block.atruncate(shown, 10)
    assert shorter is not None
    assert "blue bicycle" in shorter
    assert "short answers" not in shorter
    assert len(shorter.split()) <= len(shown.split()) - 10
