"""How a sample was drawn: the names of its columns, never the data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from aidlib import reference

LONELY = ("fail", "adjust", "average", "certainty", "remove")
KINDS = ("bootstrap", "jk1", "jkn", "brr", "fay")


@dataclass(frozen=True)
class Replicates:
    """Replicate weights that came with a survey: one column each.

    Variance = scale * sum_r scales_r * (theta_r - centre)**2, the centre being the full-sample estimate (``mse``) or
    the mean of the replicates. Defaults of ``scale``: bootstrap 1/(R-1), jk1 (R-1)/R, jkn 1, brr 1/R,
    fay 1/(R (1-rho)**2); jkn needs its ``scales``, (m_h-1)/m_h of each replicate's stratum, and fay its ``rho``.
    combined: the columns are whole weights; False: factors of the design's weight. negative: weights below 0 are
    meant, as a linear calibration of each replicate makes some; else they are refused.
    Source: Wolter (2007), Introduction to Variance Estimation, 2nd ed., chapters 3-5.
    """

    columns: Sequence[str]
    kind: str = "bootstrap"
    scale: float | None = None
    scales: Sequence[float] | None = None
    rho: float | None = None
    combined: bool = True
    mse: bool = True
    negative: bool = False

    def __post_init__(self) -> None:
        object.__setattr__(self, "columns", tuple(self.columns))
        if not self.columns:
            raise reference.problem("estimate.no_replicates")
        if self.kind not in KINDS:
            raise reference.problem("estimate.option", option="kind", allowed=", ".join(KINDS))
        if self.kind == "fay" and (self.rho is None or not 0 <= self.rho < 1):
            raise reference.problem("estimate.fay_rho")
        if self.scales is not None:
            object.__setattr__(self, "scales", tuple(self.scales))
        if (self.kind == "jkn" and self.scales is None) or (self.scales and len(self.scales) != len(self.columns)):
            raise reference.problem("estimate.scales", columns=len(self.columns))

    @property
    def factor(self) -> float:
        """``scale``, or the default of the kind."""
        r = len(self.columns)
        rho = self.rho or 0.0
        defaults = {"bootstrap": 1 / max(r - 1, 1), "jk1": (r - 1) / r, "jkn": 1.0, "brr": 1 / r}
        defaults["fay"] = 1 / (r * (1 - rho) ** 2)
        return defaults[self.kind] if self.scale is None else self.scale


@dataclass(frozen=True)
class Calibration:
    """What weights were calibrated on: the names of the columns, so that the variance can take their share out.

    columns: a numeric column by its name, a cross of categorical columns as a tuple of names. prior: the weight column
    before. method and bounds are those of ``calibrate``, so that replicate weights can be calibrated alike. total: the
    column that holds, in every row, what the calibrated weights add up to, by which a part of the sample is known.
    """

    columns: tuple[str | tuple[str, ...], ...]
    prior: str
    method: str = "linear"
    bounds: tuple[float, float] | None = None
    total: str | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Every column that the calibration reads."""
        flat = [c for entry in self.columns for c in (entry if isinstance(entry, tuple) else (entry,))]
        return (*dict.fromkeys(flat), self.prior, *filter(None, [self.total]))


@dataclass(frozen=True)
class Design:
    """How the sample was drawn: the names of its columns, never the data.

    weight: sampling weight (None: every row counts 1). strata: first-stage strata. psu: the clusters, a list for
    several stages (None: every row is its own cluster); a first-stage code found in two strata is refused unless
    ``nested`` says that codes start anew in each stratum. fpc: for each stage the number of clusters in the population
    stratum, or the sampled fraction where all values are at most 1; without it the first stage counts as drawn with
    replacement and later stages add nothing. lonely_psu: what to do with a stratum of one cluster: ``fail`` (a Problem
    that names it), ``adjust`` (its total itself is the deviation), ``average`` (the mean variance of the other
    strata), ``certainty`` or ``remove`` (it adds nothing), as in R's survey package (Lumley 2004, J. Stat. Softw.
    9(8)). calibration: what ``calibrate`` notes of its work, the first one first; the sample must then be the one that
    was calibrated, with groups as domains, never a part of it. complete: a complete count, see ``census``.
    """

    weight: str | None = None
    strata: str | None = None
    psu: str | Sequence[str] | None = None
    fpc: str | Sequence[str] | None = None
    replicates: Replicates | None = None
    calibration: tuple[Calibration, ...] = ()
    lonely_psu: str = "fail"
    complete: bool = False
    nested: bool = False

    def __post_init__(self) -> None:
        for name in ("psu", "fpc"):
            value = getattr(self, name)
            if value is not None and not isinstance(value, str):
                object.__setattr__(self, name, tuple(value))
        if self.lonely_psu not in LONELY:
            raise reference.problem("estimate.option", option="lonely_psu", allowed=", ".join(LONELY))
        if len(self.fpcs) > max(len(self.psus), 1):
            raise reference.problem("estimate.fpc_stages")

    @classmethod
    def census(cls) -> Design:
        """A complete count, such as a register: every row stands for itself and there is no sampling error."""
        return cls(complete=True)

    @property
    def psus(self) -> tuple[str, ...]:
        """The cluster columns, first stage first."""
        return _names(self.psu)

    @property
    def fpcs(self) -> tuple[str, ...]:
        """The population sizes or fractions, first stage first."""
        return _names(self.fpc)

    @property
    def columns(self) -> tuple[str, ...]:
        """Every column that the design names."""
        single = tuple(c for c in (self.weight, self.strata) if c is not None)
        replicates = tuple(self.replicates.columns) if self.replicates else ()
        calibrated = tuple(name for step in self.calibration for name in step.names)
        return (*single, *self.psus, *self.fpcs, *replicates, *calibrated)


def _names(value: str | Sequence[str] | None) -> tuple[str, ...]:
    if value is None:
        return ()
    return (value,) if isinstance(value, str) else tuple(value)
