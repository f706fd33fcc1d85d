"""The cells as one linear system: what a reader can compute from what."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse

from aidlib import reference
from aidlib.release import links
from aidlib.release.cells import SAME, Cells
from aidlib.release.rule import LEAST, NOT_PEOPLE

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
SUMS = ("count", "total", "sum")
NONE = -1


@dataclass(frozen=True)
class System:
    """Unknowns and the equations between them; all equal figures, in whatever table or edition, are one unknown.

    value, kind: of each unknown; kind is "n" (units of a cell), "count" (those that carry a share), "complement" (the
    others), "total", "sum" (estimate × n), "part" (of a constant) or "rest" (what the parts leave of their whole).
    n, m, also: the unknowns that each cell tells (-1: none): its n, its own number, and that of another cell.
    complement: of each unknown of kind "count". equations @ value = 0, but for "part" and the parts of M0, which add to
    a constant. read: the value that a reader would take, which for the count of a weighted share is share × n.
    """

    value: Floats
    read: Floats
    kind: NDArray[np.object_]
    n: Ints
    m: Ints
    complement: Ints
    also: Ints
    equations: sparse.csr_array


def system(cells: Cells) -> System:
    """The system of all tables, editions and levels of regions in ``cells``."""
    cells = replace(cells, frame=cells.frame.assign(units=links.groups(cells.frame)))
    frame = cells.frame
    n, m, value, kind = _unknowns(frame)
    read = value.copy()
    shares = np.flatnonzero(frame["kind_of_sum"].eq("count").to_numpy() & (m >= 0))
    read[m[shares]] = (frame["estimate"] * frame["n"]).fillna(0.0).to_numpy()[shares]
    complement = np.full(len(value), NONE)
    counts = np.flatnonzero(kind == "count")
    complement[counts] = np.arange(len(counts)) + len(value)
    whole = pd.Series(n[m >= 0], m[m >= 0]).groupby(level=0).first().reindex(counts).to_numpy()
    value, read = (np.concatenate([known, value[whole] - known[counts]]) for known in (value, read))
    kind = np.concatenate([kind, np.full(len(counts), "complement", dtype=object)])
    terms = [_shares(whole, counts, complement[counts]), _compositions(cells.compositions, frame, n, m)]
    terms.append(_same(n, m, links.named(cells)))
    terms.append(_across(n, m, links.across(frame)))
    poor = links.poor(frame)
    h = poor["indicator"].eq("all")
    terms.append(_same(n, m, poor[h]))
    terms.append(_scores(m, poor[~h & poor["told"]]))
    also = np.full(len(frame), NONE)
    also[poor.loc[~h, "other"]] = m[poor.loc[~h, "row"]]
    sums = [cells.margins.assign(open=False), _levels(frame), _apart(frame)]
    sums += [links.splits(frame), links.nested(frame), links.cumulated(frame)]
    levels = pd.concat([each.assign(way=way) for way, each in enumerate(sums)], ignore_index=True)
    levels["relation"] = levels.groupby(["way", "relation", "only"], dropna=False, sort=False).ngroup()
    adds: list[pd.DataFrame] = []
    for unknown, name in ((n, "n"), (m, "m")):
        # where the parts leave units of their whole, these may carry some of the numerator too, though none does
        left = adds[0].loc[adds[0]["unknown"] >= len(complement), "relation"] if adds else pd.Series(dtype=int)
        found, rests = _adding(levels[levels["only"].isna() | levels["only"].eq(name)], unknown, value, kind, left)
        adds.append(
            found.assign(unknown=found["unknown"].where(found["unknown"] >= 0, len(value) - 1 - found["unknown"]))
        )
        value, kind = np.concatenate([value, rests]), np.concatenate([kind, np.full(len(rests), "rest", dtype=object)])
    complement = np.concatenate([complement, np.full(len(value) - len(complement), NONE)])
    read = np.concatenate([read, value[len(read) :]])
    return System(value, read, kind, n, m, complement, also, _matrix([*terms, *adds], len(value)))


def _unknowns(frame: pd.DataFrame) -> tuple[Ints, Ints, Floats, NDArray[np.object_]]:
    """For each cell the unknown of its n and of its own number, and the value and kind of each unknown."""
    cell = frame[["place", "base", "units"]]
    size = frame["n"].to_numpy()
    valid = np.isfinite(size) & ~frame["unit"].isin(NOT_PEOPLE).to_numpy()
    n = np.full(len(frame), NONE)
    n[valid] = cell.assign(n=size)[valid].groupby(["n", *cell], dropna=False, sort=False).ngroup()
    kinds = frame["kind_of_sum"].to_numpy(dtype=object)
    estimate = frame["estimate"].mask(frame["n"] == 0, 0.0)
    own = {
        "count": frame["count"].mask(frame["n"] == 0, 0.0).to_numpy(),
        "total": estimate.to_numpy(),
        "sum": (estimate * frame["n"]).to_numpy(),
        "part": estimate.to_numpy(),
    }
    told = valid & np.isin(kinds, list(own))
    number = np.select([kinds == k for k in own], list(own.values()), np.nan)
    m = np.full(len(frame), NONE)
    if told.any():
        m[told] = _figures(frame[told]) + n.max(initial=NONE) + 1
    total = int(max(n.max(initial=NONE), m.max(initial=NONE))) + 1
    value, kind = np.zeros(total), np.full(total, "n", dtype=object)
    value[n[n >= 0]] = size[n >= 0]
    value[m[told]], kind[m[told]] = number[told], kinds[told]
    return n, m, value, kind


def _figures(frame: pd.DataFrame) -> Ints:
    """Which cells tell the same number: those of one row of one table in all editions, and rows of different tables
    that agree in every respect (a share of nobody, of all, or of a few says too little to be recognised)."""
    number = significant(frame["estimate"].to_numpy())
    fields = frame[["place", "base", "labels", "kind_of_sum", "n", "count"]].assign(number=number)
    own = fields.assign(table=frame["chapter"] + "/" + frame["entry"], keys=frame["keys"])
    row = own.groupby(list(own), dropna=False, sort=False).ngroup().to_numpy()
    alike = fields.groupby(list(fields), dropna=False, sort=False).ngroup()
    twice = own["keys"].groupby([alike, own["table"]]).transform("nunique").gt(1).groupby(alike).transform("any")
    amount = frame["count"].isna() | (frame["count"].gt(0) & frame["count"].lt(frame["n"]))
    telling = ~twice & amount & frame["n"].ge(LEAST) & (number != 0)
    merged = np.where(telling, alike, row + len(frame))
    return np.asarray(pd.factorize(merged)[0])


def significant(values: Floats, digits: int = 10) -> Floats:
    """Rounded to ``digits`` significant digits, so that sums taken in another order are the same number."""
    with np.errstate(divide="ignore", invalid="ignore"):
        scale = 10.0 ** (digits - 1 - np.floor(np.log10(np.abs(values))))
        return np.where(np.isfinite(scale), np.round(values * scale) / scale, values)


def _levels(frame: pd.DataFrame) -> pd.DataFrame:
    """For every figure of a place, the same figure of the places inside it (what they leave of it is open)."""
    parents = reference.regions().drop_duplicates("code").set_index("code")["parent"]
    figure = frame.groupby(["chapter", "entry", "labels", "keys", "base"], sort=False).ngroup()
    one = pd.DataFrame({"figure": figure, "place": frame["place"], "row": np.arange(len(frame))})
    one = one.drop_duplicates(["figure", "place"])
    inner = one.assign(parent=one["place"].map(parents))
    pairs = inner.merge(one, left_on=["figure", "parent"], right_on=["figure", "place"], suffixes=("", "_whole"))
    wholes = pairs.drop_duplicates("row_whole")["row_whole"]
    rows = np.concatenate([wholes, pairs["row"]]).astype(int)
    signs = np.concatenate([-np.ones(len(wholes)), np.ones(len(pairs))])
    relation = np.concatenate([wholes, pairs["row_whole"]]).astype(int)
    return pd.DataFrame({"relation": relation, "row": rows, "sign": signs, "open": True})


def _apart(frame: pd.DataFrame) -> pd.DataFrame:
    """Tables by place without a total of their own, whose total stands in another table."""
    parents = reference.regions().drop_duplicates("code").set_index("code")["parent"]
    rows = frame.reset_index(names="row").assign(parent=frame["place"].map(parents).to_numpy())
    table = ["region", "chapter", "entry", "labels", "keys", "base", "parent"]
    split = rows[rows["place"] != rows["region"]]
    sums = split.groupby(table, sort=False).agg(n=("n", "sum"), count=("count", "sum")).reset_index()
    sums["group"] = np.arange(len(sums))
    wholes = sums.merge(
        rows[["place", "base", "labels", "n", "count", "row"]],
        left_on=["parent", "base", "labels", "n"],
        right_on=["place", "base", "labels", "n"],
        suffixes=("", "_whole"),
    )
    found = []
    for only, chosen in (("n", wholes), ("m", wholes[wholes["count"] == wholes["count_whole"]])):
        first = chosen.drop_duplicates("group")[["group", "row", *table]]
        parts = split.merge(first, on=table, suffixes=("", "_whole"))
        whole = pd.DataFrame({"relation": first["group"], "row": first["row"], "sign": -1.0})
        inner = pd.DataFrame({"relation": parts["group"], "row": parts["row"], "sign": 1.0})
        found.append(pd.concat([whole, inner]).assign(only=only, open=True))
    return pd.concat(found, ignore_index=True)


def _adding(
    relations: pd.DataFrame, unknown: Ints, value: Floats, kind: NDArray[np.object_], incomplete: pd.Series
) -> tuple[pd.DataFrame, Floats]:
    """Terms of the relations that hold between the unknowns, with a rest (-1, -2, …) where an open one leaves some.

    incomplete: relations whose parts do not hold all units, so that a rest of 0 is chance.
    """
    terms = relations.assign(unknown=unknown[relations["row"].to_numpy(dtype=int)])
    known = terms["unknown"] >= 0
    terms = terms.assign(value=np.where(known, value[terms["unknown"]], np.nan) * terms["sign"])
    terms["kind"] = np.where(known, kind[terms["unknown"]], "")
    by = terms.groupby("relation", sort=False)
    one_kind = by["kind"].transform("nunique").eq(1) & terms["kind"].isin([*SUMS, "n"])
    size = terms["value"].abs().groupby(terms["relation"], sort=False).transform("max")
    left = -by["value"].transform("sum").where(by["value"].transform("count").eq(by["value"].transform("size")))
    near = left.abs() <= SAME * 1000 * size
    holds = one_kind & (near | (terms["open"] & (left > 0)) | terms["kind"].eq("sum"))
    terms, left, near = terms[holds], left[holds], near[holds]
    some = ~near | terms["relation"].isin(incomplete)
    short = terms[some & terms["kind"].ne("sum")].drop_duplicates("relation")
    rests = pd.DataFrame({"relation": short["relation"], "sign": 1.0, "unknown": -1 - np.arange(len(short))})
    columns = ["relation", "unknown", "sign"]
    return pd.concat([terms[columns], rests[columns]], ignore_index=True), left[short.index].to_numpy()


def _shares(whole: Ints, counts: Ints, complements: Ints) -> pd.DataFrame:
    """n = count + complement."""
    relation = np.arange(len(counts))
    parts = [(whole, -1.0), (counts, 1.0), (complements, 1.0)]
    frames = [pd.DataFrame({"relation": relation, "unknown": u, "sign": sign}) for u, sign in parts]
    return pd.concat(frames, ignore_index=True)


def _same(n: Ints, m: Ints, pairs: pd.DataFrame) -> pd.DataFrame:
    """The count of a share is the n of another cell."""
    count, other = m[pairs["row"].to_numpy(dtype=int)], n[pairs["other"].to_numpy(dtype=int)]
    relation = np.arange(len(pairs))
    frames = [pd.DataFrame({"relation": relation, "unknown": u, "sign": s}) for u, s in ((count, 1.0), (other, -1.0))]
    return pd.concat(frames, ignore_index=True)


def _across(n: Ints, m: Ints, terms: pd.DataFrame) -> pd.DataFrame:
    """Counts of shares that add up to the n of another cell."""
    row = terms["row"].to_numpy(dtype=int)
    unknown = np.where(terms["role"] == "n", n[row], m[row])
    return terms.assign(unknown=unknown)[["relation", "unknown", "sign"]]


def _scores(m: Ints, poor: pd.DataFrame) -> pd.DataFrame:
    """M0 is told: the weighted sum of the counts of its indicators stays what it is."""
    unknown = m[poor["row"].to_numpy(dtype=int)]
    return pd.DataFrame({"relation": poor["group"], "unknown": unknown, "sign": poor["weight"]})


def _compositions(groups: pd.DataFrame, frame: pd.DataFrame, n: Ints, m: Ints) -> pd.DataFrame:
    """Categories add up to their whole: counts to n, parts to a constant."""
    rows = groups["row"].to_numpy()
    kinds = frame["kind_of_sum"].to_numpy(dtype=object)[rows]
    terms = groups.assign(unknown=m[rows], sign=1.0, whole=n[rows], counts=kinds == "count")
    terms = terms[np.isin(kinds, ["count", "part"])]
    wholes = terms[terms["counts"]].drop_duplicates("relation").assign(sign=-1.0)
    wholes["unknown"] = wholes["whole"]
    return pd.concat([terms, wholes], ignore_index=True)[["relation", "unknown", "sign"]]


def _matrix(blocks: list[pd.DataFrame], unknowns: int) -> sparse.csr_array:
    """Equations × unknowns without empty and repeated equations."""
    names = [block.assign(block=i) for i, block in enumerate(blocks)]
    terms = pd.concat(names, ignore_index=True)
    terms = terms.groupby(["block", "relation", "unknown"], sort=False)["sign"].sum().reset_index()
    terms = terms[terms["sign"] != 0]
    marks = np.random.default_rng(0).random(unknowns)  # a fixed number per unknown: equal sums, equal equations
    terms["mark"] = terms["sign"] * marks[terms["unknown"]]
    mark = terms.groupby(["block", "relation"], sort=False)["mark"].sum().round(12)
    first = mark[~mark.abs().duplicated()].index
    terms = terms.set_index(["block", "relation"]).loc[first]
    line = terms.groupby(level=[0, 1], sort=False).ngroup().to_numpy()
    shape = (int(line.max(initial=-1)) + 1, unknowns)
    return sparse.csr_array((terms["sign"].to_numpy(), (line, terms["unknown"].to_numpy(dtype=int))), shape=shape)
