"""The planted truth: every value that the demonstration survey is built from, by name; presets are overrides.

All places, people and numbers are invented. Shares are fractions, money is in yuan or in local monthly lines (L).
"""

# ruff: noqa: RUF009  (_fixed returns a dataclass field)
from __future__ import annotations

from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any

from aidlib.reference import problem

FIRST, LAST = 2018, 2025
YEARS = tuple(range(FIRST, LAST + 1))
PROVINCE = "990000"
CITIES = tuple(f"99{i:02d}00" for i in range(1, 13))  # the thirteenth, 寅市, is declared and never surveyed
CITY_NAMES = tuple(f"{sign}市" for sign in "甲乙丙丁戊己庚辛壬癸子丑")
GRADES = ("deep", "relative", "accident")
FRAMES = ("on_file", "left", "near_line", "other")
FACTORS = ("patient", "jobless_earner", "widowed", "disabled", "jobless_child", "student")
CAUSES = ("illness", "laid_off", "schooling", "no_capacity", "jobless", "accident", "disaster", "uninsured",
          "benefits_unpaid", "low_income", "widowhood", "other")  # fmt: skip


def _fixed(values: dict[str, float]) -> Any:
    return field(default_factory=lambda: MappingProxyType(values))


@dataclass(frozen=True)
class Parameters:
    """Planted values at 4,000 households in the hardship sample; counts scale with ``households`` / 4,000."""

    preset: str = "default"
    households: int = 4000
    # frames: population (households) and sample
    members_population: float = 600_000
    on_file_population: float = 4500
    left_population: float = 2230
    near_population: float = 2250
    new_files: float = 1000  # a year
    on_file_sample: float = 1440
    left_sample: float = 600
    new_sample: float = 280  # in each year 2019-2025
    near_sample: float = 600
    other_sample: float = 1920
    other_renewed: float = 0.10  # of the sample of other members, a wave
    psus_in_stratum: int = 10
    psus_drawn: int = 5
    psus_drawn_first_city: int = 7
    psus_drawn_last_city: int = 3
    psu_size_sd: float = 0.3  # log
    sizes: tuple[float, ...] = (0.08, 0.27, 0.38, 0.17, 0.07, 0.03)
    dependants_outside: float = 0.11
    interviewers: int = 180
    # response
    loss: Any = _fixed({"on_file": 0.05, "left": 0.08, "near_line": 0.09, "other": 0.12})
    loss_reasons: tuple[float, ...] = (0.4, 0.3, 0.2, 0.1)  # refused, moved, not found, dead
    missed_wave: float = 0.015
    response_odds_rich: float = 0.7
    response_odds_left: float = 0.8
    psu_income_correlation: float = 0.04
    psu_status_correlation: float = 0.02
    # hardship
    headcount: float = 0.039
    grade_shares: tuple[float, ...] = (0.0056, 0.0275, 0.0061)  # of all members: deep, relative, accident
    filed: tuple[float, ...] = (0.30, 0.14, 0.20)  # of each grade
    filed_patient: float = 1.2  # odds that a household in hardship files, with a patient against without
    accident_on_file: float = 0.18
    inclusion_error: float = 0.10
    inclusion_error_matched: float = 0.05
    inclusion_excess: float = 0.5  # mean of audited r - 2
    audits: float = 400
    poor_shape: float = 1.7  # r = 2 Beta(shape, 1) on file
    near_mean: float = 0.68  # the density of r at 2 L continues from the files (mean stock) to near-line households
    near_cap: float = 5.0
    other_shape: float = 2.0
    other_scale: float = 1.5
    persistence: float = 0.7
    status_persistence: float = 0.85
    exit_bands: tuple[float, ...] = (0.30, 0.40, 0.30)  # r/2 at exit: below 1.2, 1.2-1.8, above
    rigid_median: Any = _fixed({"patient": 0.45, "disabled": 0.32, "student": 0.28, "none": 0.14})
    rigid_sd: float = 0.4
    declared_sd: float = 0.05
    declared_across: bool = False  # noise may move a household across the lines (preset misreport)
    rounded_10: float = 0.60
    rounded_100: float = 0.25
    bunching: float = 0.30
    # factors and causes
    prevalence: Any = _fixed({"patient": 0.12, "jobless_earner": 0.05, "widowed": 0.05, "disabled": 0.04,
                              "jobless_child": 0.08, "student": 0.22})  # fmt: skip
    odds: Any = _fixed({"patient": 6.0, "jobless_earner": 6.0, "widowed": 3.1, "disabled": 3.0, "jobless_child": 2.2,
                        "student": 1.5})  # fmt: skip
    odds_food: float = 1.03  # per percentage point of food prices
    rural_hukou: float = 0.30
    party: float = 0.12
    causes: Any = _fixed({"illness": 0.37, "laid_off": 0.14, "schooling": 0.12, "no_capacity": 0.08, "jobless": 0.06,
                          "accident": 0.03, "disaster": 0.01, "uninsured": 0.01, "benefits_unpaid": 0.01,
                          "low_income": 0.13, "widowhood": 0.02, "other": 0.02})  # fmt: skip
    cause_trend: float = 0.004  # a year, from laid-off to illness
    secondary_causes: tuple[float, ...] = (0.35, 0.40, 0.18, 0.07)
    contradicted: float = 0.04
    turnover: float = 0.10  # of the others with illness, widowhood, job loss lose it in a year; as many come new to it
    onset_loss: Any = _fixed({"patient": 0.9, "widowed": 0.6, "jobless_earner": 1.1})
    onset_regained: float = 1 / 3
    # mind and work
    satisfaction: tuple[float, float] = (7.0, 4.9)  # others, in hardship; no jump at 2 L but by aid
    satisfaction_slope: float = 0.35  # per L below 2 L
    satisfaction_sd: float = 1.9
    phq: tuple[float, float] = (0.09, 0.27)  # share with PHQ-2 >= 3
    pressure: tuple[float, float] = (2.4, 3.6)
    pressure_food: float = 0.15  # per percentage point
    absent_base: float = 0.8
    absent_pressure: float = 0.5
    effectiveness: float = 7.6
    effectiveness_pressure: float = -0.45
    dont_know: float = 0.09
    # dynamics
    exit: tuple[float, ...] = (-0.17, -0.64, -1.04, -1.47, -1.81)
    back: tuple[float, ...] = (-2.50, -2.89, -3.23, -3.55, -3.76)
    exit_patient: float = 0.6
    exit_widowed: float = 0.8
    exit_frailty: float = -0.5
    back_patient: float = 1.8
    back_widowed: float = 1.4
    back_jobless_child: float = 1.4
    back_bands: tuple[float, ...] = (2.0, 1.4, 1.0)
    back_food: float = 1.05
    frailty_sd: float = 0.7
    death: tuple[float, float] = (0.008, 0.018)  # without, with a patient
    administrative: float = 0.025  # of the files that do not leave: about 2 % of all
    supported: float = 0.02  # from year 5 on
    renumbered: float = 0.02  # of the files opened again
    split: float = 0.006  # of the households on file, a year: a part of them files for itself
    merged: float = 0.002  # of the households on file, a year: their file goes into another
    visit_on_file: Any = _fixed({"deep": 0.92, "relative": 0.85, "accident": 0.70})
    visit_left: float = 0.30
    visit_reform: float = 0.75
    visit_choice: float = 1.0  # logit of a visit to those who left, per unit of u
    # aid, approval, festival
    living: Any = _fixed({"deep": 10.0, "relative": 8.0, "accident": 8.0})  # L a year
    take_up: float = 0.85
    near_exception: float = 0.10
    medical_share: Any = _fixed({"deep": 1.0, "relative": 0.8, "accident": 0.8})
    medical_cap: Any = _fixed({"deep": 20_000.0, "relative": 16_000.0, "accident": 16_000.0})
    college_aid: tuple[float, float] = (10.0, 8.0)  # deep, others; L a student and year
    senior_aid: tuple[float, float] = (6.0, 5.0)
    aid_deprivation: float = -0.9
    aid_satisfaction: float = 0.4
    deprivation_sd: float = 1.8
    condolence: Any = _fixed({"deep": 1500.0, "relative": 1000.0, "accident": 1000.0, "left": 500.0})
    condolence_2022: float = 200.0
    in_kind: float = 0.25
    late: float = 0.06
    twice: float = 0.015
    front_line: float = 2000  # persons a year
    funds: tuple[float, ...] = (0.40, 0.12, 0.25, 0.19, 0.04)
    decision_results: Any = _fixed({"approved": 0.72, "income": 0.15, "assets": 0.04, "documents": 0.06,
                                    "objection": 0.01, "withdrawn": 0.02})  # fmt: skip
    assets_matched: float = 0.11
    decision_days: tuple[float, float] = (24.0, 55.0)  # P50, P90
    matching_days: float = 9.0
    payment_days: float = 31.0  # P50
    uncertified: float = 0.11
    # reforms: start year by city position, 0 = never
    reform_f: tuple[int, ...] = (2020, 2021, 0, 2020, 2022, 0, 2021, 2020, 0, 2021, 2022, 0)
    reform_f_odds: tuple[float, float] = (0.70, 0.40)  # first year, after
    pretrend: float = 0.0  # log odds of a return, a year from 2018 until F begins, where it ever does
    reform_s: tuple[int, ...] = (0, 2022, 2022, 2022, 0, 2022, 0, 2022, 0, 0, 2022, 0)
    reform_p: tuple[int, ...] = (2021, 0, 2021, 0, 2021, 0, 0, 0, 2021, 2021, 0, 0)
    # prices
    food_usual: float = 2.0
    food_shock: float = 10.0
    shock_cities: tuple[int, ...] = (0, 2, 4, 6)
    shock_year: int = 2022
    # dirt: share of rows, or of cells where said so
    dirt: bool = True
    twice_listed: float = 0.008
    two_years: float = 0.005
    spouse_file: float = 0.003
    id_float: float = 0.010
    id_check: float = 0.003
    id_written: float = 0.005
    id_15: float = 0.03
    wan: float = 0.003
    year_in_month: float = 0.004
    worded_amount: float = 0.010
    chinese_amount: float = 0.001
    date_dotted: float = 0.04
    date_worded: float = 0.04
    date_serial: float = 0.02
    date_1904: float = 0.002
    date_short: float = 0.003
    date_impossible: float = 0.001
    full_width: float = 0.015
    spaced_name: float = 0.08
    rare_name: float = 0.005
    no_number: float = 0.025
    no_income: float = 0.04
    no_rigid: float = 0.06
    no_health: float = 0.02
    no_wellbeing: float = 0.08
    rich_silence: float = 1.5  # odds of no income answer in the top fifth
    cause_styles: float = 0.12
    old_words: float = 0.01
    short_region: float = 0.02
    sum_broken: float = 0.015
    size_broken: float = 0.007
    closed_first: float = 0.001
    aid_after: float = 0.004
    copied: int = 40
    canaries: int = 12

    @property
    def scale(self) -> float:
        """Counts here times this are the survey's."""
        return self.households / 4000

    def count(self, name: str) -> int:
        """The scaled count ``name``, at least 1."""
        return max(1, round(float(getattr(self, name)) * self.scale))


