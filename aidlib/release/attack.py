"""The equations that a reader can write down from a publication, and the intervals that follow from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from aidlib.release.scores import of_the_poor, sums

Floats = NDArray[np.float64]
CLOSE = 1e-7  # relative error of sums of published numbers
PATIENCE, WORTH = 3, 20  # programmes for many unknowns at once that may, in a row, bring fewer than this
PUSHED = (1.0, 0.5, 0.1)  # fractions of the unknowns that one programme pushes
HALF = 0.5
UNBOUNDED = 3  # status of a programme
ROUNDS = 5  # of bounds from single equations, each from those before
DUST = 1e-9  # relative error of a sum of published numbers that is nothing but rounding in the computer
SOLVED = 1e-7  # relative error of a solution
WHOLE_NUMBER = 1e-6  # share × n so near to an integer is a plain count
USUAL = 0.9  # part of the tested relations of a base that must hold for untested ones to be believed
NO_TERMS = pd.DataFrame({"relation": [0], "at": [0], "sign": [0.0], "right": [0.0]}).iloc[:0]
TOLD = 100


@dataclass(frozen=True)
class Attack:
    """Quantities with their known values or bounds, equations between them, and which withheld row each tells about.

    quantities: value (NaN: unknown), low, high. equations: relation, quantity, sign (sum = right hand side).
    sought: row, quantity (name), at (index into quantities).
    """

    quantities: pd.DataFrame
    terms: pd.DataFrame
    right: pd.Series
    sought: pd.DataFrame

    @classmethod
    def of(
        cls, rows: pd.DataFrame, margins: pd.DataFrame, parents: Mapping[str, str], threshold: int, nested: bool = True
    ) -> Attack:
        """All that the rows say of one another. ``family``: rows that count the same units; ``figure``: same number.

        nested: with the guess that the places inside a place make it up.
        """
        rows = rows.assign(
            counted=_plain_counts(rows), perhaps_nobody=_in_small_total(rows, margins) | of_the_poor(rows)
        )
        parts = _parts(rows, threshold)
        ways = {
            name: pd.concat(
                [margins.assign(way="margin"), *([_nested(rows, name, parents)] if nested else [])], ignore_index=True
            )
            for name in ("family", "figure")
        }
        return _joined(rows, ways, parts, sums(rows))


@dataclass(frozen=True)
class _Part:
    """One kind of quantity: for each row its index (-1: none), its value if shown, and bounds known beforehand."""

    name: str
    index: NDArray[np.int64]
    value: pd.Series
    low: Floats
    high: Floats


def _parts(rows: pd.DataFrame, threshold: int) -> list[_Part]:
    """The quantities that the rows tell: n, the two sides of shares, totals, sums, parts of a constant."""
    share = rows["counted"].ne("")
    level = rows["kind"].eq("level") & ~rows["additive"] & ~share
    nobody = rows["n"] == 0
    rows = rows.assign(estimate=rows["estimate"].mask(nobody, 0.0))
    amount = rows["estimate"] * rows["n"]
    constant = rows["unit"].isin(["ratio", "pp"])
    n = _numbered(rows, "family", rows["n"].notna() | rows["hidden"])
    least, ever = _bound_of_counts(rows, n, threshold), np.full(len(rows), np.inf)
    named = [
        ("count", share, amount, least),
        ("complement", share, rows["n"] - amount, least),
        ("total", rows["additive"], rows["estimate"], _floor(rows["estimate"])),
        ("sum", level, amount, _floor(amount)),
        ("part", constant, rows["estimate"], _floor(rows["estimate"]) if rows["unit"].ne("pp").all() else -ever),
    ]
    return [
        _Part("n", n, rows["n"], *_bounds_of_n(rows, threshold)),
        *(_Part(name, _numbered(rows, "figure", mask), value, low, ever) for name, mask, value, low in named),
    ]


def _floor(value: pd.Series) -> Floats:
    """0 where no shown value is negative."""
    return np.full(len(value), -np.inf if (value < 0).any() else 0.0)


def intervals(attack: Attack) -> pd.DataFrame:
    """Lowest and highest value of each quantity sought: row, quantity, low, high (missing: contradictory equations)."""
    values = attack.quantities["value"].to_numpy()
    terms = attack.terms.assign(known=np.isfinite(values[attack.terms["at"]]))
    told = (terms["sign"] * np.nan_to_num(values[terms["at"]])).groupby(terms["relation"]).sum()
    open_terms = terms[~terms["known"]]
    size = np.abs(terms["sign"] * np.nan_to_num(values[terms["at"]])).groupby(terms["relation"]).sum()
    right = attack.right.sub(told, fill_value=0.0)
    right = right.mask(right.abs() < DUST * size.reindex(right.index).fillna(0.0), 0.0)
    right = right.reindex(open_terms["relation"].unique())
    line = pd.Series(np.arange(len(right)), right.index)
    matrix = sparse.csr_array(
        (open_terms["sign"].to_numpy(), (line[open_terms["relation"]].to_numpy(), open_terms["at"].to_numpy())),
        shape=(len(right), len(values)),
    )
    sought = attack.sought[np.isfinite(values[attack.sought["at"]]) | np.isin(attack.sought["at"], matrix.indices)]
    bounds = attack.quantities[["low", "high"]].to_numpy()
    found = np.stack([values, values], axis=1)
    _solve(matrix, right.to_numpy(), bounds, sought["at"].unique(), found)
    return sought.assign(low=found[sought["at"], 0], high=found[sought["at"], 1])[["row", "quantity", "low", "high"]]


def _solve(matrix: sparse.csr_array, right: Floats, bounds: Floats, targets: NDArray[np.int64], found: Floats) -> None:
    """Bounds of the unknown targets, component by component of what hangs together; written into ``found``.

    Everything in a component is measured by its largest number, so that the dust of published sums contradicts nothing.
    """
    lines = _different(matrix, right)
    unknowns = np.unique(matrix.indices)
    block, right = matrix[lines][:, unknowns], right[lines]
    graph = sparse.block_array([[None, block], [block.T, None]], format="csr")
    of_line, label = np.split(connected_components(graph, directed=False)[1], [len(right)])
    size = np.ones(label.max(initial=-1) + 1)
    np.maximum.at(size, of_line, np.abs(right))
    scale = size[label]
    right = np.where(np.abs(right) < SOLVED * size[of_line], 0.0, right) / size[of_line]
    bounds = bounds[unknowns] / scale[:, None]
    wanted = np.isin(unknowns, targets)
    limits = bounds
    for _ in range(ROUNDS):
        limits = _limits(block, right, limits)
    dust = SOLVED * np.maximum(np.abs(np.nan_to_num(limits, posinf=0, neginf=0)), 1 / scale[:, None])
    aims = _Aims(limits, dust, wanted)
    seen = _pushed(block, right, bounds, aims)
    for lines, group in _components(of_line, label):
        if wanted[group].any():
            told = _component(block[lines][:, group], right[lines], bounds[group], aims.of(group), seen[group])
            found[unknowns[group]] = told * scale[group, None]


@dataclass(frozen=True)
class _Aims:
    """What is asked of each unknown: limits that hold in any case, how near is there (dust), and whether at all."""

    limits: Floats
    dust: Floats
    wanted: NDArray[np.bool_]

    def of(self, group: NDArray[np.int64]) -> _Aims:
        return _Aims(self.limits[group], self.dust[group], self.wanted[group])

    def left(self, seen: Floats) -> NDArray[np.bool_]:
        """Unknowns × sides: not yet at their limit in any solution."""
        with np.errstate(invalid="ignore"):
            return self.wanted[:, None] & ~(np.abs(seen - self.limits) <= self.dust)


def _different(matrix: sparse.csr_array, right: Floats) -> NDArray[np.int64]:
    """One of each set of equal equations: tables of the same units say the same thing again."""
    marks = np.random.default_rng(0).random(matrix.shape[1])  # a fixed number per unknown: equal sums, equal equations
    told = np.stack([matrix @ marks, right], axis=1)
    told = (told * np.sign(told[:, :1])).round(9)
    return np.sort(np.unique(told, axis=0, return_index=True)[1])


def _components(
    of_line: NDArray[np.int32], of_unknown: NDArray[np.int32]
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """(lines, unknowns) of each component."""
    by_line, by_unknown = np.argsort(of_line, kind="stable"), np.argsort(of_unknown, kind="stable")
    ends = np.arange(of_unknown.max(initial=-1) + 1)
    lines = np.split(by_line, np.searchsorted(of_line[by_line], ends[1:]))
    return zip(lines, np.split(by_unknown, np.searchsorted(of_unknown[by_unknown], ends[1:])), strict=True)


def _pushed(matrix: sparse.csr_array, right: Floats, bounds: Floats, aims: _Aims) -> Floats:
    """Lowest and highest value of each unknown in a few solutions that push many at once towards their limits."""
    from scipy.optimize import linprog

    chance = np.random.default_rng(0)
    seen = np.stack([np.full(len(bounds), np.inf), np.full(len(bounds), -np.inf)], axis=1)
    left = aims.left(seen) & np.isfinite(aims.limits)
    failed = 0
    while failed < PATIENCE and left.any():
        up = np.where(left.all(axis=1), chance.random(len(left)) < HALF, left[:, 1])
        some = left.any(axis=1) & (chance.random(len(left)) < chance.choice(PUSHED))
        objective = np.where(some, np.where(up, -1.0, 1.0), 0.0) * (1 + chance.random(len(left)))
        result = linprog(objective, A_eq=matrix, b_eq=right, bounds=bounds, method="highs")
        if result.status != 0:
            break
        seen = np.stack([np.minimum(seen[:, 0], result.x), np.maximum(seen[:, 1], result.x)], axis=1)
        still = aims.left(seen) & np.isfinite(aims.limits)
        failed = failed + 1 if left.sum() - still.sum() < WORTH else 0
        left = still
    return seen


def _component(matrix: sparse.csr_array, right: Floats, bounds: Floats, aims: _Aims, seen: Floats) -> Floats:
    """Lowest and highest value of the wanted unknowns; NaN where the equations contradict each other.

    seen: of earlier solutions (infinite: none). A programme is saved where one of them has reached a limit.
    """
    from scipy.optimize import linprog

    if not np.isfinite(seen).any():
        seen = _pushed(matrix, right, bounds, aims)
    found = np.where(aims.wanted[:, None], seen, np.nan)
    for at in np.flatnonzero(aims.wanted):
        for side, sign in ((0, 1.0), (1, -1.0)):
            if aims.left(seen)[at, side]:
                objective = np.zeros(len(bounds))
                objective[at] = sign
                result = linprog(objective, A_eq=matrix, b_eq=right, bounds=bounds, method="highs")
                if result.status == UNBOUNDED:
                    found[at, side] = -np.inf * sign
                    continue
                if result.status != 0:
                    return np.full(bounds.shape, np.nan)
                seen = np.stack([np.minimum(seen[:, 0], result.x), np.maximum(seen[:, 1], result.x)], axis=1)
            found[at, side] = seen[at, side]
    return found


def _limits(matrix: sparse.csr_array, right: Floats, bounds: Floats) -> Floats:
    """Bounds of each unknown from one equation at a time: all others at their bounds."""
    entries = matrix.tocoo()
    sign, line, at = entries.data, entries.row, entries.col
    least = np.where(sign > 0, bounds[at, 0], bounds[at, 1]) * sign
    most = np.where(sign > 0, bounds[at, 1], bounds[at, 0]) * sign
    low, high = bounds[:, 0].copy(), bounds[:, 1].copy()
    for own, upper in ((least, sign > 0), (most, sign < 0)):  # least of the others bounds what is left from above
        infinite = np.isinf(own)
        finite = np.where(infinite, 0.0, own)
        total = np.bincount(line, weights=finite, minlength=len(right))
        bounded = np.bincount(line, weights=infinite, minlength=len(right))[line] == infinite
        edge = (right[line] - (total[line] - finite)) / sign
        np.minimum.at(high, at[upper & bounded], edge[upper & bounded])
        np.maximum.at(low, at[~upper & bounded], edge[~upper & bounded])
    return np.stack([low, high], axis=1)


def _plain_counts(rows: pd.DataFrame) -> pd.Series:
    """Which rows are shares: "plain" where every shown share × n of the series is whole, else "weighted"; else ""."""
    share = rows["unit"].eq("share") & rows["kind"].ne("change") & ~rows["measure"].str.match(r"fgt_(?!0$)")
    product = rows["estimate"] * rows["n"]
    whole = ((product - product.round()).abs() < WHOLE_NUMBER) | product.isna()
    plain = whole.groupby(rows["series"]).transform("all")
    return pd.Series(np.where(plain, "plain", "weighted"), rows.index).where(share, "")


def _in_small_total(rows: pd.DataFrame, margins: pd.DataFrame) -> NDArray[np.bool_]:
    """Rows of which a total in their own table is withheld for its smallness."""
    few = rows["flag"].eq("suppressed").to_numpy()
    row = margins["row"].to_numpy(dtype=int)
    total = (margins["sign"] < 0) & few[row]
    inside = margins["relation"].isin(margins.loc[total, "relation"]) & (margins["sign"] > 0)
    return np.isin(np.arange(len(rows)), row[inside])


def _bounds_of_n(rows: pd.DataFrame, threshold: int) -> tuple[Floats, Floats]:
    """What the flag of a withheld row says about its n."""
    suppressed = rows["flag"].eq("suppressed").to_numpy()
    small_for_sure = suppressed & rows["counted"].eq("").to_numpy() & rows["measure"].isin(["mean", "count"])
    least = np.where(rows["perhaps_nobody"], 0.0, 1.0)  # zeros are withheld there too
    low = np.where(rows["hidden"], np.where(rows["flag"].isin(["complementary", "dominance"]), threshold, least), 0.0)
    return low, np.where(small_for_sure, threshold - 1.0, np.inf)


def _bound_of_counts(rows: pd.DataFrame, n: NDArray[np.int64], threshold: int) -> Floats:
    """A share withheld only to protect another one has enough units on either side, unless n is large or it is the
    share of one category among others, which may be nobody's."""
    shown = rows["n"].groupby(n).transform("max")
    return np.where(
        rows["flag"].eq("complementary") & ~rows["keyed"] & (shown < TOLD) & (n >= 0), float(threshold), 0.0
    )


