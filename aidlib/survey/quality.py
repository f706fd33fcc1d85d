"""How good the data are: loss between waves, item non-response, heaping, precision, checks and the account."""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from aidlib import reference
from aidlib.estimate import Design, Estimates, design_effect, mean, stack
from aidlib.estimate.missing import answers
from aidlib.survey.shape import DESIGN_COLUMNS

NOT_ANSWERS = {"id", "date", "text"}  # columns that hold no answer of the household
GIVEN = {"year", "region", "county", "urban", "frame", "response", "weight", "psu_population", "line", "recorded_grade"}
STEPS = ("read", "accepted", "quarantined", "duplicates", "non_data")
NOTES = "notes"  # the kind of the sheets that a mapping leaves out
CORRECTED = re.compile(r"(?:^|/)quarantine-\d{6}[^/]*$")  # a workbook of rows set aside, come back corrected


def attrition(visits: pd.DataFrame) -> pd.DataFrame:
    """Households interviewed in a wave, followed to the next: ``lost`` is 1 where the next wave has no interview.

    One row per household and pair of waves; ``year`` is the later wave, all else as in the earlier one.
    """
    waves = np.sort(visits["year"].unique())
    following = dict(itertools.pairwise(waves))
    answered = visits[visits["response"].isna() | visits["response"].eq("complete")]
    pairs = answered[answered["year"].isin(following)]
    later = pd.MultiIndex.from_frame(answered[["household_id", "year"]])
    asked = pd.MultiIndex.from_arrays([pairs["household_id"], pairs["year"].map(following)])
    return pairs.assign(year=pairs["year"].map(following), lost=(~asked.isin(later)).astype(float))


def item_missing(sample: pd.DataFrame, variables: Sequence[str] | None = None, *, top: int = 15) -> pd.DataFrame:
    """The sample once per variable: ``answer`` is "answered" or the kind of missing value.

    variables: default the ``top`` questions of the household form with the most missing values in the sample, in the
    form's order. A variable that the source lacks for everyone is left out: it was not part of the form. Rows that are
    blank but for their design (outside a domain, see ``within``) have no ``answer``.
    """
    form = [name for name in _questions() if name in sample] if variables is None else list(variables)
    asked = [name for name in form if sample[name].notna().any()]
    inside = sample[[c for c in sample.columns if c not in DESIGN_COLUMNS]].notna().any(axis=1)
    if variables is None:
        missing = sample.loc[inside, asked].isna().mean().sort_values(ascending=False, kind="stable")
        most = set(missing[missing > 0].index[:top])
        asked = [name for name in asked if name in most]  # a ranking would tell something of numbers that are withheld
    order = pd.CategoricalDtype(asked, ordered=True)
    lean = sample[[column for column in sample if column in DESIGN_COLUMNS or column == "frame"]]
    blocks = [lean.assign(variable=name, answer=answers(sample, name).astype("str").where(inside)) for name in asked]
    if not blocks:
        return sample.head(0).assign(variable="", answer="")
    long = pd.concat(blocks, ignore_index=True)
    return long.assign(variable=long["variable"].astype(order))


def _questions() -> list[str]:
    """The columns of the household form that a household answers."""
    columns = reference.dictionary().tables["households"].columns.values()
    return [c.name for c in columns if not c.derived and c.type not in NOT_ANSWERS and c.name not in GIVEN]


def heaping(sample: pd.DataFrame, column: str = "income") -> pd.DataFrame:
    """Whether a reported amount is a multiple of 100 or of 500 yuan: columns ``heaped_100``, ``heaped_500`` (0/1)."""
    amount = sample[column].round(2)
    flags = {f"heaped_{step}": (amount % step == 0).astype(float).where(amount.notna()) for step in (100, 500)}
    return sample.assign(**flags)


def precision(sample: pd.DataFrame, design: Design, variables: Sequence[str]) -> Estimates:
    """Design effect, effective sample size and coefficient of variation of the mean of each variable (key ``figure``).

    deff = var(design) / var(simple random sample of the same n); n_eff = n / deff; cv = se / estimate (Kish 1965).
    """
    found = stack({name: design_effect(sample, design, mean, name, base="M") for name in variables}, key="figure")
    return replace(found, rows=found.rows[found.rows["measure"].isin(["deff", "n_eff", "cv"])])


def check_rates(checks: pd.DataFrame, by: Sequence[str] = ("check",)) -> Estimates:
    """Rows per 1,000 rows checked that fail the cross-field checks, by ``check``, ``region`` or both; a complete count.

    Over several checks a row counts once for each of them, above and below the fraction line.
    """
    columns = list(by)
    sums = checks.groupby(columns, sort=True)[["rows", "failed"]].sum().reset_index()
    return _counted(sums[columns], "per_1000", 1000 * sums["failed"] / sums["rows"], sums["rows"], sums["failed"])


def rows_account(account: pd.DataFrame, by: Sequence[str] = ("kind_of_file",)) -> Estimates:
    """Rows read = accepted + quarantined + duplicates + non-data, by ``kind_of_file`` or ``file``; a complete count.

    A row that was set aside and came back in its workbook (``quarantine-000001.xlsx``) was read once: by kind of file
    it counts where it stands now. By file, the workbook is a file like any other.
    """
    columns = list(by)
    named = account.rename(columns={"table": "kind_of_file"})
    named = named.assign(kind_of_file=named["kind_of_file"].replace("", NOTES))
    if "file" not in columns:
        named = _settled(named)
    sums = named.groupby(columns, sort=True)[list(STEPS)].sum()
    over = sums["quarantined"].clip(upper=0)  # a workbook corrected and imported again after its successor
    sums = sums.assign(quarantined=sums["quarantined"] - over, accepted=sums["accepted"] + over)
    long = sums.reset_index().melt(columns, var_name="went", value_name="rows")
    long = long.sort_values(columns, kind="stable", ignore_index=True)
    found = _counted(long[[*columns, "went"]], "count", long["rows"], long["rows"], long["rows"])
    size = len(STEPS)
    sides = tuple((at, tuple(range(at + 1, at + size))) for at in range(0, len(long), size))
    return replace(found, margins=sides)


def _settled(account: pd.DataFrame) -> pd.DataFrame:
    """The account with each row of a corrected workbook moved from quarantined to where it went at last.

    Of a workbook imported several times, each time further corrected, the last import tells.
    """
    back = account["file"].astype("str").str.contains(CORRECTED)
    last = account[back].drop_duplicates(["file", "sheet", "kind_of_file"], keep="last")
    moved = last.assign(read=0, non_data=0, quarantined=-(last["accepted"] + last["duplicates"]))
    return pd.concat([account[~back], moved], ignore_index=True)


def _counted(names: pd.DataFrame, measure: str, value: pd.Series, n: pd.Series, carried: pd.Series) -> Estimates:
    """Estimates of a complete count of rows: no sampling error, the interval is the number itself."""
    numbers = {"estimate": value, "se": 0.0, "low": value, "high": value, "n": n, "df": np.nan, "count": carried}
    unknown = {"psus": np.nan, "top1": np.nan, "top2": np.nan, "flag": ""}
    rows = pd.concat([names, pd.DataFrame({"measure": measure, **numbers, **unknown}, index=names.index)], axis=1)
    return Estimates(rows, domains=tuple(names.columns), unit="rows", method="register_count", base="R")
