"""Who differs from whom, and how sure: differences between the rows of one result, p values, ranks.

Every comparison is a linear combination of rows, so its error counts how the rows vary together (domains of one sample
share clusters, a region is part of the total). Differences keep influence values and covariance and so can be compared
again; p values, being no measurements, come as a result of their own.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import sparse
from scipy.special import ndtr, stdtr

from aidlib import reference
from aidlib.estimate.domains import ALL
from aidlib.estimate.estimates import COVARIANCE_ROWS, Estimates
from aidlib.estimate.influence import Influence
from aidlib.estimate.intervals import critical, wald
from aidlib.estimate.sampling import Floats, Ints

REST, PAIRS = "rest", "pairs"
SHOWN = ("", "care")
OUTCOMES = {"se": np.nan, "low": np.nan, "high": np.nan, "count": np.nan, "top1": np.nan, "top2": np.nan}


@dataclass(frozen=True, eq=False)
class Combined:
    """Linear combinations of the rows of a result: their values and how they vary."""

    estimate: Floats
    variance: Floats
    covariance: Floats | None
    influence: Influence | None


def compare(
    estimates: Estimates, *, against: str = ALL, of: str | None = None, sizes: Estimates | None = None
) -> Estimates:
    """Differences between the values of one column, each value minus what it is compared with; key column ``against``.

    against: "all" the total (the result needs ``margins=True``), "rest" the other values together, "pairs" every
    other value (each pair once), or a value such as "370200". of: the column compared (None: the first domain
    column); comparisons stay within the values of the other columns. sizes: for "rest", the sizes of the domains
    (``count`` by the same columns) that the mean of the others is weighted by, with their own sampling error where
    both come from one sample; without it every other domain counts equally.

    The standard error of a difference d'θ is sqrt(d' V d), V the design covariance of the rows; a share of nobody or
    everybody, whose estimated error is 0, counts with the width of its exact interval. Shares differ in pp, as
    fractions. n, count and psus are the smaller of both sides. ``flag``: "empty" where one side is, a withheld side's
    reason, "care" where either is to be used with care. For p values: ``p_values(compare(...))``.
    Raises Problem where the result has no covariance (a stack of samples), no such column, value or total.

    >>> import pandas as pd
    >>> from aidlib.estimate import Design, mean
    >>> sample = pd.DataFrame({"region": ["a"] * 4 + ["b"] * 4, "income": [1.0, 2, 3, 4, 3, 4, 5, 6]})
    >>> found = compare(mean(sample, Design(), "income", by="region"), against="a").rows
    >>> found[["region", "against", "estimate"]].values.tolist()
    [['b', 'a', 2.0]]
    """
    column = column_of(estimates, of)
    sides = _sides(estimates, column, against)
    if sides.empty:
        return _nothing(estimates)
    if against != REST:
        mix = _signs(sides, len(estimates.rows))
        return _differences(estimates, sides, combined(estimates, mix))
    shares, beside = _shares(estimates, sides, sizes)
    signs = sparse.coo_array(
        (-shares, (sides["other"], sides["line"])), shape=(len(estimates.rows), int(sides["line"].max() + 1))
    )
    heads = sides.drop_duplicates("line")
    found = combined(estimates, signs + _signs(heads.assign(other=-1), len(estimates.rows)), beside)
    return _differences(estimates, _together(estimates, sides), found)


def p_values(estimates: Estimates, *, adjust: str = "holm", null: float = 0.0, within: Sequence[str] = ()) -> Estimates:
    """Two-sided p values of every row against ``null`` by its own t statistic and df: rows "p_value", "p_adjusted".

    adjust: "holm", "hochberg" or "bonferroni" keep the chance of any false finding at 5 %, "bh" (Benjamini & Hochberg
    1995, J. R. Stat. Soc. B 57(1), 289-300) the expected share of false ones, "none" leaves them. The family are all
    rows with a test, or those with the same values in the columns ``within``. A row without standard error (a
    complete count, an empty domain) has no p value and is in no family. Sources: Holm (1979), Scand. J. Stat. 6(2),
    65-70; Hochberg (1988), Biometrika 75(4), 800-802. Raises Problem for another ``adjust``.

    >>> import pandas as pd
    >>> from aidlib.estimate import mean
    >>> sample = pd.DataFrame({"region": ["a"] * 4 + ["b"] * 4, "income": [1.0, 2, 3, 4, 3, 4, 5, 6]})
    >>> found = p_values(compare(mean(sample, None, "income", by="region"), against="pairs")).rows
    >>> found[["measure", "estimate"]].round(3).values.tolist()
    [['p_value', 0.05], ['p_adjusted', 0.05]]
    """
    if adjust not in ADJUSTMENTS:
        raise reference.problem("estimate.option", option="adjust", allowed=", ".join(ADJUSTMENTS))
    rows = estimates.rows
    plain = two_sided((rows["estimate"] - null).to_numpy(), rows["se"].to_numpy(), rows["df"].to_numpy())
    family = line_codes(rows, [column_of(estimates, name) for name in within])
    adjusted = np.full(len(rows), np.nan)
    for number in range(int(family.max(initial=-1)) + 1):
        tested = np.flatnonzero((family == number) & np.isfinite(plain))
        adjusted[tested] = ADJUSTMENTS[adjust](plain[tested])
    return plain_numbers(estimates, {"p_value": plain, "p_adjusted": adjusted}, "estimate_p_values")


def plain_numbers(estimates: Estimates, measures: dict[str, Floats], method: str) -> Estimates:
    """The rows once per measure, one under the other by row: plain numbers without error or covariance."""
    keys = [*estimates.domains, *estimates.keys]
    several = len(estimates.rows["measure"].unique()) > 1
    rows = estimates.rows if not several else estimates.rows.rename(columns={"measure": "of"})
    if several:
        rows.insert(len(keys), "of", rows.pop("of"))
    blocks = [rows.assign(measure=name, estimate=values, **OUTCOMES) for name, values in measures.items()]
    table = pd.concat(blocks).sort_index(kind="stable")
    flag = np.where(table["estimate"].isna() & table["flag"].isin(SHOWN), "empty", table["flag"])
    keyed = (*estimates.keys, "of") if several else estimates.keys
    columns = [*estimates.domains, *keyed, *estimates.rows.columns[len(keys) :]]
    return replace(
        estimates,
        rows=table.assign(flag=flag)[columns],
        keys=keyed,
        unit="number",
        method=method,
        kind="level",
        additive=False,
        margins=(),
        covariance=None,
        _influence=None,
    )


def two_sided(deviation: Floats, se: Floats, df: Floats) -> Floats:
    """P of a Student t at least as far from 0 as deviation / se; normal for infinite df, missing without an error."""
    with np.errstate(divide="ignore", invalid="ignore"):
        t = -np.abs(deviation / np.where(se > 0, se, np.nan))
        finite = np.where(np.isfinite(df) & (df >= 1), df, np.nan)
        return np.where(np.isinf(df), 2 * ndtr(t), 2 * stdtr(finite, t))


def combined(estimates: Estimates, mix: Any, beside: tuple[Influence, Any] | None = None) -> Combined:
    """The combinations of the rows whose coefficients are the columns of ``mix`` (rows × combinations, sparse).

    beside: influence of further statistics of the same sample and their coefficients, which add to the error.
    A row that enters with a coefficient and has no value makes the combination missing.
    """
    table = sparse.csc_array(mix)
    values = estimates.rows["estimate"].to_numpy()
    used = sparse.csc_array((values[table.indices] * table.data, table.indices, table.indptr), shape=table.shape)
    estimate = np.asarray(used.sum(axis=0)).ravel()
    keep = table.shape[1] <= COVARIANCE_ROWS
    hidden = hidden_variance(estimates)
    influence: Influence | None = None
    extra = _hidden(table, hidden, full=keep)
    if estimates._influence is not None:
        mixed = _mixed(estimates._influence, table, beside)
        found = mixed.covariance() if keep else mixed.variance()
        influence = None if hidden.any() else mixed
    elif estimates.covariance is not None:
        half = table.T @ np.nan_to_num(estimates.covariance)
        found = np.asarray(half @ table if keep else table.multiply(half.T).sum(axis=0))
    else:
        raise reference.problem("estimate.no_covariance")
    found = found + extra
    return Combined(estimate, found.diagonal() if keep else found.ravel(), found if keep else None, influence)


def hidden_variance(estimates: Estimates) -> Floats:
    """Variance of rows whose estimated error is 0 although they come from a sample: shares of nobody or everybody.

    Their exact interval tells how uncertain they are: (width / (2 t))². Zero for all other rows.
    """
    rows = estimates.rows
    edge = (rows["se"] == 0) & rows["estimate"].isin((0.0, 1.0)) & np.isfinite(rows["df"])
    if estimates.unit != "share" or not edge.any():
        return np.zeros(len(rows))
    width = (rows["high"] - rows["low"]).to_numpy()
    return np.where(edge, np.nan_to_num(width / (2 * critical(rows["df"].to_numpy()))) ** 2, 0.0)


def _hidden(mix: Any, variance: Floats, *, full: bool) -> Floats:
    """What the hidden variances add to the covariance, or to the variances, of the combinations."""
    if not variance.any():
        return np.zeros(mix.shape[1] if not full else (mix.shape[1],) * 2)
    scaled = sparse.diags_array(np.sqrt(variance)) @ mix
    return np.asarray((scaled.T @ scaled).toarray() if full else scaled.multiply(scaled).sum(axis=0))


def _mixed(influence: Influence, mix: Any, beside: tuple[Influence, Any] | None) -> Influence:
    if beside is None:
        return influence.mixed(mix)
    return influence.beside([beside[0]]).mixed(sparse.vstack([mix, beside[1]]))


def column_of(estimates: Estimates, name: str | None) -> str:
    names = (*estimates.domains, *estimates.keys)
    if name is not None and name not in names:
        raise reference.problem("estimate.no_result_column", column=name, known=", ".join(names))
    return names[0] if name is None else name


def line_codes(rows: pd.DataFrame, columns: list[str]) -> Ints:
    if not columns:
        return np.zeros(len(rows), dtype=np.int64)
    return rows.groupby(columns, sort=False, dropna=False).ngroup().to_numpy().astype(np.int64)


def _sides(estimates: Estimates, column: str, against: str) -> pd.DataFrame:
    """Pairs of rows: line (number of the comparison), row, other (positions), against (what the reader sees)."""
    rows = estimates.rows
    rest = [c for c in (*estimates.domains, *estimates.keys, "measure") if c != column]
    place = pd.DataFrame({"group": line_codes(rows, rest), "value": rows[column], "row": np.arange(len(rows))})
    heads = place[place["value"] != ALL]
    partners = place if against in (ALL, REST, PAIRS) else place[place["value"] == against]
    partners = place[place["value"] == ALL] if against == ALL else partners[partners["value"] != ALL]
    if partners.empty and len(heads):
        known = ", ".join(dict.fromkeys(heads["value"]))
        key = "estimate.no_margin" if against == ALL else "estimate.no_reference"
        raise reference.problem(key, column=column, value=against, known=known)
    sides = heads.merge(partners, on="group", suffixes=("", "_other")).query("row != row_other")
    if against == PAIRS:
        sides = sides[sides["row"] < sides["row_other"]]
    if against == REST:  # an empty domain is not part of the others
        sides = sides[rows["estimate"].notna().to_numpy()[sides["row_other"]]]
    line = line_codes(sides, ["row"]) if against == REST else np.arange(len(sides))
    named = REST if against == REST else sides["value_other"]
    return sides.rename(columns={"row_other": "other"}).assign(line=line, against=named).reset_index(drop=True)


def _nothing(estimates: Estimates) -> Estimates:
    """No comparison: a result without rows."""
    rows = estimates.rows.head(0)
    rows.insert(len(estimates.domains) + len(estimates.keys), "against", rows["measure"])
    return replace(
        estimates, rows=rows, keys=(*estimates.keys, "against"), kind="change", covariance=None, _influence=None
    )


def _signs(sides: pd.DataFrame, rows: int) -> Any:
    """+1 at the row and -1 at the other of each comparison (-1 as position: none)."""
    lines = sides["line"].to_numpy()
    has = sides["other"].to_numpy() >= 0
    place = np.concatenate([sides["row"], sides["other"][has]])
    sign = np.concatenate([np.ones(len(sides)), -np.ones(has.sum())])
    return sparse.coo_array((sign, (place, np.concatenate([lines, lines[has]]))), shape=(rows, int(lines.max() + 1)))


def _shares(
    estimates: Estimates, sides: pd.DataFrame, sizes: Estimates | None
) -> tuple[Floats, tuple[Influence, Any] | None]:
    """Share of each other row in the rest, and how the sizes' own error enters: -(θ - rest) / sum of sizes."""
    lines, other = sides["line"].to_numpy(), sides["other"].to_numpy()
    if sizes is None:
        size = np.ones(len(sides))
    else:
        place = _match(estimates, sizes)
        if (place[other] < 0).any():
            raise reference.problem("estimate.no_size", column=", ".join(sizes.domains))
        size = sizes.rows["estimate"].to_numpy()[place[other]]
    sums = np.bincount(lines, weights=size)
    share = size / sums[lines]
    if sizes is None or sizes._influence is None or estimates._influence is None:
        return share, None
    if not estimates._influence.sampling.same(sizes._influence.sampling):
        return share, None
    value = estimates.rows["estimate"].to_numpy()[other]
    mean = np.bincount(lines, weights=share * value)
    pull = -(value - mean[lines]) / sums[lines]
    mix = sparse.coo_array((pull, (place[other], lines)), shape=(len(sizes.rows), len(sums)))
    return share, (sizes._influence, mix)


