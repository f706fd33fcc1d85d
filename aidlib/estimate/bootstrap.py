"""Bootstrap of a complex sample in which everything is estimated anew: also the line below which someone is poor.

In each replicate m - 1 of a stratum's m clusters are drawn with replacement and their weights rescaled,

    factor = 1 - l + l m / (m - 1) times drawn,   l = sqrt(1 - f)   (f: the sampled fraction of the first stage),

so that the variance of a total is the usual one. Source: Rao, Wu & Yue (1992), Survey Methodology 18(2), 209-217.
A replicate is made from its own seed and forgotten: no replicate weights are stored, and however many threads share
the work, the results are the same to the last bit. The rows are sorted once; a replicate then is one pass over them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
import pandas as pd

from aidlib import reference
from aidlib.estimate.design import Design
from aidlib.estimate.domains import Members
from aidlib.estimate.estimates import Estimates
from aidlib.estimate.intervals import logit, wald
from aidlib.estimate.measures import By, unit_of
from aidlib.estimate.sampling import Floats, Ints, Sampling
from aidlib.estimate.study import Claim, Found, Study

STATISTICS = ("gini", "at_risk_of_poverty", "mean")
KERNELS = ("numpy", "numba")
CLAIM = Claim(n=100, psus=20, df=15)
BLOCK = 1 << 14  # rows handled at once: they stay in the processor's cache
TABLE = 1 << 20  # at most so many cells of the table of income class × cluster that brackets the median
ROUNDING = 1e-10  # as for quantiles: shares of the distribution function closer than this are the same
ON_THE_LINE = 1e-12  # relative: incomes on the line, up to floating-point dust, are not below it

Scan = Callable[[Floats, Floats, Ints, Floats, Ints], Floats]


def bootstrap(
    sample: pd.DataFrame,
    design: Design,
    variable: str,
    *,
    statistics: str | Sequence[str] = ("gini", "at_risk_of_poverty"),
    line: float = 0.6,
    by: By = None,
    margins: bool = False,
    replicates: int = 1000,
    seed: str = "bootstrap",
    kernel: str = "numpy",
    threads: int = 1,
    base: str | None = None,
) -> Estimates:
    """Statistics of an income by domain with errors by rescaled bootstrap of the clusters; key column ``statistic``.

    statistics: "gini" (index), "at_risk_of_poverty" (share with an income below ``line`` times the median of the whole
    sample, found anew in each replicate) and "mean". The variance is the mean square of the replicates about the
    full-sample estimate, with R - 1; intervals are those of t with clusters minus strata, on the log odds for gini and
    share. seed: a name; replicate r depends on seed and r only. kernel: "numpy", or "numba" where that package is
    installed (`pip install aidlib[fast]`): the same figures, sooner. threads: how many replicates are made at once.
    Strata with one cluster follow ``lonely_psu``; later stages are carried by the first. Raises Problem for a design
    that is a complete count, has replicate weights or calibrated weights (``make_replicates`` calibrates each).

    >>> import pandas as pd
    >>> sample = pd.DataFrame({"income": [100.0, 200, 300, 500], "psu": [1, 2, 3, 4]})
    >>> found = bootstrap(sample, Design(psu="psu"), "income", statistics="gini", replicates=50)
    >>> round(found.rows["estimate"].item(), 3)
    0.295
    """
    names = (statistics,) if isinstance(statistics, str) else tuple(statistics)
    _check(design, names, kernel, line, replicates, threads)
    study = Study.of(sample, design, by=by, margins=margins, base=base)
    incomes = study.column(variable)
    known = np.isfinite(incomes) & (study.sampling.weight > 0)
    heavy = study.domains.members.where(known)
    prepared = Prepared.of(study.sampling, incomes, known, heavy, line)
    scan = _scan if kernel == "numpy" else _compiled()
    estimate = prepared.replicate(np.ones(len(study.sampling.stages[0].stratum)), names, scan)
    thetas = _replicates(prepared, study.sampling, names, scan, replicates, seed, threads)
    members = heavy if len(names) == 1 else heavy.split(len(names))
    spread = np.full(replicates, 1 / (replicates - 1))
    resampled = replace(study.sampling, replicates=np.empty((len(sample), 0)), spread=spread, mse=True)
    study = replace(study, sampling=resampled)  # whose influence values are deviations of replicates
    found = study.estimates(
        Found(members, estimate, study.deviations(estimate, thetas)),
        measure=names[0] if len(names) == 1 else "bootstrap",
        unit=_unit(sample, variable, names),
        method="estimate_bootstrap",
        keys=pd.DataFrame({"statistic": list(names)}, dtype="str"),
        interval=wald if "mean" in names else logit,
        claim=CLAIM,
    )
    return replace(found, _influence=None)


@dataclass(frozen=True, eq=False)
class Prepared:
    """A sample sorted for resampling.

    weight, income, psu: of the members, by row (domain) and in it by income; ends: where each row's members end;
    rank: row × units + the member's place among all incomes; everyone: all units with an income, by income;
    classes: weight of each class of ``everyone`` × cluster; bounds: where the classes end. line: share of the median.
    """

    weight: Floats
    income: Floats
    psu: Ints
    ends: Ints
    rank: Ints
    everyone: Everyone
    line: float

    @classmethod
    def of(cls, sampling: Sampling, incomes: Floats, known: np.ndarray, heavy: Members, line: float) -> Prepared:
        """``known``: units with an income and a weight; ``heavy``: the members among them."""
        units = np.flatnonzero(known)
        units = units[np.argsort(incomes[units], kind="stable")]
        place = np.zeros(len(incomes), dtype=np.int64)
        place[units] = np.arange(len(units))
        rank = heavy.row * len(units) + place[heavy.unit]
        order = np.argsort(rank, kind="stable")
        unit = heavy.unit[order]
        ends = np.cumsum(heavy.sum()).astype(np.int64)
        everyone = Everyone.of(
            incomes[units], sampling.weight[units], sampling.psu[units], len(sampling.stages[0].stratum)
        )
        return cls(sampling.weight[unit], incomes[unit], sampling.psu[unit], ends, rank[order], everyone, line)

    def replicate(self, factor: Floats, names: Sequence[str], scan: Scan) -> Floats:
        """The statistics, row by row, with each cluster's weights times its ``factor``."""
        rows = len(self.ends)
        poor = self.everyone.below(self.line, factor) if "at_risk_of_poverty" in names else 0
        queries = np.arange(rows) * len(self.everyone.income) + poor
        places = np.searchsorted(self.rank, queries) if "at_risk_of_poverty" in names else self.ends
        stops = np.stack([places, self.ends], axis=1).ravel()
        reached = scan(self.weight, self.income, self.psu, factor, stops).reshape(rows, 2, 3)
        start = np.concatenate([np.zeros((1, 3)), reached[:-1, 1]])
        weight, money, pairs = (reached[:, 1] - start).T
        with np.errstate(divide="ignore", invalid="ignore"):
            found = {
                "gini": (pairs - 2 * start[:, 0] * money) / (weight * money) - 1,
                "at_risk_of_poverty": (reached[:, 0, 0] - start[:, 0]) / weight,
                "mean": money / weight,
            }
        found["gini"] = np.where(money > 0, found["gini"], np.nan)
        return np.stack([np.where(weight > 0, found[name], np.nan) for name in names], axis=1).ravel()


