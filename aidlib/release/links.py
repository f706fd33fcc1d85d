"""Numbers of different tables that hang together without standing in one sum: what a skilled reader would put together.

Each finds rows that say the same, or parts and their whole, by place, base, labels and by the exact numbers, so that
the system of the protection knows what a reader could only guess.
"""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aidlib.release.cells import Cells
from aidlib.release.rule import LEAST

STOCK = "component=closing;"  # what a flow leaves is the stock itself
LABEL = re.compile(r"(\w+)=([^;]*);")
NUMERIC = r"(\w+)=([0-9]+(?:\.[0-9]+)?);"
TELLING = 3  # different sizes that must agree before two groups count as the same units
EXACT = 1e-9  # relative
TABLE = ["chapter", "entry"]
TERMS = ["relation", "row", "sign"]


def groups(frame: pd.DataFrame) -> pd.Series:
    """For each row the labels of the units that it speaks of: those that do not choose units are left out.

    A table that repeats the same households under several headings (kinds of household, kinds of income) has the same
    n under each; where all its n agree, the heading is left out, or replaced by the first one that agrees with it.
    """
    labels = _named_alike(frame, frame["labels"].str.replace(STOCK, "", regex=False))
    first = frame.assign(labels=labels).drop_duplicates(["place", "base", "labels"])
    known = first.set_index(["place", "base", "labels"])["n"]
    for _, table in frame.assign(labels=labels).groupby(TABLE, sort=False):
        for column in _columns(table["labels"]):
            found = _headings(table, column, known)
            labels.loc[found.index] = found
    return labels


def _named_alike(frame: pd.DataFrame, labels: pd.Series) -> pd.Series:
    """``labels``, with that of another table for a count of units that tells the same name and number as a key.

    A table of figures by place (those who left, those who came) repeats what the flow of files tells by component.
    """
    counts = frame.assign(labels=labels)[frame["measure"].eq("count") & frame["estimate"].eq(frame["n"])]
    by = ["place", "base", "n", "value"]
    told = counts.assign(value=counts["labels"].str.extract(r"^\w+=([^;]*);$", expand=False)).dropna(subset="value")
    keyed = counts[counts["labels"] == ""].reset_index(names="row")
    keyed["value"] = keyed["keys"].str.extract(r"^(?!measure=)\w+=([^;]*);measure=[^;]*;$", expand=False)
    met = keyed[["row", *by]].merge(told.drop_duplicates(by)[[*by, "labels"]], on=by)
    new = labels.copy()
    new[met["row"]] = met["labels"].to_numpy()
    return new


def _columns(labels: pd.Series) -> list[str]:
    return sorted({name for text in labels.unique() for name, _ in LABEL.findall(text)})


def _headings(table: pd.DataFrame, column: str, known: pd.Series) -> pd.Series:
    """New labels for the rows of ``table`` whose value of ``column`` chooses no units of its own."""
    text = rf"{column}=([^;]*);"
    value = table["labels"].str.extract(text, expand=False)
    rest = table["labels"].str.replace(text, "", regex=True)
    rows = table.assign(value=value, rest=rest)[value.notna()]
    sizes = rows.pivot_table(index=["place", "base", "rest"], columns="value", values="n", aggfunc="first")
    if table["labels"].eq(rest).any():  # the table has a total over this column, so its values are parts
        return pd.Series(dtype="str")
    whole = known.reindex(sizes.index)
    new: dict[str, str] = {}
    for each in map(str, sizes):
        if _agree(sizes[each], whole):
            new[each] = ""
            continue
        first = next((other for other in map(str, sizes) if other != each and other not in new), None)
        if first is not None and first < each and _agree(sizes[each], sizes[first]):
            new[each] = f"{column}={first};"
    chosen = rows[rows["value"].isin(new)]
    return pd.Series(
        [old.replace(f"{column}={v};", new[v]) for old, v in zip(chosen["labels"], chosen["value"], strict=True)],
        chosen.index,
        dtype="str",
    )


def _agree(one: pd.Series, other: pd.Series) -> bool:
    both = one.notna() & other.notna()
    return bool(one[both].nunique() >= TELLING and (one[both] == other[both]).all())


