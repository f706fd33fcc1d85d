"""Reference figures of R packages: where they lie, and the surveys they were computed from."""

import json
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from aidlib.estimate import Design, Replicates

DATA = Path(__file__).parents[2] / ".." / "shared" / "data"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the folder with the reference data is not there")

ESTIMATE = 1e-8  # relative: plain sums of some hundred records on both sides
ERROR = 1e-6  # relative, of standard errors and limits
EXACT_ZERO = 1e-7  # absolute: errors that are 0 in theory


@cache
def expected(folder: str) -> dict:
    return json.loads((DATA / folder / "expected.json").read_text(encoding="utf-8"))


@cache
def survey(name: str) -> pd.DataFrame:
    return pd.read_csv(DATA / name)


def jackknife(sample: pd.DataFrame, strata: str | None, psu: str | None, weight: str, fpc: str, mse: bool) -> tuple:
    """Sample with delete-one-cluster weights as as.svrepdesign makes them (JK1 or JKn, fpc kept), and their design."""
    stratum = sample[strata] if strata else pd.Series("", sample.index)
    cluster = sample[psu] if psu else pd.Series(np.arange(len(sample)), sample.index)
    columns, scales = {}, []
    for h in stratum.unique():
        inside = stratum == h
        clusters = cluster[inside].unique()
        m = len(clusters)
        for c in clusters:
            factor = np.where(inside & (cluster != c), m / (m - 1), np.where(inside, 0.0, 1.0))
            columns[f"rep{len(columns)}"] = sample[weight] * factor
            scales.append((m - 1) / m * (1 - m / sample.loc[inside, fpc].iloc[0]))
    replicates = Replicates(list(columns), kind="jkn", scales=scales, mse=mse)
    return pd.concat([sample, pd.DataFrame(columns)], axis=1).copy(), Design(weight=weight, replicates=replicates)


@cache
def studied(key: str) -> tuple[pd.DataFrame, Design]:
    """Sample and design of one of the designs of api/expected.json."""
    strat, clus1, clus2 = (survey(f"api/{name}.csv") for name in ("apistrat", "apiclus1", "apiclus2"))
    if key == "clus1_bootstrap80":
        weights = survey("api/apiclus1_bootstrap_repweights.csv")
        replicates = Replicates(list(weights), kind="bootstrap", mse=False)
        return pd.concat([clus1, weights], axis=1).copy(), Design(weight="pw", replicates=replicates)
    if key == "strat_jkn":
        return jackknife(strat, "stype", None, "pw", "fpc", mse=False)
    if key in ("clus1_jk1", "clus1_jk1_mse"):
        return jackknife(clus1, None, "dnum", "pw", "fpc", mse=key.endswith("mse"))
    plain = {
        "strat_fpc": (strat, Design(weight="pw", strata="stype", fpc="fpc")),
        "strat_nofpc": (strat, Design(weight="pw", strata="stype")),
        "clus1_fpc": (clus1, Design(weight="pw", psu="dnum", fpc="fpc")),
        "clus1_nofpc": (clus1, Design(weight="pw", psu="dnum")),
        "clus2_two_stage_fpc": (clus2, Design(weight="pw", psu=["dnum", "snum"], fpc=["fpc1", "fpc2"])),
        "clus2_first_stage_wr": (clus2, Design(weight="pw", psu="dnum")),
        "weights_only": (strat, Design(weight="pw")),
    }
    return plain[key]


TAYLOR = [
    "strat_fpc",
    "strat_nofpc",
    "clus1_fpc",
    "clus1_nofpc",
    "clus2_two_stage_fpc",
    "clus2_first_stage_wr",
    "weights_only",
]
REPLICATED = ["strat_jkn", "clus1_jk1", "clus1_jk1_mse", "clus1_bootstrap80"]


def agree(rows: pd.DataFrame, figures: dict, names: list[str]) -> None:
    """Each row equals the figure of its name: estimate, standard error and, where R gives them, the limits."""
    for column, key, relative in [
        ("estimate", "estimate", ESTIMATE),
        ("se", "se", ERROR),
        ("low", "ci95_low", ERROR),
        ("high", "ci95_high", ERROR),
    ]:
        if key in ("estimate", "se") or (key in figures and figures.get("ci_df") != "normal"):
            wanted = [figures[key][name] for name in names]
            assert rows[column].tolist() == pytest.approx(wanted, rel=relative, abs=EXACT_ZERO), column
