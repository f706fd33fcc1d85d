"""import_files: raw exports into the store in one pass, with the account of every row."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from aidlib import reference
from aidlib.intake.batch import Known, Result, process
from aidlib.intake.blocks import RAW, Batch, Block, assemble, data_rows, same_units
from aidlib.intake.check import interviewer_checks, suspect_visits
from aidlib.intake.clean import Fault
from aidlib.intake.identity import pseudonym_key
from aidlib.intake.joins import join_sheets
from aidlib.intake.mapping import Kind, Source, load_source, plan_sheet
from aidlib.intake.merged import fill_merged
from aidlib.intake.quarantine import MARKS, WRONG, Shape, quarantine_workbook
from aidlib.intake.read import Sheet, files_of, read_files
from aidlib.reference import message, problem
from aidlib.store import Store, add_identities, write_restricted
from aidlib.store.folder import ACCOUNT, CHECKS, Addition

MANY = 10  # quarantined rows from which an import that accepts none is refused: it is no correction of a few rows
BATCH = 40_000  # rows that are cleaned together
_STAGES = ["households", "dossiers", "members", "income_month", "aid", "decisions"]
Progress = Callable[..., None]


@dataclass(frozen=True)
class Outcome:
    """What an import did. number: of the manifest; unchanged: every file was in the store already.

    account: file, sheet, table, read, accepted, quarantined, duplicates, non_data; reasons: file, reason, rows;
    quarantine: the workbook to correct, or None; replaced: stored rows that newer ones took the place of, by table.
    """

    number: int
    unchanged: bool
    account: pd.DataFrame = field(repr=False)
    reasons: pd.DataFrame = field(repr=False)
    checks: pd.DataFrame = field(repr=False)
    quarantine: Path | None = None
    replaced: dict[str, int] = field(default_factory=dict)


def import_files(
    paths: Sequence[Path | str],
    source: str,
    store: Path | str,
    progress: Progress | None = None,
    project: Path | None = None,
) -> Outcome:
    """Read files (or folders), map, clean and check them by the mapping ``source``, and add them to ``store``.

    All or nothing: on a Problem the store is as before. Files with the checksum of one already imported are passed
    over. project: the folder that holds data/sources; by default the one around the working folder.
    """
    with reference.within(project or reference.project_folder()):  # looked for once, not whenever a label is
        return _import(paths, source, store, progress, project)


def _import(
    paths: Sequence[Path | str], source: str, store: Path | str, progress: Progress | None, project: Path | None
) -> Outcome:
    mapping = load_source(source, _sources(project))
    target = Store(store)
    files = [(path, name, _sha256(path)) for path, name in files_of([Path(path) for path in paths])]
    before = target.manifest() if target.numbers() else None
    have = {file["sha256"] for file in before["files"]} if before else set()
    new = [file for file in files if file[2] not in have]
    if not new and before:
        return Outcome(before["number"], True, target.account(), _no_reasons(), target.checks())
    flags = {"demo": mapping.demo, "correct_attrition": mapping.correct_attrition}
    with target.addition(source=mapping.name, told=mapping.told, **flags) as addition:
        work = _Import(mapping, addition, progress or (lambda *_: None))
        work.read(_ordered(new, mapping))
        return work.finish(target, new, dict(before["replaced"]) if before else {})


def _sources(project: Path | None) -> Path:
    root = project or reference.project_folder()
    if root is None:
        raise problem("intake.no_project")
    return Path(root) / "data" / "sources"


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _ordered(files: Sequence[tuple[Path, str, str]], source: Source) -> list[tuple[Path, str, str]]:
    """Files with households first, then dossiers, members, aid: later tables are checked against earlier ones."""

    def stage(name: str) -> int:
        kinds = [kind for kind in source.kinds if _may_hold(kind, name)]
        return min((_STAGES.index(kind.table) for kind in kinds), default=0)

    return sorted(files, key=lambda file: (stage(file[1]), file[1]))


def _may_hold(kind: Kind, name: str) -> bool:
    from fnmatch import fnmatchcase

    return any(fnmatchcase(name, p) or fnmatchcase(name.rsplit("/", 1)[-1], p) for p in kind.match)


class _Import:
    """The state of one import: queues of blocks by kind, the account so far, what the steps have learnt."""

    def __init__(self, source: Source, addition: Addition, progress: Progress) -> None:
        self.source, self.addition, self.progress = source, addition, progress
        self.known = Known(pseudonym_key(demo=source.demo))
        self.known.keep_households = any(kind.table in {"members", "income_month"} for kind in source.kinds)
        self.queues: dict[tuple[str, Any], list[Block]] = {}
        self.kinds = {kind.name: kind for kind in source.kinds}
        self.rows_queued = 0
        self.account: dict[tuple[str, str, str], dict[str, int]] = {}
        self.checks: list[pd.DataFrame] = []
        self.reasons: list[tuple[str, str, int]] = []
        self.rejected: dict[Shape, list[pa.Table]] = {}

    def read(self, files: Sequence[tuple[Path, str, str]]) -> None:
        """Take all files in; blocks are processed whenever enough rows are waiting."""
        for done, (name, sheets) in enumerate(read_files([file[:2] for file in files]), 1):
            self.progress("import", done, len(files))
            for block in self._blocks(name, sheets):
                self._queue(block)
        self._work()

    def _blocks(self, name: str, sheets: Sequence[Sheet]) -> Iterator[Block]:
        if not any(map(_corrected, sheets)):
            sheets, joined = join_sheets(sheets, self.source, name)
            for row in joined:
                self._count(str(row["file"]), str(row["sheet"]), str(row["table"]), row)
        if not any(any(map(any, sheet.head)) for sheet in sheets):
            raise problem("intake.empty_file", file=name)
        for sheet in sheets:
            plan = plan_sheet(sheet, self.source, name)
            if plan is None:
                self._left_out(sheet)
                continue
            start = plan.header.start
            self._count(name, sheet.sheet, plan.kind.table, {"read": start, "non_data": start})
            width = max(
                max(heading.position for heading in plan.header.headings) + 1, _usual_length(sheet.head[start:])
            )
            first = start + 1
            for rows in sheet.body(start, width):
                rows, home = fill_merged(rows, sheet.merged, plan) if sheet.merged else (rows, None)
                yield Block(name, sheet.sheet, plan, rows, first, sheet.epoch_1904, home)
                first += rows.num_rows
            self._odd(sheet, plan.kind, name)

    def _left_out(self, sheet: Sheet) -> None:
        """A sheet that the mapping leaves out: read and set aside whole; joined sheets are counted where they join."""
        joins = {join.sheet for kind in self.source.kinds for join in kind.joins}
        if sheet.sheet in joins and (sheet.file, sheet.sheet) in {key[:2] for key in self.account}:
            return
        rows = sum(table.num_rows for table in sheet.body(0, max(map(len, sheet.head), default=0))) if sheet.head else 0
        self._count(sheet.file, sheet.sheet, "", {"read": rows, "non_data": rows})

    def _odd(self, sheet: Sheet, kind: Kind, name: str) -> None:
        """Lines of a text file with too few or too many fields: notes are set aside, others are a Problem."""
        notes = [
            line for line in sheet.odd if sum(bool(cell.strip()) for cell in line.replace("\t", ",").split(",")) <= 3
        ]
        if len(notes) < len(sheet.odd):
            raise problem("intake.ragged", file=name, rows=len(sheet.odd) - len(notes))
        self._count(name, sheet.sheet, kind.table, {"read": len(notes), "non_data": len(notes)})

    def _queue(self, block: Block) -> None:
        key = (block.plan.kind.name, (same_units(block), block.epoch_1904))
        self.queues.setdefault(key, []).append(block)
        self.rows_queued += block.rows.num_rows
        if self.rows_queued >= BATCH:
            self._work()

    def _work(self) -> None:
        """Process all that waits, in the order of the tables."""
        for key in sorted(self.queues, key=lambda key: _STAGES.index(self.kinds[key[0]].table)):
            self._process(self.kinds[key[0]], self.queues[key])
        self.queues, self.rows_queued = {}, 0

    def _process(self, kind: Kind, blocks: list[Block]) -> None:
        data = data_rows(blocks)
        for block, mask in zip(blocks, data, strict=True):
            counts = {"read": len(mask), "non_data": int((~mask).sum())}
            self._count(block.file, block.sheet, kind.table, counts)
        if kind.count_empty:
            self.checks += [_empty_columns(block) for block in blocks]
        if not any(mask.any() for mask in data):
            return
        batch = assemble(kind, blocks, data)
        result = process(batch, self.known)
        self._account_for(batch, result)
        self.checks.append(result.checks)
        for name, rows in result.tables.items():
            self.addition.write(name, _stored(name, rows))

    def _account_for(self, batch: Batch, result: Result) -> None:
        number = batch.raw["", "", "block"]
        counts = pd.crosstab(number, result.fate)
        for block, row in counts.iterrows():
            place = batch.blocks[int(str(block))]
            self._count(place.file, place.sheet, batch.kind.table, {str(k): int(v) for k, v in row.items()})
        if result.fate.eq("quarantined").any():
            self._reject(batch, result)

    def _reject(self, batch: Batch, result: Result) -> None:
        """Keep the original cells of quarantined rows, and count their reasons by file."""
        bad = result.fate.index[result.fate.eq("quarantined")]
        for (reason, column), rows in _united(result.faults).items():
            for file, count in batch.file[rows[rows].index].value_counts().items():
                self.reasons.append((str(file), f"{reason}:{column}", int(count)))
        place, row = (batch.raw["", "", name].loc[bad].to_numpy() for name in ("block", "row"))
        home = batch.raw["", "", "row"].loc[batch.home.loc[bad]].to_numpy()
        said = [batch.file.loc[bad], batch.sheet.loc[bad], _first_rows(batch).loc[bad]]
        cells = [each.to_numpy(dtype=object) for each in said]
        for number in np.unique(place):
            block, at = batch.blocks[number], np.flatnonzero(place == number)
            original = block.rows.take(pa.array(row[at] - block.first))
            names = {heading: str(position) for position, heading in block.headings.items() if heading not in MARKS}
            have = set(original.column_names)
            columns = {heading: original.column(name) for heading, name in names.items() if name in have}
            reasons = _reasons(block, result.faults, bad[at], (row - home)[at])
            marks = [*(each[at] for each in cells), *reasons]
            told = {mark: pa.array(each, pa.string()) for mark, each in zip((*MARKS, WRONG), marks, strict=True)}
            piece = pa.table({**told, **columns})
            self.rejected.setdefault((batch.kind.name, frozenset(columns)), []).append(piece)

    def _count(self, file: str, sheet: str, table: str, counts: dict[str, Any]) -> None:
        row = self.account.setdefault((file, sheet, table), dict.fromkeys(ACCOUNT[3:], 0))
        for name in ACCOUNT[3:]:
            row[name] += int(counts.get(name, 0))

    def _refuse_nothing(self, account: pd.DataFrame) -> None:
        """Where no row at all was accepted, the mapping is wrong: nothing is written, so that it can be put right."""
        sums = account[["accepted", "duplicates", "quarantined"]].sum()
        if sums["accepted"] or sums["duplicates"] or sums["quarantined"] < MANY:
            return
        counts = pd.DataFrame(self.reasons, columns=["file", "reason", "rows"]).groupby("reason")["rows"].sum()
        reason, _, column = str(counts.idxmax()).partition(":")
        said = {x: message(f"intake.reason_{reason}", x, column=reference.heading(column, x)) for x in ("zh", "en")}
        raise problem("intake.nothing_accepted", source=self.source.name, rows=int(sums["quarantined"]),
                      count=int(counts.max()), reason_zh=said["zh"], reason_en=said["en"])  # fmt: skip

    def _suspect(self) -> pd.DataFrame:
        """The checks that need all of an interviewer's work; the interviews concerned are flagged."""
        if not self.known.visits:
            return pd.DataFrame(columns=CHECKS)
        visits = pd.concat(self.known.visits, ignore_index=True)
        suspect = suspect_visits(visits)
        for name, mask in suspect.items():
            self.addition.flag("households", name, visits[mask])
        return interviewer_checks(visits, suspect)

    def finish(self, store: Store, files: Sequence[tuple[Path, str, str]], before: dict[str, int]) -> Outcome:
        """Write the restricted side, then the store's manifest, and tell what was done."""
        account = pd.DataFrame([(*key, *row.values()) for key, row in self.account.items()], columns=ACCOUNT)
        self._refuse_nothing(account)
        _prove(account)
        with ThreadPoolExecutor(1) as pool:  # the workbook is made while the store is written to
            workbook = pool.submit(quarantine_workbook, self.rejected) if self.rejected else None
            checks = pd.concat([*self.checks, self._suspect()], ignore_index=True)[CHECKS]
        units = {f"{k.table}.{column}": unit for k in self.source.kinds for column, unit in k.keep_units.items()}
        quarantine = None
        if workbook:
            name = f"quarantine-{self.addition.number:06d}.xlsx"
            quarantine = write_restricted(store, name, workbook.result())
        try:
            if len(self.known.identities):
                add_identities(store, self.known.identities)
            listed = [{"name": name, "sha256": digest, "bytes": path.stat().st_size} for path, name, digest in files]
            number = self.addition.commit(files=listed, account=account, checks=checks, units=units)
        except BaseException:
            if quarantine:
                quarantine.unlink(missing_ok=True)
            raise
        after = store.manifest(number)["replaced"]
        replaced = {table: rows - before.get(table, 0) for table, rows in after.items() if rows > before.get(table, 0)}
        reasons = pd.DataFrame(self.reasons, columns=["file", "reason", "rows"])
        reasons = reasons.groupby(["file", "reason"])["rows"].sum().reset_index()
        checks = checks.groupby(["check", "region"], as_index=False)[["rows", "failed"]].sum()
        return Outcome(number, False, account, reasons, checks, quarantine, replaced)


