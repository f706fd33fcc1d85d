"""What moved hardship: by hand, by brute force, laws, edges, errors."""

import numpy as np
import pandas as pd
import pytest

from aidlib.estimate import Design, Replicates, change, mean
from aidlib.poverty import RelativeLine, decompose_change, fgt
from aidlib.reference import Problem, method
from tests.poverty.samples import STEP, influence

DESIGN = Design("weight", "stratum", "psu")


def waves(n: int = 60, new: int = 10) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A panel of two waves: most clusters in both, some left and some new."""
    rng = np.random.default_rng(9)
    total = n + new
    base = rng.lognormal(6.5, 0.6, total)
    frame = pd.DataFrame(
        {
            "id": range(total),
            "psu": np.arange(total) // 5,
            "stratum": 1,
            "weight": rng.uniform(1, 3, total),
            "kind": rng.choice(["a", "b", "c"], total),
            "income": base,
            "rigid": base * rng.uniform(0.1, 0.6, total),
            "line": rng.choice([500.0, 600.0], total),
        }
    )
    frame["old_line"], frame["new_line"], frame["prices"] = frame["line"], frame["line"] * 1.1 + 20, 1.04
    frame.loc[frame["kind"] == "a", "prices"] = 1.06
    after = frame.assign(
        income=base * rng.lognormal(0.08, 0.3, total),
        rigid=base * rng.uniform(0.1, 0.7, total),
        line=frame["new_line"],
        weight=frame["weight"] * np.where(frame["kind"] == "a", 1.4, 1.0),
    )
    return frame.iloc[:n].reset_index(drop=True), after.iloc[new:].reset_index(drop=True)


FULL = {"rigid": "rigid", "prices": "prices", "by": "kind"}
WAYS = {
    "number": {"line": 600.0},
    "column": {"line": "line", "by": "kind"},
    "pair of numbers": {"line": (550.0, 600.0)},
    "pair of columns": {"line": ("old_line", "new_line")} | FULL,
    "column, everything": {"line": "line"} | FULL,
    "relative": {"line": RelativeLine(0.8, "mean"), "by": "kind"},
    "prices": {"line": 600.0, "prices": 1.05},
    "base period": {"line": ("old_line", "new_line"), "method": "datt_ravallion"} | FULL,
}


def parts(found) -> pd.Series:
    return found.rows.set_index("component")["estimate"]


# --- by hand
def test_growth_and_distribution_by_hand():
    before = pd.DataFrame({"id": range(4), "income": [100.0, 200, 300, 400]})
    after = pd.DataFrame({"id": range(4), "income": [100.0, 300, 400, 700]})  # mean 250 to 375: growth of a half
    line = 250.0

    def gap(incomes):
        return np.mean(np.clip(1 - np.array(incomes) / line, 0, None))

    start, end = gap(before["income"]), gap(after["income"])
    grown = gap(before["income"] * 1.5)  # the old distribution with the new mean
    unequal = gap(after["income"] / 1.5)  # the new distribution with the old mean
    shapley = parts(decompose_change(before, after, None, "income", line=line, alpha=1, unit="id"))
    assert shapley["growth"] == pytest.approx(((grown - start) + (end - unequal)) / 2)
    assert shapley["distribution"] == pytest.approx(((unequal - start) + (end - grown)) / 2)
    assert shapley["total"] == pytest.approx(end - start)
    base = parts(
        decompose_change(before, after, None, "income", line=line, alpha=1, unit="id", method="datt_ravallion")
    )
    wanted = {"growth": grown - start, "distribution": unequal - start}
    wanted |= {"residual": end - start - sum(wanted.values()), "total": end - start}
    assert base.to_dict() == pytest.approx(wanted)


def test_the_line_and_prices_by_hand():
    sample = pd.DataFrame({"id": range(4), "income": [100.0, 205, 215, 400]})
    found = parts(decompose_change(sample, sample, None, "income", line=(200.0, 220.0), prices=1.05, unit="id"))
    # the line keeps up with prices to 210 and rises to 220 in real terms; at old prices the real rise is to 209.5
    heads = {line: np.mean(sample["income"] < line) for line in (200, 210, 220 / 1.05, 220)}
    price = ((heads[210] - heads[200]) + (heads[220] - heads[220 / 1.05])) / 2
    real = ((heads[220 / 1.05] - heads[200]) + (heads[220] - heads[210])) / 2
    assert found.to_dict() == pytest.approx(
        {"growth": 0, "distribution": 0, "line": real, "prices": price, "total": 0.5}, abs=1e-12
    )


def test_a_shift_of_the_population_by_hand():
    before = pd.DataFrame({"id": range(4), "income": [100.0, 300, 300, 300], "kind": list("abbb"), "w": [1.0, 1, 1, 1]})
    after = before.assign(w=[3.0, 1, 1, 1])  # the same incomes, group a three times as large
    found = parts(decompose_change(before, after, Design("w"), "income", line=200, by="kind", unit="id"))
    assert found.to_dict() == pytest.approx(
        {"growth": 0, "distribution": 0, "population": 0.25, "total": 0.25}, abs=1e-12
    )


def test_rigid_spending_by_hand():
    before = pd.DataFrame({"id": range(4), "income": [300.0] * 4, "rigid": [60.0, 60, 120, 120]})
    after = before.assign(rigid=before["rigid"] * 2)
    found = parts(decompose_change(before, after, None, "income", line=200, rigid="rigid", unit="id"))
    wanted = {"growth": 0, "distribution": 0, "rigid": 0.5, "total": 0.5}
    assert found.to_dict() == pytest.approx(wanted, abs=1e-12)


# --- against the change of the measure itself, and by brute force
@pytest.mark.parametrize("alpha", [0, 1, 2])
@pytest.mark.parametrize("way", WAYS)
def test_the_parts_add_up_and_so_do_their_errors(way, alpha):
    before, after = waves()
    found = decompose_change(before, after, DESIGN, "income", alpha=alpha, **WAYS[way])
    values = found.rows["estimate"].to_numpy()
    assert values[:-1].sum() == pytest.approx(values[-1], abs=1e-14)
    signs = np.append(np.ones(len(values) - 1), -1)
    assert signs @ found.covariance @ signs == pytest.approx(0, abs=1e-14)


@pytest.mark.parametrize("alpha", [0, 1, 2])
@pytest.mark.parametrize("line", [600.0, "line", RelativeLine(0.8), RelativeLine(0.7, "mean")])
def test_the_total_is_the_change_of_the_measure_with_its_error(line, alpha):
    before, after = waves()
    total = decompose_change(before, after, DESIGN, "income", line=line, alpha=alpha).rows.iloc[-1]
    wanted = change(before, after, DESIGN, fgt, "income", line=line, alpha=alpha).rows.iloc[0]
    columns = ["estimate", "se", "low", "high", "df", "n", "psus"]
    assert total[columns].tolist() == pytest.approx(wanted[columns].tolist(), rel=1e-9)
    net = [s.assign(income=s["income"] - s["rigid"]) for s in (before, after)]
    total = decompose_change(before, after, DESIGN, "income", line="line", alpha=alpha, rigid="rigid").rows.iloc[-1]
    wanted = change(*net, DESIGN, fgt, "income", line="line", alpha=alpha).rows.iloc[0]
    assert total[columns].tolist() == pytest.approx(wanted[columns].tolist(), rel=1e-9)


@pytest.mark.parametrize("alpha", [1, 2])
@pytest.mark.parametrize("way", WAYS)
def test_influence_is_the_derivative_by_every_weight_of_both_waves(way, alpha):
    pair = waves(25, 5)
    options = {"alpha": alpha} | WAYS[way]
    found = decompose_change(*pair, DESIGN, "income", **options)
    places = [0, 6, 12, 24]
    columns = []
    for wave in (0, 1):
        for place in places:
            moved = []
            for step in (STEP, -STEP):
                changed = [sample.copy() for sample in pair]
                changed[wave].loc[place, "weight"] *= 1 + step
                moved.append(decompose_change(*changed, DESIGN, "income", **options).rows["estimate"].to_numpy())
            columns.append((moved[0] - moved[1]) / (2 * STEP))
    wanted = influence(found)[[*places, *(25 + p for p in places)]]
    np.testing.assert_allclose(wanted, np.array(columns), atol=1e-7)


def test_errors_of_a_headcount_are_those_of_the_jackknife():
    """Deleting a cluster from both waves; the headcount's own steps leave more noise than a gap would."""
    rng = np.random.default_rng(12)
    n = 2000
    before = pd.DataFrame({"psu": np.arange(n) // 50, "income": rng.lognormal(6.5, 0.6, n), "weight": 300.0})
    after = before.assign(income=before["income"] * rng.lognormal(0.1, 0.25, n))
    design, options = Design("weight", psu="psu"), {"line": (500.0, 550.0)}
    found = decompose_change(before, after, design, "income", **options).rows.set_index("component")
    clusters = before["psu"].unique()
    deleted = np.array(
        [
            decompose_change(*(s[s["psu"] != c] for s in (before, after)), design, "income", **options).rows["estimate"]
            for c in clusters
        ]
    )
    m = len(clusters)
    wanted = np.sqrt((m - 1) / m * ((deleted - deleted.mean(axis=0)) ** 2).sum(axis=0))
    assert found["se"].tolist() == pytest.approx(wanted.tolist(), rel=0.15)


# --- laws
@pytest.mark.parametrize("way", [w for w in WAYS if w not in ("base period", "pair of columns", "column, everything")])
def test_backwards_every_part_turns_its_sign(way):
    before, after = waves()
    options = WAYS[way]
    forth = decompose_change(before, after, DESIGN, "income", alpha=1, **options).rows
    turned = dict(options)
    if isinstance(turned["line"], tuple):
        turned["line"] = turned["line"][::-1]
    if "prices" in turned:
        turned["prices"] = 1 / turned["prices"]
    back = decompose_change(after, before, DESIGN, "income", alpha=1, **turned).rows
    np.testing.assert_allclose(back["estimate"], -forth["estimate"], atol=1e-12)
    np.testing.assert_allclose(back["se"], forth["se"], rtol=1e-7)


def test_two_equal_waves_have_no_parts():
    before, _ = waves()
    for way in ({"line": "line", "rigid": "rigid", "by": "kind"}, {"line": RelativeLine(0.6)}):
        rows = decompose_change(before, before, DESIGN, "income", alpha=1, **way).rows
        np.testing.assert_allclose(rows[["estimate", "se"]], 0, atol=1e-12)


def test_parts_do_not_know_the_currency():
    before, after = waves()
    money = ["income", "rigid", "line", "old_line", "new_line"]
    fen = [s.assign(**{c: s[c] * 100 for c in money}) for s in (before, after)]
    options = WAYS["pair of columns"]
    yuan = decompose_change(before, after, DESIGN, "income", alpha=1, **options).rows[["estimate", "se"]]
    np.testing.assert_allclose(
        decompose_change(*fen, DESIGN, "income", alpha=1, **options).rows[["estimate", "se"]], yuan
    )


def test_the_overlap_makes_parts_surer():
    before, after = waves(60, 0)
    paired = decompose_change(before, after, DESIGN, "income", line=600, alpha=1).rows["se"]
    apart = decompose_change(before, after.assign(psu=after["psu"] + 100), DESIGN, "income", line=600, alpha=1).rows[
        "se"
    ]
    assert (paired < apart).all()


def test_a_part_is_what_a_known_world_planted():
    """Incomes grow by a tenth, nothing else moves: all of the change is growth."""
    before, _ = waves()
    after = before.assign(income=before["income"] * 1.1)
    rows = decompose_change(before, after, DESIGN, "income", line=600, alpha=1).rows.set_index("component")
    start = mean(before.assign(g=(1 - before["income"] / 600).clip(0)), DESIGN, "g").rows["estimate"].item()
    end = mean(after.assign(g=(1 - after["income"] / 600).clip(0)), DESIGN, "g").rows["estimate"].item()
    assert rows.loc["growth", "estimate"] == pytest.approx(end - start)
    assert rows.loc["distribution", "estimate"] == pytest.approx(0, abs=1e-12)


# --- edges
def test_units_with_missing_values_are_left_out():
    before, after = waves()
    before.loc[0, "income"], after.loc[1, "line"] = np.nan, np.nan
    found = decompose_change(before, after, DESIGN, "income", line="line").rows
    kept = decompose_change(
        before.assign(weight=before["weight"].where(before.index != 0, 0)),
        after.assign(weight=after["weight"].where(after.index != 1, 0), line=after["line"].fillna(1)),
        DESIGN,
        "income",
        line="line",
    )
    assert found["n"].unique().tolist() == [59]
    assert found["estimate"].notna().all()
    assert len(kept.rows) == len(found)


def test_it_is_a_change_in_points_between_periods():
    before, after = waves()
    found = decompose_change(before, after, DESIGN, "income", line=600, periods=("2024", "2025"))
    assert (found.unit, found.kind, found.keys) == ("pp", "change", ("component", "from", "to"))
    assert method(found.method, "zh") != method(found.method, "en")


def test_replicate_weights_give_the_same_parts():
    before, after = waves(60, 0)
    names = [f"r{i}" for i in range(12)]
    for sample in (before, after):
        for i, name in enumerate(names):
            sample[name] = sample["weight"] * np.where(sample["psu"] == i, 0, 12 / 11)
    by_replicates = decompose_change(
        before, after, Design("weight", replicates=Replicates(names, kind="jk1")), "income", line=600, alpha=1
    ).rows
    linear = decompose_change(before, after, DESIGN, "income", line=600, alpha=1).rows
    np.testing.assert_allclose(by_replicates["estimate"], linear["estimate"])
    np.testing.assert_allclose(by_replicates["se"], linear["se"], rtol=0.05)


# --- edges
@pytest.mark.parametrize("method", ["shapley", "datt_ravallion"])
def test_without_a_known_unit_all_parts_are_empty(method):
    before, after = (wave.assign(gone=np.nan) for wave in waves())
    for old, new, line in ((before.head(0), after.head(0), 600), (before, after, "gone")):
        found = decompose_change(old, new, DESIGN, "income", line=line, method=method).rows
        assert found["component"].iloc[-1] == "total" and found["estimate"].isna().all()
        assert (found["n"] == 0).all() and (found["flag"] == "empty").all()


# --- errors
@pytest.mark.parametrize(
    ("options", "key"),
    [
        ({"line": 600, "method": "kakwani"}, "estimate.option"),
        ({"line": 600, "alpha": -1}, "poverty.alpha"),
        ({"line": (600, 0)}, "poverty.line"),
        ({"line": 600, "prices": 0}, "poverty.prices"),
        ({"line": 600, "by": "none"}, "estimate.no_column"),
        ({"line": 600, "rigid": "nothing"}, "poverty.mean"),
        ({"line": 600, "by": "alone"}, "poverty.groups"),
    ],
)
def test_wrong_options_are_refused(options, key):
    before, after = waves()
    before, after = (
        before.assign(nothing=0.0, alone="a"),
        after.assign(nothing=1.0, alone="b"),
    )
    with pytest.raises(Problem) as error:
        decompose_change(before, after, DESIGN, "income", **options)
    assert error.value.key == key


def test_units_without_a_name_cannot_be_paired():
    before, after = waves()
    with pytest.raises(Problem) as error:
        decompose_change(before, after, Design("weight"), "income", line=600)
    assert error.value.key == "estimate.pairing"
