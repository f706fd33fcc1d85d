"""The single kinds of dirt: each changes cells of some rows and notes which, under the kind's name."""

from __future__ import annotations

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aidlib.demo.columns import Text, joined, numbers, where, words
from aidlib.demo.parameters import CITY_NAMES, Parameters
from aidlib.reference import codes

Marks = list[tuple[str, np.ndarray]]
Columns = dict[str, Text]
SOURCES = ("income_year", "wages_year", "pension_year", "dibao_year", "union_aid_year", "other_income_year", "income")
RIGID = ("rigid_medical_gross", "rigid_medical", "rigid_schooling", "rigid_disability", "rigid_work", "rigid_other",
         "rigid_year")  # fmt: skip
WELLBEING = ("life_satisfaction", "pressure", "strain_1", "strain_2", "strain_3", "strain_4", "strain_5", "phq2",
             "deprivation", "effectiveness")  # fmt: skip
TICKED = ("single_parent", "zero_employment", "car", "self_help", "w.pension_insurance")
CAUSE_NUMBERS = {"no_capacity": 1, "jobless": 2, "laid_off": 3, "uninsured": 4, "benefits_unpaid": 5, "illness": 6,
                 "disaster": 7, "accident": 8, "schooling": 9, "other": 10}  # fmt: skip
WIDE = str.maketrans("0123456789", "０１２３４５６７８９")
DIGITS, PLACES = "零一二三四五六七八九", ("", "十", "百", "千")


def _kinds(rng: np.random.Generator, among: np.ndarray, shares: dict[str, float]) -> dict[str, np.ndarray]:
    """Rows for each kind (no row twice), each kind with its share of ``among``."""
    draw = np.where(among, rng.random(len(among)), 2.0)
    edges = np.cumsum([0.0, *shares.values()])
    return {
        kind: np.flatnonzero((draw >= low) & (draw < high))
        for kind, low, high in zip(shares, edges[:-1], edges[1:], strict=True)
    }


def _put(columns: Columns, key: str, rows: np.ndarray, values: Text) -> None:
    """Replace cells: ``values`` by row of ``rows``."""
    if len(rows):
        place = np.zeros(len(columns[key]), int)
        place[rows] = np.arange(len(rows))
        mask = np.zeros(len(columns[key]), bool)
        mask[rows] = True
        columns[key] = where(mask, values.take(pa.array(place)), columns[key])


def _clear(columns: Columns, keys: tuple[str, ...], rows: np.ndarray) -> None:
    mask = np.zeros(len(columns[keys[0]]), bool)
    mask[rows] = True
    for key in keys:
        columns[key] = where(mask, None, columns[key])


def amounts(
    p: Parameters, rng: np.random.Generator, columns: Columns, values: dict[str, np.ndarray], free: np.ndarray,
    complete: np.ndarray, found: Marks,
) -> None:  # fmt: skip
    """Units mistaken, sums broken, words and full-width digits in amounts, and signs for nothing."""
    income, text = values["income"], columns["income"]
    free = free & pc.is_valid(text).to_numpy(zero_copy_only=False)
    kinds = _kinds(rng, free, {"unit_wan": p.wan, "unit_year": p.year_in_month, "income_sum": p.sum_broken,
                               "worded_amount": p.worded_amount, "full_width": p.full_width})  # fmt: skip
    _put(columns, "income", kinds["unit_wan"], numbers(income[kinds["unit_wan"]] / 10_000, 4))
    _put(columns, "income", kinds["unit_year"], numbers(income[kinds["unit_year"]] * 12))
    _put(columns, "income", kinds["income_sum"], numbers(income[kinds["income_sum"]] * 1.25))
    rows = kinds["worded_amount"]
    style = rng.integers(0, 2, len(rows))
    own = text.take(pa.array(rows))
    _put(columns, "income", rows, where(style == 0, joined("约", own), joined(own, "元/月")))
    rows = kinds["full_width"]
    _put(columns, "income", rows, pa.array([v.as_py().translate(WIDE) for v in text.take(pa.array(rows))], pa.string()))
    found += list(kinds.items())
    savings = values["savings"]
    kinds = _kinds(
        rng, complete & (savings >= 1000), {"wan_written": p.worded_amount, "chinese_amount": p.chinese_amount}
    )
    for kind, rows in kinds.items():
        if kind == "wan_written":
            _put(columns, "savings", rows, joined(numbers(savings[rows] / 10_000, 4), "万"))
        else:
            _put(columns, "savings", rows, pa.array([chinese(int(v)) for v in savings[rows]], pa.string()))
    found += list(kinds.items())
    _nothing(p, rng, columns, values["debt"], complete, found)


