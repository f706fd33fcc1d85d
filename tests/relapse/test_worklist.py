"""The restricted list: what stands in it, where it may lie, who is told of it. Names are canaries: only there."""

import hashlib
import json
import os
import stat
import zipfile
from dataclasses import replace
from io import BytesIO
from pathlib import Path

import pandas as pd
import pytest

from aidlib import relapse
from aidlib.reference import Problem
from aidlib.relapse import Request, write_worklist
from aidlib.relapse.worklist import WIDTHS, workbook, worklist
from aidlib.store import Store, add_identities, restricted_folder
from tests.relapse.test_follow_up import aid, files

posix = pytest.mark.skipif(os.name != "posix", reason="file modes are a POSIX matter")
ASKED = Request("张主任", "春节前走访", "clerk", "2025-01-02T08:00:00+08:00", "990000", "2024-12-31", 3)
REGISTER = files(
    ("h1", "2020-05-01", None, None),
    ("h2", "2019-05-01", "2023-03-01", "economic"),
    ("h3", "2019-05-01", "2023-04-01", "economic"),
    ("h4", "2024-06-01", None, None),
).assign(recorded_grade=["deep", "relative", "relative", "relative"])
RISK = pd.DataFrame({"household_id": ["h2", "h3"], "risk": [0.3171, 0.1234]})
MEMBERS = pd.DataFrame(
    {
        "household_id": ["h1", "h1", "h1", "h2", "h3"],
        "person_id": ["p1", "p0", "p2", "p3", "p4"],
        "year": [2023, 2024, 2024, 2024, 2024],
        "relation": ["self", "self", "spouse", "self", "self"],
    }
)
PEOPLE = pd.DataFrame(
    {
        "person_id": ["p0", "p1", "p2", "p3"],
        "name": ["欧阳囍喆", "上官蠡鑫", "司徒翀", "=HYPERLINK(1)"],
        "phone": ["10077665544", "10000000001", "10000000002", "+10012345678"],
        "address": ["某路七百七十一号", "旧址", "无关", "@街1号"],
        "id_number": ["990101196107177719", "990101196107177727", "990101196107177735", "990101196107177743"],
        "bank_account": ["6222990077665544", "1", "2", "3"],
    }
)


def listed(capacity: int | None = None) -> pd.DataFrame:
    cases = relapse.due_cases(REGISTER, aid(("x", "2000-01-01")), on="2024-12-31", risk=RISK)
    return relapse.visit_list(cases, capacity)


@pytest.fixture
def store(tmp_path) -> Store:
    made = Store(tmp_path / "data" / "store")
    add_identities(made, PEOPLE)
    return made


@pytest.fixture
def folder(tmp_path) -> Path:
    made = tmp_path / "visits"
    made.mkdir(mode=0o700)
    return made


def write(store: Store, out: Path, **options):
    return write_worklist(listed(), MEMBERS, store, out, ASKED, **options)


def sheets(path: Path) -> dict[str, pd.DataFrame]:
    return pd.read_excel(path, sheet_name=None, dtype="str", keep_default_na=False, header=None)


def text_of(content: bytes) -> str:
    with zipfile.ZipFile(BytesIO(content)) as book:
        return "".join(book.read(name).decode("utf-8") for name in book.namelist())


# --- by hand
def test_the_rows_say_who_where_and_why(store, folder):
    made = write(store, folder / "list.xlsx")
    notes, rows = sheets(made.path).values()
    heads = [head.split("\n")[0] for head in rows.iloc[0]]
    assert heads[:5] == ["序号", "姓名", "手机号码", "家庭住址", "档案编号"]
    assert heads[-3:] == ["走访日期", "走访情况", "需求与建议"]
    first = dict(zip(heads, rows.iloc[1], strict=True))
    assert first["姓名"] == "欧阳囍喆"  # the worker of the latest wave, neither of the earlier one nor the spouse
    assert (first["手机号码"], first["家庭住址"]) == ("10077665544", "某路七百七十一号")
    assert (first["困难类别"], first["状态"], first["风险等级"], first["脱困日期"]) == ("深度困难", "在档", "高", "")
    assert (first["地区"], first["区县"], first["距上次联系天数"]) == ("甲市", "甲一县", "1705")
    assert first["走访原因"] == "在档深度困难家庭，需经常走访；已超期较久"
    second = dict(zip(heads, rows.iloc[2], strict=True))
    assert (second["状态"], second["脱困日期"]) == ("已脱困", "2023-03-01")
    assert second["走访原因"] == "脱困后返困风险较高，优先回访；已超期较久"
    assert (made.rows, made.identified, made.audit) == (3, 2, 1)
    assert "春节前走访" in notes[1].tolist()


