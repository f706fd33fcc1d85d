"""The questionnaire: a form that follows the data dictionary, and answers that import without a mapping."""

import io
import re
from pathlib import Path

import numpy as np
import openpyxl
import pandas as pd
import pytest

from aidlib import intake, reference, survey
from aidlib.reference import Problem
from aidlib.store import Store
from aidlib.wellbeing import questionnaire, sample_list, source_mapping

ROOT = Path(__file__).parents[2]
SHIPPED = ROOT / "data" / "sources" / "questionnaire.yml"
ZH, EN = "label::中文 (zh)", "label::English (en)"


@pytest.fixture(scope="module")
def form():
    return questionnaire()


def question(form, name: str) -> pd.Series:
    return form.survey[form.survey["name"] == name].iloc[0]


# --- the form follows the dictionary
def test_every_column_that_is_stored_is_asked_given_or_calculated_once(form):
    names = pd.Series(form.questions)
    stored = reference.dictionary().tables["households"].stored
    assert set(names) >= {column.name for column in stored}
    assert not names.duplicated().any()


def test_nothing_derived_is_asked(form):
    derived = {c.name for c in reference.dictionary().tables["households"].columns.values() if c.derived}
    assert not derived & set(form.questions)


def test_questions_speak_both_languages(form):
    asked = ~form.survey["type"].isin(["start", "end", "calculate", "end_group", "end_repeat"])
    rows = form.survey[asked & form.survey["name"].ne("interview")]
    assert (rows[ZH] != "").all() and (rows[EN] != "").all()
    assert (form.choices[ZH] != "").all() and (form.choices[EN] != "").all()
    assert question(form, "life_satisfaction")[ZH] == "生活满意度"


def test_choices_are_the_dictionarys_codes_and_the_kinds_of_no_answer(form):
    lists = form.choices.groupby("list_name")["name"].agg(list)
    assert lists["ends_meet"] == [*reference.codes("ends_meet"), "refused", "unknown"]
    assert lists["wish_many"] == [*reference.codes("wish"), "无", "refused", "unknown"]
    assert lists["response"] == [*reference.codes("response"), "unknown"]
    used = form.survey["type"].str.extract(r"select_\w+ (\w+)")[0].dropna()
    assert set(used) == set(lists.index)


def test_limits_are_those_of_the_dictionary(form):
    row = question(form, "life_satisfaction")
    assert row["constraint"] == ". >= 0 and . <= 10"
    assert row["constraint_message::中文 (zh)"] == "应为 0–10" and row["hint::English (en)"] == "points; 0–10"
    assert question(form, "income_year")["constraint"] == ". >= 0"
    assert "无" in question(form, "cause_secondary")["constraint"]


def test_questions_are_skipped_where_they_do_not_concern(form):
    assert question(form, "interview")["relevant"] == "${response} = 'complete'"
    assert "other" in question(form, "satisfied_speed")["relevant"]
    assert "other" in question(form, "cause_text")["relevant"]


def test_wishes_are_asked_in_their_order(form):
    names = form.survey["name"].tolist()
    assert names[names.index("wishes") - 3 : names.index("wishes")] == ["wishes_1", "wishes_2", "wishes_3"]
    joined = "${wishes_1}, ' ', ${wishes_2}, ' ', ${wishes_3}"
    assert question(form, "wishes")["calculation"] == f"normalize-space(concat({joined}))"
    assert ". != ${wishes_1}" in question(form, "wishes_2")["constraint"]


def test_every_name_that_an_expression_uses_is_there_before_or_calculated(form):
    place = {name: at for at, name in reversed(list(enumerate(form.survey["name"])))}
    for at, row in form.survey.iterrows():
        for name in re.findall(r"\$\{(\w+)\}", " ".join(row[["relevant", "constraint", "calculation"]])):
            assert name in place, name
            assert place[name] < at or name == row["name"], (row["name"], name)


def test_groups_and_repeats_close_as_they_open(form):
    open_now = []
    for kind, name in zip(form.survey["type"], form.survey["name"], strict=True):
        if kind.startswith("begin_"):
            open_now.append((kind.removeprefix("begin_"), name))
        elif kind.startswith("end_"):
            assert open_now.pop() == (kind.removeprefix("end_"), name)
    assert open_now == []


def test_the_workbook_has_the_three_sheets_and_the_same_bytes(form):
    book = openpyxl.load_workbook(io.BytesIO(form.workbook()))
    assert book.sheetnames == ["survey", "choices", "settings"]
    assert [cell.value for cell in book["survey"][1]] == list(form.survey.columns)
    assert book["survey"].max_row == len(form.survey) + 1
    assert form.workbook() == questionnaire().workbook()


