"""Models of events that come back to the same unit: Andersen-Gill, and the conditional models of Prentice et al."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from aidlib import reference
from aidlib.estimate.design import Design
from aidlib.estimate.estimates import Estimates
from aidlib.estimate.sampling import Floats, Ints
from aidlib.estimate.study import Study
from aidlib.relapse.cox import Model, check_ties, coefficients, with_clusters
from aidlib.relapse.histories import Histories, Names, strata_of

MODELS = ("andersen_gill", "pwp_total", "pwp_gap")


def recurrent(
    sample: pd.DataFrame,
    design: Design | None,
    *,
    start: str,
    stop: str,
    event: str,
    order: str,
    predictors: Sequence[str],
    unit: str,
    model: str = "pwp_gap",
    last: int | None = None,
    strata: Names = None,
    ties: str = "efron",
    cause: str | None = None,
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Log hazard ratios for events that a ``unit`` can have again and again (key ``term``).

    A unit has one or more rows, at risk of its ``order``-th event from ``start`` to ``stop``, in time since its
    beginning; ``event`` is 1 where the row ends by it (with ``cause``: where it holds that code). model:
    "andersen_gill": the hazard does not depend on how many events there were; the conditional models "pwp_total" and
    "pwp_gap" give each order a baseline hazard of its own, over the time since the beginning or since the event before.
    last: the order from which on all share one baseline (None: each has its own). Units are the clusters of a design
    that names none. The rest as ``cox``. Sources: Andersen & Gill (1982), Ann. Stat. 10(4), 1100-1120; Prentice,
    Williams & Peterson (1981), Biometrika 68(2), 373-379; Therneau & Grambsch (2000), Modeling Survival Data, ch. 8.
    The marginal model of Wei, Lin & Weissfeld is ``cox`` with ``strata=order`` on rows that are at risk of every order
    from the beginning.
    Raises Problem for orders that do not follow each other 1, 2, …, and as ``cox``.

    >>> import pandas as pd
    >>> rows = pd.DataFrame({"id": list("aabbccdd"), "from": [0, 3, 0, 2, 0, 4, 0, 5], "to": [3, 7, 2, 9, 4, 6, 5, 6]})
    >>> rows = rows.assign(k=[1, 2] * 4, back=[1, 0, 1, 1, 1, 1, 1, 0], ill=[1, 1, 0, 0, 1, 1, 0, 0])
    >>> found = recurrent(rows, None, start="from", stop="to", event="back", order="k", predictors=["ill"], unit="id")
    >>> found.rows[["term", "count"]].values.tolist()
    [['ill', 3.0]]
    """
    if model not in MODELS:
        raise reference.problem("estimate.option", option="model", allowed=", ".join(MODELS))
    if last is not None and last < 1:
        raise reference.problem("estimate.option", option="last", allowed="1, 2, …")
    check_ties(ties)
    study = Study.of(sample, with_clusters(design, unit), df=df, base=base)
    histories = Histories.of(study, duration=stop, event=event, entry=start, cause=cause, unit=unit)
    orders = orders_of(study, histories, order, unit)
    histories = histories.within(*strata_of(sample, strata))
    if model != "andersen_gill":
        histories = by_order(histories, np.minimum(orders, last or orders.max(initial=1)))
    if model == "pwp_gap":
        histories = gaps(histories, orders)
    fitted = Model.fitted(study, predictors, histories, efron=ties == "efron", event=event)
    return coefficients(fitted, method=f"relapse_{model}")


def orders_of(study: Study, histories: Histories, order: str, unit: str) -> Ints:
    """The order of each row's event (0: not known); Problem where a unit's orders are no 1, 2, … or skip."""
    given, known = study.column(order), histories.known
    if not np.isfinite(given[known]).all():
        raise reference.problem("relapse.missing", column=order, rows=int(np.isnan(given[known]).sum()))
    wrong = known & ((given < 1) | (given != np.floor(given)))
    found = np.where(known, np.nan_to_num(given), 0).astype(np.int64)
    assert histories.unit is not None and histories.start is not None  # read with unit and entry
    rows = np.flatnonzero(known)
    rows = rows[np.lexsort((histories.start[rows], histories.unit[rows]))]
    one, other = rows[:-1], rows[1:]
    rise = found[other] - found[one]
    allowed = (rise == 1) | ((rise == 0) & ~histories.event[one])
    wrong[other] |= (histories.unit[one] == histories.unit[other]) & ~allowed
    if wrong.any():
        raise reference.problem("relapse.order", column=order, unit=unit, rows=int(wrong.sum()))
    return found


def by_order(histories: Histories, orders: Ints) -> Histories:
    """Each stratum divided by the order of the event."""
    width = int(orders.max(initial=0)) + 1
    cells, stratum = np.unique(np.maximum(histories.stratum, 0) * width + orders, return_inverse=True)
    names = [f"{histories.names[cell // width]} / {cell % width}".removeprefix(" / ") for cell in cells]
    return histories.within(np.where(histories.stratum < 0, -1, stratum), names)


def gaps(histories: Histories, orders: Ints) -> Histories:
    """The clock set to 0 where a unit comes to be at risk of its next event."""
    assert histories.unit is not None and histories.start is not None  # read with unit and entry
    spell = histories.unit * (int(orders.max(initial=0)) + 1) + orders
    start = histories.start
    begin: Floats = pd.Series(np.where(histories.known, start, np.nan)).groupby(spell).transform("min").to_numpy()
    return replace(histories, start=start - begin, stop=histories.stop - begin)
