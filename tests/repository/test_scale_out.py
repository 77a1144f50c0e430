"""The bulk import with Ray, run as its README says. Needs the dependency group `scale`."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from zettelmem import Memory

SCRIPT = Path(__file__).resolve().parents[2] / "examples" / "scale_out" / "bulk_import.py"
QUESTION = "Where does Ana live?"
FACTS = ("{} lives in Porto.", "{} has two cats.", "{} moved from Porto to Lisbon.", "{} works at Siemens.")

ray = pytest.importorskip("ray", reason="Ray is not installed: uv pip install --group scale")


def corpus() -> dict[str, list[dict[str, Any]]]:
    """The drafts of each namespace, oldest first."""
    drafts: dict[str, list[dict[str, Any]]] = {}
    for name in ("Ana", "Ben", "Cleo"):
        for day, fact in enumerate(FACTS, 1):
            draft = {
                "content": fact.format(name),
                "key": f"fact {day}",
                "occurred_at": f"2026-05-0{day}T09:00:00Z",
            }
            drafts.setdefault(f"acme/{name.lower()}", []).append(draft)
    return drafts


def run(file: Path, store: Path) -> str:
    command = [sys.executable, str(SCRIPT), str(file), str(store), "--workers", "2"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=900, check=False)
    assert done.returncode == 0, done.stderr[-4_000:]
    return done.stdout


def test_many_workers_leave_the_notes_that_one_process_leaves(tmp_path: Path) -> None:
    file = tmp_path / "corpus.jsonl"
    drafts_of = corpus()
    lines = [
        json.dumps({"namespace": namespace, **draft})
        for namespace, drafts in drafts_of.items()
        for draft in reversed(drafts)
    ]
    file.write_text("\n".join(lines))
    assert "12 notes" in run(file, tmp_path / "many")
    assert "12 notes" in run(file, tmp_path / "many"), "namespaces that are there are left out"
    with Memory(str(tmp_path / "one")) as one, Memory(str(tmp_path / "many")) as many:
        for namespace, drafts in drafts_of.items():
            one.remember_many(drafts, namespace=namespace)
            keys = [draft["key"] for draft in drafts]
            notes = many.keyed(keys, namespace=namespace)
            for key, expected in one.keyed(keys, namespace=namespace).items():
                note = notes[key]
                assert (note.content, note.links) == (expected.content, expected.links)
                assert note.invalid_at == expected.invalid_at
            hits = [(hit.note.id, hit.score) for hit in many.recall(QUESTION, namespace=namespace)]
            assert hits == [(hit.note.id, hit.score) for hit in one.recall(QUESTION, namespace=namespace)]
        assert all(finding.trouble is False for finding in many.admin.examine().findings)
