"""Survival curves, hazards, restricted means and medians: by hand, against R, laws, edges, errors, picture."""

from functools import partial
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aidlib.estimate import Design, Estimates, calibrate, change, compare, function_of, make_replicates
from aidlib.estimate.intervals import critical
from aidlib.reference import Problem, heading, method
from aidlib.relapse import cumulative_hazard, median_duration, restricted_mean, survival_curve
from aidlib.release import Register, protect
from aidlib.report import Content, Entry
from tests.relapse.staggered import EXACT, SHARED, made, oracle, stored

LUNG = {"duration": "time", "event": "event"}
LATE = {"duration": "time", "event": "event", "entry": "entry"}
CLUSTERED = Design("weight", "stratum", "psu")
CAPTION = {"zh": "曲线", "en": "curve"}
FIGURES = ["estimate", "se", "low", "high"]


def spells(*rows: tuple[float, int], **columns) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["time", "event"]).assign(**columns)


def times_of(found: Estimates, times) -> pd.DataFrame:
    """The rows at these times."""
    rows = found.rows.assign(at=found.rows["time"].astype(float))
    return rows[rows["at"].isin(times)].reset_index(drop=True)


# --- by hand
def test_a_curve_by_hand():
    found = survival_curve(spells((1, 1), (2, 1), (2, 0), (3, 1), weight=[1.0, 2, 1, 4]), Design("weight"), **LUNG)
    rows = found.rows
    assert rows["time"].tolist() == ["0", "1", "2", "3"]
    assert rows["estimate"].tolist() == pytest.approx([1, 7 / 8, 7 / 8 * 5 / 7, 0])
    assert (rows["n"].tolist(), rows["count"].tolist()) == ([4] * 4, [4, 3, 2, 1])
    assert (found.kind, found.unit, found.keys, found.domains) == ("curve", "share", ("time",), ("domain",))


def test_the_error_of_the_first_step_is_that_of_a_share():
    """Before anyone is censored S is the share that is left, with the variance of a ratio."""
    sample = spells((1, 1), (1, 1), (2, 0), (2, 0), (3, 1), weight=[1.0, 2, 1, 3, 2], psu=[1, 1, 2, 2, 3])
    row = survival_curve(sample, Design("weight", psu="psu"), **LUNG, times=[1]).rows.iloc[0]
    z = sample["weight"] * ((sample["time"] > 1) - 6 / 9) / 9
    totals = z.groupby(sample["psu"]).sum()
    assert row["estimate"] == pytest.approx(6 / 9)
    assert row["se"] == pytest.approx(np.sqrt(3 / 2 * (totals**2).sum()))


def test_events_come_before_censorings_at_the_same_time():
    assert survival_curve(spells((1, 1), (1, 0), (2, 0)), None, **LUNG).rows["estimate"].tolist() == [
        1,
        pytest.approx(2 / 3),
    ]


def test_nobody_is_at_risk_at_the_time_of_entry():
    late = spells((2, 1), (2, 1), (3, 1), entry=[0, 0, 2])
    assert survival_curve(late, None, **LATE).rows["estimate"].tolist() == [1, 0, 0]
    late["entry"] = [0, 0, 1.5]
    assert survival_curve(late, None, **LATE).rows["estimate"].tolist() == pytest.approx([1, 1 / 3, 0])


def test_the_cumulative_hazard_by_hand():
    rows = cumulative_hazard(spells((1, 1), (2, 1), (2, 0), (3, 1)), None, **LUNG, interval="plain").rows
    assert rows["estimate"].tolist() == pytest.approx([0, 1 / 4, 1 / 4 + 1 / 3, 1 / 4 + 1 / 3 + 1])
    assert rows["low"].iloc[1] == 0  # no hazard is below 0


def test_the_restricted_mean_by_hand():
    sample = spells((1, 1), (2, 1), (2, 0), (3, 1))
    assert restricted_mean(sample, None, **LUNG, until=2.5).rows["estimate"].item() == pytest.approx(1 + 0.75 + 0.25)
    assert restricted_mean(sample, None, **LUNG, until=0.5).rows["estimate"].item() == 0.5


