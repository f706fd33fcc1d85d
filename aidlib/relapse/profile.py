"""The dynamics of hardship in one picture: never, transient, recurrent, chronic; and how long running spells last."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd

from aidlib import reference
from aidlib.estimate import Design, Estimates, Study, proportion, stack
from aidlib.estimate.intervals import SHARES
from aidlib.estimate.sampling import Ints, finite
from aidlib.poverty.intervals import chosen
from aidlib.relapse.dossiers import YEAR
from aidlib.relapse.person_years import ON_FILE
from aidlib.relapse.requirements import at_least, column, complete, dates, day
from aidlib.relapse.spells import places, spells

PATTERNS = ("never", "transient", "recurrent", "chronic")
By = str | Sequence[str] | None


def dynamics_profile(
    panel: pd.DataFrame,
    design: Design | None,
    *,
    unit: str = "household_id",
    time: str = "year",
    state: str = "in_hardship",
    at: Any = None,
    short: int = 2,
    least: int = 4,
    gap: int = 1,
    by: By = None,
    margins: bool = False,
    interval: str = "logit",
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Share of the units whose waves up to ``at`` (None: the last) show each pattern; key column ``dynamics``.

    never: no wave in the state; transient: one spell, of at most ``short`` waves; recurrent: more than one, none
    longer; chronic: a spell of more than ``short`` waves. Only units that are seen at ``at`` and have a state in at
    least ``least`` waves count: give the design their longitudinal weight. The four shares add up to 1. Spells are
    those of ``spells`` (``gap`` as there): one that was running at the first or at the last wave seen is longer than it
    looks, so that chronic is a lower bound. Design and domain columns are those of the row at ``at``.
    interval: "logit", "beta" or "wald". Source: Muffels, Fouarge & Dekker (2000), OSA Working Paper 2000-6, Tilburg.
    Raises Problem as ``spells``, and where ``at`` is no wave.

    >>> import pandas as pd
    >>> panel = pd.DataFrame({"household_id": ["a"] * 4 + ["b"] * 4, "year": [1, 2, 3, 4] * 2,
    ...     "in_hardship": [0, 1, 0, 1, 1, 1, 1, 0]})
    >>> dynamics_profile(panel, None).rows[["dynamics", "estimate"]].values.tolist()
    [['never', 0.0], ['transient', 0.0], ['recurrent', 0.5], ['chronic', 0.5]]
    """
    bounds = chosen(interval, SHARES)
    at_least("short", short, 1)
    at_least("least", least, 1)
    study = Study.of(panel, design, by=by, margins=margins, df=df, base=base)
    pattern = _patterns(panel, unit, time, state, at, short, least, gap)
    members = study.domains.members.where(pattern >= 0).split(len(PATTERNS))
    shown = (pattern[members.unit] == members.row % len(PATTERNS)).astype(np.float64)
    return study.estimates(
        study.mean(members, shown),
        measure="dynamics_profile",
        unit="share",
        method="relapse_dynamics_profile",
        keys=pd.DataFrame({"dynamics": PATTERNS}, dtype="str"),
        interval=bounds,
        count=members.sum(shown),
    )


def _patterns(panel: pd.DataFrame, unit: str, time: str, state: str, at: Any, short: int, least: int, gap: int) -> Ints:
    """At the rows of wave ``at`` the place of the unit's pattern; -1 elsewhere and where too little was seen."""
    states, known = finite(panel, state), places(panel, unit, time)
    last = len(known.waves) - 1 if at is None else int(np.searchsorted(known.waves, at))
    if at is not None and at not in known.waves:
        raise reference.problem("poverty.no_wave", time=time, wave=str(at)[:20])
    until = known.wave <= last
    table = spells(panel[until], unit=unit, time=time, state=state, gap=gap)
    of = known.units.get_indexer(pd.Index(table[unit]))
    first, final = (np.searchsorted(known.waves, table[name]) for name in ("start", "end_after"))
    longest = np.zeros(len(known.units), dtype=np.int64)
    np.maximum.at(longest, of, final - first + 1)
    number = np.bincount(of, minlength=len(known.units))
    seen = np.bincount(known.unit[until & ~np.isnan(states)], minlength=len(known.units))
    pattern = np.select([longest > short, number > 1, number == 1], [3, 2, 1], 0)
    here = (known.wave == last) & ~np.isnan(states) & (seen[known.unit] >= least)
    return np.where(here, pattern[known.unit], -1)


def long_spells(
    spells: pd.DataFrame,
    on: pd.Timestamp | str,
    *,
    years: Sequence[int] = (3, 5),
    by: By = None,
    margins: bool = False,
) -> Estimates:
    """Share of the spells on file at the end of day ``on`` that have lasted over so many years; key ``longer_than``.

    spells: of dossier_spells; by: columns of theirs, such as recorded_grade or region. A complete count (base R).

    >>> import pandas as pd
    >>> files = pd.DataFrame({"start": pd.to_datetime(["2018-05-01", "2023-05-01"]), "end": pd.NaT})
    >>> long_spells(files, "2024-12-31").rows[["longer_than", "estimate"]].values.tolist()
    [['3', 0.5], ['5', 0.5]]
    """
    last = day("on", on)
    complete(spells, "start")
    start, end = dates(spells, "start"), dates(spells, "end")
    running = spells[(start <= last) & ~(end <= last)]
    lasted = (last - running["start"]).dt.days / YEAR
    found = _longer(running, Design.census(), lasted, years, by=by, margins=margins)
    return replace(found, method="relapse_long_spells")


def long_stays(
    interviews: pd.DataFrame,
    design: Design | None,
    *,
    years: Sequence[int] = (3, 5),
    date: str = "interview_date",
    by: By = None,
    margins: bool = False,
    interval: str = "logit",
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Share of households on file at their interview whose spell had lasted over so many years; key ``longer_than``.

    interviews: of person_years; the rows that are not on file stay in the design. by: columns of the survey, which the
    register does not have. interval: "logit", "beta" or "wald".

    >>> import pandas as pd
    >>> rows = pd.DataFrame({"position": ["on_file", "on_file", "left"], "since": pd.to_datetime(["2015-01-01"] * 3),
    ...     "interview_date": pd.to_datetime(["2019-01-01", "2021-01-01", "2021-01-01"])})
    >>> long_stays(rows, None).rows[["longer_than", "estimate"]].values.tolist()
    [['3', 1.0], ['5', 0.5]]
    """
    lasted = (dates(interviews, date) - dates(interviews, "since")).dt.days / YEAR
    lasted = lasted.where(column(interviews, "position").eq(ON_FILE))
    found = _longer(interviews, design, lasted, years, by=by, margins=margins, interval=interval, df=df, base=base)
    return replace(found, method="relapse_long_stays")


def _longer(
    sample: pd.DataFrame, design: Design | None, lasted: pd.Series, years: Sequence[int], **options: Any
) -> Estimates:
    """Share of the rows with a duration that had lasted more than each of ``years``; key column ``longer_than``."""
    at_least("years", len(years), 1)
    found = {
        str(limit): proportion(
            sample.assign(longer=(lasted > limit).astype(float).where(lasted.notna())), design, "longer", **options
        )
        for limit in years
    }
    table = stack(found, key="longer_than")
    return replace(table, rows=table.rows.assign(measure="long_spells"))
