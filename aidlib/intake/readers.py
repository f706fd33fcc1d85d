"""Reader processes: workbooks are parsed by two other processes, ahead of the import, each within limits.

A workbook that needs too much memory or time, or that crashes its reader, is a Problem that names it; the next
workbook gets a new process. The program of a reader is ``workbook.py``.
"""

from __future__ import annotations

import json
import queue
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from aidlib.reference import problem

_PROGRAM = Path(__file__).with_name("workbook.py")
_WORKERS = 2
_AHEAD = 64 << 20  # bytes of workbooks that are read ahead of the one in hand
_SMALL = 4 << 20  # where they are less, their number does not matter: readers go on while rows are cleaned


@dataclass(frozen=True)
class Limits:
    """What one workbook may take: bytes of memory beside what its own size allows, seconds of processor time, and
    seconds on the clock (the processor may be busy with others).
    """

    memory: int = 512 << 20
    seconds: int = 120
    patience: float = 1200.0


@dataclass(frozen=True, eq=False)
class Grid:
    """A sheet as its reader told it: name, first rows, cells as text, cells merged downwards (first row, first column,
    last row, last column; 0-based).
    """

    name: str
    head: list[list[str | None]]
    cells: pa.Table = field(repr=False)
    merged: tuple[tuple[int, int, int, int], ...] = ()


@dataclass(frozen=True, eq=False)
class Book:
    """A parsed workbook. epoch_1904: its serial dates count from 1904."""

    sheets: list[Grid]
    epoch_1904: bool


class Readers:
    """A pool of reader processes, started when first needed and ended with the ``with`` block."""

    def __init__(self, limits: Limits | None = None) -> None:
        self.limits = limits or Limits()
        self._threads = ThreadPoolExecutor(_WORKERS, thread_name_prefix="reader")
        self._processes: list[_Process] = []
        self._idle: queue.SimpleQueue[_Process] = queue.SimpleQueue()
        self._ended = False

    def __enter__(self) -> Readers:
        return self

    def __exit__(self, *_: object) -> None:
        self._ended = True
        for process in list(self._processes):
            process.child.kill()
        self._threads.shutdown(cancel_futures=True)
        for process in self._processes:
            process.close()

    def ahead(
        self, files: Iterable[tuple[Path, str]], parsed: Callable[[Path], bool]
    ) -> Iterator[tuple[Path, str, Future[Book] | None]]:
        """Each file (path, name) in its order, with the coming Book of those that are to be ``parsed``.

        A few files are read ahead of the caller. ``result()`` raises the Problem that the file met.
        """
        waiting: deque[tuple[Path, str, Future[Book] | None, int]] = deque()
        for path, name in files:
            book = self._threads.submit(self._read, path, name) if parsed(path) else None
            waiting.append((path, name, book, path.stat().st_size if book else 0))
            while _enough([each[3] for each in waiting if each[2] is not None]):
                yield waiting.popleft()[:3]
        while waiting:
            yield waiting.popleft()[:3]

    def _read(self, path: Path, name: str) -> Book:
        """Read a workbook. A reader that somebody killed is replaced once: that says nothing about the file."""
        try:
            book = self._once(path)
        except _Died as died:
            if died.key != "reader_ended" or self._ended:
                raise problem(f"intake.{died.key}", file=name) from None
            try:
                book = self._once(path)
            except _Died as again:
                raise problem(f"intake.{again.key}", file=name) from None
        if isinstance(book, str):
            raise problem(f"intake.{book}", file=name)
        return book

    def _once(self, path: Path) -> Book | str:
        try:
            process = self._idle.get_nowait()
        except queue.Empty:
            process = _Process()
            self._processes.append(process)
        book = process.read(path, self.limits)
        self._idle.put(process)
        return book


def _enough(sizes: Sequence[int]) -> bool:
    """Whether workbooks of these sizes, in bytes, are as many as may wait."""
    return sum(sizes) > _SMALL and (len(sizes) > 2 * _WORKERS or (len(sizes) > 1 and sum(sizes) > _AHEAD))


class _Died(Exception):
    """A reader process ended without an answer: ``key`` of the message that says why."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


class _Process:
    """One reader process and its two pipes."""

    def __init__(self) -> None:
        # -I: neither the environment nor the working folder can put other modules before the installed ones
        command = [sys.executable, "-I", str(_PROGRAM)]
        self.child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=1 << 16
        )

    def read(self, path: Path, limits: Limits) -> Book | str:
        """The parsed workbook, or the key of what is wrong with it."""
        order = {"path": str(path.resolve()), "memory": limits.memory, "seconds": limits.seconds}
        late = threading.Event()

        def stop() -> None:
            late.set()
            self.child.kill()

        clock = threading.Timer(limits.patience, stop)
        clock.daemon = True
        clock.start()
        try:
            return self._ask(order)
        except (EOFError, OSError):
            self.close()
            raise _Died("too_slow" if late.is_set() else _why(self.child.returncode)) from None
        finally:
            clock.cancel()

    def _ask(self, order: dict[str, Any]) -> Book | str:
        assert self.child.stdin is not None
        self.child.stdin.write(json.dumps(order).encode() + b"\n")
        self.child.stdin.flush()
        told = json.loads(self._frame())
        if "problem" in told:
            return str(told["problem"])
        sheets = []
        for sheet in told["sheets"]:
            cells = pa.ipc.open_stream(pa.py_buffer(self._frame())).read_all()
            merged = tuple((a, b, c, d) for a, b, c, d in sheet["merged"])
            sheets.append(Grid(sheet["name"], sheet["head"], cells, merged))
        return Book(sheets, bool(told["epoch_1904"]))

    def _frame(self) -> bytes:
        assert self.child.stdout is not None
        length = int.from_bytes(self._bytes(8), "little")
        return self._bytes(length)

    def _bytes(self, length: int) -> bytes:
        assert self.child.stdout is not None
        found = self.child.stdout.read(length)
        if len(found) < length:
            raise EOFError
        return found

    def close(self) -> None:
        """End the process; it only reads, so nothing is lost."""
        self.child.kill()
        self.child.wait()
        for pipe in (self.child.stdin, self.child.stdout):
            if pipe is not None:
                try:
                    pipe.close()
                except OSError:
                    continue


def _why(returncode: int) -> str:
    """What a process's end says: out of time, killed by somebody, out of memory (a failed allocation aborts), crash."""
    keys = {"SIGXCPU": "too_slow", "SIGKILL": "reader_ended", "SIGABRT": "bomb"}
    return {-getattr(signal, name, 0): key for name, key in keys.items()}.get(returncode, "unreadable")