def _match(estimates: Estimates, sizes: Estimates) -> Ints:
    """Position in ``sizes`` of each row's domain, -1 where it has none."""
    names = list(sizes.domains)
    if not set(names) <= {*estimates.domains, *estimates.keys}:
        raise reference.problem("estimate.no_result_column", column=names[0], known=", ".join(estimates.domains))
    known = pd.MultiIndex.from_frame(sizes.rows[names])
    return known.get_indexer(pd.MultiIndex.from_frame(estimates.rows[names])).astype(np.int64)


def _together(estimates: Estimates, sides: pd.DataFrame) -> pd.DataFrame:
    """One line per comparison with a rest: n, count and psus of the others added, their least df."""
    others = estimates.rows.iloc[sides["other"]].groupby(sides["line"].to_numpy())
    found = sides.drop_duplicates("line").assign(other=-1).set_index("line", drop=False)
    sums = others[["n", "count", "psus"]].sum(min_count=1).add_prefix("other_")
    return found.join(sums).join(others["df"].min().rename("other_df")).reset_index(drop=True)


def _differences(estimates: Estimates, sides: pd.DataFrame, found: Combined) -> Estimates:
    rows = estimates.rows.iloc[sides["row"]].reset_index(drop=True)
    together = "other_n" in sides
    others = rows.assign(flag="") if together else estimates.rows.iloc[sides["other"]].reset_index(drop=True)
    for name in ("n", "count", "psus", "df"):
        other = sides[f"other_{name}"] if together else others[name]
        rows[name] = np.minimum(rows[name].to_numpy(), other.to_numpy())
    for name in ("top1", "top2"):
        rows[name] = np.maximum(rows[name], others[name])
    se = np.where(np.isnan(found.estimate), np.nan, np.sqrt(np.maximum(found.variance, 0)))
    low, high = wald(found.estimate, se, rows["df"].to_numpy(), rows["n"].to_numpy(), rows["psus"].to_numpy())
    flag = worse(rows["flag"], others["flag"])
    flag = np.where(np.isnan(found.estimate) & np.isin(flag, SHOWN), "empty", flag)
    rows = rows.assign(measure="difference", estimate=found.estimate, se=se, low=low, high=high, flag=flag)
    name = "against" if "against" not in estimates.keys else f"against_{len(estimates.keys)}"  # a comparison of one
    rows.insert(len(estimates.domains) + len(estimates.keys), name, sides["against"].to_numpy())
    return replace(
        estimates,
        rows=rows,
        keys=(*estimates.keys, name),
        unit="pp" if estimates.unit == "share" else estimates.unit,
        kind="effect",
        method="estimate_compare",
        additive=False,
        margins=(),
        covariance=found.covariance,
        _influence=found.influence,
    )


