"""Price indices: the CPI manual's worked example, by hand, against R, laws, hardship by prices, edges, errors, demo."""

import json
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aidlib.causes import (
    group_index,
    hardship_shares,
    household_index,
    laspeyres,
    paasche,
    price_level,
    price_poor,
    price_ratios,
    real_income,
)
from aidlib.estimate import Design, function_of, make_replicates, mean
from aidlib.poverty import fgt
from aidlib.reference import Problem, heading, method, price_index
from tests.causes.samples import families

DESIGN = Design("weight", "stratum", "psu")
SHARED = Path(__file__).parents[2] / "../shared/data/vietnam"
ORACLE = Path(__file__).parent / "oracles" / "indices.json"

# ILO et al. (2004), Consumer Price Index Manual (and the PPI Manual), chapter 19, tables 19.1 and 19.2 as printed by
# Balk (2008), Price and Quantity Index Numbers, tables 3.1 and 3.2: six commodities (lines) in five periods
PRICES = np.array(
    [
        [1.0, 1.2, 1.0, 0.8, 1.0],
        [1.0, 3.0, 1.0, 0.5, 1.0],
        [1.0, 1.3, 1.5, 1.6, 1.6],
        [1.0, 0.7, 0.5, 0.3, 0.1],
        [1.0, 1.4, 1.7, 1.9, 2.0],
        [1.0, 0.8, 0.6, 0.4, 0.2],
    ]
)
QUANTITIES = np.array(
    [
        [1.0, 0.8, 1.0, 1.2, 0.9],
        [1.0, 0.9, 1.1, 1.2, 1.2],
        [2.0, 1.9, 1.8, 1.9, 2.0],
        [1.0, 1.3, 3.0, 6.0, 12.0],
        [4.5, 4.7, 5.0, 5.6, 6.5],
        [0.5, 0.6, 0.8, 1.3, 2.5],
    ]
)
# indices of the periods on the first, as printed by R's gpindex (reference page price_data): Balk's tables 3.4 and 3.6
LASPEYRES = [1.0000, 1.4200, 1.3450, 1.3550, 1.4400]
PAASCHE = [1.0000, 1.3824, 1.2031, 1.0209, 0.7968]
FISHER = [1.0000, 1.4011, 1.2721, 1.1762, 1.0712]


# --- published
@pytest.mark.parametrize("period", range(5))
def test_the_manuals_example_to_the_digits_printed(period):
    value = PRICES * QUANTITIES
    shares = value / value.sum(axis=0)
    relatives = PRICES[:, period] / PRICES[:, 0]
    low, high = paasche(shares[:, period], relatives), laspeyres(shares[:, 0], relatives)
    assert round(float(high), 4) == LASPEYRES[period]
    assert round(float(low), 4) == PAASCHE[period]
    assert round(float(np.sqrt(low * high)), 4) == FISHER[period]


@pytest.mark.parametrize(("formula", "printed"), [("laspeyres", LASPEYRES), ("paasche", PAASCHE)])
def test_a_household_that_buys_the_manuals_basket(formula, printed):
    """Five rows, each a period's prices and, for Paasche, its purchases."""
    value = PRICES * QUANTITIES
    bought = np.repeat(value[:, :1], 5, axis=1) if formula == "laspeyres" else value
    sample = pd.DataFrame({f"spent_{i}": bought[i] for i in range(6)} | {f"p_{i}": PRICES[i] for i in range(6)})
    found = household_index(sample, {f"spent_{i}": f"p_{i}" for i in range(6)}, formula=formula)
    assert found["price_index"].round(4).tolist() == printed
    assert found["spending"].to_numpy() == pytest.approx(bought.sum(axis=0))


# --- by hand, against R
def spenders() -> tuple[pd.DataFrame, dict[str, str]]:
    sample = families().assign(food=lambda f: f["income"] * 0.3, rent=lambda f: f["income"] * 0.2, p_rent=1.0)
    sample["rent"] += sample["illness"]
    sample["p_food"] = sample["prices"]
    return sample, {"food": "p_food", "rent": "p_rent"}


def test_the_plutocratic_index_is_that_of_all_that_is_bought():
    sample, divisions = spenders()
    weight = sample["weight"]
    now = (weight * (sample["food"] * sample["p_food"] + sample["rent"])).sum()
    then = (weight * (sample["food"] + sample["rent"])).sum()
    found = group_index(sample, DESIGN, divisions, weighting="plutocratic")
    assert found.rows["estimate"].item() == pytest.approx(100 * now / then, abs=1e-12)
    before = (weight * (sample["food"] / sample["p_food"] + sample["rent"])).sum()
    paid = group_index(sample, DESIGN, divisions, formula="paasche", weighting="plutocratic")
    assert paid.rows["estimate"].item() == pytest.approx(100 * then / before, abs=1e-12)
    assert (found.unit, found.method, found.rows["measure"].item()) == ("index", "causes_price_index", "plutocratic")


