"""The questionnaire as an XLSForm, made from the data dictionary: what is asked is named as it will be stored.

Its answers, exported with XML values and headers, are read by the source ``questionnaire`` without a mapping of one's
own. What the frame knows of a household (place, stratum, weight …) comes from a list that the form is given along.
Format: xlsform.org; forms like this run on ODK, KoboToolbox and their kin.
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pandas as pd
import yaml

from aidlib import reference
from aidlib.wellbeing.questions import HOUSEHOLD, PULLED, REPEAT, choice_rows, survey_rows

LANGUAGES = {"zh": "中文 (zh)", "en": "English (en)"}
SURVEY = ["type", "name", "label", "hint", "required", "relevant", "constraint", "constraint_message", "calculation",
          "default"]  # fmt: skip
TRANSLATED = {"label", "hint", "constraint_message"}
SYSTEM = ("_*", "start", "end", "today", "deviceid", "formhub*", "instance*", "meta*", "KEY", "PARENT_KEY", "SET-OF-*",
          "SubmissionDate", "Submitter*", "Attachments*", "Status", "ReviewState", "Edits", "FormVersion", "*phq2_?",
          "*wishes_?")  # fmt: skip


@dataclass(frozen=True, eq=False)
class Form:
    """An XLSForm: its three sheets as tables of text."""

    survey: pd.DataFrame
    choices: pd.DataFrame
    settings: pd.DataFrame

    @property
    def questions(self) -> list[str]:
        """Names of all that the form puts into a submission, in order."""
        kind = self.survey["type"]
        return self.survey.loc[~kind.str.match("begin|end|note"), "name"].tolist()

    def workbook(self) -> bytes:
        """The xlsx file, the same bytes for the same form."""
        import xlsxwriter

        out = io.BytesIO()
        book = xlsxwriter.Workbook(out, {"in_memory": True, "strings_to_formulas": False, "strings_to_urls": False})
        book.set_properties({"created": datetime(2020, 1, 1)})  # fixed, for the same bytes
        bold = book.add_format({"bold": True, "bg_color": "#DCE6F1"})
        for name, table in (("survey", self.survey), ("choices", self.choices), ("settings", self.settings)):
            sheet = book.add_worksheet(name)
            sheet.write_row(0, 0, list(table.columns), bold)
            for at, column in enumerate(table.columns):
                sheet.write_column(1, at, table[column].tolist())
            sheet.set_column(0, len(table.columns) - 1, 24)
            sheet.freeze_panes(1, 0)
        book.close()
        return out.getvalue()


def questionnaire(*, title: dict[str, str] | None = None, form_id: str = "hardship_survey") -> Form:
    """The household interview as a form in Chinese and English: every stored column of the data dictionary once.

    Codes are the dictionary's, limits its minimum and maximum; members of the household are a repeat. Questions that
    do not concern a household are skipped, and a list answer can also be "refused" or "unknown", which the import
    keeps apart. title: {zh, en}.
    """
    words = title or {"zh": "困难职工入户调查", "en": "Survey of workers in hardship"}
    survey = _wide(pd.DataFrame(list(survey_rows()), dtype="str"), SURVEY)
    choices = _wide(pd.DataFrame(list(choice_rows()), dtype="str"), ["list_name", "name", "label"])
    text = survey.to_csv(index=False) + choices.to_csv(index=False)
    version = hashlib.sha256(text.encode()).hexdigest()[:12]
    named = " · ".join(words[language] for language in LANGUAGES)
    settings = {"form_title": named, "form_id": form_id, "version": version, "default_language": LANGUAGES["zh"]}
    return Form(survey, choices, pd.DataFrame([settings], dtype="str"))


def sample_list(households: pd.DataFrame) -> pd.DataFrame:
    """The list that goes with the form (sample.csv): each household with what the frame knows of it, as text.

    Of ``households``, one row a household; columns that it lacks are empty. Raises Problem without household_id or
    region, or for a household named twice.
    """
    for name in ("household_id", "region"):
        if name not in households or households[name].isna().any():
            raise reference.problem("wellbeing.sample_lacks", column=name)
    if households["household_id"].duplicated().any():
        raise reference.problem("wellbeing.sample_twice", rows=int(households["household_id"].duplicated().sum()))
    columns = {name: _text(households[name]) if name in households else "" for name in ("household_id", *PULLED)}
    return pd.DataFrame(columns, index=households.index).astype("str")


def source_mapping() -> str:
    """The mapping by which the form's answers are imported (data/sources/questionnaire.yml): names as they are.

    Also with the groups before the names, as servers write them: interview/income/income_year or with hyphens.
    """
    words: dict[str, dict[str, list[str]]] = {"households": {}, "members": {"household_id": ["household"]}}
    several = []
    for path, row in _placed():
        table = "members" if REPEAT in path else "households"
        if row["type"].startswith("select_multiple"):
            several.append(f"*{row['name']}/*")  # one column of 0 and 1 for each choice
        if row["name"] in reference.dictionary().tables[table].columns and path:
            words[table][row["name"]] = [mark.join([*path, row["name"]]) for mark in "/-"]
        elif row["name"] == HOUSEHOLD:
            words[table]["household_id"] += [mark.join([*path, HOUSEHOLD]) for mark in "/-"]
    ignore = [*SYSTEM, *several]
    roster = {"table": "members", "columns": words["members"], "ignore": ignore}
    kinds = {
        "interviews": {"table": "households", "columns": words["households"], "ignore": ignore},
        "persons": {**roster, "sheets": [f"*{REPEAT}"]},
        "persons_csv": {**roster, "match": [f"*{REPEAT}*.csv"]},
    }
    text = yaml.dump({"demo": False, "kinds": kinds}, Dumper=_Plain, allow_unicode=True, sort_keys=False, width=110)
    return (
        "# 由数据字典生成的问卷（aidlib.wellbeing.questionnaire）的答案，无需另写映射。\n"
        "# Answers to the questionnaire made from the data dictionary. Generated: do not edit, make it anew.\n" + text
    )


class _Plain(yaml.SafeDumper):
    """YAML without references from one place to another."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _placed() -> Iterator[tuple[tuple[str, ...], dict[str, str]]]:
    """The rows of the survey sheet that hold an answer, each with the groups around it."""
    path: list[str] = []
    for row in survey_rows():
        if row["type"].startswith("begin_"):
            path.append(row["name"])
        elif row["type"].startswith("end_"):
            path.pop()
        else:
            yield tuple(path), row


def _wide(table: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """The sheet's columns, translated ones once for each language; empty cells are empty texts."""
    out: dict[str, Any] = {}
    for name in columns:
        if name in TRANSLATED:
            out |= {f"{name}::{words}": table.get(f"{name}_{x}", "") for x, words in LANGUAGES.items()}
        else:
            out[name] = table.get(name, "")
    return pd.DataFrame(out, index=table.index).fillna("").astype("str")


def _text(values: pd.Series) -> pd.Series:
    """Values as the list writes them: whole numbers without a decimal point, nothing where missing."""
    if pd.api.types.is_numeric_dtype(values):
        return values.map(lambda value: "" if pd.isna(value) else f"{value:.12g}")
    return values.astype("str").where(values.notna(), "")