def test_the_median_is_the_first_time_at_which_half_are_left():
    sample = spells((1, 1), (2, 1), (3, 1), (4, 1))
    rows = median_duration(sample, None, **LUNG, q=[0.5, 0.25, 0.75]).rows
    assert (rows["q"].tolist(), rows["estimate"].tolist()) == (["0.5", "0.25", "0.75"], [2, 1, 3])


# --- against the textbook
def test_remission_times_are_those_of_the_textbook():
    """6-MP arm of Freireich et al. (1963): Kalbfleisch & Prentice (2002), Analysis of Failure Time Data, table 1.1."""
    ended, censored = [6, 6, 6, 7, 10, 13, 16, 22, 23], [6, 9, 10, 11, 17, 19, 20, 25, 32, 32, 34, 35]
    sample = spells(*[(t, 1) for t in ended], *[(t, 0) for t in censored])
    rows = survival_curve(sample, None, **LUNG).rows.iloc[1:]
    assert rows["estimate"].round(3).tolist() == [0.857, 0.807, 0.753, 0.690, 0.627, 0.538, 0.448]
    errors = rows["se"] * np.sqrt(20 / 21)
    assert errors.round(4).tolist() == [0.0764, 0.0869, 0.0963, 0.1068, 0.1141, 0.1282, 0.1346]
    assert median_duration(sample, None, **LUNG).rows["estimate"].item() == 23


# --- against R (tests/relapse/oracles/curves.R)
def test_curves_of_clusters_are_those_of_survfit():
    """survfit leaves out m / (m - 1)."""
    sample, wanted, design = stored("lung"), oracle()["lung"], Design("weight", psu="inst")
    small = np.sqrt((wanted["clusters"] - 1) / wanted["clusters"])
    for estimator, name in ((survival_curve, "survival"), (cumulative_hazard, "hazard")):
        rows = estimator(sample, design, **LUNG).rows.iloc[1:]
        assert rows["time"].astype(float).tolist() == wanted["time"]
        assert rows["estimate"].to_numpy() == pytest.approx(np.array(wanted[name]), rel=EXACT, abs=1e-12)
        assert rows["se"].to_numpy() * small == pytest.approx(np.array(wanted[f"{name}_se"]), rel=EXACT, abs=1e-12)


def test_curves_of_groups_are_those_of_survfit():
    sample, wanted = stored("lung"), oracle()["lung"]
    rows = survival_curve(sample, Design("weight", psu="inst"), **LUNG, by="sex", times=wanted["at"]).rows
    small = np.sqrt((wanted["clusters"] - 1) / wanted["clusters"])
    assert rows["sex"].tolist() == wanted["by_sex"]["sex"]
    assert rows["estimate"].tolist() == pytest.approx(wanted["by_sex"]["survival"], rel=EXACT)
    assert (rows["se"] * small).tolist() == pytest.approx(wanted["by_sex"]["se"], rel=EXACT)


def test_curves_of_strata_and_clusters_are_those_of_svykm_and_of_totals_of_residuals():
    sample, wanted = stored("lung"), oracle()["lung"]
    design, at = Design("weight", "stratum", "inst"), wanted["at"]
    survival = survival_curve(sample, design, **LUNG, times=at).rows
    hazard = cumulative_hazard(sample, design, **LUNG, times=at).rows
    mean = restricted_mean(sample, design, **LUNG, until=700).rows.iloc[0]
    given = wanted["stratified"]
    assert survival["se"].tolist() == pytest.approx(given["survival_se"], rel=EXACT)
    assert hazard["se"].tolist() == pytest.approx(given["hazard_se"], rel=EXACT)
    assert hazard["se"].tolist() == pytest.approx(given["svykm_hazard_se"], rel=EXACT)
    assert np.exp(-hazard["estimate"]).tolist() == pytest.approx(given["svykm_survival"], rel=EXACT)
    assert [mean["estimate"], mean["se"]] == pytest.approx([given["area"], given["area_se"]], rel=EXACT)