def test_the_democratic_index_counts_every_household_alike():
    sample, divisions = spenders()
    own = household_index(sample, divisions)["price_index"]
    found = group_index(sample, DESIGN, divisions, by="district")
    for district, row in found.rows.set_index("district").iterrows():
        mine = sample["district"] == district
        assert row["estimate"] == pytest.approx(100 * np.average(own[mine], weights=sample["weight"][mine]))
    assert group_index(sample, None, {"food": "p_rent"}).rows["estimate"].item() == 100.0


@pytest.mark.skipif(not SHARED.exists(), reason="needs the shared Vietnamese survey")
@pytest.mark.parametrize("weighting", ["democratic", "plutocratic"])
@pytest.mark.parametrize("formula", ["laspeyres", "paasche"])
def test_a_real_survey_against_r(weighting, formula):
    """Food up 10 %, all else 2 %: the poor, who spend more of their money on food, see the higher index."""
    sample = pd.read_csv(next(SHARED.glob("*.csv")))
    sample["food"] = np.exp(sample["lnrlfood"])
    sample["rest"] = (np.exp(sample["lntotal"]) - sample["food"]).clip(lower=0.0)
    sample = sample.assign(p_food=1.10, p_rest=1.02)
    expected = json.loads(ORACLE.read_text(encoding="utf-8"))[f"{weighting}_{formula}"]
    design = Design("hhsize", "urban", "commune")
    divisions = {"food": "p_food", "rest": "p_rest"}
    found = group_index(sample, design, divisions, weighting=weighting, formula=formula, by="urban", margins=True)
    assert found.rows["estimate"].to_numpy() == pytest.approx(np.array(expected["estimate"]), rel=1e-9)
    assert found.rows["se"].to_numpy() == pytest.approx(np.array(expected["se"]), rel=1e-7)


# --- laws
positive = st.floats(0.2, 5.0)


@given(st.lists(st.tuples(st.floats(0.01, 1.0), positive), min_size=1, max_size=6))
def test_paasche_is_at_most_laspeyres_for_one_basket_and_both_are_means(pairs):
    shares, relatives = np.array(pairs).T
    shares = shares / shares.sum()
    low, high = paasche(shares, relatives), laspeyres(shares, relatives)
    assert relatives.min() - 1e-12 <= low <= high + 1e-12 <= relatives.max() + 1e-9
    assert laspeyres(shares, 3 * relatives) == pytest.approx(3 * high)
    assert paasche(shares, 3 * relatives) == pytest.approx(3 * low)


# --- hardship by prices alone
def test_price_poor_is_the_difference_of_two_headcounts_of_the_same_households():
    sample = families()
    for alpha in (0, 1):
        found = price_poor(sample, DESIGN, "net", line=110.0, level="prices", alpha=alpha, by="district", margins=True)
        now, then = (
            fgt(sample.assign(x=x), DESIGN, "x", line=110.0, alpha=alpha, by="district", margins=True)
            for x in (sample["net"], sample["net"] * sample["prices"])
        )
        both = function_of(lambda a, b: a - b, measure="d", a=now, b=then).rows
        assert found.rows["estimate"].to_numpy() == pytest.approx(both["estimate"].to_numpy(), abs=1e-15)
        assert found.rows["se"].to_numpy() == pytest.approx(both["se"].to_numpy(), rel=1e-6)
        apart = np.sqrt(now.rows["se"] ** 2 + then.rows["se"] ** 2)
        assert (found.rows["se"] < apart).all()  # the covariance counts
    assert (found.unit, found.kind) == ("pp", "level")


def test_price_poor_counts_the_households_that_tip():
    sample = families()
    found = price_poor(sample, DESIGN, "net", line=110.0, level="prices").rows
    tipped = (sample["net"] < 110) & (sample["net"] * sample["prices"] >= 110)
    assert found["count"].item() == tipped.sum() > 0
    assert found["estimate"].item() == pytest.approx(np.average(tipped, weights=sample["weight"]))


def test_without_a_rise_there_is_none():
    assert (
        price_poor(families().assign(level=1.0), DESIGN, "net", line=110.0, level="level").rows["estimate"].item() == 0
    )


def test_it_is_the_share_of_prices_where_they_are_the_only_cause():
    sample = families()
    share = hardship_shares(sample, DESIGN, "net", line=110.0, needs=["prices"]).rows.set_index("component")
    alone = price_poor(sample, DESIGN, "net", line=110.0, level="prices").rows
    assert share.loc["prices", "estimate"] == pytest.approx(alone["estimate"].item(), abs=1e-15)
    assert share.loc["prices", "se"] == pytest.approx(alone["se"].item(), abs=1e-15)


def test_replicates_are_used():
    sample = families()
    made = make_replicates(sample, DESIGN, kind="jkn")
    one = price_poor(made.sample, made.design, "net", line=110.0, level="prices").rows["se"].item()
    assert one == pytest.approx(
        price_poor(sample, DESIGN, "net", line=110.0, level="prices").rows["se"].item(), rel=0.05
    )


