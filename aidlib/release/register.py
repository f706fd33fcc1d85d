"""The register of releases: what has been published so far, one line per table, never changed."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from aidlib import reference

FORMAT = 1
POLL = 0.1  # seconds between two looks at a lock that another run holds
KEY = b"aidlib release digest v1"  # public: the digest tells whether numbers are the same, it hides nothing


@dataclass(frozen=True)
class Record:
    """One table of one release.

    release: which one of this report, period and region, from 1. population: keyed digest of the table's units.
    rows: for each number its label (domain and key values and measure), its exact n (None: withheld), its flag and
    the keyed digest of its published values.
    """

    report: str
    period: str
    region: str
    release: int
    entry: str
    base: str
    population: str
    rows: tuple[tuple[str, float | None, str, str], ...]


class Register:
    """A file of JSON lines beside the editions, for its owner only; it need not exist. Lines are only ever added.

    wait: seconds for which a run waits for another one that is deciding what to publish.
    """

    def __init__(self, path: str | Path, wait: float = 1800.0) -> None:
        self.path, self.wait = Path(path), wait

    @contextmanager
    def held(self) -> Iterator[None]:
        """From reading to adding for this run alone, so that no two runs decide from the same state.

        The lock is on a file beside the register and ends with its process, however that ends. Raises Problem if
        another run keeps it for longer than ``wait``.
        """
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.path.with_name(f"{self.path.name}.lock"), os.O_RDWR | os.O_CREAT, 0o644)
        try:
            self._lock(handle)
            yield
        finally:
            os.close(handle)

    def _lock(self, handle: int) -> None:
        last = time.monotonic() + self.wait
        while True:
            try:
                return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                if time.monotonic() >= last:
                    raise reference.problem("release.busy", file=self.path.name, seconds=round(self.wait)) from error
                time.sleep(POLL)

    def read(self) -> list[Record]:
        """All records, oldest first; an unfinished last line (a runner died) is none.

        Raises Problem naming the file and the line that is no record.
        """
        if not self.path.exists():
            return []
        text = self.path.read_bytes()
        lines = text[: text.rfind(b"\n") + 1].splitlines()
        return [self._record(number, line) for number, line in enumerate(lines, 1)]

    def state(self) -> str:
        """SHA-256 of all finished lines: what the manifest of an edition names."""
        text = self.path.read_bytes() if self.path.exists() else b""
        return hashlib.sha256(text[: text.rfind(b"\n") + 1]).hexdigest()

    def append(self, records: Iterable[Record]) -> None:
        """Add all ``records`` or none: one write under a lock, on the disk before this returns."""
        lines = [json.dumps({"format": FORMAT} | asdict(r), ensure_ascii=False, sort_keys=True) for r in records]
        if not lines:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        handle = os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            end = _end_of_lines(handle)
            os.ftruncate(handle, end)
            _write(handle, ("\n".join(lines) + "\n").encode(), end)
        finally:
            os.close(handle)

    def _record(self, number: int, line: bytes) -> Record:
        try:
            found: dict[str, Any] = json.loads(line)
            if found.pop("format") != FORMAT:
                raise ValueError("another format")
            rows = tuple((label, n, flag, digest) for label, n, flag, digest in found.pop("rows"))
            return Record(rows=rows, **found)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise reference.problem("release.damaged_register", file=self.path.name, line=number) from error


def digest(values: Sequence[Any]) -> str:
    """Keyed digest of published values (numbers to 12 significant digits)."""
    text = "|".join(f"{v:.12g}" if isinstance(v, float) else str(v) for v in values)
    return hashlib.blake2b(text.encode(), digest_size=8, key=KEY).hexdigest()


def _end_of_lines(handle: int) -> int:
    """Bytes of the finished lines; what follows is left of a runner that died while writing."""
    size = os.fstat(handle).st_size
    text = os.pread(handle, size, 0)
    return text.rfind(b"\n") + 1


def _write(handle: int, content: bytes, at: int) -> None:
    try:
        done = 0
        while done < len(content):
            done += os.pwrite(handle, content[done:], at + done)
        os.fsync(handle)
    except OSError:
        os.ftruncate(handle, at)
        raise