@pytest.mark.parametrize("strata", [None, "stratum"])
def test_late_entry_and_units_in_several_rows_are_those_of_survfit(strata):
    sample, wanted = stored("staggered"), oracle()["staggered"]
    given = wanted["stratified"] if strata else wanted
    small = 1.0 if strata else np.sqrt((wanted["clusters"] - 1) / wanted["clusters"])
    for estimator, name in ((survival_curve, "survival"), (cumulative_hazard, "hazard")):
        rows = estimator(sample, Design("weight", strata, "psu"), **LATE, times=wanted["at"], unit="unit").rows
        assert rows["estimate"].tolist() == pytest.approx(wanted[name], rel=EXACT)
        assert (rows["se"] * small).tolist() == pytest.approx(given[f"{name}_se"], rel=EXACT)
        assert rows["n"].tolist() == [480] * 4


def test_without_weights_and_clusters_the_error_is_greenwoods():
    """But for n / (n - 1), rows being drawn with replacement."""
    sample, wanted = stored("lung"), oracle()["lung"]
    rows = survival_curve(sample, None, **LUNG, times=wanted["at"]).rows
    small = np.sqrt((len(sample) - 1) / len(sample))
    assert rows["estimate"].tolist() == pytest.approx(wanted["greenwood"]["survival"], rel=EXACT)
    assert (rows["se"] * small).tolist() == pytest.approx(wanted["greenwood"]["se"], rel=EXACT)
    assert median_duration(sample, None, **LUNG).rows["estimate"].item() == wanted["median"]


def test_spells_without_work_are_those_of_survfit():
    """Real durations of 3,343 unemployed (McCall 1996), any new job, in 28 times with ties."""
    folder = SHARED / "unempdur"
    if not folder.exists():
        pytest.skip("../shared/data/unempdur is not here")
    wanted = pd.DataFrame(pd.read_json(folder / "expected.json", typ="series")["km_any_job_by_ui"])
    sample = pd.read_csv(folder / "unempdur.csv")
    sample["job"] = sample[["censor1", "censor2", "censor3"]].max(axis=1)
    times = wanted["time"].unique()
    rows = survival_curve(sample, None, duration="spell", event="job", by="ui", times=times, interval="log").rows
    known = rows[rows["estimate"].notna()].reset_index(drop=True)
    names = "ui=" + known["ui"].map({"no": "0", "yes": "1"})
    both = known.assign(strata=names, at=known["time"].astype(float)).merge(
        wanted, left_on=["strata", "at"], right_on=["strata", "time"], suffixes=("", "_r")
    )
    assert len(both) == len(wanted)
    assert both["estimate"].tolist() == pytest.approx(both["surv"].tolist(), rel=EXACT)
    small = np.sqrt((len(sample) - 1) / len(sample))
    assert (both["se"] * small).tolist() == pytest.approx(both["se_r"].tolist(), rel=EXACT)
    assert both["low"].tolist() == pytest.approx(both["low_r"].tolist(), rel=2e-3)  # R: normal, not t


# --- laws
def test_many_times_have_the_errors_of_few():
    """Beyond 1,000 rows variances come from running sums of squares, without a table of clusters × times."""
    sample = made(np.random.default_rng(1), 5, 12, 40)
    sample["fpc"] = 50
    designs = [CLUSTERED, Design("weight"), Design("weight", "stratum", "psu", "fpc"), Design("weight", psu="psu")]
    designs.append(Design("weight", "stratum", ("psu", "unit"), ("fpc", "many")))
    sample["many"] = 100
    times = [0.5, 1.5, 3, 6]
    sample.loc[:3, "time"] = times
    sample.loc[:3, ["entry", "event"]] = [0, 1]
    for design in designs:
        for estimator in (survival_curve, cumulative_hazard):
            every, few = (estimator(sample, design, **LATE, by="grade", times=t) for t in (None, times))
            assert len(every.rows) > 1000 and every.covariance is None
            assert times_of(every, times)[FIGURES].to_numpy() == pytest.approx(few.rows[FIGURES].to_numpy(), rel=1e-8)
            assert np.sqrt(np.diag(few.covariance)) == pytest.approx(few.rows["se"].to_numpy())


