"""Cox's model: by hand, against R's survival and survey, laws, edges, errors."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import minimize_scalar
from scipy.special import ndtr

from aidlib import reference
from aidlib.estimate import Design, calibrate, make_replicates, total
from aidlib.estimate.study import Study
from aidlib.reference import Problem
from aidlib.relapse.cox import Model, cox, hazard_ratios, risk_sets
from aidlib.relapse.histories import Histories
from aidlib.relapse.logrank import logrank
from aidlib.relapse.partial_likelihood import Likelihood

ORACLES = Path(__file__).parent / "oracles"
SHARED = Path(__file__).parents[2] / "../shared/data"
FIGURES = json.loads((ORACLES / "cox.json").read_text(encoding="utf-8"))
COEFFICIENT, ERROR = 1e-8, 1e-6  # relative
CELLS = ["squamous", "smallcell", "adeno", "large"]  # R's order of levels


def data(name: str) -> pd.DataFrame:
    found = pd.read_csv(ORACLES / f"cox_{name}.csv", dtype={"cause": "str", "kind": "str"}, keep_default_na=True)
    if "cause" in found:
        found["cause"] = found["cause"].fillna("")
    if "celltype" in found:
        found["celltype"] = pd.Categorical(found["celltype"], CELLS)
    return found


def r_names(names) -> list[str]:
    """R's names of coefficients: kind=b is kindb."""
    return [name.replace("=", "") for name in names]


def agree(found, wanted: dict, error_factor: float = 1.0) -> None:
    """R's robust errors leave out m / (m - 1), m the clusters: ``error_factor`` puts it in."""
    rows = found.rows
    assert r_names(rows["term"]) == list(wanted["coef"])
    assert rows["estimate"].to_numpy() == pytest.approx(np.array(list(wanted["coef"].values())), rel=COEFFICIENT)
    errors = np.array(list(wanted["se"].values())) * error_factor
    assert rows["se"].to_numpy() == pytest.approx(errors, rel=ERROR)


def clusters(count: int) -> float:
    return float(np.sqrt(count / (count - 1)))


LUNG = {"duration": "time", "event": "status"}
HEART = {"duration": "stop", "event": "event", "entry": "start"}
COHORT = HEART


# --- by hand
def test_three_durations_by_hand():
    """Events at 1 (x 0) and 2 (x 1), one censored at 3 (x 0): exp(b) = (2 + e^b) e^b ... maximised numerically."""
    sample = pd.DataFrame({"t": [1, 2, 3], "d": [1, 1, 0], "x": [0.0, 1, 0]})
    found = cox(sample, None, duration="t", event="d", predictors=["x"]).rows

    def loss(b):
        return np.log(2 + np.exp(b)) - b + np.log(np.exp(b) + 1)

    assert found["estimate"].item() == pytest.approx(
        minimize_scalar(loss, bounds=(-5, 5), method="bounded").x, abs=1e-4
    )
    assert found["estimate"].item() == pytest.approx(np.log(2) / 2, abs=1e-12)


# --- against R
@pytest.mark.parametrize(
    ("name", "sample", "design", "options", "factor"),
    [
        ("lung_robust", "lung", Design("weight"), LUNG | {"predictors": ["age", "sex", "ecog"]}, clusters(226)),
        (
            "lung_weights_cluster",
            "lung",
            Design("weight", psu="inst"),
            LUNG | {"predictors": ["age", "sex", "ecog"]},
            clusters(18),
        ),
        (
            "lung_strata_breslow",
            "lung",
            Design("weight"),
            LUNG | {"predictors": ["age", "ecog"], "strata": "sex", "ties": "breslow"},
            clusters(226),
        ),
        (
            "heart_cluster",
            "heart",
            Design("weight", psu="id"),
            HEART | {"predictors": ["age", "year", "surgery", "transplant"]},
            clusters(103),
        ),
        (
            "heart_breslow",
            "heart",
            Design("weight", psu="id"),
            HEART | {"predictors": ["age", "year"], "strata": "surgery", "ties": "breslow"},
            clusters(103),
        ),
        ("cohort_efron", "cohort", Design("weight", psu="psu"), COHORT, clusters(40)),
        ("cohort_breslow", "cohort", Design("weight", psu="psu"), COHORT | {"ties": "breslow"}, clusters(40)),
        (
            "cohort_strata",
            "cohort",
            Design("weight", psu="psu"),
            COHORT | {"predictors": ["x", "z"], "strata": "kind"},
            clusters(40),
        ),
        (
            "cohort_cause",
            "cohort",
            Design("weight", psu="psu"),
            COHORT | {"event": "cause", "cause": "economic"},
            clusters(40),
        ),
        ("svy", "cohort", Design("weight", "stratum", "psu"), COHORT, 1.0),
        ("svy_breslow", "cohort", Design("weight", "stratum", "psu"), COHORT | {"ties": "breslow"}, 1.0),
        ("svy_fpc", "cohort", Design("weight", "stratum", "psu", "total"), COHORT, 1.0),
        (
            "svy_strata",
            "cohort",
            Design("weight", "stratum", "psu"),
            COHORT | {"predictors": ["x", "z"], "strata": "kind"},
            1.0,
        ),
    ],
)
def test_coefficients_and_errors_are_those_of_r(name, sample, design, options, factor):
    rows = data(sample)
    if sample == "cohort":
        rows["total"] = rows["stratum"].map({1: 20, 2: 25, 3: 18, 4: 22})
    options = {"predictors": ["x", "kind", "z"]} | options
    if sample == "lung":
        rows = rows.dropna(subset=["ecog"])  # R takes them out of the design, we keep them: see the next test
    agree(cox(rows, design, **options), FIGURES[name], factor)


