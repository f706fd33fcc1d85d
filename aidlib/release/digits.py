"""With how many digits a number is told: no more than its error carries, and never so many that they give a count away.

What is done here only takes away from what the attack was already unable to break: each published number is a function
of the number that the attack saw.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, logit

from aidlib.estimate import Estimates
from aidlib.release.cells import Cells
from aidlib.release.rule import NOT_PEOPLE, Rule
from aidlib.release.system import significant
from aidlib.report import Content, Entry

Floats = NDArray[np.float64]
KEY = b"aidlib rounding v1"  # public: it makes the rounding of a number the same in all tables and releases
REGISTER = "R"
STEPS = np.array([0.001, 0.01, 0.02])
UNITS = np.array([1000, 75, 0])  # a share of n >= this × counts units may be told in the step: so many counts share it
GUESSED = 0.25  # of the shares of a table that share × n tells exactly, from which on they count as plain counts
DIGITS = 2  # of a standard error
ABOUT = ("cv", "deff", "n_eff")  # figures about an error: n_eff × deff is n, and with cv the share
WEIGHTS = 4.0  # a weighted total is rounded to at least so many mean weights, so that no unit's own weight shows
MOST_DF = 100.0  # degrees of freedom from which on nothing changes for a reader
PERCENT = 0.01
KEPT = 10  # significant digits, so that 0.30000000000000004 is 0.3
DUST = 1e-9


def coarse(safe: Mapping[str, Sequence[Content]], every: Cells, rule: Rule) -> dict[str, list[Content]]:
    """``safe`` with the n of surveys rounded, plain shares in steps, and all else to the digits of its error.

    every: the exact cells. Complete counts of a register stay as they are: they add up exactly.
    """
    plain = _plain(every.frame)
    cells = every.frame.assign(plain=plain.reindex(_tables(every.frame)).to_numpy())
    return {
        region: [
            replace(
                content,
                items=tuple(
                    _coarse_entry(item, cells, every.starts[region, content.name, item.key], rule)
                    if isinstance(item, Entry)
                    else item
                    for item in content.items
                ),
            )
            for content in contents
        ]
        for region, contents in safe.items()
    }


def rounded_counts(n: Floats, places: pd.Series, base: int) -> Floats:
    """Each n as one of its two neighbouring multiples of ``base``, by a threshold that belongs to its place.

    One unit more or less therefore changes a rounded count by 0 or ±base. Equal numbers of a place are rounded alike in
    all tables and releases: showing a number often tells no more than showing it once.
    """
    codes, names = pd.factorize(places)
    draw = np.array([_draw(name) for name in names])[codes] if len(names) else np.zeros(0)
    below = np.floor(n / base) * base
    return np.asarray(below + base * ((n - below) / base > draw))


def step_of(n: Floats, counts: int) -> Floats:
    """The finest step (a fraction) of a share of ``n`` units that at least ``counts`` different counts share.

    A reader knows n as a multiple of 5 only, so that from 150 units on two counts share each whole per cent, and each
    second one below (enumerated by a test).
    """
    return np.asarray(STEPS[(np.nan_to_num(n)[:, None] >= counts * UNITS).argmax(axis=1)])


def _plain(frame: pd.DataFrame) -> pd.Series:
    """By table whether its shares are counts over n, or weighted so little that a reader can guess the count."""
    told = frame[frame["kind_of_sum"].eq("count") & frame["count"].gt(0) & (frame["count"] < frame["n"])]
    guessed = (told["estimate"] * told["n"]).round().eq(told["count"])
    rate = guessed.groupby(_tables(told)).mean()
    return rate.reindex(_tables(frame).unique(), fill_value=1.0) > GUESSED


def _tables(frame: pd.DataFrame) -> pd.Series:
    return frame["chapter"] + "/" + frame["entry"]


def _coarse_entry(entry: Entry, cells: pd.DataFrame, start: int, rule: Rule) -> Entry:
    found = entry.estimates
    exact = cells.iloc[start : start + len(found.rows)].set_index(found.rows.index)
    if found.unit in NOT_PEOPLE or found.rows.empty:
        return entry
    rows = found.rows.copy()
    if found.base != REGISTER:
        rows["n"] = rounded_counts(rows["n"].to_numpy(), exact["place"], rule.base)
    share = exact["kind_of_sum"].eq("count") & exact["plain"] & rows["estimate"].notna()
    error = rows["estimate"].notna() & rows["se"].gt(0) & ~share
    rows.loc[error, ["estimate", "se", "low", "high"]] = _by_error(rows[error], found)
    rows.loc[share, ["estimate", "se", "low", "high"]] = _plain_shares(exact[share], rows.loc[share, "n"], rule)
    about = rows["measure"].isin(ABOUT).to_numpy() & (found.base != REGISTER)
    rows.loc[about, "estimate"] = significant(rows.loc[about, "estimate"].to_numpy(dtype=float), DIGITS)
    rows["df"] = _rounded_df(rows["df"].to_numpy(dtype=float))
    return replace(entry, estimates=replace(found, rows=rows))


def _by_error(rows: pd.DataFrame, found: Estimates) -> Floats:
    """estimate, se, low, high to the place of the second digit of the standard error, the interval outwards."""
    se = rows["se"].to_numpy()
    grid = 10.0 ** (np.floor(np.log10(se)) - DIGITS + 1)
    if found.unit == "share":
        grid = np.maximum(grid, STEPS[0])
    if found.additive and found.unit in ("households", "persons"):
        mean_weight = np.maximum((rows["estimate"] / rows["n"].clip(lower=1)).to_numpy(), 1.0)
        grid = np.maximum(grid, 10.0 ** np.ceil(np.log10(WEIGHTS * mean_weight)))
    near = np.round(rows["estimate"].to_numpy() / grid) * grid
    low, high = _outwards(rows["low"].to_numpy(), rows["high"].to_numpy(), grid)
    return significant(np.stack([near, _two_digits(se), low, high], axis=1), KEPT)


def _plain_shares(exact: pd.DataFrame, n: pd.Series, rule: Rule) -> Floats:
    """estimate, se, low, high of shares that are counts over n, worked out again from the rounded share and n.

    The design's effect on the error is kept: the error is that of the exact share times the ratio of the two binomial
    errors, and the interval is moved on the logit scale. So neither tells more of the count than the share does.
    """
    p, size, units = exact["estimate"].to_numpy(), exact["n"].to_numpy(), n.to_numpy()
    step = step_of(units, rule.numerators)
    shown = np.clip(np.round(p / step) * step, step, 1 - step)
    open_ = (p > 0) & (p < 1)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.sqrt(shown * (1 - shown) / units) / np.sqrt(p * (1 - p) / size)
        se = _two_digits(exact["se"].to_numpy() * np.where(open_, ratio, 1.0))
        odds = ratio * p * (1 - p) / (shown * (1 - shown))
        sides = [
            np.where(
                (end > 0) & (end < 1), expit(logit(shown) + (logit(end) - logit(p)) * odds), shown + (end - p) * ratio
            )
            for end in (exact["low"].to_numpy(), exact["high"].to_numpy())
        ]
    low, high = (np.where(open_, side, exact[name]) for side, name in zip(sides, ("low", "high"), strict=True))
    fine = np.minimum(step, PERCENT)
    low, high = (np.clip(side, 0, 1) for side in _outwards(low, high, fine))
    told = np.where(open_, shown, p)
    exactly = se == 0  # a complete count
    low, high = np.where(exactly & open_, told, low), np.where(exactly & open_, told, high)
    return significant(np.stack([told, se, low, high], axis=1), KEPT)


def _rounded_df(df: Floats) -> Floats:
    """One number for the table, no greater than any of its own: degrees of freedom may be a sample's n less one."""
    if np.isnan(df).all():
        return df
    least = min(float(np.nanmin(df)), MOST_DF)
    return np.where(np.isnan(df), df, np.floor(least / 10) * 10 if least >= 10 else least)


def _two_digits(se: Floats) -> Floats:
    with np.errstate(divide="ignore", invalid="ignore"):
        grid = 10.0 ** (np.floor(np.log10(se)) - DIGITS + 1)
        return np.where(se > 0, np.round(se / grid) * grid, se)


def _outwards(low: Floats, high: Floats, grid: Floats) -> tuple[Floats, Floats]:
    return np.floor(low / grid + DUST) * grid, np.ceil(high / grid - DUST) * grid + 0.0  # no negative zero


def _draw(name: str) -> float:
    """A number in [0, 1) that belongs to ``name``."""
    found = hashlib.blake2b(name.encode(), digest_size=8, key=KEY).digest()
    return int.from_bytes(found, "big") / 2**64
