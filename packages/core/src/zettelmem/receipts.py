"""What an operator gets back: quotas, receipts of erasures, findings of an examination."""

from __future__ import annotations

from pydantic import Field

from .namespace import Namespace
from .note import Note, NoteId
from .values import Time, Value


class Quota(Value):
    """What a namespace and everything below it may hold together, and what they hold.

    Attributes:
        namespace: whose; () is the whole store.
        notes: at most so many, forgotten ones included until they are erased; None for no limit.
        size: at most so many bytes of contents, contexts and data (UTF-8); None for no limit.
        notes_used, size_used: what is there now.
    """

    namespace: Namespace
    notes: int | None = Field(default=None, ge=0)
    size: int | None = Field(default=None, ge=0)
    notes_used: int = 0
    size_used: int = 0

    def covers(self, namespace: Namespace) -> bool:
        """Whether what is in `namespace` counts."""
        return namespace[: len(self.namespace)] == self.namespace


class Backup(Value):
    """All that a store holds, as of one moment.

    Attributes:
        notes: every note, forgotten ones too, in the order they were recorded.
        quotas: the limits of its namespaces.
    """

    notes: tuple[Note, ...]
    quotas: tuple[Quota, ...] = ()


class Erasure(Value):
    """The receipt of an erasure: what went, when, and how it was made sure of.

    Attributes:
        ids: the notes that are gone, with their history.
        namespace: where they were.
        at: when (UTC).
        rewritten: other notes, from whose history, links or description something was taken out.
        said_elsewhere: notes that stay and say some of the same words in their own content.
        versions_removed: older versions of the table that were deleted.
        files_scanned, bytes_scanned: what was searched afterwards: every file of the store.
        searched_for: how many words and phrases of the erased notes were searched for. What other notes
            say too is not among them.
        exports_rewritten: files that `zettelmem export` wrote, outside the store, and that held some of the
            notes: they are as if those had never come.
        exports: other files that notes were exported to, such as pictures, which hold some of it or cannot
            be read. They are not touched: remove them.
        verified: nothing was found in the store, and no file or version from before is left.
        how: how that was made sure of, or what was found, in words.
    """

    ids: tuple[NoteId, ...]
    namespace: Namespace
    at: Time
    rewritten: tuple[NoteId, ...] = ()
    said_elsewhere: tuple[NoteId, ...] = ()
    versions_removed: int = 0
    files_scanned: int = 0
    bytes_scanned: int = 0
    searched_for: int = 0
    exports_rewritten: tuple[str, ...] = ()
    exports: tuple[str, ...] = ()
    verified: bool = False
    how: str = ""


class Finding(Value):
    """One thing that was looked at.

    Attributes:
        check: what.
        trouble: something is wrong with it, or was before it was repaired.
        count: how many, of what `told` says.
        told: in words.
        repaired: it was put right.
    """

    check: str
    trouble: bool = False
    count: int = 0
    told: str = ""
    repaired: bool = False


class Examination(Value):
    """What was found when a whole store was looked over.

    Attributes:
        findings: one for each check.
        erased: receipts of the notes that were purged.
    """

    findings: tuple[Finding, ...]
    erased: tuple[Erasure, ...] = ()

    @property
    def healthy(self) -> bool:
        """Whether no trouble is left."""
        return all(each.repaired or not each.trouble for each in self.findings)


class Reembedded(Value):
    """What became of a `reembed`.

    Attributes:
        before: the model that the notes had been embedded with; None where there is nothing yet.
        after: the one they are embedded with now.
        vectors: how many were made for it this time: one for each note, less what an earlier process
            had made before it was stopped.
    """

    before: str | None
    after: str
    vectors: int
