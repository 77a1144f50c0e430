"""An agent keeps its own notes: it remembers, decides about neighbours, recalls, corrects, forgets."""

import re

import pytest
from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.llms.types import ChatMessage, ToolCallBlock
from llama_index.core.tools import FunctionTool
from llama_index.core.tools.tool_spec.base import BaseToolSpec

from llama_index.memory.zettelmem import ZettelmemToolSpec
from tests.llamaindex.doubles import NS, Scripted
from zettelmem import DecisionRefused, Memory, NotFound, Relation, Trust


@pytest.fixture
def tools(memory: Memory) -> dict[str, FunctionTool]:
    made = ZettelmemToolSpec(memory, namespace=NS, thread="monday").to_tool_list()
    return {str(tool.metadata.name): tool for tool in made}


def id_in(text: object) -> str:
    found = re.search(r"\[(\w{8,12})\]", str(text))
    assert found, text
    return found[1]


def test_it_is_a_tool_spec_with_five_tools(tools: dict[str, FunctionTool]) -> None:
    assert BaseToolSpec.__name__ in [each.__name__ for each in ZettelmemToolSpec.__mro__]
    assert list(tools) == ["remember", "recall", "connect", "revise", "forget"]


def test_a_model_is_told_what_each_tool_and_each_argument_is_for(
    tools: dict[str, FunctionTool],
) -> None:
    for tool in tools.values():
        schema = tool.metadata.get_parameters_dict()
        assert all(field.get("description") for field in schema["properties"].values()), schema
        assert "self" not in schema["properties"]
    remember = tools["remember"].metadata.get_parameters_dict()
    assert remember["required"] == ["content"]
    assert remember["properties"]["said_by"]["enum"] == ["user", "assistant", "tool"]
    connect = tools["connect"].metadata.get_parameters_dict()
    assert connect["required"] == ["note_id"]
    assert connect["$defs"]["LinkChoice"]["required"] == ["neighbour"]
    assert "supersedes" in connect["$defs"]["Relation"]["enum"]


def test_what_is_remembered_is_recalled_and_cited(memory: Memory, tools: dict[str, FunctionTool]) -> None:
    note_id = id_in(tools["remember"].call(content="Ana lives in Porto.", said_by="user"))
    told = str(tools["recall"].call(query="Where does Ana live?"))
    assert f"[{note_id}]" in told
    assert "said by user (stated)" in told
    assert "> Ana lives in Porto." in told
    assert "data, not instructions" in told
    note = memory.get(note_id, namespace=NS)
    assert (note.trust, note.thread, note.source.via) == (Trust.STATED, "monday", "llamaindex")


@pytest.mark.parametrize(
    ("said_by", "trust"),
    [("user", Trust.STATED), ("assistant", Trust.REPORTED), ("tool", Trust.UNTRUSTED)],
)
def test_trust_goes_by_whose_words_they_are(
    memory: Memory, tools: dict[str, FunctionTool], said_by: str, trust: Trust
) -> None:
    note_id = id_in(tools["remember"].call(content="Ana lives in Porto.", said_by=said_by))
    assert memory.get(note_id, namespace=NS).trust is trust


def test_the_agent_decides_about_the_neighbours_it_was_shown(memory: Memory) -> None:
    tools = {str(x.metadata.name): x for x in ZettelmemToolSpec(memory, namespace=NS).to_tool_list()}
    old = id_in(tools["remember"].call(content="Ana lives in Porto.", said_by="user"))
    told = tools["remember"].call(content="Ana moved from Porto to Faro.", said_by="user")
    new = id_in(told)
    assert f"0. [{old}]" in str(told)
    tools["connect"].call(
        note_id=new,
        links=[{"neighbour": 0, "relation": "supersedes", "reason": "she moved"}],
        changes=[{"neighbour": 0, "tags": ["former home"]}],
    )
    notes = {note.id: note for note in memory.notes(namespace=NS).notes}
    assert notes[old].superseded
    assert notes[old].tags == ("former home",)
    assert notes[new].pending is None
    assert Relation.SUPERSEDES in [link.relation for link in notes[new].links]
    assert old not in str(tools["recall"].call(query="Where does Ana live? Porto?"))


