"""Source mappings (``data/sources/NAME.yml``): what the columns of an export are called here, as a person confirmed."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Any

import yaml

from aidlib import reference
from aidlib.intake.constants import check_constants, check_words
from aidlib.intake.header import Header, Heading, corrected_header, find_header, letter, normal
from aidlib.intake.quarantine import MARKS, holds_kind
from aidlib.intake.read import Sheet
from aidlib.reference import problem

LONELY = ("adjust", "average", "certainty")
BASE = ""  # the number of columns that belong to no repeated group
_GIVEN = {"members": {"person_id", "household_id", "year", "region"}}  # found from the household's row


@dataclass(frozen=True)
class Group:
    """Columns repeated in one row (姓名1 … 姓名5), each turned into a row of ``table``.

    headings: patterns with {column} and {n}; numbers: what {n} takes, "" for the columns without a number.
    """

    table: str
    numbers: tuple[str, ...]
    headings: tuple[str, ...] = ("{column}{n}",)
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    first: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    count_includes: int = 0


@dataclass(frozen=True)
class Join:
    """Another sheet of the same file whose rows belong one to one to this sheet's rows by the columns ``on``."""

    sheet: str
    on: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Kind:
    """One shape of sheet: which files and sheets have it, and how its columns become columns of ``table``.

    Compared by identity, so that what is worked out for a kind can be kept.
    """

    name: str
    table: str
    match: tuple[str, ...] = ("*",)
    sheets: tuple[str, ...] = ("*",)
    columns: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    ignore: tuple[str, ...] = ()
    constants: Mapping[str, str] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    derived: Mapping[str, str] = field(default_factory=dict)
    values: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    units: Mapping[str, str] = field(default_factory=dict)
    keep_units: Mapping[str, str] = field(default_factory=dict)
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    groups: tuple[Group, ...] = ()
    joins: tuple[Join, ...] = ()
    checks: Mapping[str, str] = field(default_factory=dict)
    compare_multiple: bool = False
    count_empty: bool = False


@dataclass(frozen=True)
class Source:
    """A whole mapping file; ``correct_attrition``: its weights leave the loss of a panel to be repaired.

    lonely_psu: what figures do with a stratum of one PSU, "" for none (a report stops there); population: who the
    households are, in both languages ({} for the member households of the union).
    """

    name: str
    demo: bool
    kinds: tuple[Kind, ...]
    ignore_sheets: tuple[str, ...] = ()
    correct_attrition: bool = False
    lonely_psu: str = ""
    population: Mapping[str, str] = field(default_factory=dict)

    @property
    def told(self) -> dict[str, Any]:
        """What the source says of itself, for the manifest."""
        said = {"lonely_psu": self.lonely_psu, "population": dict(self.population)}
        return {name: value for name, value in said.items() if value}


@dataclass(frozen=True)
class Target:
    """Where one raw column goes: ``column`` of ``table``, in repetition ``number``."""

    position: int
    table: str
    number: str
    column: str
    heading: str
    unit: str


@dataclass(frozen=True)
class Plan:
    """How one sheet is read: its kind, header and the targets of its columns; raw headings for expressions."""

    kind: Kind
    header: Header
    targets: tuple[Target, ...]


def load_source(name: str, folder: Path) -> Source:
    """The mapping ``name`` in ``folder``; Problem where it is unknown or wrong."""
    path = folder / f"{name}.yml"
    if not re.fullmatch(r"[\w-]+", name) or not path.is_file():
        known = ", ".join(sorted(p.stem for p in folder.glob("*.yml"))) or "-"
        raise problem("intake.unknown_source", source=name[:40], known=known)
    try:
        raw = yaml.load(path.read_text(encoding="utf-8"), yaml.CSafeLoader)
        kinds = tuple(_kind(key, entry or {}) for key, entry in raw["kinds"].items())
        flags = {flag: bool(raw.get(flag, False)) for flag in ("demo", "correct_attrition")}
        return Source(name, kinds=kinds, ignore_sheets=_texts(raw.get("ignore_sheets", ())), lonely_psu=_lonely(raw),
                      population=_population(raw), **flags)  # fmt: skip
    except (yaml.YAMLError, KeyError, TypeError, AttributeError, ValueError) as error:
        detail = str(error).splitlines()[0][:240]
        raise problem("intake.bad_mapping", file=path.name, detail=detail) from error


def _lonely(raw: Mapping[str, Any]) -> str:
    strategy = str(raw.get("lonely_psu", ""))
    if strategy and strategy not in LONELY:
        raise ValueError(f"lonely_psu: {strategy[:20]}? ({', '.join(LONELY)})")
    return strategy


