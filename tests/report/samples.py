"""Small results built by hand, for the tests of chapters, sentences and editions."""

from __future__ import annotations

import numpy as np
import pandas as pd

from aidlib.estimate import Estimates
from aidlib.estimate.estimates import COLUMNS

PLAIN = {"measure": "headcount", "estimate": np.nan, "se": 0.01, "n": 100.0, "df": 96.0, "count": 20.0, "psus": 20.0}


def result(rows: list[dict], domains=("region",), keys=(), unit="share", **options) -> Estimates:
    """Estimates from rows that give only what matters; the rest is filled with plain values."""
    filled = PLAIN | {"top1": np.nan, "top2": np.nan, "flag": ""}
    frame = pd.DataFrame([filled | row for row in rows])
    frame["low"], frame["high"] = frame["estimate"] - 2 * frame["se"], frame["estimate"] + 2 * frame["se"]
    return Estimates(frame[[*domains, *keys, *COLUMNS]], tuple(domains), tuple(keys), unit=unit, **options)


def cities(*shares: float, **options) -> Estimates:
    """One share for each of the demonstration cities, in the order of their codes."""
    return result(
        [{"region": f"99{place:02d}00", "estimate": share} for place, share in enumerate(shares, 1)], **options
    )


def single(share: float = 0.039, **row) -> Estimates:
    """One number for the whole population."""
    return result([{"domain": "all", "estimate": share} | row], domains=("domain",))