def test_rows_without_a_predictor_stay_in_the_design():
    rows = data("lung")
    found = cox(rows, Design("weight"), **LUNG, predictors=["age", "sex", "ecog"]).rows
    wanted = FIGURES["lung_robust"]
    assert found["estimate"].to_numpy() == pytest.approx(np.array(list(wanted["coef"].values())), rel=COEFFICIENT)
    assert found["df"].unique().tolist() == [len(rows) - 1]
    assert found["n"].unique().tolist() == [wanted["n"]]
    assert found["count"].unique().tolist() == [wanted["events"]]


def test_a_part_of_the_sample_keeps_the_design():
    rows = data("cohort")
    rows.loc[rows["x"] <= 0, ["start", "stop", "event"]] = np.nan
    found = cox(rows, Design("weight", "stratum", "psu"), **COHORT, predictors=["x", "kind", "z"])
    agree(found, FIGURES["svy_part"])
    assert found.rows["df"].unique().tolist() == [36]


def test_a_factor_has_the_first_level_as_reference():
    found = cox(
        data("veteran"),
        None,
        duration="time",
        event="status",
        predictors=["trt", "celltype", "karno", "age"],
    )
    wanted = FIGURES["veteran"]["coef"]
    assert r_names(found.rows["term"]) == list(wanted)
    assert found.rows["estimate"].to_numpy() == pytest.approx(np.array(list(wanted.values())), rel=COEFFICIENT)


def test_calibrated_weights_as_in_survey():
    rows = data("cohort")
    totals = {"kind": {"a": 360.0, "b": 380.0, "c": 360.0}, "x": 60.0}
    done = calibrate(rows, Design("weight", "stratum", "psu"), totals=totals, method="linear")
    raked = data("calibrated")["raked"].to_numpy()
    assert done.sample[done.design.weight].to_numpy() == pytest.approx(raked, rel=1e-9)
    agree(cox(done.sample, done.design, **COHORT, predictors=["x", "kind", "z"]), FIGURES["svy_calibrated"])


def test_replicate_weights_refit_the_model_as_in_survey():
    done = make_replicates(data("cohort"), Design("weight", "stratum", "psu"), kind="jkn")
    assert done.design.replicates is not None
    about_their_mean = replace(done.design, replicates=replace(done.design.replicates, mse=False))  # R's default
    found = cox(done.sample, about_their_mean, **COHORT, predictors=["x", "kind", "z"])
    wanted = FIGURES["svy_jkn"]
    assert found.rows["estimate"].to_numpy() == pytest.approx(np.array(list(wanted["coef"].values())), rel=COEFFICIENT)
    assert found.rows["se"].to_numpy() == pytest.approx(np.array(list(wanted["se"].values())), rel=ERROR)