def _usual_length(lines: Sequence[Sequence[str | None]]) -> int:
    """The length that most lines have (cells without heading to the right are data too); 0 without lines."""
    lengths = [len(line) for line in lines]
    return max(set(lengths), key=lambda length: (lengths.count(length), length), default=0)


def _corrected(sheet: Sheet) -> bool:
    return bool(sheet.head and sheet.head[0] and sheet.head[0][0] == MARKS[0])


def _stored(name: str, rows: pd.DataFrame) -> pd.DataFrame:
    known = [column.name for column in reference.dictionary().tables[name].stored]
    names = [str(name) for name in rows]
    extra = [c for c in names if c == "flags" or (c.endswith("__missing") and c.removesuffix("__missing") in known)]
    return rows[[c for c in known if c in rows] + extra].reset_index(drop=True)


def _prove(account: pd.DataFrame) -> None:
    """No row vanishes: the sums agree for every sheet, or the import stops before anything is written."""
    went = account[["accepted", "quarantined", "duplicates", "non_data"]].sum(axis=1)
    wrong = account[account["read"] != went]
    if len(wrong):
        first = wrong.iloc[0]
        raise problem("intake.account", file=first["file"], sheet=first["sheet"] or "-", read=first["read"],
                      went=int(went[wrong.index[0]]))  # fmt: skip


