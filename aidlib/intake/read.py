"""Raw files as grids of text: xlsx sheets and csv or tab files in whatever encoding, with true row numbers.

Nothing is interpreted here. Files come from strangers: sizes are looked at before anything is unpacked.
"""

from __future__ import annotations

import codecs
import csv
import io
import re
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv

from aidlib.reference import problem

HEAD = 40  # rows in which a header is looked for
WORKBOOKS = {".xlsx", ".xlsm", ".xls"}
TEXTS = {".csv", ".txt", ".tsv", ".tab"}
_UNPACKED, _RATIO, _CELLS = 800_000_000, 150, 60_000_000
_OLE = bytes.fromhex("D0CF11E0A1B11AE1")
_LONG_NUMBER = re.compile(rb"<c ([^>]{0,80})><v>(\d{16,20}|\d(?:\.\d+)?E\+1[5-9])</v>")
_BLOCK = 16 << 20
_IN_MEMORY = 64 << 20


@dataclass(frozen=True, eq=False)
class Sheet:
    """One sheet of a workbook, or a text file (``sheet`` is then "").

    head: the first rows as text (None for blank). body(start): the rows from 0-based row ``start`` on as Arrow tables
    of text columns "0", "1" …, and beside each table the raw row number (1-based) of its first row; rows that were too
    short or too long for the table come last, in ``odd`` (row text only).
    """

    file: str
    sheet: str
    head: list[list[str | None]]
    body: Callable[[int, int], Iterator[pa.Table]] = field(repr=False)
    epoch_1904: bool = False
    odd: list[str] = field(default_factory=list, repr=False)


def read_sheets(path: Path, name: str) -> Iterator[Sheet]:
    """The sheets of a file; ``name`` is what people call it. Problems name it and say what to do."""
    if not path.is_file():
        raise problem("general.missing_file", file=name)
    if path.stat().st_size == 0:
        raise problem("intake.empty_file", file=name)
    with path.open("rb") as file:
        start = file.read(8)
    if path.suffix.lower() in WORKBOOKS or start.startswith(b"PK\x03\x04") or start == _OLE:
        yield from _workbook(path, name, start)
    elif path.suffix.lower() in TEXTS:
        yield _text(path, name)
    else:
        raise problem("intake.unknown_format", file=name, suffix=path.suffix or "?")


def _workbook(path: Path, name: str, start: bytes) -> Iterator[Sheet]:
    import fastexcel

    epoch_1904, rounded = False, set[int]()
    if start == _OLE:
        if "EncryptedPackage".encode("utf-16-le") in path.read_bytes():
            raise problem("intake.password", file=name)
    else:
        epoch_1904, rounded = _inspect(path, name)
    try:
        book = fastexcel.read_excel(path)
    except Exception as error:  # the reader's own errors quote the file's path
        key = "intake.password" if "assword" in str(error) else "intake.unreadable"
        raise problem(key, file=name) from None
    for sheet in book.sheet_names:
        try:
            table = _grid(book, sheet, rounded)
        except Exception:
            raise problem("intake.unreadable", file=name) from None
        yield Sheet(name, sheet, _rows(table.slice(0, HEAD)), _slices(table), epoch_1904)


def _grid(book: Any, sheet: str, rounded: set[int]) -> pa.Table:
    """A sheet as text. The reader writes numbers with nine decimals; columns that need more are read as numbers too.

    Numbers of 16 and more digits (``rounded``) have lost their last ones; they are shown as the spreadsheet would.
    """
    options = {"header_row": None, "skip_rows": 0, "whitespace_as_null": True}
    text = book.load_sheet(sheet, dtypes="string", **options).to_arrow()
    columns = list(text.columns)
    long: list[int] = []
    if columns and _long_decimals(pa.chunked_array(columns)):  # looked for in all cells at once, as it is rare
        long = [i for i, column in enumerate(columns) if _long_decimals(pa.chunked_array([column]))]
    if long:
        exact = book.load_sheet(sheet, dtypes=dict.fromkeys(long, "float"), **options).to_arrow()
        for i in long:
            columns[i] = pc.coalesce(pc.cast(exact.column(i), pa.string()), columns[i])
    if rounded:
        shown = {str(number): f"{number:.14E}" for number in rounded}
        found = pa.array(list(shown)), pa.array(list(shown.values()))
        columns = [_replaced(column, *found) for column in columns]
    return pa.table(columns, names=[str(i) for i in range(len(columns))])


