"""One partition: typed by the data dictionary, written under the name of its content, read against its checksum."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from aidlib import reference

NOWHERE = "none"  # the region of rows without one
ALL_YEARS = "all"  # the year of tables that are kept by date, not by wave
DATED = {"dossiers": "opened", "aid": "date", "decisions": "applied_on", "income_month": "month"}
_ARROW = {"number": pa.float64(), "count": pa.float64(), "flag": pa.float64(), "year": pa.int64()}


def arrow_table(name: str, rows: pd.DataFrame) -> pa.Table:
    """``rows`` with the types of the data dictionary: numbers, counts and flags float64, years int64, dates in
    microseconds, all else text. Columns the dictionary does not know keep their own type; all-missing ones are text.
    """
    known = reference.dictionary().tables[name].columns if name in reference.dictionary().tables else {}
    arrays, fields = [], []
    for column in rows.columns:
        kind = known[column].type if column in known else ""
        array = _array(rows[column], kind)
        arrays.append(array)
        fields.append(pa.field(column, array.type))
    return pa.table(arrays, schema=pa.schema(fields))


def _array(values: pd.Series, kind: str) -> pa.Array:
    if kind == "year" and values.isna().any():
        return pa.array(values.astype("Int64"), type=pa.int64())
    if kind in _ARROW:
        return pa.array(values.to_numpy(dtype=float, na_value=np.nan), type=pa.float64(), from_pandas=True).cast(
            _ARROW[kind]
        )
    if kind == "date":
        return pa.array(pd.to_datetime(values).astype("datetime64[us]"), type=pa.timestamp("us"))
    if kind:
        return pa.array(values.astype("str").where(values.notna(), None), type=pa.string(), from_pandas=True)
    array = pa.Array.from_pandas(values)
    return array.cast(pa.string()) if pa.types.is_null(array.type) or pa.types.is_large_string(array.type) else array


def write_part(root: Path, name: str, region: str, year: str, rows: pa.Table) -> dict[str, Any]:
    """Write one partition and describe it: path under ``root``, rows, bytes, sha256.

    The file is on disk (fsync) under its final name when this returns; equal rows give equal bytes and the same name.
    """
    sink = pa.BufferOutputStream()
    pq.write_table(rows.replace_schema_metadata(), sink, compression="zstd", compression_level=3)
    content = sink.getvalue().to_pybytes()
    digest = hashlib.sha256(content).hexdigest()
    path = Path("parts") / name / f"region={region}" / f"year={year}" / f"{digest[:16]}.parquet"
    write_durably(root / path, content)
    return {"path": path.as_posix(), "region": region, "year": year, "rows": rows.num_rows, "bytes": len(content),
            "sha256": digest}  # fmt: skip


def read_part(root: Path, part: dict[str, Any], columns: Sequence[str] | None = None) -> pa.Table:
    """The rows of a partition; Problem naming the file where it is missing or its bytes are not those written."""
    path = root / part["path"]
    try:
        content = path.read_bytes()
    except OSError as error:
        raise reference.problem("store.missing_part", file=part["path"]) from error
    if len(content) != part["bytes"] or hashlib.sha256(content).hexdigest() != part["sha256"]:
        raise reference.problem("store.damaged_part", file=part["path"])
    file = pq.ParquetFile(pa.BufferReader(content))
    wanted = None if columns is None else [c for c in columns if c in file.schema_arrow.names]
    return file.read(columns=wanted, use_threads=False)


def write_durably(path: Path, content: bytes, mode: int = 0o644) -> bool:
    """Write a file so that it is whole or absent, even after loss of power. False if it was there already."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and path.read_bytes() == content:
        return False
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)
    sync_folder(path.parent)
    return True


def sync_folder(folder: Path) -> None:
    """Make the names in ``folder`` durable; without effect where the system cannot sync folders (Windows)."""
    if os.name != "posix":
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def row_keys(rows: pd.DataFrame, key: Sequence[str]) -> np.ndarray:
    """A 64-bit hash of the key columns of each row (two different keys of a million collide once in 40 million)."""
    if rows.empty:
        return np.empty(0, dtype=np.uint64)
    text = pd.DataFrame({column: _as_text(rows[column]) for column in key})
    return pd.util.hash_pandas_object(text, index=False).to_numpy()


def _as_text(values: pd.Series) -> pd.Series:
    if pd.api.types.is_numeric_dtype(values):
        return values.astype("float64")
    if pd.api.types.is_datetime64_any_dtype(values):
        return values.astype("datetime64[us]").astype("int64")
    return values.astype("object").fillna("")
