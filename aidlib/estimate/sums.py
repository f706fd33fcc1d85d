"""The sums of the cells of a folder of Parquet files, collected by DuckDB here or on the workers of a Dask cluster.

A cell is a combination of design and domain columns. Where the files' own statistics say that nothing is missing, the
sums are plain; else, or where a sum turns out to be no number, every value is looked at.
"""

from __future__ import annotations

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from aidlib import reference

NUMBERS = ("TINYINT", "SMALLINT", "INTEGER", "BIGINT", "HUGEINT", "FLOAT", "DOUBLE", "DECIMAL", "BOOLEAN", "U")
Facts = dict[str, tuple[float, float]]  # least and largest value of columns without a missing or infinite one


@dataclass(frozen=True)
class Engine:
    """How the sums are collected.

    memory: DuckDB's limit. threads: of DuckDB (None: all cores; with 1 the same files give the same bits, with more
    the order of summation may change the last one). scheduler: a Dask client; its workers take ``parts`` groups of
    files (None: four for each worker), each with one thread, and see the folder under the same path.
    """

    memory: str = "1GB"
    threads: int | None = None
    scheduler: Any = None
    parts: int | None = None


@dataclass(frozen=True)
class Sums:
    """What is summed, in DuckDB's words: a numerator, a denominator (None: 1), units that count, columns needed.

    binary: whether the first column holds 0 and 1 only is asked; positive: a column that must be above 0 (units that
    break either are counted as ``bad``). dominance: the two largest weighted numerators too. linear: the numerator is
    the first column, so that what is no number in it shows in the sums.
    """

    numerator: str
    columns: tuple[str, ...]
    denominator: str | None = None
    counted: str | None = None
    binary: bool = False
    positive: str | None = None
    dominance: bool = False
    linear: bool = True

    @property
    def bad(self) -> str | None:
        """The condition that no unit should meet."""
        first = number(self.columns[0])
        if self.positive is not None:
            return f"{number(self.positive)} <= 0"
        return f"{first} <> 0 AND {first} <> 1" if self.binary else None


def collect(files: list[str], keys: tuple[str, ...], weight: str | None, sums: Sums, engine: Engine) -> pd.DataFrame:
    """The sums by cell, one line a cell and part.

    Columns: ``keys``; rows (units), weighted (those with a weight), unfit (a weight below 0 or infinite), heaviest
    (weight); n (units with values), x, y (weighted denominator and numerator), counted, bad, infinite0 … by column of
    ``sums``; with dominance size (absolute y), top1 and top2.
    """
    facts = _facts(files, (*sums.columns, *([weight] if weight else [])))
    if facts is not None and (weight is None or facts[weight][0] >= 0):
        found = _run(files, _plain(keys, weight, sums, facts), keys, weight, sums, engine)
        checked = [c for c in ("x", "y", "probe") if c in found]
        if np.isfinite(found[checked].to_numpy(np.float64)).all():
            return _completed(found, sums)
    return _run(files, _careful(keys, weight, sums), keys, weight, sums, engine)


def number(column: str) -> str:
    """A column as a double in DuckDB's words."""
    return f"{_name(column)}::DOUBLE"


def _plain(keys: tuple[str, ...], weight: str | None, sums: Sums, facts: Facts) -> str:
    """The aggregates where every value is a number; what ``facts`` tell is not asked again."""
    w, numerator, denominator = _terms(weight, sums)
    found = {"rows": "count(*)", "x": f"sum({denominator})", "y": f"sum({numerator})"}
    if weight and not facts[weight][0] > 0:
        found["heaviest"] = f"max({w})"
    if sums.counted:
        found["counted"] = f"count_if({sums.counted})"
    first = facts[sums.columns[0]]
    if sums.positive and facts[sums.positive][0] > 0:
        found["bad"] = "0"
    elif sums.bad:
        outside = sums.dominance and (first[0] < 0 or first[1] > 1)  # no flag; a proportion counts the rows
        found["bad"] = "1" if outside else f"count_if({sums.bad})"
    if sums.dominance:
        found["tops"] = f"max(abs({numerator}), 2)"
        if first[0] < 0 or not sums.linear:
            found["size"] = f"sum(abs({numerator}))"
    if not sums.linear:
        found["probe"] = " + ".join(f"sum({number(c)})" for c in sums.columns)
    return _list(keys, found)


def _completed(found: pd.DataFrame, sums: Sums) -> pd.DataFrame:
    """The columns that ``_plain`` need not ask for."""
    known: dict[str, Any] = {"n": found["rows"], "weighted": found["rows"], "unfit": 0, "heaviest": 1.0}
    known |= {f"infinite{place}": 0 for place in range(len(sums.columns))} | {"size": found["y"]}
    return found.assign(**{name: value for name, value in known.items() if name not in found})


