"""The rows of the questionnaire's sheets, made from the data dictionary: questions in order, skips, limits, choices."""

from __future__ import annotations

from collections.abc import Iterator

from aidlib import reference
from aidlib.display.formats import style_of
from aidlib.reference.dictionary import Column

KINDS = {"number": "decimal", "count": "integer", "year": "integer", "date": "date", "text": "text", "id": "text"}
REPEAT, HOUSEHOLD = "person", "household"  # the repeat of members, and what names their household there
SAMPLE = "sample"  # the list of households that goes with the form: sample.csv
PULLED = ("dossier_id", "region", "county", "urban", "stratum", "psu", "psu_population", "weight", "frame", "line",
          "recorded_grade")  # fmt: skip
FIRST = ("household_id", "interview_date", "year", "interviewer", "response")
SECTIONS = {  # the column with which each part of the interview begins
    "members": ("family", "家庭成员", "Members of the household"),
    "income_year": ("income", "收入", "Income"),
    "rigid_medical_gross": ("spending", "刚性支出", "Unavoidable spending"),
    "dibao_received": ("hardship", "困难与原因", "Hardship and its causes"),
    "housing": ("housing", "住房与资产", "Housing and assets"),
    "life_satisfaction": ("mind", "生活与压力", "Life and strain"),
    "days_absent": ("work", "工作", "Work"),
    "knows_rules": ("aid", "帮扶与诉求", "Aid and wishes"),
    "industry": ("employer", "单位", "Employer"),
}
CALCULATED = {
    "year": "format-date(${interview_date}, '%Y')",
    "members": "count(${person})",
    "income": "if(${income_year} != '' and ${members} > 0, round(${income_year} div 12 div ${members}, 2), '')",
    "rigid_year": "coalesce(${rigid_medical}, 0) + coalesce(${rigid_schooling}, 0) + coalesce(${rigid_disability}, 0)"
    " + coalesce(${rigid_work}, 0) + coalesce(${rigid_other}, 0)",
    "phq2": "if(${phq2_1} != '' and ${phq2_2} != '', number(${phq2_1}) + number(${phq2_2}), '')",
}
RELEVANT = {
    "dibao_year": "${dibao_received} = '1'",
    "accident_loss_year": "${cause_main} = 'accident' or selected(${cause_secondary}, 'accident')",
    "cause_text": "${cause_main} = 'other' or selected(${cause_secondary}, 'other')",
    "days_absent": "${zero_employment} != '1'",
    "effectiveness": "${zero_employment} != '1'",
    "motivation": "${zero_employment} != '1'",
    "felt_help": "${frame} != 'other'",
    **{f"satisfied_{aspect}": "${frame} != 'other'" for aspect in ("amount", "speed", "attitude", "fairness")},
}
MEMBER_RELEVANT = {
    "phone": "${relation} = 'self'",
    "politics": "${relation} = 'self'",
    "migrant": "${relation} = 'self'",
    "income_month": "${work_status} != 'student' and ${work_status} != 'child'",
    "disability_level": "${disability} != '' and ${disability} != 'none'",
}
NOT_ASKED = {"address", "bank_account", "age", "industry", "employer_type"}  # of members
INHERITED = {"person_id", "household_id", "year", "region", "stratum", "psu", "weight"}  # from the household's row
CONSTRAINTS = {
    "id_number": "regex(., '^([0-9]{15}|[0-9]{17}[0-9Xx])$')",
    "phone": "regex(., '^[0-9]{7,12}$')",
    "rigid_medical": ". >= 0 and (${rigid_medical_gross} = '' or . <= ${rigid_medical_gross})",
}
LAST = {"dibao_year": "dibao_received", "accident_loss_year": "cause_text"}  # asked after the answers they hang on
PHQ = {
    "phq2_1": ("过去两周，做事时提不起劲或没有兴趣", "Last two weeks: little interest or pleasure in doing things"),
    "phq2_2": ("过去两周，感到心情低落、沮丧或绝望", "Last two weeks: feeling down, depressed or hopeless"),
}
PHQ_ANSWERS = {
    "0": ("完全不会", "Not at all"),
    "1": ("好几天", "Several days"),
    "2": ("一半以上的天数", "More than half the days"),
    "3": ("几乎每天", "Nearly every day"),
}
RANKED = ("wishes",)  # asked one after the other, for an answer of several choices does not keep their order
PLACES = (("第一位", "first"), ("第二位", "second"), ("第三位", "third"))
NOTHING = {"无": ("以上都没有", "None of these")}  # so written it is read as "asked, and none of the list"
ALONE = (*NOTHING, "refused", "unknown")  # choices that go with no other
Row = dict[str, str]