def test_a_household_that_is_not_on_the_list_is_not_taken(form):
    assert question(form, "household_id")["constraint"] == "pulldata('sample', 'region', 'household_id', .) != ''"


# --- the list of households
def test_the_list_holds_what_the_frame_knows(form):
    households = pd.DataFrame({"household_id": ["H1", "H2"], "region": ["990100", "990200"], "weight": [3.5, np.nan]})
    found = sample_list(households)
    assert found["weight"].tolist() == ["3.5", ""] and found["psu"].tolist() == ["", ""]
    pulled = form.survey["calculation"].str.extract(r"pulldata\('sample', '(\w+)'")[0].dropna()
    assert found.columns.tolist() == ["household_id", *pulled]


@pytest.mark.parametrize(
    ("households", "key"),
    [
        (pd.DataFrame({"household_id": ["H1"]}), "wellbeing.sample_lacks"),
        (pd.DataFrame({"household_id": ["H1", None], "region": "990100"}), "wellbeing.sample_lacks"),
        (pd.DataFrame({"household_id": ["H1", "H1"], "region": "990100"}), "wellbeing.sample_twice"),
    ],
)
def test_a_list_that_cannot_serve_is_refused(households, key):
    with pytest.raises(Problem) as error:
        sample_list(households)
    assert error.value.key == key


# --- answers come in without a mapping of one's own
def test_the_shipped_source_is_the_generated_one():
    assert SHIPPED.read_text(encoding="utf-8") == source_mapping()


SYSTEM = {"start": "2025-10-08T09:00:00", "_id": "77", "_uuid": "u", "__version__": "v", "_status": "submitted"}


def exported(form, households: pd.DataFrame, members: pd.DataFrame, mark: str = "") -> dict[str, pd.DataFrame]:
    """What KoboToolbox exports with XML values and headers, all versions in one: a sheet of interviews, one of persons.

    Several choices stand in one cell and in a 0/1 column for each; the persons' sheet points to its interview. mark:
    what stands between the groups and the name in the headings ("": names alone).
    """
    kinds = form.survey["type"].tolist()
    inside = slice(kinds.index("begin_repeat"), kinds.index("end_repeat"))
    repeat = form.survey[inside].iloc[1:]["name"].tolist()
    plain = [name for name in form.questions if name not in repeat or name in ("industry", "employer_type")]
    several = form.survey.loc[form.survey["type"].str.startswith("select_multiple")].set_index("name")["type"]
    main = {}
    for name in plain:
        values = households[name] if name in households else pd.Series("", households.index)
        main[name] = values.map(lambda v: "" if pd.isna(v) else v)
        if name in (*several, "wishes"):
            main[name] = main[name].str.replace(";", " ")
        if name in several:
            codes = form.choices.loc[form.choices["list_name"] == several[name].split(" ")[1], "name"]
            main |= {f"{name}/{c}": main[name].str.split().map(lambda w, c=c: int(c in w)) for c in codes}
    main = pd.DataFrame(main).assign(phq2_1="1", **SYSTEM, _index=range(1, len(households) + 1))
    place = dict(zip(households["household_id"], main["_index"], strict=True))
    columns = {name: members[name].fillna("") if name in members else "" for name in repeat}
    persons = pd.DataFrame(columns, index=members.index).assign(household=members["household_id"])
    persons = persons.assign(_index=range(1, len(members) + 1), _parent_table_name="survey",
                             _parent_index=members["household_id"].map(place), _submission__uuid="u")  # fmt: skip
    return {"Survey of workers": main.rename(columns=headings(form, mark)), "person": persons}


def headings(form, mark: str) -> dict[str, str]:
    """Each question with the groups around it, joined by ``mark``."""
    found, path = {}, []
    for kind, name in zip(form.survey["type"], form.survey["name"], strict=True):
        if kind.startswith("begin_"):
            path.append(name)
        elif kind.startswith("end_"):
            path.pop()
        elif mark and "person" not in path:
            found[name] = mark.join([*path, name])
    codes = {f"{name}/{c}": f"{found[name]}/{c}" for name in ("cause_secondary",) if mark for c in form.choices["name"]}
    return found | codes


