"""The program of a reader process: parses one workbook after the other, and nothing else. Run as a file, not imported.

Workbooks come from strangers. They are parsed here, where memory and processor time are limited, and a crash ends only
this process. An order is a line of JSON on standard input (path, memory, seconds); the answer on standard output is a
frame of JSON, then one frame a sheet with its cells as an Arrow stream of text columns. A frame is its length (8 bytes,
little endian) and its bytes. Imports nothing of aidlib, so that a process starts in a moment.
"""

from __future__ import annotations

import html
import json
import os
import re
import sys
import zipfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

HEAD = 40  # rows in which a header is looked for
OLE = bytes.fromhex("D0CF11E0A1B11AE1")
_UNPACKED, _RATIO, _CELLS = 800_000_000, 150, 60_000_000
_TEXT_SHARE, _TEXT_FLOOR = 2, 48_000_000  # text of a sheet, as a multiple of its unpacked XML; repeated texts count
_MEMORY_SHARE = 6  # memory for one workbook, as a multiple of its unpacked XML, above the floor that the order states
_LONG_NUMBER = re.compile(rb"<c ([^>]{0,80})><v>(\d{16,20}|\d(?:\.\d+)?E\+1[5-9])</v>")
_ROW = re.compile(rb'<row[^>]{0,80}? r="(\d+)"')
_FILLED = rb'<c r="%s\d{1,7}"[^>]{0,80}><(?:v|is|f)[ >]'
_MERGED = re.compile(rb'<mergeCell ref="([A-Z]{1,3})(\d{1,7}):([A-Z]{1,3})(\d{1,7})"')
_MERGES = 200_000
_SMALL = 4_000_000
_ATTRIBUTE = re.compile(r'([\w:]+)="([^"]*)"')


class Refused(Exception):
    """A workbook that is not opened: ``key`` of the message without its folder (bomb, unreadable, password)."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


@dataclass
class Look:
    """What a sheet's XML says that the reader does not: its first column, cells merged downwards, long numbers."""

    first: int = 0
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)
    rounded: set[int] = field(default_factory=set)


def main() -> None:
    """Answer orders until standard input ends."""
    answers = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # whatever a library prints must not come between the frames
    pa.set_memory_pool(pa.system_memory_pool())
    for line in sys.stdin.buffer:
        for frame in _answer(json.loads(line)):
            answers.write(len(frame).to_bytes(8, "little"))
            answers.write(frame)
        answers.flush()


def _answer(order: dict[str, Any]) -> list[Any]:
    try:
        return read(order["path"], int(order["memory"]), int(order["seconds"]))
    except Refused as error:
        key = error.key
    except MemoryError:
        key = "bomb"
    except (SystemExit, KeyboardInterrupt):
        raise
    except BaseException as error:  # the reader's own errors quote the file's path, and its panics are no Exception
        key = "password" if "assword" in str(error) else "unreadable"
    return [json.dumps({"problem": key}).encode()]


def read(path: str, memory: int, seconds: int) -> list[Any]:
    """The frames of a workbook: what there is, then the cells of each sheet."""
    import fastexcel

    with Path(path).open("rb") as file:
        start = file.read(8)
        size = file.seek(0, 2)
        if start == OLE:
            file.seek(0)
            if "EncryptedPackage".encode("utf-16-le") in file.read():
                raise Refused("password")
    limit(memory + _MEMORY_SHARE * size, seconds)
    looks: dict[str, Look] = {}
    epoch_1904 = False
    if start != OLE:
        with _opened(path) as archive:
            unpacked = _sizes(archive)
            limit(memory + _MEMORY_SHARE * unpacked, seconds)
            epoch_1904, looks = _inspect(archive)
            size = max(size, unpacked)
    rounded = set().union(*(look.rounded for look in looks.values()))
    book = fastexcel.read_excel(path)
    told, frames = [], []
    for name in book.sheet_names:
        look = looks.get(name, Look())
        table = _grid(book, name, rounded, look.first)
        if table.nbytes > _TEXT_FLOOR + _TEXT_SHARE * size:
            raise Refused("bomb")
        told.append({"name": name, "head": _head(table), "merged": look.merged})
        frames.append(_stream(table))
    return [json.dumps({"epoch_1904": epoch_1904, "sheets": told}).encode(), *frames]