def _columns(table: str) -> dict[str, Column]:
    """Columns that a form asks, calculates or is given."""
    columns = reference.dictionary().tables[table].columns
    return {name: column for name, column in columns.items() if not column.derived}


def survey_rows() -> Iterator[Row]:
    """The rows of the survey sheet."""
    columns = _columns("households")
    yield {"type": "start", "name": "start"}
    yield {"type": "end", "name": "end"}
    listed = {
        "constraint": f"pulldata('{SAMPLE}', 'region', 'household_id', .) != ''",
        "constraint_message_zh": "编号不在样本名单中",
        "constraint_message_en": "Not on the list of households",
    }
    yield {**_question(columns["household_id"]), **listed, "required": "yes"}
    yield {**_question(columns["interview_date"]), "required": "yes", "default": "today()"}
    yield _calculated("year")
    for name in PULLED:
        yield {"type": "calculate", "name": name,
               "calculation": f"pulldata('{SAMPLE}', '{name}', 'household_id', ${{household_id}})"}  # fmt: skip
    yield _question(columns["interviewer"])
    yield {**_question(columns["response"]), "required": "yes"}
    yield {"type": "begin_group", "name": "interview", "relevant": "${response} = 'complete'"}
    open_section = ""
    for name in _ordered([name for name in columns if name not in {*FIRST, *PULLED}]):
        if name in SECTIONS:
            if open_section:
                yield {"type": "end_group", "name": open_section}
            open_section, zh, en = SECTIONS[name]
            yield {"type": "begin_group", "name": open_section, "label_zh": zh, "label_en": en}
        if name == "members":
            yield from _people()
        if name == "phq2":
            yield from _items()
        if name in RANKED:
            yield from _ranked(columns[name])
        elif name in CALCULATED:
            yield _calculated(name)
        else:
            yield _question(columns[name])
    yield {"type": "end_group", "name": open_section}
    yield {"type": "end_group", "name": "interview"}


def _items() -> Iterator[Row]:
    """The two questions of the PHQ-2."""
    for name, (zh, en) in PHQ.items():
        yield {"type": "select_one phq", "name": name, "label_zh": zh, "label_en": en}


def _ranked(column: Column) -> Iterator[Row]:
    """The first, second and third choice, and the column as all of them in this order."""
    names = [f"{column.name}_{n}" for n in range(1, len(PLACES) + 1)]
    for at, (name, (zh, en)) in enumerate(zip(names, PLACES, strict=True)):
        earlier = [f". != ${{{before}}}" for before in names[:at]]
        more = " and ".join(f"${{{names[at - 1]}}} != '{code}'" for code in ("", *ALONE)) if at else ""
        kept = [f"not(selected(., '{code}'))" for code in NOTHING] if at else []
        yield {"type": f"select_one {column.codes}_many", "name": name, "relevant": more,
               "label_zh": f"{column.zh}：{zh}", "label_en": f"{column.en}: {en}",
               "constraint": " and ".join([*earlier, *kept]), "constraint_message_zh": "每项只选一次" if at else "",
               "constraint_message_en": "Choose each once" if at else ""}  # fmt: skip
    joined = ", ' ', ".join(f"${{{name}}}" for name in names)
    yield {"type": "calculate", "name": column.name, "calculation": f"normalize-space(concat({joined}))"}


def _ordered(names: list[str]) -> list[str]:
    """The dictionary's order, but for questions that hang on later answers; a part begins with its first question."""
    kept = [name for name in names if name not in LAST]
    for name, before in LAST.items():
        kept.insert(kept.index(before) + 1, name)
    return kept


