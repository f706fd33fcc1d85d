"""One batch of raw rows on its way: cleaned, checked, identified; each row accepted, a duplicate or quarantined."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from aidlib import reference
from aidlib.intake.blocks import NOT_ASKED, RAW, Batch, units_of
from aidlib.intake.check import check_aid, check_decisions, check_dossiers, check_households
from aidlib.intake.clean import Clean, Fault, clean_table
from aidlib.intake.expressions import evaluate
from aidlib.intake.mapping import Group, Kind
from aidlib.intake.people import INHERITED, People, clean_people, complete, unfold
from aidlib.store.parts import row_keys

_NOT_ANSWERS = {"household_id", "dossier_id", "interviewer", "interview_date", "weight", "frame", "psu", "year", "line",
                "psu_population", "flags", "stratum", "region", "county"}  # fmt: skip


@dataclass(eq=False)
class Known:
    """What an import has learnt so far: keys it has taken, households for their members, ends of dossiers, visits."""

    key: bytes
    seen: dict[str, list[np.ndarray]] = field(default_factory=dict)
    families: list[np.ndarray] = field(default_factory=list)
    households: list[pd.DataFrame] = field(default_factory=list)
    keep_households: bool = False
    closed: pd.Series = field(default_factory=lambda: pd.Series(dtype="datetime64[us]"))
    visits: list[pd.DataFrame] = field(default_factory=list)
    identities: pd.DataFrame = field(default_factory=pd.DataFrame)

    def is_new(self, store: dict[str, list[np.ndarray]], name: str, keys: np.ndarray) -> np.ndarray:
        """Which keys were not seen before, here or earlier in the import; they are seen from now on."""
        before = store.setdefault(name, [])
        first = ~pd.Series(keys).duplicated().to_numpy()
        for earlier in before:
            first &= ~np.isin(keys, earlier)
        before.append(np.unique(keys[first]))
        if len(before) > 8:
            store[name] = [np.unique(np.concatenate(before))]
        return first


@dataclass(eq=False)
class Result:
    """A processed batch: rows for the store by table, the fate of each raw row, faults by raw row, checks."""

    tables: dict[str, pd.DataFrame]
    fate: pd.Series
    faults: list[Fault]
    checks: pd.DataFrame


def process(batch: Batch, known: Known) -> Result:
    """Run a batch through all steps. The fate of a row is "accepted", "quarantined" or "duplicates"."""
    kind = batch.kind
    table = reference.dictionary().tables[kind.table]
    raw = _with_names(batch, batch.of(kind.table))[batch.heads]
    if kind.table == "members":
        return _roster(batch, raw, known)
    units = units_of(batch.blocks, kind.table, "", kind)
    values = {name: dict(words) for name, words in kind.values.items()}
    clean = clean_table(raw, table, kind, units=units, values=values, epoch_1904=batch.blocks[0].epoch_1904)
    _derive(batch, clean)
    _place(clean)
    people = [_members(batch, group, clean, known) for group in kind.groups]
    _check(kind, clean, people, known)
    index = clean.rows.index
    faults = [*clean.faults, *(f for each in people for f in _by_parent(each, index))]
    bad = _any_of(faults, index)
    new = _new_rows(kind, clean.rows, people, bad, known)
    fate = pd.Series("accepted", index=index).mask(~new, "duplicates").mask(bad, "quarantined")
    taken = fate.eq("accepted")
    tables = {kind.table: _flagged(clean)[taken]}
    for each in people:
        members = _flagged(each.clean)
        members = members[taken.reindex(members["parent"]).to_numpy()]
        members = members.drop(columns="parent").drop_duplicates(["person_id", "household_id", "year"])
        tables["members"] = pd.concat([tables["members"], members]) if "members" in tables else members
        _remember_people(known, each.identities.loc[each.identities.index.isin(members.index)])
    _remember(kind, tables, known)
    return _spread(batch, Result(tables, fate, faults, _counted(batch, clean, people, faults)))


def _spread(batch: Batch, result: Result) -> Result:
    """Rows that continue a household share its fate and its faults."""
    if batch.heads.all():
        return result
    faults = [replace(f, rows=f.rows.loc[batch.home].set_axis(batch.home.index)) for f in result.faults]
    return replace(result, fate=result.fate.loc[batch.home].set_axis(batch.home.index), faults=faults)


def _with_names(batch: Batch, raw: pd.DataFrame) -> pd.DataFrame:
    """The text columns with what file and sheet names say, and constants, where the cells say nothing."""
    raw = raw.copy()
    for column, pattern in batch.kind.names.items():
        place = batch.file + "|" + batch.sheet
        said = place.str.extract(pattern, expand=False)
        _fill(raw, column, said.iloc[:, 0] if isinstance(said, pd.DataFrame) else said)
    for column, constant in batch.kind.constants.items():
        _fill(raw, column, pd.Series(constant, index=raw.index, dtype="str"))
    return raw


def _fill(raw: pd.DataFrame, column: str, said: pd.Series) -> None:
    """Where the row's form lacks the column, or its cell is blank, what is known from elsewhere."""
    if column not in raw:
        raw[column] = said
        return
    blank = raw[column].isna() | (raw[column].eq(NOT_ASKED) & said.notna())
    raw[column] = raw[column].mask(blank, said)


