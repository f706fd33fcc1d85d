"""A chapter counts as run only if its kernel lived to the end and it closed; every other end is told and cleaned up."""

from __future__ import annotations

import contextlib
import os
import signal
import stat
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import pytest

from aidlib.editions.execution import compute
from aidlib.reference import Problem
from tests.editions.samples import GOOD, KILLED, PARAMETERS, RAISES, SLOW, UNCLOSED, project, write_notebook

ROOT = Path(__file__).parents[2]


def execute(tmp_path: Path, *cells: str, regions=("990000",), chapters=("01_first",), seconds: float = 60, **changes):
    run = tmp_path / "run"
    run.mkdir(mode=0o700)
    made = project(tmp_path / "project", *cells) if cells else changes["made"]
    values = {region: {"period": "2025", "region": region} for region in regions}
    return compute(chapters, values, project=made, store=tmp_path, run=run, logs=tmp_path / "failed", seconds=seconds)


def kernels(of: int | None = None) -> set[int]:
    """Processes of this machine that are kernels of ``of`` (default: of this process)."""
    found = set()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if b"editions/kernel.py" in path.read_bytes():
                environment = path.with_name("environ").read_bytes().split(b"\0")
                if f"AIDLIB_RUNNER={of or os.getpid()}".encode() in environment:
                    found.add(int(path.parent.name))
        except OSError:
            continue
    return found


def gone(of: int | None = None, seconds: float = 5) -> bool:
    end = time.monotonic() + seconds
    while kernels(of) and time.monotonic() < end:
        time.sleep(0.05)
    return not kernels(of)


def test_chapters_run_with_their_own_parameters_and_come_back_in_order(tmp_path):
    made = project(tmp_path / "project", *GOOD)
    write_notebook(made.notebook("02_second"), *(cell.replace('"first"', '"second"') for cell in GOOD))
    contents = execute(tmp_path, made=made, regions=("990100",), chapters=("02_second", "01_first"))
    (city,) = contents.values()
    assert [content.name for content in city] == ["second", "first"]
    assert [content.parameters for content in city] == [{"period": "2025", "region": "990100"}] * 2
    assert city[0].entries()["headcount"].estimates.rows["estimate"].tolist() == [0.25, 0.5]
    assert gone()


def test_a_killed_kernel_is_seen_within_five_seconds_and_named(tmp_path):
    started = time.monotonic()
    with pytest.raises(Problem, match=r"died in cell 3 \(# the kernel ends here\)"):
        execute(tmp_path, *KILLED)
    assert time.monotonic() - started < 5 + 3  # starting a kernel takes up to 3 s on a busy machine


def test_a_raising_cell_is_named_its_values_are_not_and_the_traceback_is_private(tmp_path):
    with pytest.raises(Problem, match=r"Cell 3 .*01_first\.ipynb.*ValueError") as caught:
        execute(tmp_path, *RAISES)
    assert "张三" not in str(caught.value)
    (log,) = (tmp_path / "failed").iterdir()
    assert "ValueError: 张三" in log.read_text(encoding="utf-8")
    assert stat.S_IMODE(log.stat().st_mode) == 0o600
    assert stat.S_IMODE(log.parent.stat().st_mode) == 0o700


@pytest.mark.parametrize("cells", [GOOD, RAISES], ids=["good", "failing"])
def test_nothing_is_left_in_the_folder_for_temporary_files(tmp_path, monkeypatch, cells):
    """Nor does what a runner that was killed had to leave there outlive the next run."""
    place = tmp_path / "t"
    dead = place / "aidlib-dead"
    dead.mkdir(parents=True)
    (dead / ".lock").touch()
    (dead / "kernel.json").touch()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    with contextlib.suppress(Problem):
        execute(tmp_path, *cells)
    assert list(place.iterdir()) == []


def test_a_problem_in_a_cell_is_told_in_full(tmp_path):
    cell = "from aidlib.reference import problem\nraise problem('general.missing_file', file='lines.csv')"
    with pytest.raises(Problem, match=r"File not found: lines\.csv") as caught:
        execute(tmp_path, PARAMETERS, cell)
    zh, en = str(caught.value).splitlines()  # one language a line, and no stop doubled
    assert "File not found" not in zh and "找不到文件" in zh and "找不到" not in en
    assert ".." not in en.partition(" failed: ")[2].partition(" The traceback")[0] and "。。" not in zh


def test_a_chapter_over_its_time_limit_is_ended(tmp_path):
    with pytest.raises(Problem, match=r"limit of 4 s in cell 3 \(time\.sleep"):
        execute(tmp_path, *SLOW, seconds=4)
    assert gone()


def test_a_chapter_that_never_closes_has_failed(tmp_path):
    with pytest.raises(Problem, match="without closing the chapter first"):
        execute(tmp_path, *UNCLOSED)


def test_the_first_failure_stops_the_others(tmp_path):
    made = project(tmp_path / "project", *SLOW)
    write_notebook(made.notebook("02_second"), *RAISES)
    started = time.monotonic()
    with pytest.raises(Problem, match="ValueError"):
        execute(tmp_path, made=made, chapters=("01_first", "02_second", "01_first", "01_first"))
    assert time.monotonic() - started < 20
    assert gone()


def test_a_kernel_dies_with_its_runner(tmp_path):
    made = project(tmp_path / "project", *SLOW)
    script = (
        "import sys; from pathlib import Path; from aidlib.editions import Project\n"
        "from aidlib.editions.execution import compute\n"
        "root, run = Path(sys.argv[1]), Path(sys.argv[2])\n"
        "values = {'990000': {'period': '2025', 'region': '990000'}}\n"
        "compute(['01_first'], values, project=Project(root), store=run, run=run, logs=run)"
    )
    runner = subprocess.Popen([sys.executable, "-c", script, str(made.root), str(tmp_path)], cwd=ROOT)
    try:
        end = time.monotonic() + 30
        while not kernels(runner.pid) and time.monotonic() < end:
            time.sleep(0.05)
        assert kernels(runner.pid)
    finally:
        runner.send_signal(signal.SIGKILL)
        runner.wait()
    assert gone(runner.pid)