def _people() -> Iterator[Row]:
    """The repeat of the household's members; each knows its household, so that the sheets can be joined."""
    yield {"type": "begin_repeat", "name": REPEAT, "label_zh": "家庭成员", "label_en": "Member of the household"}
    yield {"type": "calculate", "name": HOUSEHOLD, "calculation": "${household_id}"}
    columns = _columns("members")
    for name in ["relation", *(n for n in columns if n not in INHERITED | NOT_ASKED | {"relation"})]:
        yield _question(columns[name], MEMBER_RELEVANT)
    yield {"type": "end_repeat", "name": REPEAT}


def _question(column: Column, relevant: dict[str, str] = RELEVANT) -> Row:
    """The row that asks for a column."""
    kind = KINDS.get(column.type, "")
    if column.type == "code":
        kind = f"select_one {column.codes}"
    elif column.type == "flag":
        kind = "select_one yes_no"
    elif column.type == "codes":
        kind = f"select_multiple {column.codes}_many"
    row = {"type": kind, "name": column.name, "label_zh": column.zh, "label_en": column.en}
    row["relevant"] = relevant.get(column.name, "")
    return row | _limits(column)


def _limits(column: Column) -> Row:
    """Constraint, what is said where it is broken, and the hint: unit and limits."""
    rule = CONSTRAINTS.get(column.name, "")
    if column.type == "codes":
        rule = " and ".join(f"not(selected(., '{code}') and count-selected(.) > 1)" for code in ALONE)
        return {"constraint": rule, "constraint_message_zh": "该选项不能与其他选项同时选择",
                "constraint_message_en": "This answer stands alone"}  # fmt: skip
    low, high = (None if each is None else f"{each:g}" for each in (column.minimum, column.maximum))
    parts = [f". >= {low}"] * (low is not None) + [f". <= {high}"] * (high is not None)
    rule = rule or " and ".join(parts)
    if not rule or column.type in {"text", "id"}:
        said = {"zh": "请核对号码" if rule else "", "en": "Check the number" if rule else ""}
        span = ""
    else:
        span = f"{low or ''}–{high}" if high is not None else f"≥ {low}"
        said = {"zh": f"应为 {span}", "en": f"Must be {span}"}
    hints = {x: "；".join(filter(None, [_unit(column, x), span])) for x in ("zh", "en")}
    return {"constraint": rule, "constraint_message_zh": said["zh"], "constraint_message_en": said["en"],
            "hint_zh": hints["zh"], "hint_en": hints["en"].replace("；", "; ")}  # fmt: skip


def _unit(column: Column, language: str) -> str:
    style = style_of(column.unit)
    return style.head_zh if language == "zh" else style.head_en


def _calculated(name: str) -> Row:
    return {"type": "calculate", "name": name, "calculation": CALCULATED[name]}


def choice_rows() -> Iterator[Row]:
    """The rows of the choices sheet: each code list that a question uses, and the kinds of no answer."""
    yield from ({"list_name": "phq", "name": n, "label_zh": zh, "label_en": en} for n, (zh, en) in PHQ_ANSWERS.items())
    for name, several in dict.fromkeys(_lists()):
        codes = {code: (label.zh, label.en) for code, label in reference.codes(name).items()}
        codes |= {code: words for code, words in NOTHING.items() if several and code not in codes}
        kinds = reference.dictionary().missing
        codes |= {kind: (kinds[kind].zh, kinds[kind].en) for kind in ("refused", "unknown") if kind not in codes}
        for code, (zh, en) in codes.items():
            yield {"list_name": f"{name}_many" if several else name, "name": code, "label_zh": zh, "label_en": en}


def _lists() -> Iterator[tuple[str, bool]]:
    """The code lists of the questions, and whether several of their codes may be chosen."""
    for row in survey_rows():
        kind, _, name = row["type"].partition(" ")
        if kind in {"select_one", "select_multiple"} and name != "phq":
            yield name.removesuffix("_many"), name.endswith("_many")