def _derive(batch: Batch, clean: Clean) -> None:
    named = _named_raw(batch, clean)
    for column, expression in batch.kind.derived.items():
        spec = reference.dictionary().tables[batch.kind.table].columns[column]
        value = evaluate(expression, {**named, **_series(clean.rows)}, f"{batch.kind.name}.{column}")
        if spec.numeric or spec.type == "year":
            value = pd.to_numeric(value, errors="coerce").astype("float64")
            value = value.where(np.isfinite(value))
        clean.rows[column] = value.set_axis(clean.rows.index)
        if spec.required:
            clean.add_fault("required", column, clean.rows[column].isna())


def _named_raw(batch: Batch, clean: Clean) -> dict[str, pd.Series]:
    return {name[2]: batch.raw[name].loc[clean.rows.index] for name in batch.raw.columns if name[0] == RAW}


def _series(rows: pd.DataFrame) -> dict[str, pd.Series]:
    return {str(name): rows[name] for name in rows}


def _place(clean: Clean) -> None:
    """The region of a row that names only its county is the place above it."""
    rows = clean.rows
    if "county" not in rows:
        return
    stated = "region" in rows
    places = reference.regions()
    above = rows["county"].map(dict(zip(places["code"], places["parent"], strict=True)))
    rows["region"] = rows["region"].fillna(above) if stated else above
    still = rows["region"].isna()
    clean.faults = [replace(f, rows=f.rows & still) if f.column == "region" else f for f in clean.faults]
    if not stated:
        clean.add_fault("required", "region", still)


def _members(batch: Batch, group: Group, clean: Clean, known: Known) -> People:
    raw = unfold(batch, group)
    values = {name: dict(words) for name, words in group.values.items()}
    household = clean.rows["household_id"].reindex(raw["parent"]).set_axis(raw.index)
    people = clean_people(batch, raw, known.key, values, "", household)
    people.clean.rows = complete(people.clean.rows, clean.rows)
    return people


def _roster(batch: Batch, raw: pd.DataFrame, known: Known) -> Result:
    """Members in a sheet of their own: their household must have been accepted."""
    kind = batch.kind
    raw = raw.assign(parent=raw.index, number=batch.raw["", "", "row"].astype("str"))
    values = {name: dict(words) for name, words in kind.values.items()}
    household = raw["household_id"]
    people = clean_people(batch, raw, known.key, values, "", household)
    clean = people.clean
    homes = pd.concat(known.households) if known.households else pd.DataFrame(columns=["household_id", *INHERITED])
    homes = homes.drop_duplicates("household_id", keep="last").set_index("household_id", drop=False)
    found = homes.reindex(clean.rows["household_id"]).set_axis(clean.rows.index)
    clean.rows = complete(clean.rows, found)
    clean.add_fault("no_household", "household_id", found["household_id"].isna() & clean.rows["household_id"].notna())
    bad = _any_of(clean.faults, clean.rows.index)
    keys = row_keys(clean.rows, ["person_id", "household_id", "year"])
    new = pd.Series(False, index=clean.rows.index)
    new[~bad] = known.is_new(known.seen, "members", keys[~bad.to_numpy()])
    fate = pd.Series("accepted", index=clean.rows.index).mask(~new, "duplicates").mask(bad, "quarantined")
    rows = _flagged(clean)[fate.eq("accepted")].drop(columns="parent")
    _remember_people(known, people.identities.loc[rows.index])
    return Result({"members": rows}, fate, clean.faults, _counted(batch, clean, [], clean.faults))


