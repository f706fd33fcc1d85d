"""Item non-response: which questions stay without an answer, of what kind, and which of them together.

A value that is missing has its kind in the companion column ``<column>__missing`` (not_asked, refused, unknown,
not_applicable, contradicted); one without a kind counts as unknown.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from aidlib import reference
from aidlib.estimate.design import Design
from aidlib.estimate.estimates import Estimates, stack
from aidlib.estimate.measures import By, proportion
from aidlib.estimate.sampling import Ints

ANSWERED, UNKNOWN = "answered", "unknown"
NO_ANSWER = ("refused", "unknown")  # of those who were to answer
COMPLETE, OTHERS = "complete", "others"
JOINT = " + "


def kinds() -> tuple[str, ...]:
    """ "answered" and the kinds of missing values of the data dictionary, in its order."""
    return (ANSWERED, *reference.dictionary().missing)


def answers(sample: pd.DataFrame, column: str) -> pd.Series:
    """For every row "answered" or the kind of its missing value, as a categorical in the order of ``kinds``."""
    return pd.Series(
        pd.Categorical.from_codes(_codes(sample, column), categories=pd.Index(kinds())), index=sample.index
    )


def item_nonresponse(
    sample: pd.DataFrame,
    design: Design | None,
    variables: Sequence[str],
    *,
    by: By = None,
    margins: bool = False,
    weighted: bool = True,
    base: str | None = None,
) -> Estimates:
    """Shares of units that answered, were not asked, refused, did not know: keys ``variable`` and ``answer``.

    The shares of a variable add to 1 in every domain; ``count`` has the units. weighted: with the design's weights,
    else every unit counts 1 (strata and clusters stay in the standard error). A variable without any value and without
    any kind was no part of the form and is left out. Raises Problem for a column that is not there, or where no
    variable is left.

    >>> import pandas as pd
    >>> sample = pd.DataFrame({"income": [1.0, None, None, 2.0], "income__missing": [None, "refused", None, None]})
    >>> item_nonresponse(sample, None, ["income"]).rows.set_index("answer")["estimate"].to_dict()
    {'answered': 0.5, 'not_asked': 0.0, 'refused': 0.25, 'unknown': 0.25, 'not_applicable': 0.0, 'contradicted': 0.0}
    """
    plan = _plan(design, weighted)
    options = {"by": by, "margins": margins, "base": base, "categories": kinds()}
    found = {
        name: proportion(sample.assign(answer=answers(sample, name)), plan, "answer", **options)  # type: ignore[arg-type]
        for name in _asked(sample, variables)
    }
    return replace(stack(found, key="variable"), method=_method(weighted))


def nonresponse_rate(
    sample: pd.DataFrame,
    design: Design | None,
    variables: Sequence[str],
    *,
    by: By = None,
    margins: bool = False,
    weighted: bool = True,
    base: str | None = None,
) -> Estimates:
    """Share that refused or did not know among those who were to answer, by variable: measure "nonresponse".

    Whoever was not asked, or to whom the question does not apply, is in neither numerator nor denominator. Arguments
    and Problems as ``item_nonresponse``.

    >>> import pandas as pd
    >>> sample = pd.DataFrame({"fee": [1.0, None, None, 2.0], "fee__missing": [None, "refused", "not_asked", None]})
    >>> round(nonresponse_rate(sample, None, ["fee"]).rows["estimate"].item(), 3)
    0.333
    """
    plan = _plan(design, weighted)
    found = {}
    for name in _asked(sample, variables):
        kind = answers(sample, name)
        failed = kind.isin(NO_ANSWER).astype(np.float64).where(kind.isin((ANSWERED, *NO_ANSWER)))
        found[name] = proportion(sample.assign(failed=failed), plan, "failed", by=by, margins=margins, base=base)
    rates = stack(found, key="variable")
    return replace(rates, rows=rates.rows.assign(measure="nonresponse"), method=_method(weighted))


def patterns(
    sample: pd.DataFrame,
    design: Design | None,
    variables: Sequence[str],
    *,
    by: By = None,
    margins: bool = False,
    most: int = 10,
    weighted: bool = True,
    base: str | None = None,
) -> Estimates:
    """Shares of units by which of the variables are missing together: key ``pattern``, "a + b" for both missing.

    "complete" first, then the ``most`` frequent patterns of the whole sample (unweighted), then "others" where there
    are more. Any kind of missing value counts. Arguments and Problems as ``item_nonresponse``.

    >>> import pandas as pd
    >>> sample = pd.DataFrame({"a": [1.0, None, 3.0, None], "b": [1.0, None, 3.0, 4.0]})
    >>> patterns(sample, None, ["a", "b"]).rows.set_index("pattern")["estimate"].to_dict()
    {'complete': 0.5, 'a': 0.25, 'a + b': 0.25}
    """
    names = _asked(sample, variables)
    missing = sample[names].isna().to_numpy()
    found, code, count = np.unique(missing, axis=0, return_inverse=True, return_counts=True)
    labels = np.array([JOINT.join(np.array(names)[row]) or COMPLETE for row in found], dtype=object)
    order = np.lexsort((labels.astype(str), -count, labels != COMPLETE))
    shown = order[: most + int(COMPLETE in labels)]
    label = np.where(np.isin(np.arange(len(labels)), shown), labels, OTHERS)
    listed = list(labels[shown]) + ([OTHERS] if len(shown) < len(labels) else [])
    marked = sample.assign(pattern=pd.Categorical(label[code.ravel()], categories=listed))
    plan = _plan(design, weighted)
    result = proportion(marked, plan, "pattern", by=by, margins=margins, categories=listed, base=base)
    return replace(result, method=_method(weighted))


def _codes(sample: pd.DataFrame, column: str) -> Ints:
    """Place of each row's answer in ``kinds``."""
    listed = kinds()
    here = sample[column].notna().to_numpy()
    companion = f"{column}__missing"
    code = np.full(len(sample), listed.index(UNKNOWN), dtype=np.int64)
    if companion in sample:
        known = pd.Index(listed).get_indexer(pd.Index(sample[companion].astype("str")))
        code = np.where(known > 0, known, code)
    return np.where(here, 0, code).astype(np.int64)


def _asked(sample: pd.DataFrame, variables: Sequence[str]) -> list[str]:
    """The variables that were part of the form."""
    for name in variables:
        if name not in sample:
            raise reference.problem("estimate.no_column", column=name)
    asked = [
        name
        for name in dict.fromkeys(variables)
        if sample[name].notna().any() or (f"{name}__missing" in sample and sample[f"{name}__missing"].notna().any())
    ]
    if not asked:
        raise reference.problem("estimate.nothing_asked", columns=", ".join(variables))
    return asked


def _plan(design: Design | None, weighted: bool) -> Design | None:
    if weighted or design is None:
        return design
    return replace(design, weight=None, calibration=(), replicates=None)


def _method(weighted: bool) -> str:
    return "estimate_nonresponse" if weighted else "estimate_nonresponse_unweighted"
