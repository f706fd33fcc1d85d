"""The interview rows of a wave as columns of text, by the keys of the forms; the clean survey, before any dirt."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from aidlib import reference
from aidlib.demo.answers import WORK, Aided, Answers, interview
from aidlib.demo.causes import CODES, TEXTS
from aidlib.demo.columns import Text, coded, dates, day_in, flags, joined, numbers, padded, where, words
from aidlib.demo.files import Files, household_numbers, numbers_in
from aidlib.demo.parameters import CITIES, CITY_NAMES, FACTORS, YEARS, Parameters
from aidlib.demo.people import CHILD, JOBLESS_CHILD, PARENT, RELATIONS, SLOTS, SPOUSE, STUDENT, People, ages
from aidlib.demo.places import Places
from aidlib.demo.register import LEFT, ON_FILE, Register
from aidlib.demo.streams import stream
from aidlib.demo.units import NEAR, Units, frames

FRAME_CODES = ("on_file", "left", "near_line", "other")
RESPONSES = ("complete", "refused", "moved", "not_found", "dead")
ILLNESSES = ("cancer", "heart", "stroke", "uraemia", "mental", "liver", "blood", "diabetes", "lung")
SCHOOLS = ("none", "preschool", "primary", "junior", "senior", "vocational", "college")
SATISFACTION = ("very_satisfied", "satisfied", "neutral", "dissatisfied", "very_dissatisfied", "dont_know")
DESIGN_KEYS = {"year", "household_id", "dossier_id", "region", "county", "urban", "stratum", "psu", "psu_population",
               "weight", "frame", "response"}  # fmt: skip
POINTS = ("life_satisfaction", "strain_1", "strain_2", "strain_3", "strain_4", "strain_5", "phq2", "deprivation",
          "self_health", "days_absent")  # fmt: skip
MONEY = ("line", "income_year", "wages_year", "pension_year", "dibao_year", "union_aid_year", "other_income_year",
         "income", "rigid_medical_gross", "rigid_medical", "rigid_schooling", "rigid_disability", "rigid_work",
         "rigid_other", "rigid_year", "accident_loss_year", "savings", "debt")  # fmt: skip


@dataclass(eq=False)
class Sample:
    """Units with what does not change between waves: people, household numbers, interviewers, causes, aid."""

    units: Units
    people: People
    files: Files
    register: Register
    household: Text
    interviewer: np.ndarray
    main: np.ndarray
    second: np.ndarray
    helped: Aided
    traits: dict[str, np.ndarray]


@dataclass(eq=False)
class Wave:
    """Interview rows of one year: ``columns`` by form key, ``answers``, and city and psu position of every row."""

    year: int
    columns: dict[str, Text]
    answers: Answers
    city: np.ndarray
    psu: np.ndarray
    complete: np.ndarray
    interviewer: np.ndarray


def make_sample(
    p: Parameters, places: Places, register: Register, files: Files, units: Units, people: People, seed: int
) -> Sample:
    """Everything about the sampled households that stays."""
    from aidlib.demo.causes import draw_causes

    rng = stream(seed, "sample")
    n, mine = len(units), units.source >= 0
    source = np.maximum(units.source, 0)
    number = np.where(mine, 0, len(register) + np.arange(n))
    own = household_numbers(rng, places.city[units.psu], number)
    household = where(mine, files.household.take(source), own)
    main, second = draw_causes(p, stream(seed, "causes-near"), units.factors[:, 0], np.full(n, YEARS[0]))
    main = np.where(mine, files.main[source], main)
    second = np.where(mine[:, None], files.second[source], second)
    near = (units.state == NEAR) & (rng.random(units.state.shape) < p.near_exception)
    aided = np.where(mine[:, None], files.aided[source], near)
    visited = np.where(mine[:, None], files.visited[source], rng.random(units.state.shape) < 0.05)
    drawn = np.cumsum(places.drawn) - 1
    per = p.interviewers / places.drawn.sum()
    interviewer = np.floor((drawn[units.psu] + rng.random(n)) * per).astype(int)
    draw = rng.random((6, n))
    traits = {"rural": draw[0] < p.rural_hukou, "party": draw[1] < p.party, "education": draw[2], "industry": draw[3],
              "employer": draw[4], "home": draw[5]}  # fmt: skip
    return Sample(units, people, files, register, household, interviewer, main, second, Aided(aided, visited),
                  traits)  # fmt: skip


def make_wave(p: Parameters, places: Places, sample: Sample, t: int, seed: int, heaping: int) -> Wave:
    """The clean rows of wave ``t``. heaping: the interviewer who rounds all incomes to 500 yuan, -1 for nobody."""
    units = sample.units
    rows = np.flatnonzero(units.visit[:, t] > 0)
    heaped = np.flatnonzero(sample.interviewer[rows] == heaping)
    answers = interview(p, places, units, sample.people, sample.helped, t, seed, heaped)
    psu = units.psu[rows]
    complete = units.visit[rows, t] == 1
    columns = _design_columns(p, places, sample, rows, t)
    said = _visit_columns(p, sample, rows, t, seed)
    said |= _household_columns(sample, answers, stream(seed, f"household-{t}"))
    said |= _cause_columns(sample, rows, t)
    said |= _mind_columns(answers, sample, stream(seed, f"wishes-{t}"))
    said |= _member_columns(sample, answers, stream(seed, f"members-{t}"))
    columns |= {key: where(complete, text, None) for key, text in said.items()}
    return Wave(YEARS[t], columns, answers, places.city[psu], psu, complete, sample.interviewer[rows])


def _design_columns(p: Parameters, places: Places, sample: Sample, rows: np.ndarray, t: int) -> dict[str, Text]:
    units, n = sample.units, len(rows)
    psu = units.psu[rows]
    filed = np.isin(units.state[rows, t], [ON_FILE, LEFT])
    number = numbers_in(sample.register, sample.files, t).take(pa.array(np.maximum(units.source[rows], 0)))
    return {
        "year": pa.array(np.full(n, YEARS[t])).cast(pa.string()),
        "household_id": sample.household.take(rows),
        "dossier_id": where(filed, number, None),
        "region": words(places.city[psu], CITY_NAMES),
        "county": pa.array(places.county[psu]).cast(pa.string()),
        "urban": flags(places.stratum[psu] % 2 == 0),
        "stratum": stratum_names(places.stratum[psu]),
        "psu": psu_names(places, psu),
        "psu_population": pa.array(np.full(n, p.psus_in_stratum)).cast(pa.string()),
        "weight": numbers(units.weight[rows, t], 4),
        "frame": coded(frames(units.state[rows, t]), FRAME_CODES, "frame"),
        "response": coded(units.visit[rows, t] - 1, RESPONSES, "response"),
    }


def stratum_names(stratum: np.ndarray) -> Text:
    """City code and 1 for the core, 2 for the counties."""
    return words(stratum, [f"{code}-{part}" for code in CITIES for part in (1, 2)])


def psu_names(places: Places, psu: np.ndarray) -> Text:
    """City code, part and number of the street or enterprise union."""
    codes = [f"{CITIES[s // 2]}-{s % 2 + 1}{k + 1:02d}" for s, k in zip(places.stratum, places.number, strict=True)]
    return words(psu, codes)


def _visit_columns(p: Parameters, sample: Sample, rows: np.ndarray, t: int, seed: int) -> dict[str, Text]:
    rng = stream(seed, f"dates-{t}")
    day = day_in(rng, np.full(len(rows), YEARS[t]), (9, 1), 90)
    return {"interview_date": dates(day), "interviewer": joined("T", padded(sample.interviewer[rows] + 1, 3))}


def _household_columns(sample: Sample, answers: Answers, rng: np.random.Generator) -> dict[str, Text]:
    rows, t, v = answers.rows, answers.t, answers.values
    units, traits = sample.units, sample.traits
    works = np.asarray(np.isin(answers.members["work"], [0, 4, 8]).any(axis=1))
    single = units.factors[rows, t, 2] & (sample.people.place[rows, 0] > 0.6)
    houses = ("owned", "rented", "public_rental", "employer", "self_built", "affordable", "limited", "none")
    home = np.searchsorted(np.cumsum([0.45, 0.2, 0.1, 0.08, 0.1, 0.04, 0.02]), traits["home"][rows])
    sections = reference.industries()["code"].tolist()
    sector = np.minimum((traits["industry"][rows] ** 1.5 * len(sections)).astype(int), len(sections) - 1)
    types = ("private", "state", "collective", "government", "foreign", "other")
    employer = np.searchsorted(np.cumsum([0.45, 0.25, 0.1, 0.12, 0.05]), traits["employer"][rows])
    area = 30 + 70 * traits["home"][rows]
    columns = {key: numbers(v[key]) for key in MONEY}
    return columns | {
        "members": numbers(sample.people.size[rows]),
        "dependants_outside": numbers(v["outside"]),
        "single_parent": flags(single),
        "zero_employment": flags(~works),
        "housing": coded(home, houses, "housing"),
        "area": numbers(area, 1),
        "dwellings": numbers(v["dwellings"]),
        "car": flags(v["car"]),
        "dibao_received": flags(v["dibao_received"]),
        "self_help": flags(rng.random(len(rows)) < 0.4),
        "industry": words(sector, reference.industries()["zh"].tolist()),
        "employer_type": coded(employer, types, "employer_type"),
    }


def cause_texts(main: np.ndarray, second: np.ndarray) -> dict[str, Text]:
    """Main cause, secondary causes and the words for other causes; a negative main cause is a blank cell."""
    label = [reference.codes("cause")[c].zh for c in CODES]
    several = joined_list([words(second[:, k], label) for k in range(second.shape[1])])
    return {
        "cause_main": words(main, label),
        "cause_secondary": where(main >= 0, several, None),
        "cause_text": where(np.isin(main, [9, 10, 11]), words(main, TEXTS), None),
    }


def joined_list(texts: list[Text]) -> Text:
    """Texts side by side with 、 between those that are there; blank where there is none."""
    found = pc.binary_join_element_wise(*(pc.fill_null(text, "") for text in texts), "、")
    found = pc.utf8_trim(pc.replace_substring_regex(found, pattern="、+", replacement="、"), "、")
    return where(pc.equal(found, "").to_numpy(zero_copy_only=False), None, found)


def _cause_columns(sample: Sample, rows: np.ndarray, t: int) -> dict[str, Text]:
    units = sample.units
    state, r = units.state[rows, t], units.r[rows, t]
    known = np.isin(state, [ON_FILE, LEFT, NEAR])
    grade = np.where(units.accident[rows, t], 2, np.where(r < 1, 0, 1))
    grade = np.where(state == ON_FILE, grade, np.where(known, 3, -1))
    texts = cause_texts(np.where(known, sample.main[rows], -1), sample.second[rows])
    return texts | {"recorded_grade": coded(grade, ("deep", "relative", "accident", "none"), "grade")}


def _mind_columns(answers: Answers, sample: Sample, rng: np.random.Generator) -> dict[str, Text]:
    v, n = answers.values, len(answers.rows)
    columns = {key: numbers(v[key]) for key in POINTS}
    columns |= {key: numbers(v[key], 1) for key in ("pressure", "effectiveness", "motivation")}
    columns["ends_meet"] = coded(v["ends_meet"], ("deficit", "barely", "balanced", "slight_surplus", "comfortable"),
                                 "ends_meet")  # fmt: skip
    for k, name in enumerate(("amount", "speed", "attitude", "fairness")):
        columns[f"satisfied_{name}"] = coded(np.where(v["asked"], v["satisfied"][k], -1), SATISFACTION, "satisfaction")
    names = ("living", "medical", "schooling", "job", "training", "counselling", "legal", "housing")
    flagged = sample.units.factors[answers.rows, answers.t]
    odds = np.stack([0.5 + 0 * flagged[:, 0], 0.15 + 0.6 * flagged[:, 0], 0.1 + 0.6 * flagged[:, 5],
                     0.15 + 0.5 * flagged[:, 1], 0.15 + 0 * flagged[:, 0]], axis=1)  # fmt: skip
    wanted = rng.random((n, 5)) < odds
    columns["wishes"] = joined_list([coded(np.where(wanted[:, k], k, -1), names, "wish") for k in range(5)])
    columns["wish_text"] = words(np.where(rng.random(n) < 0.05, rng.integers(0, 3, n), -1),
                                 ["希望提高补助标准", "希望介绍工作", "希望减免学费"])  # fmt: skip
    columns["knows_rules"] = flags(rng.random(n) < np.where(v["aided"], 0.8, 0.35))
    columns["felt_help"] = flags(np.where(v["asked"], rng.random(n) < np.where(v["aided"], 0.85, 0.4), -1))
    return columns | {"aided": flags(v["aided"]), "visited": flags(v["visited"])}


def _member_columns(sample: Sample, answers: Answers, rng: np.random.Generator) -> dict[str, Text]:
    """The worker's columns and those of up to five family members."""
    rows, t, people = answers.rows, answers.t, sample.people
    traits = _member_traits(sample, answers, rng)
    columns: dict[str, Text] = {}
    for slot in range(SLOTS):
        flat = rows * SLOTS + slot
        there = people.relation[rows, slot] > 0
        each = {
            "name": people.name.take(flat),
            "relation": coded(people.relation[rows, slot], RELATIONS, "relation"),
            "id_number": people.id_number.take(flat),
            "work_status": coded(answers.members["work"][:, slot], WORK, "work_status"),
            "income_month": numbers(answers.members["income_month"][:, slot]),
            "school": coded(traits["school"][:, slot], SCHOOLS, "school"),
            "health": coded(traits["health"][:, slot], ("good", "ordinary", *ILLNESSES), "health"),
            "disability_level": coded(traits["level"][:, slot], ("level_1", "level_2", "level_3", "level_4"),
                                      "disability_level"),
            "marital": coded(traits["marital"][:, slot], ("married", "single", "widowed", "divorced"), "marital"),
            "medical_insurance": flags(traits["insured"][:, slot]),
        }  # fmt: skip
        prefix = f"m{slot}." if slot else "w."
        columns |= {prefix + key: where(there, text, None) for key, text in each.items()}
    return columns | _worker_columns(sample, rows, t, traits, rng)