@pytest.mark.parametrize(
    ("name", "ties", "codes"),
    [
        ("cox_fulltime_efron", "efron", [1]),
        ("cox_fulltime_breslow", "breslow", [1]),
        ("cox_any_job_efron", "efron", [1, 2, 3]),
        ("cox_parttime_efron", "efron", [2]),
    ],
)
def test_job_losers_of_mccall(name, ties, codes):
    """McCall (1996), 3,343 spells of joblessness in two-week intervals: many ties."""
    path = SHARED / "unempdur" / "unempdur.csv"
    if not path.exists():
        pytest.skip("the shared data are not here")
    rows = pd.read_csv(path)
    rows["end"] = np.select([rows[f"censor{k}"] == 1 for k in (1, 2, 3)], [1, 2, 3], 0)
    rows["event"] = rows["end"].isin(codes).astype(float)
    predictors = ["ui", "reprate", "disrate", "logwage", "tenure", "age"]
    found = cox(rows, None, duration="spell", event="event", predictors=predictors, ties=ties).rows
    wanted = json.loads((path.parent / "expected.json").read_text(encoding="utf-8"))[name]
    assert found["term"].tolist()[0] == "ui=yes"
    model = Model.of(rows, None, duration="spell", event="event", predictors=predictors, ties=ties)
    assert np.sqrt(np.diag(model.inverse)) == pytest.approx(np.array(list(wanted["se"].values())), rel=ERROR)
    assert model.point.value == pytest.approx(wanted["loglik"], rel=1e-12)
    assert found["estimate"].to_numpy() == pytest.approx(np.array(list(wanted["coef"].values())), rel=COEFFICIENT)


# --- laws
def sample_of(seed: int, n: int = 300, ties: bool = True) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    x, z = rng.normal(size=n), rng.normal(size=n)
    time = rng.exponential(np.exp(-0.5 * x + 0.3 * z))
    censor = rng.exponential(2.0, n)
    found = pd.DataFrame({"id": np.arange(n), "x": x, "z": z, "weight": rng.integers(1, 4, n).astype(float)})
    stop = np.minimum(time, censor)
    return found.assign(stop=np.ceil(stop * 6) if ties else stop, event=(time <= censor).astype(float), start=0.0)


def numbers(found) -> np.ndarray:
    return found.rows[["estimate", "se"]].to_numpy()


XZ = {"duration": "stop", "event": "event", "predictors": ["x", "z"]}


def test_ties_do_not_matter_without_ties():
    rows = sample_of(1, ties=False)
    found = [numbers(cox(rows, Design("weight"), **XZ, ties=ties)) for ties in ("efron", "breslow")]
    assert found[0] == pytest.approx(found[1], rel=1e-12)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_a_row_split_inside_changes_nothing(ties):
    rows = sample_of(2)
    whole = cox(rows, Design("weight", psu="id"), **XZ, entry="start", ties=ties)
    cut = rows["stop"] > 2
    first = rows.assign(stop=np.where(cut, 2, rows["stop"]), event=np.where(cut, 0, rows["event"]))
    both = pd.concat([first, rows[cut].assign(start=2.0)], ignore_index=True)
    split = cox(both, Design("weight", psu="id"), **XZ, entry="start", ties=ties, unit="id")
    assert numbers(split) == pytest.approx(numbers(whole), rel=1e-9)
    assert split.rows["n"].tolist() == whole.rows["n"].tolist()


def test_a_weight_of_two_is_the_row_twice_for_breslow():
    """Efron's ties between copies of a row are no ties of one weighted row: only Breslow's keep the law."""
    rows = sample_of(3)
    twice = rows.loc[rows.index.repeat(rows["weight"].astype(int))]
    weighted = cox(rows, Design("weight", psu="id"), **XZ, ties="breslow")
    copied = cox(twice, Design(psu="id"), **XZ, ties="breslow")
    assert numbers(weighted) == pytest.approx(numbers(copied), rel=1e-9)


def test_units_of_weights_times_and_terms():
    rows = sample_of(4)
    found = cox(rows, Design("weight"), **XZ)
    again = cox(rows.assign(weight=rows["weight"] * 7, stop=rows["stop"] / 12), Design("weight"), **XZ)
    assert numbers(again) == pytest.approx(numbers(found), rel=1e-9)
    scaled = cox(rows.assign(x=1e6 + rows["x"] * 1000), Design("weight"), **XZ)
    assert numbers(scaled)[0] * 1000 == pytest.approx(numbers(found)[0], rel=1e-7)
    assert numbers(scaled)[1] == pytest.approx(numbers(found)[1], rel=1e-7)


def test_order_of_rows_and_strata_without_events_do_not_matter():
    rows = sample_of(5)
    found = cox(rows, Design("weight"), **XZ)
    shuffled = cox(rows.sample(frac=1, random_state=1), Design("weight"), **XZ)
    assert numbers(shuffled) == pytest.approx(numbers(found), rel=1e-9)
    quiet = rows.assign(event=0.0, id=rows["id"] + 1000, group="b")
    both = pd.concat([rows.assign(group="a"), quiet])
    assert numbers(cox(both, Design("weight"), **XZ, strata="group"))[:, 0] == pytest.approx(numbers(found)[:, 0])


