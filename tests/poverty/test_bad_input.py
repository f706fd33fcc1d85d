"""Bad input is refused by name, its rows counted, by every statistic; a domain without weights has no number."""

from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from aidlib.estimate import (
    Design,
    Estimates,
    Replicates,
    change,
    count,
    fay_herriot,
    mean,
    proportion,
    quantile,
    ratio,
    total,
)
from aidlib.poverty import (
    alkire_foster,
    decompose_change,
    decompose_inequality,
    fgt,
    fgt_contributions,
    gap_total,
    gini,
    persistent,
    watts,
)
from aidlib.reference import Problem

DESIGN = Design("w", "district", "village")
SIZES = Design("w", "district", "village", "villages")
COPIES = Design("w", replicates=Replicates([f"w{i}" for i in range(6)]))
SPENT = pd.DataFrame({"town": list("abcdefgh"), "x": np.arange(8.0) ** 2})

Statistic = Callable[[pd.DataFrame, Design], Estimates]
MONEY: dict[str, Statistic] = {
    "mean": lambda s, d: mean(s, d, "income", by="sex"),
    "total": lambda s, d: total(s, d, "income", by="sex"),
    "ratio": lambda s, d: ratio(s, d, "income", "size", by="sex"),
    "quantile": lambda s, d: quantile(s, d, "income", by="sex"),
    "fgt": lambda s, d: fgt(s, d, "income", line="line", by="sex"),
    "gap_total": lambda s, d: gap_total(s, d, "income", line="line", members="size", by="sex"),
    "watts": lambda s, d: watts(s, d, "income", line="line", by="sex"),
    "gini": lambda s, d: gini(s, d, "income", by="sex"),
    "fgt_contributions": lambda s, d: fgt_contributions(s, d, "income", line="line", by="sex"),
    "decompose_inequality": lambda s, d: decompose_inequality(s, d, "income", by="sex"),
    "change": lambda s, d: change(s, s, d, fgt, "income", line="line", by="sex"),
    "decompose_change": lambda s, d: decompose_change(s, s, d, "income", line=600),
    "fay_herriot": lambda s, d: fay_herriot(mean(s, d, "income", by="town"), SPENT, predictors=["x"]),
}
FLAGS: dict[str, Statistic] = {
    "proportion": lambda s, d: proportion(s, d, "ill", by="sex"),
    "alkire_foster": lambda s, d: alkire_foster(s, d, {"health": ["ill"]}, k=1, by="sex"),
    "persistent": lambda s, d: persistent(s, d, unit="id", time="year", state="ill", by="sex"),
}
LINES = ("fgt", "gap_total", "watts", "fgt_contributions", "change")
EVERY = MONEY | FLAGS | {"count": lambda s, d: count(s, d, by="sex")}
NOT_BY_SEX = ("decompose_change", "fay_herriot")


@pytest.fixture(scope="module")
def panel() -> pd.DataFrame:
    rng = np.random.default_rng(20261124)
    n = np.arange(320)
    sample = pd.DataFrame({"id": n % 80, "year": 2021 + n // 80, "village": n % 80 // 4, "district": n % 80 // 16})
    sample = sample.assign(w=rng.uniform(1, 3, len(n)), income=rng.lognormal(6.5, 0.5, len(n)), size=2.0, line=600.0)
    sample = sample.assign(ill=(rng.random(len(n)) < 0.3) * 1.0, sex=np.where(n % 2, "f", "m"), villages=30.0)
    sample = sample.assign(town=np.array(list("abcdefgh"))[n % 80 // 10])
    return sample.assign(**{name: sample["w"] * rng.integers(0, 3, len(n)) for name in COPIES.replicates.columns})


def refused(statistic: Statistic, sample: pd.DataFrame, design: Design) -> tuple[str, str | None, int | None]:
    with pytest.raises(Problem) as caught:
        statistic(sample, design)
    values = caught.value.values
    return caught.value.key, values.get("column", values.get("line", values.get("psu"))), values.get("rows")


@pytest.mark.parametrize("name", MONEY)
def test_values_that_are_no_finite_numbers_are_counted(name, panel):
    infinite, text = panel.copy(), panel.astype({"income": object})
    infinite.loc[[3, 5], "income"] = [np.inf, -np.inf]
    text.loc[[3, 5, 8], "income"] = "much"
    dates = panel.assign(income=pd.Timestamp("2025-01-01"))
    assert refused(MONEY[name], infinite, DESIGN) == ("estimate.infinite", "income", 2)
    assert refused(MONEY[name], text, DESIGN) == ("estimate.not_numeric", "income", 3)
    assert refused(MONEY[name], dates, DESIGN) == ("estimate.not_numeric", "income", 320)


@pytest.mark.parametrize("name", FLAGS)
def test_states_other_than_0_and_1_are_counted(name, panel):
    other, infinite = panel.copy(), panel.copy()
    other.loc[[3, 5], "ill"] = [2, 0.5]
    infinite.loc[[3, 5], "ill"] = np.inf
    assert refused(FLAGS[name], other, DESIGN) == ("estimate.not_binary", "ill", 2)
    assert refused(FLAGS[name], infinite, DESIGN) == ("estimate.infinite", "ill", 2)


@pytest.mark.parametrize("name", LINES)
def test_lines_that_nobody_can_be_below_are_counted(name, panel):
    for value, key in ((0.0, "poverty.line_rows"), (-1.0, "poverty.line_rows"), (np.inf, "estimate.infinite")):
        sample = panel.assign(line=panel["line"].where(panel.index > 3, value))
        assert refused(MONEY[name], sample, DESIGN) == (key, "line", 4)


@pytest.mark.parametrize("name", EVERY)
def test_designs_that_do_not_fit_are_refused(name, panel):
    statistic = EVERY[name]
    weights = {-1.0: "estimate.bad_weight", np.inf: "estimate.bad_weight", np.nan: "estimate.missing_design"}
    for value, key in weights.items():
        sample = panel.assign(w=panel["w"].where(panel.index > 3, value))
        assert refused(statistic, sample, DESIGN) == (key, "w", 4)
    assert refused(statistic, panel.assign(villages=3.0), SIZES) == ("estimate.bad_fpc", "villages", 320)
    crossing = panel.assign(village=panel["village"].where(panel["village"] != 19, 0))
    assert refused(statistic, crossing, DESIGN) == ("estimate.crossing", "village", 32)


@pytest.mark.parametrize("name", EVERY)
def test_negative_replicate_weights_are_counted_and_zeros_are_not_refused(name, panel):
    negative = panel.assign(w3=panel["w3"].where(panel.index > 3, -1.0))
    assert (panel["w3"] == 0).any()
    assert len(EVERY[name](panel, COPIES).rows)
    assert refused(EVERY[name], negative, COPIES) == ("estimate.negative_replicates", "w3", 4)


@pytest.mark.parametrize("design", [DESIGN, COPIES], ids=["linearised", "replicates"])
@pytest.mark.parametrize("name", [name for name in EVERY if name not in NOT_BY_SEX])
def test_a_domain_without_weights_is_empty(name, design, panel):
    weights = ["w", *COPIES.replicates.columns]
    rows = EVERY[name](panel.assign(**{w: panel[w].where(panel["sex"] == "m", 0.0) for w in weights}), design).rows
    nobody = rows[(rows["subgroup"] == "sex=f") if name == "decompose_inequality" else rows["sex"] == "f"]
    assert len(nobody) >= 1
    assert nobody["estimate"].isna().all()
    assert nobody["se"].isna().all()
    assert set(nobody["flag"]) == {"empty"}
    assert rows["estimate"].notna().any()
