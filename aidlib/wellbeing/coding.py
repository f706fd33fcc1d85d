"""Answers in people's own words: coded by a list that anyone can edit, and checked against a person's codes."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from aidlib import reference
from aidlib.estimate import Design, Estimates, Study
from aidlib.estimate.domains import Members, texts
from aidlib.estimate.sampling import Floats
from aidlib.wellbeing.listening import NOTHING, SEPARATOR, many_codes
from aidlib.wellbeing.scales import Part, joined, shares

By = str | Sequence[str] | None
OTHER = "other"


@dataclass(frozen=True)
class Words:
    """The words by which each code is known, in order: code -> phrases; a phrase "a+b" asks for both in one text."""

    codes: Mapping[str, tuple[str, ...]]

    @classmethod
    def read(cls, path: Path | None = None) -> Words:
        """From a YAML file (code: [phrases]); None: the words shipped for wishes. Problem for one that is wrong."""
        place = files("aidlib.wellbeing").joinpath("words.yml") if path is None else Path(path)
        try:
            raw = yaml.load(place.read_text(encoding="utf-8"), yaml.CSafeLoader)
            found = {str(code): tuple(_plain(str(phrase)) for phrase in phrases) for code, phrases in raw.items()}
        except FileNotFoundError:
            raise reference.problem("general.missing_file", file=place.name) from None
        except (yaml.YAMLError, AttributeError, TypeError) as error:
            detail = str(error).splitlines()[0][:120]
            raise reference.problem("wellbeing.bad_words", file=place.name, detail=detail) from error
        empty = [code for code, phrases in found.items() if not phrases or not all(phrases)]
        if empty:
            raise reference.problem("wellbeing.bad_words", file=place.name, detail=", ".join(empty))
        return cls(found)


def coded(answers: pd.Series, words: Words) -> pd.Series:
    """Codes of each text, joined by ";" in the order of the list; "other" where no phrase is found.

    Missing without a text. Texts are compared in half-width signs, without spaces and regardless of case.

    >>> words = Words({"job": ("工作", "岗位"), "schooling": ("学费", "减免+学")})
    >>> coded(pd.Series(["希望介绍工作，减免学费", "身体好", None]), words).tolist()
    ['job;schooling', 'other', nan]
    """
    plain = answers.astype("str").where(answers.notna()).map(_plain, na_action="ignore")
    said = plain.notna() & plain.ne("")
    codes = pd.Series("", index=plain.index, dtype="str")
    for code, phrases in words.codes.items():
        found = pd.Series(False, index=plain.index)
        for phrase in phrases:
            parts = [plain.str.contains(part, regex=False, na=False) for part in phrase.split("+")]
            found |= np.logical_and.reduce(parts)
        codes = codes.mask(found, codes + SEPARATOR + code)
    return codes.str.lstrip(SEPARATOR).mask(codes.eq(""), OTHER).where(said)


def to_check(sample: pd.DataFrame, column: str, size: int = 200, seed: int = 20250601) -> pd.DataFrame:
    """Rows with a text, drawn at random (seeded, in their order), for a person to code beside the machine."""
    given = np.flatnonzero((sample[column].notna() & sample[column].ne("")).to_numpy())
    drawn = np.random.default_rng(seed).choice(given, min(size, len(given)), replace=False)
    return sample.iloc[np.sort(drawn)]


def agreement(
    sample: pd.DataFrame,
    design: Design | None,
    one: str,
    other: str,
    *,
    key: str = "wish",
    by: By = None,
    df: str = "design",
    base: str | None = None,
) -> Estimates:
    """Cohen's kappa and the share of equal codes, for each code (key ``key``) that either column uses.

    one, other: columns of codes joined by ";" (several may stand in a text), from two coders. Of rows that both coded.
    key: name of the key column, a code list by which its values are told. Key ``statistic``: agreed, their share, and
    kappa = (agreed - agreed by chance) / (1 - agreed by chance), missing where only one answer occurs. Errors
    linearised. Source: Cohen (1960), Educ. Psychol. Meas. 20(1), 37-46.
    """
    for name in (one, other):
        if name not in sample:
            raise reference.problem("estimate.no_column", column=name)
    codes = sorted(_used(sample[one]) | _used(sample[other]))
    if not codes:
        raise reference.problem("wellbeing.nothing_coded", columns=f"{one}, {other}")
    study = Study.of(sample, design, by=by, df=df, base=base)
    both = (sample[one].notna() & sample[other].notna()).to_numpy()
    members = study.domains.members.where(both)
    flags = [np.isfinite(many_codes(sample[name], codes))[members.unit] for name in (one, other)]
    share = shares(study, members)
    parts: list[Part] = []
    for first, second in zip(*(flag.T.astype(np.float64) for flag in flags), strict=True):
        parts += _kappa(members, share, first, second)
    keys = {key: np.repeat(codes, 2).tolist(), "statistic": ["kappa", "agreed"] * len(codes)}
    return study.estimates(
        joined(study, members, parts),
        measure="coding",
        unit="number",
        method="wellbeing_agreement",
        keys=pd.DataFrame({name: texts(values) for name, values in keys.items()}),
    )


def _kappa(members: Members, share: Floats, first: Floats, second: Floats) -> list[Part]:
    """Kappa and agreement of two codings by 0 and 1, with what each member adds to their influence."""
    same = (first == second).astype(np.float64)
    agreed, one, other = (members.sum(share * each) for each in (same, first, second))
    chance = one * other + (1 - one) * (1 - other)
    left = np.where(chance < 1 - 1e-12, 1 - chance, np.nan)
    value = (agreed - chance) / left
    by_same, by_chance = 1 / left, -(1 - agreed) / left**2
    slopes = [by_same, by_chance * (2 * other - 1), by_chance * (2 * one - 1)]
    moved = [share * (each - mean[members.row]) for each, mean in ((same, agreed), (first, one), (second, other))]
    scores = sum((slope[members.row] * each for slope, each in zip(slopes, moved, strict=True)), np.zeros_like(share))
    return [(value, scores), (agreed, moved[0])]


def _used(values: pd.Series) -> set[str]:
    return set(values.dropna().astype("str").str.split(SEPARATOR).explode().str.strip()) - {"", NOTHING}


def _plain(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split()).casefold()