def _worker_columns(
    sample: Sample, rows: np.ndarray, t: int, traits: dict[str, np.ndarray], rng: np.random.Generator
) -> dict[str, Text]:
    fixed, people = sample.traits, sample.people
    schools = ("junior", "senior", "vocational", "primary", "college", "bachelor", "postgraduate")
    education = np.searchsorted(np.cumsum([0.34, 0.22, 0.14, 0.08, 0.13, 0.08]), fixed["education"][rows])
    kinds = ("limb", "sight", "hearing", "speech", "intellect", "mental")
    disability = np.where(traits["level"][:, 0] >= 0, rng.integers(0, len(kinds), len(rows)), len(kinds))
    return {
        "w.sex": coded(people.female[rows, 0].astype(int), ("male", "female"), "sex"),
        "w.phone": people.phone.take(rows),
        "w.address": people.address.take(rows),
        "w.politics": coded(np.where(fixed["party"][rows], 0, 1), ("party", "masses"), "politics"),
        "w.hukou": coded(np.where(fixed["rural"][rows], 0, 1), ("rural", "urban"), "hukou"),
        "w.education": coded(education, schools, "education"),
        "w.disability": coded(disability, (*kinds, "none"), "disability"),
        "w.pension_insurance": flags(rng.random(len(rows)) < 0.86),
    }


