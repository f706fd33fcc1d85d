"""Who is at risk of what, as samples that keep their design: on file of leaving, left of returning, and exits."""

from __future__ import annotations

import pandas as pd

from aidlib.relapse.exits import YEAR
from aidlib.relapse.person_years import LEFT, ON_FILE, RETURN, UNIT
from aidlib.relapse.requirements import ECONOMIC, dates
from aidlib.survey import within

EXIT_BANDS = ("above_1_8", "1_2_to_1_8", "below_1_2")  # the first is the reference of models
EDGES = (1.2, 1.8)  # net income at exit over the exit line (twice the local dibao line)
FRESH = 366  # days before an exit within which its household was interviewed


def at_risk(years: pd.DataFrame, *positions: str) -> pd.DataFrame:
    """The rows of ``person_years``, blank but for their design unless in one of these positions and observed.

    positions: "on_file", "left" (none named: both). entry, duration: exact years since the file was opened or closed,
    at the interview and at the end of the twelve months after it, or at what ended them; ended: 1 where a file on file
    was closed in these months, for whatever reason, else 0; left: 1 by an economic exit; returned: 1 where the
    household came back.
    """
    sample = within(_timed(years), years["position"].isin(positions or (ON_FILE, LEFT)) & years["observed"])
    known, event = sample["position"].notna(), sample["event"].fillna("")
    happened = {"ended": ~event.isin(["", RETURN]), "left": event.eq(ECONOMIC), "returned": event.eq(RETURN)}
    return sample.assign(**{name: flag.astype(float).where(known) for name, flag in happened.items()})


def met_on_file(sample: pd.DataFrame) -> pd.DataFrame:
    """The rows of ``at_risk`` of households first interviewed on file; those of others keep their design alone.

    Who was met after an exit is a selection of those who have not come back, which no model of both moves can undo.
    """
    known = sample[sample["position"].notna()].sort_values("interview_date", kind="stable")
    first = known.drop_duplicates(UNIT).set_index(UNIT)["position"]
    return within(sample, sample[UNIT].map(first).eq(ON_FILE))


def _timed(years: pd.DataFrame) -> pd.DataFrame:
    """The rows with entry and duration, years since the spell or the absence began; see ``at_risk``."""
    asked = dates(years, "interview_date")
    stop = years["event_date"].fillna(asked + pd.DateOffset(years=1))
    since = {"entry": asked, "duration": stop}
    timed = years.assign(**{name: (day - years["since"]).dt.days / YEAR for name, day in since.items()})
    timed.attrs = years.attrs | {"units": years.attrs.get("units", {}) | dict.fromkeys(since, "years")}
    return timed


def with_income_at_exit(years: pd.DataFrame, exits: pd.DataFrame) -> pd.DataFrame:
    """The rows of ``person_years`` with the exit_ratio of the exit (``known_at_exit``) that they follow or come to."""
    return years.merge(exits[[UNIT, "spell", "exit_ratio"]], on=[UNIT, "spell"], how="left").set_axis(years.index)


def with_exit_bands(sample: pd.DataFrame) -> pd.DataFrame:
    """The sample with ``exit_band``, the band of its ``exit_ratio``; missing where the income at exit is unknown.

    >>> import pandas as pd
    >>> with_exit_bands(pd.DataFrame({"exit_ratio": [1.0, 1.2, 2.5, None]}))["exit_band"].tolist()
    ['below_1_2', '1_2_to_1_8', 'above_1_8', nan]
    """
    above, below = EXIT_BANDS[0], EXIT_BANDS[2]
    ratio = sample["exit_ratio"]
    band = pd.Series(EXIT_BANDS[1], sample.index, dtype="str")
    band = band.mask(ratio < EDGES[0], below).mask(ratio > EDGES[1], above)
    return sample.assign(exit_band=pd.Categorical(band.where(ratio.notna()), EXIT_BANDS, ordered=True))


def interviewed_exits(exits: pd.DataFrame) -> pd.DataFrame:
    """The exits of ``known_at_exit`` whose household was interviewed in the year before: a sample with its weights.

    A household last interviewed earlier has been lost to the panel, and the weights of the others stand for it.
    return_event: "return" where it came back, "" where it had not by the last day.
    """
    seen = exits[exits["weight"].notna() & (exits["interview_age"] <= FRESH)].reset_index(drop=True)
    event = pd.Series("", seen.index, dtype="str").mask(seen["returned"].eq(1), "return")
    return with_exit_bands(seen).assign(return_event=event)
