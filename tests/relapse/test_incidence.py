"""Cumulative incidence under competing risks: by hand, against R, laws, edges, errors, picture."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aidlib.estimate import Design, calibrate, compare, make_replicates
from aidlib.reference import Problem, label, method
from aidlib.relapse import cumulative_incidence, survival_curve
from tests.relapse.staggered import EXACT, SHARED, made, oracle, stored

EXITS = {"duration": "time", "event": "exit"}
LATE = {**EXITS, "entry": "entry"}
CLUSTERED = Design("weight", "stratum", "psu")
FIGURES = ["estimate", "se", "low", "high"]


def spells(*rows: tuple[float, str], **columns) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["time", "exit"]).astype({"exit": "str"}).assign(**columns)


def by_cause(rows: pd.DataFrame, column: str = "estimate") -> np.ndarray:
    """Causes × times."""
    return rows[column].to_numpy().reshape(rows["exit"].nunique(), -1)


# --- by hand
def test_incidences_by_hand():
    sample = spells((1, "death"), (2, "economic"), (2, ""), (3, "economic"), (4, ""))
    found = cumulative_incidence(sample, None, **EXITS)
    assert found.keys == ("exit", "time")
    assert by_cause(found.rows).tolist() == [
        pytest.approx([0, 0, 0.2, 0.2 + 0.6 * 0.5]),
        pytest.approx([0, 0.2, 0.2, 0.2]),
    ]
    assert by_cause(found.rows, "count").tolist() == [[0, 0, 1, 2], [0, 1, 1, 1]]
    assert set(found.rows["n"]) == {5}


def test_without_censoring_they_are_shares():
    sample = made(np.random.default_rng(1)).query("exit != '' and entry == 0")
    rows = cumulative_incidence(sample, Design("weight"), **EXITS, times=[2.0]).rows.set_index("exit")["estimate"]
    for cause in ("death", "economic"):
        ended = (sample["exit"] == cause) & (sample["time"] <= 2)
        assert rows[cause] == pytest.approx(np.average(ended, weights=sample["weight"]))


# --- against R (tests/relapse/oracles/curves.R)
def test_incidences_are_those_of_survfit():
    """survfit's errors of several states leave out clusters, and n / (n - 1)."""
    sample, wanted = stored("mgus"), oracle()["mgus"]
    rows = cumulative_incidence(sample, Design("weight"), **EXITS, times=wanted["at"]).rows
    small = np.sqrt((wanted["rows"] - 1) / wanted["rows"])
    for cause in ("death", "pcm"):
        found = rows[rows["exit"] == cause]
        assert found["estimate"].tolist() == pytest.approx(wanted[cause], rel=EXACT)
        assert (found["se"] * small).tolist() == pytest.approx(wanted[f"row_{cause}_se"], rel=EXACT)


def test_their_errors_are_those_of_totals_of_residuals():
    sample, wanted = stored("mgus"), oracle()["mgus"]
    small = np.sqrt((wanted["clusters"] - 1) / wanted["clusters"])
    designs = [(Design("weight", psu="psu"), wanted, small)]
    designs.append((Design("weight", "stratum", "psu", "size"), wanted["stratified"], 1.0))
    for design, given_, factor in designs:
        rows = cumulative_incidence(sample, design, **EXITS, times=wanted["at"]).rows
        for cause in ("death", "pcm"):
            se = rows.loc[rows["exit"] == cause, "se"] * factor
            assert se.tolist() == pytest.approx(given_[f"{cause}_se"], rel=EXACT)


def test_groups_are_those_of_cmprsk():
    sample, wanted = stored("mgus"), oracle()["mgus"]
    rows = cumulative_incidence(sample, None, **EXITS, by="sex", times=wanted["at"]).rows
    for name, values in zip(wanted["cmprsk"]["rows"], wanted["cmprsk"]["est"], strict=True):
        sex, number = name.split()
        found = rows[(rows["sex"] == sex) & (rows["exit"] == {"1": "death", "2": "pcm"}[number])]
        assert found["estimate"].tolist() == pytest.approx(values, rel=EXACT)


