"""Histories by the process of DEMO.md, section 5: hardship left and come back to, with a trait kept for life."""

import numpy as np
import pandas as pd

from aidlib.estimate import Design
from aidlib.relapse import Periods

EXIT = [-0.17, -0.64, -1.04, -1.47, -1.81]  # log odds of leaving by year on file, 5 and later together
BACK = [-2.50, -2.89, -3.23, -3.55, -3.76]  # of returning by year since the exit
PATIENT, WIDOWED, CHILD = (0.6, 1.8), (0.8, 1.4), (1.0, 1.4)  # odds multipliers of leaving, of returning
SD, EXIT_SHARE = 0.7, -0.5  # of the trait, and what of it acts on leaving
DESIGN = Design("weight", "stratum", "psu")
NAMES = {"event": "event", "last": 5, "unit": "household_id", "spell": "spell", "time": "year"}
PROCESSES = {
    "on_file": Periods(cause="economic", predictors=["patient", "widowed"], **NAMES),
    "left": Periods(cause="return", predictors=["patient", "widowed", "child"], **NAMES),
}
LEAVING = [*EXIT, np.log(PATIENT[0]), np.log(WIDOWED[0]), EXIT_SHARE * SD]
RETURNING = [*BACK, np.log(PATIENT[1]), np.log(WIDOWED[1]), np.log(CHILD[1]), SD]
TRUTH = np.array([*LEAVING, *RETURNING])


def chance(log_odds: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-log_odds))


def histories(households: int, seed: int, *, years: int, seen: int) -> pd.DataFrame:
    """One row a household and year: files open in any of ``years`` years; only the last ``seen`` are shown."""
    rng = np.random.default_rng(seed)
    trait = rng.normal(0, SD, households)
    patient, widowed, child = (rng.random(households) < share for share in (0.5, 0.15, 0.3))
    leave = np.log(PATIENT[0]) * patient + np.log(WIDOWED[0]) * widowed + EXIT_SHARE * trait
    back = np.log(PATIENT[1]) * patient + np.log(WIDOWED[1]) * widowed + np.log(CHILD[1]) * child + trait
    opened = rng.integers(0, years, households)
    place, k, spell = np.full(households, "none"), np.ones(households, int), np.zeros(households, int)
    shown = []
    for year in range(years):
        place[opened == year], spell[opened == year] = "file", 1
        stay = np.minimum(k, 5) - 1
        file, left = place == "file", place == "left"
        draw, other = rng.random((2, households))
        leaves = file & (draw < chance(np.array(EXIT)[stay] + leave))
        returns = left & (draw < chance(np.array(BACK)[stay] + back))
        dies = (file | left) & ~leaves & ~returns & (other < 0.03)
        columns = {"household_id": np.arange(households), "year": year, "k": k.copy(), "spell": spell.copy()}
        columns |= {"position": np.where(file, "on_file", "left"), "patient": patient, "widowed": widowed}
        columns |= {"child": child, "event": np.select([leaves, returns, dies], ["economic", "return", "death"], "")}
        if year >= years - seen:
            shown.append(pd.DataFrame(columns)[file | left])
        k = np.where(leaves | returns, 1, k + 1)
        place[leaves], place[returns], place[dies] = "left", "file", "gone"
        spell += returns
        k[opened == year + 1] = 1
    rows = pd.concat(shown, ignore_index=True).astype({"event": "str", "position": "str"})
    cluster = rows["household_id"] % 150
    return rows.assign(psu=cluster, stratum=cluster % 10, weight=1.0 + cluster % 2)


def met_in_the_first_spell(rows: pd.DataFrame) -> pd.DataFrame:
    """Households whose first row shows them on file for the first time, from its beginning or not."""
    first = rows.sort_values("year").drop_duplicates("household_id").set_index("household_id")
    return rows[rows["household_id"].map((first["position"] == "on_file") & (first["spell"] == 1))]
