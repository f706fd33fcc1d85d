"""Workbooks are parsed by other processes: what they may take, and what happens when one ends."""

import json
import os
import signal
import subprocess
import sys
import zipfile
from pathlib import Path

import pandas as pd
import pytest
import xlsxwriter

from aidlib.intake import readers
from aidlib.intake.readers import Book, Limits, Readers
from aidlib.reference import Problem
from tests.intake.samples import household, workbook

LATE = Limits(patience=1.0)
MEASURED = """
import json, resource, sys
from pathlib import Path
from aidlib.intake.readers import Readers
from aidlib.reference import Problem
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
with Readers() as pool:
    try:
        _, _, book = next(pool.ahead([(Path(sys.argv[1]), "x.xlsx")], bool))
        key = f"read {book.result().sheets[0].cells.num_rows}"
    except Problem as problem:
        key = problem.key
print(json.dumps({"key": key, "MB": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024}))
"""


def parsed(pool: Readers, path: Path) -> Book:
    ((_, _, book),) = pool.ahead([(path, path.name)], bool)
    assert book is not None
    return book.result()


def sheet(path: Path, rows: str, texts: str = "") -> Path:
    """A workbook of one sheet with this XML of rows, and shared texts."""
    with xlsxwriter.Workbook(str(path)) as book:
        book.add_worksheet("东街").write(0, 0, "x")
    with zipfile.ZipFile(path) as old:
        parts = {info.filename: old.read(info) for info in old.infolist()}
    name = "xl/worksheets/sheet1.xml"
    start, _, end = parts[name].decode().partition("<sheetData>")
    parts[name] = f"{start}<sheetData>{rows}{end[end.index('</sheetData>') :]}".encode()
    if texts:
        parts["xl/sharedStrings.xml"] = texts.encode()
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for part, content in parts.items():
            new.writestr(part, content)
    return path


def repeated_text(path: Path) -> Path:
    """One text of 30,000 signs in 20,000 cells: 600 MB of text in a file of 60 kB."""
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    texts = f'<sst xmlns="{main}" count="1" uniqueCount="1"><si><t>{"x" * 30_000}</t></si></sst>'
    rows = "".join(f'<row r="{r}"><c r="A{r}" t="s"><v>0</v></c></row>' for r in range(1, 20_001))
    return sheet(path, rows, texts)


def far_corner(path: Path) -> Path:
    """Two cells a million rows and 50 columns apart, which the reader would make a full grid of."""
    return sheet(path, '<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="AX1048576"><v>1</v></c></row>')


def many_cells(path: Path) -> Path:
    """A plain big table: 60,000 rows of 12 numbers."""
    rows = (f'<row r="{r}">' + "".join(f'<c r="{c}{r}"><v>1</v></c>' for c in "ABCDEFGHIJKL") for r in range(1, 60_001))
    return sheet(path, "".join(rows))


@pytest.mark.parametrize(("make", "key"), [(repeated_text, "intake.bomb"), (far_corner, "intake.bomb"),
                                           (many_cells, "read 60000")])  # fmt: skip
def test_a_bomb_is_refused_within_150_mb_of_the_import_s_memory(tmp_path, make, key):
    path = make(tmp_path / "x.xlsx")
    assert path.stat().st_size < 4_000_000
    told = subprocess.run([sys.executable, "-c", MEASURED, str(path)], capture_output=True, check=True, text=True)
    found = json.loads(told.stdout)
    assert found["key"] == key
    assert found["MB"] < 150


def test_a_bomb_fails_its_file_only_and_the_next_is_read(tmp_path):
    bomb = repeated_text(tmp_path / "bomb.xlsx")
    workbook(tmp_path / "good.xlsx", {"东街": [household(1)]})
    with Readers() as pool:
        coming = list(pool.ahead([(bomb, "炸弹.xlsx"), (tmp_path / "good.xlsx", "good.xlsx")], bool))
        with pytest.raises(Problem, match=r"炸弹\.xlsx") as caught:
            coming[0][2].result()
        assert caught.value.key == "intake.bomb"
        assert coming[1][2].result().sheets[0].name == "东街"