def test_a_stratum_of_one_cluster_counts_alike_for_many_times_and_few():
    sample = made(np.random.default_rng(2), 5, 12, 25)
    sample.loc[sample["psu"] >= 48, "psu"] = 48
    with pytest.raises(Problem) as raised:
        survival_curve(sample, CLUSTERED, **LATE)
    assert raised.value.key == "estimate.lonely_psu"
    for how in ("adjust", "average", "certainty"):
        design = Design("weight", "stratum", "psu", lonely_psu=how)
        every, few = (survival_curve(sample, design, **LATE, by="grade", times=t) for t in (None, [2.0, 4.0]))
        later = every.rows.assign(at=every.rows["time"].astype(float)).query("at <= 4").groupby("grade").tail(1)
        assert later["se"].tolist() == pytest.approx(few.rows["se"].to_numpy()[1::2].tolist(), rel=1e-8)


def test_the_influence_values_are_the_derivative_by_the_weights():
    sample = made(np.random.default_rng(3), 2, 4, 6)
    for estimator, name in ((survival_curve, None), (cumulative_hazard, None), (restricted_mean, 4.0)):
        options = {"times": [1.0, 3.0]} if name is None else {"until": name}
        found = estimator(sample, Design("weight"), **LATE, **options)
        table = found._influence.values.tocoo().tocsr() @ found._influence.mix
        for unit in (0, 7, 31):
            moved = [sample["weight"].to_numpy().copy() for _ in range(2)]
            moved[0][unit] *= 1 + 1e-6
            moved[1][unit] *= 1 - 1e-6
            up, down = (
                estimator(sample.assign(weight=w), Design("weight"), **LATE, **options).rows["estimate"] for w in moved
            )
            slope = (up - down).to_numpy() / 2e-6  # times the weight
            assert table[[unit]].toarray().ravel() == pytest.approx(slope, rel=1e-5, abs=1e-9)


def test_calibrated_weights_vary_less_by_what_they_reproduce():
    sample = made(np.random.default_rng(4), 4, 10, 30)
    early = (sample["time"] <= 3).astype(float)
    totals = {"one": float(sample["weight"].sum()), "early": float((sample["weight"] * early).sum())}
    done = calibrate(sample.assign(one=1.0, early=early), CLUSTERED, totals)
    few = survival_curve(done.sample, done.design, **LUNG, times=[1.0, 3.0, 6.0])
    plain = survival_curve(sample, CLUSTERED, **LUNG, times=[1.0, 3.0, 6.0])
    assert few.rows["estimate"].tolist() == pytest.approx(plain.rows["estimate"].tolist())
    assert few.rows["se"].iloc[1] < 0.5 * plain.rows["se"].iloc[1]
    every = survival_curve(done.sample, done.design, **LUNG)
    grouped = survival_curve(done.sample, done.design, **LUNG, by="grade")
    assert len(grouped.rows) > 1000 and grouped._influence is None
    parted = survival_curve(done.sample, done.design, **LUNG, by="grade", times=every.rows["time"].astype(float)[:400])
    assert grouped.rows.groupby("grade").head(400)["se"].tolist() == pytest.approx(parted.rows["se"].tolist(), rel=1e-8)


def test_replicate_weights_give_the_errors_of_the_jackknife():
    sample = made(np.random.default_rng(5), 4, 10, 12)
    done = make_replicates(sample, CLUSTERED)
    for estimator, options in (
        (survival_curve, {"times": [1, 3, 5]}),
        (median_duration, {}),
        (restricted_mean, {"until": 4}),
    ):
        plain, other = (
            estimator(*pair, **LATE, **options).rows for pair in ((sample, CLUSTERED), (done.sample, done.design))
        )
        assert other["estimate"].tolist() == plain["estimate"].tolist()
        assert other["se"].tolist() == pytest.approx(plain["se"].tolist(), rel=0.06)


