"""Large JSON files an item at a time, and files inside archives, bounded in size."""

from __future__ import annotations

import io
import json
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, BinaryIO, cast

from zettelmem.errors import InvalidInput

MAX_ITEM = 64_000_000
"""Characters of one conversation or one memory of a JSON file."""
MAX_UNPACKED = 4 << 30
"""Bytes of one file of an archive, unpacked."""
MAX_MEMBERS = 100_000
"""Files of an archive."""
PIECE = 1 << 16
"""Characters read at once at the beginning of an item; twice as many each time that it goes on."""

_DECODER = json.JSONDecoder()


@dataclass(frozen=True)
class Item:
    """An item of a JSON list.

    Attributes:
        line: the line that it begins at, from 1.
        value: what it holds.
        read: bytes of the file up to its end, or a little more.
    """

    line: int
    value: Any
    read: int


class Items:
    """The items of a file that holds one JSON list, in order; any other JSON value is the only item.

    Args:
        file: bytes, UTF-8, read from where it stands.
    """

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._text = io.TextIOWrapper(file, encoding="utf-8-sig", newline="")
        self._buffer = ""
        self._at = 0
        self._line = 1
        self._end = False

    def __iter__(self) -> Iterator[Item]:
        """Each item.

        Raises:
            InvalidInput: the file is no JSON, or an item is too long; the text tells the line.
        """
        try:
            listed = self._next() == "["
            if listed:
                self._skip(1)
            while (character := self._next()) not in ("", "]"):
                if character == "," and listed:
                    self._skip(1)
                    continue
                line = self._line
                yield Item(line, self._value(), self._file.tell())
                if not listed:
                    break
            if listed and character == "":
                raise InvalidInput(f"line {self._line}: the list is never closed; was the file cut off?")
        except UnicodeDecodeError as error:
            raise InvalidInput(f"near line {self._line}: is no UTF-8; save the file as UTF-8") from error
        finally:
            self._text.detach()

    def _next(self) -> str:
        """The next character that is no blank, "" at the end; the place is there."""
        while True:
            while self._at < len(self._buffer):
                character = self._buffer[self._at]
                if not character.isspace():
                    return character
                self._skip(1)
            if not self._more(PIECE):
                return ""

    def _skip(self, count: int) -> None:
        self._line += self._buffer.count("\n", self._at, self._at + count)
        self._at += count

    def _more(self, size: int) -> bool:
        """Whether there was more to read; what is behind the place is dropped."""
        piece = self._text.read(size)
        self._buffer, self._at = self._buffer[self._at :] + piece, 0
        self._end = not piece
        return bool(piece)

    def _value(self) -> Any:
        size = PIECE
        while True:
            try:
                value, end = _DECODER.raw_decode(self._buffer, self._at)
            except RecursionError as error:
                raise InvalidInput(f"line {self._line}: nests too deep") from error
            except ValueError as error:
                if len(self._buffer) - self._at > MAX_ITEM:
                    raise InvalidInput(
                        f"line {self._line}: an item is longer than {MAX_ITEM:,} characters, or no JSON"
                    ) from error
                if not self._more(size):
                    raise InvalidInput(f"line {self._line}: is no JSON: {error}") from error
                size *= 2
                continue
            if end == len(self._buffer) and not self._end and self._more(size):
                continue  # a number may go on
            self._skip(end - self._at)
            return value


def members(file: BinaryIO, wanted: str) -> list[zipfile.ZipInfo]:
    """The files of an archive whose own name begins with `wanted` and ends with ".json", sorted.

    Nothing is unpacked to the disk, so no name leads anywhere.

    Raises:
        InvalidInput: it is no sound archive, or it unpacks to more than is allowed.
    """
    try:
        with zipfile.ZipFile(file) as archive:
            infos = archive.infolist()
    except (zipfile.BadZipFile, NotImplementedError, ValueError) as error:
        raise InvalidInput(f"the archive cannot be read: {error}") from error
    if len(infos) > MAX_MEMBERS:
        raise InvalidInput(f"the archive holds {len(infos):,} files, over {MAX_MEMBERS:,}")
    chosen: list[zipfile.ZipInfo] = []
    for info in infos:
        name = info.filename.rpartition("/")[2]
        if not name.startswith(wanted) or not name.endswith(".json"):
            continue
        if info.file_size > MAX_UNPACKED:
            raise InvalidInput(
                f"{info.filename} unpacks to {info.file_size:,} bytes, over {MAX_UNPACKED:,}; unpack it "
                "yourself if you trust it"
            )
        chosen.append(info)
    return sorted(chosen, key=lambda info: info.filename)


@contextmanager
def unpacked(file: BinaryIO, info: zipfile.ZipInfo) -> Iterator[BinaryIO]:
    """One file of an archive, unpacked while it is read, never beyond the size that `members` checked.

    Raises:
        InvalidInput: it is damaged or encrypted.
    """
    try:
        with zipfile.ZipFile(file) as archive, archive.open(info) as stream:
            yield cast(BinaryIO, stream)
    except RuntimeError as error:
        raise InvalidInput(f"{info.filename} cannot be read: {error}; unpack the archive first") from error
    except (zipfile.BadZipFile, zlib.error, EOFError) as error:
        raise InvalidInput(f"{info.filename} is damaged: {error}") from error