def test_influence_values_are_derivatives_by_the_weights():
    """For Breslow's ties the estimate is a smooth function of the weights, so each z is w d estimate / d w."""
    rows = sample_of(6, n=60)
    found = cox(rows, Design("weight"), **XZ, ties="breslow")
    z = found._influence.values.tocsr() @ found._influence.mix
    for row in (0, 7, 31):
        values = []
        for step in (1e-5, -1e-5):
            other = rows.assign(weight=rows["weight"] * (1 + step * (rows.index == row)))
            values.append(cox(other, Design("weight"), **XZ, ties="breslow").rows["estimate"].to_numpy())
        assert z.toarray()[row] == pytest.approx((values[0] - values[1]) / 2e-5, abs=1e-8)


def test_hazard_ratios_have_their_interval_on_the_log_scale():
    found = cox(sample_of(7), Design("weight"), **XZ)
    ratios = hazard_ratios(found).rows
    for name in ("estimate", "low", "high"):
        assert ratios[name].to_numpy() == pytest.approx(np.exp(found.rows[name].to_numpy()))
    assert ratios["measure"].unique().tolist() == ["hazard_ratio"]


# --- edges
def test_times_within_rounding_are_ties():
    rows = sample_of(8)
    rough = rows.assign(stop=rows["stop"] / 10 * (1 + np.where(rows.index % 2, 1e-13, 0)))
    assert numbers(cox(rough, None, **XZ)) == pytest.approx(numbers(cox(rows, None, **XZ)), rel=1e-9)


def test_rows_of_no_weight_count_for_nothing():
    rows = sample_of(9)
    more = pd.concat([rows, rows.head(50).assign(weight=0.0, x=99.0)], ignore_index=True)
    assert numbers(cox(more, Design("weight"), **XZ))[:, 0] == pytest.approx(
        numbers(cox(rows, Design("weight"), **XZ))[:, 0]
    )


def test_a_unit_with_several_rows_is_a_cluster():
    rows = data("heart")
    predictors = ["age", "year", "surgery", "transplant"]
    found = cox(rows, Design("weight"), **HEART, predictors=predictors, unit="id")
    agree(found, FIGURES["heart_cluster"], clusters(103))
    assert found.rows["psus"].unique().tolist() == [103]


