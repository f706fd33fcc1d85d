"""The interchange type, frozen: columns, their order and types, the fields, and what survives a file."""

import json
from dataclasses import FrozenInstanceError, fields, replace

import matplotlib as mpl
import numpy as np
import pandas as pd
import pytest

from aidlib.estimate import Design, Estimates, change, count, mean, proportion, quantile, ratio, stack, total
from aidlib.poverty import RelativeLine, fgt, gap_total

mpl.use("Agg")

TAIL = ["measure", "estimate", "se", "low", "high", "n", "df", "count", "psus", "top1", "top2", "flag"]
FIELDS = [
    "rows", "domains", "keys", "unit", "kind", "method", "population", "base", "additive", "margins", "covariance",
    "_influence",
]  # fmt: skip
DESIGN = Design("weight", "stratum", "psu", nested=True)


@pytest.fixture(scope="module")
def households() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    n = 240
    return pd.DataFrame(
        {
            "household_id": [f"H{i:04d}" for i in range(n)],
            "region": np.repeat(["990100", "990200", "990300"], n // 3),
            "stratum": np.repeat(np.arange(6), n // 6),
            "psu": np.tile(np.repeat(np.arange(8), 5), 6),
            "weight": rng.uniform(10, 30, n),
            "income": rng.lognormal(7.2, 0.5, n),
            "members": rng.integers(1, 6, n).astype(float),
            "line": np.repeat([900.0, 1000, 1100], n // 3),
            "grade": rng.choice(["deep", "relative", "none"], n),
        }
    )


RESULTS = {
    "mean": lambda s: mean(s, DESIGN, "income", by="region"),
    "proportion": lambda s: proportion(s, DESIGN, "grade", by="region", margins=True),
    "total": lambda s: total(s, DESIGN, "income", by="region", margins=True),
    "count": lambda s: count(s, Design.census(), by=["region", "grade"], margins=True),
    "ratio": lambda s: ratio(s, DESIGN, "income", "members"),
    "quantile": lambda s: quantile(s, DESIGN, "income", q=[0.1, 0.5], by="region"),
    "fgt": lambda s: fgt(s, DESIGN, "income", line="line", by="region"),
    "relative": lambda s: fgt(s, DESIGN, "income", line=RelativeLine(0.6), alpha=1, by="region"),
    "gap_total": lambda s: gap_total(s, DESIGN, "income", line="line", by="region"),
    "change": lambda s: change(s, s.assign(income=s["income"] * 1.1), DESIGN, fgt, "income", line="line", by="region"),
    "stack": lambda s: stack(
        {m: fgt(s, DESIGN, "income", line=1e3 * float(m), by="region") for m in ("1.0", "1.5")}, key="multiple"
    ),
}
# unit, kind, measure, keys, additive, carries a count, carries dominance
PROMISES = {
    "mean": ("yuan/month", "level", "mean", (), False, False, True),
    "proportion": ("share", "level", "proportion", ("grade",), False, True, False),
    "total": ("yuan/month", "level", "total", (), True, True, True),
    "count": ("households", "level", "count", (), True, True, False),
    "ratio": ("ratio", "level", "ratio", (), False, True, True),
    "quantile": ("yuan/month", "level", "quantile", ("q",), False, False, False),
    "fgt": ("share", "level", "fgt_0", (), False, True, False),
    "relative": ("share", "level", "fgt_1", (), False, True, False),
    "gap_total": ("yuan/year", "level", "gap_total", (), True, True, True),
    "change": ("pp", "change", "fgt_0", (), False, True, False),
    "stack": ("share", "level", "fgt_0", ("multiple",), False, True, False),
}


def test_the_fields_are_frozen(households):
    assert [f.name for f in fields(Estimates)] == FIELDS
    with pytest.raises(FrozenInstanceError):
        RESULTS["mean"](households).unit = "share"


@pytest.mark.parametrize("name", RESULTS)
def test_the_schema_is_frozen(households, name):
    found = RESULTS[name](households)
    rows = found.rows
    assert list(rows.columns) == [*found.domains, *found.keys, *TAIL]
    numbers = [c for c in TAIL if c not in ("measure", "flag")]
    assert {str(rows[c].dtype) for c in numbers} == {"float64"}
    assert {str(rows[c].dtype) for c in rows.columns.difference(numbers)} == {"str"}
    assert isinstance(rows.index, pd.RangeIndex)
    unit, kind, measure, keys, additive, counted, dominated = PROMISES[name]
    assert (found.unit, found.kind, set(rows["measure"]), found.keys) == (unit, kind, {measure}, keys)
    assert found.additive == additive
    assert rows["count"].notna().all() == counted
    assert rows["top1"].notna().all() == dominated
    assert len(found.covariance) == len(rows)
    assert np.sqrt(np.diagonal(found.covariance)) == pytest.approx(rows["se"].to_numpy())


@pytest.mark.parametrize("name", RESULTS)
def test_a_file_keeps_everything_but_the_influence_values(households, name):
    found = RESULTS[name](households)
    back = Estimates.from_json(json.loads(json.dumps(found.to_json(), allow_nan=False)))
    pd.testing.assert_frame_equal(back.rows, found.rows, check_exact=True)
    for field in FIELDS[1:-2]:
        assert getattr(back, field) == getattr(found, field)
    assert np.array_equal(back.covariance, found.covariance)
    assert back._influence is None


def test_withheld_rows_survive_a_file(households):
    found = RESULTS["fgt"](households)
    rows = found.rows.copy()
    rows.loc[0, ["estimate", "se", "low", "high", "n", "count"]] = np.nan
    rows.loc[0, "flag"] = "suppressed"
    safe = replace(found, rows=rows, covariance=None)
    back = Estimates.from_json(json.loads(json.dumps(safe.to_json())))
    pd.testing.assert_frame_equal(back.rows, rows)
    assert back.covariance is None


def test_equal_unit_sets_have_equal_digests(households):
    base = RESULTS["mean"](households).population
    assert RESULTS["fgt"](households.sample(frac=1, random_state=1)).population == base
    assert RESULTS["mean"](households.iloc[1:]).population != base
    without_value = households.assign(income=households["income"].where(households.index != 5))
    assert RESULTS["mean"](without_value).population == RESULTS["mean"](households.drop(index=5)).population != base
    assert "H0001" not in json.dumps(RESULTS["mean"](households).to_json())


def test_a_stack_sorts_by_domain_and_keeps_the_covariance(households):
    found = RESULTS["stack"](households)
    pairs = found.rows[["region", "multiple"]].values.tolist()
    assert pairs == [[r, m] for r in ("990100", "990200", "990300") for m in ("1.0", "1.5")]
    assert 0 < found.covariance[0, 1] <= np.sqrt(found.covariance[0, 0] * found.covariance[1, 1])
    single = fgt(households, DESIGN, "income", line=1500, by="region")
    assert found.covariance[1::2, 1::2] == pytest.approx(single.covariance)


def test_a_stack_carries_margins_along(households):
    parts = {
        q: total(households.assign(y=households["income"] * f), DESIGN, "y", by="region", margins=True)
        for q, f in [("a", 1), ("b", 2)]
    }
    found = stack(parts, key="part")
    for whole, members in found.margins:
        assert found.rows.loc[list(members), "estimate"].sum() == pytest.approx(found.rows.loc[whole, "estimate"])
        assert set(found.rows.loc[[whole, *members], "part"]) == {found.rows.loc[whole, "part"]}


def test_a_stack_of_different_samples_has_no_covariance(households):
    found = stack({"a": mean(households, DESIGN, "income"), "b": mean(households.iloc[5:], DESIGN, "income")}, key="s")
    assert found.covariance is None
    assert found.population == ""


def test_what_does_not_fit_together_is_refused(households):
    found = RESULTS["mean"](households)
    with pytest.raises(ValueError, match="stack"):
        stack({"a": found, "b": RESULTS["quantile"](households)}, key="s")
    with pytest.raises(ValueError, match="columns of rows"):
        replace(found, keys=("q",))
    with pytest.raises(ValueError, match="kind"):
        replace(found, kind="guess")
    with pytest.raises(ValueError, match="covariance"):
        replace(found, covariance=np.eye(2))


@pytest.mark.parametrize("language", ["zh", "en"])
def test_it_shows_itself_in_both_languages(households, language):
    found = RESULTS["fgt"](households)
    assert len(found.table(language)) == 3
    assert found.plot(language=language).figure is not None
    assert "<table" in found._repr_html_()