@pytest.fixture(scope="module")
def answered(demo_store) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Sixty interviews of the demonstration's last wave as the form would have taken them, and their members."""
    found = survey.load("2025", "990000", demo_store)
    stored = [column.name for column in reference.dictionary().tables["households"].stored]
    asked = found.households.reset_index(drop=True)[stored].head(60)
    asked = asked.assign(interview_date=asked["interview_date"].dt.strftime("%Y-%m-%d"), interviewer="I1")
    numeric = asked.select_dtypes("number").columns.difference(["year"])
    texts = asked[numeric].map(lambda value: None if pd.isna(value) else f"{value:.12g}")
    own = [column.name for column in reference.dictionary().tables["members"].stored]
    people = found.members[found.members["household_id"].isin(asked["household_id"]) & found.members["year"].eq(2025)]
    people = people[own].assign(name=[f"人{n}" for n in range(len(people))])
    flags = people.select_dtypes("number").columns
    people = people.assign(**people[flags].map(lambda value: None if pd.isna(value) else f"{value:.12g}"))
    return asked.assign(**texts), people


@pytest.fixture
def project(tmp_path, monkeypatch) -> Path:
    monkeypatch.setenv("AIDLIB_KEY_FILE", str(tmp_path / "key"))
    (tmp_path / "data" / "sources").mkdir(parents=True)
    (tmp_path / "data" / "sources" / "questionnaire.yml").write_text(SHIPPED.read_text("utf-8"), "utf-8")
    return tmp_path


def same(stored: pd.DataFrame, given: pd.DataFrame, columns: list[str]) -> None:
    """The stored cells are the given ones, column by column, missing where nothing was said."""
    for name in columns:
        if name not in stored:
            assert given[name].isna().all(), name
            continue
        one, other = stored[name], given[name]
        if pd.api.types.is_numeric_dtype(one):
            assert np.allclose(one.to_numpy(float), pd.to_numeric(other).to_numpy(float), equal_nan=True), name
        else:
            one = one.dt.strftime("%Y-%m-%d") if one.dtype.kind == "M" else one
            assert one.fillna("").tolist() == other.fillna("").tolist(), name


@pytest.mark.parametrize(("shape", "mark"), [("xlsx", ""), ("xlsx", "/"), ("csv", ""), ("csv", "-")])
def test_an_export_of_the_form_imports_without_a_mapping(form, answered, project, shape, mark):
    households, members = answered
    sheets = exported(form, households, members, mark)
    if shape == "xlsx":
        with pd.ExcelWriter(project / "Survey_of_workers_-_all_versions.xlsx", engine="xlsxwriter") as book:
            for name, table in sheets.items():
                table.to_excel(book, sheet_name=name, index=False)
        files = [project / "Survey_of_workers_-_all_versions.xlsx"]
    else:
        files = [project / "hardship_survey.csv", project / "hardship_survey-person.csv"]
        for path, table in zip(files, sheets.values(), strict=True):
            table.to_csv(path, index=False)
    outcome = intake.import_files(files, source="questionnaire", store=project / "store", project=project)
    account = outcome.account.groupby("table")[["accepted", "quarantined", "duplicates"]].sum()
    assert account.loc["households"].tolist() == [len(households), 0, 0]
    assert account.loc["members"].tolist() == [len(members), 0, 0]
    stored = Store(project / "store").read("households").set_index("household_id").loc[households["household_id"]]
    asked = [c for c in households if c not in ("household_id", "members", "income", "rigid_year")]
    same(stored, households.set_index("household_id"), asked)
    people = Store(project / "store").read("members")
    assert len(people) == len(members)
    key = ["household_id", "relation", "work_status", "health", "school"]
    wanted = members[key].fillna("").value_counts().sort_index()
    assert people[key].fillna("").value_counts().sort_index().to_dict() == wanted.to_dict()


def test_kinds_of_no_answer_are_kept_apart(form, answered, project):
    households = (
        answered[0]
        .head(4)
        .assign(
            ends_meet=["refused", "unknown", "deficit", None],
            wishes=["无", "refused", "job;living", None],
            satisfied_speed=["dont_know", "refused", "neutral", None],
            car=["refused", "1", "0", None],
        )
    )
    sheets = exported(form, households, answered[1].head(0))
    sheets["Survey of workers"].to_csv(project / "answers.csv", index=False)
    intake.import_files([project / "answers.csv"], source="questionnaire", store=project / "store", project=project)
    stored = Store(project / "store").read("households").set_index("household_id").loc[households["household_id"]]
    assert stored["ends_meet__missing"].fillna("").tolist() == ["refused", "unknown", "", ""]
    assert stored["wishes"].fillna("").tolist() == ["none", "", "job;living", ""]
    assert stored["wishes__missing"].fillna("").tolist() == ["", "refused", "", ""]
    assert stored["satisfied_speed"].fillna("").tolist() == ["dont_know", "", "neutral", ""]
    assert stored["car"].fillna(-1).tolist() == [-1, 1, 0, -1]