def _nothing(p: Parameters, rng: np.random.Generator, columns: Columns, debt: np.ndarray, complete: np.ndarray,
             found: Marks) -> None:  # fmt: skip
    none = _kinds(rng, complete & (debt == 0), {"none_word": p.no_number, "not_applicable": p.no_number})
    unknown = _kinds(rng, complete & (debt > 0), {"unknown_word": p.no_number})
    for kind, sign in (("none_word", "无"), ("not_applicable", "—")):
        _put(columns, "debt", none[kind], pa.array([sign] * len(none[kind]), pa.string()))
    rows = unknown["unknown_word"]
    _put(columns, "debt", rows, pa.array(["不详"] * len(rows), pa.string()))
    found += [*none.items(), *unknown.items()]


def chinese(value: int) -> str:
    """A whole number below 100 million in Chinese numerals: 12300 → 一万二千三百."""
    high, low = divmod(value, 10_000)
    if high:
        gap = "零" if 0 < low < 1000 else ""
        return f"{chinese(high)}万{gap}{chinese(low) if low else ''}"
    written, zero = "", False
    for place in (3, 2, 1, 0):
        digit = low // 10**place % 10
        if digit:
            written += ("零" if zero and written else "") + DIGITS[digit] + PLACES[place]
        zero = digit == 0
    return written or DIGITS[0]


def sizes(p: Parameters, rng: np.random.Generator, columns: Columns, complete: np.ndarray, found: Marks) -> None:
    """A stated household size that its member rows do not bear out."""
    rows = _kinds(rng, complete, {"size": p.size_broken})["size"]
    size = columns["members"].take(pa.array(rows)).cast(pa.int64())
    _put(columns, "members", rows, pc.add(size, 1).cast(pa.string()))
    found.append(("size", rows))


def silence(
    p: Parameters,
    rng: np.random.Generator,
    columns: Columns,
    values: dict[str, np.ndarray],
    complete: np.ndarray,
    found: Marks,
) -> None:
    """Questions without an answer; the richest fifth answers on income least."""
    income = values["income"]
    rich = income > np.quantile(income[complete], 0.8) if complete.any() else np.zeros(len(income), bool)
    odds = p.no_income / (1 - p.no_income) * np.where(rich, p.rich_silence, 1.0)
    odds = odds / np.average(np.where(rich, p.rich_silence, 1.0), weights=complete + 1e-9)
    rows = np.flatnonzero(complete & (rng.random(len(income)) < odds / (1 + odds)))
    _clear(columns, SOURCES, rows)
    found.append(("no_income", rows))
    rows = _kinds(rng, complete, {"no_rigid": p.no_rigid})["no_rigid"]
    _clear(columns, RIGID, rows)
    found.append(("no_rigid", rows))
    rows = _kinds(rng, complete, {"no_health": p.no_health})["no_health"]
    _clear(columns, ("w.health",), rows)
    found.append(("no_health", rows))
    for key in WELLBEING:
        rows = _kinds(rng, complete, {key: p.no_wellbeing})[key]
        _clear(columns, (key,), rows)
        found.append((f"no_{key}", rows))