def limit(memory: int, seconds: int) -> None:
    """Let this process take ``memory`` bytes and ``seconds`` of processor time more than now; beyond, it ends.

    Only Linux counts a process's data in this way; elsewhere the starter's clock is the only limit.
    """
    if sys.platform != "linux":
        return
    import resource

    data = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[5]) * resource.getpagesize()
    used = resource.getrusage(resource.RUSAGE_SELF)
    for what, soft in (
        (resource.RLIMIT_DATA, data + memory),
        (resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + seconds),
    ):
        hard = resource.getrlimit(what)[1]
        resource.setrlimit(what, (soft if hard == resource.RLIM_INFINITY else min(soft, hard), hard))


def _opened(path: str) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError):
        raise Refused("unreadable") from None


def _sizes(archive: zipfile.ZipFile) -> int:
    """The bytes that the archive says it unpacks into; refused where that is far more than it has."""
    infos = archive.infolist()
    unpacked = sum(info.file_size for info in infos)
    packed = max(sum(info.compress_size for info in infos), 1)
    if unpacked > _UNPACKED or (unpacked > 50_000_000 and unpacked / packed > _RATIO):
        raise Refused("bomb")
    return unpacked


def _inspect(archive: zipfile.ZipFile) -> tuple[bool, dict[str, Look]]:
    """Whether the workbook counts days from 1904, and what each sheet's XML says, by the sheet's name."""
    try:
        names = _sheet_files(archive)
        files = {info.filename: info for info in archive.infolist()}
        looks = {
            names.get(file, file): _look_through(archive, info)
            for file, info in files.items()
            if file.startswith("xl/worksheets/") and file.endswith(".xml")
        }
        book = archive.read("xl/workbook.xml")[:100_000]
    except (zipfile.BadZipFile, KeyError, NotImplementedError, OSError, RuntimeError, EOFError):
        raise Refused("unreadable") from None
    return bool(re.search(rb'date1904="(1|true)"', book)), looks


def _sheet_files(archive: zipfile.ZipFile) -> dict[str, str]:
    """Names of the sheets by their files in the archive; none where the archive does not say."""
    files = set(archive.namelist())
    book, rels = "xl/workbook.xml", "xl/_rels/workbook.xml.rels"
    if not {book, rels} <= files:
        return {}
    targets = {each.get("Id", ""): each.get("Target", "") for each in _elements(archive.read(rels), rb"Relationship")}
    names = {}
    for sheet in _elements(archive.read(book), rb"sheet"):
        target = targets.get(next((sheet[name] for name in sheet if name.endswith(":id")), ""), "")
        names["xl/" + target.removeprefix("/").removeprefix("xl/")] = sheet.get("name", "")
    return names


def _elements(xml: bytes, tag: bytes) -> list[dict[str, str]]:
    """The attributes of all elements ``tag``, of small files only: nothing here needs the whole of XML."""
    found = re.findall(rb"<(?:\w+:)?" + tag + rb"\s([^>]*)>", xml[:_SMALL])
    return [
        {key: html.unescape(value) for key, value in _ATTRIBUTE.findall(each.decode("utf-8", "replace"))}
        for each in found
    ]


