"""Thousands of figures of R's survey and laeken, for random surveys made to be awkward (oracles_cross/make.R)."""

import json
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from aidlib import estimate, poverty
from aidlib.estimate import Design, Estimates, Replicates
from aidlib.reference import Problem
from tests.estimate.oracles_cross import figures, studied

ESTIMATE = 1e-8  # relative
ERROR = 1e-6  # relative, of standard errors and limits; covariances relative to their standard errors
ZERO = 1e-9  # relative to the estimate: errors and limits that are 0 in theory
RELATIVE = poverty.RelativeLine(0.6)


def groups() -> list[Any]:
    """Records of one survey and design together, so that a calibration is solved once."""
    keyed = groupby(figures(), key=lambda r: (r["survey"], r["design"]))
    found: dict[tuple[str, str], list[dict]] = {}
    for key, records in keyed:
        found.setdefault(key, []).extend(records)
    return [pytest.param(records, id="-".join(key)) for key, records in found.items()]


def computed(record: dict) -> Estimates:
    sample, design = studied(record["survey"], record["design"])
    options = dict(record.get("options", {}))
    if options.get("line") == "relative":
        options["line"] = RELATIVE
    if "by" in record:
        options["by"] = record["by"]
    call = getattr(estimate, record["call"], None) or getattr(poverty, record["call"])
    if record["design"] == "change":
        before, after = (sample[sample["wave"] == wave] for wave in ("2024", "2025"))
        return estimate.change(before, after, design, call, *record["args"], **options)
    return call(sample, design, *record["args"], **options)


def rows_of(found: Estimates, record: dict) -> np.ndarray:
    """Positions of the record's rows, told by its domains."""
    if "names" not in record:
        assert len(found.rows) == 1
        return np.array([0])
    labels = found.rows[list(found.domains)].agg("|".join, axis=1)
    return pd.Index(labels).get_indexer(record["names"])


def close(mine: Any, wanted: list, relative: float, zero: np.ndarray, what: str) -> None:
    expected = np.array([np.nan if v is None else float(v) for v in wanted])
    mine = np.asarray(mine, dtype=np.float64)
    missing = np.isnan(expected)
    assert (np.isnan(mine) | (mine == 0))[missing].all(), what  # R has no number: neither have we one
    off = np.abs(mine - expected) > relative * np.abs(expected) + zero
    assert not (off & ~missing).any(), f"{what}: {mine[off].tolist()} against {expected[off].tolist()}"


def compare(record: dict) -> None:
    found = computed(record)
    at = rows_of(found, record)
    rows = found.rows.iloc[at]
    what = " ".join(str(record[k]) for k in ("call", "args", "by", "options") if k in record)
    zero = ZERO * np.abs(np.array(record["estimate"], dtype=np.float64))
    close(rows["estimate"], record["estimate"], ESTIMATE, 0 * zero + 1e-300, what)
    for column in ("se", "low", "high"):
        if column in record:
            close(rows[column], record[column], ERROR, zero, f"{what} {column}")
    if "df" in record:
        assert rows["df"].tolist() == [record["df"]] * len(rows), what
    if "vcov" in record:
        wanted = np.array(record["vcov"], dtype=np.float64)
        errors = np.maximum(np.sqrt(np.diag(wanted)), zero)
        assert found.covariance is not None
        assert (np.abs(found.covariance[np.ix_(at, at)] - wanted) <= ERROR * np.outer(errors, errors)).all(), what


@pytest.mark.parametrize("records", groups())
def test_figures_agree_with_r(records):
    wrong = []
    for record in records:
        try:
            compare(record)
        except AssertionError as problem:
            wrong.append(str(problem).splitlines()[0])
    assert not wrong, "\n".join(wrong)


def test_a_limit_below_the_share_of_the_smallest_value_is_that_value():
    # R's rule "math" takes the second smallest there; by definition it is the least value with F >= p
    sample, design = studied("weights", "plain")
    rows = estimate.quantile(sample, design, "z", q=[0.001, 0.05]).rows
    assert rows["estimate"].iloc[0] == sample["z"].min()
    assert rows["low"].iloc[1] == sample["z"].min()


