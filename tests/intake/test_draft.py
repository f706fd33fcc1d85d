import yaml

from aidlib.intake import draft_mapping, import_files
from aidlib.store import Store
from tests.intake.samples import csv, household, workbook


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
