"""Household members: invented, complete, consistent with the household's factors, and never anybody's."""

from __future__ import annotations

import numpy as np
import pandas as pd

from aidlib.demo.parameters import FACTORS, YEARS
from aidlib.demo.people import JOBLESS_CHILD, NOBODY, SPOUSE, STUDENT, ages
from aidlib.demo.survey_rows import make_wave
from aidlib.intake.identity import read_ids
from aidlib.survey.derive import LONG_ILLNESS, SEVERE
from tests.demo.samples import survey


def numbers() -> pd.Series:
    people = survey("clean", 4000).sample.people
    return people.id_number.to_pandas()[people.relation.ravel() != NOBODY]


def test_identity_numbers_are_valid_unlike_and_nobodys():
    found = numbers()
    assert found.str.fullmatch(r"99\d{15}[\dX]").all()
    assert found.is_unique
    read = read_ids(found)  # the importer's own reading: right check digit, and never taken for rounded
    assert read["fault"].isna().all()
    assert (read["id18"] == found).all()


def test_check_digit_by_hand():
    number = numbers().iloc[0]
    weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2]
    total = sum(int(d) * w for d, w in zip(number[:17], weights, strict=True))
    assert number[17] == "10X98765432"[total % 11]


def test_telephones_begin_with_100():
    phones = survey("clean", 4000).sample.people.phone.to_pandas()
    assert phones.str.fullmatch(r"100\d{8}").all()
    assert phones.is_unique


def test_names_are_short_and_some_need_gb18030():
    demo = survey("clean", 4000)
    names = demo.sample.people.name.to_pandas()
    assert names.str.len().between(2, 4).all()
    outside = ~names.map(lambda name: name.encode("gb2312", "ignore").decode("gb2312") == name)
    assert 0.002 < outside.mean() < 0.01
    assert "".join(names[outside]).encode("gb18030")
    told = demo._truth()["canaries"]
    assert len(set(told)) == 12
    assert all((names == name).sum() == 1 for name in told)


def test_households_hold_whom_their_factors_need():
    demo = survey("clean", 4000)
    people, ever = demo.sample.people, demo.sample.units.factors.any(axis=1)
    for factor, relation in (("student", STUDENT), ("jobless_child", JOBLESS_CHILD)):
        there = (people.relation == relation).any(axis=1)
        assert np.array_equal(there, ever[:, FACTORS.index(factor)])
    assert np.array_equal((people.relation != NOBODY).sum(axis=1), people.size)
    assert np.all(people.relation[ever[:, FACTORS.index("widowed")]] != SPOUSE)
    assert abs(people.size.mean() - 3.0) < 0.1


def test_ages_make_sense_in_every_wave():
    demo = survey("clean", 4000)
    people = demo.sample.people
    for t in range(len(YEARS)):
        age = ages(people, t)
        seen = demo.sample.units.visit[:, t] > 0
        student = people.relation == STUDENT
        assert age[seen][student[seen]].min() >= 15
        assert age[seen][student[seen]].max() <= 26
        assert age[seen][people.relation[seen] == JOBLESS_CHILD].min() >= 18
        assert age[seen, 0].min() >= 28
        assert age[seen, 0].max() <= 62


def test_member_columns_give_back_the_factors():
    """What survey derives from members' health, school, marital and work status equals the planted factors."""
    demo = survey("clean", 4000)
    wave = make_wave(demo.p, demo.places, demo.sample, 3, 7, -1)
    rows = pd.DataFrame({key: text.to_pandas() for key, text in wave.columns.items()})[wave.complete]
    factors = pd.DataFrame(demo.sample.units.factors[wave.answers.rows[wave.complete], 3], columns=FACTORS)
    slots = ["w", "m1", "m2", "m3", "m4", "m5"]
    from aidlib.reference import codes

    ill = [codes("health")[code].zh for code in LONG_ILLNESS]
    severe = [codes("disability_level")[code].zh for code in SEVERE]
    out = [codes("work_status")[code].zh for code in ("jobless", "laid_off")]
    above = [codes("school")[code].zh for code in ("senior", "vocational", "college")]

    def anyone(column: str, values: list[str], who: list[str] | None = None) -> np.ndarray:
        found = np.zeros(len(rows), bool)
        for slot in slots:
            there = np.ones(len(rows), bool) if who is None else rows.get(f"{slot}.relation").isin(who).to_numpy()
            found |= rows[f"{slot}.{column}"].isin(values).to_numpy() & there
        return found

    assert np.array_equal(anyone("health", ill), factors["patient"])
    assert np.array_equal(anyone("disability_level", severe), factors["disabled"])
    assert np.array_equal(anyone("school", above), factors["student"])
    assert np.array_equal(anyone("work_status", out, ["本人", "配偶"]), factors["jobless_earner"])
    assert np.array_equal(anyone("work_status", out, ["子女"]), factors["jobless_child"])
    widowed = rows["w.marital"].eq("丧偶") | rows["single_parent"].eq("是")
    assert np.array_equal(widowed, factors["widowed"])