_NO_ODDS: dict[str, Any] = {
    "odds": MappingProxyType(dict.fromkeys(FACTORS, 1.0)),
    "odds_food": 1.0,
    "filed_patient": 1.0,
    "onset_loss": MappingProxyType({"patient": 0.0, "widowed": 0.0, "jobless_earner": 0.0}),
    "pressure_food": 0.0,
    "absent_pressure": 0.0,
    "effectiveness_pressure": 0.0,
    "exit_patient": 1.0,
    "exit_widowed": 1.0,
    "back_patient": 1.0,
    "back_widowed": 1.0,
    "back_jobless_child": 1.0,
    "back_bands": (1.0, 1.0, 1.0),
    "back_food": 1.0,
    "aid_deprivation": 0.0,
    "aid_satisfaction": 0.0,
    "reform_f_odds": (1.0, 1.0),
    "assets_matched": 0.04,
    "matching_days": 0.0,
    "inclusion_error_matched": 0.10,
    "bunching": 0.0,
}
PRESETS: dict[str, dict[str, Any]] = {
    "default": {},
    "clean": {"dirt": False},
    "small": {"households": 300},
    "large": {"households": 100_000},
    "null": _NO_ODDS,
    "pretrend": {"pretrend": -0.11},
    "misreport": {"declared_sd": 0.20, "declared_across": True},
    "drive_2016_2020": {"exit": (0.48, 0.01, -0.39, -0.82, -1.16), "administrative": 0.09},
    "lonely_psu": {"psus_drawn_last_city": 1},
}


def preset(name: str, households: int) -> Parameters:
    """The parameters of a preset; its own number of households, where it has one, comes before a default of 4,000.

    Problem ``demo.preset`` where there is none of that name.
    """
    if name not in PRESETS:
        raise problem("demo.preset", preset=name[:40], known=", ".join(PRESETS))
    own = PRESETS[name]
    size = own.get("households", households) if households == Parameters.households else households
    return replace(Parameters(), **{**own, "preset": name, "households": size})
