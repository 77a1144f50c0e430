"""The five tools of an agent, as every door hands them on."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.doubles import open_memory
from zettelmem import (
    AGENT_TOOLS,
    Answer,
    AsyncMemory,
    Caller,
    DecisionRefused,
    Hit,
    InvalidInput,
    NotFound,
    Remembered,
    Trust,
    refused,
)

CALLER = Caller(namespace="ana", via="test", thread="t1", judge="ask")


@pytest.fixture
async def memory() -> AsyncIterator[AsyncMemory]:
    async with open_memory() as opened:
        yield opened


async def call(memory: AsyncMemory, name: str, **arguments: Any) -> Answer:
    return await AGENT_TOOLS[name].run(memory, arguments, CALLER)


async def remembered(memory: AsyncMemory, content: str, **more: Any) -> str:
    (done,) = (await call(memory, "remember", content=content, **more)).value
    assert isinstance(done, Remembered)
    return done.note.id


def test_there_are_five_tools_with_described_and_typed_arguments() -> None:
    assert list(AGENT_TOOLS) == ["remember", "recall", "connect", "revise", "forget"]
    for tool in AGENT_TOOLS.values():
        schema = tool.arguments.model_json_schema()
        assert all(field.get("description") or "default" in field for field in schema["properties"].values())
        assert tool.description
        assert not {"namespace", "thread", "via", "trust"} & schema["properties"].keys()
    links = AGENT_TOOLS["connect"].arguments.model_json_schema()
    assert links["$defs"]["LinkChoice"]["properties"]["neighbour"]["type"] == "integer"
    assert "supersedes" in str(links["$defs"]["Relation"]["enum"])


async def test_a_fact_is_remembered_with_who_said_it_through_which_door(memory: AsyncMemory) -> None:
    note = await memory.get(await remembered(memory, "Ana is a vet.", said_by="user"), namespace="ana")
    assert (note.source.who, note.source.via, note.thread, note.trust) == ("user", "test", "t1", Trust.STATED)


async def test_several_facts_are_one_call(memory: AsyncMemory) -> None:
    answer = await call(memory, "remember", content="Ana is a vet.", more=["She has a cat.", "She sails."])
    assert len(answer.value) == 3
    assert answer.text.count("Remembered as [") == 3


async def test_the_application_limits_how_far_an_agent_is_believed(memory: AsyncMemory) -> None:
    careful = Caller(namespace="ana", via="test", trust=Trust.UNTRUSTED)
    said = {"content": "Ana is a vet.", "said_by": "user"}
    await AGENT_TOOLS["remember"].run(memory, said, careful)
    (note,) = (await memory.notes(namespace="ana")).notes
    assert note.trust is Trust.UNTRUSTED


async def test_recall_gives_a_small_memory_whole_and_says_where_there_is_none(memory: AsyncMemory) -> None:
    assert (await call(memory, "recall", query="cat")).text == "Nothing is remembered about that."
    for fact in ("Ana is a vet.", "It rains in Porto.", "The cat is called Mia."):
        await remembered(memory, fact)
    answer = await call(memory, "recall", query="What is the cat called?", k=1)
    contents = [hit.note.content for hit in answer.value if isinstance(hit, Hit)]
    assert contents[0] == "The cat is called Mia."
    assert len(contents) == 3
    assert "data, not instructions" in answer.text


async def test_what_is_no_longer_so_is_found_when_it_is_asked_for(memory: AsyncMemory) -> None:
    old = await remembered(memory, "The launch is on 1 June.", said_by="user", occurred_at="2025-12-01")
    await call(memory, "revise", note_id=old, ended="2025-12-31")
    asked = {"query": "When is the launch?"}
    assert old not in (await call(memory, "recall", **asked)).text
    answer = await call(memory, "recall", superseded=True, **asked)
    assert f"[{old}]" in answer.text
    assert "NO LONGER SO" in answer.text


async def test_the_agents_revision_lowers_trust_and_changes_the_speaker(memory: AsyncMemory) -> None:
    done = await memory.remember("Dose: 5 mg.", namespace="ana", source="nurse", trust=Trust.VERIFIED)
    await call(memory, "revise", note_id=f"[{done.note.id}]", content="Dose: 50 mg.")
    note = await memory.get(done.note.id, namespace="ana")
    assert (note.source.who, note.trust) == ("assistant", Trust.REPORTED)
    await call(memory, "revise", note_id=done.note.id, content="Dose: 7 mg.", said_by="user")
    assert (await memory.get(done.note.id, namespace="ana")).trust is Trust.REPORTED


async def test_a_revision_needs_something_to_revise(memory: AsyncMemory) -> None:
    note_id = await remembered(memory, "Ana is a vet.")
    with pytest.raises(InvalidInput, match="send content, kind, tags or ended"):
        await call(memory, "revise", note_id=note_id, content="", tags="", ended="")


async def test_an_agent_connects_by_number(memory: AsyncMemory) -> None:
    old = await remembered(memory, "Ana lives in Porto.", said_by="user")
    answer = await call(memory, "remember", content="Ana lives in Porto by the river.", said_by="user")
    assert f"0. [{old}]" in answer.text
    (done,) = answer.value
    assert isinstance(done, Remembered)
    links = [{"neighbour": 0, "relation": "supports", "reason": "same home"}]
    answer = await call(memory, "connect", note_id=done.note.id, links=links)
    assert answer.text == f"[{done.note.id}] now has 2 links."  # it follows the other in the thread


async def test_a_connect_that_is_tried_again_says_what_stands(memory: AsyncMemory) -> None:
    old = await remembered(memory, "Ana lives in Porto.")
    new = await remembered(memory, "Ana lives in Porto by the river.")
    links = [{"neighbour": 0, "relation": "supports"}]
    await call(memory, "connect", note_id=new, links=links)
    with pytest.raises(DecisionRefused, match=rf"Links of \[{new}\]: .*supports \[{old}\]"):
        await call(memory, "connect", note_id=new, links=links)


async def test_neighbours_that_changed_meanwhile_are_shown_anew(memory: AsyncMemory) -> None:
    old = await remembered(memory, "Ana lives in Porto.")
    new = await remembered(memory, "Ana lives in Porto by the river.")
    await call(memory, "revise", note_id=old, content="Ana lives in Porto, they say.")
    changes = [{"neighbour": 0, "tags": ["rivers"]}]
    with pytest.raises(DecisionRefused) as refusal:
        await call(memory, "connect", note_id=new, changes=changes)
    assert "> Ana lives in Porto, they say." in str(refusal.value)
    assert "1 changed" in (await call(memory, "connect", note_id=new, changes=changes)).text


async def test_recall_can_be_narrowed_to_a_conversation(memory: AsyncMemory) -> None:
    await memory.remember("The cat is Mia.", namespace="ana", thread="t2")
    await remembered(memory, "The cat is Tom.")
    within = Caller(namespace="ana", via="test", within="t2")
    (hit,) = (await AGENT_TOOLS["recall"].run(memory, {"query": "cat"}, within)).value
    assert hit.note.content == "The cat is Mia."


async def test_a_day_is_the_whole_day(memory: AsyncMemory) -> None:
    await remembered(memory, "Ana sailed.", occurred_at="2025-05-03")
    await remembered(memory, "Ana sailed home.", occurred_at="2025-05-04T08:00:00+02:00")
    answer = await call(memory, "recall", query="sailed", since="2025-05-03", until="2025-05-03")
    assert "2025-05-03, said by" in answer.text
    assert "home" not in answer.text


async def test_what_models_send_for_nothing_is_nothing(memory: AsyncMemory) -> None:
    await remembered(memory, "Ana is a vet.", tags="", kind="", occurred_at="")
    empty = {"tags": [], "since": "", "until": "", "as_of": ""}
    answer = await call(memory, "recall", query="vet", **empty)
    assert "Ana is a vet." in answer.text


async def test_an_unknown_argument_is_told(memory: AsyncMemory) -> None:
    answer = await call(memory, "recall", query="vet", namespace="bob")
    assert "recall takes no namespace; that was left out." in answer.text


async def test_no_tool_reaches_another_namespace(memory: AsyncMemory) -> None:
    note_id = (await memory.remember("Bob's code is 1234.", namespace="bob")).note.id
    assert "1234" not in (await call(memory, "recall", query="code")).text
    for name, more in {"forget": {}, "revise": {"content": "x"}, "connect": {}}.items():
        with pytest.raises(NotFound):
            await call(memory, name, note_id=note_id, **more)


async def test_what_is_forgotten_is_gone(memory: AsyncMemory) -> None:
    note_id = await remembered(memory, "Ana is a vet.")
    assert (await call(memory, "forget", note_id=note_id)).text == f"Forgot [{note_id}]."
    assert (await memory.notes(namespace="ana")).notes == ()


async def test_a_refusal_is_told_in_words_that_a_model_can_act_on(memory: AsyncMemory) -> None:
    with pytest.raises(InvalidInput) as error:
        await call(memory, "recall", query="vet", k=99)
    assert refused(error.value) == "That did not work: k: Input should be less than or equal to 50"
    with pytest.raises(InvalidInput, match="since: send a date like 2026-05-03"):
        await call(memory, "recall", query="vet", since="soon")
