"""A thread of the memory as the chat history of a classic chain."""

from langchain_core.messages import AIMessage, HumanMessage, ToolMessage

from langchain_zettelmem.classic import ZettelmemChatMessageHistory
from tests.langchain.doubles import memory
from zettelmem import Memory

__all__ = ["memory"]  # a fixture


def test_a_history_gives_back_its_own_thread_and_feeds_recall(memory: Memory) -> None:
    history = ZettelmemChatMessageHistory(memory, namespace="ana", thread="t1")
    said = [HumanMessage("My cat is called Mia.", id="1"), AIMessage("Noted.", additional_kwargs={"x": 1})]
    history.add_messages([*said, AIMessage(""), ToolMessage("rain", tool_call_id="c")])
    ZettelmemChatMessageHistory(memory, namespace="ana", thread="t2").add_user_message("Hello")
    assert history.messages == [*said, ToolMessage("rain", tool_call_id="c")]
    (hit, *_) = memory.recall("What is the cat called?", namespace="ana")
    assert hit.note.content == "My cat is called Mia."


def test_what_others_remembered_in_the_thread_is_part_of_it(memory: Memory) -> None:
    memory.remember(
        [{"content": "Hi"}, {"content": "Hello", "role": "assistant"}], namespace="ana", thread="t1"
    )
    assert ZettelmemChatMessageHistory(memory, namespace="ana", thread="t1").messages == [
        HumanMessage("Hi"),
        AIMessage("Hello"),
    ]


async def test_a_cleared_history_is_forgotten(memory: Memory) -> None:
    history = ZettelmemChatMessageHistory(memory, namespace="ana", thread="t1")
    await history.aadd_messages([HumanMessage("one"), AIMessage("two")])
    await history.aclear()
    assert await history.aget_messages() == []
    assert memory.notes(namespace="ana").notes == ()
