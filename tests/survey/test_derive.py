"""Tests of derived columns: incomes by hand, lines and prices by date, flags from members, long and banded forms."""

import numpy as np
import pandas as pd
import pytest

from aidlib import reference
from aidlib.estimate import unit_of
from aidlib.survey.derive import derive_households, line_in_force, price_level
from aidlib.survey.quality import attrition, heaping, item_missing
from aidlib.survey.shape import bands, deflated, group_by_each, last_two, membership, rigid_per_head, unfold, within


def table(name: str, rows: list[dict]) -> pd.DataFrame:
    """Rows with every stored and derived column of the dictionary, missing where not given."""
    frame = pd.DataFrame(rows)
    for column in reference.dictionary().tables[name].columns.values():
        if column.name not in frame and not column.identifier:
            frame[column.name] = np.nan if column.numeric else pd.NaT if column.type == "date" else None
    text = [c.name for c in reference.dictionary().tables[name].columns.values() if c.name in frame and not c.numeric]
    return frame.astype({c: "str" for c in text if frame[c].dtype == object})


def household(**given) -> dict:
    known = {"household_id": "h1", "year": 2025, "region": "990100", "members": 3.0, "income_year": 36_000.0}
    return known | {"weight": 2.0, "stratum": "s", "psu": "p"} | given


def derived(households: list[dict], members: list[dict] | None = None) -> pd.DataFrame:
    persons = table("members", members or [{"person_id": "x", "household_id": "none", "year": 2025}])
    return derive_households(table("households", households), persons, 2025, None)


def test_incomes_by_hand():
    row = derived([household(rigid_medical=3_600.0, rigid_schooling=7_200.0)]).iloc[0]
    assert row["income"] == 1000
    assert row["rigid_year"] == 10_800
    assert row["net_income"] == pytest.approx(700)
    assert row["rigid_share"] == pytest.approx(0.3)
    assert row["line"] == 932  # 甲市 from July 2025
    assert row["net_ratio"] == pytest.approx(700 / 932)
    assert row["weight_persons"] == 6


def test_missing_rigid_spending_counts_as_nothing_and_is_flagged():
    row = derived([household()]).iloc[0]
    assert row["net_income"] == row["income"]
    assert row["rigid_year__missing"] == "not_asked"


def test_missing_income_stays_missing():
    row = derived([household(income_year=np.nan)]).iloc[0]
    assert np.isnan(row["income"]) and np.isnan(row["net_income"])


@pytest.mark.parametrize("flag", ["unit_wan", "income_sum;unit_year"])
def test_incomes_whose_units_contradict_are_not_used_and_say_why(flag):
    """120 million a year for three, where 1,000 a head and month are stated: neither figure may enter a mean."""
    rows = derived([household(income_year=1.2e8, income=1_000.0, flags=flag), household(household_id="h2", flags=None)])
    assert rows["income"].isna().tolist() == rows["net_ratio"].isna().tolist() == [True, False]
    assert rows["income_year__missing"].iloc[0] == rows["income__missing"].iloc[0] == "contradicted"
    assert rows.loc[1, ["income_year", "income"]].tolist() == [36_000, 1_000]
    assert pd.isna(rows.loc[1, "income__missing"])


def test_other_doubts_do_not_take_an_income_away():
    row = derived([household(flags="income_sum;rounded;unit_wandering")]).iloc[0]
    assert row["income"] == 1_000 and "income__missing" not in row


def test_a_source_with_incomes_per_head_by_the_year_does_not_contradict_itself_by_twelve():
    persons = table("members", [{"person_id": "x", "household_id": "none", "year": 2025}])
    rows = table("households", [household(income=12_000.0, flags="unit_year"), household(flags="unit_wan")])
    found = derive_households(rows, persons, 2025, None, yearly=True)
    assert found["income"].tolist()[0] == 12_000 and np.isnan(found["income"].iloc[1])


def test_income_per_head_alone_is_enough():
    row = derived([household(income_year=np.nan, members=np.nan, income=800.0)]).iloc[0]
    assert row["net_income"] == 800
    assert row["weight_persons"] == 0  # a household of unknown size stands for no persons


