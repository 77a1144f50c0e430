"""Notes, hits and histories for people's eyes. What is stored is data: it is printed, never obeyed."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence

from rich.console import Console, Group, RenderableType
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

from zettelmem.care.report import Done, Proposal, UpkeepReport
from zettelmem.decisions import Remembered
from zettelmem.note import Evolution, Link, Note, Saying
from zettelmem.queries import Hit, Page, Stats
from zettelmem.receipts import Examination, Quota
from zettelmem.render import shorten

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")
PREVIEW = 160
"""Characters of a note that is shown beside another."""


def plain(text: str) -> str:
    """The text without what could steer a terminal: control characters and changes of direction."""
    return _CONTROL.sub("\ufffd", text)


def line(text: str, length: int = PREVIEW) -> str:
    """The text as one short line."""
    return shorten(" ".join(plain(text).split()), length)


def put(*parts: RenderableType) -> None:
    """Print to stdout."""
    console = Console(highlight=False, emoji=False)
    for part in parts:
        console.print(part, soft_wrap=isinstance(part, Text))


def quoted(text: str) -> Text:
    """The words of a note, each line behind a bar, so that none passes for one of ours."""
    return Text("\n".join(f"  \u2502 {each}" for each in plain(text).splitlines() or [""]))


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _stamp(note: Note) -> str:
    return f"{note.occurred_at:%Y-%m-%d %H:%M}"


def about(note: Note) -> Text:
    """The line above a note: id, time, speaker, kind, and what is the matter with it."""
    text = Text.assemble((note.id, "bold cyan"), f"  {_stamp(note)}  {note.kind}")
    if note.source.who:
        text.append(f"  {line(note.source.who, 40)}", "green")
    if note.thread:
        text.append(f"  in {line(note.thread, 40)}", "dim")
    if note.invalid_at is not None:
        text.append(f"  no longer so since {note.invalid_at:%Y-%m-%d}", "yellow")
    if note.disputed:
        text.append("  disputed", "yellow")
    if note.pending is not None:
        text.append("  pending", "yellow")
    if note.rested_at is not None:
        text.append(f"  rests since {note.rested_at:%Y-%m-%d}", "dim")
    return text


def edge(link: Link, note_id: str, others: Mapping[str, Note]) -> Text:
    """A link as seen from one of its ends."""
    arrow = "\u2192" if link.source == note_id else "\u2190"
    other = link.other(note_id)
    text = Text.assemble(f"  {arrow} {link.relation.value} ", (other, "cyan"))
    if link.reason:
        text.append(f" ({line(link.reason)})", "dim")
    if other in others:
        text.append(f": {line(others[other].content, 70)}")
    return text


def note(each: Note, others: Mapping[str, Note]) -> None:
    """A whole note with its links."""
    facts = _table("", "")
    facts.show_header = False
    rows = {
        "context": plain(each.context),
        "keywords": ", ".join(map(plain, each.keywords)),
        "tags": ", ".join(map(plain, each.tags)),
        "data": "" if each.data is None else plain(json.dumps(each.data, ensure_ascii=False)),
        "key": plain(each.key or ""),
        "namespace": plain("/".join(each.namespace)),
        "source": f"via {plain(each.source.via)}, trust {each.trust.name.lower()}",
        "revision": str(each.revision),
        "used": f"{each.uses} times, {each.helped} of them helped" if each.uses else "",
        "said by": ", ".join(_saying(saying) for saying in each.sayings),
        "in front": each.front or "",
        "pending": "" if each.pending is None else plain(each.pending.reason),
    }
    for name, value in rows.items():
        if value:
            facts.add_row(Text(name, "dim"), Text(value))
    put(about(each), Panel(Text(plain(each.content)), expand=False), facts)
    put(*(edge(link, each.id, others) for link in each.links))


def remembered(done: Remembered) -> None:
    """What became of a `remember`, `forget` or `undo`."""
    others = {each.note.id: each.note for each in done.neighbours}
    if done.known:
        put(Text.assemble("known already as ", (done.note.id, "bold cyan")))
        if done.note.forgotten_at is not None:
            put(Text(f"  forgotten since; to bring it back: zettelmem undo {done.change}", "dim"))
        elif any(entry.verb == "revise" for entry in done.note.history):
            put(Text(f"  as it stands now: {plain(done.note.content)}", "dim"))
        return
    put(about(done.note))
    put(*(edge(link, done.note.id, others) for link in done.note.links))
    if done.evolved:
        put(Text(f"  described differently since: {', '.join(done.evolved)}"))
    put(Text(f"  to take it back: zettelmem undo {done.change}", "dim"))


def hits(found: Sequence[Hit], *, explain: bool) -> None:
    """Hits, best first, with the reason; with `explain` each signal's value, weight and product."""
    if not found:
        put(Text("nothing found", "yellow"))
    for hit in found:
        head = Text(f"{hit.score:.2f}  ", "bold").append_text(about(hit.note))
        put(head, quoted(hit.note.content), Text(f"  {line(hit.why, 500)}", "dim"))
        if explain:
            put(_signals(hit))


