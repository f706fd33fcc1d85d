"""The papermill engine ``aidlib``: a private kernel per chapter, a time limit, and its own judgement of success.

papermill loads this module while it loads itself, so papermill is imported inside the functions. A run is judged by
``Execution.outcome``, not by the output notebook: papermill may leave one that says completed when the kernel died.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from aidlib.editions.folders import private_folder

START_SECONDS = 60
_INJECTED = "injected-parameters"
# One thread for each linear algebra library: the same bytes on any machine, and two kernels for two cores.
ONE_THREAD = dict.fromkeys(["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMEXPR_NUM_THREADS"], "1")


@dataclass
class Execution:
    """One notebook to be run, and what became of it.

    environment: added to the kernel's; folder: its working folder; seconds: the limit for the whole chapter.
    cell, source: number (from 1) and source of the cell under way; pid: the kernel's process, 0 when there is none.
    stopped: set by the caller to have no further cell run.
    """

    environment: Mapping[str, str] = field(default_factory=dict)
    folder: Path = field(default_factory=Path.cwd)
    seconds: float = 600.0
    cell: int = 0
    source: str = ""
    pid: int = 0
    stopped: bool = False

    def remaining(self, started: float) -> int:
        """Whole seconds left of the limit, at least one, since ``started`` (monotonic)."""
        return max(1, int(self.seconds - (time.monotonic() - started)))


class AidlibEngine:
    """What papermill calls when it is told ``engine_name="aidlib"``; takes an Execution as ``execution``."""

    @staticmethod
    def execute_notebook(nb: Any, kernel_name: str | None, **options: Any) -> Any:
        """Run ``nb`` and return it; raises what nbclient raises for a dead kernel or a time limit."""
        return _engine().execute_notebook(nb, kernel_name, **options)

    @staticmethod
    def nb_kernel_name(nb: Any, name: str | None = None) -> str:
        """Every notebook runs on this environment's Python, whatever kernel the machine calls python3."""
        return "python3"

    @staticmethod
    def nb_language(nb: Any, language: str | None = None) -> str:
        """Notebooks are in Python."""
        return "python"


@cache
def _engine() -> Any:
    from papermill.engines import Engine

    class Managed(Engine):
        @classmethod
        def execute_managed_notebook(
            cls, nb_man: Any, kernel_name: str, execution: Execution | None = None, **options: Any
        ) -> Any:
            # not in the run's own folder: a socket's path has 107 bytes at most
            with private_folder(Path(tempfile.gettempdir()), "aidlib-") as private:
                return _execute(nb_man, execution or Execution(), str(private))

    return Managed


def _execute(nb_man: Any, execution: Execution, private: str) -> Any:
    """Run the notebook in a kernel whose sockets and settings lie in ``private`` (0700): no ports to race for."""
    from traitlets.config import Config

    started = time.monotonic()
    config = Config({"OwnKernel": {"transport": "ipc", "connection_file": f"{private}/kernel.json"}})
    client = _client_class()(
        nb_man,
        execution=execution,
        config=config,
        kernel_manager_class=_kernel_manager_class(),
        kernel_name="python3",
        startup_timeout=START_SECONDS,
        timeout_func=lambda cell: execution.remaining(started),
        shutdown_kernel="immediate",
        record_timing=False,
    )
    own = {"IPYTHONDIR": private, "AIDLIB_RUNNER": str(os.getpid()), "PYTHONHASHSEED": "0", "PYTHONNOUSERSITE": "1"}
    environment = os.environ | ONE_THREAD | own | dict(execution.environment)
    return client.execute(env=environment, cwd=str(execution.folder))


@cache
def _client_class() -> Any:
    from papermill.clientwrap import PapermillNotebookClient

    class Client(PapermillNotebookClient):
        """Remembers which cell is under way, for the error message when the kernel dies in it."""

        def __init__(self, nb_man: Any, execution: Execution, **options: Any) -> None:
            super().__init__(nb_man, **options)
            self._execution = execution

        def execute_cell(self, cell: Any, cell_index: int, **options: Any) -> Any:
            if self._execution.stopped:
                raise RuntimeError("stopped")
            self._execution.pid = self.km.provisioner.pid or 0
            if cell.cell_type == "code":
                # papermill puts one cell of its own after the parameters cell; people count those of the notebook
                added = [_INJECTED in each.metadata.get("tags", []) for each in self.nb.cells[: cell_index + 1]]
                self._execution.cell, self._execution.source = cell_index + 1 - sum(added), cell.source
            return super().execute_cell(cell, cell_index, **options)

    return Client


@cache
def _kernel_manager_class() -> Any:
    from jupyter_client.kernelspec import KernelSpec
    from jupyter_client.manager import AsyncKernelManager

    class OwnKernel(AsyncKernelManager):
        """A kernel of this very environment: a kernel specification of the user cannot redirect a run."""

        @property
        def kernel_spec(self) -> KernelSpec:
            # as a file, not as a module: the kernel need not import this package; -P keeps this folder off its path
            command = [sys.executable, "-P", str(Path(__file__).with_name("kernel.py")), "-f", "{connection_file}"]
            return KernelSpec(argv=command, language="python", display_name="aidlib")

    return OwnKernel
