"""What simulations of other rules must arrive at: entitlements on the whole register and the whole population."""

from __future__ import annotations

from typing import Any

import numpy as np

from aidlib.demo.census import poor_others
from aidlib.demo.files import Files
from aidlib.demo.lists import condoled
from aidlib.demo.parameters import GRADES, YEARS, Parameters
from aidlib.demo.places import Places
from aidlib.demo.population import others_cells, others_hard
from aidlib.demo.register import ON_FILE, Register
from aidlib.demo.units import others_population

CUT_OFFS = (1.5, 2.0)


def simulations(p: Parameters, places: Places, register: Register, files: Files) -> dict[str, Any]:
    """The last year's: living aid under two cut-offs of net income, and condolence standards of an unchanged budget."""
    t = len(YEARS) - 1
    living = {str(m): _living(p, places, register, files, t, m) for m in CUT_OFFS}
    low, high = (living[str(m)] for m in CUT_OFFS)
    newly = {who: high[who]["households"] - low[who]["households"] for who in ("on_file", "members")}
    return {"year": YEARS[t], "living": living, "newly_eligible": newly,
            "condolence": _condolence(p, register, files, t)}  # fmt: skip


def _living(
    p: Parameters, places: Places, register: Register, files: Files, t: int, multiple: float
) -> dict[str, dict[str, float]]:
    """Households entitled below ``multiple`` L (or by accident) and the year's cost in yuan if all of them receive it.

    on_file: those with a file. members: all member households, with a file or not.
    """
    amounts = np.array([p.living[g] for g in GRADES])
    filed, grade = register.state[:, t] == ON_FILE, files.grade(t)
    entitled = filed & ((grade == GRADES.index("accident")) | (files.r[:, t] < multiple))
    line = places.line[:, t]
    cost = float((amounts[grade] * line[files.city])[entitled].sum())
    poor = poor_others(p)
    hard = others_population(p) * (others_cells(p, places)[2] * others_hard(p, places, t)).sum(axis=0)  # by unit
    by_accident = float(poor.weight[poor.accident].sum())
    shares = np.array([poor.within(0.0, 1.0), poor.within(1.0, multiple), by_accident])
    more = float((hard * line[places.city]).sum() * (shares @ amounts))
    households = float(entitled.sum())
    everybody = {"households": households + float(hard.sum() * shares.sum()), "yuan": cost + more}
    return {"on_file": {"households": households, "yuan": cost}, "members": everybody}


def _condolence(p: Parameters, register: Register, files: Files, t: int) -> dict[str, Any]:
    """Households by standard and what they are due; changes of the standards and the factor that keeps the sum."""
    filed, left, grade = condoled(register, files, t)
    kind = np.concatenate([grade[filed], np.full(len(left), len(GRADES))])
    standard = np.array([*(p.condolence[g] for g in GRADES), p.condolence["left"]])
    size = files.size[np.concatenate([filed, left])]
    households = np.bincount(kind, minlength=len(standard))
    budget = float(households @ standard)
    deep = np.arange(len(standard)) == 0
    return {
        "households": dict(zip((*GRADES, "left"), households.tolist(), strict=True)),
        "budget": budget,
        "neutral": {
            "plus_200": budget / float(households @ (standard + 200)),  # factor on all standards after + 200 yuan
            "by_persons": budget / float((standard[kind] * size).sum()),  # factor on standard × persons
            "deep_plus_500": float((budget - households[0] * (standard[0] + 500)) / (households @ (standard * ~deep))),
        },  # the last: factor on the other standards
    }