def _signals(hit: Hit) -> Table:
    table = _table("  signal", "value", "weight", "product")
    for column in table.columns[1:]:
        column.justify = "right"
    total = 0.0
    for name, value in hit.signals.items():
        weight = hit.weights.get(name, 0.0)
        total += value * weight
        table.add_row(f"  {name}", f"{value:.3f}", f"{weight:.2f}", f"{value * weight:.3f}")
    table.add_row("  sum", "", "", f"{total:.3f}", style="bold")
    return table


def history(entries: Sequence[Evolution]) -> None:
    """What was done to a note, oldest first."""
    if entries and entries[0].dropped:
        put(Text(f"{entries[0].dropped:,} older changes are kept no more", "dim"))
    for entry in entries:
        head = Text.assemble((entry.change, "bold cyan"), f"  {entry.at:%Y-%m-%d %H:%M:%S}  {entry.verb}")
        if entry.reason:
            head.append(f"  {line(entry.reason)}", "dim")
        put(head)
        for name, after in entry.after.items():
            put(Text(f"  {name}: {_value(entry.before.get(name))} \u2192 {_value(after)}"))
        for sign, links in (("+", entry.linked), ("-", entry.unlinked)):
            for link in links:
                put(Text(f"  {sign} {link.source} {link.relation.value} {link.target}: {line(link.reason)}"))


def _value(value: object) -> str:
    return line(value if isinstance(value, str) else json.dumps(value, ensure_ascii=False))


def notes(page: Page) -> None:
    """A page of notes, one a row."""
    table = _table("id", "when", "who", "kind", "links", "content")
    table.columns[-1].ratio = 1
    for each in page.notes:
        gone = each.invalid_at is not None
        table.add_row(
            Text(each.id, "cyan"),
            f"{each.occurred_at:%Y-%m-%d}",
            Text(line(each.source.who or "", 16)),
            each.kind,
            str(len(each.links)),
            Text(line(each.content, 100), "dim strike" if gone else ""),
        )
    put(table if page.notes else Text("no notes", "yellow"))
    if page.cursor is not None:
        put(Text(f"more: --after '{page.cursor}'", "dim"))


def stats(figures: Stats) -> None:
    """Figures of a namespace."""
    table = _table("", "")
    table.show_header = False
    table.columns[1].justify = "right"
    for name in ("notes", "links", "evolutions", "superseded", "pending", "threads"):
        table.add_row(name, f"{getattr(figures, name):,}")
    if figures.spent.calls:
        table.add_row("model calls", f"{figures.spent.calls:,}")
        table.add_row("model tokens", f"{figures.spent.tokens:,}")
    for kind, count in sorted(figures.kinds.items()):
        table.add_row(Text(f"  {kind}", "dim"), f"{count:,}")
    span = Text("")
    if figures.first is not None and figures.last is not None:
        span = Text(f"from {figures.first:%Y-%m-%d} to {figures.last:%Y-%m-%d}", "dim")
    put(Group(table, span))