# --- edges, errors
def test_a_household_without_spending_or_with_a_gap_has_no_index():
    sample = pd.DataFrame({"food": [0.0, 40, np.nan, 40], "rent": [0.0, 60, 60, 60], "p": [1.1, 1.1, 1.1, np.nan]})
    found = household_index(sample.assign(q=1.0), {"food": "p", "rent": "q"})["price_index"]
    assert found.isna().tolist() == [True, False, True, True]
    rows = group_index(sample.assign(q=1.0), None, {"food": "p", "rent": "q"}, weighting="plutocratic").rows
    assert rows["n"].item() == 1


def test_real_income_is_at_base_prices():
    assert real_income(families(), "net", index="prices")["net_own"].tolist() == pytest.approx(
        (families()["net"] / families()["prices"]).tolist()
    )


@pytest.mark.parametrize(
    ("change", "key"),
    [({"food": -1.0}, "causes.negative"), ({"p_food": 0.0}, "causes.need"), ({"p_food": "x"}, "estimate.not_numeric")],
)
def test_what_has_no_index_is_named(change, key):
    sample, divisions = spenders()
    with pytest.raises(Problem) as error:
        household_index(sample.assign(**change), divisions)
    assert error.value.key == key
    assert next(iter(change)) in str(error.value)


@pytest.mark.parametrize("options", [{"formula": "fisher"}, {"weighting": "equal"}])
def test_options_are_named(options):
    sample, divisions = spenders()
    with pytest.raises(Problem, match=next(iter(options))):
        group_index(sample, DESIGN, divisions, **options)


def test_a_level_of_nothing_is_a_problem():
    with pytest.raises(Problem) as error:
        price_poor(families().assign(level=0.0), DESIGN, "net", line=100.0, level="level")
    assert error.value.key == "causes.need"


def test_notes_and_headings_stand_in_both_languages():
    for key in ("causes_price_index", "causes_price_poor"):
        assert method(key, "zh") and method(key, "en")
    for name in ("price_poor", "democratic", "plutocratic"):
        assert heading(name, "zh") != name and heading(name, "en") != name


# --- the demonstration: food +10 % in 2022 in 990100, 990300, 990500, 990700, else +2 % (no own series in the project)
@pytest.fixture(scope="module")
def panel(demo, tmp_path_factory):
    return demo, tmp_path_factory.mktemp("no_series")


SHOCKED = ["990100", "990300", "990500", "990700"]


def test_prices_of_the_year_before_and_of_a_base_year(panel):
    found, folder = panel
    made = price_level(found.panel, folder=folder)
    based = price_level(found.panel, base=2018, folder=folder)
    for region, year in (("990100", 2022), ("990200", 2022), ("990300", 2020)):
        row = found.panel["region"].eq(region) & found.panel["year"].eq(year)
        level = price_index(region, 2018, folder, "basket")
        assert made.loc[row, "price_level"].to_numpy() == pytest.approx(level[year] / level[year - 1])
        assert based.loc[row, "price_level"].to_numpy() == pytest.approx(level[year])
    food = price_ratios(found.panel, ["food", "cpi"], folder=folder)
    shock = found.panel["year"].eq(2022) & found.panel["region"].isin(SHOCKED)
    assert food.loc[shock, "price_food"].to_numpy() == pytest.approx(1.10)
    assert food.loc[~shock, "price_food"].to_numpy() == pytest.approx(1.02)
    assert food.loc[found.panel["year"].eq(2022), "price_cpi"].to_numpy() == pytest.approx(1.02)


def test_the_shock_deepens_hardship_where_it_was(panel):
    found, folder = panel
    made = price_level(found.panel, folder=folder)
    filed = made.assign(shocked=made["region"].isin(SHOCKED).astype(float)).query("year == 2022 and frame == 'on_file'")
    rows = price_poor(filed, None, "net_income", line="line", multiple=2.0, alpha=1, by="shocked").rows
    assert 1.4 < rows["estimate"][1] / rows["estimate"][0] < 2.4  # prices rose by 3.8 % against 2.0 %
    level = filed.groupby("shocked")["price_level"].first()
    assert level[1.0] == pytest.approx(0.45 * 1.10 + 0.55 * (1.02 - 0.285 * 1.10) / 0.715)
    assert level[0.0] == pytest.approx(0.45 * 1.02 + 0.55 * (1.02 - 0.285 * 1.02) / 0.715)


def test_pressure_rises_with_food_prices_as_planted(panel):
    """+0.15 points a percentage point of food prices: 8 points of shock are 1.2 points of pressure."""
    found, _ = panel
    made = found.panel.query("year == 2022").assign(shocked=lambda f: f["region"].isin(SHOCKED).astype(float))
    rows = mean(made, found.design(), "pressure", by="shocked").rows.set_index("shocked")
    gap = rows.loc["1", "estimate"] - rows.loc["0", "estimate"]
    assert abs(gap - 8 * 0.15) < 3 * np.hypot(*rows["se"])
