"""Waves and register together: the register's dates win, the waves add the households without a file."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from aidlib.estimate import Design, Estimates, Study
from aidlib.estimate.intervals import SHARES
from aidlib.poverty.intervals import chosen
from aidlib.relapse.dossiers import OWN, UNIT, history_before, years
from aidlib.relapse.person_years import LEFT, ON_FILE, person_years
from aidlib.relapse.requirements import complete, dates
from aidlib.relapse.spells import places, spells

POSITIONS = (ON_FILE, LEFT, "no_file")
FOUND = ("yes", "no")
By = str | Sequence[str] | None


def both(
    panel: pd.DataFrame,
    register: pd.DataFrame,
    *,
    time: str = "year",
    state: str = "in_hardship",
    date: str = "interview_date",
    exit_after: int = 1,
    gap: int = 1,
) -> pd.DataFrame:
    """Spells of all households, by household and date: of ``register`` where there is a file, else of the waves.

    register: of dossier_spells. A household with any file is told by its files alone: their dates are exact, and they
    say why a spell ended. The others' spells are those of ``spells``, dated by their interviews: start, the first in
    the state; end, the first out of it; length in years, of a running one up to the last interview in the state.
    Columns as dossier_spells, gap and lost as spells, and source: "register" or "waves"; files: 0 in the waves.
    Raises Problem as ``spells``, and where such an interview has no date.

    >>> import pandas as pd
    >>> from aidlib.relapse import dossier_spells
    >>> files = pd.DataFrame({"household_id": ["a"], "opened": pd.to_datetime(["2020-05-01"]),
    ...     "closed": pd.to_datetime(["2021-05-01"]), "close_reason": ["economic"]})
    >>> panel = pd.DataFrame({"household_id": ["a", "b", "b"], "year": [2020, 2020, 2021],
    ...     "interview_date": pd.to_datetime(["2020-10-01", "2020-10-02", "2021-10-03"]), "in_hardship": [1, 1, 0]})
    >>> both(panel, dossier_spells(files))[["household_id", "end", "source"]].astype(str).values.tolist()
    [['a', '2021-05-01', 'register'], ['b', '2021-10-03', 'waves']]
    """
    others = panel[~complete(panel, UNIT).isin(complete(register, UNIT))].reset_index(drop=True)
    own = [name for name in OWN if name in others]
    found = spells(others, time=time, state=state, exit_after=exit_after, gap=gap, keep=own)
    start, end, last = (_dated(others, found, name, time, date) for name in ("start", "end", "end_after"))
    lived = pd.DataFrame({"start": start, "until": end.where(found["end"].notna(), last)})
    complete(lived.rename(columns={"start": date}), date)
    complete(lived.rename(columns={"until": date}), date)
    table = found.assign(start=start, end=end, length=years(start, lived["until"]), files=0, entered=0.0)
    table = table.assign(**history_before(table), renumbered=False, source="waves")
    dated = register.assign(gap=False, lost=False, source="register")
    joined = pd.concat([dated, table], ignore_index=True)
    return joined[list(dated)].sort_values([UNIT, "start"], kind="stable", ignore_index=True)


def _dated(panel: pd.DataFrame, found: pd.DataFrame, wave: str, time: str, date: str) -> pd.Series:
    """Day of the interview of each spell's household in that wave; missing where there is none."""
    at = places(panel, UNIT, time)
    of = at.units.get_indexer(pd.Index(found[UNIT]))
    row = at.rows_at(of, np.searchsorted(at.waves, found[wave].to_numpy(np.float64)))
    return dates(panel, date).reindex(np.where(row < 0, len(panel), row)).set_axis(found.index)


def agreement(
    panel: pd.DataFrame,
    design: Design | None,
    register: pd.DataFrame,
    *,
    until: pd.Timestamp | str,
    state: str = "in_hardship",
    date: str = "interview_date",
    by: By = None,
    margins: bool = False,
    interval: str = "logit",
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Where the two sources agree: share of the interviews by position in the register and state in the wave.

    Key columns position (on_file, left, no_file: at the end of the interview's day) and hardship (yes, no); the six
    shares add up to 1; count: interviews in the cell. On file but not in hardship, and in hardship without a file, are
    the disagreements: late reviews and errors of inclusion, households not reached, answers that differ.
    """
    bounds = chosen(interval, SHARES)
    study = Study.of(panel, design, by=by, margins=margins, df=df, base=base)
    held, placed = study.flag(state), person_years(panel, register, until=until, date=date)["position"]
    row = pd.Index(POSITIONS).get_indexer(pd.Index(placed.replace("", POSITIONS[-1])))
    cells = len(POSITIONS) * len(FOUND)
    cell = row * len(FOUND) + (held != 1)
    members = study.domains.members.where(np.isfinite(held) & dates(panel, date).notna().to_numpy()).split(cells)
    there = (cell[members.unit] == members.row % cells).astype(np.float64)
    keys = {"position": np.repeat(POSITIONS, len(FOUND)), "hardship": [*FOUND] * len(POSITIONS)}
    return study.estimates(
        study.mean(members, there),
        measure="agreement",
        unit="share",
        method="relapse_agreement",
        keys=pd.DataFrame(keys, dtype="str"),
        interval=bounds,
        count=members.sum(there),
    )