def quota(found: Quota) -> None:
    """What a namespace may hold, and holds."""
    table = _table("", "used", "limit")
    for column in table.columns[1:]:
        column.justify = "right"
    for name, unit in (("notes", "notes"), ("size", "bytes")):
        limit = getattr(found, name)
        table.add_row(unit, f"{getattr(found, f'{name}_used'):,}", "none" if limit is None else f"{limit:,}")
    put(table)


def examination(found: Examination) -> None:
    """Each check and what it found."""
    table = _table("check", "", "count", "what")
    for each in found.findings:
        state = "repaired" if each.repaired else "TROUBLE" if each.trouble else "ok"
        table.add_row(each.check, state, f"{each.count:,}", line(each.told))
    put(table)


def _saying(saying: Saying) -> str:
    return f"{line(saying.source.who or 'somebody', 40)} on {saying.at:%Y-%m-%d} ({saying.note})"


QUESTIONS = {
    "newer": "The first note may be the later word on the second one's matter. Which holds?",
    "contradiction": "These two contradict each other. Which holds?",
    "insight": "What do these notes tell together? In one or two sentences.",
    "closing": "The first note would close the second.",
    "reopening": "The first note would no longer close the second.",
    "link": "The first note would be linked with the second.",
    "description": "The note would be described differently.",
}


def upkeep(report: UpkeepReport) -> None:
    """What a round of upkeep did, a row each, and what it leaves to be judged."""
    table = _table("step", "notes", "what", "" if report.dry_run else "to take it back")
    for each in report.changes:
        back = "" if each.change is None else f"zettelmem undo {each.change}"
        shown = ", ".join(each.notes[:3]) + (f" and {len(each.notes) - 3} more" if each.notes[3:] else "")
        table.add_row(each.step, Text(shown, "cyan"), line(each.told), Text(back, "dim"))
    put(table if report.changes else Text("nothing to do", "yellow"))
    if report.proposals:
        put(Text(f"open questions: {len(report.proposals)}; --ask asks you, --model a model"))
    for proposal in report.proposals:
        put(Text(f"  {QUESTIONS[proposal.about]} {', '.join(proposal.notes)}", "dim"))
    if report.pending:
        put(Text(f"{report.pending} notes wait for a judge"))
    if report.spent.calls:
        put(Text(f"{report.spent.calls} calls of the model, about {report.spent.tokens:,} tokens", "dim"))
    put(*(Text(line(problem, 500), "yellow") for problem in report.problems))


def question(proposal: Proposal, notes: Sequence[Note]) -> None:
    """An open question, with its notes and the answers that there are."""
    put(Text(QUESTIONS[proposal.about], "bold"))
    for each in notes:
        put(about(each), quoted(each.content))
    answers = ", ".join(proposal.answers) or "the insight in words"
    put(Text(f"  {answers}; or nothing, for later", "dim"))


def proposal(one: Proposal) -> None:
    """One proposal: what it is, and what would change."""
    until = f", until {one.expires_at:%Y-%m-%d}" if one.expires_at else ""
    put(Text.assemble((QUESTIONS[one.about], "bold"), f" {one.id}{until}"))
    colours = {"+": "green", "-": "red"}
    for text in one.question.splitlines()[1:-1]:  # people need no fence
        put(Text(f"  {line(text, 600)}", colours.get(text[:1], "")))
    put(Text(f"  {', '.join(one.answers)}; or nothing, for later", "dim"))


def decided(done: Done) -> None:
    """What an answer did."""
    put(Text.assemble(f"{done.told}; to take it back: ", (f"zettelmem undo {done.change}", "dim")))


def all_decided(done: Sequence[Done]) -> None:
    """What several answers did."""
    for each in done:
        decided(each)