def days(p: Parameters, rng: np.random.Generator, columns: Columns, complete: np.ndarray, found: Marks) -> None:
    """Interview days as people and spreadsheets write them."""
    names = ("date_dotted", "date_worded", "date_serial", "date_1904", "date_short", "date_impossible")
    kinds = _kinds(rng, complete, {name: float(getattr(p, name)) for name in names})
    text = columns["interview_date"]
    for kind, rows in kinds.items():
        _put(columns, "interview_date", rows, _styled(text.take(pa.array(rows)), kind))
    found += list(kinds.items())


def _styled(text: Text, kind: str) -> Text:
    year, month = pc.utf8_slice_codeunits(text, 0, 4), pc.utf8_ltrim(pc.utf8_slice_codeunits(text, 5, 7), "0")
    if kind == "date_dotted":
        return joined(year, ".", month)
    if kind == "date_worded":
        return joined(year, "年", month, "月")
    if kind == "date_short":
        return joined(pc.utf8_slice_codeunits(year, 2, 4), ".", month, ".", pc.utf8_slice_codeunits(text, 8, 10))
    if kind == "date_impossible":
        return joined(year, "-11-31")
    serial = pc.add(text.cast(pa.date32()).cast(pa.int32()), 25_569 - (1462 if kind == "date_1904" else 0))
    return serial.cast(pa.string())


def identities(p: Parameters, rng: np.random.Generator, columns: Columns, complete: np.ndarray, found: Marks) -> None:
    """Identity numbers rounded by a spreadsheet, mistyped, in other letters, or in the old form; names with spaces."""
    kinds = _kinds(rng, complete, {"id_float": p.id_float, "id_check": p.id_check})
    text = columns["w.id_number"]
    head, last = pc.utf8_slice_codeunits(text, 0, 17), pc.utf8_slice_codeunits(text, 17, 18)
    lost = joined(pc.utf8_slice_codeunits(text, 0, 15), "000")
    odd = pc.if_else(pc.equal(last, "1"), "3", "1")  # an odd digit is no multiple of 128: never taken for rounded
    wrong = joined(head, odd)
    for kind, made in (("id_float", lost), ("id_check", wrong)):
        _put(columns, "w.id_number", kinds[kind], made.take(pa.array(kinds[kind])))
    touched = np.zeros(len(complete), bool)
    touched[np.concatenate(list(kinds.values()))] = True
    ends = pc.fill_null(pc.equal(last, "X"), False).to_numpy(zero_copy_only=False) & complete & ~touched
    rows = _kinds(rng, ends, {"x": min(p.id_written * 11, 1.0)})["x"]
    sign = words(rng.integers(0, 2, len(rows)), ["x", "Ｘ"])
    _put(columns, "w.id_number", rows, joined(head.take(pa.array(rows)), sign))
    touched[rows] = True
    found += [*kinds.items(), ("id_written", rows)]
    _old_forms(p, rng, columns, complete & ~touched, found)
    rows = _kinds(rng, complete, {"spaced": p.spaced_name})["spaced"]
    spaced = pc.replace_substring_regex(columns["w.name"].take(pa.array(rows)), pattern="^(.)", replacement="\\1 ")
    _put(columns, "w.name", rows, spaced)
    found.append(("spaced_name", rows))


def _old_forms(p: Parameters, rng: np.random.Generator, columns: Columns, free: np.ndarray, found: Marks) -> None:
    """Numbers of 15 digits, of persons born before 2000."""
    for key in ("w.id_number", *(f"m{n}.id_number" for n in range(1, 6))):
        text = columns[key]
        old = pc.fill_null(pc.equal(pc.utf8_slice_codeunits(text, 6, 8), "19"), False).to_numpy(zero_copy_only=False)
        rows = _kinds(rng, free & old, {"id_15": p.id_15})["id_15"]
        short = joined(pc.utf8_slice_codeunits(text, 0, 6), pc.utf8_slice_codeunits(text, 8, 17))
        _put(columns, key, rows, short.take(pa.array(rows)))
        found.append(("id_15", rows))


