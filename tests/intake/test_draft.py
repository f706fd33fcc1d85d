import yaml

from aidlib.intake import draft_mapping, import_files
from aidlib.store import Store
from tests.intake.samples import csv, household, identity_number, project, workbook


def test_a_confirmed_draft_imports_the_files(desk):
    row = {("户号码" if k == "家庭编号" else k): v for k, v in household(1, 年度="2025", 心情="好").items()}
    workbook(desk.raw / "入户2025年甲市.xlsx", {"东街": [row]})
    draft = draft_mapping([desk.raw])
    kind = yaml.safe_load(draft)["kinds"]["kind_1"]
    assert kind["table"] == "households"
    assert kind["columns"]["income"] == "人均月收入"
    assert "心情" in kind["ignore"]
    group = kind["groups"][0]
    assert group["numbers"] == ["", 1]
    assert kind["columns"]["household_id"] == "户号码"
    confirmed = draft.replace('"户号码"  # B ?', '"户号码"')
    (desk.project / "data" / "sources" / "drafted.yml").write_text(confirmed, encoding="utf-8")
    made = import_files([desk.raw], "drafted", desk.store.path, project=desk.project)
    assert made.account["accepted"].sum() == 1
    assert len(Store(desk.store.path).read("members")) == 2


def test_likeness_is_offered_with_a_question_mark(desk):
    csv(
        desk.raw / "a.csv",
        [{"家庭编号": "1", "年度": "2025", "地区": "甲市", "家庭年可支配总收入": "5", "完全无关的列": "x"}],
    )
    draft = draft_mapping([desk.raw])
    assert 'income_year: "家庭年可支配总收入"  # D ?' in draft
    assert '- "完全无关的列"  # E' in draft


def test_every_column_stands_in_the_draft_once(desk):
    row = household(1)
    workbook(desk.raw / "a.xlsx", {"东街": [row]})
    draft = draft_mapping([desk.raw])
    grouped = {"姓名", "身份证号", "手机号码", "姓名1", "关系1", "身份证号1", "月收入1"}
    assert [heading for heading in row if draft.count(f'"{heading}"') != 1] == [h for h in row if h in grouped]


def test_two_shapes_are_two_kinds_and_one_shape_is_one(desk):
    workbook(desk.raw / "a.xlsx", {"东街": [household(1)], "西街": [household(2)]})
    csv(desk.raw / "b.csv", [{"档案编号": "D1", "家庭编号": "H1", "地区": "甲市", "建档日期": "2019.3"}])
    kinds = yaml.safe_load(draft_mapping([desk.raw]))["kinds"]
    assert [kind["table"] for kind in kinds.values()] == ["households", "dossiers"]


def test_a_file_with_nothing_known_still_gives_a_draft(desk):
    csv(desk.raw / "a.csv", [{"foo": "1", "bar": "2"}])
    assert '- "foo"  # A' in draft_mapping([desk.raw])


def test_headings_cannot_break_the_yaml(desk):
    csv(desk.raw / "a.csv", [{'x": [1]\n#': "1", "家庭编号": "2", "- {y}": "3"}])
    assert 'x": [1]\n#' in yaml.safe_load(draft_mapping([desk.raw]))["kinds"]["kind_1"]["ignore"]


def test_a_ledger_of_two_header_rows_is_drafted_so_that_only_the_place_is_to_be_filled_in(tmp_path, monkeypatch):
    """Households with their members, the year of the sheet's name, the sheet of notes, and no guess from a name."""
    import xlsxwriter

    upper = ["序号", "基本情况", "", "", "收入情况", "家庭成员1", "", "", "", "家庭成员2", "", "", ""]
    lower = [
        "",
        "户编码",
        "职工姓名",
        "身份证号码",
        "人均月收入（元）",
        *["姓名", "与职工关系", "身份证号", "就业情况"] * 2,
    ]
    number = identity_number("370202", "19700102", 101)
    (tmp_path / "raw").mkdir()
    with xlsxwriter.Workbook(str(tmp_path / "raw" / "台账.xlsx")) as book:
        sheet = book.add_worksheet("2025年")
        sheet.write(0, 0, "2025年度困难职工家庭台账")
        for row, cells in enumerate([upper, lower, ["1", "Q1", "张", number, "900", "李", "配偶", None, "失业"]], 1):
            for column, cell in enumerate(cells):
                if cell:
                    sheet.write(row, column, cell)
        book.add_worksheet("填表说明").write(0, 0, "本表由各基层工会填写。")
    text = draft_mapping([tmp_path / "raw"])
    draft = yaml.safe_load(text)
    kind = draft["kinds"]["kind_1"]
    assert (kind["table"], kind["sheets"]) == ("households", ["20*年"])
    assert draft["ignore_sheets"] == ["填表说明"]
    assert kind["constants"] == {"region": "?"}
    assert kind["groups"][0]["numbers"] == ["", 1, 2]
    assert kind["groups"][0]["headings"] == ["家庭成员{n}/{column}"]
    assert kind["groups"][0]["columns"] == {"relation": "与职工关系", "work_status": "就业情况"}
    monkeypatch.setenv("AIDLIB_KEY_FILE", str(tmp_path / "key"))
    own = project(tmp_path / "project", text.replace('region: "?"', 'region: "370200"'), "mine")
    import_files([tmp_path / "raw"], "mine", tmp_path / "store", project=own)
    stored = Store(tmp_path / "store")
    assert stored.read("households")[["year", "income"]].to_numpy().tolist() == [[2025, 900]]
    assert sorted(stored.read("members")["relation"]) == ["self", "spouse"]
