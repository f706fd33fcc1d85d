"""Tests of the notebooks: one story each, no definitions, no outputs in git, and they run to the end by hand."""

import ast
import json
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from aidlib.report import Content

ROOT = Path(__file__).parents[1]
NOTEBOOKS = sorted((ROOT / "notebooks").glob("*.ipynb"))
FORBIDDEN = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef, ast.For, ast.While, ast.With)


def cells(path: Path, kind: str = "code") -> list[dict]:
    book = json.loads(path.read_text(encoding="utf-8"))
    return [cell for cell in book["cells"] if cell["cell_type"] == kind]


def source(cell: dict) -> str:
    return "".join(cell["source"])


def test_there_are_notebooks():
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_is_stored_without_outputs(path):
    assert all(not c["outputs"] and c["execution_count"] is None for c in cells(path))


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_defines_nothing_and_loops_over_nothing(path):
    for cell in cells(path):
        assert not [n for n in ast.walk(ast.parse(source(cell))) if isinstance(n, FORBIDDEN)], source(cell)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_has_one_parameters_cell_of_literals(path):
    tagged = [c for c in cells(path) if "parameters" in c["metadata"].get("tags", [])]
    assert len(tagged) == 1
    body = ast.parse(source(tagged[0])).body
    assert all(isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant) for node in body)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_headings_are_questions_in_both_languages_and_cells_are_short(path):
    headings = [line for c in cells(path, "markdown") for line in source(c).splitlines() if line.startswith("#")]
    assert headings and all(" · " in line for line in headings)
    assert max(len(source(c).splitlines()) for c in cells(path)) <= 16


def run_notebook(path: Path, store: Path, folder: Path) -> Content:
    """The chapter of a notebook, run as a researcher would: plain Python, cell after cell."""
    script = folder / "notebook.py"
    script.write_text("\n".join(source(c) for c in cells(path)), encoding="utf-8")
    run = subprocess.run(
        [sys.executable, str(script)],
        env={"AIDLIB_STORE": str(store), "AIDLIB_RUN": str(folder), "PATH": "", "PYTHONUTF8": "1"},
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-3000:]
    return Content.read(folder / f"{path.stem.partition('_')[2]}.json")


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda p: p.stem)
def test_a_notebook_runs_by_hand_to_its_end_with_honest_shares(path, demo_store, tmp_path):
    """``close`` writes the chapter; no interval of a share leaves 0 … 1 (growth, in per cent too, may)."""
    content = run_notebook(path, demo_store, tmp_path)
    shares = [e.estimates.rows for e in content.entries().values() if e.estimates.unit == "share"]
    assert shares
    rows = pd.concat(shares).query("measure != 'growth'")
    assert not ((rows["low"] < 0) | (rows["high"] > 1)).any()