def worse(first: pd.Series, second: pd.Series) -> np.ndarray:
    """Of two flags the one that says more: a reason to withhold before "care" before ""."""
    mine, theirs = first.to_numpy(object), second.to_numpy(object)
    return np.where(~np.isin(mine, SHOWN), mine, np.where(~np.isin(theirs, SHOWN), theirs, np.maximum(mine, theirs)))


def _bonferroni(p: Floats) -> Floats:
    return np.minimum(p * len(p), 1.0)


def _down(p: Floats, factor: Floats) -> Floats:
    """Step down from the smallest: running maximum of factor × ordered p."""
    order = np.argsort(p, kind="stable")
    out = np.empty(len(p))
    out[order] = np.minimum(np.maximum.accumulate(p[order] * factor), 1.0)
    return out


def _up(p: Floats, factor: Floats) -> Floats:
    """Step up from the largest: running minimum of factor × ordered p."""
    order = np.argsort(-p, kind="stable")
    out = np.empty(len(p))
    out[order] = np.minimum(np.minimum.accumulate(p[order] * factor), 1.0)
    return out


def _counting(p: Floats) -> Floats:
    return np.arange(1, len(p) + 1, dtype=np.float64)


ADJUSTMENTS: dict[str, Callable[[Floats], Floats]] = {
    "holm": lambda p: _down(p, _counting(p)[::-1]),
    "hochberg": lambda p: _up(p, _counting(p)),
    "bonferroni": _bonferroni,
    "bh": lambda p: _up(p, len(p) / _counting(p)[::-1]),
    "none": lambda p: p.copy(),
}