@dataclass(frozen=True, eq=False)
class Everyone:
    """All units with an income, by income, and the weight of each class of them (up to ``bounds``) by cluster."""

    income: Floats
    weight: Floats
    psu: Ints
    classes: Floats
    bounds: Ints

    @classmethod
    def of(cls, income: Floats, weight: Floats, psu: Ints, psus: int) -> Everyone:
        """Incomes must be sorted."""
        number = int(np.clip(TABLE // max(psus, 1), 1, 256))
        bounds = np.linspace(0, len(income), number + 1).astype(np.int64)[1:]
        at = np.searchsorted(bounds, np.arange(len(income)), side="right") * psus + psu
        classes = np.bincount(at, weights=weight, minlength=number * psus).astype(np.float64)
        return cls(income, weight, psu, classes.reshape(number, psus), bounds)

    def below(self, share: float, factor: Floats) -> int:
        """How many incomes lie below ``share`` times the median under these factors."""
        if not len(self.income):
            return 0
        reached = np.cumsum(np.einsum("cp,p->c", self.classes, factor))
        half = (0.5 - ROUNDING) * reached[-1]
        chosen = min(int(np.searchsorted(reached, half)), len(reached) - 1)
        start, end = int(self.bounds[chosen - 1]) if chosen else 0, int(self.bounds[chosen])
        running = np.cumsum(self.weight[start:end] * factor[self.psu[start:end]])
        running += reached[chosen - 1] if chosen else 0.0
        place = min(start + int(np.searchsorted(running, half)), end - 1)
        line = share * self.income[place]
        return int(np.searchsorted(self.income, line * (1 - ON_THE_LINE)))


def factors(sampling: Sampling, seed: str, replicate: int) -> Floats:
    """What each cluster's weights are multiplied with in one replicate, by its number (0, 1, …)."""
    stage = sampling.stages[0]
    size, rest = stage.sizes, np.maximum(stage.sizes - 1, 0)
    digest = hashlib.blake2b(f"{seed}:{replicate}".encode(), digest_size=16).digest()
    rng = np.random.Generator(np.random.PCG64(int.from_bytes(digest, "little")))
    start = np.cumsum(size) - size
    stratum = np.repeat(np.arange(len(size)), rest.astype(np.int64))
    place = np.minimum(np.floor(rng.random(len(stratum)) * size[stratum]), rest[stratum])
    drawn = np.bincount((start[stratum] + place).astype(np.int64), minlength=len(stage.stratum))
    kept = np.sqrt(stage.scale * rest / np.maximum(size, 1))[stage.stratum]
    return np.asarray(1 - kept + kept * (size / np.maximum(rest, 1))[stage.stratum] * drawn)


def _replicates(
    prepared: Prepared, sampling: Sampling, names: Sequence[str], scan: Scan, count: int, seed: str, threads: int
) -> Floats:
    """Statistics × replicates."""
    if np.any(np.diff(sampling.stages[0].stratum) < 0):
        raise AssertionError("clusters are numbered stratum by stratum")

    def one(replicate: int) -> Floats:
        return prepared.replicate(factors(sampling, seed, replicate), names, scan)

    if threads == 1:
        return np.stack([one(r) for r in range(count)], axis=1)
    with ThreadPoolExecutor(threads) as pool:
        return np.stack(list(pool.map(one, range(count))), axis=1)


def _scan(weight: Floats, income: Floats, psu: Ints, factor: Floats, stops: Ints) -> Floats:
    """Running sums before each stop (rising positions): of w, of w y, and of w y (2 W - w), W the sum of w so far.

    Added one after another, in blocks, so that the compiled pass gives the same to the last bit.
    """
    reached, carry = np.zeros((len(stops), 3)), np.zeros(3)
    for low in range(0, len(weight), BLOCK):
        high = min(low + BLOCK, len(weight))
        w = factor.take(psu[low:high])
        w *= weight[low:high]
        money = w * income[low:high]
        sums = _running(w, carry[0])
        pairs = sums + sums
        pairs -= w
        pairs *= money
        runs = (sums, _running(money, carry[1]), _running(pairs, carry[2]))
        first, last = np.searchsorted(stops, [low, high], side="right")
        inside = stops[first:last] - low - 1
        for column, run in enumerate(runs):
            reached[first:last, column] = run[inside]
            carry[column] = run[-1]
    return reached


def _running(values: Floats, start: float) -> Floats:
    """Running sums that begin at ``start``; ``values`` stay as they are."""
    sums = values.copy()
    sums[0] += start
    return np.cumsum(sums, out=sums)


@cache
def _compiled() -> Scan:
    """``_scan`` as one compiled pass. Raises Problem where Numba is not installed."""
    try:
        import numba
    except ImportError:
        raise reference.problem("estimate.numba") from None

    @numba.njit(nogil=True)
    def scan(weight: Floats, income: Floats, psu: Ints, factor: Floats, stops: Ints) -> Floats:
        reached = np.zeros((len(stops), 3))
        a, b, c, stop = 0.0, 0.0, 0.0, 0
        while stop < len(stops) and stops[stop] == 0:
            stop += 1
        for i in range(len(weight)):
            w = factor[psu[i]] * weight[i]
            money = w * income[i]
            a += w
            b += money
            c += ((a + a) - w) * money
            while stop < len(stops) and stops[stop] == i + 1:
                reached[stop, 0], reached[stop, 1], reached[stop, 2] = a, b, c
                stop += 1
        return reached

    found: Scan = scan
    return found


def _unit(sample: pd.DataFrame, variable: str, names: Sequence[str]) -> str:
    units = {"gini": "index", "at_risk_of_poverty": "share", "mean": unit_of(sample, variable)}
    found = {units[name] for name in names}
    return found.pop() if len(found) == 1 else "number"


def _check(design: Design, names: Sequence[str], kernel: str, line: float, replicates: int, threads: int) -> None:
    options = {"statistics": (STATISTICS, names), "kernel": (KERNELS, (kernel,))}
    for option, (allowed, given) in options.items():
        if not given or not set(given) <= set(allowed):
            raise reference.problem("estimate.option", option=option, allowed=", ".join(allowed))
    limits = {"line > 0": line > 0, "replicates >= 2": replicates >= 2, "threads >= 1": threads >= 1}
    for limit, kept in limits.items():
        if not kept:
            name, _, least = limit.partition(" ")
            raise reference.problem("estimate.option", option=name, allowed=least)
    if design.complete or design.replicates is not None or design.calibration:
        raise reference.problem("estimate.bootstrap_design")
