"""From one wave to the next: transition matrices, and how mobile they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from scipy import sparse

from aidlib.estimate import Design, Estimates, Study
from aidlib.estimate.domains import Members, column_codes
from aidlib.estimate.intervals import SHARES
from aidlib.estimate.sampling import Floats, Ints
from aidlib.estimate.study import Found
from aidlib.poverty.intervals import INDEX, RATIO, chosen
from aidlib.relapse.requirements import column
from aidlib.relapse.spells import places

By = str | Sequence[str] | None


def transitions(
    panel: pd.DataFrame,
    design: Design | None,
    *,
    unit: str = "household_id",
    time: str = "year",
    state: str,
    by: By = None,
    margins: bool = False,
    interval: str = "logit",
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Share of the units in each state that are in each state one wave later; key columns ``from`` and ``to``.

    panel: one row per unit and wave; ``state``: codes, or 0 and 1. Every pair of successive waves of the panel in which
    a unit has a state counts once; weights, clusters and domains are those of its later row (by=time: a matrix a wave).
    The rows of a matrix add up to 1; n: units that were in ``from``, count: of these in ``to``. Standard errors of the
    ratio estimator over the design. interval: "logit", "beta" or "wald".
    Raises Problem where a unit has two rows of one wave.

    >>> import pandas as pd
    >>> panel = pd.DataFrame({"household_id": [1, 1, 2, 2], "year": [1, 2, 1, 2], "grade": ["deep", "none"] * 2})
    >>> transitions(panel, None, state="grade").rows[["from", "to", "estimate"]].values.tolist()[1]
    ['deep', 'none', 1.0]
    """
    bounds = chosen(interval, SHARES)
    study = Study.of(panel, design, by=by, margins=margins, df=df, base=base)
    pairs = _Pairs.of(panel, study, unit, time, state)
    found = study.mean(pairs.members, pairs.arrived)
    keys = pd.DataFrame(
        {"from": np.repeat(pairs.states, len(pairs.states)), "to": np.tile(pairs.states, len(pairs.states))},
        dtype="str",
    )
    result = study.estimates(
        found,
        measure="transition",
        unit="share",
        method="relapse_transitions",
        keys=keys,
        interval=bounds,
        count=pairs.members.sum(pairs.arrived),
    )
    return replace(result, kind="matrix")


