"""Tests of the reference layer: the dictionary is whole, series name their source, messages speak twice."""

import os
import re
from importlib.resources import files

import pandas as pd
import pytest
import yaml

from aidlib import reference


def raw(name: str) -> dict:
    return yaml.safe_load(files("aidlib.reference").joinpath(name).read_text(encoding="utf-8"))


def all_columns():
    return [(t.name, c) for t in reference.dictionary().tables.values() for c in t.columns.values()]


@pytest.mark.parametrize(("table", "column"), all_columns(), ids=lambda x: getattr(x, "name", x))
def test_every_column_has_both_labels_a_known_type_and_known_codes(table, column):
    assert column.zh and column.en
    assert column.type in {"id", "code", "codes", "flag", "number", "count", "year", "date", "text"}
    assert (column.type in {"code", "codes"}) == bool(column.codes)
    if column.codes:
        assert reference.codes(column.codes)


@pytest.mark.parametrize("table", reference.dictionary().tables.values(), ids=lambda t: t.name)
def test_no_heading_leads_to_two_columns_of_a_table(table):
    seen: dict[str, str] = {}
    for column in table.columns.values():
        for heading in column.headings:
            assert seen.setdefault(heading, column.name) == column.name, heading


@pytest.mark.parametrize("name", sorted(reference.dictionary().codes))
def test_no_spelling_leads_to_two_codes_of_a_list(name):
    seen: dict[str, str] = {}
    for code, label in reference.codes(name).items():
        for spelling in (code, label.zh, *label.aliases):
            assert seen.setdefault(spelling, code) == code, spelling


def test_the_key_of_a_table_is_among_its_stored_columns():
    for table in reference.dictionary().tables.values():
        assert set(table.key) <= {c.name for c in table.stored}


def test_identifiers_are_never_stored():
    stored = {c.name for t in reference.dictionary().tables.values() for c in t.stored}
    assert stored.isdisjoint({"name", "id_number", "phone", "address", "bank_account"})


def test_there_are_31_provinces_20_sections_and_15_causes():
    places = reference.regions()
    assert (places["level"].eq("province") & ~places["demo"]).sum() == 31
    assert len(reference.industries()) == 20
    causes = reference.codes("cause")
    assert (sum(not c.paper for c in causes.values()), sum(c.paper for c in causes.values())) == (10, 5)


def test_every_prefecture_is_there_with_its_province_and_both_names():
    """333 divisions of prefecture level at the end of 2023 (293 cities, 30 prefectures, 7 areas, 3 leagues)."""
    places = reference.regions().set_index("code")
    cities = places[places["level"].eq("city") & ~places["demo"]]
    assert len(cities) == 333
    assert cities["zh"].str.extract("(市|自治州|地区|盟)$")[0].value_counts().to_dict() == {
        "市": 293, "自治州": 30, "地区": 7, "盟": 3}  # fmt: skip
    assert cities.index.str.fullmatch(r"\d{4}00").all()
    real = places[places["level"].isin(["city", "county"]) & ~places["demo"]]
    assert (real["parent"] == real.index.str[:2] + "0000").all()
    assert real["parent"].isin(places.index[places["level"] == "province"]).all()
    assert not places[~places["demo"]]["zh"].duplicated().any()
    assert real["source"].ne("").all()
    assert places.loc["370200", ["zh", "en"]].tolist() == ["青岛市", "Qingdao"]
    assert places.loc["150100", "en"] == "Hohhot"
    assert places.loc["610100", "en"] == "Xi'an"


def project(tmp_path, text):
    (tmp_path / "data/sources").mkdir(parents=True)
    (tmp_path / "data/reference").mkdir()
    (tmp_path / "data/reference/regions.csv").write_text(text, encoding="utf-8")
    return tmp_path


def test_the_users_own_places_are_known_to_codes_labels_and_regions(tmp_path, monkeypatch):
    """An own row needs code and zh; what lies above it follows from the code, and it comes before the shipped row."""
    own = project(tmp_path, "code,zh,en\n370202,市南区,Shinan District\n370200,岛城,\n")
    assert "370202" not in reference.codes("region")
    with reference.within(own):
        assert reference.label("region", "370202", "en") == "Shinan District"
        assert reference.label("region", "370200", "zh") == "岛城"
    monkeypatch.chdir(own)
    row = reference.regions().set_index("code").loc["370202"]
    assert (row["parent"], row["level"], row["demo"]) == ("370200", "county", False)
    assert reference.label("region", "370200", "en") == "岛城"
    assert list(reference.codes("region")).count("370200") == 1


