"""Dated facts with their source and how sure they are: places, dibao lines, prices, industries.

A folder of the user (``data/reference``) may hold files of the same names; its rows come before the shipped ones with
the same key, so that a researcher can replace a national series by a provincial one, or add the places of a survey,
without touching the library. Places are always those of the project (``project.own_tables``), since every folder asks
for them: intake for codes, display for names, the gate for what lies in what.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from pathlib import Path

import pandas as pd

from aidlib.reference.messages import problem
from aidlib.reference.project import own_tables

KEYS = {
    "regions.csv": ["code"],
    "lines.csv": ["region", "valid_from"],
    "prices.csv": ["region", "series", "period"],
    "industries.csv": ["code"],
    "baskets.csv": ["basket", "group"],
}


_LEVELS = {"0000": "province", "00": "city"}  # by the end of the code, where the user's own row does not say


def regions(folder: Path | None = None) -> pd.DataFrame:
    """Places by GB/T 2260: code, parent, level (nation, province, city, county), zh, en, valid_from, valid_to, demo.

    folder: of the user's own table; by default the project's. An own row needs code and zh (en is zh where it is
    blank); its parent is then the place above it by the code, its level that of the code.
    """
    return places(folder or own_tables())


def places(own: Path | None) -> pd.DataFrame:
    """As ``regions``, with the user's own table in the folder ``own``, or none."""
    table = _table("regions.csv", own)
    if own is not None and (own / "regions.csv").is_file():
        table = _completed(table, own / "regions.csv")
    return table.assign(demo=table["demo"] == "true")


def _completed(table: pd.DataFrame, file: Path) -> pd.DataFrame:
    code = table["code"].astype("str").str.strip()
    wrong = code[~code.str.fullmatch(r"\d{6}")]
    if len(wrong):
        raise problem("reference.bad_region", file=file.name, code=wrong.iloc[0][:20] or "-")
    city, province = code.str[:4] + "00", code.str[:2] + "0000"
    above = province.mask(code.eq(province), "000000").where(code.str.endswith("00") | ~city.isin(code), city)
    level = code.str[2:].map(_LEVELS).fillna(code.str[4:].map(_LEVELS)).fillna("county")
    found = table.reindex(columns=_shipped("regions.csv").columns, fill_value="").assign(code=code)
    blank = {name: found[name].eq("") for name in ("parent", "level", "en")}
    return found.assign(
        parent=found["parent"].mask(blank["parent"] & code.ne("000000"), above),
        level=found["level"].mask(blank["level"], level),
        en=found["en"].mask(blank["en"], found["zh"]),
    )


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
    both = pd.concat([_own(own, KEYS[file]), shipped], ignore_index=True)
    return both.drop_duplicates(KEYS[file]).reset_index(drop=True).fillna("")


def _own(path: Path, key: list[str]) -> pd.DataFrame:
    try:
        user = pd.read_csv(path, dtype=str, keep_default_na=False, encoding="utf-8-sig")
    except (UnicodeDecodeError, pd.errors.ParserError, pd.errors.EmptyDataError) as error:
        raise problem("reference.bad_table", file=path.name, columns=", ".join(key)) from error
    needed = [*key, "zh"] if path.name == "regions.csv" else key
    if not set(needed) <= set(user):
        raise problem("reference.bad_table", file=path.name, columns=", ".join(needed))
    return user


@cache
def _shipped(file: str) -> pd.DataFrame:
    with files("aidlib.reference").joinpath(file).open(encoding="utf-8") as handle:
        return pd.read_csv(handle, dtype=str, keep_default_na=False)
