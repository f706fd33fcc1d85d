"""What households bear, as columns: by hand, edges, the demonstration survey."""

import numpy as np
import pandas as pd
import pytest

from aidlib.causes import COSTS, NEEDS, components, dependency, lost_earnings, rigid_costs


def households(**columns) -> pd.DataFrame:
    base = {
        "household_id": ["a", "b", "c"],
        "year": 2025,
        "region": "990100",
        "members": [2.0, 2.0, 4.0],
        "weight": 1.0,
        "income": [1000.0, 2000.0, 500.0],
        "has_jobless_earner": 0.0,
        "rigid_medical": [2400.0, 0.0, np.nan],
        "rigid_schooling": [0.0, 1200.0, np.nan],
        "rigid_disability": 0.0,
        "rigid_work": 0.0,
        "rigid_year": [4800.0, 1200.0, 960.0],
    }
    return pd.DataFrame(base | columns)


# --- costs
def test_costs_are_per_head_and_month_and_the_rest_is_what_is_left_of_the_sum():
    found = rigid_costs(households())
    assert found["illness_cost"].tolist()[:2] == [100.0, 0.0]
    assert found["schooling_cost"].tolist()[:2] == [0.0, 50.0]
    assert found["other_cost"].tolist() == [100.0, 0.0, 20.0]  # of c only the sum is known


def test_a_cost_that_was_not_answered_stays_missing():
    found = rigid_costs(households(rigid_year=np.nan))
    assert found["illness_cost"].isna().tolist() == [False, False, True]
    assert found["other_cost"].isna().all()


def test_a_survey_that_counts_by_the_year_keeps_its_unit():
    sample = households()
    sample.attrs["units"] = {"income": "dong/year"}
    assert rigid_costs(sample)["illness_cost"].tolist()[:2] == [1200.0, 0.0]


# --- lost earner
def many(n: int = 40) -> pd.DataFrame:
    """Incomes 100, 200 …, of two sizes and two regions by turns; every fifth household has a jobless earner."""
    place = np.arange(n)
    return pd.DataFrame(
        {
            "household_id": place.astype(str),
            "year": 2025,
            "region": np.where(place % 4 < 2, "990100", "990200"),
            "members": np.where(place % 2 == 0, 2.0, 3.0),
            "weight": 1.0 + place % 3,
            "income": 100.0 * (1 + place),
            "has_jobless_earner": (place % 5 == 0).astype(float),
        }
    )


def middle(sample: pd.DataFrame) -> float:
    """Weighted median: the least income with at least half of the weight up to it."""
    ordered = sample.sort_values("income")
    share = ordered["weight"].cumsum() / ordered["weight"].sum()
    return float(ordered.loc[share >= 0.5, "income"].iloc[0])


def test_a_jobless_earner_costs_what_is_lacking_to_a_like_household():
    sample = many(120)
    found = lost_earnings(sample)
    for region, members in (("990100", 2.0), ("990200", 3.0)):
        alike = sample[sample["region"].eq(region) & sample["members"].eq(members)]
        like = middle(alike[alike["has_jobless_earner"] == 0])
        jobless = alike[alike["has_jobless_earner"] == 1]
        lost = found.loc[jobless.index, "lost_earner"]
        assert lost.tolist() == (like - jobless["income"]).clip(lower=0).tolist()
        assert (lost > 0).any()
    assert (found.loc[sample["has_jobless_earner"] == 0, "lost_earner"] == 0).all()


def test_where_few_are_alike_the_last_column_and_then_all_are_asked():
    sample = many(40)  # 8 of a size and region, 16 of a size
    two = middle(sample[sample["members"].eq(2) & sample["has_jobless_earner"].eq(0)])
    found = lost_earnings(sample)
    assert found.loc[0, "lost_earner"] == two - 100.0
    odd = lost_earnings(sample.assign(members=lambda f: f["members"].mask(f.index == 0, 9.0)))
    assert odd.loc[0, "lost_earner"] == middle(sample[sample["has_jobless_earner"] == 0]) - 100.0


def test_what_is_not_known_stays_missing():
    sample = many(40)
    sample.loc[0, "income"] = np.nan
    sample.loc[1, "has_jobless_earner"] = np.nan
    found = lost_earnings(sample)
    assert found["lost_earner"].isna().sum() == 2
    nobody = lost_earnings(sample.assign(has_jobless_earner=1.0))
    assert nobody["lost_earner"].isna().all()  # no household to compare with


# --- dependency
def persons(**statuses: list[str | None]) -> pd.DataFrame:
    rows = [(h, 2025, s, 8.0 if s is None else 40.0) for h, list_ in statuses.items() for s in list_]
    return pd.DataFrame(rows, columns=["household_id", "year", "work_status", "age"])


def test_people_per_provider_over_the_middle_household():
    people = persons(a=["employed", "retired"], b=["employed", "student"], c=["jobless", "child", "unable", None])
    found = dependency(households(), people)["dependency"]
    # 1, 2 and 4 people per provider; the middle household has 2
    assert found.tolist() == [1.0, 1.0, 2.0]
    heavy = dependency(households(weight=[9.0, 1.0, 1.0]), people)["dependency"]
    assert heavy.tolist() == [1.0, 2.0, 4.0]


def test_a_household_without_a_provider_has_one():
    people = persons(a=["student"], b=["employed"], c=["student", "child"])
    assert dependency(households(), people)["dependency"].tolist() == [1.0, 1.0, 2.0]


def test_persons_that_are_not_known_leave_it_missing():
    found = dependency(households(), persons(a=["employed"]))["dependency"]
    assert found.isna().tolist() == [False, True, True]
    assert dependency(households(), persons())["dependency"].isna().all()


# --- the demonstration survey
def test_every_column_is_made_and_no_input_is_changed(demo):
    before, people = demo.households.copy(), demo.members.copy()
    made = components(demo.households, demo.members, base=2018)
    pd.testing.assert_frame_equal(demo.households, before)
    pd.testing.assert_frame_equal(demo.members, people)
    assert {*COSTS, *NEEDS} <= set(made)
    assert (made[list(COSTS)].min() >= 0).all()
    assert (made["dependency"].dropna() >= 1).all()
    assert made["lost_earner"].gt(0).sum() > 0
    assert (made.loc[made["has_jobless_earner"].eq(0), "lost_earner"] == 0).all()
    assert made["price_level"].dropna().gt(1).all()


@pytest.mark.parametrize("name", ["illness_cost", "lost_earner"])
def test_an_absent_form_gives_missing_columns(demo, name):
    rigid = [c for c in demo.households if c.startswith("rigid_")]
    blank = demo.households.assign(**dict.fromkeys([*rigid, "has_jobless_earner"], np.nan))
    assert components(blank, demo.members, base=2018)[name].isna().all()
