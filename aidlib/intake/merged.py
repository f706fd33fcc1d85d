"""Cells merged downwards: a household's columns written once beside several member rows."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from aidlib.intake.mapping import BASE, Plan

Span = tuple[int, int, int, int]  # first row, first column, last row, last column; 0-based in the sheet


def fill_merged(rows: pa.Table, merged: Sequence[Span], plan: Plan) -> tuple[pa.Table, np.ndarray | None]:
    """``rows`` (below the header) with merged cells of the kind's own columns filled, and where each row belongs.

    Only what the sheet says is merged, only blank cells. The second is the row (0-based, in ``rows``) whose household
    a row continues, itself for others; None where no household's number is merged.
    """
    kind, start = plan.kind, plan.header.start
    home = None
    for target in plan.targets:
        spans = [span for span in merged if span[1] == target.position and span[0] >= start]
        if not spans or (target.table, target.number) != (kind.table, BASE) or target.position >= rows.num_columns:
            continue
        source = _sources(rows.num_rows, np.array(spans)[:, [0, 2]] - start)
        if source is None:
            continue
        cells = rows.column(target.position)
        filled = pc.coalesce(cells, cells.take(pa.array(source)))
        rows = rows.set_column(target.position, rows.column_names[target.position], filled)
        if kind.table == "households" and target.column == "household_id":
            home = source
    return rows, home


def _sources(length: int, spans: np.ndarray) -> np.ndarray | None:
    """The row whose cell each row shows; None where spans overlap, which no spreadsheet writes."""
    tops, bottoms = spans[:, 0], np.minimum(spans[:, 1], length - 1)
    tops, bottoms = tops[bottoms > tops], bottoms[bottoms > tops]
    lengths = bottoms - tops + 1
    if lengths.sum() > length:
        return None
    first = np.repeat(tops, lengths)
    at = first + np.arange(len(first)) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    source = np.arange(length)
    source[at] = first
    return source


def homes(places: pd.DataFrame) -> np.ndarray:
    """The position of the row that each row continues, or its own.

    places: columns that say where a row is (all but the last two), its row, and the row that it continues.
    """
    *where, row, home = places
    own = pd.MultiIndex.from_frame(places[[*where, row]])
    wanted = pd.MultiIndex.from_frame(places[[*where, home]])
    found = own.get_indexer(wanted) if own.is_unique else np.full(len(places), -1)
    return np.where(found < 0, np.arange(len(places)), found)
