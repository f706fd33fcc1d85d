"""Raw files as grids of text: xlsx sheets and csv or tab files in whatever encoding, with true row numbers.

Nothing is interpreted here. Files come from strangers: workbooks are parsed by other processes, within limits.
"""

from __future__ import annotations

import codecs
import csv
import io
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.csv as pacsv

from aidlib.intake.readers import Book, Limits, Readers
from aidlib.intake.workbook import HEAD, OLE
from aidlib.reference import problem

WORKBOOKS = {".xlsx", ".xlsm", ".xls"}
TEXTS = {".csv", ".txt", ".tsv", ".tab"}
_BLOCK = 16 << 20
_IN_MEMORY = 64 << 20


@dataclass(frozen=True, eq=False)
class Sheet:
    """One sheet of a workbook, or a text file (``sheet`` is then "").

    head: the first rows as text (None for blank). body(start): the rows from 0-based row ``start`` on as Arrow tables
    of text columns "0", "1" …, and beside each table the raw row number (1-based) of its first row; rows that were too
    short or too long for the table come last, in ``odd`` (row text only). merged: cells merged downwards
    (first row, first column, last row, last column; 0-based).
    """

    file: str
    sheet: str
    head: list[list[str | None]]
    body: Callable[[int, int], Iterator[pa.Table]] = field(repr=False)
    epoch_1904: bool = False
    odd: list[str] = field(default_factory=list, repr=False)
    merged: tuple[tuple[int, int, int, int], ...] = ()


def read_files(files: Sequence[tuple[Path, str]], limits: Limits | None = None) -> Iterator[tuple[str, list[Sheet]]]:
    """Each file's name (what people call it) and its sheets, in the order given. Problems name it and say what to do.

    Workbooks are parsed by other processes, some ahead of the caller; text files stream.
    """
    with Readers(limits) as readers:
        for path, name, book in readers.ahead(files, _is_workbook):
            yield name, [_text(_usable(path, name), name)] if book is None else _sheets(name, book.result())


def _is_workbook(path: Path) -> bool:
    if not path.is_file() or path.stat().st_size == 0:
        return False
    with path.open("rb") as file:
        start = file.read(8)
    return path.suffix.lower() in WORKBOOKS or start.startswith(b"PK\x03\x04") or start == OLE


def _usable(path: Path, name: str) -> Path:
    if not path.is_file():
        raise problem("general.missing_file", file=name)
    if path.stat().st_size == 0:
        raise problem("intake.empty_file", file=name)
    if path.suffix.lower() not in TEXTS:
        raise problem("intake.unknown_format", file=name, suffix=path.suffix or "?")
    return path


def _sheets(name: str, book: Book) -> list[Sheet]:
    return [Sheet(name, grid.name, grid.head, _slices(grid.cells), book.epoch_1904, merged=grid.merged)
            for grid in book.sheets]  # fmt: skip


def _slices(table: pa.Table) -> Callable[[int, int], Iterator[pa.Table]]:
    def body(start: int, width: int) -> Iterator[pa.Table]:
        if start < table.num_rows:
            yield table.slice(start)

    return body


def _text(path: Path, name: str) -> Sheet:
    encoding, skip = detect_encoding(path, name)
    sample = _decode_start(path, encoding, skip)
    if not sample.strip():
        raise problem("intake.empty_file", file=name)
    first = "\n".join(sample.splitlines()[:HEAD])
    delimiter = max("\t,;|", key=first.count)
    lines = list(islice(csv.reader(io.StringIO(sample), delimiter=delimiter), HEAD))
    head = [[cell if cell.strip() else None for cell in line] for line in lines]
    odd: list[str] = []

    def body(start: int, width: int) -> Iterator[pa.Table]:
        with _utf8(path, name, encoding, skip) as stream:
            yield from _blocks(stream, name, delimiter, start, width, odd)

    return Sheet(name, "", head, body, odd=odd)


def _blocks(stream: IO[bytes], name: str, delimiter: str, start: int, width: int, odd: list[str]) -> Iterator[pa.Table]:
    names = [str(i) for i in range(width)]

    def keep(row: Any) -> str:
        odd.append(row.text)
        return "skip"

    try:
        reader = pacsv.open_csv(
            stream,
            read_options=pacsv.ReadOptions(
                column_names=names, skip_rows_after_names=0, skip_rows=start, block_size=_BLOCK
            ),
            parse_options=pacsv.ParseOptions(
                delimiter=delimiter, newlines_in_values=True, ignore_empty_lines=False, invalid_row_handler=keep
            ),
            convert_options=pacsv.ConvertOptions(
                column_types=dict.fromkeys(names, pa.string()), null_values=[""], strings_can_be_null=True
            ),
        )
        for batch in reader:
            yield pa.Table.from_batches([batch])
    except pa.ArrowInvalid as error:
        if "Empty CSV" not in str(error):
            raise problem("intake.bad_text", file=name) from None


def detect_encoding(path: Path, name: str) -> tuple[str, int]:
    """The encoding of a text file and the length of its byte order mark. Problem if it is none that is known."""
    with path.open("rb") as file:
        start = file.read(1 << 20)
    marks = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
    for mark, encoding in marks:
        if start.startswith(mark):
            return encoding, len(mark)
    for encoding in ("utf-8", "gb18030"):
        try:
            codecs.getincrementaldecoder(encoding)().decode(start)
        except UnicodeDecodeError:
            continue
        if "\0" not in start[:1000].decode("latin-1"):
            return encoding, 0
    zeros = start[:2000:2].count(0), start[1:2000:2].count(0)
    if max(zeros) > 100:  # UTF-16 without its mark: one byte of each ASCII sign is zero
        return ("utf-16-le" if zeros[1] > zeros[0] else "utf-16-be"), 0
    raise problem("intake.encoding", file=name)


def _decode_start(path: Path, encoding: str, skip: int) -> str:
    with path.open("rb") as file:
        file.seek(skip)
        return codecs.getincrementaldecoder(encoding)(errors="replace").decode(file.read(1 << 18))


def _utf8(path: Path, name: str, encoding: str, skip: int) -> IO[bytes]:
    """The file as UTF-8 from its first sign on: transcoded in chunks, which beats the csv reader's own decoding."""
    source = path.open("rb")
    source.seek(skip)
    if encoding == "utf-8" and skip == 0:
        return source
    target = tempfile.SpooledTemporaryFile(max_size=_IN_MEMORY)  # noqa: SIM115  (closed by the caller's with)
    decoder = codecs.getincrementaldecoder(encoding)()
    with source:
        try:
            while chunk := source.read(1 << 22):
                target.write(decoder.decode(chunk).encode("utf-8"))
            target.write(decoder.decode(b"", final=True).encode("utf-8"))
        except UnicodeError:
            target.close()
            raise problem("intake.encoding", file=name) from None
    target.seek(0)
    return target


def files_of(paths: list[Path]) -> list[tuple[Path, str]]:
    """Files to import, in a fixed order, each with its name relative to the folder that was given."""
    found: list[tuple[Path, str]] = []
    for path in paths:
        if path.is_dir():
            inside = (p for p in path.rglob("*") if p.is_file() and p.suffix.lower() in WORKBOOKS | TEXTS)
            found += [(p, p.relative_to(path).as_posix()) for p in inside if not p.name.startswith(("~$", "."))]
        elif path.exists():
            found.append((path, path.name))
        else:
            raise problem("general.missing_file", file=path.name)
    if not found:
        raise problem("intake.no_files", folder=", ".join(path.name for path in paths))
    return sorted(found, key=lambda each: each[1])