def test_a_household_nobody_knows_is_listed_by_its_file(store, folder):
    rows = sheets(write(store, folder / "list.xlsx").path)["走访名单 Visits"]
    unknown = rows[rows[4] == "D2"].iloc[0]  # p4 is a member without an identity
    assert unknown[1] == unknown[2] == unknown[3] == ""


def test_only_what_the_capacity_allows_is_written(store, folder):
    made = write_worklist(listed(1), MEMBERS, store, folder / "list.xlsx", replace(ASKED, capacity=1))
    assert made.rows == 1
    assert len(sheets(made.path)["走访名单 Visits"]) == 2
    assert "上官蠡鑫" not in text_of(made.path.read_bytes())


# --- privacy
def test_neither_identity_numbers_nor_probabilities_are_in_it(store, folder):
    text = text_of(write(store, folder / "list.xlsx").path.read_bytes())
    secret = [*PEOPLE["id_number"], *PEOPLE["bank_account"].head(1), "0.3171", "31.7", "0.1234", "12.3"]
    secret += ["h1", "h2", "p0", "司徒翀"]
    assert [each for each in secret if each in text] == []
    assert "欧阳囍喆" in text  # the scan would find it


def test_names_stand_in_the_list_only(store, folder, tmp_path, capfd, caplog):
    made = write(store, folder / "list.xlsx")
    others = [
        path for path in tmp_path.rglob("*") if path.is_file() and path.name not in ("list.xlsx", "identities.parquet")
    ]
    assert [path.name for path in others] == ["audit.jsonl"]
    said = "".join(path.read_text("utf-8") for path in others) + repr(made) + caplog.text + "".join(capfd.readouterr())
    assert [word for word in ("欧阳囍喆", "10077665544", "七百七十一") if word in said] == []


def test_text_that_looks_like_a_formula_stays_text(store, folder):
    from openpyxl import load_workbook

    odd = replace(ASKED, purpose="=cmd()")
    book = load_workbook(write_worklist(listed(), MEMBERS, store, folder / "list.xlsx", odd).path)
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row if cell.value]
    assert {cell.data_type for cell in cells} == {"s"}
    risky = [cell for cell in cells if cell.value.startswith(("=", "+", "-", "@"))]
    assert len(risky) == 4
    assert all(cell.quotePrefix for cell in risky)


# --- the audit
def test_every_list_is_entered_without_a_name(store, folder):
    made = write(store, folder / "list.xlsx")
    write(store, folder / "list2.xlsx")
    path = restricted_folder(store) / "audit.jsonl"
    entries = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    assert [entry["number"] for entry in entries] == [1, 2]
    assert entries[0] == {
        "number": 1, "kind": "worklist", "file": "list.xlsx",
        "sha256": hashlib.sha256(made.path.read_bytes()).hexdigest(),
        "officer": "张主任", "purpose": "春节前走访", "user": "clerk", "at": "2025-01-02T08:00:00+08:00",
        "region": "990000", "on": "2024-12-31", "capacity": 3, "model": "", "rows": 3, "identified": 2,
    }  # fmt: skip


