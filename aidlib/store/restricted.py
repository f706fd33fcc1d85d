"""The restricted side, ``<store>.restricted/`` (0700, files 0600): who is behind a pseudonym, and rows to be put right.

It lies beside the store, so that a store can be copied or given away without it. Only follow-up lists read it, and each
of them is entered in ``audit.jsonl``.
"""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from aidlib import reference
from aidlib.store.folder import Store
from aidlib.store.parts import write_durably

IDENTITIES = "identities.parquet"
AUDIT = "audit.jsonl"
CONTACT = ("name", "phone", "address")  # what a visitor needs; identity and account numbers are never read


def restricted_folder(store: Store) -> Path:
    """The folder beside the store, made on first use and closed to everyone but its owner."""
    folder = _place(store)
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


def read_contacts(store: Store, people: Iterable[str]) -> pd.DataFrame:
    """Name, telephone and address of these ``person_id`` (missing where unknown); nothing else is read.

    Raises Problem where the store has no file of identities.
    """
    path = _place(store) / IDENTITIES
    if not path.exists():
        raise reference.problem("store.no_identities", file=f"{path.parent.name}/{IDENTITIES}")
    held = pq.read_schema(path).names
    found = pq.read_table(path, columns=["person_id", *(c for c in CONTACT if c in held)]).to_pandas()
    found = found[found["person_id"].isin(set(people))].reset_index(drop=True)
    return found.reindex(columns=["person_id", *CONTACT]).astype("str")


def enter_audit(store: Store, entry: dict[str, Any]) -> int:
    """Add an entry to the audit of the restricted side (mode 0600, on disk on return) and give its number: 1, 2, …

    Entries are lines of JSON in the order of their numbers; two writers never share a number.
    """
    path = restricted_folder(store) / AUDIT
    handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o600)
    with os.fdopen(handle, "r+", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        os.fchmod(handle, 0o600)
        number = sum(1 for _ in file) + 1
        file.write(json.dumps({"number": number} | entry, ensure_ascii=False) + "\n")
        file.flush()
        os.fsync(handle)
    return number


def _place(store: Store) -> Path:
    return store.path.resolve().with_name(f"{store.path.resolve().name}.restricted")