def written(
    p: Parameters, rng: np.random.Generator, columns: Columns, complete: np.ndarray, new_form: bool, found: Marks
) -> None:
    """Causes by number or with it, ticks for yes, words of the old form, short names of places."""
    known = complete & pc.is_valid(columns["cause_main"]).to_numpy(zero_copy_only=False)
    rows = _kinds(rng, known, {"cause": p.cause_styles})["cause"]
    style = rng.integers(0, 2, len(rows))
    for key in ("cause_main", "cause_secondary"):
        _put(columns, key, rows, _numbered(columns[key].take(pa.array(rows)), style))
    for key in TICKED:
        own = columns[key].take(pa.array(rows))
        tick = words(rng.integers(0, 3, len(rows)), ["√", "✓", "■"])
        _put(columns, key, rows, pc.if_else(pc.equal(own, "是"), tick, own))
    found.append(("cause_style", rows))
    if new_form:
        grade = columns["recorded_grade"]
        old = pc.replace_substring(pc.replace_substring(grade, "深度困难", "特困职工"), "相对困难", "低保边缘户")
        changed = pc.fill_null(pc.not_equal(old, grade), False).to_numpy(zero_copy_only=False)
        rows = _kinds(rng, changed, {"old": p.old_words})["old"]
        _put(columns, "recorded_grade", rows, old.take(pa.array(rows)))
        found.append(("old_word", rows))
    short_regions(p, rng, columns, np.ones(len(complete), bool), found)


def _numbered(text: Text, style: np.ndarray) -> Text:
    """Causes as numbers (6,9), or with their numbers before them (6.患重特大疾病)."""
    number, both = text, text
    for code, value in CAUSE_NUMBERS.items():
        label = codes("cause")[code].zh
        number = pc.replace_substring_regex(number, pattern=f"(^|、){label}", replacement=f"\\1{value}")
        both = pc.replace_substring_regex(both, pattern=f"(^|、){label}", replacement=f"\\1{value}.{label}")
    return where(style == 0, pc.replace_substring(number, "、", ","), both)


def short_regions(p: Parameters, rng: np.random.Generator, columns: Columns, among: np.ndarray, found: Marks) -> None:
    """The city by its short name, the county's code left out."""
    rows = _kinds(rng, among, {"short": p.short_region})["short"]
    short = columns["region"].take(pa.array(rows))
    for name in CITY_NAMES:
        short = pc.replace_substring(short, name, name[0])
    _put(columns, "region", rows, short)
    _clear(columns, ("county",), rows)
    found.append(("short_region", rows))


def register_days(p: Parameters, rng: np.random.Generator, columns: Columns, found: Marks) -> None:
    """Days of opening without their day."""
    text = columns["opened"]
    kinds = _kinds(rng, np.ones(len(text), bool), {"date_dotted": p.date_dotted, "date_worded": p.date_worded})
    for kind, rows in kinds.items():
        _put(columns, "opened", rows, _styled(text.take(pa.array(rows)), kind))
    found += list(kinds.items())


def has_spouse(columns: Columns) -> np.ndarray:
    """Rows whose first family member is the spouse."""
    return pc.fill_null(pc.equal(columns["m1.relation"], "配偶"), False).to_numpy(zero_copy_only=False)


def spouse_file(columns: Columns) -> Columns:
    """The same households as the spouse's file writes them: worker and spouse change places, under another number."""
    made = dict(columns)
    for key in ("name", "id_number", "work_status", "health", "disability_level", "income_month", "medical_insurance"):
        made[f"w.{key}"], made[f"m1.{key}"] = columns[f"m1.{key}"], columns[f"w.{key}"]
    made["w.sex"] = pc.if_else(pc.equal(columns["w.sex"], "男"), "女", "男")
    made["household_id"] = joined("S", pc.utf8_slice_codeunits(columns["household_id"], 1))
    made["dossier_id"] = pa.nulls(len(columns["household_id"]), pa.string())
    return made
