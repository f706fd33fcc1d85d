"""A declaration accepts what it names, strictly, and nothing else."""

import json
from pathlib import Path

import pytest
import yaml

from aidlib.reference import Problem
from aidlib.report import Sentence, chapter_name, declaration, parameters_of

ROOT = Path(__file__).parents[2]
GOOD = {
    "name": "brief",
    "title": {"zh": "简报", "en": "Brief"},
    "audience": "public",
    "state": "draft",
    "chapters": ["01_data_quality"],
    "parameters": {
        "period": {"type": "str", "help": {"zh": "期", "en": "period"}},
        "region": {"type": "str", "help": {"zh": "地区", "en": "region"}, "default": "990000"},
        "capacity": {"type": "int", "help": {"zh": "次", "en": "visits"}, "default": 5, "minimum": 1, "maximum": 9},
        "share": {"type": "float", "help": {"zh": "比例", "en": "share"}, "default": 0.5},
        "real": {"type": "bool", "help": {"zh": "不变价", "en": "real"}, "default": True},
        "basket": {"type": "str", "help": {"zh": "篮子", "en": "basket"}, "default": "cpi", "choices": ["cpi", "food"]},
        "lines": {"type": "list", "items": "float", "help": {"zh": "倍数", "en": "multiples"}, "default": [1.0, 2.0]},
        "office": {"type": "str", "help": {"zh": "单位", "en": "office"}, "default": "市总工会"},
    },
    "regions": ["990000", "990100"],
    "languages": ["zh", "en"],
    "formats": ["html"],
    "calendar": {"cron": "0 6 1 3 *", "timezone": "Asia/Shanghai"},
    "since": "2018",
    "staleness": 24,
    "findings": [{"zh": "为{profile.h:pct}", "en": "It is {profile.h:pct}"}],
}


def declared(folder: Path, **changes):
    path = folder / "brief.yml"
    path.write_text(yaml.safe_dump(GOOD | changes, allow_unicode=True), encoding="utf-8")
    return declaration(path)


def notebook(folder: Path, *cells: str, tag: str = "parameters") -> Path:
    path = folder / "01_data_quality.ipynb"
    made = [{"cell_type": "code", "metadata": {"tags": [tag]}, "source": source} for source in cells]
    path.write_text(json.dumps({"cells": made}))
    return path


def test_the_shipped_declaration_is_right_and_fits_its_notebooks():
    annual = declaration(ROOT / "reports/annual.yml")
    assert [chapter_name(name) for name in annual.chapters] == [
        "data_quality",
        "profile",
        "change",
        "relapse",
        "followup",
        "regions",
    ]
    for chapter in annual.chapters:
        annual.check_notebook(ROOT / "notebooks" / f"{chapter}.ipynb")
    assert annual.regions[0] == "990000"
    assert annual.regions[-1] == "991300"


def test_a_declaration_is_read(tmp_path):
    brief = declared(tmp_path)
    assert brief.findings == (Sentence("为{profile.h:pct}", "It is {profile.h:pct}"),)
    assert brief.calendar == {"cron": "0 6 1 3 *", "timezone": "Asia/Shanghai"}
    assert (brief.since, brief.staleness, brief.state) == ("2018", 24, "draft")


def test_values_are_typed_and_defaults_filled(tmp_path):
    given = {"period": "2025-Q3", "capacity": "7", "real": "false", "lines": "1, 1.5", "share": "1e-1"}
    values = declared(tmp_path).check(given)
    assert values == {
        "period": "2025-Q3",
        "region": "990000",
        "capacity": 7,
        "share": 0.1,
        "real": False,
        "basket": "cpi",
        "lines": [1.0, 1.5],
        "office": "市总工会",
    }


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("period", "2025 "), ("period", "2025\n"), ("period", "25"), ("period", "2025-13"), ("period", "2025-Q5"),
        ("period", "../2025"), ("period", "２０２５"), ("region", "990100/.."), ("region", "99010"), ("region", ""),
        ("capacity", "7.0"), ("capacity", "0"), ("capacity", "10"), ("capacity", "1_0"), ("capacity", "１"),
        ("share", "nan"), ("share", "inf"), ("share", "0x1"), ("share", ""), ("real", "True"), ("real", "1"),
        ("basket", "CPI"), ("lines", "1,,2"), ("lines", "1;2"), ("office", "a\nb"), ("office", "a/b"),
        ("office", '"; import os'), ("office", "{x}"), ("office", "$(ls)"), ("office", "a\\b"), ("office", "<b>"),
    ],
)  # fmt: skip
def test_an_ill_typed_or_unsafe_value_is_refused_without_repeating_it(tmp_path, name, value):
    with pytest.raises(Problem) as caught:
        declared(tmp_path).check({"period": "2025"} | {name: value})
    assert caught.value.wrong_use
    assert name in str(caught.value)
    assert len(value) < 4 or value not in str(caught.value)


