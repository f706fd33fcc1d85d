"""Contributions of groups, inequality within and between them: by hand, against R, laws, edges, errors."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given

from aidlib.estimate import Design
from aidlib.poverty import RelativeLine, decompose_inequality, fgt, fgt_contributions, generalised_entropy, gini
from aidlib.reference import Problem, method
from tests.estimate.oracles import ERROR, ESTIMATE, needs_data
from tests.estimate.test_laws import quick
from tests.poverty.samples import DESIGN, SILC, STEP, figures, influence, samples, silc

WAYS = {
    "entropy 0": {"alpha": 0},
    "entropy 1": {"alpha": 1},
    "entropy 2": {"alpha": 2},
    "gini": {"measure": "gini"},
}


def people(*incomes: float, **columns) -> pd.DataFrame:
    return pd.DataFrame({"income": list(incomes), **columns})


def by_weight(sample: pd.DataFrame, statistic) -> np.ndarray:
    """Weight times the derivative of every number by each unit's weight."""
    moved = []
    for step in (STEP, -STEP):
        steps = sample["weight"].to_numpy() * (1 + step * np.eye(len(sample)))
        moved.append([statistic(sample.assign(weight=w)).rows["estimate"].to_numpy() for w in steps])
    return (np.array(moved[0]) - np.array(moved[1])) / (2 * STEP)


def survey_of_three(n: int = 30) -> pd.DataFrame:
    rng = np.random.default_rng(2)
    return people(
        *rng.lognormal(6.5, 0.8, n).round(-1),
        kind=rng.choice(["a", "b", "c"], n),
        stratum=1,
        psu=np.arange(n) // 2,
        weight=rng.uniform(1, 3, n),
    )


# --- by hand
def test_contributions_by_hand():
    sample = people(1.0, 2, 9, 1, sex=list("ffmm"), weight=[1.0, 1, 1, 3])
    rows = fgt_contributions(sample, Design("weight"), "income", line=4, alpha=1, by="sex").rows
    gaps = {"f": 0.75 + 0.5, "m": 3 * 0.75}
    wanted = [2 / 6, gaps["f"] / 3.5, 4 / 6, gaps["m"] / 3.5]
    assert rows["estimate"].tolist() == pytest.approx(wanted)
    assert rows["count"].tolist() == [2, 2, 2, 1]


def test_the_gini_within_and_between_by_hand():
    apart = people(1.0, 3, 11, 13, kind=list("aabb"))
    rows = decompose_inequality(apart, None, "income", by="kind", measure="gini").rows
    parts = {"a": 0.5 * (4 / 28) * 0.25, "b": 0.5 * (24 / 28) * (2 / 48)}
    between = 2 * 2 * 2 * 10 / (2 * 4 * 28)
    wanted = [sum(parts.values()) + between, sum(parts.values()), between, 0, parts["a"], parts["b"]]
    assert rows["estimate"].tolist() == pytest.approx(wanted, abs=1e-12)
    assert rows["component"].tolist() == ["total", "within", "between", "overlap", "within", "within"]
    assert rows["subgroup"].tolist() == ["all"] * 4 + ["kind=a", "kind=b"]
    mixed = people(1.0, 11, 3, 13, kind=list("aabb"))
    assert decompose_inequality(mixed, None, "income", by="kind", measure="gini").rows["estimate"][3] > 0


# --- against R survey
@needs_data
@pytest.mark.parametrize("alpha", [0, 1, 2])
def test_entropy_within_and_between_agrees_with_r_survey(alpha):
    found = decompose_inequality(silc(), SILC, "eqIncome", by="rb090", alpha=alpha, nonpositive="drop").rows
    rows = found[found["subgroup"] == "all"].set_index("component")
    for component, wanted in figures()["decomposition"][f"ge_{alpha}"].items():
        assert rows.loc[component, "estimate"] == pytest.approx(wanted["estimate"], rel=ESTIMATE)
        assert rows.loc[component, "se"] == pytest.approx(wanted["se"], rel=ERROR)


# R convey 0.2.5, reference page of svygeidec: eusilc, persons' design
@needs_data
@pytest.mark.parametrize(
    ("alpha", "total", "within", "between"),
    [(0, 0.13136923, 0.13058151, 0.00078772), (0.5, 0.12161379, 0.12082601, 0.00078777)],
)
def test_agrees_with_the_printed_page_of_convey(alpha, total, within, between):
    design = Design("rb050", "db040")
    rows = decompose_inequality(silc(), design, "eqIncome", by="rb090", alpha=alpha, nonpositive="drop").rows
    assert rows["estimate"][:3].tolist() == pytest.approx([total, within, between], abs=6e-9)
    assert rows["se"][:3].tolist() == pytest.approx([0.0024 if alpha == 0 else 0.0020] * 2 + [0.0002], abs=6e-5)


@needs_data
@pytest.mark.parametrize("alpha", [0, 1])
def test_contributions_agree_with_r_survey(alpha):
    rows = fgt_contributions(silc(), SILC, "eqIncome", line=10000, alpha=alpha, by="rb090").rows
    men = rows[rows["rb090"] == "male"].set_index("component")
    for component, key in [("contribution", f"a{alpha}"), ("population", "share")]:
        wanted = figures()["contribution"][key]
        assert men.loc[component, "estimate"] == pytest.approx(wanted["estimate"], rel=ESTIMATE)
        assert men.loc[component, "se"] == pytest.approx(wanted["se"], rel=ERROR)