@pytest.mark.parametrize(("day", "line"), [("2025-06-30", 879), ("2025-07-01", 932), ("2025-11-05", 932), (None, 932)])
def test_the_line_of_the_interview_day_is_in_force(day, line):
    frame = table("households", [household(interview_date=pd.Timestamp(day) if day else pd.NaT)])
    assert line_in_force(frame, None).tolist() == [line]


def test_a_place_without_a_line_has_none():
    assert line_in_force(table("households", [household(region="110000")]), None).isna().all()


def test_real_values_use_the_prices_of_the_base_year():
    level = price_level(
        table("households", [household(year=2023), household(year=2025), household(year=2016)]), 2025, None
    )
    assert level.round(6).tolist() == pytest.approx([1 / 1.002, 1, level[2]], abs=1e-6)
    assert level[2] < 0.9


def test_a_source_without_a_design_has_equal_weights_and_households_as_units():
    frame = derived(
        [
            household(weight=np.nan, stratum=None, psu=None),
            household(household_id="h2", weight=np.nan, stratum=None, psu=None),
        ]
    )
    assert frame["weight"].tolist() == [1, 1]
    assert frame["psu"].tolist() == ["h1", "h2"]
    assert frame["stratum"].unique().tolist() == ["all"]


def person(**given) -> dict:
    return {"household_id": "h1", "year": 2025, "relation": "self", "age": 50.0} | given


def test_flags_come_from_the_members():
    members = [
        person(person_id="a", health="stroke", marital="widowed", work_status="employed", sex="female"),
        person(person_id="b", relation="child", age=24.0, work_status="jobless", school="none"),
        person(
            person_id="c",
            relation="child",
            age=17.0,
            work_status="student",
            school="senior",
            disability_level="level_2",
        ),
    ]
    row = derived([household()], members).iloc[0]
    flags = ["has_patient", "has_widowed", "has_disabled", "has_student", "has_jobless_child", "has_jobless_earner"]
    assert row[flags].tolist() == [1, 1, 1, 1, 1, 0]
    assert (row["worker_sex"], row["age_band"]) == ("female", "45_54")


def test_a_flag_on_the_form_is_kept():
    assert derived([household(has_patient=0.0)], [person(person_id="a", health="cancer")]).iloc[0]["has_patient"] == 0