def test_a_replicate_without_the_group_adds_nothing():
    sample = made(np.random.default_rng(21), 1, 8, 10).assign(group=lambda s: np.where(s["psu"] == 0, "a", "b"))
    done = make_replicates(sample, Design("weight", psu="psu"))
    rows = survival_curve(done.sample, done.design, **LATE, by="group", times=[2.0]).rows
    assert rows["se"].iloc[0] == pytest.approx(0, abs=1e-12)  # the other replicates only scale its weights


def test_differences_of_groups_count_their_covariance():
    sample = made(np.random.default_rng(6))
    found = survival_curve(sample, CLUSTERED, **LATE, by="grade", margins=True, times=[1.0, 3.0])
    gap = compare(found, against="near").rows
    both = found.rows.set_index(["grade", "time"])
    at = [found.rows.index[(found.rows["grade"] == g) & (found.rows["time"] == "3")][0] for g in ("deep", "near")]
    v = found.covariance
    wanted = v[at[0], at[0]] + v[at[1], at[1]] - 2 * v[at[0], at[1]]
    row = gap[gap["time"] == "3"].iloc[0]
    assert row["estimate"] == pytest.approx(both.loc[("deep", "3"), "estimate"] - both.loc[("near", "3"), "estimate"])
    assert row["se"] == pytest.approx(np.sqrt(wanted))
    whole = survival_curve(sample, CLUSTERED, **LATE, times=[1.0, 3.0]).rows
    assert both.loc["all", FIGURES].to_numpy() == pytest.approx(whole[FIGURES].to_numpy())


def test_the_change_between_two_waves_counts_the_clusters_of_both():
    sample = made(np.random.default_rng(20), 4, 10, 12)
    later = sample.assign(time=sample["time"] * 1.3, entry=sample["entry"] * 1.3)
    found = change(sample, later, CLUSTERED, partial(survival_curve, **LATE, times=[2.0]), unit="unit").rows.iloc[0]
    one, two = (survival_curve(s, CLUSTERED, **LATE, times=[2.0]).rows.iloc[0] for s in (sample, later))
    assert found["estimate"] == pytest.approx(two["estimate"] - one["estimate"])
    assert found["se"] < np.hypot(one["se"], two["se"])  # the same households in both


def test_a_function_of_the_hazard_has_the_error_of_the_survival_to_first_order():
    sample = made(np.random.default_rng(7), 4, 10, 40)
    hazard = cumulative_hazard(sample, CLUSTERED, **LATE, times=[2.0])
    left = function_of(lambda h: np.exp(-h), measure="survival", unit="share", h=hazard).rows
    plain = survival_curve(sample, CLUSTERED, **LATE, times=[2.0]).rows
    assert left[["estimate", "se"]].to_numpy() == pytest.approx(plain[["estimate", "se"]].to_numpy(), rel=0.01)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 10_000), st.floats(0.01, 100), st.booleans())
def test_units_of_time_and_weights_do_not_matter(seed, factor, whole):
    sample = made(np.random.default_rng(seed), 2, 4, 5, whole=whole)
    found = survival_curve(sample, CLUSTERED, **LATE)
    other = sample.assign(
        time=sample["time"] * factor, entry=sample["entry"] * factor, weight=sample["weight"] * factor
    )
    other = other.sample(frac=1, random_state=seed)
    scaled = survival_curve(other, CLUSTERED, **LATE)
    assert scaled.rows[FIGURES].to_numpy() == pytest.approx(found.rows[FIGURES].to_numpy(), rel=1e-7, nan_ok=True)
    assert all(a >= b for a, b in pairwise(found.rows["estimate"].dropna()))
    inside = found.rows.dropna(subset=FIGURES)
    assert ((inside["low"] <= inside["estimate"]) & (inside["estimate"] <= inside["high"])).all()


def test_cutting_rows_in_two_changes_nothing():
    sample = made(np.random.default_rng(8))
    middle = (sample["entry"] + sample["time"]) / 2
    halves = pd.concat([sample.assign(time=middle, event=0.0), sample.assign(entry=middle)])
    options = {**LATE, "unit": "unit", "times": [1, 3, 5]}
    whole, cut = (survival_curve(s, CLUSTERED, **options).rows for s in (sample, halves))
    pd.testing.assert_frame_equal(cut, whole)


