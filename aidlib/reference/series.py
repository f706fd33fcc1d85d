"""Dated facts with their source and how sure they are: places, dibao lines, prices, industries.

A folder of the user (``data/reference``) may hold files of the same names; its rows come before the shipped ones with
the same key, so that a researcher can replace a national series by a provincial one without touching the library.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path

import pandas as pd

KEYS = {
    "regions.csv": ["code", "valid_from"],
    "lines.csv": ["region", "valid_from"],
    "prices.csv": ["region", "series", "period"],
    "industries.csv": ["code"],
    "baskets.csv": ["basket", "group"],
}


def regions(folder: Path | None = None) -> pd.DataFrame:
    """Places by GB/T 2260: code, parent, level (nation, province, city, county), zh, en, valid_from, valid_to, demo."""
    table = _table("regions.csv", folder)
    return table.assign(demo=table["demo"] == "true")


def industries(folder: Path | None = None) -> pd.DataFrame:
    """GB/T 4754 sections: code (A–T), zh, en, source."""
    return _table("industries.csv", folder)


def lines(folder: Path | None = None) -> pd.DataFrame:
    """Monthly urban dibao line L: region, valid_from, line (yuan per head and month), source, certainty."""
    table = _table("lines.csv", folder)
    return table.assign(line=table["line"].astype(float), valid_from=pd.to_datetime(table["valid_from"]))


def prices(folder: Path | None = None) -> pd.DataFrame:
    """Price series: region, series (cpi, food), period (YYYY or YYYY-MM), index (a year earlier = 100), source."""
    table = _table("prices.csv", folder)
    return table.assign(index=table["index"].astype(float))


def price_index(region: str, base: int, folder: Path | None = None, series: str = "cpi") -> pd.Series:
    """Chained yearly price level, ``base`` = 1, indexed by year; the nation's where ``region`` has none.

    Chain: level[t] = level[t-1] * index[t] / 100, the yearly index being the previous year = 100. series: "cpi",
    "food", "basket" (what households in hardship buy: one's own series of that name, else from cpi and food by the
    shares of ``baskets``), or any other in the prices table. Raises KeyError where none covers ``base``.
    """
    table = prices(folder)
    if series == "basket" and not table["series"].eq("basket").any():
        table = pd.concat([table, _basket(table, baskets(folder))], ignore_index=True)
    yearly = table[(table["series"] == series) & (table["period"].str.len() == 4)]
    for place in (region, region[:2] + "0000", "000000"):
        rows = yearly[yearly["region"] == place]
        if len(rows) and str(base) in set(rows["period"]):
            rows = rows.sort_values("period")
            level = (rows["index"] / 100).cumprod()
            level.index = rows["period"].astype(int)
            return (level / level.loc[base]).rename("price_level")
    raise KeyError(f"no yearly {series} series that covers {base}")


def baskets(folder: Path | None = None) -> pd.DataFrame:
    """Shares of food in the CPI and in what households in hardship buy: basket, group, share, source, certainty."""
    return _table("baskets.csv", folder).astype({"share": float})


def _basket(table: pd.DataFrame, shares: pd.DataFrame) -> pd.DataFrame:
    """Prices of the hardship basket: food and all else at the basket's shares, all else being what the CPI leaves.

    other = (cpi - s food) / (1 - s), basket = h food + (1 - h) other; s, h: shares of food in the CPI and the basket.
    For every place with a food series; its CPI is that of the place, else of the province, else of the nation.
    """
    food = shares[shares["group"] == "food"].set_index("basket")["share"]
    known = table[table["series"] == "cpi"].set_index(["region", "period"])["index"]
    rows = table[table["series"] == "food"]
    places = [rows["region"], rows["region"].str[:2] + "0000", pd.Series("000000", rows.index)]
    found = [known.reindex(pd.MultiIndex.from_arrays([place, rows["period"]])).to_numpy() for place in places]
    cpi = (
        pd.Series(found[0], rows.index).fillna(pd.Series(found[1], rows.index)).fillna(pd.Series(found[2], rows.index))
    )
    other = (cpi - food["cpi"] * rows["index"]) / (1 - food["cpi"])
    index = food["hardship"] * rows["index"] + (1 - food["hardship"]) * other
    return rows[["region", "period"]].assign(series="basket", index=index).dropna()


def _table(file: str, folder: Path | None) -> pd.DataFrame:
    """The shipped table, with the user's rows replacing those of the same key."""
    shipped = _shipped(file)
    own = folder / file if folder else None
    if own is None or not own.exists():
        return shipped.copy()
    user = pd.read_csv(own, dtype=str, keep_default_na=False)
    both = pd.concat([user, shipped], ignore_index=True)
    return both.drop_duplicates(KEYS[file]).reset_index(drop=True).fillna("")


@cache
def _shipped(file: str) -> pd.DataFrame:
    with files("aidlib.reference").joinpath(file).open(encoding="utf-8") as handle:
        return pd.read_csv(handle, dtype=str, keep_default_na=False)
