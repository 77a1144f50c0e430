"""The whole of zettelmem on one conversation: notes, links, evolution, answers with reasons, undo.

`make demo` runs it, offline, in a temporary directory; `--db DIR` keeps the memory. The
conversation beside it, conversation.jsonl, was written for this demo: Mara talks to her assistant
Pip in spring, summer and autumn, moves house, hurts her knee and changes her mind.
"""

import argparse
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from zettelmem import Memory, Note, Relation
from zettelmem.exchange import Incoming, read_turns

CONVERSATION = Path(__file__).parent / "conversation.jsonl"
QUESTIONS = [
    "What about Mara's marathon?",
    "Where does Mara live now?",
    "Who lent Mara a bicycle, and why?",
    "Can Mara bake a hazelnut cake for her brother's birthday?",
    "How do I make the sourdough?",
]
CAKE = QUESTIONS[3]
console = Console(width=100, highlight=False)


def headline(text: str) -> None:
    console.print()
    console.rule(Text(text, "bold"), align="left")


def short(note: Note, length: int = 64) -> str:
    return note.content if len(note.content) <= length else note.content[: length - 1] + "…"


def columns(**ratios: int) -> Table:
    """A table with columns of these relative widths; 0: as wide as its words."""
    table = Table(box=None, header_style="dim", pad_edge=False, expand=True)
    for name, ratio in ratios.items():
        table.add_column(name.replace("_", " "), overflow="fold", ratio=ratio or None, no_wrap=not ratio)
    return table


def find(memory: Memory, words: str) -> Note:
    """The note of Mara's that holds these words."""
    return next(note for note in everything(memory) if words in note.content)


def everything(memory: Memory) -> tuple[Note, ...]:
    return memory.notes(namespace="mara", limit=1_000).notes


def remember(memory: Memory) -> None:
    headline("A conversation goes in: one note a turn")
    with CONVERSATION.open("rb") as file:
        drafts = [line.draft for line in read_turns(file) if isinstance(line, Incoming)]
    started = time.perf_counter()
    memory.remember_many(drafts, namespace="mara")
    seconds = time.perf_counter() - started
    table = columns(id=0, when=0, who=0, kind=0, content=1)
    notes = everything(memory)
    for note in notes[:8]:
        who = note.source.who or ""
        table.add_row(Text(note.id, "cyan"), f"{note.occurred_at:%Y-%m-%d}", who, note.kind, short(note, 56))
    console.print(table)
    figures = memory.stats(namespace="mara")
    console.print(
        f"... {figures.notes} notes in {figures.threads} threads, {figures.links} links and "
        f"{figures.evolutions} evolutions in {seconds:.1f} s,\n"
        "loading included, by rules, without a language model"
    )


def links(memory: Memory) -> None:
    headline("Notes find each other: links, with the reason")
    notes = {note.id: note for note in everything(memory)}
    table = columns(new_note=4, link=3, older_note=4)
    made = [
        link
        for note in notes.values()
        for link in note.links
        if link.source == note.id and link.relation is not Relation.FOLLOWS
    ]
    for link in made[-6:]:
        told = Text.assemble((link.relation.value, "bold"), f"\n({link.reason})")
        table.add_row(short(notes[link.source]), told, short(notes[link.target]))
    console.print(table)


def changes(memory: Memory, note: Note) -> None:
    """What the last evolution of a note was: before, after, and which note caused it."""
    entry = [each for each in memory.history(note.id, namespace="mara") if each.verb == "evolve"][-1]
    cause = memory.get(entry.cause, namespace="mara")
    console.print(Text.assemble((note.id, "cyan"), " ", (short(note, 84), "bold")))
    for name, after in entry.after.items():
        console.print(Text.assemble((f"  {name} before  ", "dim"), str(entry.before[name] or "-")))
        console.print(Text.assemble((f"  {name} after   ", "green"), str(after)))
    console.print(Text.assemble("  because of ", (cause.id, "cyan"), f" {short(cause, 72)}"))
    console.print(Text(f"  in the judge's words: {entry.reason}", "dim"))