def mean_stay(
    panel: pd.DataFrame,
    design: Design | None,
    *,
    unit: str = "household_id",
    time: str = "year",
    state: str,
    by: By = None,
    margins: bool = False,
    interval: str = "log",
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Mean number of waves that a unit stays in each state, 1 / (1 - p_ii); key column ``from``.

    What the matrix of ``transitions`` implies where its shares stay as they are and do not depend on the past; hazards
    that fall with time make true stays longer. No value where nobody left. Arguments as for ``transitions``.
    Source: Prais (1955), Journal of the Royal Statistical Society A 118(1), 56-66.

    >>> import pandas as pd
    >>> panel = pd.DataFrame({"household_id": [1, 1, 2, 2], "year": [1, 2, 1, 2], "poor": [1, 1, 1, 0]})
    >>> mean_stay(panel, None, state="poor").rows["estimate"].tolist()[1]
    2.0
    """
    bounds = chosen(interval, RATIO)
    study = Study.of(panel, design, by=by, margins=margins, df=df, base=base)
    pairs = _Pairs.of(panel, study, unit, time, state)
    found = study.mean(pairs.members, pairs.arrived)
    diagonal = pairs.diagonal()
    with np.errstate(divide="ignore"):
        stay = 1 / (1 - found.estimate[diagonal])
    stay[np.isinf(stay)] = np.nan
    influence = found.influence.picked(diagonal).scaled(np.nan_to_num(stay**2))
    return study.estimates(
        Found(pairs.origins, stay, influence),
        measure="mean_stay",
        unit="number",
        method="relapse_mean_stay",
        keys=pd.DataFrame({"from": pairs.states}, dtype="str"),
        interval=bounds,
        count=pairs.members.sum(pairs.arrived)[diagonal],
    )


def mobility(
    panel: pd.DataFrame,
    design: Design | None,
    *,
    unit: str = "household_id",
    time: str = "year",
    state: str,
    by: By = None,
    margins: bool = False,
    interval: str = "logit",
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """How mobile the states are from wave to wave; key column ``figure``: shorrocks, immobility.

    shorrocks: (k - trace) / (k - 1) of the k × k matrix of ``transitions``: 0 where nobody moves, 1 where the state
    does not depend on the one before. immobility: share of the units that are in the state they were in. Both with
    errors over the design, linearised through all shares of the matrix. Arguments as for ``transitions``.
    Source: Shorrocks (1978), Econometrica 46(5), 1013-1024.

    >>> import pandas as pd
    >>> panel = pd.DataFrame({"household_id": [1, 1, 2, 2], "year": [1, 2, 1, 2], "poor": [1, 1, 0, 0]})
    >>> mobility(panel, None, state="poor").rows["estimate"].tolist()
    [0.0, 1.0]
    """
    bounds = chosen(interval, INDEX)
    study = Study.of(panel, design, by=by, margins=margins, df=df, base=base)
    pairs = _Pairs.of(panel, study, unit, time, state)
    matrix, stayed = study.mean(pairs.members, pairs.arrived), study.mean(pairs.everyone, pairs.stayed)
    domains, states = pairs.everyone.rows, len(pairs.states)
    diagonal, each = pairs.diagonal().reshape(domains, states), np.arange(domains)
    lines = np.concatenate([diagonal.ravel(), domains * states**2 + each])
    columns = np.concatenate([np.repeat(2 * each, states), 2 * each + 1])
    weights = np.concatenate([np.full(domains * states, -1 / max(states - 1, 1)), np.ones(domains)])
    mixing = sparse.coo_array((weights, (lines, columns)), shape=(domains * (states**2 + 1), 2 * domains))
    trace = matrix.estimate[diagonal].sum(axis=1)
    values = np.stack([(states - trace) / max(states - 1, 1), stayed.estimate], axis=1).ravel()
    influence = matrix.influence.beside([stayed.influence]).mixed(mixing)
    return study.estimates(
        Found(pairs.everyone.split(2), values, influence),
        measure="mobility",
        unit="index",
        method="relapse_mobility",
        keys=pd.DataFrame({"figure": ["shorrocks", "immobility"]}, dtype="str"),
        interval=bounds,
        count=np.repeat(pairs.everyone.sum(pairs.stayed), 2),
    )


@dataclass(frozen=True, eq=False)
class _Pairs:
    """Successive waves of a unit. states: the codes; everyone: members of the domains, the later row of each pair;
    origins: these by domain × state before; members: by domain × state before × state after; arrived, stayed: whether
    the pair of ``members`` is in that state after, whether that of ``everyone`` is where it was."""

    states: list[str]
    everyone: Members
    origins: Members
    members: Members
    arrived: Floats
    stayed: Floats

    @classmethod
    def of(cls, panel: pd.DataFrame, study: Study, unit: str, time: str, state: str) -> _Pairs:
        now, states = column_codes(column(panel, state))
        at = places(panel, unit, time)
        before = np.append(now, -1)[at.rows_at(at.unit, at.wave - 1)]
        size = max(len(states), 1)
        everyone = study.domains.members.where((now >= 0) & (before >= 0))
        origin = everyone.row * size + before[everyone.unit]
        origins = Members(everyone.unit, origin, everyone.rows * size)
        members = origins.split(size)
        arrived = (now[members.unit] == members.row % size).astype(np.float64)
        stayed = (now == before)[everyone.unit].astype(np.float64)
        return cls(states or ["all"], everyone, origins, members, arrived, stayed)

    def diagonal(self) -> Ints:
        """Places of the shares that stay, by domain and state."""
        size = len(self.states)
        return (np.arange(self.everyone.rows)[:, None] * size**2 + np.arange(size) * (size + 1)).ravel()