def _check(kind: Kind, clean: Clean, people: list[People], known: Known) -> None:
    if kind.table == "households":
        both = people[0].clean.rows if people else None
        check_households(clean, both, kind.groups[0].count_includes if kind.groups else 0)
    elif kind.table == "dossiers":
        check_dossiers(clean)
    elif kind.table == "aid":
        check_aid(clean, known.closed)
    elif kind.table == "decisions":
        check_decisions(clean)


def _by_parent(people: People, index: pd.Index) -> list[Fault]:
    """Members' faults as faults of the raw rows, one for each place of a member in the row."""
    found = []
    for fault in people.clean.faults:
        for member, at in people.number[fault.rows].groupby(people.number[fault.rows]).groups.items():
            rows = pd.Series(False, index=index)
            rows[people.clean.rows.loc[at, "parent"].unique()] = True
            found.append(replace(fault, rows=rows, member=str(member)))
    return found


def _any_of(faults: Sequence[Fault], index: pd.Index) -> pd.Series:
    found = pd.Series(False, index=index)
    for fault in faults:
        found |= fault.rows
    return found


def _new_rows(kind: Kind, rows: pd.DataFrame, people: list[People], bad: pd.Series, known: Known) -> pd.Series:
    """Rows whose key, and for households whose family, has not come before in this import."""
    table = reference.dictionary().tables[kind.table]
    new = pd.Series(False, index=rows.index)
    good = ~bad.to_numpy()
    new[good] = known.is_new(known.seen, kind.table, row_keys(rows[good], table.key))
    if kind.table == "households" and people:
        family = _family(people[0].clean.rows, rows).dropna()
        family = family[new.reindex(family.index).to_numpy(dtype=bool)]
        again = ~known.is_new(known.seen, "family", family.to_numpy(dtype=np.uint64))
        new[family.index[again]] = False
    return new


def _family(members: pd.DataFrame, rows: pd.DataFrame) -> pd.Series:
    """A number for each household's set of persons in a year: a spouse's file of the same family has the same one."""
    person = pd.util.hash_array(members["person_id"].to_numpy(dtype=object))
    sums = pd.Series(person, index=members.index).groupby(members["parent"]).sum()
    year = rows["year"].reindex(sums.index).fillna(0).astype("int64").astype("uint64") * np.uint64(0x9E3779B97F4A7C15)
    return (sums.astype("uint64") ^ year).reindex(rows.index).astype("object")


def _flagged(clean: Clean) -> pd.DataFrame:
    """The rows with ``flags``: names of the checks that a row failed, joined by ";", missing where there is none."""
    flags = np.full(len(clean.rows), None, dtype=object)
    for name, mask in sorted(clean.doubts.items()):
        at = np.flatnonzero(mask.to_numpy(dtype=bool))
        flags[at] = [f"{before};{name}" if before else name for before in flags[at]]
    return clean.rows.assign(flags=pd.Series(flags, index=clean.rows.index, dtype="object"))