def test_a_reader_that_was_killed_is_replaced(tmp_path):
    workbook(tmp_path / "a.xlsx", {"东街": [household(1)]})
    with Readers() as pool:
        first = parsed(pool, tmp_path / "a.xlsx")
        os.kill(pool._processes[0].child.pid, signal.SIGKILL)
        second = parsed(pool, tmp_path / "a.xlsx")
        assert len(pool._processes) == 2
    assert second.sheets[0].cells.equals(first.sheets[0].cells)


@pytest.mark.parametrize(
    ("program", "key"),
    [
        ("import os; os.kill(os.getpid(), 9)", "intake.reader_ended"),
        ("import os; os.abort()", "intake.bomb"),
        ("import os; os.kill(os.getpid(), 11)", "intake.unreadable"),
        ("while True: pass", "intake.too_slow"),
    ],
)
def test_the_end_of_a_reader_is_told_by_its_file(desk, monkeypatch, program, key):
    (desk.folder / "reader.py").write_text(f"import sys; sys.stdin.readline()\n{program}\n", encoding="utf-8")
    monkeypatch.setattr(readers, "_PROGRAM", desk.folder / "reader.py")
    monkeypatch.setattr(readers, "Limits", lambda: LATE)
    workbook(desk.raw / "入户2025年.xlsx", {"东街": [household(1)]})
    with pytest.raises(Problem) as caught:
        desk.bring()
    assert caught.value.key == key
    assert all("入户2025年.xlsx" in caught.value.text(language) for language in ("zh", "en"))
    assert not desk.store.path.exists()


def test_no_reader_outlives_its_import(tmp_path):
    workbook(tmp_path / "a.xlsx", {"东街": [household(1)]})
    with Readers() as pool:
        parsed(pool, tmp_path / "a.xlsx")
        child = pool._processes[0].child
        assert child.poll() is None
    assert child.returncode is not None


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux counts processor time in this way")
def test_processor_time_ends_a_reader():
    program = "from aidlib.intake.workbook import limit\nlimit(1 << 30, 1)\nwhile True: pass"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == -signal.SIGXCPU


def test_columns_and_rows_are_named_as_the_spreadsheet_names_them(desk):
    with xlsxwriter.Workbook(str(desk.raw / "入户2025年.xlsx")) as book:
        page = book.add_worksheet("东街")
        rows = [household(1), household(2, 入户日期="2025-02-30")]
        page.write_row(3, 2, [*rows[0], "血型"])
        page.write_row(4, 2, [*rows[0].values(), "A"])
        page.write_row(5, 2, [*rows[1].values(), "B"])
    with pytest.raises(Problem) as caught:
        desk.bring()
    assert "V 血型" in caught.value.text("en")  # 19 columns from C on, then V
    assert caught.value.values["row"] == 4
    mapping = (desk.project / "data" / "sources" / "union.yml").read_text(encoding="utf-8")
    (desk.project / "data" / "sources" / "union.yml").write_text(
        mapping.replace("备注]", "备注, 血型]"), encoding="utf-8"
    )
    made = desk.bring()
    assert made.account[["read", "accepted", "quarantined", "non_data"]].to_numpy().tolist() == [[6, 1, 1, 4]]
    assert pd.read_excel(made.quarantine, dtype="str")["原行号 Row"].tolist() == ["6"]


def test_small_workbooks_wait_in_any_number_and_large_ones_in_few():
    mega = 1 << 20
    assert not readers._enough([300_000] * 13)
    assert readers._enough([300_000] * 14)
    assert not readers._enough([10 * mega] * 4)
    assert readers._enough([10 * mega] * 5)
    assert readers._enough([40 * mega] * 2)
    assert not readers._enough([100 * mega])