def _long_decimals(cells: pa.ChunkedArray) -> bool:
    return bool(pc.any(pc.match_substring_regex(cells, r"\.\d{9}$")).as_py())


def _replaced(column: pa.Array, old: pa.Array, new: pa.Array) -> pa.Array:
    place = pc.index_in(column, value_set=old)
    return pc.coalesce(new.take(place), column)


def _slices(table: pa.Table) -> Callable[[int, int], Iterator[pa.Table]]:
    def body(start: int, width: int) -> Iterator[pa.Table]:
        if start < table.num_rows:
            yield table.slice(start)

    return body


def _rows(table: pa.Table) -> list[list[str | None]]:
    columns = [column.to_pylist() for column in table.columns]
    return [list(row) for row in zip(*columns, strict=True)]


def _inspect(path: Path, name: str) -> tuple[bool, set[int]]:
    """Refuse archives that unpack into far more than they are.

    Whether the workbook counts days from 1904, and its numbers of 16 and more digits: spreadsheets keep 15.
    """
    rounded: set[int] = set()
    try:
        with zipfile.ZipFile(path) as archive:
            infos = archive.infolist()
            unpacked = sum(info.file_size for info in infos)
            packed = max(sum(info.compress_size for info in infos), 1)
            if unpacked > _UNPACKED or (unpacked > 50_000_000 and unpacked / packed > _RATIO):
                raise problem("intake.bomb", file=name)
            for info in infos:
                if info.filename.startswith("xl/worksheets/") and info.filename.endswith(".xml"):
                    rounded |= _look_through(archive, info, name)
            book = archive.read("xl/workbook.xml")[:100_000]
    except (zipfile.BadZipFile, KeyError, NotImplementedError, OSError, RuntimeError, EOFError):
        raise problem("intake.unreadable", file=name) from None
    return bool(re.search(rb'date1904="(1|true)"', book)), rounded


def _look_through(archive: zipfile.ZipFile, info: zipfile.ZipInfo, name: str) -> set[int]:
    """The long numbers of a sheet. A single cell in the last corner would make the reader allocate the whole sheet:
    such a file is refused.
    """
    last_row, wide, tail, rounded = 0, 26, b"", set()
    with archive.open(info) as stream:
        while chunk := stream.read(1 << 20):
            chunk = tail + chunk
            for row in (re.findall(rb'<row[^>]{0,80}? r="(\d+)"', chunk) or [b"0"])[-1:]:
                last_row = max(last_row, int(row))
            if re.search(rb'<c r="[A-Z]{3}\d', chunk):
                wide = 16_384
            for first in set(re.findall(rb'<c r="([A-Z])[A-Z]\d', chunk)):
                wide = max(wide, 26 * (ord(first) - 63))
            numbers = (found[1] for found in _LONG_NUMBER.findall(chunk) if b't="str"' not in found[0])
            rounded |= {int(float(number)) for number in numbers}
            tail = chunk[-200:]
    if last_row * wide > _CELLS:
        raise problem("intake.bomb", file=name)
    return rounded


def _text(path: Path, name: str) -> Sheet:
    encoding, skip = detect_encoding(path, name)
    sample = _decode_start(path, encoding, skip)
    if not sample.strip():
        raise problem("intake.empty_file", file=name)
    delimiter = max("\t,;|", key=lambda sign: sum(line.count(sign) for line in sample.splitlines()[:HEAD]))
    lines = list(csv.reader(io.StringIO(sample), delimiter=delimiter))[:HEAD]
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
