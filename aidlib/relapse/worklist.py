"""The list that visitors take along: who is to be seen, where and why, with real names. The one file that holds them.

It is written only when somebody asks for it by name and purpose, outside project, store and editions, for its owner's
eyes only, and every one is entered in the audit of the restricted side. It tells the band of risk in words, never a
probability, and no identity number is ever read for it.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd

from aidlib import reference
from aidlib.store import Store, enter_audit, read_contacts

if TYPE_CHECKING:
    from xlsxwriter import Workbook

WIDTHS = {
    "row_number": 5,
    "name": 9,
    "phone": 13,
    "address": 26,
    "dossier_id": 15,
    "region": 9,
    "county": 9,
    "recorded_grade": 9,
    "position": 8,
    "exit_date": 11,
    "days_since_contact": 8,
    "risk_band": 7,
    "visit_reason": 26,
    "visited_on": 11,
    "visit_found": 24,
    "visit_needs": 24,
}
TO_FILL = ["visited_on", "visit_found", "visit_needs"]
CODED = ["region", "county", "recorded_grade", "position", "risk_band"]
NOTES = ("confidential", "use", "aid", "rule", "law")
FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
A4 = 9  # in Excel's list of papers
LINE = 16.0  # points: the height of a line of text; a note has six
MARKS = (".git", "data/sources", "manifests/000001.json", "register.json")  # a project, a store, published editions
OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH


@dataclass(frozen=True)
class Request:
    """Who asks for a list and what for: officer responsible, purpose, account (user) and time of writing; and which
    list: region, day, number of visits and the checksum of the risk model ("": bands by rule)."""

    officer: str
    purpose: str
    user: str
    at: str
    region: str
    on: str
    capacity: int
    model: str = ""


@dataclass(frozen=True)
class Written:
    """A list that was written: its file, rows, rows with a name, number in the audit, SHA-256."""

    path: Path
    rows: int
    identified: int
    audit: int
    sha256: str


def write_worklist(
    listed: pd.DataFrame,
    members: pd.DataFrame,
    store: Store,
    out: Path,
    request: Request,
    *,
    closed: Sequence[Path] = (),
) -> Written:
    """Write the list of ``visit_list`` with the names behind it as a workbook at ``out`` (mode 0600, a new file).

    members: the persons of the survey; the worker of a household's latest wave is its contact. The audit is written
    first, so that no list is without an entry; an entry whose file could not be written is followed by one that says
    so. closed: folders that must hold no list, besides every project, store and place of editions.
    Raises Problem for such a place, for a folder that is not there or open to others, for a file that exists, for a
    request without officer or purpose, and where the store has no file of identities.
    """
    place = _checked(out, [*closed, store.path])
    _check_request(request)
    workers = _workers(members, listed)
    contacts = read_contacts(store, workers["person_id"])
    table = worklist(listed, workers.merge(contacts, on="person_id", how="left"))
    content = workbook(table, request)
    identified = int(table["name"].ne("").sum())
    told = asdict(request) | {"rows": len(table), "identified": identified}
    sha256 = hashlib.sha256(content).hexdigest()
    number = enter_audit(store, {"kind": "worklist", "file": place.name, "sha256": sha256, **told})
    try:
        _write(place, content)
    except BaseException:
        enter_audit(store, {"kind": "not_written", "of": number, "at": request.at})
        raise
    return Written(place, len(table), identified, number, sha256)


def worklist(listed: pd.DataFrame, contacts: pd.DataFrame) -> pd.DataFrame:
    """The rows of the list as text in Chinese, in the order of ``listed``; the visitor's columns are empty.

    contacts: household_id, name, phone, address. A household without one is known by the number of its file.
    """
    listed = listed.reset_index(drop=True)
    known = listed[["household_id"]].merge(contacts, on="household_id", how="left")
    exit_date = listed["since"].dt.strftime("%Y-%m-%d").where(listed["position"].eq("left"))
    found: dict[str, Any] = {
        "row_number": [str(number) for number in range(1, len(listed) + 1)],
        **{name: known[name] for name in ("name", "phone", "address")},
        "dossier_id": listed["dossier_id"],
        **{name: _labels(listed[name]) for name in CODED},
        "exit_date": exit_date,
        "days_since_contact": listed["days"].map("{:.0f}".format),
        "visit_reason": _reasons(listed),
        **dict.fromkeys(TO_FILL, ""),
    }
    rows = pd.DataFrame({name: pd.Series(found[name], index=listed.index, dtype="str") for name in WIDTHS})
    return rows.fillna("")


def workbook(table: pd.DataFrame, request: Request) -> bytes:
    """The list as a workbook: what it is for and what holds for it, then the rows. Same rows, same bytes.

    Text is never a formula or a link, whatever it begins with.
    """
    import xlsxwriter

    out = BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False, "strings_to_numbers": False}
    book = xlsxwriter.Workbook(out, options)
    book.set_properties({"title": _both("title"), "author": "aidlib", "created": datetime.fromisoformat(request.on)})
    _cover(book, request, len(table))
    _rows(book, table)
    book.close()
    return out.getvalue()


def _cover(book: Workbook, request: Request, rows: int) -> None:
    sheet = book.add_worksheet("说明 Notes")
    sheet.set_paper(A4)
    sheet.set_column(0, 0, 26)
    sheet.set_column(1, 1, 62)
    wrapped, title = book.add_format({"text_wrap": True, "valign": "top"}), book.add_format({"bold": True, "size": 14})
    quoted = book.add_format({"text_wrap": True, "valign": "top", "quote_prefix": True})
    place = " ".join(dict.fromkeys(reference.label("region", request.region, language) for language in ("zh", "en")))
    lines = {
        "purpose": request.purpose,
        "officer": request.officer,
        "place_name": place,
        "day": request.on,
        "size": f"{rows} / {request.capacity}",
    }
    sheet.write_string(0, 0, _both("title"), title)
    for row, (name, text) in enumerate(lines.items(), 2):
        sheet.write_string(row, 0, _both(name), wrapped)
        sheet.write_string(row, 1, text, quoted if text.startswith(FORMULA_STARTS) else wrapped)
    for row, note in enumerate(NOTES, 3 + len(lines)):
        sheet.merge_range(row, 0, row, 1, "")
        sheet.write_string(row, 0, _both(f"note_{note}", "\n"), wrapped)
        sheet.set_row(row, 6 * LINE)


def _rows(book: Workbook, table: pd.DataFrame) -> None:
    sheet = book.add_worksheet("走访名单 Visits")
    border: dict[str, Any] = {"text_wrap": True, "valign": "top", "border": 1}
    plain, quoted = book.add_format(border), book.add_format({**border, "quote_prefix": True})
    head = book.add_format({**border, "bold": True, "bg_color": "#E8E8E8"})
    for column, (name, width) in enumerate(WIDTHS.items()):
        sheet.set_column(column, column, width)
        sheet.write_string(0, column, "\n".join(reference.heading(name, each) for each in ("zh", "en")), head)
        for row, text in enumerate(table[name].tolist(), 1):
            sheet.write_string(row, column, text, quoted if text.startswith(FORMULA_STARTS) else plain)
    sheet.freeze_panes(1, 2)
    sheet.set_paper(A4)
    sheet.set_landscape()
    sheet.repeat_rows(0)
    sheet.fit_to_pages(1, 0)
    sheet.set_footer(f"&L{_both('footer')}&R&P / &N")


def _workers(members: pd.DataFrame, listed: pd.DataFrame) -> pd.DataFrame:
    """The worker of each listed household in its latest wave: household_id, person_id."""
    own = members[members["relation"].eq("self") & members["household_id"].isin(listed["household_id"])]
    latest = own.sort_values(["household_id", "year", "person_id"], kind="stable")
    return latest.drop_duplicates("household_id", keep="last")[["household_id", "person_id"]]


def _reasons(listed: pd.DataFrame) -> pd.Series:
    """Why to go there, in words: position and band, and whether the visit is long overdue."""
    why = listed["position"].astype("str") + "_" + listed["risk_band"].astype("str")
    why = why.map({key: reference.message(f"relapse.worklist_{key}", "zh") for key in why.unique()})
    late = listed["overdue"].map({flag: reference.message(f"relapse.worklist_{name}", "zh")
                                  for flag, name in ((1.0, "overdue"), (0.0, "due"))})  # fmt: skip
    return why + late


def _labels(codes: pd.Series) -> pd.Series:
    return codes.astype("str").map({c: reference.label(str(codes.name), c, "zh") for c in codes.dropna().unique()})


def _both(name: str, between: str = " ") -> str:
    return between.join(reference.message(f"relapse.worklist_{name}", language) for language in ("zh", "en"))


def _check_request(request: Request) -> None:
    for option in ("officer", "purpose"):
        if not getattr(request, option).strip():
            raise reference.problem("relapse.worklist_request", wrong_use=True, option=option)


def _checked(out: Path, closed: Sequence[Path]) -> Path:
    """The place of the list, every link resolved; refused where a list must not lie or others could touch it."""
    place = out.expanduser().parent.resolve() / out.name
    if place.suffix != ".xlsx":
        raise reference.problem("relapse.worklist_suffix", wrong_use=True)
    shut = {folder.resolve() for folder in closed}
    inside = [folder for folder in place.parents if folder in shut or any((folder / mark).exists() for mark in MARKS)]
    if inside:
        raise reference.problem("relapse.worklist_place", wrong_use=True, folder=inside[0])
    if not place.parent.is_dir():
        raise reference.problem("relapse.worklist_no_folder", wrong_use=True, folder=place.parent)
    if place.parent.stat().st_mode & OTHERS_WRITE:
        raise reference.problem("relapse.worklist_open_folder", wrong_use=True, folder=place.parent)
    if os.path.lexists(place):
        raise reference.problem("relapse.worklist_exists", wrong_use=True, file=place.name)
    return place


def _write(place: Path, content: bytes) -> None:
    """A new file for its owner only, whole or not at all."""
    handle = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with os.fdopen(handle, "wb") as file:
            os.fchmod(handle, 0o600)
            file.write(content)
            file.flush()
            os.fsync(handle)
    except BaseException:
        place.unlink(missing_ok=True)
        raise
