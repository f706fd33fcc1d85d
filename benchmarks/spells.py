"""Spells, spells on file and person-years of a million rows, beside what one writes with pandas for the bare core.

Peers, in the same process by turns: the shift-and-cumsum recipe for runs within groups (groupby, shift, cumsum, agg)
and merge_asof by household. They know neither gaps nor censoring, exit rules, reasons nor wrong input, so their data
have no gaps; that they find as many spells is checked. Seconds are those of the fastest repeat, by the clock and (cpu)
of the processor.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from aidlib.relapse import dossier_spells, person_years, spells

ROWS, WAVES, REPEATS = 1_000_000, 8, 5


def run(rows: int = ROWS) -> list[dict[str, Any]]:
    """One line a figure."""
    panel, gappy = waves(rows), waves(rows).sample(frac=0.9, random_state=1)
    files = filings(rows)
    held = dossier_spells(files, until="2025-12-31")
    interviews = visits(rows, files)
    found = [
        _line("spells", rows, lambda: spells(panel), "pandas recipe", lambda: plain_spells(panel)),
        _line("spells, shuffled, 10 % of waves missing, two waves out", rows, lambda: spells(gappy, exit_after=2)),
        _line("dossier_spells", rows, lambda: dossier_spells(files, until="2025-12-31", bridge_months=6)),
        _line(
            "person_years", rows, lambda: person_years(interviews, held, until="2025-12-31"),
            "merge_asof", lambda: plain_position(interviews, held),
        ),
    ]  # fmt: skip
    small = dossier_spells(filings(rows // 10), until="2025-12-31")
    return [*found, _line("person_years, a tenth of the rows", rows // 10,
                          lambda: person_years(visits(rows // 10, small), small, until="2025-12-31"))]  # fmt: skip


def waves(rows: int) -> pd.DataFrame:
    """Households × 8 waves whose state tends to stay."""
    rng = np.random.default_rng(20250101)
    homes = rows // WAVES
    state = np.zeros((homes, WAVES), dtype=bool)
    state[:, 0] = rng.random(homes) < 0.3
    for wave in range(1, WAVES):
        state[:, wave] = rng.random(homes) < np.where(state[:, wave - 1], 0.7, 0.1)
    names = pd.Series(np.arange(homes)).map("H{:08d}".format).astype("str")
    return pd.DataFrame(
        {
            "household_id": names.repeat(WAVES).array,
            "year": np.tile(np.arange(2018, 2018 + WAVES), homes),
            "in_hardship": state.ravel().astype(np.float64),
        }
    )


def filings(rows: int) -> pd.DataFrame:
    """A register of one to three filings a household, shuffled."""
    rng = np.random.default_rng(20250102)
    home = np.sort(rng.integers(0, rows // 2, rows))
    place = np.arange(rows) - np.searchsorted(home, home)
    opened = np.datetime64("2005-01-01") + rng.integers(0, 700, rows) + place * 1500
    closed = opened + rng.integers(30, 780, rows)
    table = pd.DataFrame({"household_id": pd.Series(home).map("H{:08d}".format).astype("str"), "opened": opened})
    known = pd.Series(closed).where(closed < np.datetime64("2025-12-31"))
    reason = pd.Series(np.where(rng.random(rows) < 0.85, "economic", "administrative")).where(known.notna())
    table = table.assign(closed=known, close_reason=reason.astype("str"), region="990100")
    return table[table["opened"] < "2025-12-31"].sample(frac=1, random_state=2, ignore_index=True)


def visits(rows: int, files: pd.DataFrame) -> pd.DataFrame:
    """Interviews of the register's households on days of 2018 to 2024."""
    rng = np.random.default_rng(20250103)
    homes = files["household_id"].drop_duplicates()
    days = np.datetime64("2018-09-01") + rng.integers(0, 2200, rows)
    return pd.DataFrame({"household_id": homes.array.take(rng.integers(0, len(homes), rows)), "interview_date": days})


def plain_spells(panel: pd.DataFrame) -> pd.DataFrame:
    """The recipe: a run begins where the state differs from the wave before; runs are numbered by cumsum."""
    table = panel.sort_values(["household_id", "year"])
    new = table["in_hardship"] != table.groupby("household_id")["in_hardship"].shift()
    held = table["in_hardship"] == 1
    runs = table[held].groupby(["household_id", new.cumsum()[held]], sort=False)["year"]
    return runs.agg(["min", "max"]).reset_index()


def plain_position(interviews: pd.DataFrame, held: pd.DataFrame) -> pd.DataFrame:
    """The household's last spell that began by then."""
    return pd.merge_asof(
        interviews.sort_values("interview_date"),
        held.sort_values("start"),
        left_on="interview_date",
        right_on="start",
        by="household_id",
    )


def _line(
    what: str, rows: int, ours: Callable[[], Any], name: str = "", peer: Callable[[], Any] | None = None
) -> dict[str, Any]:
    """Seconds of the fastest repeat, by turns; with a peer its seconds and peer / ours."""
    ours_s, peer_s, lengths = [], [], []
    for _ in range(REPEATS):
        for times, call in ((ours_s, ours), (peer_s, peer)):
            if call is not None:
                start, used = time.perf_counter(), time.process_time()
                lengths.append(len(call()))
                times.append((time.perf_counter() - start, time.process_time() - used))
    if len(set(lengths)) > 1:
        raise AssertionError(f"{what}: the peer finds another number of rows")
    seconds, cpu = np.min(ours_s, axis=0)
    found = {"what": f"{what}, {rows:,} rows", "seconds": round(seconds, 3), "cpu": round(cpu, 3)}
    if peer is None:
        return found
    least, least_cpu = np.min(peer_s, axis=0)
    found |= {"peer": name, "peer_seconds": round(least, 3), "peer_cpu": round(least_cpu, 3)}
    return found | {"ratio": round(least / seconds, 2), "cpu_ratio": round(least_cpu / cpu, 2)}