def _remember(kind: Kind, tables: dict[str, pd.DataFrame], known: Known) -> None:
    rows = tables[kind.table]
    if kind.table == "households":
        if known.keep_households:
            known.households.append(rows[[c for c in ("household_id", *INHERITED) if c in rows]])
        if "interviewer" in rows and "income" in rows:
            answers = rows.drop(columns=[c for c in rows if c in _NOT_ANSWERS or str(c).endswith("__missing")])
            visits = rows[["interviewer", "year", "region", "income"]]
            hashed = pd.util.hash_pandas_object(answers, index=False).to_numpy()
            key = row_keys(rows, reference.dictionary().tables["households"].key)
            known.visits.append(visits.assign(answers=hashed, key=key)[visits["interviewer"].notna()])
    elif kind.table == "dossiers" and {"dossier_id", "closed"} <= set(rows):
        ends = rows.groupby("dossier_id")["closed"]
        known.closed = pd.concat([known.closed, ends.max().where(ends.count() == ends.size())])  # open in one: open
        known.closed = known.closed[~known.closed.index.duplicated(keep="last")]


def _remember_people(known: Known, identities: pd.DataFrame) -> None:
    hidden = identities.columns.difference(["person_id"])
    said = identities[identities[hidden].notna().any(axis=1)] if len(hidden) else identities.head(0)
    known.identities = pd.concat([known.identities, said], ignore_index=True)
    if len(known.identities):
        known.identities = known.identities.drop_duplicates("person_id", keep="last")


def _counted(batch: Batch, clean: Clean, people: Sequence[People], faults: Sequence[Fault]) -> pd.DataFrame:
    """Rows tested and failed by each check and region; checks of members count members."""
    blocks = [_by_region(clean, {**clean.doubts, **_named(faults, clean.rows.index), **_own_checks(batch, clean)})]
    blocks += [_by_region(each.clean, each.clean.doubts) for each in people]
    return pd.concat(blocks, ignore_index=True)


def _named(faults: Sequence[Fault], index: pd.Index) -> dict[str, pd.Series]:
    return {reason: _any_of([f for f in faults if f.reason == reason], index) for reason in {f.reason for f in faults}}


def _by_region(clean: Clean, checks: Mapping[str, pd.Series]) -> pd.DataFrame:
    rows = clean.rows
    region = rows["region"].fillna("").astype("str") if "region" in rows else pd.Series("", index=rows.index)
    failed = pd.DataFrame({name: mask.astype("int64") for name, mask in checks.items()}, index=rows.index)
    sums = (
        failed.groupby(region)
        .sum()
        .rename_axis("region")
        .reset_index()
        .melt("region", var_name="check", value_name="failed")
    )
    return sums.assign(rows=sums["region"].map(region.value_counts()))[["check", "region", "rows", "failed"]]


def _own_checks(batch: Batch, clean: Clean) -> dict[str, pd.Series]:
    """The checks that the mapping states, on raw columns."""
    kind = batch.kind
    named = _named_raw(batch, clean)
    columns = {**_series(clean.rows), **named}
    found = {}
    for name, expression in kind.checks.items():
        mask = evaluate(expression, columns, f"{kind.name}.{name}").set_axis(clean.rows.index)
        found[name] = mask.astype(bool)
    return found | (compare_multiple(named) if kind.compare_multiple else {})


def compare_multiple(columns: Mapping[str, pd.Series]) -> dict[str, pd.Series]:
    """Rows where the text of a select-multiple question and its 0/1 columns (``question/option``) disagree.

    As the text lists options between spaces; no text agrees with 0/1 columns that are all empty. One check a question,
    named ``multiple:question``.
    """
    found = {}
    for name, text in columns.items():
        options = [other for other in columns if other.startswith(f"{name}/")]
        if options:
            ticks = pd.DataFrame({option: columns[option] for option in options})
            chosen = ticks.apply(pd.to_numeric, errors="coerce").eq(1)
            said = pd.DataFrame({o: _lists(text, o.partition("/")[2]) for o in options})
            extra = text.fillna("").str.count(r"\S+") != said.sum(axis=1)
            differs = (said != chosen).any(axis=1) | extra
            found[f"multiple:{name}"] = differs.where(text.notna(), ticks.notna().any(axis=1))
    return found


def _lists(text: pd.Series, option: str) -> pd.Series:
    return (" " + text.fillna("") + " ").str.contains(f" {option} ", regex=False)
