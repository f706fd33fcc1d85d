"""The number registry: what ``{name[values].highest:form}`` means, and which row of which result it points to.

    {headcount:pct}                    the one row of the result ``headcount``
    {headcount[990100,2025]:pct}       the row with these values of its domain and key columns, in the columns' order
    {headcount[990100,period]:pct}     a value that is a parameter's name stands for the parameter's value
    {income[all,median]:yuan}          a result with several measures takes the measure as one value more
    {headcount.highest:domain}         ranked among the published rows; [*,2025] ranks over the column marked *
    {profile.headcount:pct}            a result of another chapter (key findings)
    {region} {period}                  a parameter as a reader reads it

Forms: unit (as the unit of the result asks), pct pp ci yuan wan int num se n (formats of ``display.number``) and domain
(the labels of the row); ``moved`` says of a change in words whether it rose, fell, or cannot be told from sampling
error (the 95 % interval holds 0).
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtrit

from aidlib import display
from aidlib.reference import label, message, problem
from aidlib.report.content import Absent, Content, Entry

NUMBER_FORMS = ("unit", "pct", "pp", "ci", "yuan", "wan", "int", "num", "se", "n", "moved")
FORMS = (*NUMBER_FORMS, "domain")
RANKS = ("highest", "lowest")
PUBLISHED = ("", "care")

_BRACES = re.compile(r"\{([^{}]*)\}|[{}]")
_NAME = r"[a-z][a-z0-9_]*"
_NUMBER = re.compile(rf"(?:({_NAME})\.)??({_NAME})(?:\[([^\[\]]*)\])?(?:\.(highest|lowest))?:([a-z]+)")


@dataclass(frozen=True)
class Reference:
    """One name in a sentence. ``form`` is empty for a parameter; ``values`` is None without square brackets."""

    text: str
    chapter: str
    key: str
    values: tuple[str, ...] | None
    rank: str
    form: str

    @property
    def number(self) -> str:
        """The reference without its form: what must be the same in both languages."""
        return self.text.rpartition(":")[0] or self.text


@dataclass(frozen=True)
class Found:
    """What a reference points to: an entry's row and notes for the reader, or the reason why there is no number."""

    entry: Entry | None = None
    row: Mapping[Any, Any] | None = None
    columns: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    reason: str = ""


def references(text: str) -> list[Reference]:
    """The names in ``text``, in order. Raises Problem for a brace that is no well-formed reference."""
    return [_reference(match) for match in _BRACES.finditer(text)]


def substitute(text: str, filled: Mapping[str, str]) -> str:
    """``text`` with each ``{reference}`` replaced by ``filled[reference]``."""
    return _BRACES.sub(lambda match: filled[match[1]], text)


def find(reference: Reference, contents: Sequence[Content]) -> Found:
    """The row that ``reference`` names.

    reason: "absent" (the source lacks the columns), a flag of Estimates (the number is withheld; "empty" also where
    nobody was observed with these values), or "". Raises Problem for an unknown name, for values that no column has or
    could have, and for several rows.
    """
    content, item = _item(reference, contents)
    if isinstance(item, Absent):
        return Found(reason="absent")
    rows, columns = _selected(reference, item, content)
    if rows.empty and _known_place(reference, item, content):
        return Found(item, reason="empty")
    if reference.rank:
        return _ranked(reference, item, rows, columns)
    if len(rows) != 1:
        raise _not_one(reference, item, len(rows))
    row = rows.iloc[0]
    return Found(item, row.to_dict(), _shown_columns(item, rows), reason=_reason(row))