def _first_rows(batch: Batch) -> pd.Series:
    """The row numbers as text; rows of a corrected workbook keep those of their first file.

    12+1 is the first row below row 12 that continues its household (merged cells).
    """
    row, told = batch.raw["", "", "row"], (RAW, "", MARKS[2])
    home = row.loc[batch.home].set_axis(row.index)
    text = home.astype("str").where(row == home, home.astype("str") + "+" + (row - home).astype("str"))
    return batch.raw[told].where(batch.confirmed).fillna(text) if told in batch.raw else text


def _united(faults: Sequence[Fault]) -> dict[tuple[str, str], pd.Series]:
    """Rows by reason and column, over all members."""
    found: dict[tuple[str, str], pd.Series] = {}
    for fault in faults:
        key = (fault.reason, fault.column)
        found[key] = found[key] | fault.rows if key in found else fault.rows
    return found


def _reasons(block: Block, faults: Sequence[Fault], rows: pd.Index, below: np.ndarray) -> tuple[np.ndarray, ...]:
    """Why each of the block's quarantined ``rows`` is: in Chinese, in English, and its wrong cells by heading.

    below: how many rows each row stands below the one whose household it continues. A column is called as the sheet's
    own heading; by the dictionary where the sheet has none.
    """
    zh, en, wrong = (np.full(len(rows), "", dtype=object) for _ in range(3))
    for fault in faults:
        hit = fault.rows.loc[rows].to_numpy(dtype=bool)
        member, _, offset = fault.member.partition("+")
        heading = _heading(block, fault, member)
        for text, language in ((zh, "zh"), (en, "en")):
            name = heading.replace("\n", "/") or _column(block.plan.kind, fault.column, language)
            said = message(f"intake.reason_{fault.reason}", language, column=name) + "\n"
            text[:] = np.where(hit, text + said, text)
        wrong[:] = np.where(hit & (below == int(offset or 0)), wrong + heading + "\0", wrong)
    return tuple(pd.Series(text, dtype="object").str.strip("\n\0").to_numpy(dtype=object) for text in (zh, en, wrong))


def _heading(block: Block, fault: Fault, member: str) -> str:
    """The heading of the fault's column as a cell of the quarantine workbook; "" where the sheet has no such column."""
    place = ("members", "" if member == "0" else member) if member else (block.plan.kind.table, "")
    for target in block.plan.targets:
        if (target.table, target.number, target.column) == (*place, fault.column):
            return block.headings.get(target.position, "")
    return ""


def _column(kind: Kind, name: str, language: str) -> str:
    tables = reference.dictionary().tables
    column = tables[kind.table].columns.get(name) or tables["members"].columns.get(name)
    return name if column is None else column.zh if language == "zh" else column.en


def _empty_columns(block: Block) -> pd.DataFrame:
    empty = sum(column.null_count == len(column) for column in block.rows.columns)
    name = f"empty_columns:{block.sheet}"
    return pd.DataFrame({"check": [name], "region": [""], "rows": [block.rows.num_columns], "failed": [empty]})


def _no_reasons() -> pd.DataFrame:
    return pd.DataFrame(columns=["file", "reason", "rows"])
