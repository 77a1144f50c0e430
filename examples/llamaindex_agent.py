"""A LlamaIndex FunctionAgent that still knows on Tuesday and Wednesday what it was told on Monday.

Each prompt is told a brief, notes that an answer cites count as used, and upkeep runs between the sessions.

Runs offline: a mock model stands in for yours. With a real one, for instance
`from llama_index.llms.openai import OpenAI; llm = OpenAI("gpt-5-mini")`, nothing else changes.

    pip install llama-index-memory-zettelmem
    python examples/llamaindex_agent.py
"""

import asyncio
import re
import tempfile
import warnings
from collections.abc import Sequence
from typing import Any

from llama_index.core.agent.workflow import FunctionAgent
from llama_index.core.base.llms.types import ChatMessage
from llama_index.core.llms.mock import MockFunctionCallingLLM

from llama_index.memory.zettelmem import ZettelmemMemory, ZettelmemToolSpec
from zettelmem import Memory

warnings.simplefilter("ignore", DeprecationWarning)  # LlamaIndex's workflows look at old attributes


def reply(messages: Sequence[ChatMessage], **_: Any) -> ChatMessage:
    """Stand in for a model: answer from the notes that stand before the user's message, if any do."""
    asked = str(messages[-1].content)
    notes = re.findall(r"^\[(\w+)\] .*\n> (.*)$", asked, re.MULTILINE)
    words = f"I remember: {notes[0][1]} [{notes[0][0]}]" if notes else "Nice to meet you, Ana."
    return ChatMessage(role="assistant", content=words)


async def turn(directory: str, session: str, message: str) -> None:
    """One session, as a process of its own would run it: open, talk once, close."""
    with Memory(directory) as notes:
        memory = ZettelmemMemory.from_defaults(
            notes,
            namespace="ana",
            session_id=session,
            parts=("profile", "lessons", "plans", "notes"),
            cite=True,
        )
        tools = ZettelmemToolSpec(notes, namespace="ana", thread=session)
        llm = MockFunctionCallingLLM(response_generator=reply, is_chat_model=True)
        agent = FunctionAgent(
            llm=llm, tools=[*tools.to_tool_list()], system_prompt="You are a friendly guide."
        )
        print(f"{session} > {message}")
        answer = str(await agent.run(message, memory=memory))
        print(answer)
        await memory.aclose()


def sleep(directory: str) -> None:
    """What happens between two sessions: upkeep, and a look at what the next one will be told."""
    with Memory(directory) as notes:
        report = notes.upkeep(namespace="ana")
        allergic = notes.notes(namespace="ana").notes[0]
        print(f"used {allergic.uses} times: {allergic.content}")
        print(f"upkeep: {len(report.changes)} changes, {len(report.proposals)} questions")
        print(notes.brief(namespace="ana").text)


async def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        await turn(directory, "monday", "I am Ana, and I am allergic to peanuts.")
        await turn(directory, "tuesday", "What am I allergic to?")
        sleep(directory)
        await turn(directory, "wednesday", "Which nuts do I avoid?")


if __name__ == "__main__":
    asyncio.run(main())