def write(reference: Reference, found: Found, language: str) -> str:
    """The number or label ``found`` for a reader of ``language``."""
    if found.entry is None or found.row is None:
        raise ValueError("a reference without a number cannot be written")
    row = found.row
    if reference.form == "domain":
        joint = "、" if language == "zh" else ", "
        labels = joint.join(label(column, row[column], language) for column in found.columns)
        return labels + _notes(found.notes, language)
    unit = found.entry.estimates.unit
    if reference.form == "ci":
        return display.number((row["low"], row["high"]), "ci", unit, language, (row["estimate"],))
    if reference.form == "moved":
        return _moved(row, unit, language)
    value = row[reference.form] if reference.form in ("n", "se") else row["estimate"]
    form = None if reference.form == "unit" else reference.form
    beside = () if reference.form in ("n", "se") else (row["low"], row["high"])
    return display.number(value, form, unit, language, beside)


def parameter(reference: Reference, contents: Sequence[Content], language: str) -> str:
    """The value of the parameter that ``reference`` names, for a reader. Raises Problem if no chapter has it."""
    for content in contents:
        if reference.key in content.parameters:
            return label(reference.key, content.parameters[reference.key], language)
    raise problem("report.unknown_key", reference=reference.text, known=_known(contents))


def _reference(match: re.Match[str]) -> Reference:
    inner = match[1] or ""
    if re.fullmatch(_NAME, inner):
        return Reference(inner, "", inner, None, "", "")
    parsed = _NUMBER.fullmatch(inner)
    if parsed is None or parsed[2] in RANKS or parsed[5] not in FORMS:
        raise problem("report.bad_reference", reference=match[0], forms=", ".join(FORMS))
    chapter, key, values, rank, form = parsed.groups()
    chosen = None if values is None else tuple(value.strip() for value in values.split(","))
    return Reference(inner, chapter or "", key, chosen, rank or "", form)


def _item(reference: Reference, contents: Sequence[Content]) -> tuple[Content, Entry | Absent]:
    found: list[tuple[Content, Entry | Absent]] = []
    for content in contents:
        item = content.entries().get(reference.key) or content.absent().get(reference.key)
        if item is not None and reference.chapter in ("", content.name):
            found.append((content, item))
    if len(found) != 1:
        raise problem("report.unknown_key", reference=reference.text, known=_known(contents))
    return found[0]


def _known(contents: Sequence[Content]) -> str:
    keys = [f"{content.name}.{key}" for content in contents for key in content.entries() | content.absent()]
    return ", ".join(keys) or "–"


def _selected(reference: Reference, entry: Entry, content: Content) -> tuple[pd.DataFrame, list[str]]:
    """The rows with the reference's values, and the columns left free (all without values, else those marked *)."""
    estimates = entry.estimates
    columns = [*estimates.domains, *estimates.keys]
    if reference.values is None:
        return estimates.rows, columns
    if len(reference.values) == len(columns) + 1:
        columns.append("measure")
    if len(reference.values) != len(columns):
        raise _not_one(reference, entry, 0)
    keep = pd.Series(True, estimates.rows.index)
    for column, value in zip(columns, reference.values, strict=True):
        if value != "*":
            keep &= _texts(estimates.rows[column]) == _text(content.parameters.get(value, value))
    return estimates.rows[keep], [c for c, value in zip(columns, reference.values, strict=True) if value == "*"]


def _known_place(reference: Reference, entry: Entry, content: Content) -> bool:
    """Whether each value stands in its column, is one of its codes, or is a parameter: a true place without a row."""
    columns = [*entry.estimates.domains, *entry.estimates.keys, "measure"]
    for column, value in zip(columns, reference.values or (), strict=False):
        known = value == "*" or value in content.parameters or label(column, value, "zh") != value
        if not known and not (_texts(entry.estimates.rows[column]) == _text(value)).any():
            return False
    return reference.values is not None


def _texts(column: pd.Series) -> pd.Series:
    return column.map(_text)


def _text(value: Any) -> str:
    """A value of a column or of a sentence, so that 2025, 2025.0 and "2025" are the same."""
    try:
        return f"{float(value):.12g}"
    except (TypeError, ValueError):
        return str(value)