def splits(frame: pd.DataFrame) -> pd.DataFrame:
    """Tables split by a column without a total of their own, whose total stands in another table (relations of n).

    What the parts leave of their whole is open; without the other labels of the table a whole must agree exactly.
    """
    rows = frame.reset_index(names="row")
    found, made = [], 0
    for column in _columns(frame["units"]):
        part = _parted(rows, "units", column)
        by = ["region", *TABLE, "place", "base", "rest", "keys"]
        part = part.drop_duplicates([*by, "units"])
        sums = part.groupby(by, sort=False)["n"].agg(["sum", "size"]).reset_index()
        sums = sums[sums["size"] > 1]
        sums["number"] = np.arange(len(sums)) + made
        made += len(sums)
        near = sums.merge(
            rows, left_on=["place", "base", "rest"], right_on=["place", "base", "units"], suffixes=("", "_")
        )
        far = sums.merge(rows[rows["units"] == ""], on=["place", "base"], suffixes=("", "_"))
        wholes = pd.concat([near[near["n"] >= near["sum"]], far[far["n"] == far["sum"]]]).sort_values(
            "n", kind="stable"
        )
        wholes = wholes.drop_duplicates("number")
        parts = part.merge(wholes[[*by, "number"]], on=by)
        found.append(_relation(wholes["number"], wholes["row"], -1.0))
        found.append(_relation(parts["number"], parts["row"], 1.0))
    joined = (
        pd.concat(found, ignore_index=True) if found else _relation(pd.Series(dtype=int), pd.Series(dtype=int), 1.0)
    )
    return joined.assign(only="n", open=True)


def nested(frame: pd.DataFrame) -> pd.DataFrame:
    """Shares below one line and below a higher one, of the same units: what lies between is a number of units too."""
    rows = _counted(frame, composed=False)
    by = ["region", *TABLE, "place", "base", "labels", "n", "others"]
    rows = rows.sort_values([*by, "number"], kind="stable")
    after = rows.groupby(by, sort=False)[["row", "count"]].shift(-1)
    pairs = rows.assign(whole=after["row"], more=after["count"])[after["row"].notna().to_numpy()]
    pairs = pairs[pairs["more"] >= pairs["count"]].reset_index(drop=True)
    return pd.concat(
        [_relation(pairs.index, pairs["whole"], -1.0), _relation(pairs.index, pairs["row"], 1.0)], ignore_index=True
    ).assign(only="m", open=True)


def cumulated(frame: pd.DataFrame) -> pd.DataFrame:
    """Shares below a line that are the sum of the first bands of a distribution in another table."""
    bands, lines = _counted(frame, composed=True), _counted(frame, composed=False)
    by = ["region", *TABLE, "place", "base", "labels", "n", "others"]
    bands = bands.sort_values([*by, "number"], kind="stable")
    sums = bands.assign(set=bands.groupby(by, sort=False).ngroup(), rank=bands.groupby(by, sort=False).cumcount())
    sums[["count", "estimate"]] = sums.groupby("set")[["count", "estimate"]].cumsum()
    met = sums[sums["rank"] > 0].merge(lines, on=["place", "base", "labels", "n", "count"], suffixes=("", "_line"))
    met = met[np.isclose(met["estimate"], met["estimate_line"], rtol=EXACT, atol=0)]
    met = met.drop_duplicates("row_line").reset_index(drop=True)
    parts = met[["set", "rank"]].reset_index(names="relation").merge(sums, on="set", suffixes=("_last", ""))
    parts = parts[parts["rank"] <= parts["rank_last"]]
    return pd.concat(
        [_relation(met.index, met["row_line"], -1.0), _relation(parts["relation"], parts["row"], 1.0)],
        ignore_index=True,
    ).assign(only="m", open=False)


def named(cells: Cells) -> pd.DataFrame:
    """Pairs (row, other): the number of units in a category (its share's count) is the n of the category elsewhere."""
    frame = cells.frame
    shares = frame[frame["kind_of_sum"].eq("count") & frame["count"].gt(0)].reset_index(names="row")
    key = shares["keys"].str.extract(r"^(?!measure=)(\w+=[^;]*;)measure=[^;]*;$", expand=False)
    shares = shares[key.notna()]
    joined = shares["units"] + key[key.notna()]
    shares["own"] = ["".join(sorted(f"{a}={b};" for a, b in LABEL.findall(text))) for text in joined]
    groups_ = frame.reset_index(names="other")[["place", "base", "units", "n", "other"]]
    groups_ = groups_.drop_duplicates(["place", "base", "units", "n"])
    met = shares[["row", "place", "base", "own", "count"]].merge(
        groups_, left_on=["place", "base", "own", "count"], right_on=["place", "base", "units", "n"]
    )
    return met[["row", "other"]]


