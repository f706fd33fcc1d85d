"""Members of households: repeated columns brought to rows of their own, identified by pseudonym."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from aidlib import reference
from aidlib.intake.blocks import Batch, units_of
from aidlib.intake.check import check_people
from aidlib.intake.clean import Clean, clean_table
from aidlib.intake.identity import pseudonyms, read_ids
from aidlib.intake.mapping import BASE, Group

INHERITED = ("year", "region", "stratum", "psu", "weight")


@dataclass(eq=False)
class People:
    """Cleaned members with ``parent`` (label of the raw row); identifiers and place in the row by the same index."""

    clean: Clean
    identities: pd.DataFrame
    number: pd.Series


def unfold(batch: Batch, group: Group) -> pd.DataFrame:
    """One row per repetition of the group that has any entry: its text columns, ``parent`` and ``number``."""
    pieces = []
    for number in group.numbers:
        part = batch.of(group.table, number)
        if part.empty and not len(part.columns):
            continue
        part = part[part.notna().any(axis=1)]
        home = batch.home.loc[part.index].to_numpy()
        below = part.index.to_numpy() - home  # 0 but in rows that continue a household
        if below.any():
            part = part.assign(**{k: _given(part, k, v, below == 0 if k in group.first else None)
                                  for k, v in _fixed(group, number).items()})  # fmt: skip
            place = np.where(below > 0, np.char.add(f"{number or '0'}+", below.astype("str")), number or "0")
            pieces.append(part.assign(parent=home, number=pd.Series(place, index=part.index, dtype="str")))
        else:
            pieces.append(part.assign(**_fixed(group, number), parent=home, number=number or "0"))
    if not pieces:
        return pd.DataFrame(columns=["parent", "number"])
    return pd.concat(pieces, ignore_index=True)


def _given(part: pd.DataFrame, column: str, value: str, heads: np.ndarray | None) -> pd.Series:
    """A value that the mapping gives to all rows, or (``heads``) only to the first row of a household."""
    given = pd.Series(value, index=part.index, dtype="str")
    if heads is None:
        return given
    return given.where(heads, part.get(column, None))


def _fixed(group: Group, number: str) -> dict[str, str]:
    return {**group.constants, **(group.first if number == BASE else {})}


def clean_people(
    batch: Batch, raw: pd.DataFrame, key: bytes, values: dict[str, dict[str, str]], number: str, household: pd.Series
) -> People:
    """Members cleaned and given ``person_id``; birth year and sex are read from the identity number where not stated.

    household: the household of each row. A wrong or rounded identity number is a fault. A person without a number is
    known by household and name, else by household and place in the list.
    """
    table = reference.dictionary().tables["members"]
    units = units_of(batch.blocks, "members", number, batch.kind)
    clean = clean_table(raw.drop(columns=["parent", "number"]), table, batch.kind, units=units, values=values)
    parent = raw["parent"]
    numbers = raw["id_number"] if "id_number" in raw else pd.Series(None, index=raw.index, dtype="object")
    ids = read_ids(numbers, batch.confirmed.reindex(parent).set_axis(raw.index))
    for reason in ("rounded", "check_digit", "bad_id"):
        clean.add_fault(reason, "id_number", ids["fault"].eq(reason))
    check_people(clean, ids)
    rows = clean.rows.assign(parent=parent)
    own = rows["person_id"] if "person_id" in rows else pd.Series(None, index=rows.index, dtype="object")
    name = (
        rows["name"].astype("str").str.replace(r"\s", "", regex=True).where(rows["name"].notna())
        if "name" in rows
        else None
    )
    rows["person_id"] = own.fillna(pseudonyms(_known_by(ids["id18"], household, name, raw["number"]), key))
    for column in ("birth_year", "sex"):
        rows[column] = rows[column].fillna(ids[column]) if column in rows else ids[column]
    hidden = [c.name for c in table.columns.values() if c.identifier and c.name in rows]
    identities = rows[["person_id", *hidden]]
    clean.rows = rows.drop(columns=hidden + [f"{c}__missing" for c in hidden if f"{c}__missing" in rows])
    return People(clean, identities, raw["number"])


def _known_by(id18: pd.Series, household: pd.Series, name: pd.Series | None, number: pd.Series) -> pd.Series:
    home = household.fillna("").astype("str") + "|"
    place = home + "#" + number.astype("str")
    return id18.fillna(place if name is None else (home + name).where(name.notna(), place)).astype("object")


def complete(rows: pd.DataFrame, households: pd.DataFrame) -> pd.DataFrame:
    """Member rows with the year, place, design and weight of their household's row; age from the year of birth."""
    for column in ("household_id", *INHERITED):
        if column in households:
            said = households[column].reindex(rows["parent"]).set_axis(rows.index)
            rows[column] = rows[column].fillna(said) if column in rows else said
    if "age" not in rows:
        rows["age"] = float("nan")
    rows["age"] = rows["age"].fillna((rows["year"] - rows["birth_year"]).where(lambda age: age.between(0, 120)))
    return rows
