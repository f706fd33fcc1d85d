"""The files: the same bytes for the same seed, in the shapes that docs/demo.md promises, with the truth beside them."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path

import fastexcel
import openpyxl
import pandas as pd
import pytest

from aidlib.demo import PRESETS, truth_path, write
from aidlib.demo.exports import ENCODINGS
from aidlib.demo.parameters import CITIES
from aidlib.demo.shapes import AID, DECISIONS, REGISTER, survey_form
from aidlib.reference import Problem


@pytest.fixture(scope="module")
def small(tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp("demo") / "raw"
    write(out, preset="small", waves=3)
    return out


def digests(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def truth(out: Path) -> dict:
    return json.loads(truth_path(out).read_text(encoding="utf-8"))


def test_same_seed_same_bytes_other_seed_others(small, tmp_path):
    write(tmp_path / "a/raw", preset="small", waves=3)
    assert digests(tmp_path / "a/raw") == digests(small)
    assert truth_path(tmp_path / "a/raw").read_bytes() == truth_path(small).read_bytes()
    write(tmp_path / "b/raw", preset="small", waves=3, seed=1)
    different = digests(tmp_path / "b/raw")
    assert all(different[name] != digest for name, digest in digests(small).items() if name in different)


def test_summary_tells_what_lies_there(small, tmp_path):
    told = write(tmp_path / "raw", preset="clean", households=200, waves=1)
    files = list((tmp_path / "raw").iterdir())
    assert told.files == len(files)
    assert told.bytes == sum(path.stat().st_size for path in files)
    assert told.households == 200
    done = truth(tmp_path / "raw")["sample"]["complete"]["2025"]
    assert told.interviews == sum(done.values())
    assert "demonstration survey" in str(told)


def test_truth_lies_beside_not_in_the_folder(small):
    assert truth_path(small) == small.parent / "raw.truth.json"
    assert not any(path.suffix == ".json" for path in small.iterdir())


def test_shapes_and_encodings(small):
    names = {path.name for path in small.iterdir()}
    assert len([n for n in names if n.startswith("入户调查_")]) == 3 * len(CITIES)
    assert {f"入户调查_{y}_990400_丁市.csv" for y in (2023, 2024, 2025)} <= names
    starts = {code: next(small.glob(f"入户调查_2025_{code}_*.csv")).read_bytes()[:3] for code in ENCODINGS}
    assert starts["990900"][:2] == b"\xff\xfe"
    assert starts["991200"] == b"\xef\xbb\xbf"
    for code, encoding in ENCODINGS.items():
        text = next(small.glob(f"入户调查_2025_{code}_*.csv")).read_bytes().decode(encoding)
        sign = "\t" if encoding == "utf-16" else ","
        assert text.splitlines()[1].split(sign) == list(survey_form(2025, code).headings)
    register = pd.read_csv(small / "档案登记册_990100_甲市.csv", dtype=str)
    assert list(register) == list(REGISTER.values())


def test_workbooks_open_with_titles_merged_headers_and_a_sheet_a_street(small):
    path = next(small.glob("入户调查_2025_990100_*.xlsx"))
    book = openpyxl.load_workbook(path)
    assert len(book.sheetnames) > 5
    sheet = book.worksheets[0]
    form = survey_form(2025, "990100")
    assert [cell.value for cell in sheet[4]] == list(form.headings)
    assert sheet["A3"].value == "基本信息"
    assert "A3:F3" in [str(area) for area in sheet.merged_cells.ranges]
    assert sheet.cell(5, 1).value == 2025  # a number, not text
    assert sheet.cell(sheet.max_row, 1).value.startswith("填表人")
    table = fastexcel.read_excel(path).load_sheet(book.sheetnames[0], header_row=None).to_arrow()
    assert table.num_rows == sheet.max_row
    assert table.num_columns == len(form.headings)


def test_lists_have_their_headers(small):
    for stem, headings in (("送温暖慰问_2022", AID), ("审批记录_2022", DECISIONS)):
        sheet = openpyxl.load_workbook(small / f"{stem}.xlsx").worksheets[0]
        assert [cell.value for cell in sheet[3]] == list(headings.values())
    assert list(pd.read_csv(small / "帮扶记录_2022.csv", dtype=str)) == list(AID.values())


def test_new_form_and_renamed_columns():
    old, new = survey_form(2019, CITIES[1]), survey_form(2020, CITIES[1])
    assert set(new.keys) - set(old.keys) == {"rigid_work", "self_health", "motivation", "wish_text"}
    assert "家庭月人均收入" in old.headings
    moved = survey_form(2021, CITIES[1])
    assert set(moved.keys) == set(new.keys)
    assert moved.keys != new.keys
    assert {"全年到手总收入", "工会一年来走访过吗"} <= set(moved.headings)
    changed = {
        y: {c for c in CITIES if survey_form(y, c) != survey_form(y, CITIES[0])} for y in (2020, 2021, 2022, 2023)
    }
    assert {y: len(c) for y, c in changed.items()} == {2020: 0, 2021: 2, 2022: 0, 2023: 3}


def test_register_counts_are_the_truth(small):
    told = truth(small)["register"]
    rows = pd.concat(pd.read_csv(path, dtype=str) for path in small.glob("档案登记册_*.csv"))
    assert len(rows) == told["filings"]
    still = rows[rows["退档日期"].isna()]
    assert len(still) == told["on_file"]["2025"]
    grades = {"deep": "深度困难", "relative": "相对困难", "accident": "意外致困"}
    for city, counts in told["on_file_by_region_and_grade"]["2025"].items():
        path = next(small.glob(f"档案登记册_{city}_*.csv"))
        mine = pd.read_csv(path, dtype=str)
        mine = mine[mine["退档日期"].isna()]
        assert {g: int((mine["困难类别"] == zh).sum()) for g, zh in grades.items()} == counts


def test_canaries_stand_in_the_last_wave(small):
    books = [
        pd.read_excel(path, sheet_name=None, header=None, dtype=str) for path in small.glob("入户调查_2025_*.xlsx")
    ]
    cells = {cell for book in books for page in book.values() for cell in page.to_numpy().ravel()}
    for code, encoding in ENCODINGS.items():
        text = next(small.glob(f"入户调查_2025_{code}_*.csv")).read_bytes().decode(encoding)
        cells |= set(text.replace('"', "").replace("\t", ",").replace("\r\n", ",").split(","))
    found = {str(cell).replace(" ", "") for cell in cells}
    assert len(truth(small)["canaries"]) == 12
    assert set(truth(small)["canaries"]) <= found


def test_no_file_of_waves_left_out(small):
    assert truth(small)["years"] == [2023, 2024, 2025]
    assert not list(small.glob("入户调查_2022_*"))


def test_earlier_demonstration_is_replaced_and_nothing_else(tmp_path):
    write(tmp_path / "raw", households=60, waves=1)
    write(tmp_path / "raw", households=60, waves=1, preset="clean")
    assert truth(tmp_path / "raw")["parameters"]["preset"] == "clean"
    (tmp_path / "own").mkdir()
    (tmp_path / "own/data.csv").write_text("mine", encoding="utf-8")
    with pytest.raises(Problem) as caught:
        write(tmp_path / "own", households=60, waves=1)
    assert caught.value.key == "demo.not_empty"
    assert (tmp_path / "own/data.csv").read_text(encoding="utf-8") == "mine"


def test_unknown_preset_names_the_known_ones(tmp_path):
    with pytest.raises(Problem) as caught:
        write(tmp_path / "raw", preset="perfect")
    assert caught.value.key == "demo.preset"
    assert all(name in str(caught.value) for name in PRESETS)
    assert not (tmp_path / "raw").exists()


def test_progress_is_told(tmp_path):
    steps = []
    write(tmp_path / "raw", households=60, waves=1, progress=lambda *step: steps.append(step))
    assert steps[-1][1] == steps[-1][2] == len(steps)


@pytest.mark.slow
def test_hundred_thousand_households_stay_bounded(tmp_path):
    told = write(tmp_path / "raw", preset="large")
    assert told.households == 100_000
    books = list((tmp_path / "raw").glob("*.xlsx"))
    assert len(books) == 8 * len(CITIES)
    assert told.interviews > 700_000


def test_a_script_without_a_main_guard_can_write(tmp_path):
    script = tmp_path / "script.py"
    script.write_text('from aidlib.demo import write\n\nwrite("raw", preset="small", waves=1)\nprint("once")\n')
    done = subprocess.run([sys.executable, script], cwd=tmp_path, capture_output=True, text=True)
    assert (done.stdout, done.stderr) == ("once\n", "")
    assert truth_path(tmp_path / "raw").is_file()