def visits(*rows: tuple[str, int, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["household_id", "year", "response"])


def test_attrition_by_hand():
    pairs = attrition(
        visits(
            ("a", 2023, "complete"),
            ("b", 2023, "complete"),
            ("a", 2024, "complete"),
            ("b", 2024, "moved"),
            ("c", 2024, "complete"),
        )
    )
    assert pairs[["household_id", "year", "lost"]].values.tolist() == [["a", 2024, 0.0], ["b", 2024, 1.0]]


def test_heaping_by_hand():
    found = heaping(pd.DataFrame({"income": [1000, 1100, 1110, np.nan, 0.5]}))
    assert found["heaped_100"].tolist()[:3] == [1, 1, 0] and found["heaped_500"].tolist()[:3] == [1, 0, 0]
    assert np.isnan(found["heaped_100"][3])


def test_item_missing_keeps_the_kinds_apart():
    sample = pd.DataFrame({"pressure": [1, np.nan, np.nan], "pressure__missing": [None, "refused", None]})
    sample = sample.assign(phq2=np.nan, frame="on_file")
    found = item_missing(sample, ["pressure", "phq2"])
    assert found["variable"].unique().tolist() == ["pressure"]  # phq2 was never asked
    assert found["answer"].tolist() == ["answered", "refused", "unknown"]


def test_item_missing_keeps_the_order_of_the_form_and_leaves_others_out_of_the_domain():
    answers = {"pressure": [1, np.nan, np.nan, 2], "housing": ["owned", None, "none", "owned"], "car": [1.0, 0, 1, 1]}
    sample = pd.DataFrame(answers).assign(frame=["on_file", "on_file", "on_file", "other"], weight=1.0)
    found = item_missing(within(sample, sample["frame"].eq("on_file")), top=2)
    assert found["variable"].cat.categories.tolist() == ["housing", "pressure"]  # car is never missing
    assert found["answer"].isna().tolist() == [False, False, False, True] * 2
    assert set(found.columns) >= {"weight", "frame"} and "car" not in found


def test_unfold_stacks_columns():
    long = unfold(pd.DataFrame({"a": [1, 0], "b": [5, np.nan], "w": [1, 2]}), ["a", "b"], "which")
    assert long[["which", "value", "w"]].values.tolist()[:3] == [["a", 1.0, 1], ["a", 0.0, 2], ["b", 5.0, 1]]


@pytest.mark.parametrize(
    ("value", "band"),
    [(0.0, "00.00"), (0.49, "00.00"), (0.5, "00.50"), (7.9, "07.50"), (8, "08.00+"), (80, "08.00+"), (-0.3, "00.00")],
)
def test_bands_by_hand(value, band):
    assert bands(pd.DataFrame({"r": [value]}), "r", width=0.5, top=8)["r_band"].tolist() == [band]


def test_a_missing_value_has_no_band():
    assert bands(pd.DataFrame({"r": [np.nan, 1.0]}), "r", width=0.5, top=8)["r_band"].isna().tolist() == [True, False]


def test_groups_say_their_column():
    found = group_by_each(pd.DataFrame({"worker_sex": ["male", None]}), ["worker_sex"])["group"]
    assert found.isna().tolist() == [False, True]
    assert reference.label("group", found[0], "en") == "Male"


def test_membership_gives_each_group_its_share():
    sample = pd.DataFrame({"worker_sex": ["male", "female", None], "weight": [1.0, 2.0, 3.0], "frame": "other", "x": 1})
    found = membership(sample, ["worker_sex"], keep=["frame"])
    assert found.columns.tolist() == ["weight", "frame", "group", "member"]
    assert found["group"].tolist() == ["worker_sex=male"] * 3 + ["worker_sex=female"] * 3
    assert found["member"].tolist()[:2] == [1, 0] and found["member"].isna().tolist() == [False, False, True] * 2


def test_groups_stand_in_the_order_of_their_code_list():
    found = group_by_each(pd.DataFrame({"age_band": ["55_plus", "35_44", "under_35"]}), ["age_band"])["group"]
    assert found.cat.categories.tolist() == ["age_band=under_35", "age_band=35_44", "age_band=55_plus"]


def test_a_change_is_between_the_last_two_waves():
    before, after = last_two(pd.DataFrame({"year": [2020, 2022, 2023, 2023]}))
    assert before["year"].tolist() == [2022] and after["year"].tolist() == [2023, 2023]
    assert [len(part) for part in last_two(pd.DataFrame({"year": [2023, 2023]}))] == [0, 0]


def test_deflating_by_a_series_of_the_users_own(tmp_path):
    rows = ["region,series,period,index,source,certainty", "000000,basket,2024,110,own,demo"]
    rows.append("000000,basket,2025,105,own,demo")
    (tmp_path / "prices.csv").write_text("\n".join(rows), encoding="utf-8")
    sample = pd.DataFrame({"region": "990100", "year": [2023, 2024, 2025], "income": [100.0, 100.0, 105.0]})
    found = deflated(sample, "income", base=2025, series="basket", folder=tmp_path)
    assert unit_of(found, "income_basket") == "yuan/month"
    real = found["income_basket"]
    assert real.tolist()[1:] == pytest.approx([105, 105]) and np.isnan(real[0])
    unknown = deflated(sample, "income", base=2025, series="heating")["income_heating"]
    assert unknown.isna().all()  # no such series is shipped
    assert deflated(sample, "income", base=2025, series="cpi")["income_cpi"][2] == 105


def test_rigid_spending_per_head_has_the_unit_of_income():
    sample = pd.DataFrame({"income": [900.0, 500.0], "net_income": [700.0, np.nan], "rigid_year": [2400.0, np.nan]})
    sample.attrs["units"] = {"income": "thousand dong/year"}
    found = rigid_per_head(sample)
    assert found["rigid_per_head"][0] == 200 and np.isnan(found["rigid_per_head"][1])
    assert unit_of(found, "rigid_per_head") == "thousand dong/year"
    assert rigid_per_head(sample.assign(rigid_year=np.nan))["rigid_per_head"].isna().all()


def test_within_blanks_values_and_keeps_the_design():
    sample = pd.DataFrame({"weight": [1.0, 2.0], "psu": ["a", "b"], "year": [1, 1], "income": [5.0, 6.0]})
    inside = within(sample, pd.Series([True, False]))
    assert inside["income"].isna().tolist() == [False, True]
    assert inside[["weight", "psu", "year"]].equals(sample[["weight", "psu", "year"]])