def test_a_weight_is_so_many_rows():
    sample = made(np.random.default_rng(9)).assign(weight=lambda s: s["unit"] % 3 + 1.0)
    copies = sample.loc[sample.index.repeat(sample["weight"].astype(int))].assign(weight=1.0)
    a, b = (survival_curve(s, CLUSTERED, **LATE).rows for s in (sample, copies))
    assert a[FIGURES].to_numpy() == pytest.approx(b[FIGURES].to_numpy(), nan_ok=True)


def test_rows_of_weight_zero_count_for_nothing():
    sample = made(np.random.default_rng(10))
    extra = sample.head(40).assign(weight=0.0, time=lambda s: s["time"] + 0.123, event=1.0)
    a, b = (survival_curve(s, CLUSTERED, **LATE).rows for s in (sample, pd.concat([sample, extra])))
    assert b["time"].tolist() == a["time"].tolist()
    assert b[FIGURES].to_numpy() == pytest.approx(a[FIGURES].to_numpy(), nan_ok=True)


def test_rows_that_are_not_observed_stay_in_the_design():
    sample = made(np.random.default_rng(11))
    part = sample["psu"] % 3 > 0
    partial = sample.assign(**{c: sample[c].where(part) for c in ("time", "entry", "event")})
    found = survival_curve(partial, CLUSTERED, **LATE, times=[2.0]).rows
    among = survival_curve(sample.assign(part=part), CLUSTERED, **LATE, by="part", times=[2.0]).rows
    assert found[[*FIGURES, "n", "df"]].to_numpy() == pytest.approx(among.iloc[[1]][[*FIGURES, "n", "df"]].to_numpy())


def test_intervals_are_the_formulas():
    sample = made(np.random.default_rng(12))
    found = {
        name: survival_curve(sample, CLUSTERED, **LATE, times=[2.0], interval=name).rows.iloc[0]
        for name in ("log-log", "log", "plain")
    }
    s, se = found["log"]["estimate"], found["log"]["se"]
    t = float(critical(np.array(found["log"]["df"])))
    assert found["plain"][["low", "high"]].tolist() == pytest.approx([s - t * se, s + t * se])
    assert found["log"][["low", "high"]].tolist() == pytest.approx([s * np.exp(-t * se / s), s * np.exp(t * se / s)])
    theta = t * se / (s * np.log(s))
    assert found["log-log"][["low", "high"]].tolist() == pytest.approx([s ** np.exp(-theta), s ** np.exp(theta)])


def test_the_median_lies_where_the_band_covers_a_half():
    sample = made(np.random.default_rng(13), 4, 10, 20)
    for design in (CLUSTERED, make_replicates(sample, CLUSTERED).design):
        data = sample if design is CLUSTERED else make_replicates(sample, CLUSTERED).sample
        rows = survival_curve(data, design, **LATE).rows
        middle = median_duration(data, design, **LATE).rows.iloc[0]
        for name, column in (("estimate", "estimate"), ("low", "low"), ("high", "high")):
            first = rows[rows[column] <= 0.5].iloc[0]
            assert middle[name] == pytest.approx(float(first["time"]))
        assert middle["se"] == pytest.approx((middle["high"] - middle["low"]) / 2 / critical(np.array(middle["df"])))


# --- edges
def test_a_curve_ends_with_the_last_observation_of_its_group():
    sample = spells((1, 1), (3, 0), (2, 1), (6, 1), group=["a", "a", "b", "b"])
    rows = survival_curve(sample, None, **LUNG, by="group", times=[3, 5, 7]).rows
    assert rows["estimate"].tolist() == pytest.approx([0.5, np.nan, np.nan, 0.5, 0.5, 0], nan_ok=True)
    assert rows["flag"].tolist()[1] == "empty"
    assert rows.loc[5, ["se", "low", "high"]].tolist() == pytest.approx([0, np.nan, np.nan], nan_ok=True)


