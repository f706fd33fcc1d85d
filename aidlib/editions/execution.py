"""Run the chapters of a report: one kernel each, two at a time, judged by the chapter's own end marker."""

from __future__ import annotations

import contextlib
import os
import re
import signal
import traceback
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, as_completed
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aidlib.editions.engine import Execution
from aidlib.editions.folders import Project
from aidlib.reference import Problem, problem
from aidlib.report import Content, chapter_name

WORKERS = 2
CHAPTER_SECONDS = 600.0
_ANSI = re.compile(r"\x1b\[[0-9;]*m")

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Job:
    """One chapter for one region. run: the private folder in which the chapter leaves its end marker."""

    notebook: Path
    parameters: Mapping[str, Any]
    run: Path
    log: Path
    execution: Execution = field(default_factory=Execution)

    @property
    def chapter(self) -> str:
        """The chapter that the notebook writes."""
        return chapter_name(self.notebook.stem)

    @property
    def marker(self) -> Path:
        """What a complete chapter leaves."""
        return self.run / f"{self.chapter}.json"


def compute(
    chapters: Sequence[str],
    parameters: Mapping[str, Mapping[str, Any]],
    *,
    project: Project,
    store: Path,
    run: Path,
    logs: Path,
    seconds: float = CHAPTER_SECONDS,
    progress: Progress | None = None,
) -> dict[str, list[Content]]:
    """What every chapter says about every region: region -> contents in the chapters' order.

    parameters: region -> values. run: a private folder. seconds: limit for a chapter. The first failure stops all.
    Raises Problem naming the notebook, the cell and, in ``logs``, the file with the traceback.
    """
    jobs: dict[str, list[Job]] = {}
    for region, values in parameters.items():
        folder = run / region
        folder.mkdir(mode=0o700)
        environment = {"AIDLIB_STORE": str(store.resolve()), "AIDLIB_RUN": str(folder)}
        jobs[region] = [
            Job(
                project.notebook(chapter),
                values,
                folder,
                logs / f"{region}-{chapter}.log",
                Execution(environment, project.root, seconds),
            )
            for chapter in chapters
        ]
    _run_all([job for each in jobs.values() for job in each], progress)
    return {region: [Content.read(job.marker) for job in each] for region, each in jobs.items()}


def run_chapter(job: Job) -> None:
    """Run one notebook through papermill; a return means that the kernel ended well and the chapter was closed.

    Raises Problem otherwise and writes the traceback to ``job.log`` (mode 0600: it may show exact numbers).
    """
    import nbclient.exceptions
    import nbformat
    import papermill

    place = job.execution
    try:
        # a notebook in memory: papermill would fill braces in a path, and rewrite an output file after every cell
        notebook = nbformat.read(job.notebook, as_version=4)
        papermill.execute_notebook(
            notebook,
            None,
            dict(job.parameters),
            engine_name="aidlib",
            kernel_name="python3",
            language="python",
            progress_bar=False,
            execution=place,
        )
    except papermill.PapermillExecutionError as error:
        _write_log(job, _ANSI.sub("", "\n".join(error.traceback)))
        raise _failed("editions.cell_failed", job, **_details(error.ename, error.evalue)) from error
    except nbclient.exceptions.DeadKernelError as error:
        _write_log(job, traceback.format_exc())
        raise _failed("editions.kernel_died", job) from error
    except (nbclient.exceptions.CellTimeoutError, TimeoutError) as error:
        _write_log(job, traceback.format_exc())
        raise _failed("editions.too_slow", job, seconds=int(place.seconds)) from error
    except (RuntimeError, OSError, nbformat.ValidationError, nbformat.reader.NotJSONError) as error:
        _write_log(job, traceback.format_exc())
        raise _failed("editions.not_run", job, detail=type(error).__name__) from error
    finally:
        place.pid = 0
    if not job.marker.is_file():
        raise problem("editions.not_closed", notebook=job.notebook.name, chapter=job.chapter)


def _run_all(jobs: Sequence[Job], progress: Progress | None) -> None:
    pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="chapter")
    try:
        futures: list[Future[None]] = [pool.submit(run_chapter, job) for job in jobs]
        for done, future in enumerate(as_completed(futures), start=1):
            future.result()
            if progress:
                progress("compute", done, len(jobs))
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for job in jobs:
            job.execution.stopped = True
            _kill(job.execution.pid)
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


def _kill(pid: int) -> None:
    """End a kernel that was started by this process. Its number is reaped, so not reused, only by this process."""
    if pid:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _failed(key: str, job: Job, **values: Any) -> Problem:
    first = next((line.strip() for line in job.execution.source.splitlines() if line.strip()), "–")
    return problem(
        key, notebook=job.notebook.name, cell=job.execution.cell, source=first[:80], log=str(job.log), **values
    )


def _details(name: str, text: str) -> dict[str, str]:
    """What went wrong in a cell, by language: the two lines of a Problem, else the error's name alone (no values)."""
    lines = text.strip().splitlines() if name == Problem.__name__ else []
    zh, en = lines if len(lines) == 2 else (name, name)
    return {"detail_zh": zh.strip().rstrip("。"), "detail_en": en.strip().rstrip(".")}


def _write_log(job: Job, text: str) -> None:
    job.log.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(os.open(job.log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as handle:
        handle.write(f"{job.notebook.name} {dict(job.parameters)}\ncell {job.execution.cell}\n\n{text}\n")
