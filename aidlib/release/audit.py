"""The independent attacker: what a reader can work out about each withheld number from everything that is published.

Starts from the published chapters as JSON alone (numbers, flags, which rows add up to which) and shares no code with
the protection. Where a reader would guess (that two tables speak of the same households, that cities make up their
province, that a share is a plain count), the guess is tested on the numbers that are shown, and held if it never fails.
Then linear programmes (HiGHS) give the lowest and highest value that each withheld number can have.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from aidlib import reference
from aidlib.release.attack import Attack, intervals
from aidlib.release.scores import worked_out

WITHHELD = ("suppressed", "complementary", "dominance", "quality")
FIELDS = ("measure", "estimate", "se", "low", "high", "n", "df", "count", "psus", "top1", "top2", "flag")
AREAS = ("county", "region")
WHOLE = "all"
VARIABLE = r"^(\w+=)"
REGISTER = "R"
THRESHOLD = 10
EXACT = 0.5  # a count known to less than one unit is known
NARROW = 0.1  # half-width, relative, from which on a withheld amount counts as hidden
DUST = 1e-6
LEAST_ALIKE = 2  # places in which two series must show the same number to be taken for one


@dataclass(frozen=True)
class Findings:
    """What the attack found: one row per withheld number and quantity that could be bounded.

    intervals: region, chapter, entry, position, flag, quantity (n, count, complement, total, sum), low, high, verdict:
    "exact", "narrow" (a small cell whose interval lacks one of 1 … 9; an amount known within 10 %) or "".
    contradictory: region, chapter, entry, position, quantity where the publication contradicts itself even without any
    guess: the attack can say nothing of them, so they count as unprotected.
    """

    intervals: pd.DataFrame
    contradictory: pd.DataFrame

    @property
    def broken(self) -> pd.DataFrame:
        """The rows that a reader can work out too well."""
        return self.intervals[self.intervals["verdict"] != ""]


def audit(published: Mapping[str, Sequence[Mapping[str, Any]]], threshold: int = THRESHOLD) -> Findings:
    """Attack ``published``: for each region the chapters of its edition as JSON (``Content.to_json``).

    threshold: of the published rule; a small number has fewer units.

    Tables that agree wherever both are shown are taken to count the same units, and places to be made up by those
    inside them; where that leads to a contradiction the attack is tried again with one guess less.
    """
    rows, margins = _flatten(published)
    columns = ["region", "chapter", "entry", "position", "flag", "quantity", "low", "high"]
    if not rows["hidden"].any():
        nothing = pd.DataFrame(columns=[*columns, "verdict"])
        return Findings(nothing, nothing[[*columns[:4], "quantity"]])
    rows = worked_out(rows)
    tries: list[pd.DataFrame] = []
    for linked, nested in ((True, True), (False, True), (False, False)):
        tries.append(intervals(_attack(rows, margins, threshold, linked, nested)))
        if tries[-1]["low"].notna().all():
            break
    found = pd.concat(tries, ignore_index=True).merge(rows.reset_index(names="row"), on="row")
    bounded = found["low"].notna()
    known = bounded.groupby([found["row"], found["quantity"]]).transform("any")
    both = found[bounded].copy()
    both["verdict"] = _verdicts(both, threshold)
    order = both.assign(width=both["high"] - both["low"]).sort_values(["row", "quantity", "width"], kind="stable")
    closest = order.drop_duplicates(["row", "quantity"])[[*columns, "verdict"]].reset_index(drop=True)
    return Findings(closest, found[~known].drop_duplicates(["row", "quantity"])[[*columns[:4], "quantity"]])


def _verdicts(found: pd.DataFrame, threshold: int) -> NDArray[np.object_]:
    low, high = found["low"].to_numpy(), found["high"].to_numpy()
    amount = found["quantity"].isin(["total", "sum", "part"]).to_numpy()
    units = found["unit"].isin(["households", "persons"]).to_numpy() & found["quantity"].eq("total").to_numpy()
    with np.errstate(invalid="ignore"):
        middle = np.abs(low + high) / 2
        tight = amount & ((high - low) / 2 < NARROW * middle * (1 - DUST)) & np.isfinite(high) & np.isfinite(low)
        exact = (~amount | units) & (high - low < EXACT)
    sensitive = found["flag"].eq("suppressed").to_numpy()
    n = found["quantity"].eq("n").to_numpy() & sensitive & (low < threshold - DUST)
    lacking = n & ((low > 1 + DUST) | (high < threshold - 1 - DUST))
    shares = found["quantity"].isin(["count", "complement"]).to_numpy() & sensitive
    lacking |= shares & (high - low < threshold - 2 - DUST)
    needed = sensitive | (amount & found["flag"].eq("dominance").to_numpy())
    known_large = found["quantity"].eq("n").to_numpy() & (low >= threshold - DUST)
    verdict = np.where(lacking | (tight & needed), "narrow", "").astype(object)
    verdict[exact & needed & ~known_large] = "exact"
    return verdict


def _flatten(published: Mapping[str, Sequence[Mapping[str, Any]]]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All rows under one another, and (relation, row, sign) of the margins that the tables show."""
    frames, margins, start, relation = [], [], 0, 0
    for region, chapters in published.items():
        for chapter in chapters:
            silent = {WHOLE, str(chapter["parameters"].get("period", ""))}
            for item in chapter["items"]:
                if item["type"] != "entry":
                    continue
                table = item["estimates"]
                frames.append(_rows(region, str(chapter["name"]), str(item["key"]), table, silent))
                for total, parts in table["margins"]:
                    margins.append((relation, start + total, -1.0))
                    margins += [(relation, start + part, 1.0) for part in parts]
                    relation += 1
                start += len(frames[-1])
    rows = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame({"hidden": np.zeros(0, dtype=bool)})
    return rows, pd.DataFrame(margins, columns=["relation", "row", "sign"])