def _ranked(reference: Reference, entry: Entry, rows: pd.DataFrame, free: list[str]) -> Found:
    """The first of the published rows, with a note where the second does not differ from it significantly.

    A single row has no rank: the sentence is left out, as where the source has no such result.
    """
    part = [column for column in free if (rows[column] != "all").any()]
    rows = rows[(rows[part] != "all").all(axis=1)]
    if len(rows) == 1:
        return Found(reason="absent")
    if len(rows["measure"].unique()) != 1:
        raise _not_one(reference, entry, len(rows))
    published = rows[rows["flag"].isin(PUBLISHED) & rows["estimate"].notna()]
    if len(published) == 0:
        return Found(entry, reason=_reason(rows.iloc[0]))
    order = published.sort_values("estimate", ascending=reference.rank == "lowest", kind="stable")
    notes = []
    if len(order) > 1 and not _differ(entry, order.index[0], order.index[1]):
        notes.append(f"report.among_{reference.rank}")
    if (~rows["flag"].isin([*PUBLISHED, "empty"])).any():
        notes.append("report.among_published")
    return Found(entry, order.iloc[0].to_dict(), _shown_columns(entry, rows), tuple(notes))


def _moved(row: Mapping[Any, Any], unit: str, language: str) -> str:
    """In words: rose by, fell by, or no change that can be told; a complete count that stayed the same "did not"."""
    change = float(row["estimate"])
    if change == 0 and not math.isfinite(row["df"]):
        return message("report.moved_not", language)
    if not (row["low"] > 0 or row["high"] < 0):
        return message("report.moved_unclear", language)
    size = display.number(abs(change), None, unit, language, (row["low"], row["high"])).lstrip("+")
    return message("report.moved_up" if change > 0 else "report.moved_down", language, size=size)


def _differ(entry: Entry, first: Any, second: Any) -> bool:
    """Whether two rows differ at the 5 % level by a t test, with their covariance where the result carries it."""
    rows = entry.estimates.rows
    a, b = rows.loc[first], rows.loc[second]
    covariance = entry.estimates.covariance
    shared = 0.0
    if covariance is not None:
        shared = float(np.asarray(covariance)[rows.index.get_loc(first), rows.index.get_loc(second)])
    shared = 0.0 if math.isnan(shared) else shared
    variance = max(float(a["se"]) ** 2 + float(b["se"]) ** 2 - 2 * shared, 0.0)
    if math.isnan(variance):
        return False
    df = np.nanmin([a["df"], b["df"], 1e9])
    return bool(abs(a["estimate"] - b["estimate"]) > stdtrit(max(df, 1.0), 0.975) * math.sqrt(variance))


def _shown_columns(entry: Entry, rows: pd.DataFrame) -> tuple[str, ...]:
    """The columns whose label tells the rows apart; for a single row its domain."""
    names = [*entry.estimates.domains, *entry.estimates.keys]
    telling = [column for column in names if len(rows[column].unique()) > 1]
    placed = [column for column in entry.estimates.domains if (rows[column] != "all").any()]
    return tuple(telling or placed or entry.estimates.domains[:1])


def _reason(row: pd.Series) -> str:
    """Why a row has no number to show: its flag, or "empty"; "" for a published one."""
    if row["flag"] not in PUBLISHED:
        return str(row["flag"])
    return "empty" if math.isnan(row["estimate"]) else ""


def _notes(notes: Sequence[str], language: str) -> str:
    if not notes:
        return ""
    opening, joint, closing = ("（", "；", "）") if language == "zh" else (" (", "; ", ")")
    return opening + joint.join(message(note, language) for note in notes) + closing


def _not_one(reference: Reference, entry: Entry, rows: int) -> Exception:
    columns = ", ".join([*entry.estimates.domains, *entry.estimates.keys, "measure"])
    return problem("report.not_one_row", reference=reference.text, rows=rows, columns=columns)