@pytest.mark.parametrize("psu", ["unit", "psu"])
def test_late_entry_and_units_in_several_rows_are_those_of_survfit(psu):
    sample, wanted = stored("staggered"), oracle()["staggered"]
    design = Design("weight", psu="unit") if psu == "unit" else CLUSTERED
    rows = cumulative_incidence(sample, design, **LATE, times=wanted["at"], unit="unit").rows
    small = np.sqrt(479 / 480) if psu == "unit" else 1.0
    se = wanted["unit_incidence_se"] if psu == "unit" else wanted["stratified"]["incidence_se"]
    assert rows["exit"].unique().tolist() == ["economic", "supported", "death"]  # as in the code list
    order = [1, 2, 0]  # R: death, economic, supported
    assert by_cause(rows) == pytest.approx(np.array(wanted["incidence"]).T[order], rel=EXACT)
    assert by_cause(rows, "se") * small == pytest.approx(np.array(se).T[order], rel=EXACT)
    assert set(rows["n"]) == {480}


def test_ways_out_of_unemployment_are_those_of_survfit():
    folder = SHARED / "unempdur"
    if not folder.exists():
        pytest.skip("../shared/data/unempdur is not here")
    wanted = pd.DataFrame(pd.read_json(folder / "expected.json", typ="series")["cif_by_ui"])
    sample = pd.read_csv(folder / "unempdur.csv")
    ways = [sample[f"censor{k}"] == 1 for k in (1, 2, 3)]
    sample["exit"] = pd.array(np.select(ways, ["full", "part", "other"], ""), dtype="str")
    times = wanted["time"].unique()
    rows = cumulative_incidence(sample, None, duration="spell", event="exit", by="ui", times=times).rows
    small = np.sqrt((len(sample) - 1) / len(sample))
    for cause in ("full", "part"):
        found = rows[rows["exit"] == cause]
        assert found["estimate"].tolist() == pytest.approx(wanted[cause].tolist(), rel=EXACT)
        assert (found["se"] * small).tolist() == pytest.approx(wanted[f"se_{cause}"].tolist(), rel=EXACT)


# --- laws
@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.booleans())
def test_all_causes_and_those_left_make_one(seed, whole):
    sample = made(np.random.default_rng(seed), 2, 4, 6, whole=whole)
    rows = cumulative_incidence(sample, CLUSTERED, **LATE).rows
    left = survival_curve(sample, CLUSTERED, duration="time", event="event", entry="entry").rows
    assert by_cause(rows).sum(axis=0) + left["estimate"].to_numpy() == pytest.approx(1, nan_ok=True)
    steps = np.diff(by_cause(rows), axis=1)
    assert (steps[np.isfinite(steps)] >= 0).all()
    inside = rows.dropna(subset=FIGURES)
    assert ((inside["low"] <= inside["estimate"]) & (inside["estimate"] <= inside["high"])).all()


def test_the_error_of_their_sum_is_that_of_the_survival():
    sample = made(np.random.default_rng(2))
    found = cumulative_incidence(sample, CLUSTERED, **LATE, times=[1.0, 3.0])
    left = survival_curve(sample, CLUSTERED, duration="time", event="event", entry="entry", times=[1.0, 3.0])
    both = np.kron(np.ones((1, 2)), np.eye(2))
    assert both @ found.covariance @ both.T == pytest.approx(left.covariance, rel=1e-9)


def test_a_single_cause_is_one_minus_the_survival_and_says_so():
    sample = made(np.random.default_rng(3))
    sample["exit"] = sample["exit"].replace("death", "economic")
    found = cumulative_incidence(sample, CLUSTERED, **LATE)
    left = survival_curve(sample, CLUSTERED, duration="time", event="event", entry="entry")
    assert found.rows["estimate"].to_numpy() == pytest.approx(1 - left.rows["estimate"].to_numpy(), nan_ok=True)
    assert found.rows["se"].to_numpy() == pytest.approx(left.rows["se"].to_numpy(), nan_ok=True)
    assert found.method == "relapse_incidence_single" and "Kaplan" in method(found.method, "zh")


