"""An agent that remembers across three conversations: what is said in one is known in the next.

Each prompt is told a brief: who the user is, what was learned, what lies ahead, and what bears on the
question. The notes that an answer cites count as used, and upkeep runs while nobody waits.

python examples/langchain_agent.py                                  # offline, with a scripted model
python examples/langchain_agent.py anthropic:claude-sonnet-4-5      # any model that LangChain knows
"""

import re
import sys
from collections.abc import Sequence
from typing import Any

from langchain.agents import create_agent
from langchain.chat_models import init_chat_model
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models import BaseChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGeneration, ChatResult
from langchain_core.runnables import Runnable
from langgraph.checkpoint.memory import InMemorySaver

from langchain_zettelmem import ZettelmemMiddleware, memory_tools
from zettelmem import Memory, Part

NOTE = re.compile(r"^\[(\w+)\] .*\n> (.*)$", re.MULTILINE)
"""A note as a prompt shows it: a line about it that begins with its id, then its words."""
PARTS: tuple[Part, ...] = ("profile", "lessons", "plans", "notes")


class Scripted(BaseChatModel):
    """Stands in for a model: it answers with the first note that it is shown, and cites it."""

    def _generate(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> ChatResult:
        note = NOTE.search(messages[-1].text)
        said = f"You told me: {note[2]} [{note[1]}]" if note else "Nobody has told me yet."
        return ChatResult(generations=[ChatGeneration(message=AIMessage(said))])

    @property
    def _llm_type(self) -> str:
        return "scripted"

    def bind_tools(self, tools: Sequence[Any], **kwargs: Any) -> Runnable[Any, AIMessage]:
        """Take the tools, and never call one."""
        return self


def main() -> None:
    model = init_chat_model(sys.argv[1]) if len(sys.argv) > 1 else Scripted()
    with Memory("memory://") as memory:  # a folder, to remember across processes too
        user = "acme/{user_id}"
        agent = create_agent(
            model,
            memory_tools(memory, namespace=user, names=("recall", "forget")),
            middleware=[ZettelmemMiddleware(memory, namespace=user, parts=PARTS, cite=True)],
            checkpointer=InMemorySaver(),
        )

        def say(text: str, *, thread: str, user_id: str = "ana") -> None:
            config: Any = {"configurable": {"thread_id": thread, "user_id": user_id}}
            done = agent.invoke({"messages": [{"role": "user", "content": text}]}, config)
            answer = done["messages"][-1].text
            print(f"{user_id}, {thread}: {text}\n    {answer}")

        say("My daughter Mia is allergic to peanuts.", thread="monday")
        say("What may Mia not eat?", thread="tuesday")
        say("What may Mia not eat?", thread="tuesday", user_id="bob")  # not his memory
        done = memory.upkeep(namespace="acme/ana")  # at night, say
        mia = memory.notes(namespace="acme/ana").notes[0]
        print(f"used {mia.uses} times: {mia.content}")
        print(f"upkeep: {len(done.changes)} changes, {len(done.proposals)} questions")
        say("What shall I bake for the party?", thread="wednesday")
        print(memory.brief(namespace="acme/ana").text)


if __name__ == "__main__":
    main()
