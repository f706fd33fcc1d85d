"""Small tidy tables of numbers for tests of display."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import pandas as pd


def tidy(
    dimensions: dict[str, Sequence[str]], estimates: Sequence[float], se: float = 0.01, **columns: object
) -> pd.DataFrame:
    """One row per combination of the dimensions' values, with intervals of two standard errors and n = 100."""
    cells = list(product(*dimensions.values()))
    rows = pd.DataFrame(cells, columns=list(dimensions), dtype="str")
    values = np.asarray(estimates, dtype=float)
    numbers = {"estimate": values, "se": se, "low": values - 2 * se, "high": values + 2 * se, "n": 100.0, "df": 30.0}
    rest = {"count": np.nan, "psus": 20.0, "top1": np.nan, "top2": np.nan, "flag": ""}
    return rows.assign(**{"measure": "share", **numbers, **rest, **columns})


def withheld(rows: pd.DataFrame, at: Sequence[int], flag: str = "suppressed") -> pd.DataFrame:
    """The rows with some numbers withheld, as the gate does it."""
    out = rows.copy()
    out.loc[list(at), ["estimate", "se", "low", "high", "n", "count"]] = np.nan
    out.loc[list(at), "flag"] = flag
    return out
