"""Import a large corpus with Ray: embed and link by namespace on many workers, write one table.

    python examples/scale_out/bulk_import.py corpus.jsonl s3://bucket/memory

Each line of the corpus is a JSON object: `namespace`, `content`, and any other field of a `Draft`
(`thread`, `key`, `occurred_at`, `source`, `trust`, ...). The notes of a namespace are remembered in the
order of `occurred_at` and `position`, because Ray keeps no order of lines.

Notes of different namespaces never meet, so linking is a pass by namespace: a worker remembers the
notes of its namespaces in a store of its own, as one process would, and hands on the rows. The notes
are therefore the same as if they were remembered one way. One commit puts all of them into the table:
a job that fails before has changed nothing, and a job that is run again leaves out the namespaces that
the store holds already.

On a laptop this starts Ray here; on a cluster, submit it as a Ray job, and give a store that all
workers reach.
"""

import argparse
import json
import os
import zlib
from tempfile import TemporaryDirectory
from typing import Any

import lance
import lance_ray
import pyarrow as pa
import ray
from lance.fragment import FragmentMetadata, write_fragments

from zettelmem import Memory

TABLE = "notes.lance"
"""The one table of a store."""
SHARDS_A_WORKER = 8
"""Small enough that workers end together, large enough that opening a store does not count."""


def namespace_of(line: str) -> str:
    """The namespace of a line of the corpus, as a path."""
    namespace = json.loads(line)["namespace"]
    return namespace if isinstance(namespace, str) else "/".join(namespace)


def linked(shard: pa.Table, uri: str, options: dict[str, str]) -> pa.Table:
    """Make notes of the lines of a shard, link them, and write them to files of the table.

    Nobody sees these files before they are committed. The answer tells of them: one JSON object a file.
    A memory with another embedder than the default one gives it here, and in `main`.
    """
    drafts_of: dict[str, list[dict[str, Any]]] = {}
    for line in sorted(shard["text"].to_pylist()):
        draft = json.loads(line)
        del draft["namespace"]
        drafts_of.setdefault(namespace_of(line), []).append(draft)
    with TemporaryDirectory() as folder:
        with Memory(folder, durable=False) as memory:
            for namespace, drafts in drafts_of.items():
                drafts.sort(key=lambda draft: (draft.get("occurred_at", ""), draft.get("position", 0)))
                memory.remember_many(drafts, namespace=namespace, judge="offline")
        rows = lance.dataset(f"{folder}/{TABLE}").to_table()
    files = write_fragments(rows, uri, mode="append", storage_options=options)
    return pa.table({"file": [json.dumps(each.to_json()) for each in files]})


def prepared(store: str, options: dict[str, str]) -> set[str]:
    """Make the table if it is not there; the namespaces that it holds, as paths."""
    with Memory(store, storage_options=options) as memory:
        memory.admin.set_quota(namespace=())  # no limit: writes nothing but an empty table
        return {"/".join(each) for each in memory.namespaces()}


def files_of(corpus: str, known: set[str], uri: str, options: dict[str, str], workers: int) -> list[str]:
    """Link every namespace of the corpus that the store does not hold yet, and tell of the files written."""
    shards = workers * SHARDS_A_WORKER

    def sharded(batch: pa.Table) -> pa.Table:
        names = [namespace_of(line) for line in batch["text"].to_pylist()]
        batch = batch.append_column("shard", pa.array([zlib.crc32(name.encode()) % shards for name in names]))
        return batch.filter(pa.array([name not in known for name in names]))

    lines = ray.data.read_text(corpus, drop_empty_lines=True)
    by_shard = lines.map_batches(sharded, batch_format="pyarrow").groupby("shard", num_partitions=shards)
    given = {"uri": uri, "options": options}
    files = by_shard.map_groups(linked, batch_format="pyarrow", fn_kwargs=given)
    return [row["file"] for row in files.take_all()]


def commit(files: list[str], uri: str, options: dict[str, str]) -> None:
    """Make all files part of the table in one step."""
    fragments = [FragmentMetadata.from_json(file) for file in files]
    version = lance.dataset(uri, storage_options=options).version
    append = lance.LanceOperation.Append(fragments)
    lance.LanceDataset.commit(uri, append, read_version=version, storage_options=options)


def settle(uri: str, options: dict[str, str], workers: int) -> None:
    """Compact the table, then bring each index up to date in a task of its own."""
    lance_ray.compact_files(uri, num_workers=workers, storage_options=options)
    refresh = ray.remote(lance_ray.optimize_indices)
    names = [index.name for index in lance.dataset(uri, storage_options=options).describe_indices()]
    ray.get([refresh.remote(uri, indices=[name], storage_options=options) for name in names])


def main() -> None:
    parser = argparse.ArgumentParser(description="Import a large corpus with Ray.")
    parser.add_argument("corpus", help="a JSONL file, or a folder or bucket of such files")
    parser.add_argument("store", help="the directory or object-store URI of the memory")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--option", action="append", default=[], metavar="KEY=VALUE", help="for the bucket")
    given = parser.parse_args()
    options = dict(each.split("=", 1) for each in given.option)
    uri = f"{given.store.rstrip('/')}/{TABLE}"
    known = prepared(given.store, options)
    ray.init(ignore_reinit_error=True, num_cpus=given.workers)
    files = files_of(given.corpus, known, uri, options, given.workers)
    if files:
        commit(files, uri, options)
    settle(uri, options, given.workers)
    with Memory(given.store, storage_options=options) as memory:
        print(f"{memory.stats(namespace=()).notes} notes in {given.store}")


if __name__ == "__main__":
    main()