# --- laws
@quick
@given(samples())
@pytest.mark.parametrize("way", WAYS)
def test_the_parts_add_up_and_so_do_their_errors(way, sample):
    found = decompose_inequality(sample, DESIGN, "income", by="kind", **WAYS[way])
    rows = found.rows
    heads = 4 if way == "gini" else 3
    values = rows["estimate"].to_numpy()
    assert values[1:heads].sum() == pytest.approx(values[0], abs=1e-12)
    assert values[heads:].sum() == pytest.approx(values[1], abs=1e-12)
    signs = np.zeros((2, len(rows)))
    signs[0, :heads], signs[1, heads:] = [1, *[-1] * (heads - 1)], 1
    signs[1, 1] = -1
    assert np.abs(signs @ found.covariance @ signs.T).max() == pytest.approx(0, abs=1e-14)
    whole = (
        gini(sample, DESIGN, "income") if way == "gini" else generalised_entropy(sample, DESIGN, "income", **WAYS[way])
    )
    assert rows.loc[0, ["estimate", "se"]].tolist() == pytest.approx(whole.rows.loc[0, ["estimate", "se"]].tolist())


@quick
@given(samples())
def test_contributions_add_up_without_an_error(sample):
    found = fgt_contributions(sample, DESIGN, "income", line=RelativeLine(0.9), alpha=1, by="kind")
    for component, rows in found.rows.groupby("component"):
        if rows["estimate"].notna().all():
            assert rows["estimate"].sum() == pytest.approx(1), component
            assert found.covariance[np.ix_(rows.index, rows.index)].sum() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("way", WAYS)
def test_influence_of_the_parts_is_their_derivative(way):
    sample = survey_of_three()
    found = decompose_inequality(sample, DESIGN, "income", by="kind", **WAYS[way])
    wanted = by_weight(sample, lambda s: decompose_inequality(s, DESIGN, "income", by="kind", **WAYS[way]))
    np.testing.assert_allclose(influence(found), wanted, atol=1e-7)


@pytest.mark.parametrize("line", [600.0, RelativeLine(0.8, "mean")])
def test_influence_of_contributions_is_their_derivative(line):
    sample = survey_of_three()
    options = {"line": line, "alpha": 1, "by": "kind"}
    found = fgt_contributions(sample, DESIGN, "income", **options)
    wanted = by_weight(sample, lambda s: fgt_contributions(s, DESIGN, "income", **options))
    np.testing.assert_allclose(influence(found), wanted, atol=1e-7)


def test_a_contribution_is_the_headcount_times_the_population():
    sample = survey_of_three(60)
    parts = fgt_contributions(sample, DESIGN, "income", line=600, by="kind").rows
    heads = fgt(sample, DESIGN, "income", line=600, by="kind", margins=True).rows.set_index("kind")["estimate"]
    wide = parts.pivot_table(index="kind", columns="component", values="estimate")
    assert (wide["population"] * heads[wide.index] / heads["all"]).tolist() == pytest.approx(
        wide["contribution"].tolist()
    )


# --- edges
def test_without_any_poor_there_is_nothing_to_share():
    rows = fgt_contributions(people(900.0, 800, kind=list("ab")), None, "income", line=600, by="kind").rows
    assert rows["flag"].tolist() == ["care", "empty"] * 2


@pytest.mark.parametrize("way", WAYS)
def test_units_without_a_group_or_income_are_left_out(way):
    sample = survey_of_three()
    sample.loc[0, "kind"], sample.loc[1, "income"] = np.nan, np.nan
    found = decompose_inequality(sample, DESIGN, "income", by="kind", **WAYS[way]).rows
    assert found["n"][0] == 28
    one = decompose_inequality(sample.assign(kind="a"), DESIGN, "income", by="kind", **WAYS[way]).rows
    assert one["estimate"][2] == pytest.approx(0, abs=1e-12)
    assert one["se"][2] == pytest.approx(0, abs=1e-9)


def test_equal_incomes_have_no_parts():
    for way in WAYS.values():
        rows = decompose_inequality(people(*[5.0] * 6, kind=list("aabbcc")), None, "income", by="kind", **way).rows
        np.testing.assert_allclose(rows["estimate"], 0, atol=1e-15)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("way", WAYS)
def test_nobody_has_no_inequality(way):
    sample = people(1.0, 2, 4, kind=list("aab")).assign(w=0.0)
    for nobody, design in [(sample.iloc[:0], None), (sample, Design(weight="w")), (sample.assign(kind=None), None)]:
        rows = decompose_inequality(nobody, design, "income", by="kind", **WAYS[way]).rows
        assert rows["estimate"].iloc[0] != rows["estimate"].iloc[0]
        assert rows["flag"].iloc[0] == "empty"


# --- errors
@pytest.mark.parametrize(
    ("statistic", "options", "key"),
    [
        (fgt_contributions, {"line": 600, "alpha": -1}, "poverty.alpha"),
        (decompose_inequality, {"measure": "theil"}, "estimate.option"),
        (decompose_inequality, {}, "poverty.nonpositive"),
    ],
)
def test_wrong_options_are_refused(statistic, options, key):
    with pytest.raises(Problem) as error:
        statistic(people(0.0, 3, kind=list("ab")), None, "income", by="kind", **options)
    assert error.value.key == key


def test_both_have_a_note_in_both_languages():
    sample = survey_of_three()
    for found in (
        fgt_contributions(sample, DESIGN, "income", line=600, by="kind"),
        decompose_inequality(sample, DESIGN, "income", by="kind"),
    ):
        assert method(found.method, "zh") != method(found.method, "en")
