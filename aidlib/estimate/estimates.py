"""Estimates: the one tidy type for every number that leaves an analysis."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from aidlib import display
from aidlib.estimate.domains import TEXT
from aidlib.estimate.influence import Influence

if TYPE_CHECKING:
    from matplotlib.axes import Axes

NUMBER = np.dtype(np.float64)
NUMBERS = ("estimate", "se", "low", "high", "n", "df", "count", "psus", "top1", "top2")
COLUMNS = ("measure", *NUMBERS, "flag")
KINDS = ("level", "change", "curve", "effect", "matrix", "distribution")
COVARIANCE_ROWS = 1000  # larger results carry no covariance matrix


@dataclass(frozen=True, eq=False)
class Estimates:
    """Numbers with their uncertainty, one row each.

    rows: domain columns, key columns, then ``COLUMNS``; texts are str, numbers float64 (so that a withheld one can be
    missing). ``low`` and ``high`` bound the 95 % interval; ``n`` counts the units with a value, ``count`` those that
    carry the numerator, ``psus`` the clusters with a member; ``top1``, ``top2``: share of the one and the two largest
    units in a total; ``flag``: "", "care", or why the number is not there.
    unit: of estimate, se, low and high; shares are fractions. method: key of a note in methods.yml. population: keyed
    digest of the set of units. base: R, F, M or X. additive: rows may be summed over domains. margins: (row of a
    total, rows of its parts). covariance: of the rows, or None.
    """

    rows: pd.DataFrame
    domains: tuple[str, ...]
    keys: tuple[str, ...] = ()
    unit: str = "number"
    kind: str = "level"
    method: str = ""
    population: str = ""
    base: str = "M"
    additive: bool = False
    margins: tuple[tuple[int, tuple[int, ...]], ...] = ()
    covariance: np.ndarray | None = None
    _influence: Influence | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        expected = [*self.domains, *self.keys, *COLUMNS]
        if list(self.rows.columns) != expected:
            raise ValueError(f"columns of rows: expected {expected}, got {list(self.rows.columns)}")
        if self.kind not in KINDS:
            raise ValueError(f"kind: one of {KINDS}, got {self.kind!r}")
        types = dict.fromkeys(expected, TEXT) | dict.fromkeys(NUMBERS, NUMBER)
        wrong = {c: types[c] for c, found in zip(expected, self.rows.dtypes, strict=True) if found != types[c]}
        rows = self.rows.reset_index(drop=True)
        object.__setattr__(self, "rows", rows.astype(wrong) if wrong else rows)
        if self.covariance is not None and self.covariance.shape != (len(self.rows), len(self.rows)):
            raise ValueError(f"covariance: expected {len(self.rows)} rows and columns, got {self.covariance.shape}")

    def to_json(self) -> dict[str, Any]:
        """Everything but the influence values as JSON types; floats exact, a missing one None, of the covariance the
        upper triangle by rows."""
        rows = {c: _numbers_out(v) if c in NUMBERS else v.tolist() for c, v in self.rows.items()}
        covariance = self.covariance
        return {
            "rows": rows,
            "domains": list(self.domains),
            "keys": list(self.keys),
            "unit": self.unit,
            "kind": self.kind,
            "method": self.method,
            "population": self.population,
            "base": self.base,
            "additive": self.additive,
            "margins": [[total, list(parts)] for total, parts in self.margins],
            "covariance": None if covariance is None else _numbers_out(covariance[np.triu_indices(len(covariance))]),
        }

    @classmethod
    def from_json(cls, found: Mapping[str, Any]) -> Estimates:
        """The inverse of ``to_json``."""
        rows = {c: _numbers_in(v) if c in NUMBERS else pd.Series(v, dtype="str") for c, v in found["rows"].items()}
        frame = pd.DataFrame(rows)
        same = {name: found[name] for name in ("unit", "kind", "method", "population", "base", "additive")}
        return cls(
            rows=frame,
            domains=tuple(found["domains"]),
            keys=tuple(found["keys"]),
            margins=tuple((total, tuple(parts)) for total, parts in found["margins"]),
            covariance=None if found["covariance"] is None else _symmetric(found["covariance"], len(frame)),
            **same,
        )

    def table(self, language: str = "en") -> pd.DataFrame:
        """The rows for a reader: headings, labels and text cells in ``language`` (zh or en)."""
        return display.table(self.rows, domains=self.domains, keys=self.keys, unit=self.unit, language=language)

    def plot(self, ax: Axes | None = None, language: str = "en", chart: str | None = None) -> Axes:
        """The rows as a chart of the closed list (None: by kind), drawn on ``ax`` and returned."""
        if ax is None:
            ax = display.figure(7.0, 4.0).subplots()
        return display.plot(
            ax,
            self.rows,
            domains=self.domains,
            keys=self.keys,
            unit=self.unit,
            kind=self.kind,
            language=language,
            chart=chart,
        )

    def _repr_html_(self) -> str:
        return str(self.table("en").to_html(index=False))


def stack(results: Mapping[str, Estimates], key: str) -> Estimates:
    """Results of one kind under one another, told apart by the key column ``key``; rows sorted by domain, then key.

    Unit, method, population and base stay where all results agree ("number" and "" else). Covariances between the
    results are kept where all come from the same sample and design. Raises ValueError for no results, or for results
    of different domains, keys or kind.
    """
    parts = list(results.values())
    if len({(part.domains, part.keys, part.kind) for part in parts}) != 1:
        raise ValueError("stack: needs results of the same domains, keys and kind")
    first = parts[0]
    sizes = [len(part.rows) for part in parts]
    names = pd.Series(np.repeat([str(name) for name in results], sizes), dtype="str")
    joined = pd.concat([part.rows for part in parts], ignore_index=True)
    joined.insert(len(first.domains), key, names)
    order = _by_domain(joined, first.domains)
    place = np.argsort(order)
    starts = np.cumsum([0, *sizes[:-1]])
    influence = _joined([part._influence for part in parts])
    if influence is not None:
        influence = influence.picked(order)
    return replace(
        first,
        rows=joined.iloc[order],
        keys=(key, *first.keys),
        unit=_common((part.unit for part in parts), "number"),
        method=_common((part.method for part in parts), ""),
        population=_common((part.population for part in parts), ""),
        base=_common((part.base for part in parts), ""),
        additive=all(part.additive for part in parts),
        margins=tuple(
            (int(place[start + total]), tuple(place[start + np.asarray(members, dtype=int)].tolist()))
            for start, part in zip(starts, parts, strict=True)
            for total, members in part.margins
        ),
        covariance=influence.covariance() if influence is not None and len(joined) <= COVARIANCE_ROWS else None,
        _influence=influence,
    )


def _by_domain(rows: pd.DataFrame, domains: tuple[str, ...]) -> np.ndarray:
    """Order that brings rows of one domain together, domains by their first appearance."""
    domain = rows.groupby(list(domains), sort=False, dropna=False).ngroup().to_numpy()
    return np.argsort(domain, kind="stable")


def _joined(influences: list[Influence | None]) -> Influence | None:
    """Influence of all results side by side; None where one lacks it or comes from another sample."""
    found = [i for i in influences if i is not None]
    if len(found) < len(influences) or not all(found[0].sampling.same(other.sampling) for other in found[1:]):
        return None
    return found[0].beside(found[1:])


def _common(values: Iterable[str], otherwise: str) -> str:
    found = set(values)
    return found.pop() if len(found) == 1 else otherwise


def _numbers_out(values: Any) -> list[float | str | None]:
    """Floats for JSON: missing is None, infinite "inf" or "-inf"."""
    array = np.asarray(values, dtype=np.float64)
    out: list[float | str | None] = array.tolist()
    for at in np.flatnonzero(~np.isfinite(array)):
        out[at] = None if np.isnan(array[at]) else str(array[at])
    return out


def _numbers_in(values: Iterable[float | str | None]) -> np.ndarray:
    return np.array([np.nan if v is None else float(v) for v in values], dtype=np.float64)


def _symmetric(triangle: Iterable[float | str | None], size: int) -> np.ndarray:
    out = np.zeros((size, size))
    upper = np.triu_indices(size)
    out[upper] = _numbers_in(triangle)
    out.T[upper] = out[upper]
    return out