def test_a_corrected_table_of_places_is_read_again(tmp_path):
    own = project(tmp_path, "code,zh\n370202,市南\n")
    with reference.within(own):
        assert reference.label("region", "370202", "zh") == "市南"
        (own / "data/reference/regions.csv").write_text("code,zh\n370202,市南区\n", encoding="utf-8")
        os.utime(own / "data/reference/regions.csv", ns=(1, 1))
        assert reference.label("region", "370202", "zh") == "市南区"
    assert reference.label("region", "370202", "zh") == "370202"


@pytest.mark.parametrize(("text", "key"), [("code,zh\n3702,青岛\n", "bad_region"), ("地区,名称\n1,2\n", "bad_table")])
def test_a_wrong_table_of_places_is_refused_by_name(tmp_path, text, key):
    with reference.within(project(tmp_path, text)), pytest.raises(reference.Problem, match=r"regions\.csv") as found:
        reference.regions()
    assert found.value.key == f"reference.{key}"


def test_demo_places_cannot_be_real_ones():
    places = reference.regions()
    assert (places["demo"] == places["code"].str.startswith("99")).all()


@pytest.mark.parametrize("series", [reference.lines(), reference.prices()], ids=["lines", "prices"])
def test_every_figure_says_where_it_comes_from_and_how_sure_it_is(series):
    assert series["source"].ne("").all()
    assert set(series["certainty"]) <= {"verified", "unverified", "uncertain", "demo"}


def test_a_label_speaks_both_languages():
    assert reference.label("grade", "deep", "zh") == "深度困难"
    assert reference.label("region", "990100", "en") == "Jia City"
    assert reference.label("region", "all", "zh") == "合计"
    assert reference.label("worker_party", 1.0, "en") == "Yes"
    assert reference.label("grade", "unheard", "en") == "unheard"
    assert reference.heading("net_income", "en") == "Net income per head and month"


def test_the_price_level_chains_the_yearly_index():
    level = reference.price_index("000000", base=2018)
    assert level[2018] == 1
    assert level[2020] == pytest.approx(1.029 * 1.025)


def test_the_users_own_series_replaces_the_shipped_one(tmp_path):
    own = pd.DataFrame(
        [
            ["370000", "cpi", "2019", "103.5", "yearbook", "verified"],
            ["370000", "cpi", "2018", "102.5", "yearbook", "verified"],
        ],
        columns=["region", "series", "period", "index", "source", "certainty"],
    )
    own.to_csv(tmp_path / "prices.csv", index=False)
    assert reference.price_index("370200", base=2018, folder=tmp_path)[2019] == pytest.approx(1.035)
    assert len(reference.prices(tmp_path)) == len(reference.prices()) + 2


def test_a_year_without_prices_is_refused():
    with pytest.raises(KeyError, match="1950"):
        reference.price_index("000000", base=1950)


@pytest.mark.parametrize("file", ["messages.yml", "methods.yml"])
def test_every_text_stands_in_both_languages_with_the_same_names(file):
    for key, texts in raw(file).items():
        assert set(texts) == {"zh", "en"}, key
        names = [{n.removesuffix(f"_{x}") for n in re.findall(r"(?<!{){(\w+)", texts[x])} for x in ("zh", "en")]
        assert names[0] == names[1], key


def test_a_problem_holds_both_lines():
    error = reference.problem("survey.unknown_region", region="123")
    assert error.text("en").startswith("Unknown region code: 123")
    assert str(error).splitlines()[0].startswith("未知地区代码")


@pytest.mark.parametrize("name", ["messages.yml", "methods.yml", "dictionary.yml"])
def test_no_key_stands_twice(name):
    def keys(node: yaml.Node) -> None:
        if isinstance(node, yaml.MappingNode):
            found = [key.value for key, _ in node.value]
            assert len(found) == len(set(found)), [key for key in found if found.count(key) > 1]
        for child in node.value if isinstance(node, yaml.CollectionNode) else ():
            for part in child if isinstance(child, tuple) else (child,):
                keys(part)

    keys(yaml.compose(files("aidlib.reference").joinpath(name).read_text(encoding="utf-8")))