def _population(raw: Mapping[str, Any]) -> dict[str, str]:
    said = raw.get("population") or {}
    if said and (
        set(said) != {"zh", "en"} or not all(isinstance(text, str) and text.strip() for text in said.values())
    ):
        raise ValueError("population: {zh: …, en: …}?")
    return {language: text.strip() for language, text in said.items()}


def _kind(name: str, entry: dict[str, Any]) -> Kind:
    table = reference.dictionary().tables[entry["table"]]
    known = {key: _column_map(entry.get(key, {}), table, name) for key in ("constants", "names", "derived", "values")}
    check_words(table, known["values"])
    check_constants(table, {k: str(v) for k, v in known["constants"].items()}, known["values"])
    return Kind(
        name=name,
        table=table.name,
        match=_texts(entry.get("match", "*")),
        sheets=_texts(entry.get("sheets", "*")),
        columns={k: _texts(v) for k, v in _column_map(entry.get("columns", {}), table, name).items()},
        ignore=tuple("*".join(map(normal, text.split("*"))) for text in _texts(entry.get("ignore", ()))),
        constants={k: str(v) for k, v in known["constants"].items()},
        names=known["names"],
        derived=known["derived"],
        values=known["values"],
        units=_column_map(entry.get("units", {}), table, name),
        keep_units=_column_map(entry.get("keep_units", {}), table, name),
        ranges={k: (float(v[0]), float(v[1])) for k, v in _column_map(entry.get("ranges", {}), table, name).items()},
        groups=tuple(_group(group) for group in entry.get("groups", ())),
        joins=tuple(Join(join["sheet"], _texts(join["on"])) for join in entry.get("joins", ())),
        checks=entry.get("checks", {}),
        compare_multiple=bool(entry.get("compare_multiple", False)),
        count_empty=bool(entry.get("count_empty", False)),
    )


def _group(entry: dict[str, Any]) -> Group:
    table = reference.dictionary().tables[entry["table"]]
    columns = _column_map(entry.get("columns", {}), table, table.name)
    values = _column_map(entry.get("values", {}), table, table.name)
    check_words(table, values)
    for key in ("constants", "first"):
        given = _column_map(entry.get(key, {}), table, table.name)
        check_constants(table, {k: str(v) for k, v in given.items()}, values)
    return Group(
        table=table.name,
        numbers=tuple("" if n is None else str(n) for n in entry["numbers"]),
        headings=_texts(entry.get("headings", "{column}{n}")),
        columns={k: _texts(v) for k, v in columns.items()},
        constants={k: str(v) for k, v in entry.get("constants", {}).items()},
        first={k: str(v) for k, v in entry.get("first", {}).items()},
        values=values,
        count_includes=int(entry.get("count_includes", 0)),
    )


def _column_map(entry: Mapping[str, Any], table: reference.Table, kind: str) -> dict[str, Any]:
    unknown = [column for column in entry if column not in table.columns]
    if unknown:
        raise ValueError(f"{kind}: {', '.join(map(str, unknown))}?")
    return dict(entry)


def _texts(value: Any) -> tuple[str, ...]:
    return (str(value),) if isinstance(value, str | int | float) else tuple(str(each) for each in value)


@lru_cache(maxsize=64)
def known_headings(kind: Kind) -> dict[str, tuple[str, str, str]]:
    """Normal form of every heading the kind can have -> (table, number, column). The mapping's own words come first."""
    table = reference.dictionary().tables[kind.table]
    found: dict[str, tuple[str, str, str]] = {}
    for column, headings in kind.columns.items():
        for heading in headings:
            found.setdefault(normal(heading), (table.name, BASE, column))
    for group in kind.groups:
        _add_group(found, group, numbered=True)
    for name, spec in table.columns.items():
        if not spec.derived and not spec.identifier and name not in kind.derived:
            for heading in spec.headings:
                found.setdefault(normal(heading), (table.name, BASE, name))
    for group in kind.groups:
        _add_group(found, group, numbered=False)
    if table.name == "members":
        for name, spec in table.columns.items():
            for heading in spec.headings if spec.identifier else ():
                found.setdefault(normal(heading), (table.name, BASE, name))
    return found


def _add_group(found: dict[str, tuple[str, str, str]], group: Group, *, numbered: bool) -> None:
    table = reference.dictionary().tables[group.table]
    for number in group.numbers:
        if bool(number) is not numbered:
            continue
        for name, spec in table.columns.items():
            if name in _GIVEN.get(group.table, set()) | {"weight", "stratum", "psu"}:
                continue
            for words in (*group.columns.get(name, ()), *spec.headings):
                for pattern in group.headings if number else ("{column}",):
                    key = normal(pattern.format(column=words, n=number))
                    found.setdefault(key, (group.table, number or BASE, name))


