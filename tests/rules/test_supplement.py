"""The price-linked supplement as dated data: which rule a month has, and bad files."""

from pathlib import Path

import pytest

from aidlib import reference, rules

SHIPPED = Path(__file__).parents[2] / "data" / "rules"


@pytest.mark.parametrize(
    ("day", "name", "cpi"),
    [
        ("2016-07-31", None, None),
        ("2018-05-01", "national_2016", 3.5),
        ("2022-07-01", "national_2021", 3.5),
        ("2022-08-01", "national_2022_temporary", 3.0),
        ("2023-02-28", "national_2022_temporary", 3.0),
        ("2023-03-01", "national_2021", 3.5),
        ("2025-12-01", "national_2021", 3.5),
    ],
)
def test_the_rule_of_a_month(day, name, cpi):
    found = rules.supplement(day, "990100", SHIPPED)
    assert (found.name if found else None) == name
    if found:
        assert found.triggers[0] == rules.Trigger("cpi", cpi)
        assert found.triggers[1] == rules.Trigger("food", 6.0)
        assert "dibao" in found.groups


def test_a_place_may_have_a_rule_of_its_own(tmp_path):
    text = (SHIPPED / "price_supplement_2021.yml").read_text(encoding="utf-8")
    (tmp_path / "price_supplement_a.yml").write_text(text, encoding="utf-8")
    own = text.replace('"000000"', '"350000"').replace("at_least: 3.5", "at_least: 3.0") + "minimum: 30\n"
    (tmp_path / "price_supplement_b.yml").write_text(own, encoding="utf-8")
    found = rules.supplement("2022-01-01", "350100", tmp_path)
    assert (found.triggers[0].at_least, found.minimum) == (3.0, 30.0)
    assert rules.supplement("2022-01-01", "440100", tmp_path).minimum == 0.0


def test_the_rules_of_grades_are_not_mistaken_for_them():
    assert rules.load(area="990100", folder=SHIPPED).name == "national_current"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("certainty: unverified", "certainty: sure", "certainty must be one of"),
        ("at_least: 6.0", "at_least: -6", "above 0"),
        ("triggers:", "when:", "'triggers'"),
        ("valid_from: 2021-11-01", "valid_from: soon", "must be a date"),
    ],
)
def test_a_malformed_file_is_named(tmp_path, old, new, said):
    text = (SHIPPED / "price_supplement_2021.yml").read_text(encoding="utf-8")
    (tmp_path / "price_supplement_x.yml").write_text(text.replace(old, new), encoding="utf-8")
    with pytest.raises(reference.Problem, match=f"(?s)x.yml.*{said}"):
        rules.supplement("2022-01-01", folder=tmp_path)


def test_a_folder_without_rules_is_a_problem(tmp_path):
    with pytest.raises(reference.Problem, match="holds no rule of the price-linked"):
        rules.supplements(tmp_path)
