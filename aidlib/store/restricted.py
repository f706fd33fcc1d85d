"""The restricted side, ``<store>.restricted/`` (0700, files 0600): who is behind a pseudonym, and rows to be put right.

It lies beside the store, so that a store can be copied or given away without it. Only follow-up lists read it.
"""

from __future__ import annotations

import os
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from aidlib.store.folder import Store
from aidlib.store.parts import write_durably

IDENTITIES = "identities.parquet"


def restricted_folder(store: Store) -> Path:
    """The folder beside the store, made on first use and closed to everyone but its owner."""
    folder = store.path.resolve().with_name(f"{store.path.resolve().name}.restricted")
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder.chmod(0o700)
    return folder


def write_restricted(store: Store, name: str, content: bytes) -> Path:
    """Write a file of the restricted side (mode 0600), whole or not at all."""
    path = restricted_folder(store) / name
    write_durably(path, content, 0o600)
    os.chmod(path, 0o600)  # noqa: PTH101  (an older file may have been opened wider)
    return path


def add_identities(store: Store, people: pd.DataFrame) -> Path:
    """Join people (``person_id`` and their identifiers) to the identity file; the newest known value of each stays."""
    path = restricted_folder(store) / IDENTITIES
    before = [pq.read_table(path).to_pandas()] if path.exists() else []
    known = pd.concat([*before, people], ignore_index=True)
    known = known.groupby("person_id", sort=True).last().reset_index()
    columns = {name: known[name].astype("str").where(known[name].notna(), None) for name in known.columns}
    sink = pa.BufferOutputStream()
    table = pa.table({name: pa.array(values, pa.string(), from_pandas=True) for name, values in columns.items()})
    pq.write_table(table, sink, compression="zstd")
    return write_restricted(store, IDENTITIES, sink.getvalue().to_pybytes())
