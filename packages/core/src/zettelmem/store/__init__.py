"""The only part that knows LanceDB: one table, one row a note, one atomic write a commit.

On a local directory a commit reads the rows it is about, works its pure step out on them and writes the
result while it holds a short lock between processes, then syncs the disk before it acknowledges. On an
object store there is no lock: each row is guarded by its revision, and rows that somebody else wrote
meanwhile are made again on the fresh state. Calls that arrive together share one write and one sync.
"""

from .disk import EXPORTS, pieces
from .erase import erase_rows
from .migrate import reembed
from .schema import namespace_column
from .steps import Step
from .tidy import Tidying, optimize, tail_of, tend
from .write import IdTaken, Store

__all__ = [
    "EXPORTS",
    "IdTaken",
    "Step",
    "Store",
    "Tidying",
    "erase_rows",
    "namespace_column",
    "optimize",
    "pieces",
    "reembed",
    "tail_of",
    "tend",
]