def _careful(keys: tuple[str, ...], weight: str | None, sums: Sums) -> str:
    """The aggregates where values may be missing, infinite or not a number."""
    w, numerator, denominator = _terms(weight, sums)
    known = " AND ".join(map(_known, sums.columns))
    has_weight = f"{_known(weight)} OR isinf({w})" if weight else "true"
    found = {
        "rows": "count(*)",
        "weighted": f"count_if({has_weight})",
        "unfit": f"count_if({w} < 0 OR isinf({w}))",
        "heaviest": f"max({w})",
        "n": f"count_if({known})",
        "x": f"sum(CASE WHEN {known} THEN {denominator} END)",
        "y": f"sum(CASE WHEN {known} THEN {numerator} END)",
    }
    conditions = {"counted": sums.counted, "bad": sums.bad}
    found |= {name: f"count_if(({what}) AND {known})" for name, what in conditions.items() if what}
    if sums.dominance:
        size = f"CASE WHEN {known} THEN abs({numerator}) END"
        found |= {"size": f"sum({size})", "tops": f"max({size}, 2)"}
    found |= {f"infinite{place}": f"count_if(isinf({number(c)}))" for place, c in enumerate(sums.columns)}
    return _list(keys, found)


def _terms(weight: str | None, sums: Sums) -> tuple[str, str, str]:
    """Weight, weighted numerator and weighted denominator."""
    w = number(weight) if weight else "1.0::DOUBLE"
    return w, f"{w} * ({sums.numerator})", w if sums.denominator is None else f"{w} * {sums.denominator}"


def _list(keys: tuple[str, ...], found: dict[str, str]) -> str:
    return ", ".join([*map(_name, keys), *(f'{value} AS "{name}"' for name, value in found.items())])


def _run(
    files: list[str], expressions: str, keys: tuple[str, ...], weight: str | None, sums: Sums, engine: Engine
) -> pd.DataFrame:
    needed = [*keys, *([weight] if weight else []), *sums.columns]
    if engine.scheduler is None:
        return _frame(_aggregate(files, expressions, keys, needed, engine.memory, engine.threads))
    parts = engine.parts or 4 * max(len(engine.scheduler.scheduler_info()["workers"]), 1)
    groups = [list(group) for group in np.array_split(np.array(files, dtype=object), min(parts, len(files)))]
    jobs = [
        engine.scheduler.submit(_aggregate, group, expressions, keys, needed, engine.memory, 1, pure=False)
        for group in groups
    ]
    return _frame(pa.concat_tables(engine.scheduler.gather(jobs)))


def _aggregate(
    files: list[str], expressions: str, keys: tuple[str, ...], needed: list[str], memory: str, threads: int | None
) -> pa.Table:
    """The sums of some files; runs here or on a worker."""
    import duckdb

    with tempfile.TemporaryDirectory() as spill:
        config: dict[str, Any] = {"memory_limit": memory, "temp_directory": spill}
        config |= {"threads": threads} if threads else {}
        with duckdb.connect(config=config) as connection:
            rows = connection.sql(
                "FROM read_parquet($1, hive_partitioning = true, hive_types_autocast = false, union_by_name = true)",
                params=[files],
            )
            _check_columns(rows, needed, keys)
            return rows.aggregate(expressions, ", ".join(map(_name, keys))).to_arrow_table()


def _facts(files: list[str], columns: tuple[str, ...]) -> Facts | None:
    """What the files' own statistics say of the columns; None where they do not rule out missing or infinite values."""
    found: Facts = {}
    for file in files:
        metadata = pq.read_metadata(file)
        places = {metadata.schema.column(i).path: i for i in range(metadata.num_columns)}
        if not set(columns) <= set(places):
            return None
        for group in range(metadata.num_row_groups):
            for name in columns:
                statistics = metadata.row_group(group).column(places[name]).statistics
                if statistics is None or not statistics.has_null_count or statistics.null_count:
                    return None
                bounds: tuple[Any, Any] = (statistics.min, statistics.max) if statistics.has_min_max else ("", "")
                if not all(isinstance(b, int | float) and np.isfinite(b) for b in bounds):
                    return None
                low, high = found.get(name, bounds)
                found[name] = (min(low, bounds[0]), max(high, bounds[1]))
    return found if len(found) == len(set(columns)) else None


def _frame(table: pa.Table) -> pd.DataFrame:
    """Cells with the two largest in columns of their own."""
    if "tops" not in table.column_names:
        return table.to_pandas()
    tops = pc.list_slice(table["tops"].combine_chunks(), 0, 2, return_fixed_size_list=True)
    frame = table.drop_columns(["tops"]).to_pandas()
    return frame.assign(**{f"top{k + 1}": pc.list_element(tops, k).to_numpy(zero_copy_only=False) for k in (0, 1)})


def _check_columns(rows: Any, needed: Sequence[str], keys: tuple[str, ...]) -> None:
    types = dict(zip(rows.columns, map(str, rows.types), strict=True))
    for column in needed:
        if column not in types:
            raise reference.problem("estimate.no_column", column=column)
        if column not in keys and not types[column].startswith(NUMBERS):
            held = rows.aggregate(f"count({_name(column)})").fetchall()[0][0]
            raise reference.problem("estimate.not_numeric", column=column, rows=held)


def _name(column: str) -> str:
    return '"' + column.replace('"', '""') + '"'


def _known(column: str) -> str:
    """True for a finite number. The files' statistics leave out NaN and DuckDB trusts them: isnan would not see it."""
    return f"{number(column)} - {number(column)} = 0"