def test_time_may_start_anew_with_each_spell_of_a_unit():
    rows = sample_of(13).assign(household=lambda d: d["id"] // 2, spell=lambda d: d["id"] % 2 + 1)
    found = cox(rows, None, **XZ, unit=["household", "spell"])
    assert found.rows[["n", "psus"]].to_numpy().tolist() == [[150, 150]] * 2
    assert numbers(found) == pytest.approx(numbers(cox(rows, Design(psu="household"), **XZ)), rel=1e-12)
    with pytest.raises(Problem) as error:
        cox(rows, None, **XZ, unit="household")
    assert error.value.key == "relapse.rows_overlap"


def test_few_events_are_not_to_be_published():
    rows = sample_of(10).assign(kind=lambda d: np.where(d.index < 40, "rare", "common"))
    found = cox(rows, None, duration="stop", event="event", predictors=["x", "kind"]).rows.set_index("term")
    assert found["flag"].to_dict() == {"x": "", "kind=rare": "quality"}
    assert found.loc["kind=rare", "count"] == rows.loc[rows["kind"] == "rare", "event"].sum() < 50
    assert np.isfinite(found.loc["kind=rare", "estimate"])
    ovarian = cox(data("ovarian"), None, duration="futime", event="fustat", predictors=["age", "rx"]).rows
    assert ovarian["flag"].unique().tolist() == ["quality"]


# --- errors
@pytest.mark.parametrize(
    ("change", "options", "key", "named"),
    [
        ({"event": 0.0}, {}, "relapse.no_event", "event"),
        ({"stop": lambda d: d["stop"].where(d.index > 3, -1)}, {}, "relapse.no_duration", "stop"),
        ({"start": lambda d: d["stop"]}, {"entry": "start"}, "relapse.late_entry", "start"),
        ({"start": -1.0}, {"entry": "start"}, "relapse.late_entry", "start"),
        ({"stop": lambda d: d["stop"].where(d.index > 3)}, {}, "relapse.incomplete", "stop"),
        ({"event": 2.0}, {}, "estimate.not_binary", "event"),
        ({"x": 3.0}, {}, "estimate.predictor_constant", "x"),
        ({"z": lambda d: 2 * d["x"]}, {}, "estimate.predictor_aliased", "z"),
        ({}, {"ties": "exact"}, "estimate.option", "efron"),
        ({}, {"strata": "nothing"}, "estimate.no_column", "nothing"),
        ({"x": lambda d: np.where(d.index < 100, "a", "b"), "event": lambda d: (d.index < 100) * d["event"]}, {},
         "relapse.class_without_events", "x=b"),
        ({"x": lambda d: np.where(d.index < 100, "a", "b"), "event": lambda d: (d.index >= 100) * d["event"]}, {},
         "relapse.class_without_events", "x"),
        ({"group": lambda d: d.index % 5, "x": lambda d: d.index % 5}, {"strata": "group"}, "relapse.no_contrast", "x"),
        ({"x": lambda d: d["stop"]}, {}, "relapse.separated", "x"),
        ({"id": lambda d: d["id"] // 2}, {"unit": "id", "entry": "start"}, "relapse.rows_overlap", "id"),
        ({"event": "left"}, {"cause": "returned"}, "relapse.no_cause", "returned"),
    ],
)  # fmt: skip
def test_what_cannot_be_fitted_is_refused_by_name(change, options, key, named):
    rows = sample_of(11).assign(**change)
    with pytest.raises(Problem) as error:
        cox(rows, None, **XZ, **options)
    assert error.value.key == key
    assert named in error.value.text("en")
    assert named in error.value.text("zh")


def test_it_has_notes_in_both_languages():
    for ties in ("efron", "breslow"):
        key = cox(sample_of(12), None, **XZ, ties=ties).method
        assert reference.method(key, "zh") != reference.method(key, "en")


# --- beside its neighbours
def test_the_score_at_no_effect_is_the_log_rank_test():
    rows = data("cohort").assign(group=lambda d: np.where(d["kind"] == "b", "b", "other"))
    design = Design("weight", "stratum", "psu")
    wanted = logrank(rows, design, **COHORT, by="group").rows.set_index("measure")["estimate"]
    x = (rows["group"] == "b").to_numpy(np.float64)[:, None]
    histories = Histories.of(Study.of(rows, design), duration="stop", event="event", entry="start")
    sets, used = risk_sets(histories, np.arange(len(rows)))
    none = Likelihood.of(sets, x[used], rows["weight"].to_numpy()[used], efron=False).at(np.zeros(1))
    shares = np.zeros(len(rows))
    shares[used] = none.residuals()[:, 0]
    variance = total(rows.assign(u=shares / rows["weight"]), design, "u").rows["se"].item() ** 2
    assert none.score().item() ** 2 / variance == pytest.approx(wanted["wald_f"], rel=1e-9)


def clustered(seed: int, effect: float, clusters: int = 40, size: int = 15) -> pd.DataFrame:
    """Durations with hazard ratio exp(effect) for x, alike within clusters (a Gaussian copula), rounded, censored."""
    rng = np.random.default_rng(seed)
    psu = np.repeat(np.arange(clusters), size)
    x = (rng.normal(size=clusters)[psu] + rng.normal(size=len(psu))) / np.sqrt(2)
    alike = np.sqrt(0.3) * rng.normal(size=clusters)[psu] + np.sqrt(0.7) * rng.normal(size=len(psu))
    time = np.ceil(-np.log(ndtr(alike)) * np.exp(-effect * x) * 50)
    seen = rng.integers(20, 100, len(psu))
    rows = pd.DataFrame({"x": x, "stop": np.minimum(time, seen), "event": (time <= seen).astype(float), "psu": psu})
    return rows.assign(weight=rng.uniform(1, 4, len(psu)))


@pytest.mark.slow
@pytest.mark.parametrize("effect", [0.0, 0.7])
def test_intervals_hold_the_planted_effect(effect):
    """500 samples: 95 % of the intervals hold it, 92.5 to 97.5 allowed; at no effect that is the test's own level."""
    options = {"duration": "stop", "event": "event", "predictors": ["x"]}
    found = [cox(clustered(seed, effect), Design("weight", psu="psu"), **options).rows.iloc[0] for seed in range(500)]
    assert 0.925 < np.mean([row["low"] < effect < row["high"] for row in found]) < 0.975
    assert np.mean([row["estimate"] for row in found]) == pytest.approx(effect, abs=0.02)