def _member_traits(sample: Sample, answers: Answers, rng: np.random.Generator) -> dict[str, np.ndarray]:
    """School, health, degree of disability, marital status and insurance (rows × 6), as the factors say."""
    rows, t, people = answers.rows, answers.t, sample.people
    factors = sample.units.factors[rows, t]
    relation, age, place = people.relation[rows], ages(people, t)[rows], people.place[rows]
    n, line = len(rows), np.arange(len(rows))
    pupil = np.select([age < 3, age < 6, age < 12, age < 15], [0, 1, 2, 3], 0)
    student = np.where(age < 18, np.where(place < 0.6, 4, 5), 6)
    school = np.select([relation == STUDENT, relation == CHILD], [student, pupil], 0)
    health = np.where(rng.random((n, SLOTS)) < np.where(relation == PARENT, 0.35, 0.12), 1, 0)
    ill = 2 + (people.place[rows, 5] * len(ILLNESSES)).astype(int)
    slot = people.patient[rows]
    health[line, slot] = np.where(factors[:, FACTORS.index("patient")], ill, health[line, slot])
    level = np.where(rng.random((n, SLOTS)) < 0.02, 2 + (rng.random((n, SLOTS)) < 0.5), -1)
    slot = people.disabled[rows]
    severe = (people.place[rows, 4] < 0.5).astype(int)
    level[line, slot] = np.where(factors[:, FACTORS.index("disabled")], severe, level[line, slot])
    marital = np.select([relation == SPOUSE, relation == PARENT], [0, np.where(place < 0.35, 2, 0)], 1)
    marital[:, 0] = _marital(factors[:, FACTORS.index("widowed")], relation[:, 1] == SPOUSE, place[:, 0])
    grown = (relation == CHILD) | (relation == JOBLESS_CHILD)
    marital = np.where(grown & (age > 25) & (place < 0.4), 0, marital)
    return {"school": school, "health": health, "level": level, "marital": marital,
            "insured": (rng.random((n, SLOTS)) < 0.93).astype(int)}  # fmt: skip


def _marital(widowed: np.ndarray, spouse: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Widowed, or divorced with children (a single parent), where the factor says so; else with a spouse or single."""
    alone = np.where(place < 0.5, 1, np.where(place < 0.75, 3, 0))
    return np.where(widowed, np.where(place > 0.6, 3, 2), np.where(spouse, 0, alone))