def test_censoring_the_other_causes_overstates_a_cause():
    sample = made(np.random.default_rng(4))
    rows = cumulative_incidence(sample, CLUSTERED, **LATE, times=[1, 3, 6]).rows
    alone = [
        1 - survival_curve(sample.assign(own=(sample["exit"] == cause) * 1.0), CLUSTERED, duration="time", event="own",
                           entry="entry", times=[1, 3, 6]).rows["estimate"].to_numpy()
        for cause in ("economic", "death")
    ]  # fmt: skip
    assert (np.array(alone) > by_cause(rows)).all()
    assert sum(alone)[-1] > by_cause(rows).sum(axis=0)[-1] + 0.05


def test_many_times_have_the_errors_of_few():
    sample = made(np.random.default_rng(5), 5, 12, 25)
    sample["fpc"] = 40
    times = [0.75, 2.0, 5.0]
    sample.loc[:2, "time"] = times
    sample.loc[:2, ["entry", "exit"]] = [0, "economic"]
    for design in (CLUSTERED, Design("weight"), Design("weight", "stratum", "psu", "fpc")):
        every, few = (cumulative_incidence(sample, design, **LATE, by="grade", times=t) for t in (None, times))
        assert len(every.rows) > 1000 and every.covariance is None
        chosen = every.rows[every.rows["time"].isin(few.rows["time"])]
        assert chosen[FIGURES].to_numpy() == pytest.approx(few.rows[FIGURES].to_numpy(), rel=1e-8)


def test_the_influence_values_are_the_derivative_by_the_weights():
    sample = made(np.random.default_rng(6), 2, 4, 6)
    options = {**LATE, "times": [1.0, 3.0], "by": "grade"}
    found = cumulative_incidence(sample, Design("weight"), **options)
    table = found._influence.values.tocoo().tocsr() @ found._influence.mix
    for unit in (0, 7, 31):
        step = (sample["unit"] == unit) * 1e-6
        moved = [sample.assign(weight=sample["weight"] * (1 + sign * step)) for sign in (1, -1)]
        up, down = (cumulative_incidence(s, Design("weight"), **options).rows["estimate"].to_numpy() for s in moved)
        assert table[[unit]].toarray().ravel() == pytest.approx((up - down) / 2e-6, rel=1e-5, abs=1e-9)


def test_calibration_and_replicates_reach_the_incidences():
    sample = made(np.random.default_rng(7), 4, 10, 20)
    died = ((sample["exit"] == "death") & (sample["time"] <= 3)).astype(float)
    totals = {"one": float(sample["weight"].sum()), "died": float((sample["weight"] * died).sum())}
    done = calibrate(sample.assign(one=1.0, died=died), CLUSTERED, totals)
    plain = cumulative_incidence(sample, CLUSTERED, **EXITS, times=[3.0]).rows
    less = cumulative_incidence(done.sample, done.design, **EXITS, times=[3.0]).rows
    assert less["estimate"].tolist() == pytest.approx(plain["estimate"].tolist())
    assert less["se"].iloc[1] < 0.5 * plain["se"].iloc[1]
    copies = make_replicates(sample, CLUSTERED)
    other = cumulative_incidence(copies.sample, copies.design, **EXITS, times=[3.0]).rows
    assert other["se"].tolist() == pytest.approx(plain["se"].tolist(), rel=0.06)


def test_differences_between_groups_and_causes_have_errors():
    found = cumulative_incidence(made(np.random.default_rng(8)), CLUSTERED, **LATE, by="grade", times=[3.0])
    groups, causes = compare(found, against="near").rows, compare(found, against="death", of="exit").rows
    values = found.rows.set_index(["grade", "exit"])["estimate"]
    assert groups.set_index("exit")["estimate"]["death"] == pytest.approx(
        values["deep", "death"] - values["near", "death"]
    )
    assert causes["estimate"].iloc[0] == pytest.approx(values["deep", "economic"] - values["deep", "death"])
    assert (groups["se"] > 0).all() and (causes["se"] > 0).all()


