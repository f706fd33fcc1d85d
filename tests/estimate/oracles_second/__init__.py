"""Reference figures of R for comparisons, quality, small areas and imputation, made by make.R."""

import json
from functools import cache
from pathlib import Path

import pandas as pd

from aidlib.estimate import Design
from tests.estimate.oracles import survey

HERE = Path(__file__).parent
TYPES = ("E", "H", "M")


@cache
def figures() -> dict:
    return json.loads((HERE / "expected.json").read_text(encoding="utf-8"))


@cache
def sample_of(name: str) -> tuple[pd.DataFrame, Design]:
    """Sample of schools and design as in make.R, with the made-up score of a third year."""
    file, design = {
        "strat": ("apistrat", Design("pw", strata="stype")),
        "clus1": ("apiclus1", Design("pw", psu="dnum", fpc="fpc")),
        "clus2": ("apiclus2", Design("pw", psu="dnum")),
    }[name]
    sample = survey(f"api/{file}.csv")
    return sample.assign(api01=sample["api00"] + sample["meals"] / 10), design


def milk() -> pd.DataFrame:
    """Milk expenditures of 43 areas (Arora & Lahiri 1997), as in R's sae."""
    return pd.read_csv(HERE / "milk.csv", dtype={"SmallArea": "str", "MajorArea": "str"})