def test_at_least_200_figures_come_from_outside():
    folder = Path(__file__).parents[1]
    stored = {str(path.relative_to(folder)): leaves(path) for path in sorted(folder.glob("*/oracles*/*.json"))}
    for name, number in stored.items():
        print(f"{number:6d} {name}")  # seen with pytest -rP
    assert leaves(Path(__file__).parent / "oracles_cross" / "figures.json", keys=NUMBERS) >= 2000
    assert sum(stored.values()) >= 200


NUMBERS = ("estimate", "se", "low", "high", "vcov", "df")


def leaves(path: Path, keys: tuple[str, ...] = ()) -> int:
    """Numbers in a file of figures; with ``keys`` only those under one of these names."""

    def count(value: Any, inside: bool) -> int:
        if isinstance(value, dict):
            return sum(count(v, inside or k in keys) for k, v in value.items())
        if isinstance(value, list):
            return sum(count(v, inside) for v in value)
        return int(inside and isinstance(value, int | float) and not isinstance(value, bool))

    return count(json.loads(path.read_text(encoding="utf-8")), not keys)


WHEN = pd.Timestamp("2025-03-01")
BAD = {
    "dates are no numbers": ({"z": WHEN}, Design("w"), "estimate.not_numeric"),
    "nor are times": ({"z": WHEN - WHEN}, Design("w"), "estimate.not_numeric"),
    "a weight of text": ({"w": "much"}, Design("w"), "estimate.not_numeric"),
    "population sizes of text": ({"N": "many"}, Design("w", fpc="N"), "estimate.not_numeric"),
    "an infinite population": ({"N": np.inf}, Design("w", fpc="N"), "estimate.bad_fpc"),
    "replicates of text": ({"r": "a"}, Design("w", replicates=Replicates(["w", "r"])), "estimate.not_numeric"),
    "infinite replicates": ({"r": np.inf}, Design("w", replicates=Replicates(["w", "r"])), "estimate.bad_weight"),
}


@pytest.mark.parametrize(("columns", "design", "key"), BAD.values(), ids=BAD)
def test_bad_columns_are_refused_by_name(columns, design, key):
    sample = studied("weights", "plain")[0].assign(**columns)
    with pytest.raises(Problem) as problem:
        estimate.mean(sample, design, "z")
    assert problem.value.key == key
    assert problem.value.values["column"] in columns


@pytest.mark.parametrize("twice", ["z", "w", "region"])
def test_a_column_given_twice_is_refused(twice):
    sample, design = studied("weights", "plain")
    doubled = pd.concat([sample, sample[[twice]]], axis=1)
    with pytest.raises(Problem) as problem:
        estimate.mean(doubled, design, "z", by="region")
    assert (problem.value.key, problem.value.values["column"]) == ("estimate.column_twice", twice)


@pytest.mark.parametrize("alpha", [np.nan, np.inf, -1])
def test_powers_that_are_no_numbers_are_refused(alpha):
    sample, design = studied("incomes", "plain")
    with pytest.raises(Problem):
        poverty.fgt(sample, design, "income", line="line", alpha=alpha)
    with pytest.raises(Problem):
        poverty.atkinson(sample, design, "income", epsilon=alpha, nonpositive="drop")


@pytest.mark.parametrize("policy", ["adjust", "certainty"])
@pytest.mark.parametrize("method", ["pairs", "intervals"])
def test_without_degrees_of_freedom_every_rank_is_possible(policy, method):
    sample, _ = studied("rare", "plain")
    design = Design("w", strata="p", psu="p", lonely_psu=policy)
    rows = estimate.rank_intervals(estimate.mean(sample, design, "half", by="region"), method=method).rows
    assert (rows["low"].tolist(), rows["high"].tolist()) == ([1.0] * 4, [4.0] * 4)


def test_a_category_without_a_total_is_named():
    sample, _ = studied("calibrated", "greg")
    with pytest.raises(Problem) as problem:
        estimate.calibrate(sample, Design("w"), {"age": {"young": 2250, "old": 1200}})
    assert "middle" in problem.value.text("en")
    assert "middle" in problem.value.text("zh")
