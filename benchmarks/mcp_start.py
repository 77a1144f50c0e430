"""How long the MCP server takes to shake hands and to recall, beside a bare server, in one run.

    python benchmarks/mcp_start.py [--rounds 7]

Prints medians: seconds from the start of the process to the answer of `initialize` and of `tools/list`,
and the processor seconds that the server spends from there to the answer of its first recall, beside
those of `import lancedb` alone.
"""

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

BARE = """
from mcp.server import MCPServer
server = MCPServer("bare", log_level="WARNING")
@server.tool()
async def echo(text: str) -> str:
    "Say it again."
    return text
server.run()
"""


def request(number: int, method: str, **params: Any) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}) + "\n"


def cpu_of(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def measure(command: list[str], *, recall: bool) -> dict[str, float]:
    start = time.perf_counter()
    process = subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        bufsize=1,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    found = {}
    client = {"name": "bench", "version": "1"}
    process.stdin.write(
        request(1, "initialize", protocolVersion="2025-11-25", capabilities={}, clientInfo=client)
    )
    assert "result" in json.loads(process.stdout.readline())
    found["initialize"] = time.perf_counter() - start
    process.stdin.write(json.dumps({"jsonrpc": "2.0", "method": "notifications/initialized"}) + "\n")
    process.stdin.write(request(2, "tools/list"))
    assert "result" in json.loads(process.stdout.readline())
    found["tools/list"] = time.perf_counter() - start
    if recall:
        before, at = cpu_of(process.pid), time.perf_counter()
        process.stdin.write(request(3, "tools/call", name="recall", arguments={"query": "Where is Ana?"}))
        answer = json.loads(process.stdout.readline())
        assert not answer["result"].get("isError"), answer
        found["recall cpu"] = cpu_of(process.pid) - before
        found["recall wall"] = time.perf_counter() - at
    process.stdin.close()
    process.wait(timeout=30)
    return found


def import_cost() -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([sys.executable, "-c", "import lancedb"], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=7)
    rounds = parser.parse_args().rounds
    figures: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        ours = [sys.executable, "-m", "zettelmem_mcp", "--db", str(Path(folder) / "memory")]
        for _ in range(rounds + 1):
            for name, value in measure([sys.executable, "-c", BARE], recall=False).items():
                figures.setdefault(f"bare {name}", []).append(value)
            for name, value in measure(ours, recall=True).items():
                figures.setdefault(f"ours {name}", []).append(value)
            figures.setdefault("import lancedb cpu", []).append(import_cost())
    for name, values in figures.items():
        print(f"{name:22} {statistics.median(values[1:]):.2f} s")
    for step in ("initialize", "tools/list"):
        ratio = statistics.median(figures[f"ours {step}"][1:]) / statistics.median(
            figures[f"bare {step}"][1:]
        )
        print(f"{step:22} {ratio:.2f} times a bare server")


if __name__ == "__main__":
    main()
