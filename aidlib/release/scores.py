"""What an attacker makes of multidimensional poverty (Alkire & Foster): H, A, M0 and the parts of M0 tell one another.

Contribution × M0 = weight × censored headcount, the weights sum the censored headcounts to M0, and A speaks of as many
units as H counts. The weights are not needed beforehand: every indicator shown completely tells its own.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
from numpy.typing import NDArray

MEASURE = "alkire_foster"
TABLE = ["region", "chapter", "entry"]


def worked_out(rows: pd.DataFrame) -> pd.DataFrame:
    """``rows`` with the withheld estimates (and their n) that follow from the others of their group."""
    poor = _poor(rows)
    if poor.empty:
        return rows
    whole, share, product, weight = _parts(poor)
    told = (product / weight).rename("estimate").reset_index().merge(share.reset_index(name="known"))
    told = told.assign(n=told["group"].map(whole["n"]), component="censored")
    both = poor[poor["component"].isin(["H", "A"])].pivot_table(
        index="group", columns="component", values="n", dropna=False
    )
    both = both.reindex(columns=["H", "A"])
    of_h = (both["A"] / whole["n"].reindex(both.index)).rename("estimate").reset_index()
    of_h = of_h.assign(n=of_h["group"].map(whole["n"]), component="H", indicator="all")
    found = poor.drop(columns=["estimate", "n"]).merge(
        pd.concat([told, of_h])[["group", "component", "indicator", "estimate", "n"]],
        on=["group", "component", "indicator"],
    )
    found = found[found["hidden"] & found["estimate"].notna() & found["n"].notna()].set_index("row")
    filled = rows.copy()
    filled.loc[found.index, ["estimate", "n"]] = found[["estimate", "n"]]
    return filled


def of_the_poor(rows: pd.DataFrame) -> NDArray[np.bool_]:
    """Rows whose n is the number of the poor: where that is 0 among few, it is withheld too."""
    component = rows["key"].astype(str).str.split("/").str[0]
    return (rows["measure"].eq(MEASURE) & component.isin(["A", "contribution", "group_share"])).to_numpy()


def sums(rows: pd.DataFrame) -> pd.DataFrame:
    """relation, row, sign, right: weighted, the counts of the censored headcounts make up M0 × n, where it is shown."""
    poor = _poor(rows)
    empty = pd.DataFrame({"relation": [0], "row": [0], "sign": [0.0], "right": [0.0]}).iloc[:0]
    if poor.empty:
        return empty
    whole, _, _, weight = _parts(poor)
    parts = poor[poor["component"] == "censored"]
    parts = parts.merge(weight.rename("sign").reset_index(), on=["group", "indicator"])
    parts["right"] = parts["group"].map(whole["estimate"] * whole["n"])
    complete = parts["sign"].notna().groupby(parts["group"]).transform("all") & parts["right"].notna()
    return parts[complete].rename(columns={"group": "relation"})[["relation", "row", "sign", "right"]]


def _poor(rows: pd.DataFrame) -> pd.DataFrame:
    poor = rows[rows["measure"] == MEASURE].reset_index(names="row")
    if poor.empty:
        return poor
    names = poor["key"].astype(str).str.split("/", expand=True)
    poor = poor.assign(component=names[0], indicator=names[1])
    poor["group"] = poor.groupby([*TABLE, "place", "cell"], sort=False).ngroup()
    return poor


def _parts(poor: pd.DataFrame) -> tuple[pd.DataFrame, pd.Series, pd.Series, pd.Series]:
    """By group: M0; by group and indicator: its share, contribution × M0, and weight (by table the median of all)."""
    whole = poor[poor["component"] == "M0"].set_index("group")[["estimate", "n"]]
    by = ["group", "indicator"]
    share, contribution = (
        poor[poor["component"] == name].set_index(by)["estimate"] for name in ("censored", "contribution")
    )
    product = contribution * whole["estimate"].reindex(contribution.index.get_level_values("group")).to_numpy()
    ratio = (product / share.where(share > 0)).reindex(share.index)
    table = poor.drop_duplicates("group").set_index("group")[["chapter", "entry"]].agg("/".join, axis=1)
    own = table.reindex(ratio.index.get_level_values("group")).to_numpy()
    weight = (
        ratio.where(np.isfinite(ratio)).groupby([own, ratio.index.get_level_values("indicator")]).transform("median")
    )
    groups = weight.index.get_level_values("group")
    left = 1 - weight.groupby(groups).transform("sum")  # weights sum to 1; what is not known is shared equally
    unknown = weight.isna().groupby(groups).transform("sum")
    return whole, share, product, weight.where(weight.notna(), left / unknown)