def _numbered(rows: pd.DataFrame, name: str, mask: pd.Series) -> NDArray[np.int64]:
    """One index per quantity: the rows of one family or figure about one cell; -1 outside ``mask``."""
    index = np.full(len(rows), -1)
    inside = rows[mask.to_numpy()]
    if len(inside):
        index[mask.to_numpy()] = inside.groupby([name, "base", "place", "cell"], sort=False).ngroup()
    return index


def _nested(rows: pd.DataFrame, name: str, parents: Mapping[str, str]) -> pd.DataFrame:
    """The figure of a place and the same figure of the places inside it."""
    same = [name, "base", "cell"]
    one = rows.reset_index(names="row").drop_duplicates([*same, "place"])[[*same, "place", "row"]]
    pairs = one.assign(over=one["place"].map(parents)).merge(
        one, left_on=[*same, "over"], right_on=[*same, "place"], suffixes=("", "_over")
    )
    total = pd.DataFrame({"relation": pairs["row_over"].unique(), "row": pairs["row_over"].unique(), "sign": -1.0})
    parts = pd.DataFrame({"relation": pairs["row_over"], "row": pairs["row"], "sign": 1.0})
    return pd.concat([total, parts], ignore_index=True).assign(way="nested")


def _joined(rows: pd.DataFrame, ways: Mapping[str, pd.DataFrame], parts: list[_Part], weighed: pd.DataFrame) -> Attack:
    """Quantities numbered through, and the equations that stand the test."""
    offset, frames, terms, sought, first = 0, [], [], [], {}
    for part in parts:
        table = pd.DataFrame({"at": part.index, "value": part.value, "low": part.low, "high": part.high})
        table = table[table["at"] >= 0].groupby("at").agg({"value": "first", "low": "max", "high": "min"})
        frames.append(table)
        at = np.where(part.index >= 0, part.index + offset, -1)
        first[part.name] = at
        value = pd.Series(np.nan, rows.index)
        value[at >= 0] = table["value"].reindex(part.index[at >= 0]).to_numpy()
        group = "family" if part.name == "n" else "figure"
        if part.name not in ("part", "complement"):  # sums of complements follow; a city may lack a category's row
            terms.append(_believed(rows.assign(group=rows[group]), ways[group], part.name, at, value))
        hidden = (rows["hidden"] & (at >= 0)).to_numpy()
        sought.append(pd.DataFrame({"row": np.flatnonzero(hidden), "quantity": part.name, "at": at[hidden]}))
        offset += len(table)
    quantities = pd.concat(frames, ignore_index=True)
    terms += [_sides(rows, first), *_composed(rows, first)]
    terms.append(weighed.assign(at=first["count"][weighed["row"].to_numpy(dtype=int)]).drop(columns="row"))
    names = pd.concat([t.assign(block=i) for i, t in enumerate(terms)], ignore_index=True)
    names = names.astype({"relation": "int64", "at": "int64", "sign": "float64", "right": "float64"})
    names["relation"] = names.groupby(["block", "relation"], sort=False).ngroup()
    right = names.groupby("relation")["right"].first()
    summed = names.groupby(["relation", "at"])["sign"].sum().reset_index().query("sign != 0")
    return Attack(quantities, summed, right, pd.concat(sought, ignore_index=True))