# --- edges
def test_a_cause_that_a_group_does_not_know_is_zero_with_the_exact_interval():
    sample = made(np.random.default_rng(9))
    sample.loc[(sample["grade"] == "near") & (sample["exit"] == "death"), "exit"] = "economic"
    rows = cumulative_incidence(sample, CLUSTERED, **LATE, by="grade", times=[0, 2]).rows
    row = rows[(rows["grade"] == "near") & (rows["exit"] == "death")].iloc[1]
    assert (row["estimate"], row["se"], row["low"], row["flag"]) == (0, 0, 0, "")
    assert row["high"] == pytest.approx(1 - 0.025 ** (1 / row["psus"]))
    assert rows.loc[rows["time"] == "0", "high"].eq(0).all()


def test_a_group_without_any_end_is_kept_without_a_curve():
    sample = spells((1, "death"), (3, ""), (2, ""), (6, ""), group=["a", "a", "b", "b"])
    rows = cumulative_incidence(sample, None, **EXITS, by="group", times=[1]).rows
    assert rows["flag"].tolist() == ["care", "empty"]


def test_codes_may_be_numbers():
    sample = pd.DataFrame({"time": [1, 2, 3, 4], "way": [2, 0, 1, 2]})
    rows = cumulative_incidence(sample, None, duration="time", event="way", times=[4]).rows
    assert (rows["way"].tolist(), rows["estimate"].tolist()) == (["1", "2"], pytest.approx([0.375, 0.625]))


def test_a_unit_that_ends_twice_is_counted_once():
    sample = spells((1, "economic"), (2, "economic"), (3, ""), unit=[1, 1, 2])
    rows = cumulative_incidence(sample, None, **EXITS, unit="unit").rows
    assert (rows["count"].tolist(), set(rows["n"])) == ([0, 1, 1], {2})


# --- errors
@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"exit": ["death", None, ""]}, "relapse.incomplete"),
        ({"exit": ["", "", ""]}, "relapse.no_event"),
        ({"time": [1, 0, 2]}, "relapse.no_duration"),
    ],
)
def test_impossible_rows_are_refused(change, key):
    with pytest.raises(Problem) as raised:
        cumulative_incidence(spells((1, "death"), (2, "economic"), (3, "")).assign(**change), None, **EXITS)
    assert raised.value.key == key


def test_impossible_questions_are_refused():
    sample = spells((1, "death"), (2, "economic"), (3, ""))
    with pytest.raises(Problem) as raised:
        cumulative_incidence(sample, None, **EXITS, interval="beta")
    assert raised.value.key == "estimate.option"
    with pytest.raises(Problem) as raised:
        cumulative_incidence(sample, None, duration="time", event="way")
    assert raised.value.key == "estimate.no_column"
    with pytest.raises(Problem) as raised:
        cumulative_incidence(sample.assign(length=1.0), None, duration="length", event="time")
    assert raised.value.key == "estimate.reserved"


# --- words and picture
def test_ways_out_are_named_in_both_languages():
    table = cumulative_incidence(made(np.random.default_rng(10)), CLUSTERED, **LATE, times=[1]).table("zh")
    assert {"死亡", "脱困"} <= set(table["结束原因"])
    assert label("event", "return", "en") == "Returned to hardship"


def test_incidences_are_drawn_as_steps():
    ax = cumulative_incidence(made(np.random.default_rng(11)), CLUSTERED, **LATE).plot(language="zh")
    assert len([line for line in ax.lines if len(line.get_xdata()) > 10]) == 2


# --- coverage
@pytest.mark.slow
def test_intervals_hold_their_level():
    draws, times = 2000, [1.0, 2.0, 4.0]
    truth = cumulative_incidence(made(np.random.default_rng(1), 1, 40_000, 25), None, **LATE, times=times).rows[
        "estimate"
    ]
    rng, held = np.random.default_rng(20250102), []
    for _ in range(draws):
        rows = cumulative_incidence(made(rng, 6, 6, 10), CLUSTERED, **LATE, times=times).rows
        held.append((rows["low"] <= truth) & (truth <= rows["high"]))
    allowed = 3 * np.sqrt(0.95 * 0.05 / draws) + 0.01
    assert np.abs(np.mean(held, axis=0) - 0.95).max() <= allowed