def test_a_group_in_which_nobody_has_the_event_is_kept_without_a_curve():
    sample = spells((1, 1), (3, 0), (2, 0), (6, 0), group=["a", "a", "b", "b"])
    for estimator in (survival_curve, cumulative_hazard):
        rows = estimator(sample, None, **LUNG, by="group", times=[1]).rows
        assert rows["flag"].tolist()[1] == "empty" and np.isnan(rows["estimate"].iloc[1])
        assert rows["n"].tolist() == [2, 2]
    rows = median_duration(sample, None, **LUNG, by="group").rows
    assert rows["flag"].iloc[1] == "empty"
    assert "empty" in restricted_mean(sample, None, **LUNG, by="group", until=1).rows["flag"].tolist()


def test_a_level_that_is_never_reached_has_no_time():
    sample = spells(*[(k, int(k <= 3)) for k in range(1, 11)])
    rows = median_duration(sample, None, **LUNG, q=[0.2, 0.5]).rows
    assert rows["estimate"].tolist() == pytest.approx([2, np.nan], nan_ok=True)
    assert np.isnan(rows["high"].iloc[0]) and rows["low"].iloc[0] == 1


def test_a_census_has_no_error():
    rows = survival_curve(made(np.random.default_rng(14)), Design.census(), **LATE).rows
    assert (rows["se"] == 0).all()
    assert rows["low"].tolist() == rows["estimate"].tolist() == rows["high"].tolist()


def test_differences_of_dates_that_differ_by_rounding_are_one_time():
    sample = spells((0.1 + 0.2, 1), (0.3, 1), (0.7, 0))
    assert len(survival_curve(sample, None, **LUNG).rows) == 2
    assert survival_curve(sample, None, **LUNG, times=[0.3]).rows["estimate"].item() == pytest.approx(1 / 3)


def test_the_same_input_gives_the_same_numbers():
    sample = made(np.random.default_rng(15))
    first, second = (survival_curve(sample, CLUSTERED, **LATE, by="grade").to_json() for _ in range(2))
    assert first == second
    assert Estimates.from_json(first).to_json() == first


# --- errors
@pytest.mark.parametrize(
    ("change", "key"),
    [
        ({"time": [1, np.nan, 3]}, "relapse.incomplete"),
        ({"event": [1, np.nan, 0]}, "relapse.incomplete"),
        ({"entry": [0, np.nan, 0]}, "relapse.incomplete"),
        ({"time": [1, 0, 3]}, "relapse.no_duration"),
        ({"time": [1, -2, 3]}, "relapse.no_duration"),
        ({"entry": [0, 2, 0]}, "relapse.late_entry"),
        ({"entry": [0, -1, 0]}, "relapse.late_entry"),
        ({"event": [0, 0, 0]}, "relapse.no_event"),
        ({"weight": [0, 0, 1]}, "relapse.no_event"),
        ({"event": [0, 2, 1]}, "estimate.not_binary"),
        ({"time": [1, np.inf, 3]}, "estimate.infinite"),
    ],
)
def test_impossible_rows_are_refused(change, key):
    sample = pd.DataFrame({"time": [1, 2, 3], "event": [1, 1, 0], "entry": 0.0, "weight": 1.0}).assign(**change)
    with pytest.raises(Problem) as raised:
        survival_curve(sample, Design("weight"), **LATE)
    assert raised.value.key == key
    assert all(raised.value.text(language) for language in ("zh", "en"))


@pytest.mark.parametrize(
    ("call", "key"),
    [
        (lambda s: survival_curve(s, None, **LUNG, interval="arcsine"), "estimate.option"),
        (lambda s: cumulative_hazard(s, None, **LUNG, interval="log-log"), "estimate.option"),
        (lambda s: survival_curve(s, None, **LUNG, times=[]), "relapse.times"),
        (lambda s: survival_curve(s, None, **LUNG, times=[-1]), "relapse.times"),
        (lambda s: restricted_mean(s, None, **LUNG, until=0), "relapse.times"),
        (lambda s: median_duration(s, None, **LUNG, q=1), "estimate.quantile"),
        (lambda s: survival_curve(s, None, duration="years", event="event"), "estimate.no_column"),
        (lambda s: survival_curve(s, None, **LUNG, unit="person"), "estimate.no_column"),
        (lambda s: survival_curve(s.assign(person=[1, np.nan]), None, **LUNG, unit="person"), "relapse.missing"),
    ],
)
def test_impossible_questions_are_refused(call, key):
    with pytest.raises(Problem) as raised:
        call(spells((1, 1), (2, 0)))
    assert raised.value.key == key


