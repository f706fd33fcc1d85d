"""Blocks of raw rows: which of them are data, and many blocks of one kind put under one another."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from aidlib import reference
from aidlib.intake.header import Heading
from aidlib.intake.mapping import BASE, Kind, Plan, Target
from aidlib.intake.merged import homes
from aidlib.intake.quarantine import MARKS

RAW = "raw"  # the "table" of columns that only expressions read
_NOT_DATA = (
    r"小计|合计|总计|共计|^(?:制表|填表|填报|审核|负责人|单位负责人|盖章|备注[:：]|注[:：]|说明[:：]|日期[:：]|经办)"
)
NOT_ASKED = reference.dictionary().missing["not_asked"].zh


@dataclass(frozen=True, eq=False)
class Block:
    """Rows of one sheet below its header, as read. first: raw row number (1-based) of the first of them.

    home: for each row the row (0-based) whose household it continues, where household numbers are merged downwards.
    """

    file: str
    sheet: str
    plan: Plan
    rows: pa.Table = field(repr=False)
    first: int
    epoch_1904: bool = False
    home: np.ndarray | None = field(default=None, repr=False)

    @property
    def headings(self) -> dict[int, str]:
        """Headings by column position, as cells of a quarantine workbook."""
        return {heading.position: heading.cell for heading in self.plan.header.headings}


def data_rows(blocks: Sequence[Block]) -> list[np.ndarray]:
    """Which rows of each block are data: not blank, no subtotal, signature or note, no repetition of the header.

    Blocks with the same headings are looked through together: most sheets are small, and calls cost more than cells.
    """
    alike: dict[tuple[int, tuple[Heading, ...]], list[int]] = {}
    for i, block in enumerate(blocks):
        alike.setdefault((block.rows.num_columns, block.plan.header.headings), []).append(i)
    found: dict[int, np.ndarray] = {}
    for (_, headings), places in alike.items():
        rows = pa.concat_tables([blocks[i].rows for i in places]).combine_chunks()
        ends = np.cumsum([blocks[i].rows.num_rows for i in places])
        found |= dict(zip(places, np.split(_are_data(rows, headings), ends[:-1]), strict=True))
    return [found[i] for i in range(len(blocks))]


def _are_data(rows: pa.Table, headings: Sequence[Heading]) -> np.ndarray:
    columns = rows.columns
    known = np.zeros(rows.num_rows, dtype=np.int64)
    for column in columns:
        known += pc.is_valid(column).to_numpy(zero_copy_only=False)
    first = pc.coalesce(*columns[:6]) if columns else pa.nulls(0, pa.string())
    words = first.to_pandas().astype("str").str.normalize("NFKC").str.strip()
    label = words.str.contains(_NOT_DATA, regex=True, na=False).to_numpy(dtype=bool) & (known < 0.8 * len(columns))
    data = (known > 0) & ~label
    if len(columns) > 3:
        data &= known > 1  # a lone cell is a title or a note
    for heading in headings[:2]:
        if heading.position < len(columns):
            again = pc.equal(columns[heading.position], heading.text.rsplit("/", 1)[-1])
            data &= ~pc.fill_null(again, False).to_numpy(zero_copy_only=False)
    return data


@dataclass(eq=False)
class Batch:
    """Data rows of many blocks of one kind: ``raw`` text columns by (table, number, column), and where each came from.

    raw[("", "", "block" | "row")] are the block's index in ``blocks`` and the raw row number; file and sheet are where
    the row first came from (a corrected quarantine workbook says so itself), ``confirmed`` rows come from such one.
    ``home``: the label of the row whose household a row continues, else its own.
    """

    kind: Kind
    blocks: Sequence[Block]
    raw: pd.DataFrame
    file: pd.Series
    sheet: pd.Series
    confirmed: pd.Series
    home: pd.Series

    @property
    def heads(self) -> np.ndarray:
        """Which rows stand for themselves: no continuation of the household above."""
        return self.home.to_numpy() == self.home.index.to_numpy()

    def of(self, table: str, number: str = BASE) -> pd.DataFrame:
        """The columns of ``table`` in repetition ``number``, by their dictionary names."""
        names = [name for name in self.raw.columns if name[:2] == (table, number)]
        return self.raw[names].set_axis([name[2] for name in names], axis=1)


def assemble(kind: Kind, blocks: Sequence[Block], data: Sequence[np.ndarray]) -> Batch:
    """One batch of the blocks' data rows. A column that a form does not have reads 未询问 in its rows."""
    alike: dict[tuple[int, tuple[Heading, ...], tuple[Target, ...]], list[int]] = {}
    for i, block in enumerate(blocks):
        alike.setdefault((block.rows.num_columns, block.plan.header.headings, block.plan.targets), []).append(i)
    wanted = {key for places in alike.values() for key, _ in _targets(blocks[places[0]])}
    asked = {key for key in wanted if key[0] == kind.table and key[1] == BASE}
    tables = [_picked(places, [blocks[i] for i in places], [data[i] for i in places], asked)
              for places in alike.values()]  # fmt: skip
    raw = pa.concat_tables(tables, promote_options="default").to_pandas()
    if len(tables) > 1:
        raw = raw.take(np.argsort(raw["\t\tblock"].to_numpy(), kind="stable")).reset_index(drop=True)
    raw.columns = pd.Index([tuple(name.split("\t")) for name in raw.columns], tupleize_cols=False)
    return _placed(kind, blocks, raw)


