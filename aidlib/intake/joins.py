"""Sheets of one workbook that continue one another's rows (repeat groups): joined before they are mapped."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import pandas as pd
import pyarrow as pa

from aidlib.intake.mapping import Join, Source, fits_kind
from aidlib.intake.read import Sheet
from aidlib.reference import problem

ACCOUNT = ["file", "sheet", "table", "read", "accepted", "quarantined", "duplicates", "non_data"]


def join_sheets(sheets: Sequence[Sheet], source: Source, file: str) -> tuple[list[Sheet], list[dict[str, object]]]:
    """The sheets with those joined that the mapping joins, and the account of the joined sheets' rows.

    A joined sheet has its header in its first row. Its rows are accepted where their key occurs once in it and is
    found in the sheet they continue; keys with a missing part match nothing. Others are quarantined by count.
    """
    by_name = {sheet.sheet: sheet for sheet in sheets}
    account, result = [], []
    for sheet in sheets:
        kind = next((k for k in source.kinds if k.joins and fits_kind(k, file, sheet.sheet)), None)
        for join in kind.joins if kind else ():
            if join.sheet not in by_name:
                raise problem("intake.no_such_sheet", file=file, sheet=join.sheet)
            sheet, row = _joined(sheet, by_name[join.sheet], join)
            account.append({**row, "table": kind.table if kind else ""})
        result.append(sheet)
    return result, account


def _joined(left: Sheet, right: Sheet, join: Join) -> tuple[Sheet, dict[str, object]]:
    first, second = _frame(left), _frame(right)
    for sheet, frame in ((left, first), (right, second)):
        absent = [name for name in join.on if name not in frame]
        if absent:
            named = dict.fromkeys(["columns_zh", "columns_en"], ", ".join(absent))
            raise problem("intake.lacking_columns", file=sheet.file, sheet=sheet.sheet, row=1, **named)
    keys = list(join.on)
    whole = second[keys].notna().all(axis=1)
    usable = second[whole & ~second.duplicated(keys, keep=False)]
    extra = [name for name in second if name not in first]
    joined = first.merge(usable[[*keys, *extra]], on=keys, how="left")
    used = usable.merge(first[keys].drop_duplicates(), on=keys)
    account = {
        "file": left.file, "sheet": right.sheet, "read": len(second) + 1, "accepted": len(used),
        "quarantined": len(second) - len(used), "duplicates": 0, "non_data": 1,
    }  # fmt: skip
    return _sheet(left, joined), account


def _frame(sheet: Sheet) -> pd.DataFrame:
    headings = [heading or f"#{i}" for i, heading in enumerate(sheet.head[0])]
    table = pa.concat_tables(sheet.body(1, len(headings)), promote_options="default")
    return table.rename_columns(headings).to_pandas()


def _sheet(like: Sheet, rows: pd.DataFrame) -> Sheet:
    table = pa.table([pa.array(rows[name], pa.string(), from_pandas=True) for name in rows], names=_numbers(rows))
    head: list[list[str | None]] = [[str(name) for name in rows.columns]]

    def body(start: int, width: int) -> Iterator[pa.Table]:
        yield table.slice(start - 1)

    return replace(like, head=head, body=body)


def _numbers(rows: pd.DataFrame) -> list[str]:
    return [str(i) for i in range(rows.shape[1])]
