"""Store: a folder of partitions and manifests. Adding is all or nothing; reading proves every byte."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from aidlib import reference
from aidlib.store import manifests
from aidlib.store.parts import ALL_YEARS, DATED, NOWHERE, arrow_table, read_part, row_keys, write_part

ACCOUNT = ["file", "sheet", "table", "read", "accepted", "quarantined", "duplicates", "non_data"]
CHECKS = ["check", "region", "rows", "failed"]
PENDING = 300_000  # rows held in memory before an addition writes them out
_TOLD = ("lonely_psu", "population")  # what a source says of itself, in the manifest


class Store:
    """The tables of one survey, as they were after each import. ``path`` need not exist before the first ``add``."""

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)

    @classmethod
    def open(cls, path: str | Path) -> Store:
        """An existing store; Problem where the folder holds none."""
        store = cls(path)
        if not store.numbers():
            raise reference.problem("store.no_store", path=store.path.name)
        return store

    def numbers(self) -> list[int]:
        """Numbers of the manifests, ascending; empty before the first import."""
        return manifests.numbers(self.path)

    def manifest(self, number: int | None = None) -> dict[str, Any]:
        """Manifest ``number`` (default: the last): source, demo, files, units, tables, account, checks."""
        found = self.numbers()
        if number is None and not found:
            raise reference.problem("store.no_store", path=self.path.name)
        return manifests.read(self.path, found[-1] if number is None else number)

    def account(self, number: int | None = None) -> pd.DataFrame:
        """Where the rows of every imported file went: read = accepted + quarantined + duplicates + non_data."""
        return pd.DataFrame(self.manifest(number)["account"], columns=ACCOUNT)

    def checks(self, number: int | None = None) -> pd.DataFrame:
        """Rows tested and failed by each check, summed over all imports: check, region, rows, failed."""
        found = pd.DataFrame(self.manifest(number)["checks"], columns=CHECKS)
        return found.astype({"check": "str", "region": "str"})

    def read(
        self,
        table: str,
        columns: Sequence[str] | None = None,
        regions: Iterable[str] | None = None,
        years: Iterable[int] | None = None,
        number: int | None = None,
    ) -> pd.DataFrame:
        """The rows of ``table``, sorted by region, year and key; columns that no part holds are absent.

        regions, years: keep only these (years of dated tables: of their date). A part whose bytes are not those
        written is a Problem naming its file; a table that the store lacks comes back empty.
        """
        wanted_regions = None if regions is None else set(regions)
        wanted_years = None if years is None else set(years)
        parts = [
            part
            for part in self.manifest(number)["tables"].get(table, [])
            if (wanted_regions is None or part["region"] in wanted_regions)
            and (wanted_years is None or part["year"] == ALL_YEARS or int(part["year"]) in wanted_years)
        ]
        dated = DATED.get(table) if wanted_years is not None else None
        needed = None if columns is None else list(dict.fromkeys([*columns, *([dated] if dated else [])]))
        rows = _joined(table, [read_part(self.path, part, needed) for part in parts])
        if dated and wanted_years is not None and dated in rows:
            rows = rows[rows[dated].astype("datetime64[us]").dt.year.isin(wanted_years)].reset_index(drop=True)
        return rows if columns is None else rows[[c for c in columns if c in rows]]

    def add(
        self,
        tables: Mapping[str, pd.DataFrame],
        *,
        files: Sequence[Mapping[str, Any]],
        account: pd.DataFrame,
        checks: pd.DataFrame,
        source: str,
        demo: bool,
        units: Mapping[str, str] | None = None,
    ) -> int:
        """Add rows under a new manifest and return its number; on any failure the store is as before.

        A stored row with the key of a new one is replaced (the manifest counts these in ``replaced``). ``units``
        names the units of columns that the source reports in another unit than the dictionary's.
        """
        with self.addition(source=source, demo=demo) as addition:
            for name, rows in tables.items():
                addition.write(name, rows)
            return addition.commit(files=files, account=account, checks=checks, units=units)

    def addition(
        self, *, source: str, demo: bool, correct_attrition: bool = False, told: Mapping[str, Any] | None = None
    ) -> Addition:
        """An open addition, for imports larger than memory: ``write`` as often as needed, then ``commit`` once.

        correct_attrition: the weights leave the loss of a panel to be repaired by whoever reads them. told: what the
        source says of itself (lonely_psu, population), kept in the manifest until a later import says otherwise.
        """
        return Addition(self, source, demo, correct_attrition, told)


class Addition:
    """Rows on their way into a store: a context manager that leaves nothing behind unless committed.

    Keys must be unique over all rows written for a table; the caller removes duplicates.
    """

    def __init__(
        self,
        store: Store,
        source: str,
        demo: bool,
        correct_attrition: bool = False,
        told: Mapping[str, Any] | None = None,
    ) -> None:
        numbers = store.numbers()
        self.store = store
        self.number = (numbers[-1] if numbers else 0) + 1
        self._before = store.manifest(numbers[-1]) if numbers else _nothing(source, demo)
        if bool(self._before["demo"]) != bool(demo):
            key = "store.demo_store" if self._before["demo"] else "store.demo_source"
            raise reference.problem(key, path=store.path.name, source=source)
        self._source, self._demo = source, demo
        self._correct = correct_attrition or bool(self._before.get("correct_attrition"))
        before = {name: self._before[name] for name in _TOLD if name in self._before}
        self._told = before | {name: told[name] for name in _TOLD if told and name in told}
        self._existed = store.path.exists()
        self._pending: dict[tuple[str, str, str], list[pa.Table]] = {}
        self._rows_pending = 0
        self._parts: dict[str, list[dict[str, Any]]] = {}
        self._keys: dict[str, list[np.ndarray]] = {}
        self._committed = False

    def __enter__(self) -> Addition:
        return self

    def __exit__(self, *_: object) -> None:
        if not self._committed:
            self._undo()

    def write(self, name: str, rows: pd.DataFrame) -> None:
        """Take rows of table ``name``; they may go to disk at once, but count only after ``commit``."""
        if rows.empty:
            return
        table = reference.dictionary().tables[name]
        self._keys.setdefault(name, []).append(row_keys(rows, table.key))
        place = pd.DataFrame({"region": NOWHERE, "year": ALL_YEARS}, index=rows.index)
        if "region" in rows:
            place["region"] = rows["region"].fillna(NOWHERE).astype("str")
        if "year" in table.columns:
            place["year"] = rows["year"].astype("int64").astype("str")
        typed = arrow_table(name, rows)  # once for all partitions: converting each by itself costs more than writing
        for group, at in place.reset_index(drop=True).groupby(["region", "year"], sort=True):
            where, when = map(str, group)
            self._pending.setdefault((name, where, when), []).append(typed.take(pa.array(at.index)))
        self._rows_pending += len(rows)
        if self._rows_pending > PENDING:
            self._flush()

    def flag(self, name: str, check: str, rows: pd.DataFrame) -> None:
        """Add ``check`` to the ``flags`` of rows written before; ``rows``: key (by ``row_keys``), region, year."""
        if rows.empty:
            return
        self._flush()
        places = set(zip(rows["region"].astype("str"), rows["year"].astype("int64").astype("str"), strict=True))
        keys, key = rows["key"].to_numpy(), list(reference.dictionary().tables[name].key)
        named = self._named()
        for i, part in enumerate(self._parts.get(name, [])):
            if (part["region"], part["year"]) not in places:
                continue
            found = read_part(self.store.path, part)
            hit = np.flatnonzero(np.isin(row_keys(found.select(key).to_pandas(), key), keys))
            if len(hit):
                new = write_part(self.store.path, name, part["region"], part["year"], _flagged(found, hit, check))
                if part["path"] not in named | {new["path"]}:
                    (self.store.path / part["path"]).unlink()
                self._parts[name][i] = new

    def commit(
        self,
        *,
        files: Sequence[Mapping[str, Any]],
        account: pd.DataFrame,
        checks: pd.DataFrame,
        units: Mapping[str, str] | None = None,
    ) -> int:
        """Write what is pending, replace rows of the same key, and write the manifest last."""
        self._flush()
        tables = {name: list(parts) for name, parts in self._before["tables"].items()}
        replaced = dict(self._before["replaced"])
        for name, parts in self._parts.items():
            kept, gone = self._without_keys(name, tables.get(name, []))
            tables[name] = sorted(kept + parts, key=lambda part: (part["region"], part["year"], part["path"]))
            replaced[name] = replaced.get(name, 0) + gone
        manifest = {
            "source": self._source, "sources": sorted({*self._before["sources"], self._source}),
            "demo": bool(self._demo), "correct_attrition": self._correct, **self._told,
            "previous": self.number - 1, "number": self.number,
            "files": [*self._before["files"], *(dict(file) for file in files)],
            "units": {**self._before["units"], **(units or {})}, "tables": tables, "replaced": replaced,
            "account": [*self._before["account"], *_records(account.reindex(columns=ACCOUNT, fill_value=""))],
            "checks": _records(_summed(self._before["checks"], checks)),
        }  # fmt: skip
        manifests.write(self.store.path, self.number, manifest)
        self._committed = True
        return self.number

    def _flush(self) -> None:
        """Write what is pending; two parts at a time, since much of it is waiting for the disk."""
        with ThreadPoolExecutor(2) as pool:
            parts = pool.map(self._written, self._pending, self._pending.values())
            for (name, _, _), part in zip(self._pending, parts, strict=True):
                self._parts.setdefault(name, []).append(part)
        self._pending, self._rows_pending = {}, 0

    def _written(self, place: tuple[str, str, str], tables: list[pa.Table]) -> dict[str, Any]:
        name, region, year = place
        key = [(column, "ascending") for column in reference.dictionary().tables[name].key]
        rows = pa.concat_tables(tables, promote_options="default").combine_chunks().sort_by(key)
        return write_part(self.store.path, name, region, year, rows)

    def _without_keys(self, name: str, parts: list[dict[str, Any]]) -> tuple[list[dict[str, Any]], int]:
        """The stored parts without the rows whose keys came anew, and how many rows went."""
        new = np.concatenate(self._keys[name])
        key = list(reference.dictionary().tables[name].key)
        kept, gone = [], 0
        for part in parts:
            found = _joined(name, [read_part(self.store.path, part, key)])
            hit = np.isin(row_keys(found, key), new)
            gone += int(hit.sum())
            if hit.any() and not hit.all():
                rest = _joined(name, [read_part(self.store.path, part)])[~hit].reset_index(drop=True)
                typed = arrow_table(name, rest)
                kept.append(write_part(self.store.path, name, part["region"], part["year"], typed))
            elif not hit.any():
                kept.append(part)
        return kept, gone

    def _named(self) -> set[str]:
        """Paths of the parts that an earlier manifest names."""
        return {
            part["path"]
            for number in self.store.numbers()
            for parts in self.store.manifest(number)["tables"].values()
            for part in parts
        }

    def _undo(self) -> None:
        """Remove what this addition wrote; parts that an earlier manifest names stay."""
        if not self._existed:
            shutil.rmtree(self.store.path, ignore_errors=True)
            return
        named = self._named()
        for path in self.store.path.glob("parts/*/*/*/*.parquet"):
            if path.relative_to(self.store.path).as_posix() not in named:
                path.unlink()


def _flagged(rows: pa.Table, hit: np.ndarray, check: str) -> pa.Table:
    """The rows with ``check`` among the flags of those at ``hit``, in the order of the alphabet."""
    flags = rows.column("flags").to_numpy() if "flags" in rows.column_names else np.full(rows.num_rows, None)
    flags = flags.astype(object)
    flags[hit] = [";".join(sorted({*(each or "").split(";"), check} - {""})) for each in flags[hit]]
    cells = pa.array(flags, pa.string())
    if "flags" not in rows.column_names:
        return rows.append_column("flags", cells)
    return rows.set_column(rows.column_names.index("flags"), "flags", cells)


def _nothing(source: str, demo: bool) -> dict[str, Any]:
    return {"source": source, "sources": [], "demo": demo, "files": [], "units": {}, "tables": {}, "replaced": {},
            "account": [], "checks": []}  # fmt: skip


def _joined(name: str, tables: list[pa.Table]) -> pd.DataFrame:
    """Arrow tables under one another; columns that some lack are missing there. Text is str, dates microseconds."""
    if not tables:
        known = reference.dictionary().tables[name].stored if name in reference.dictionary().tables else ()
        empty = pd.DataFrame({column.name: pd.Series(dtype="object") for column in known})
        return arrow_table(name, empty).to_pandas()
    return pa.concat_tables(tables, promote_options="default").to_pandas()


def _summed(before: list[dict[str, Any]], new: pd.DataFrame) -> pd.DataFrame:
    both = pd.concat([pd.DataFrame(before, columns=CHECKS), new.reindex(columns=CHECKS)], ignore_index=True)
    both["region"] = both["region"].fillna("").astype("str")
    return both.groupby(["check", "region"], sort=True, as_index=False)[["rows", "failed"]].sum()


def _records(rows: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as plain Python values; whole numbers as int, so that the JSON reads well."""
    return [
        {
            str(key): int(value) if isinstance(value, int | float | np.number) else str(value)
            for key, value in row.items()
        }
        for row in rows.to_dict(orient="records")
    ]
