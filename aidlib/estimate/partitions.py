"""The same estimates over a folder of Parquet files larger than memory.

Means, shares, totals, ratios and FGT measures and their variances need of a sample only the sums of each cell, a
combination of design and domain columns: units, weights, weighted values. DuckDB collects them file by file, on a Dask
cluster each worker for its files; then the code for samples in memory does the rest on the cells. The figures are the
same but for the order of summation (about 1e-13). The digest of the population stays empty: it needs every unit.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd

from aidlib import reference
from aidlib.estimate.design import Design
from aidlib.estimate.domains import Members, two_largest
from aidlib.estimate.estimates import Estimates
from aidlib.estimate.intervals import SHARES, Interval, wald
from aidlib.estimate.measures import By, unit_of
from aidlib.estimate.sampling import NAMED, Floats
from aidlib.estimate.study import Found, Study
from aidlib.estimate.sums import Engine, Sums, collect, number

ON_THE_LINE = 1e-12  # relative: incomes on the line, up to floating-point dust, are not below it
HEAVY = "weight above zero"  # column of the cells that takes the weight's place: 1, or 0 where no unit has a weight


def mean(
    folder: Path | str,
    design: Design,
    variable: str,
    *,
    by: By = None,
    margins: bool = False,
    df: str = "design",
    base: str | None = None,
    engine: Engine | None = None,
) -> Estimates:
    """As ``estimate.mean``, of the Parquet files in ``folder`` (and its ``column=value`` folders)."""
    y = number(variable)
    sums = Sums(y, (variable,), counted=f"{y} <> 0", binary=True, dominance=True)
    cells = Cells.of(folder, design, sums, by, engine)
    unit = cells.unit(variable)
    study, members = cells.study(design, by, margins, df, base)
    share = unit == "share"
    return cells.estimates(
        study,
        study.mean(members, members.at(cells.y), members.at(cells.x)),
        measure="mean",
        unit=unit,
        method="estimate_mean",
        counted=share,
        dominance=not share,
    )


def total(
    folder: Path | str,
    design: Design,
    variable: str,
    *,
    by: By = None,
    margins: bool = False,
    df: str = "design",
    base: str | None = None,
    engine: Engine | None = None,
) -> Estimates:
    """As ``estimate.total``, of the Parquet files in ``folder``."""
    y = number(variable)
    sums = Sums(y, (variable,), counted=f"{y} <> 0", binary=True, dominance=True)
    cells = Cells.of(folder, design, sums, by, engine)
    study, members = cells.study(design, by, margins, df, base)
    unit = cells.unit(variable)
    return cells.estimates(
        study,
        study.total(members, members.at(cells.y)),
        measure="total",
        unit="number" if unit == "share" else unit,
        method="estimate_total",
        counted=True,
        dominance=True,
        additive=True,
    )


def ratio(
    folder: Path | str,
    design: Design,
    numerator: str,
    denominator: str,
    *,
    by: By = None,
    margins: bool = False,
    df: str = "design",
    base: str | None = None,
    engine: Engine | None = None,
) -> Estimates:
    """As ``estimate.ratio``, of the Parquet files in ``folder``."""
    y = number(numerator)
    sums = Sums(y, (numerator, denominator), number(denominator), counted=f"{y} <> 0", dominance=True)
    cells = Cells.of(folder, design, sums, by, engine)
    study, members = cells.study(design, by, margins, df, base)
    return cells.estimates(
        study,
        study.mean(members, members.at(cells.y), members.at(cells.x)),
        measure="ratio",
        unit="ratio",
        method="estimate_ratio",
        counted=True,
        dominance=True,
    )


def proportion(
    folder: Path | str,
    design: Design,
    variable: str,
    *,
    by: By = None,
    margins: bool = False,
    interval: str = "logit",
    df: str = "design",
    base: str | None = None,
    engine: Engine | None = None,
) -> Estimates:
    """As ``estimate.proportion`` of a column of 0 and 1, of the Parquet files in ``folder``."""
    y = number(variable)
    sums = Sums(y, (variable,), counted=f"{y} = 1", binary=True)
    cells = Cells.of(folder, design, sums, by, engine)
    if cells.frame["bad"].sum() > 0:
        raise reference.problem("estimate.not_binary", column=variable, rows=int(cells.frame["bad"].sum()))
    return _share(cells, design, by, margins, df, base, interval, "proportion", "estimate_proportion")


def fgt(
    folder: Path | str,
    design: Design,
    income: str,
    *,
    line: float | str,
    alpha: float = 0,
    multiple: float = 1.0,
    by: By = None,
    margins: bool = False,
    interval: str = "logit",
    df: str = "design",
    base: str | None = None,
    engine: Engine | None = None,
) -> Estimates:
    """As ``poverty.fgt`` with a line that is a number or a column, of the Parquet files in ``folder``."""
    if not 0 <= alpha < math.inf:
        raise reference.problem("poverty.alpha")
    y = number(income)
    own = isinstance(line, str)
    level = f"({number(str(line)) if own else repr(float(line))} * {float(multiple)!r})"
    if not 0 < multiple < math.inf:
        raise reference.problem("poverty.multiple", multiple=multiple)
    if not own and not 0 < float(line) < math.inf:
        raise reference.problem("poverty.line", line=line)
    poor = f"{y} < {level} * {1 - ON_THE_LINE!r}"
    gap = f"pow(({level} - {y}) / {level}, {float(alpha)!r})"
    columns = (income, str(line)) if own else (income,)
    poverty = f"({poor})::DOUBLE" if alpha == 0 else f"CASE WHEN {poor} THEN {gap} ELSE 0.0 END"
    sums = Sums(poverty, columns, counted=poor, positive=str(line) if own else None, linear=False)
    cells = Cells.of(folder, design, sums, by, engine)
    if own and cells.frame["bad"].sum() > 0:
        raise reference.problem("poverty.line_rows", line=line, rows=int(cells.frame["bad"].sum()))
    return _share(cells, design, by, margins, df, base, interval, f"fgt_{alpha:g}", "poverty_fgt")


@dataclass(frozen=True, eq=False)
class Cells:
    """The sums of each cell, one line a cell and part: design and ``by`` columns, ``HEAVY``, units, n, x, y, …"""

    frame: pd.DataFrame

    @classmethod
    def of(cls, folder: Path | str, design: Design, sums: Sums, by: By, engine: Engine | None) -> Cells:
        """Raises Problem for no Parquet files, columns that are not there or hold no numbers, and bad values."""
        if not design.psus or design.replicates is not None or design.calibration or design.complete:
            raise reference.problem("estimate.partition_design")
        names = (by,) if isinstance(by, str) else tuple(by or ())
        keys = tuple(dict.fromkeys([*filter(None, [design.strata]), *design.psus, *design.fpcs, *names]))
        files = sorted(str(path) for path in Path(folder).rglob("*.parquet"))
        if not files:
            raise reference.problem("estimate.no_parquet", folder=Path(folder).name)
        found = collect(files, keys, design.weight, sums, engine or Engine())
        _refuse(found, design, sums)
        _refuse_crossing(found, design)
        frame = found.assign(**{HEAVY: (found["heaviest"] > 0).astype(np.float64)})
        return cls(frame.sort_values(list(keys), ignore_index=True, kind="stable") if keys else frame)

    @property
    def x(self) -> Floats:
        """Weighted denominator of each cell; 0 where it has no unit with a value."""
        return self.frame["x"].fillna(0.0).to_numpy(np.float64)

    @property
    def y(self) -> Floats:
        """Weighted numerator of each cell; 0 where it has no unit with a value."""
        return self.frame["y"].fillna(0.0).to_numpy(np.float64)

    @property
    def n(self) -> Floats:
        """Units with a value."""
        return self.frame["n"].to_numpy(np.float64)

    def study(self, design: Design, by: By, margins: bool, df: str, base: str | None) -> tuple[Study, Members]:
        """The cells as a sample, and the members among them: those that have a unit with a value."""
        study = Study.of(self.frame, replace(design, weight=HEAVY), by=by, margins=margins, df=df, base=base)
        return study, study.domains.members.where(self.n > 0)

    def unit(self, variable: str) -> str:
        """The unit of a column, as ``unit_of`` finds it; a column of 0 and 1 only is a flag."""
        seen = [0.0, 1.0] if not self.frame["bad"].sum() and self.n.sum() else [0.5]
        return unit_of(pd.DataFrame({variable: seen}), variable)

    def estimates(
        self,
        study: Study,
        found: Found,
        *,
        measure: str,
        unit: str,
        method: str,
        counted: bool,
        dominance: bool = False,
        interval: Interval = wald,
        additive: bool = False,
    ) -> Estimates:
        """As ``Study.estimates``, with units where the study counts cells."""
        members = found.members
        made = study.estimates(
            found,
            measure=measure,
            unit=unit,
            method=method,
            interval=interval,
            n=members.sum(members.at(self.n)),
            count=members.sum(members.at(self.frame["counted"].to_numpy(np.float64))) if counted else None,
            largest=self._largest(members) if dominance else None,
            additive=additive,
        )
        return replace(made, population="", _influence=None)

    def _largest(self, members: Members) -> Floats:
        tops = [self.frame[c].fillna(0.0).to_numpy(np.float64) for c in ("top1", "top2")]
        size = np.concatenate([members.at(top) for top in tops])
        first, second = two_largest(size, np.tile(members.row, 2), members.rows)
        with np.errstate(invalid="ignore", divide="ignore"):
            sums = members.sum(members.at(self.frame["size"].fillna(0.0).to_numpy(np.float64)))
            return np.stack([first, first + second]) / sums


def _share(
    cells: Cells,
    design: Design,
    by: By,
    margins: bool,
    df: str,
    base: str | None,
    interval: str,
    measure: str,
    method: str,
) -> Estimates:
    if interval not in SHARES:
        raise reference.problem("estimate.option", option="interval", allowed=", ".join(SHARES))
    study, members = cells.study(design, by, margins, df, base)
    found = study.mean(members, members.at(cells.y), members.at(cells.x))
    return cells.estimates(
        study, found, measure=measure, unit="share", method=method, counted=True, interval=SHARES[interval]
    )


def _refuse(cells: pd.DataFrame, design: Design, sums: Sums) -> None:
    """Raises Problem for what a sample in memory is refused for, with the rows counted."""
    for place, column in enumerate(sums.columns):
        if cells[f"infinite{place}"].sum() > 0:
            raise reference.problem("estimate.infinite", column=column, rows=int(cells[f"infinite{place}"].sum()))
    if (cells["weighted"] < cells["rows"]).any():
        rows = int((cells["rows"] - cells["weighted"]).sum())
        raise reference.problem("estimate.missing_design", column=design.weight, rows=rows)
    if cells["unfit"].sum() > 0:
        raise reference.problem("estimate.bad_weight", column=design.weight, rows=int(cells["unfit"].sum()))
    for column in dict.fromkeys([*filter(None, [design.strata]), *design.psus, *design.fpcs]):
        missing = cells[column].isna()
        if missing.any():
            raise reference.problem(
                "estimate.missing_design", column=column, rows=int(cells.loc[missing, "rows"].sum())
            )


def _refuse_crossing(cells: pd.DataFrame, design: Design) -> None:
    """Raises Problem where a first-stage cluster lies in two strata and the design is not ``nested``."""
    if design.strata is None or design.nested:
        return
    crossing = cells.groupby(design.psus[0])[design.strata].transform("nunique") > 1
    if crossing.any():
        psus = sorted(cells.loc[crossing, design.psus[0]].astype(str).unique())
        named = ", ".join(psus[:NAMED]) + ("" if len(psus) <= NAMED else " …")
        rows = int(cells.loc[crossing, "rows"].sum())
        raise reference.problem("estimate.crossing", psu=design.psus[0], psus=named, rows=rows)