def across(frame: pd.DataFrame) -> pd.DataFrame:
    """Counts of a category in several groups (workers with a degree, on file and not) that make up its n elsewhere.

    role: "count" (of a row's share) or "n" (of a row).
    """
    rows = frame[frame["kind_of_sum"].eq("count") & frame["composition"].ge(0)].reset_index(names="row")
    wholes = frame.reset_index(names="whole")[["place", "base", "units", "n", "whole"]]
    found, made = [], 0
    for column in _columns(rows["labels"]):
        part = _parted(rows, "labels", column)
        by = ["region", *TABLE, "place", "base", "rest", "keys"]
        sums = part.groupby(by, sort=False)["count"].agg(["sum", "size"]).reset_index()
        sums = sums[(sums["size"] > 1) & (sums["rest"] != "")]
        met = sums.merge(
            wholes, left_on=["place", "base", "rest", "sum"], right_on=["place", "base", "units", "n"]
        ).drop_duplicates(by)
        met["relation"] = np.arange(len(met)) + made
        made += len(met)
        found.append(_relation(met["relation"], met["whole"], -1.0).assign(role="n"))
        parts = part.merge(met[[*by, "relation"]], on=by)
        found.append(_relation(parts["relation"], parts["row"], 1.0).assign(role="count"))
    return pd.concat(found, ignore_index=True) if found else _relation(pd.Index([]), pd.Series(), 1.0).assign(role="")


def poor(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of the multidimensional poverty (Alkire & Foster) that tell of one another, by place and group of a table.

    row, other: the row of the censored headcount of an indicator and that of its contribution; for the whole (indicator
    "all") the row of H and that of A, whose n is the number of the poor. weight: of the indicator. group: of rows that
    make up one M0. told: whether M0 is: not that of a few.
    """
    rows = frame[frame["measure"].eq("alkire_foster")].reset_index(names="row")
    names = (
        rows["keys"].str.extract(r"component=([^;]*);indicator=([^;]*);").set_axis(["component", "indicator"], axis=1)
    )
    rows = rows.join(names)
    by = ["region", *TABLE, "place", "labels"]
    rows["group"] = rows.groupby(by, sort=False).ngroup()
    of = {name: rows[rows["component"] == name] for name in ("H", "A", "M0", "censored", "contribution")}
    both = pd.concat(
        [
            of[one].merge(of[other], on=["group", "indicator"], suffixes=("", "_other"))
            for one, other in (("censored", "contribution"), ("H", "A"))
        ],
        ignore_index=True,
    )
    whole = of["M0"].set_index("group")
    both["told"] = both["group"].map(whole["count"]).ge(LEAST)
    with np.errstate(divide="ignore", invalid="ignore"):
        weight = both["estimate_other"] * both["group"].map(whole["estimate"]) / both["estimate"]
    both["weight"] = (
        weight.where(np.isfinite(weight))
        .groupby([both["chapter"], both["entry"], both["indicator"]])
        .transform("median")
    )
    both["weight"] = both["weight"].fillna(1.0).round(6)
    return both[["row", "row_other", "indicator", "weight", "group", "told"]].rename(columns={"row_other": "other"})


def _parted(rows: pd.DataFrame, labels: str, column: str) -> pd.DataFrame:
    """The rows that name a value of ``column`` among their ``labels``, with what else these say (``rest``)."""
    text = rf"{column}=[^;]*;"
    part = rows[rows[labels].str.contains(text)]
    return part.assign(rest=part[labels].str.replace(text, "", regex=True))


def _counted(frame: pd.DataFrame, composed: bool) -> pd.DataFrame:
    """Shares of units told along a column of numbers: its value (``number``) and the keys beside it (``others``)."""
    rows = frame[frame["kind_of_sum"].eq("count") & (frame["composition"].ge(0) == composed)].reset_index(names="row")
    number = rows["keys"].str.extract(NUMERIC)
    rows = rows.assign(number=pd.to_numeric(number[1]), others=rows["keys"].str.replace(NUMERIC, "", regex=True))
    return rows[number[1].notna().to_numpy()]


def _relation(relation: pd.Series | pd.Index | NDArray[np.int64], row: pd.Series, sign: float) -> pd.DataFrame:
    return pd.DataFrame({"relation": np.asarray(relation, int), "row": np.asarray(row, int), "sign": sign})