def _believed(
    rows: pd.DataFrame, relations: pd.DataFrame, name: str, at: NDArray[np.int64], value: pd.Series
) -> pd.DataFrame:
    """The relations that a reader believes for a quantity: those of which no fully shown example fails."""
    if relations.empty:
        return NO_TERMS
    row = relations["row"].to_numpy(dtype=int)
    table = relations.assign(at=at[row], value=value.to_numpy()[row] * relations["sign"].to_numpy())
    table["group"] = rows["group"].to_numpy()[row]
    table["base"] = rows["base"].to_numpy()[row]
    table["plain"] = rows["counted"].ne("weighted").to_numpy()[row]
    table["amount"], table["shown"] = table["value"].abs(), table["value"].notna()
    by = table.groupby(["way", "relation"], sort=False)
    each = by.agg(
        group=("group", "first"),
        base=("base", "first"),
        inside=("at", "min"),
        plain=("plain", "all"),
        gap=("value", "sum"),
        size=("amount", "max"),
        full=("shown", "all"),
    )
    each = each[(each["inside"] >= 0) & (each["plain"] | ~np.isin(name, ["count", "complement"]))].reset_index()
    each["fails"] = each["full"] & (each["gap"].abs() > CLOSE * each["size"].clip(lower=1))
    tried = each[each["full"]].groupby(["way", "group"])["fails"].agg(["size", "sum"])
    general = each[each["full"]].groupby(["way", "base"])["fails"].mean()
    own = pd.MultiIndex.from_frame(each[["way", "group"]])
    failed, tests = tried["sum"].reindex(own).fillna(0).to_numpy(), tried["size"].reindex(own).fillna(0).to_numpy()
    usual = general.reindex(pd.MultiIndex.from_frame(each[["way", "base"]])).to_numpy() <= 1 - USUAL
    sure = each["way"].eq("margin").to_numpy() & (name != "sum")
    keep = each[(failed == 0) & ((tests > 0) | sure | usual)][["way", "relation"]]
    out = table.merge(keep, on=["way", "relation"])
    out["relation"] = out.groupby(["way", "relation"], sort=False).ngroup()
    return out[["relation", "at", "sign"]].assign(right=0.0)