def evolution(memory: Memory) -> None:
    headline("A change of mind: the older note is closed, not deleted")
    closed = next(note for note in everything(memory) if note.superseded)
    changes(memory, closed)


def place(memory: Memory, words: str) -> str:
    """Where the note with these words comes among the answers about the cake."""
    found = [hit.note.content for hit in memory.recall(CAKE, namespace="mara", k=50)]
    return next((f"as number {i}" for i, content in enumerate(found, 1) if words in content), "not at all")


def agent_decides(memory: Memory) -> str:
    """What an agent does that uses zettelmem as a tool: look at numbered neighbours, and decide."""
    headline("Your agent may judge instead of the rules: numbered neighbours, one decision")
    cake = find(memory, "hazelnut cake.")
    around = memory.ask(cake.id, namespace="mara").neighbours
    console.print(Text.assemble("note ", (cake.id, "cyan"), " ", (short(cake, 80), "bold")))
    for each in around:
        console.print(Text(f"  {each.number}  {each.similarity:.2f}  {short(each.note, 80)}"))
    allergy = next(each.number for each in around if "allergic" in each.note.content)
    before = place(memory, "allergic")
    decision = {
        "links": [
            {
                "neighbour": allergy,
                "relation": "relates",
                "reason": "a hazelnut cake would make Tomas ill",
            }
        ],
        "changes": [
            {
                "neighbour": allergy,
                "context": "Mara's brother Tomas must not eat hazelnuts; mind it for his birthday cake.",
                "reason": "the birthday cake has to do without hazelnuts",
            }
        ],
    }
    done = memory.connect(cake.id, decision, namespace="mara")
    console.print()
    changes(memory, around[allergy].note)
    console.print(Text(f"  asked: {CAKE}", "green"))
    console.print(Text(f"  it was found {before} before; now {place(memory, 'allergic')}", "green"))

    old = find(memory, "I live in Leipzig now")
    new = find(memory, "I no longer live in Leipzig")
    if not memory.get(old.id, namespace="mara").superseded:
        around = memory.ask(new.id, namespace="mara").neighbours
        number = next(each.number for each in around if each.note.id == old.id)
        moved = {"neighbour": number, "relation": "supersedes", "reason": "Mara moved to Ghent"}
        memory.connect(new.id, {"links": [moved]}, namespace="mara")
        console.print()
        changes(memory, old)
    return done.change


def answers(memory: Memory) -> None:
    headline("Questions bring back the right notes, with the reason why")
    for question in QUESTIONS:
        console.print(Text(f"\n{question}", "bold green"))
        table = columns(score=0, note=3, why=2)
        for hit in memory.recall(question, namespace="mara", k=3):
            said = f"{hit.note.source.who}, {hit.note.occurred_at:%d %b}: {hit.note.content}"
            table.add_row(f"{hit.score:.2f}", Text(said), Text(hit.why, "dim"))
        console.print(table)


def undo(memory: Memory, change: str) -> None:
    headline("Anything can be taken back")
    note = find(memory, "allergic")
    console.print(Text.assemble(("before undo: ", "dim"), note.context))
    memory.undo(change, namespace="mara")
    console.print(Text.assemble(("after undo:  ", "dim"), find(memory, "allergic").context))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--db", help="a directory to keep the memory in")
    kept = parser.parse_args().db
    with (
        tempfile.TemporaryDirectory(prefix="zettelmem-demo-") as folder,
        Memory(kept or folder) as memory,
    ):
        remember(memory)
        links(memory)
        evolution(memory)
        change = agent_decides(memory)
        answers(memory)
        undo(memory, change)
    if kept:
        console.print(f"\nGo on with: zettelmem recall 'Who likes dogs?' --db {kept} -n mara --explain")


if __name__ == "__main__":
    main()