def _picked(
    places: Sequence[int], blocks: Sequence[Block], data: Sequence[np.ndarray], asked: set[tuple[str, str, str]]
) -> pa.Table:
    """The data rows of blocks with the same columns, where ``places`` are the blocks' numbers."""
    targets = _targets(blocks[0])
    used = sorted({position for _, position in targets})
    rows = np.flatnonzero(np.concatenate(data))
    picked = pa.concat_tables([block.rows.select(used) for block in blocks]).take(pa.array(rows))
    columns = {key: picked.column(used.index(position)) for key, position in targets}
    for key in asked - set(columns):
        columns[key] = pa.repeat(pa.scalar(NOT_ASKED), len(rows))
    lengths = [len(mask) for mask in data]
    numbers = np.concatenate([np.arange(length) + block.first for block, length in zip(blocks, lengths, strict=True)])
    columns["", "", "block"] = pa.array(np.repeat(places, lengths)[rows])
    columns["", "", "row"] = pa.array(numbers[rows])
    if any(block.home is not None for block in blocks):
        own = [
            np.arange(len(mask)) if block.home is None else block.home for block, mask in zip(blocks, data, strict=True)
        ]
        ends = np.concatenate([each + block.first for block, each in zip(blocks, own, strict=True)])
        columns["", "", "home"] = pa.array(ends[rows])
    return pa.table(list(columns.values()), names=["\t".join(key) for key in columns])


def _targets(block: Block) -> list[tuple[tuple[str, str, str], int]]:
    """Where each needed column goes, and its position: mapped ones, and by raw heading those that expressions read."""
    found = [((t.table, t.number, t.column), t.position) for t in block.plan.targets]
    kind = block.plan.kind
    words = " ".join([*kind.derived.values(), *kind.checks.values()])
    for heading in block.plan.header.headings:
        used = heading.text in words or kind.compare_multiple or heading.text in MARKS
        if used:
            found.append(((RAW, "", heading.text), heading.position))
    width = block.rows.num_columns
    return [(key, position) for key, position in found if position < width]


def _placed(kind: Kind, blocks: Sequence[Block], raw: pd.DataFrame) -> Batch:
    number = raw["", "", "block"].to_numpy()
    file = pd.Series(np.array([block.file for block in blocks], dtype=object)[number], index=raw.index)
    sheet = pd.Series(np.array([block.sheet for block in blocks], dtype=object)[number], index=raw.index)
    confirmed = pd.Series(False, index=raw.index)
    marks = [(RAW, "", mark) for mark in MARKS]
    if marks[0] in raw.columns and marks[1] in raw.columns:
        confirmed = raw[marks[0]].notna()
        file = raw[marks[0]].where(confirmed, file).astype("object")
        sheet = raw[marks[1]].fillna("").where(confirmed, sheet).astype("object")
    return Batch(kind, blocks, raw, file, sheet, confirmed, _homes(raw, file, sheet, confirmed))


def _homes(raw: pd.DataFrame, file: pd.Series, sheet: pd.Series, confirmed: pd.Series) -> pd.Series:
    """The row that each continues: as the sheet's merged cells say, or the row mark 12+1 of a corrected workbook."""
    mark = (RAW, "", MARKS[2])
    found = raw.index.to_numpy()
    if ("", "", "home") in raw.columns:
        row = raw["", "", "row"]
        home = raw["", "", "home"].fillna(row).astype("int64")
        found = homes(pd.DataFrame({"block": raw["", "", "block"], "row": row, "home": home}))
    elif confirmed.any() and mark in raw.columns and raw[mark].str.contains("+", regex=False, na=False).any():
        said = raw[mark].fillna("").astype("str")
        above = said.str.partition("+")[0].astype("str")
        found = homes(
            pd.DataFrame({"file": file.astype("str"), "sheet": sheet.astype("str"), "row": said, "home": above})
        )
    return pd.Series(found, index=raw.index)


def units_of(blocks: Sequence[Block], table: str, number: str, kind: Kind) -> dict[str, str]:
    """Units stated in headings or by the mapping, by column; a heading's own unit counts where the mapping has none."""
    stated = {
        t.column: t.unit for b in blocks for t in b.plan.targets if (t.table, t.number) == (table, number) and t.unit
    }
    return stated | (dict(kind.units) if table == kind.table and number == BASE else {})


def same_units(block: Block) -> tuple[tuple[str, str, str, str], ...]:
    """The units that the block's headings state: blocks of one batch must state the same ones for the same columns."""
    return tuple(sorted((t.table, t.number, t.column, t.unit) for t in block.plan.targets if t.unit))