def _sides(rows: pd.DataFrame, first: Mapping[str, NDArray[np.int64]]) -> pd.DataFrame:
    """n = count + complement."""
    inside = np.flatnonzero((first["count"] >= 0) & (first["n"] >= 0) & rows["hidden"].to_numpy())
    table = pd.DataFrame({"at": first["count"][inside], "n": first["n"][inside], "rest": first["complement"][inside]})
    table = table.drop_duplicates().reset_index(names="relation").melt(["relation"], value_name="index")
    sign = table["variable"].map({"at": 1.0, "rest": 1.0, "n": -1.0})
    return pd.DataFrame({"relation": table["relation"], "at": table["index"].astype(int), "sign": sign, "right": 0.0})


def _composed(rows: pd.DataFrame, first: Mapping[str, NDArray[np.int64]]) -> list[pd.DataFrame]:
    """Categories of one group: their shares add up to 1, so that their counts add up to n; changes add up to 0."""
    long = rows[["chapter", "entry", "groups", "estimate", "hidden", "measure", "counted", "unit", "kind"]]
    long = long.assign(row=np.arange(len(rows)), edition=rows["region"]).explode("groups")
    long = long[(long["groups"] != "") & long["unit"].isin(["share", "ratio", "pp"])]
    long["column"] = long["groups"].astype(str).str.split("|").str[0]
    long["right"] = np.where(long["kind"] == "change", 0.0, 1.0)
    by = long.groupby(["edition", "chapter", "entry", "groups"], sort=False)
    each = by[["column", "measure", "right"]].first()
    each = each.join(by.agg(size=("row", "size"), shown=("estimate", "sum"), known=("estimate", "count")))
    each = each[each["size"] > 1].reset_index()
    full = each["known"] == each["size"]
    each["adds"] = ((each["shown"] - each["right"]).abs() < CLOSE).astype(float).where(full)
    rate = each.groupby(["chapter", "entry", "column"])["adds"].transform("mean")
    category = each["measure"].eq("proportion") & each["column"].str.startswith("key ")
    untested = rate.isna() & category & (each["shown"] < 1 + CLOSE)
    each = each[(rate.eq(1) | untested) & ~full]
    parts = long.merge(
        each.assign(relation=np.arange(len(each)))[["edition", "chapter", "entry", "groups", "relation"]]
    )
    return [_counts_to_n(parts[parts["counted"] != ""], first), _parts_to_one(parts[parts["counted"] == ""], first)]


def _counts_to_n(parts: pd.DataFrame, first: Mapping[str, NDArray[np.int64]]) -> pd.DataFrame:
    one = parts.drop_duplicates("relation")
    rows = [parts["row"].to_numpy(dtype=int), one["row"].to_numpy(dtype=int)]
    counts = pd.DataFrame({"relation": parts["relation"], "at": first["count"][rows[0]], "sign": 1.0})
    whole = pd.DataFrame({"relation": one["relation"], "at": first["n"][rows[1]], "sign": -1.0})
    return pd.concat([counts, whole[whole["at"] >= 0]], ignore_index=True).assign(right=0.0)


def _parts_to_one(parts: pd.DataFrame, first: Mapping[str, NDArray[np.int64]]) -> pd.DataFrame:
    at = first["part"][parts["row"].to_numpy(dtype=int)]
    return pd.DataFrame({"relation": parts["relation"], "at": at, "sign": 1.0, "right": parts["right"]})[at >= 0]
