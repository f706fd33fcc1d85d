"""Codes as people write them: labels, old words, numbers, "6.患重特大疾病", several in a cell, ticks, short places."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from functools import lru_cache

import pandas as pd

from aidlib import reference
from aidlib.intake.cells import Cleaned, missing_kind, on_known, plain

_BETWEEN = r"[、,;/|，；和及]+"
_NUMBERED = r"^\d{1,2}[.、:．)]+(?=\D)"
_PEOPLES = "朝鲜|土家|苗|藏|羌|彝|布依|侗|哈尼|壮|傣|白|景颇|傈僳|回|蒙古|哈萨克|柯尔克孜|黎|维吾尔|满|裕固|瑶|畲|仡佬"
_ENDS = re.compile(
    rf"(?:(?:{_PEOPLES})族?)*自治[州县]$|(?:维吾尔|壮族|回族)?自治区$|(?:特别行政区|地区|新区|林区|省|市|盟|区|县)$"
)
_KINDS = "\0kinds"  # among the words: the names that mean a kind of missing value, not a code
NOTHING = "none"  # several-choice columns: asked, and none of the list


def lookup(name: str) -> dict[str, str]:
    """Every known spelling of the code list ``name`` -> code. Region names also without 省, 市, 县."""
    return _lookup(name, reference.dictionary())


@lru_cache(maxsize=128)
def _lookup(name: str, dictionary: reference.Dictionary) -> dict[str, str]:
    found: dict[str, str] = {}
    for code, label in dictionary.codes[name].items():
        for written in (code, label.zh, label.en, *label.aliases):
            found.setdefault(_key(written), code)
    return found | _short_places(found) if name == "region" else found


def _short_places(found: Mapping[str, str]) -> dict[str, str]:
    """Places as people shorten or lengthen them: 青岛, 恩施, 恩施州, 山东青岛, 山东省青岛市, 北京朝阳区.

    A short name of several places is that of the greatest (吉林 is the province); of none where two are equally great.
    """
    table = reference.regions().drop_duplicates("code")
    above = table["parent"].map(dict(zip(table["code"], table["zh"], strict=True))).where(table["level"].ne("province"))
    above = above.where(above.ne("全国")).fillna("")
    short = table["zh"].str.replace(_ENDS, "", regex=True)
    forms = [short, short + "州", above + table["zh"], above.str.replace(_ENDS, "", regex=True) + short,
             table["zh"].str.replace(r"^(..)市(?=.+[区县])", r"\1", regex=True)]  # fmt: skip
    forms[1] = forms[1].where(table["zh"].str.endswith("自治州"))
    rank = table["level"].map({"nation": 0, "province": 1, "city": 2}).fillna(3)
    pairs = pd.concat([pd.DataFrame({"form": f, "code": table["code"], "rank": rank}) for f in forms]).dropna()
    pairs = pairs.assign(form=lambda each: each["form"].map(_key)).drop_duplicates()
    pairs = pairs[~pairs["form"].isin(list(found))]
    best = pairs[pairs["rank"] == pairs.groupby("form")["rank"].transform("min")]
    best = best[~best.duplicated("form", keep=False)]
    return dict(zip(best["form"], best["code"], strict=True))


def clean_codes(text: pd.Series, name: str, own: Mapping[str, str] | None = None) -> Cleaned:
    """One code of the list ``name`` per cell; ``own`` adds the source's spellings. Unknown words are ``bad``.

    ``own`` may also name a kind of missing value (pnta: refused), where the list has no code of that name.
    """
    words = _words(name, own)
    return _each(text, lambda cells: _one(cells, words))


def clean_many(text: pd.Series, name: str, own: Mapping[str, str] | None = None) -> Cleaned:
    """Several codes per cell, in the order written, without repeats, joined by ";". 无 is ``none``."""
    words = _words(name, own)
    return _each(text, lambda cells: _many(cells, words))


def clean_flags(text: pd.Series, own: Mapping[str, str] | None = None) -> Cleaned:
    """1 yes, 0 no, from 是/否, ticks, 有/无 and numbers."""
    found = clean_codes(text, "yes_no", {"无": "0", "非": "0", **(own or {})})
    return Cleaned(pd.to_numeric(found.value, errors="coerce").astype("float64"), found.missing, found.bad)


def _words(name: str, own: Mapping[str, str] | None) -> dict[str, str]:
    kinds = [kind for kind in reference.dictionary().missing if kind not in reference.codes(name)]
    return lookup(name) | {_key(str(word)): str(code) for word, code in (own or {}).items()} | {_KINDS: " ".join(kinds)}


def _key(written: str) -> str:
    """A word as cells are compared: like ``plain``, and without regard to case."""
    return re.sub(r"[\s\u200b\ufeff]+", "", unicodedata.normalize("NFKC", written)).lstrip("'‘`").casefold()


def _each(text: pd.Series, work: Callable[[pd.Series], pd.DataFrame]) -> Cleaned:
    if text.isna().all():
        nothing = pd.Series(None, index=text.index, dtype="object")
        return Cleaned(nothing, nothing.copy(), pd.Series(False, index=text.index))
    read = on_known(text, work)
    return Cleaned(read["value"], read["missing"], read["bad"])


def _one(cells: pd.Series, words: Mapping[str, str]) -> pd.DataFrame:
    written = plain(cells).str.casefold()
    value = _found(written, words)
    stated = value.where(value.isin(words.get(_KINDS, "").split()))  # the source's own word for a kind of no value
    value = value.where(stated.isna())
    kind = missing_kind(plain(cells)).where(value.isna()).fillna(stated)
    return pd.DataFrame({"value": value, "missing": kind, "bad": value.isna() & kind.isna() & written.ne("")})


def _many(cells: pd.Series, words: Mapping[str, str]) -> pd.DataFrame:
    written = plain(cells).str.casefold()
    spaced = cells.astype("str").str.normalize("NFKC").str.strip().str.replace(r"\s+", "、", regex=True).str.casefold()
    whole = _found(written, words)
    parts = spaced.str.replace(r"(?:(?<=^)|(?<=[、,;/|]))\d{1,2}[.:)]+(?=[^\d.])", "", regex=True)
    listed = parts.str.split(_BETWEEN, regex=True).explode()
    listed = listed[listed.fillna("") != ""]
    codes = _found(listed, words)
    unknown = codes.isna().groupby(level=0).any().reindex(cells.index, fill_value=False)
    distinct = codes.reset_index().drop_duplicates().set_index("index")[codes.name or 0].dropna()
    joined = distinct.groupby(level=0).agg(";".join).reindex(cells.index)
    value = whole.where(whole.notna(), joined.where(~unknown))
    nothing = written.isin(["无", "没有"]) & value.isna()
    value = value.mask(nothing, NOTHING)
    kind = missing_kind(plain(cells)).where(value.isna())
    return pd.DataFrame({"value": value, "missing": kind, "bad": value.isna() & kind.isna() & written.ne("")})


def _found(written: pd.Series, words: Mapping[str, str]) -> pd.Series:
    """The code of each word: as it is, as a whole number (6.0), or without its number (6.患重特大疾病)."""
    value = written.map(words).astype("object")
    for start in (r"\.0$", _NUMBERED):
        rest = value.isna()
        if rest.any():
            value[rest] = written[rest].str.replace(start, "", regex=True).map(words).astype("object")
    return value
