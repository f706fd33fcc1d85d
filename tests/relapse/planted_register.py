"""The demonstration's own process as person-years: every household whose file was first opened after 2018."""

import numpy as np
import pandas as pd

from aidlib.demo.parameters import FIRST, LAST, Parameters, preset
from aidlib.demo.places import make_places
from aidlib.demo.register import BURN_IN, LEFT, ON_FILE, _Process
from aidlib.estimate import Design
from aidlib.relapse import Periods

DESIGN = Design(psu="psu")
NAMES = {"event": "event", "last": 5, "unit": "household_id", "spell": "spell", "time": "year"}
LEAVING, RETURNING = ["patient", "widowed"], ["patient", "widowed", "child", "band", "food", "visited", "visited_long"]
PROCESSES = {
    "on_file": Periods(cause="left", predictors=LEAVING, **NAMES),
    "left": Periods(cause="return", predictors=RETURNING, **NAMES),
}


def truth(p: Parameters) -> np.ndarray:
    """In the order of the rows of ``joint_hazards``."""
    leaving = [*p.exit, np.log(p.exit_patient), np.log(p.exit_widowed), p.exit_frailty * p.frailty_sd]
    effects = [p.back_patient, p.back_widowed, p.back_jobless_child, p.back_bands[1], p.back_bands[0], p.back_food]
    return np.array([*leaving, *p.back, *np.log([*effects, *p.reform_f_odds]), p.frailty_sd])


def person_years(seed: int, households: int) -> tuple[pd.DataFrame, Parameters]:
    """A row for each household and year in which it was on file or had left, with what came in the next one."""
    p = preset("default", households)
    process = _Process(p, make_places(p, seed), seed)
    for year in range(BURN_IN, LAST + 1):
        process.step(year)
    new = np.flatnonzero(process.entry > FIRST)
    starts, city = np.array(p.reform_f)[process.city[new]], process.city[new]
    parts = []
    for place, year in enumerate(range(FIRST, LAST)):
        now, after = process.states[place][new], process.states[place + 1][new]
        since, food = process.sinces[place][new], process.places.food[city, place + 1] - p.food_usual
        started = (starts > 0) & (year + 1 >= starts)
        rows = {
            "household_id": new,
            "year": year,
            "k": year + 1 - since,
            "spell": since * 10 + now,
            "psu": process.psu[new],
        }
        rows |= {"position": np.where(now == ON_FILE, "on_file", "left")}
        rows |= {name: process.factors[new, column] for name, column in (("patient", 0), ("widowed", 2), ("child", 4))}
        band = process.bands[place][new]
        rows |= {"band": pd.Categorical.from_codes(np.where(band >= 0, 2 - band, -1), list("210")), "food": food}
        rows |= {"visited": started & (year + 1 == starts), "visited_long": started & (year + 1 > starts)}
        ended = np.select(
            [(now == ON_FILE) & (after == LEFT), (now == LEFT) & (after == ON_FILE)], ["left", "return"], ""
        )
        other = np.where((ended == "") & (after != now), "other", ended)
        parts.append(pd.DataFrame(rows | {"event": other})[np.isin(now, (ON_FILE, LEFT))])
    found = pd.concat(parts, ignore_index=True)
    return found.astype({"event": "str", "position": "str", "band": parts[0]["band"].dtype}), p