def _look_through(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Look:
    """A sheet's XML in one pass. A single cell in the last corner would make the reader allocate the whole sheet:
    such a file is refused.
    """
    last_row, wide, tail = 0, 26, b""
    look, merged, in_first = Look(), set[tuple[int, int, int, int]](), False
    first = 16_384
    with archive.open(info) as stream:
        while chunk := stream.read(1 << 20):
            chunk = tail + chunk
            at = chunk.rfind(b"<row", 0, len(chunk) - 100)
            for row in _ROW.findall(chunk, max(at, 0)) if at >= 0 or len(chunk) < 200 else ():
                last_row = max(last_row, int(row))
            wide = _wider(chunk, wide)
            if not in_first:
                in_first = re.search(_FILLED % b"A", chunk) is not None
                first = 0 if in_first else min([first, *map(column, re.findall(_FILLED % b"([A-Z]{1,3})", chunk))])
            numbers = (found[1] for found in _LONG_NUMBER.findall(chunk) if b't="str"' not in found[0])
            look.rounded |= {int(float(number)) for number in numbers}
            merged |= {
                (int(top) - 1, column(left), int(bottom) - 1, column(right))
                for left, top, right, bottom in _MERGED.findall(chunk)
                if top != bottom
            }
            tail = chunk[-200:]
            if last_row * wide > _CELLS or len(merged) > _MERGES:
                raise Refused("bomb")
    look.first = first if first < 16_384 else 0
    look.merged = sorted(merged)
    return look


def _wider(chunk: bytes, wide: int) -> int:
    """How many columns the cells of ``chunk`` take, in steps of 26, if more than ``wide``."""
    if wide < 16_384 and re.search(rb'<c r="[A-Z]{3}\d', chunk):
        return 16_384
    while wide <= 26 * 26 and (found := re.search(rb'<c r="([%c-Z])[A-Z]\d' % (64 + wide // 26), chunk)):
        wide = 26 * (found[1][0] - 63)
    return wide


def column(letters: bytes) -> int:
    """The 0-based position of a column's letters."""
    place = 0
    for sign in letters:
        place = place * 26 + sign - 64
    return place - 1


def _grid(book: Any, sheet: str, rounded: set[int], first: int) -> pa.Table:
    """A sheet as text. The reader writes numbers with nine decimals; columns that need more are read as numbers too.

    Numbers of 16 and more digits (``rounded``) have lost their last ones; they are shown as the spreadsheet would.
    The reader leaves out empty columns on the left (``first`` of them); they are put back, so that positions are true.
    """
    options = {"header_row": None, "skip_rows": 0, "whitespace_as_null": True}
    text = book.load_sheet(sheet, dtypes="string", **options).to_arrow()
    columns = list(text.columns)
    long: list[int] = []
    if columns and _long_decimals(pa.chunked_array(columns)):  # looked for in all cells at once, as it is rare
        long = [i for i, cells in enumerate(columns) if _long_decimals(pa.chunked_array([cells]))]
    if long:
        exact = book.load_sheet(sheet, dtypes=dict.fromkeys(long, "float"), **options).to_arrow()
        for i in long:
            columns[i] = pc.coalesce(pc.cast(exact.column(i), pa.string()), columns[i])
    if rounded:
        shown = {str(number): f"{number:.14E}" for number in rounded}
        found = pa.array(list(shown)), pa.array(list(shown.values()))
        columns = [_replaced(cells, *found) for cells in columns]
    blank = [pa.nulls(text.num_rows, pa.string())] * (first if columns else 0)
    return pa.table([*blank, *columns], names=[str(i) for i in range(len(blank) + len(columns))])


def _long_decimals(cells: pa.ChunkedArray) -> bool:
    long = cells.filter(pc.greater(pc.binary_length(cells), 10))  # few are, and a pattern is slow
    return bool(pc.any(pc.match_substring_regex(long, r"\.\d{9}$")).as_py())


def _replaced(cells: pa.Array, old: pa.Array, new: pa.Array) -> pa.Array:
    place = pc.index_in(cells, value_set=old)
    return pc.coalesce(new.take(place), cells)


def _head(table: pa.Table) -> list[list[str | None]]:
    columns = [cells.to_pylist() for cells in table.slice(0, HEAD).columns]
    return [list(row) for row in zip(*columns, strict=True)]


def _stream(table: pa.Table) -> pa.Buffer:
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


if __name__ == "__main__":
    main()
