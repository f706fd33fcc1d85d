"""A tidy table of numbers as a reader's table: labels and headings in one language, every cell a text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from aidlib import reference
from aidlib.display import formats, labels

LONG = 12  # rows up to which a table stays one number per row on a page
WIDE = 6  # columns of numbers with intervals that fit on a page
LONGEST_UNIT = 4  # characters of a unit up to which it stands in every heading
WIDE_COUNTS = 8  # columns of complete counts, which have none


def table(rows: pd.DataFrame, *, domains: Sequence[str], keys: Sequence[str], unit: str, language: str) -> pd.DataFrame:
    """One line per number: domain and key labels, estimate, standard error, 95% interval and n.

    A withheld number is an en dash with the letter of its reason, a number to use with care stands in parentheses
    (``legend`` explains both). A complete count has neither standard error nor interval. Rows keep their order.
    """
    rows = labels.without_doubled_total(rows, domains)
    style = formats.style_of(unit, told(rows))
    styles = row_styles(rows, unit)
    shown = [c for c in (*domains, *keys, "measure") if c in rows and _informs(rows, c)]
    out = _label_columns(rows, shown, language)
    out[labels.head(style, language)] = pd.Series(estimates(rows, styles), rows.index)
    if not labels.counted(rows) and rows["se"].notna().any():
        out[reference.heading("se", language)] = pd.Series(_errors(rows, styles), rows.index)
    if not labels.counted(rows) and rows["low"].notna().any():  # a rank has an interval without an error
        out[labels.WORDS["interval"][language]] = pd.Series(_intervals(rows, styles, language), rows.index)
    if not _is_its_own_count(rows):
        out[_heading_of_n(rows, language)] = pd.Series(_counts(rows), rows.index)
    return _framed(out, len(shown))


def compact(
    rows: pd.DataFrame, *, domains: Sequence[str], keys: Sequence[str], unit: str, language: str
) -> pd.DataFrame:
    """The table for a page: as ``table`` while it is short, else one dimension spread over the columns.

    A cell then holds the estimate and, on lines of their own, its interval and n; an n that is the same in all cells of
    a line stands once, in the last column. Several measures of plain numbers are always spread. Falls back to
    ``table`` where no dimension has 2 to 6 values that make a table without doubled cells.
    """
    rows = labels.without_doubled_total(rows, domains)
    dims = labels.dimensions(rows, domains, keys)
    spread = _dimension_to_spread(rows, dims)
    measures = "measure" in dims and len(dims) > 1 and unit not in formats.UNITS
    if spread is None or (len(rows) <= LONG and not measures):
        return table(rows, domains=domains, keys=keys, unit=unit, language=language)
    index = [c for c in dims if c != spread]
    cells = _cells_to_spread(rows, index, spread, unit, language)
    wide = cells.pivot_table(index=index, columns=spread, values="cell", aggfunc="first", sort=False)
    frame = cells[index].drop_duplicates().merge(wide.reset_index(), on=index, how="left")
    out = _label_columns(frame, index, language)
    unit_text = formats.style_of(unit, told(rows)).head(language)
    note = cells.attrs["note"]
    if unit_text and (len(wide.columns) > WIDE or (len(unit_text) > LONGEST_UNIT and len(wide.columns) > 1)):
        unit_note = labels.WORDS["unit"][language].format(unit_text)
        note, unit_text = ("；" if language == "zh" else "; ").join(p for p in (unit_note, note) if p), ""
    for value in wide.columns:
        head = labels.text(spread, value, language)
        of_column = cells.attrs["n_of_column"].get(str(value), "")
        inside = ("，" if language == "zh" else ", ").join(p for p in (unit_text, of_column) if p)
        name = f"{head}（{inside}）" if language == "zh" else f"{head} ({inside})"
        out[name if inside else head] = frame[value].fillna(formats.WITHHELD)
    if cells.attrs["common_n"]:
        counts = cells[cells["n"] != ""].drop_duplicates(index)[[*index, "n"]]
        shown = frame[index].merge(counts, on=index, how="left")["n"]
        out[_heading_of_n(rows, language)] = shown.fillna(formats.WITHHELD)
    return _framed(out, len(index), note)


def _cells_to_spread(rows: pd.DataFrame, index: list[str], spread: str, unit: str, language: str) -> pd.DataFrame:
    """Index and spread columns as text, ``cell`` with its lines, ``n`` as text ("" where there is none).

    ``attrs``: whether n stands apart in a column (``common_n``), in the headings of the columns that have one n each
    (``n_of_column``), and how a cell is read (``note``).
    """
    of_line = rows.groupby(index, sort=False)["n"]
    apart = not _is_its_own_count(rows) and bool((~(of_line.max() > of_line.min())).all())
    styles = row_styles(rows, unit)
    lines = [estimates(rows, styles)]
    kinds = []
    if not labels.counted(rows) and rows["low"].notna().any():
        lines.append(_intervals(rows, styles, language))
        kinds.append("interval")
    counts = [text if text not in (formats.WITHHELD, "0") else "" for text in _counts(rows)]
    of_column: dict[str, str] = {}
    if not (apart or labels.counted(rows)):
        of_column = _one_n_a_column(rows[spread], counts)
    if not (apart or labels.counted(rows) or of_column):
        lines.append([text and f"n {text}" for text in counts])
        kinds.append("n")
    texts = ["\n".join(part for part in parts if part) for parts in zip(*lines, strict=True)]
    cells = rows[[*index, spread]].astype(str).assign(cell=texts, n=counts).reset_index(drop=True)
    note = labels.WORDS["stacked_" + "_".join(kinds)][language] if kinds else ""
    cells.attrs |= {"common_n": apart, "n_of_column": of_column, "note": note}
    return cells


def _one_n_a_column(columns: pd.Series, counts: list[str]) -> dict[str, str]:
    """The n of every column, where each has just one and all its cells are told; else nothing."""
    texts = pd.Series(counts, columns.index)
    of_column = texts.groupby(columns.astype(str), sort=False).agg(["nunique", "first"])
    if (of_column["nunique"] > 1).any() or (texts == "").any():
        return {}
    return {str(name): f"n {text}" for name, text in of_column["first"].items()}


def told(rows: pd.DataFrame) -> np.ndarray:
    """All published estimates and bounds of ``rows``, whose decimals they share."""
    return rows.loc[~labels.withheld(rows), ["estimate", "low", "high"]].to_numpy(dtype=float).ravel()


def legend(rows: pd.DataFrame, language: str) -> list[str]:
    """Notes on the marks that occur in ``rows``: figures in parentheses, and each reason for a withheld figure."""
    present = set(labels.reason(rows)) - {""}
    notes = []
    if labels.CARE in present:
        notes.append(f"( ) {labels.FLAGS[labels.CARE][language]}")
    for flag, letter in labels.LETTERS.items():
        if flag in present:
            notes.append(f"{formats.WITHHELD}{letter} {labels.FLAGS[flag][language]}")
    return notes


def row_styles(rows: pd.DataFrame, unit: str) -> list[formats.Style]:
    """The style of every row: one for all, but plain numbers have the decimals that their measure needs."""
    if unit in formats.UNITS:
        return [formats.style_of(unit, told(rows))] * len(rows)
    values = rows["estimate"].astype(float)
    names = rows["measure"]
    of_measure = {name: formats.style_of(unit, part.to_numpy()) for name, part in values.groupby(names)}
    return [of_measure[name] for name in names]


def estimates(rows: pd.DataFrame, styles: Sequence[formats.Style]) -> list[str]:
    """The estimates as cell texts with the marks of their flags."""
    cells = zip(rows["estimate"].astype(float), labels.reason(rows), styles, strict=True)
    return [_cell(value, reason, style) for value, reason, style in cells]


def alternative(
    rows: pd.DataFrame, *, domains: Sequence[str], keys: Sequence[str], unit: str, language: str, caption: str
) -> str:
    """What the chart shows, in sentences for readers who cannot see it: caption, number of figures, highest, lowest."""
    rows = labels.without_doubled_total(rows, domains)
    shown = rows[~labels.withheld(rows)]
    parts = [caption.rstrip("。.")]
    dims = labels.dimensions(rows, domains, keys)
    zh = language == "zh"
    if len(shown) == 1:
        value = formats.number(shown["estimate"].iloc[0], None, unit, language, told(rows))
        parts.append(f"数值为{value}" if zh else f"The value is {value}")
    elif len(shown):
        high, low = (_named(shown.iloc[i], dims, unit, language, told(rows)) for i in _extremes(shown))
        parts.append(
            f"共{len(shown)}个数值，最高为{high}，最低为{low}"
            if zh
            else f"{len(shown)} figures; highest {high}, lowest {low}"
        )
    hidden = len(rows) - len(shown)
    if hidden:
        parts.append(f"{hidden}个数值未公布" if zh else f"{hidden} not published")
    return "。".join(parts) + "。" if zh else ". ".join(parts) + "."


def _label_columns(rows: pd.DataFrame, columns: Sequence[str], language: str) -> dict[str, pd.Series]:
    """Labels by heading; where two columns have one heading, the later ones also show their own name."""
    out: dict[str, pd.Series] = {}
    for column in columns:
        heading = reference.heading(column, language)
        out[heading if heading not in out else f"{heading} · {column}"] = labels.texts(rows, column, language).astype(
            str
        )
    return out


def _framed(columns: dict[str, pd.Series], label_columns: int, note: str = "") -> pd.DataFrame:
    """The columns as a table; ``attrs``: how many leading columns are ``labels``, how to read a cell (``note``)."""
    frame = pd.DataFrame(columns).reset_index(drop=True)
    frame.attrs |= {"labels": label_columns, "note": note}
    return frame


def _informs(rows: pd.DataFrame, column: str) -> bool:
    """A column is shown unless it says only "all" or repeats one measure."""
    values = rows[column].astype(str).unique()
    return len(values) > 1 or (column != "measure" and list(values) != ["all"])


def _cell(value: float, reason: str, style: formats.Style) -> str:
    if reason in labels.LETTERS:
        return formats.WITHHELD + labels.LETTERS[reason]
    text = formats.digits(value, style)
    return f"({text})" if reason == labels.CARE else text


def _errors(rows: pd.DataFrame, styles: Sequence[formats.Style]) -> list[str]:
    cells = zip(rows["se"].astype(float), labels.withheld(rows), styles, strict=True)
    return ["" if hidden else formats.standard_error_digits(value, style) for value, hidden, style in cells]


def _intervals(rows: pd.DataFrame, styles: Sequence[formats.Style], language: str) -> list[str]:
    bounds = rows[["low", "high"]].astype(float).mask(labels.withheld(rows))
    cells = zip(bounds["low"], bounds["high"], styles, strict=True)
    return [formats.interval_digits(low, high, style, language) for low, high, style in cells]


def _is_its_own_count(rows: pd.DataFrame) -> bool:
    """True for counts of a register, whose n would repeat the figure."""
    known = rows[["estimate", "n"]].dropna()
    return labels.counted(rows) and bool((known["estimate"] == known["n"]).all())


def _counts(rows: pd.DataFrame) -> list[str]:
    return [formats.digits(value, formats.FORMS["n"]) for value in rows["n"].astype(float)]


def _heading_of_n(rows: pd.DataFrame, language: str) -> str:
    return reference.heading("n_register" if labels.counted(rows) else "n", language)


def _dimension_to_spread(rows: pd.DataFrame, dims: list[str]) -> str | None:
    """The last dimension with few values that leaves at least one other; times first, as readers compare years."""
    if len(dims) < 2 or rows.duplicated(dims).any():
        return None
    few = [c for c in dims if rows[c].nunique() <= (WIDE_COUNTS if labels.counted(rows) else WIDE)]
    times = [c for c in few if c in labels.TIMES]
    return times[0] if times else (few[-1] if few else None)


def _extremes(shown: pd.DataFrame) -> tuple[int, int]:
    values = shown["estimate"].to_numpy(dtype=float)
    return int(np.argmax(values)), int(np.argmin(values))


def _named(row: pd.Series, dims: list[str], unit: str, language: str, beside: np.ndarray) -> str:
    value = formats.number(row["estimate"], None, unit, language, beside)
    name = "、" if language == "zh" else ", "
    words = name.join(labels.text(c, row[c], language) for c in dims)
    if not words:
        return value
    return f"{words}（{value}）" if language == "zh" else f"{words} ({value})"