def plan_sheet(sheet: Sheet, source: Source, file: str) -> Plan | None:
    """How to read a sheet; None where the mapping says to leave it out.

    Problem where no kind fits the file and sheet, no header is found, or columns are unknown or lacking.
    """
    if any(fnmatchcase(sheet.sheet, pattern) for pattern in source.ignore_sheets) or not any(map(any, sheet.head)):
        return None
    corrected = bool(sheet.head[0]) and sheet.head[0][0] == MARKS[0]
    kinds = [kind for kind in source.kinds if corrected or fits_kind(kind, file, sheet.sheet)]
    if corrected:
        kinds = [kind for kind in kinds if holds_kind(sheet.sheet, kind.name)] or kinds
    if not kinds:
        if any(sheet.sheet == join.sheet for kind in source.kinds for join in kind.joins):
            return None
        raise problem("intake.wrong_sheet", file=sheet.file, sheet=sheet.sheet or "-", source=source.name)
    if corrected:
        found = [(corrected_header(sheet.head[0], _recognised(kind)), kind) for kind in kinds]
    else:
        found = [(header, kind) for kind in kinds if (header := find_header(sheet.head, _recognised(kind)))]
    if not found:
        raise problem("intake.no_header", file=sheet.file, sheet=sheet.sheet or "-", rows=len(sheet.head))
    header, kind = max(found, key=lambda each: each[0].score)
    return _plan(sheet, header, kind)


def fits_kind(kind: Kind, file: str, sheet: str) -> bool:
    """Whether the mapping lets this file and sheet be of the kind."""
    return _fits(file, kind.match) and _fits(sheet, kind.sheets)


@lru_cache(maxsize=64)
def _recognised(kind: Kind) -> frozenset[str]:
    return frozenset(known_headings(kind)) | {word for word in kind.ignore if "*" not in word}


def _fits(name: str, patterns: Sequence[str]) -> bool:
    return any(fnmatchcase(name, pattern) or fnmatchcase(name.rsplit("/", 1)[-1], pattern) for pattern in patterns)


def _plan(sheet: Sheet, header: Header, kind: Kind) -> Plan:
    targets, unknown = _targets(header.headings, kind)
    if unknown:
        raise problem(
            "intake.unknown_columns", file=sheet.file, sheet=sheet.sheet or "-", row=header.start,
            columns="; ".join(unknown[:12]) + (" …" if len(unknown) > 12 else ""), count=len(unknown),
        )  # fmt: skip
    _require(sheet, header, kind, targets)
    return Plan(kind, header, targets)


@lru_cache(maxsize=1_000)
def _targets(headings: tuple[Heading, ...], kind: Kind) -> tuple[tuple[Target, ...], tuple[str, ...]]:
    """Where the columns go, and the ones that nobody knows. Most sheets repeat the headings of another."""
    known = known_headings(kind)
    targets, unknown, taken = [], [], set()
    for heading in headings:
        place = next((known[key] for key in heading.keys if key in known), None)
        ignored = any(fnmatchcase(key, pattern) for key in heading.keys for pattern in kind.ignore)
        if place and place not in taken and not (ignored and normal(heading.text) in kind.ignore):
            taken.add(place)
            targets.append(Target(heading.position, *place, heading.text, heading.unit))
        elif not ignored and heading.text not in MARKS and heading.keys[0] not in _expression_words(kind):
            unknown.append(f"{letter(heading.position)} {heading.text[:30]}")
    return tuple(targets), tuple(unknown)


def _expression_words(kind: Kind) -> set[str]:
    words = " ".join([*kind.derived.values(), *kind.checks.values()])
    return {normal(word) for word in re.findall(r"\w+", words)}


def _require(sheet: Sheet, header: Header, kind: Kind, targets: Sequence[Target]) -> None:
    table = reference.dictionary().tables[kind.table]
    have = {target.column for target in targets if target.table == kind.table and target.number == BASE}
    have |= (
        set(kind.constants)
        | set(kind.names)
        | set(kind.derived)
        | ({"person_id"} if table.name == "members" else set())
    )
    if "county" in have:
        have.add("region")  # the place above the county
    if table.name == "members":
        have |= {"year", "region"}
    lacking = [column for column in table.columns.values() if column.required and column.name not in have]
    if lacking:
        raise problem(
            "intake.lacking_columns", file=sheet.file, sheet=sheet.sheet or "-", row=header.start,
            columns_zh="、".join(column.zh for column in lacking),
            columns_en=", ".join(f"{column.en} ({column.zh})" for column in lacking),
        )  # fmt: skip
