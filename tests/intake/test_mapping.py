"""What a mapping says of itself, and mappings that cannot be right."""

import pytest

from aidlib.intake.mapping import load_source
from aidlib.reference import Problem, label
from tests.intake.conftest import Desk
from tests.intake.samples import MAPPING, household, project, workbook

SOURCE = "\nkinds:\n  interviews:\n    table: households\n"


def loaded(tmp_path, lines: str):
    return load_source("mine", project(tmp_path, lines, "mine") / "data/sources")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('    constants: {region: "370299"}\n', "370200 青岛市"),
        ("    constants: {region: 青島市}\n", "region: 青島市?"),
        ('    constants: {household_id: "?"}\n', "household_id: ?"),
        ("    constants: {weight: one}\n", "weight: one?"),
        ("    values: {cause_main: {甲: ilness}}\n", "cause_main: 甲: ilness?"),
        ("    groups: [{table: members, numbers: [1], first: {relation: 自己人}}]\n", "relation: 自己人?"),
    ],
)
def test_a_value_that_does_not_exist_is_a_wrong_mapping(tmp_path, lines, said):
    with pytest.raises(Problem) as found:
        loaded(tmp_path, SOURCE + lines)
    assert found.value.key == "intake.bad_mapping"
    assert said in str(found.value)


@pytest.mark.parametrize("lines", ["lonely_psu: remove", "population: {zh: 被访家庭}"])
def test_what_a_source_says_of_itself_is_read_strictly(tmp_path, lines):
    with pytest.raises(Problem, match=lines.partition(":")[0]):
        loaded(tmp_path, lines + SOURCE)


def test_lonely_psus_and_population_go_into_the_manifest(desk: Desk):
    said = "lonely_psu: average\npopulation: {zh: 被访家庭, en: interviewed households}\n"
    project(desk.folder / "project", said + MAPPING)
    workbook(desk.raw / "入户2025年甲市.xlsx", {"东街": [household(1), household(2)]})
    desk.bring()
    manifest = desk.store.manifest()
    assert manifest["lonely_psu"] == "average"
    assert manifest["population"] == {"zh": "被访家庭", "en": "interviewed households"}


def test_an_import_that_takes_no_row_is_refused_with_the_commonest_reason(desk: Desk):
    rows = [household(i, 地区="无名市") for i in range(1, 13)]
    workbook(desk.raw / "入户2025年甲市.xlsx", {"东街": rows})
    with pytest.raises(Problem, match="“地区”的内容不在代码表中") as found:
        desk.bring()
    assert found.value.key == "intake.nothing_accepted"
    assert not desk.store.path.exists()
    assert not list(desk.folder.glob("*.restricted/*"))


def test_an_unknown_word_names_its_column(desk: Desk):
    workbook(desk.raw / "入户2025年甲市.xlsx", {"东街": [household(1, 主要致困原因="某种原因"), household(2)]})
    desk.bring()
    checks = desk.store.checks().set_index("check")["failed"]
    assert checks["unknown_word:cause_main"] == 1
    assert label("check", "unknown_word:cause_main", "zh").endswith("：主要致困原因")