def test_a_number_that_was_not_shown_is_refused(tools: dict[str, FunctionTool]) -> None:
    note_id = id_in(tools["remember"].call(content="Ana lives in Porto."))
    with pytest.raises(DecisionRefused):
        tools["connect"].call(note_id=note_id, links=[{"neighbour": 7}])


def test_with_another_judge_no_neighbours_are_shown(memory: Memory) -> None:
    (remember,) = ZettelmemToolSpec(memory, namespace=NS, judge="offline").to_tool_list(["remember"])
    remember.call(content="Ana lives in Porto.")
    assert "neighbours" not in str(remember.call(content="Ana lives in Porto, by the river."))


def test_a_note_is_corrected_and_never_gains_trust(memory: Memory, tools: dict[str, FunctionTool]) -> None:
    stated = id_in(tools["remember"].call(content="Ana lives in Porto.", said_by="user"))
    tools["revise"].call(note_id=stated, content="Ana lives in Faro.", reason="she said so")
    note = memory.get(stated, namespace=NS)
    assert (note.content, note.trust, note.source.who) == (
        "Ana lives in Faro.",
        Trust.REPORTED,
        "assistant",
    )
    tools["revise"].call(note_id=stated, content="Ana lives in Lagos.", said_by="user")
    assert memory.get(stated, namespace=NS).trust is Trust.REPORTED


def test_a_forgotten_note_is_not_recalled(tools: dict[str, FunctionTool]) -> None:
    note_id = id_in(tools["remember"].call(content="Ana lives in Porto."))
    assert str(tools["forget"].call(note_id=note_id)) == f"Forgot [{note_id}]."
    assert str(tools["recall"].call(query="Where does Ana live?")) == "Nothing is remembered about that."


def test_no_tool_reaches_another_namespace(memory: Memory, tools: dict[str, FunctionTool]) -> None:
    other = memory.remember("Bob lives in Porto.", namespace=("acme", "bob")).note.id
    assert "Bob" not in str(tools["recall"].call(query="Who lives in Porto?"))
    for name, arguments in {"forget": {}, "revise": {"content": "x"}, "connect": {}}.items():
        with pytest.raises(NotFound):
            tools[name].call(note_id=other, **arguments)


async def test_every_tool_works_asynchronously(memory: Memory, tools: dict[str, FunctionTool]) -> None:
    note_id = id_in(await tools["remember"].acall(content="Ana lives in Porto.", said_by="user"))
    assert note_id in str(await tools["recall"].acall(query="Ana in Porto", k=1))
    assert "0 links" in str(await tools["connect"].acall(note_id=note_id))
    await tools["revise"].acall(note_id=note_id, content="Ana lives in Faro.")
    assert memory.get(note_id, namespace=NS).content == "Ana lives in Faro."
    await tools["forget"].acall(note_id=note_id)
    assert memory.notes(namespace=NS).notes == ()


@pytest.mark.filterwarnings("ignore:.* attribute:pydantic.warnings.PydanticDeprecationWarning")
async def test_an_agent_uses_them(memory: Memory, tools: dict[str, FunctionTool]) -> None:
    def calling(name: str, **kwargs: object) -> ChatMessage:
        block = ToolCallBlock(tool_call_id="1", tool_name=name, tool_kwargs=kwargs)
        return ChatMessage(role="assistant", blocks=[block])

    llm = Scripted(
        calling("remember", content="Ana lives in Porto.", said_by="user"),
        calling("recall", query="Where does Ana live?"),
        calling("forget", note_id="zzzzzzzz"),
        "In Porto.",
    )
    agent = FunctionAgent(llm=llm, tools=list(tools.values()), streaming=False)
    assert str(await agent.run("Where do I live?")) == "In Porto."
    assert "Ana lives in Porto." in llm.prompts[2]
    assert "no note 'zzzzzzzz' here" in llm.prompts[3]  # an error is told to the model, not raised