def test_more_than_a_thousand_rows_cannot_be_compared():
    sample = made(np.random.default_rng(16), 5, 12, 40)
    with pytest.raises(Problem) as raised:
        compare(survival_curve(sample, CLUSTERED, **LATE, by="grade"), against="near")
    assert raised.value.key == "estimate.no_covariance"


# --- what may be published
def test_the_gate_tells_no_step_of_one_to_nine_units(tmp_path):
    """It reads the times of a curve as nested shares: what lies between one and the next is a number of units too."""
    sample = made(np.random.default_rng(19), 6, 10, 10, whole=True).assign(entry=0.0)
    found = survival_curve(sample, CLUSTERED, **LATE, by="grade")
    chapter = Content("relapse", CAPTION, {}, (Entry("curve", found, "step", CAPTION),))
    safe = protect({"990000": [chapter]}, Register(tmp_path / "register.jsonl"), report="annual", period="2025")
    told = safe["990000"][0].entries()["curve"].estimates.rows["estimate"].notna()
    assert told.any() and not told.all()
    rows = found.rows.assign(told=told, step=found.rows.groupby("grade")["count"].diff())
    both = rows["told"] & rows.groupby("grade")["told"].shift(fill_value=False)
    assert not rows.loc[both, "step"].between(1, 9).any()


# --- words and picture
def test_every_result_is_worded_in_both_languages():
    sample = made(np.random.default_rng(17))
    results = [survival_curve(sample, None, **LATE), cumulative_hazard(sample, None, **LATE)]
    results += [median_duration(sample, None, **LATE), restricted_mean(sample, None, **LATE, until=3)]
    for found in results:
        for language in ("zh", "en"):
            assert method(found.method, language)
            assert heading(found.rows["measure"].iloc[0], language) != found.rows["measure"].iloc[0]
            assert len(found.table(language))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_a_curve_is_drawn_as_steps_along_time(language):
    found = survival_curve(made(np.random.default_rng(18)), CLUSTERED, **LATE, by="grade")
    ax = found.plot(language=language)
    lines = [line for line in ax.lines if len(line.get_xdata()) > 10]
    assert len(lines) == 2
    assert all(line.get_drawstyle() == "steps-post" for line in lines)
    assert ("时间" if language == "zh" else "Time") in ax.get_xlabel()


# --- coverage
@pytest.mark.slow
@pytest.mark.parametrize("estimator", ["survival", "median"])
def test_intervals_hold_their_level(estimator):
    """95 % ± 3 standard errors of the simulation and one point, over draws of clusters and of what happens in them."""
    draws, times = 2000, [1.0, 2.0, 4.0]
    rng = np.random.default_rng(20250101)
    truth, middle = _truth(np.random.default_rng(1), times)
    held = []
    for _ in range(draws):
        sample = made(rng, 6, 6, 10)
        if estimator == "survival":
            rows = survival_curve(sample, CLUSTERED, **LATE, times=times).rows
            held.append((rows["low"] <= truth) & (truth <= rows["high"]))
        else:
            row = median_duration(sample, CLUSTERED, **LATE).rows.iloc[0]
            held.append([row["low"] <= middle <= (np.inf if np.isnan(row["high"]) else row["high"])])
    allowed = 3 * np.sqrt(0.95 * 0.05 / draws) + 0.01
    assert np.abs(np.mean(held, axis=0) - 0.95).max() <= allowed


def _truth(rng: np.random.Generator, times: list[float]) -> tuple[np.ndarray, float]:
    """Hazards of entrants differ by cluster, so the truth is that of a very large sample of the same kind."""
    large = made(rng, 1, 40_000, 25)
    found = survival_curve(large, None, **LATE, times=times).rows["estimate"].to_numpy()
    return found, float(median_duration(large, None, **LATE).rows["estimate"].item())