def test_a_list_that_could_not_be_written_is_told_and_leaves_nothing(store, folder, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", lambda handle: None)
    monkeypatch.setattr(os, "fchmod", full)
    monkeypatch.setattr("aidlib.relapse.worklist.enter_audit", entered := Entered())
    with pytest.raises(OSError, match="No space"):
        write(store, folder / "list.xlsx")
    assert list(folder.iterdir()) == []
    assert [entry["kind"] for entry in entered] == ["worklist", "not_written"]


class Entered(list):
    """An audit in memory."""

    def __call__(self, store: Store, entry: dict) -> int:
        self.append(entry)
        return len(self)


# --- the file
@posix
def test_only_its_owner_can_read_it_and_nothing_else_is_left(store, folder):
    made = write(store, folder / "list.xlsx")
    assert stat.S_IMODE(made.path.stat().st_mode) == 0o600
    assert [path.name for path in folder.iterdir()] == ["list.xlsx"]


def test_the_same_list_has_the_same_bytes(store, folder):
    one, other = (write(store, folder / name).path.read_bytes() for name in ("a.xlsx", "b.xlsx"))
    assert one == other


def test_it_prints_on_a4_across_with_its_head_on_every_page(store, folder):
    from openpyxl import load_workbook

    sheet = load_workbook(write(store, folder / "list.xlsx").path)["走访名单 Visits"]
    assert (sheet.page_setup.orientation, str(sheet.page_setup.paperSize)) == ("landscape", "9")
    assert sheet.print_title_rows == "$1:$1"
    assert "用后销毁" in str(sheet.oddFooter.left.text)


def test_the_notes_forbid_to_refuse_aid_in_both_languages(store, folder):
    notes = "".join(sheets(write(store, folder / "list.xlsx").path)["说明 Notes"].to_numpy().ravel())
    for words in (
        "不得作为拒绝",
        "must not be used to refuse",
        "收回销毁",
        "destroyed",
        "不是上级规定",
        "no official rule",
    ):
        assert words in notes


# --- refusals
def refused(store: Store, out: Path, **options) -> Problem:
    with pytest.raises(Problem) as caught:
        write(store, out, **options)
    assert not (restricted_folder(store) / "audit.jsonl").exists()
    assert caught.value.wrong_use
    return caught.value


@pytest.mark.parametrize("mark", [".git", "data/sources", "manifests/000001.json", "register.json"])
def test_projects_stores_and_editions_hold_no_list(store, folder, mark):
    (folder / mark).mkdir(parents=True)
    inside = folder / "some" / "folder"
    inside.mkdir(parents=True, mode=0o700)
    found = refused(store, inside / "list.xlsx")
    assert found.key == "relapse.worklist_place"
    assert "mkdir -m 700" in found.text("zh")
    assert list(inside.iterdir()) == []


def test_folders_that_the_caller_closes_hold_none_by_whatever_path(store, folder, tmp_path):
    (tmp_path / "way").symlink_to(folder)
    for out in (folder / "list.xlsx", tmp_path / "way" / "list.xlsx", folder / "." / ".." / "visits" / "list.xlsx"):
        assert refused(store, out, closed=[folder]).key == "relapse.worklist_place"


def test_the_store_holds_none(store):
    store.path.mkdir(mode=0o700)
    assert refused(store, store.path / "list.xlsx").key == "relapse.worklist_place"


@posix
@pytest.mark.parametrize("mode", [0o777, 0o770, 0o1777])
def test_a_folder_that_others_can_change_is_refused(store, folder, mode):
    folder.chmod(mode)
    assert refused(store, folder / "list.xlsx").key == "relapse.worklist_open_folder"


def test_no_file_is_overwritten_or_written_through_a_link(store, folder):
    (folder / "list.xlsx").write_text("mine")
    (folder / "link.xlsx").symlink_to(folder / "elsewhere")
    for name in ("list.xlsx", "link.xlsx"):
        assert refused(store, folder / name).key == "relapse.worklist_exists"
    assert (folder / "list.xlsx").read_text() == "mine"


@pytest.mark.parametrize(("name", "key"), [("list.csv", "suffix"), ("none/list.xlsx", "no_folder")])
def test_other_places_that_cannot_be(store, folder, name, key):
    assert refused(store, folder / name).key == f"relapse.worklist_{key}"


@pytest.mark.parametrize("option", ["officer", "purpose"])
def test_nobody_and_nothing_are_no_reasons(store, folder, option):
    with pytest.raises(Problem, match=f"--{option}"):
        write_worklist(listed(), MEMBERS, store, folder / "list.xlsx", replace(ASKED, **{option: "  "}))
    assert list(folder.iterdir()) == []


def test_without_identities_there_is_no_list(folder, tmp_path):
    bare = Store(tmp_path / "bare")
    with pytest.raises(Problem) as caught:
        write(bare, folder / "list.xlsx")
    assert caught.value.key == "store.no_identities"
    assert list(folder.iterdir()) == []


# --- edges
def test_an_empty_list_is_a_list(store, folder):
    made = write_worklist(listed().head(0), MEMBERS, store, folder / "list.xlsx", ASKED)
    assert (made.rows, made.identified) == (0, 0)
    assert len(sheets(made.path)["走访名单 Visits"]) == 1


def test_a_place_without_a_code_stays_empty():
    table = worklist(listed().assign(county=None), pd.DataFrame(columns=["household_id", "name", "phone", "address"]))
    assert table["county"].eq("").all()
    assert table["region"].eq("甲市").all()
    assert list(table) == list(WIDTHS)
    assert text_of(workbook(table, ASKED))


def test_texts_are_there_for_every_position_and_band():
    bands = pd.DataFrame(
        {"position": ["on_file"] * 2 + ["left"] * 3, "risk_band": ["middle", "high", "low", "middle", "high"]}
    )
    rows = listed().head(1).drop(columns=["position", "risk_band"]).merge(bands, how="cross")
    found = worklist(rows, pd.DataFrame(columns=["household_id", "name", "phone", "address"]))["visit_reason"]
    assert found.is_unique
