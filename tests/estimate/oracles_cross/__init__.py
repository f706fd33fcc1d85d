"""Twelve small random surveys and R's figures of them, made by make.R (R survey and laeken)."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd

from aidlib.estimate import Design, Replicates, calibrate, make_replicates, trim
from aidlib.estimate.weighting import Weighted

HERE = Path(__file__).parent
SEXES = {"f": 2650, "m": 2550}
AGES = {"middle": 1750, "old": 1200, "young": 2250}
CELLS = dict(zip([(s, a) for s in "fm" for a in sorted(AGES)], (830, 640, 1180, 920, 560, 1070), strict=True))
GREG = {"sex": SEXES, "age": AGES, "x": 160000}


@cache
def figures() -> list[dict]:
    return json.loads((HERE / "figures.json").read_text(encoding="utf-8"))["records"]


@cache
def table(name: str) -> pd.DataFrame:
    frame = pd.read_csv(HERE / f"{name}.csv", dtype={"wave": "str"})
    if name == "two":
        frame = frame.assign(many=400)
    if name == "pairs":
        frame = pd.concat([frame, table("pairs_half"), table("pairs_drawn")], axis=1)
        return frame.assign(**{f"fay{c}": 1 + 0.7 * (frame[c] - 1) for c in halves()})
    if name == "waves":
        frame["stratum"] = frame["h"].astype("str") + np.where(frame["h"] == 4, frame["wave"], "")
    return frame


def halves() -> list[str]:
    return list(table("pairs_half"))


@cache
def studied(survey: str, design: str) -> tuple[pd.DataFrame, Design]:
    """The sample and design of a record, as make.R says."""
    frame = table(survey)
    if survey == "pairs":
        return _replicated(frame, design)
    if survey == "calibrated":
        found = _calibrated(frame, design)
        return found.sample, found.design
    if survey == "lonely":
        policy, _, kind = design.partition("_")
        stages = {"": ("p", None), "fpc": ("p", "M"), "two": (("p", "s"), ("M", "S"))}[kind]
        return frame, Design("w", strata="h", psu=stages[0], fpc=stages[1], lonely_psu=policy)
    return frame, {
        ("weights", "plain"): Design("w"),
        ("strata", "fpc"): Design("w", strata="h", fpc="N"),
        ("strata", "fraction"): Design("w", strata="h", fpc="f"),
        ("strata", "none"): Design("w", strata="h"),
        ("clusters", "nested"): Design("w", strata="h", psu="p", nested=True),
        ("two", "both"): Design("w", strata="h", psu=("p", "s"), fpc=("fpc1", "fpc2")),
        ("two", "first"): Design("w", strata="h", psu=("p", "s"), fpc="fpc1"),
        ("two", "unstratified"): Design("w", psu=("p", "s"), fpc=("many", "fpc2")),
        ("three", "all"): Design("w", psu=("p", "s", "i"), fpc=("f1", "f2", "f3")),
        ("waves", "stacked"): Design("w", strata="stratum", psu="p"),
        ("waves", "change"): Design("w", strata="h", psu="p"),
        ("incomes", "plain"): Design("w", strata="h", psu="p"),
        ("rare", "plain"): Design("w", strata="h", psu="p"),
        ("large", "plain"): Design("w", psu="p"),
    }[survey, design]


def _replicated(frame: pd.DataFrame, design: str) -> tuple[pd.DataFrame, Design]:
    kind, _, mse = design.partition("_")
    if kind == "taylor":
        return frame, Design("w", strata="h", psu="p")
    if kind in ("jk1", "jkn"):
        found = make_replicates(frame, Design("w", strata="h" if kind == "jkn" else None, psu="p"), kind=kind)
        given = found.design.replicates
        assert given is not None
        whole = Replicates(given.columns, kind="jkn", scale=1.0, scales=given.scales, mse=bool(mse))
        return found.sample, Design("w", replicates=whole)
    columns = {"brr": halves(), "fay": [f"fay{c}" for c in halves()], "bootstrap": list(table("pairs_drawn"))}[kind]
    rho = 0.3 if kind == "fay" else None
    return frame, Design("w", replicates=Replicates(columns, kind=kind, rho=rho, combined=False, mse=bool(mse)))


def _calibrated(frame: pd.DataFrame, design: str) -> Weighted:
    plain = Design("w", strata="h", psu="p")
    known = Design("w", strata="h", psu="p", fpc="M")
    jackknife = make_replicates(frame, plain, kind="jkn")
    cells = {("sex", "age"): CELLS}
    first = calibrate(frame, plain, {"sex": SEXES}, name="first")
    ways = {
        "poststratified": lambda: calibrate(frame, plain, cells),
        "poststratified_fpc": lambda: calibrate(frame, known, cells),
        "raked": lambda: calibrate(frame, plain, {"sex": SEXES, "age": AGES}, method="raking"),
        "greg": lambda: calibrate(frame, plain, GREG),
        "greg_bounds": lambda: calibrate(frame, plain, GREG, bounds=(0.75, 1.3)),
        "greg_logit": lambda: calibrate(frame, known, GREG, method="logit", bounds=(0.6, 1.7)),
        "twice": lambda: calibrate(first.sample, first.design, {"age": AGES, "x": GREG["x"]}, method="raking"),
        "jkn_greg": lambda: calibrate(jackknife.sample, jackknife.design, GREG),
        "jkn_poststratified": lambda: calibrate(jackknife.sample, jackknife.design, cells),
        "trimmed": lambda: trim(frame, plain, low=12, high=45),
    }
    return ways[design]()