def _rows(region: str, chapter: str, entry: str, table: Mapping[str, Any], silent: set[str]) -> pd.DataFrame:
    found = pd.DataFrame({name: pd.Series(values, dtype=object) for name, values in table["rows"].items()})
    domains, keys = list(table["domains"]), list(table["keys"])
    areas = [name for name in AREAS if name in domains]
    place = pd.Series(region, found.index, dtype=object)
    for name in areas[::-1]:
        place = found[name].where(found[name] != WHOLE, place)
    told = [name for name in domains if name not in areas]
    texts = found[told].apply(lambda column: (f"{column.name}:" + column.astype(str)).where(~column.isin(silent), ""))
    named = found[[*keys, "measure"]].astype(str)
    cell = texts.sum(axis=1) if told else pd.Series("", found.index, dtype=object)
    if (
        table["base"] == REGISTER and found["measure"].eq("count").all()
    ):  # who left is who left, whether a component or a figure
        values = found[[*told, *keys]].astype(str)
        cell = values.mask(values.isin(silent), "").agg("".join, axis=1) if len(values.columns) else cell
    number = pd.to_numeric(found["estimate"])
    flag = found["flag"].astype(str)
    return pd.DataFrame(
        {
            "region": region,
            "chapter": chapter,
            "entry": entry,
            "position": np.arange(len(found)),
            "base": table["base"],
            "unit": table["unit"],
            "kind": table["kind"],
            "additive": bool(table["additive"]),
            "keyed": bool(keys),
            "place": place.astype(str),
            "cell": cell,
            "key": _joined(named),
            "measure": found["measure"].astype(str),
            "estimate": number,
            "n": pd.to_numeric(found["n"]),
            "flag": flag,
            "hidden": flag.isin(WITHHELD),
            "groups": _groups(found, domains, keys),
        }
    )


def _groups(found: pd.DataFrame, domains: list[str], keys: list[str]) -> pd.Series:
    """For each row, for every column, what it shares with the rows that differ from it in that column alone."""
    columns = [*domains, *keys]
    texts = found[[*columns, "measure"]].astype(str)
    named = {
        column: (
            ("key " if column in keys else "domain ")
            + column
            + texts[column].str.extract(VARIABLE, expand=False).fillna("")  # "education=college" is one of several
            + "|"
            + _joined(texts.drop(columns=column))
        ).where(texts[column] != WHOLE, "")
        for column in columns
    }
    return pd.Series(pd.DataFrame(named).to_numpy().tolist(), found.index)


def _joined(texts: pd.DataFrame) -> pd.Series:
    """The texts of each row, separated by "/"."""
    first, *others = (texts[column].astype(object) for column in texts)
    for each in others:
        first = first + "/" + each
    return first


def _attack(rows: pd.DataFrame, margins: pd.DataFrame, threshold: int, linked: bool, nested: bool) -> Attack:
    parents = dict(zip(*reference.regions()[["code", "parent"]].to_numpy().T, strict=True))
    entry = rows["chapter"] + "/" + rows["entry"]
    series = entry + "/" + rows["key"]
    place = rows["region"] + "/" + rows["place"] + "/" + rows["cell"]
    split = rows["n"].groupby([entry, place]).transform("nunique").gt(1).groupby(entry).transform("any")
    family = series.where(split, entry)
    figure = series
    if linked:
        family = _families(rows, family, rows["n"])
        telling = rows["estimate"].where((rows["estimate"] != 0) & (rows["estimate"] != 1))
        figure = _families(rows, series, telling)
    return Attack.of(rows.assign(series=series, family=family, figure=figure), margins, parents, threshold, nested)


def _families(rows: pd.DataFrame, series: pd.Series, value: pd.Series) -> pd.Series:
    """The series that show the same value wherever two of them show one (at least two such places) are one family."""
    cells = rows["base"] + "/" + rows["place"] + "/" + rows["cell"]
    long = pd.DataFrame({"series": series, "cell": cells, "value": value}).dropna()
    table = long.pivot_table(index="series", columns="cell", values="value", aggfunc="first")
    merged = np.full(table.shape, np.nan)
    names: dict[str, str] = {}
    made = 0
    for name, line in zip(table.index, table.to_numpy(), strict=True):
        same = np.flatnonzero(_agree(line, merged[:made]))
        at = int(same[0]) if len(same) else made
        merged[at] = np.where(np.isnan(merged[at]), line, merged[at])
        names[name] = f"family {at}"
        made = max(made, at + 1)
    return series.map(lambda name: names.get(name, name))


def _agree(line: NDArray[np.float64], others: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Which of ``others`` show the same numbers, at least two, wherever both show one."""
    told = np.isfinite(line) & (line != 0)
    line, others = line[told], others[:, told]
    both = np.isfinite(others)
    apart = np.abs(line - others) > DUST**2 * np.abs(others)
    return np.asarray((both.sum(axis=1) >= LEAST_ALIKE) & ~(both & apart).any(axis=1))
