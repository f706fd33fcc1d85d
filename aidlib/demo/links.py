"""Files that refer to another one by 原档案编号: opened again under a new number, split off, or taken over in a merger.

The register alone tells them apart: the former number of a renumbered file is the household's own; that of a split
household belongs to another household and was first opened in an earlier year; that of a merger in a later one.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aidlib.demo.parameters import FIRST, LAST, Parameters
from aidlib.demo.register import CLOSED, Register
from aidlib.demo.streams import stream

_YEAR_KEY = 10_000


@dataclass(frozen=True, eq=False)
class Links:
    """By filing: opened again under a new number (mask); position of the filing split off from, taken over; or -1."""

    renumbered: np.ndarray
    split: np.ndarray
    merged: np.ndarray


def make_links(p: Parameters, register: Register, seed: int) -> Links:
    """Which filings refer to others; splits and mergers stay within a street's or an enterprise's union."""
    n = len(register.home)
    renumbered = (register.order > 0) & (stream(seed, "renumbered").random(n) < p.renumbered)
    split, merged = np.full(n, -1), np.full(n, -1)
    for year in range(FIRST + 1, LAST + 1):
        rng = stream(seed, f"links-{year}")
        whole = (register.opened < year) & ((register.closed == 0) | (register.closed > year))
        before = (register.opened < year) & ((register.closed == 0) | (register.closed >= year))
        born = np.flatnonzero((register.opened == year) & (register.order == 0))
        own, other = _paired(rng, register, born, np.flatnonzero(whole), round(p.split * before.sum()))
        split[own] = other
        free = whole & ~renumbered & (split < 0) & (merged < 0)
        ended = np.flatnonzero((register.closed == year) & (register.reason == CLOSED) & (register.order == 0))
        gone, kept = _paired(rng, register, ended, np.flatnonzero(free), round(p.merged * before.sum()))
        merged[kept] = gone
    return Links(renumbered, split, merged)


def _paired(
    rng: np.random.Generator, register: Register, younger: np.ndarray, older: np.ndarray, wanted: int
) -> tuple[np.ndarray, np.ndarray]:
    """Up to ``wanted`` filings of ``younger``, each with one of ``older`` of the same unit and an earlier year."""
    psu = register.psu[register.home]
    key = psu * _YEAR_KEY + register.opened
    older = older[np.argsort(key[older], kind="stable")]
    younger = rng.permutation(younger)
    start = np.searchsorted(key[older], psu[younger] * _YEAR_KEY)
    end = np.searchsorted(key[older], key[younger])
    place = start + np.floor(rng.random(len(younger)) * (end - start)).astype(int)
    found = np.flatnonzero(end > start)
    once = np.sort(np.unique(place[found], return_index=True)[1])[:wanted]
    return younger[found[once]], older[place[found[once]]]
