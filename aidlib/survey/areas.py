"""Regions side by side: what is known of each without a sample, and how good the survey's figures of it are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from aidlib.estimate import Estimates, stack
from aidlib.survey.load import Survey
from aidlib.survey.register import on_file

FEWEST = 2  # regions that a comparison needs


def known_of_regions(survey: Survey) -> pd.DataFrame:
    """One line per region with what a model of small areas may use: region, member_households, on_file_rate.

    member_households: sum of the weights of all households that were to be interviewed in the last wave, answered or
    not, which most surveys calibrate to the known number; where they do not, its sampling error is not counted.
    on_file_rate: dossiers open at the end of the year per member household, 0 where the register has none.
    """
    drawn = survey.visits[survey.visits["year"] == survey.visits["year"].max()]
    size = drawn.groupby("region")["weight"].sum().rename("member_households")
    held = on_file(survey.dossiers, f"{survey.year}-12-31", by=["region"]).rows.set_index("region")["estimate"]
    rate = held.reindex(size.index).fillna(0.0) / size
    return pd.DataFrame({"member_households": size, "on_file_rate": rate}).reset_index()


def several_regions(sample: pd.DataFrame) -> pd.DataFrame:
    """The sample, or none of its rows where fewer than two regions were interviewed: nothing is to be compared."""
    return sample if sample["region"].nunique() >= FEWEST else sample.head(0)


def with_care(estimates: Estimates) -> Estimates:
    """The same figures, the published ones flagged "care": a model's figures rest on more than its region's units."""
    flag = estimates.rows["flag"]
    return replace(estimates, rows=estimates.rows.assign(flag=flag.where(flag != "", "care")))


def beside_direct(modelled: Estimates, direct: Estimates) -> Estimates:
    """A model's figures, all with care, and the direct ones, told apart by the key ``estimator``; with its method."""
    both = stack({"modelled": with_care(modelled), "direct": direct}, key="estimator")
    return replace(both, method=modelled.method)


def sizes(graded: Estimates) -> Estimates:
    """What figures rest on, measures "psus" and "cv" (se / |estimate|) by row, n as it was: plain numbers.

    The coefficient of variation keeps the flag of the figure, which says why one is missing.
    """
    rows = graded.rows
    with np.errstate(divide="ignore", invalid="ignore"):
        cv = (rows["se"] / rows["estimate"].abs()).replace(np.inf, np.nan)
    plain = rows.assign(se=np.nan, low=np.nan, high=np.nan, count=np.nan, top1=np.nan, top2=np.nan)
    empty = rows["flag"].eq("empty")
    drawn = plain.assign(measure="psus", estimate=rows["psus"], flag=np.where(empty, "empty", ""))
    blocks = [drawn, plain.assign(measure="cv", estimate=cv)]
    table = pd.concat(blocks).sort_index(kind="stable")
    return replace(
        graded,
        rows=table,
        unit="number",
        method="survey_precision",
        kind="level",
        additive=False,
        margins=(),
        covariance=None,
        _influence=None,
    )