def test_an_unknown_parameter_is_refused_with_the_nearest(tmp_path):
    with pytest.raises(Problem, match="Did you mean capacity"):
        declared(tmp_path).check({"period": "2025", "capasity": "5"})


def test_a_missing_value_and_an_undeclared_region_are_refused(tmp_path):
    with pytest.raises(Problem, match="needs the parameter 'period'"):
        declared(tmp_path).check({})
    with pytest.raises(Problem, match="does not cover the region 123456"):
        declared(tmp_path).check({"period": "2025", "region": "123456"})


@pytest.mark.parametrize(
    ("changes", "place"),
    [
        ({"name": "other"}, "name"),
        ({"extra": 1}, "extra"),
        ({"title": {"zh": "简报"}}, "title"),
        ({"chapters": []}, "chapters"),
        ({"chapters": ["../01_x"]}, "chapters"),
        ({"chapters": ["01_a", "01_a"]}, "chapters"),
        ({"regions": [990000]}, "regions"),
        ({"languages": ["fr"]}, "languages"),
        ({"formats": ["docx"]}, "formats"),
        ({"state": "final"}, "state"),
        ({"state": "approved"}, "approval"),
        ({"calendar": {"cron": "daily", "timezone": "Asia/Shanghai"}}, "calendar"),
        ({"calendar": {"cron": "0 6 1 3 *", "timezone": "Mars/Base"}}, "calendar"),
        ({"since": "2018-13"}, "since"),
        ({"staleness": -1}, "staleness"),
        ({"parameters": {}}, "parameters"),
        ({"parameters": GOOD["parameters"] | {"Bad": {"type": "int"}}}, r"parameters\.Bad"),
        ({"parameters": GOOD["parameters"] | {"x": {"type": "date", "help": {"zh": "x", "en": "x"}}}}, "x"),
        (
            {"parameters": GOOD["parameters"] | {"x": {"type": "int", "help": {"zh": "x", "en": "x"}, "default": 1.5}}},
            "x",
        ),
    ],
)
def test_a_wrong_declaration_is_refused_at_its_place(tmp_path, changes, place):
    with pytest.raises(Problem, match=rf"brief\.yml.*{place}"):
        declared(tmp_path, **changes)


def test_findings_name_the_same_numbers_in_both_languages(tmp_path):
    with pytest.raises(Problem, match="different numbers"):
        declared(tmp_path, findings=[{"zh": "为{profile.h:pct}", "en": "It is {profile.g:pct}"}])


def test_broken_yaml_and_a_missing_file_are_named(tmp_path):
    (tmp_path / "brief.yml").write_text("name: [")
    with pytest.raises(Problem, match=r"line \d"):
        declaration(tmp_path / "brief.yml")
    with pytest.raises(Problem, match="Did you mean brief"):
        declaration(tmp_path / "breif.yml")


def test_the_notebook_must_name_exactly_the_declared_parameters(tmp_path):
    brief = declared(tmp_path, parameters={k: GOOD["parameters"][k] for k in ("period", "region")})
    brief.check_notebook(notebook(tmp_path, 'period = "2025"  # year\nregion = "990000"'))
    for source, odd in [('period = "2025"', "region"), ('period = "1"\nregoin = ""\nregion = ""', "regoin")]:
        with pytest.raises(Problem, match=odd):
            brief.check_notebook(notebook(tmp_path, source))


@pytest.mark.parametrize(
    "source", ["import os", "period = f()", "a = b = 1", "a, b = 1, 2", "a[0] = 1", "x = [i for i in (1,)]", "a ="]
)
def test_a_parameters_cell_holds_plain_literals_only(tmp_path, source):
    with pytest.raises(Problem, match="name = literal"):
        parameters_of(notebook(tmp_path, source))


def test_a_notebook_has_one_parameters_cell(tmp_path):
    for cells in ([], ["a = 1", "b = 2"]):
        with pytest.raises(Problem, match="must be one"):
            parameters_of(notebook(tmp_path, *cells))
