"""From a declaration to editions: what is checked first, what is published, and that failures publish nothing."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest

from aidlib import release
from aidlib.editions import Project, documents, has_data, latest_period, run, verify
from aidlib.editions.documents import registry
from aidlib.editions.revisions import to_json
from aidlib.reference import Problem, problem
from aidlib.report import Content, Entry, Sentence
from aidlib.store import Store
from tests.editions.samples import GOOD, RAISES, project, write_notebook
from tests.report.samples import cities


@pytest.fixture(scope="module")
def store(tmp_path_factory) -> Path:
    """A store with one household in Jia City's first county in 2024 and 2025."""
    folder = tmp_path_factory.mktemp("data") / "store"
    rows = pd.DataFrame({"household_id": ["h1", "h1"], "year": [2024, 2025], "region": "990100", "county": "990101"})
    account = pd.DataFrame(
        {"file": ["a.csv"], "sheet": "", "read": 2, "accepted": 2, "quarantined": 0, "duplicates": 0, "non_data": 0}
    )
    checks = pd.DataFrame({"check": ["sum"], "region": "990100", "rows": 2, "failed": 0})
    Store(folder).add({"households": rows}, files=[], account=account, checks=checks, source="test", demo=True)
    return folder


def make(made: Project, store: Path, out: Path, regions=("990000",), **options):
    return run(
        made.load("small"), period=options.pop("period", "2025"), regions=regions, store=store, out=out,
        project=made, **options,
    )  # fmt: skip


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


@pytest.fixture(scope="module")
def published(store, tmp_path_factory):
    """The editions of the province and of a city that was never surveyed, with the stages that were told."""
    root = tmp_path_factory.mktemp("published")
    stages: list[tuple[str, int, int]] = []
    made = project(root / "project", *GOOD)
    editions = make(made, store, root / "editions", ("990000", "991300"), progress=lambda *stage: stages.append(stage))
    return root, made, editions, stages


def test_an_edition_has_both_languages_all_formats_registry_and_manifest(published):
    root, _, (province, _), _ = published
    assert province.path == root / "editions/small/2025/990000/r001"
    pages = [f"{language}/report.{each}" for language in ("en", "zh") for each in ("html", "pdf", "xlsx")]
    assert sorted(contents(province.path)) == sorted([*pages, "registry.json", "manifest.json"])
    assert verify(province.path) == []


def test_both_languages_tell_the_same_numbers_from_the_registry(published):
    path = published[2][0].path
    registry = json.loads((path / "registry.json").read_text(encoding="utf-8"))
    number = registry["first/headcount[990100,headcount]"]
    assert number == {
        "estimate": 0.25, "se": 0.01, "low": 0.23, "high": 0.27, "n": 200.0, "flag": "", "unit": "share", "base": "M",
    }  # fmt: skip
    zh, en = ((path / language / "report.html").read_text(encoding="utf-8") for language in ("zh", "en"))
    assert "甲市为25%。" in zh
    assert "It is 25% in Jia City." in en
    assert "乙市为50%。" in zh
    assert "Yi City: 50%." in en


def test_the_manifest_names_all_that_the_edition_was_made_from(published):
    manifest = json.loads((published[2][0].path / "manifest.json").read_text(encoding="utf-8"))
    assert (manifest["report"], manifest["period"], manifest["region"]) == ("small", "2025", "990000")
    assert (manifest["date"], manifest["state"], manifest["revision"], manifest["demo"]) == (
        "2025-12-31",
        "draft",
        1,
        True,
    )
    assert manifest["inputs"]["store"]["number"] == 1
    assert manifest["inputs"]["parameters"] == {"period": "2025", "region": "990000"}
    assert set(manifest["inputs"]["notebooks"]) == {"01_first"}
    assert {"aidlib", "python", "pandas", "numpy"} <= set(manifest["versions"])


def test_a_region_without_data_has_an_edition_that_says_so(published):
    empty = published[2][1]
    assert "没有调查或档案数据" in (empty.path / "zh/report.html").read_text(encoding="utf-8")
    assert "no survey or register data" in (empty.path / "en/report.html").read_text(encoding="utf-8")
    assert json.loads((empty.path / "registry.json").read_text(encoding="utf-8")) == {}


def test_demonstration_and_draft_are_said_on_the_page(published):
    page = (published[2][0].path / "zh/report.html").read_text(encoding="utf-8")
    assert "模拟数据，不反映任何真实地区" in page
    assert "送审稿" in page


def test_stages_are_told_and_no_private_folder_is_left(published):
    root, _, _, stages = published
    assert [stage for stage, done, total in stages if done == total] == ["compute", "gate", "render"]
    assert list((root / "runs").iterdir()) == []


def test_the_same_inputs_execute_nothing(published, store, monkeypatch):
    root, made, before, _ = published
    monkeypatch.setattr("aidlib.editions.execution.compute", lambda *a, **k: pytest.fail("executed"))
    again = make(made, store, root / "editions", ("990000", "991300"))
    assert [edition.path for edition in again] == [edition.path for edition in before]
    assert all(edition.unchanged for edition in again)


def test_the_same_inputs_give_the_same_bytes_elsewhere(published, store, tmp_path):
    first = published[2][0]
    copy = project(tmp_path / "elsewhere", *GOOD)
    (again, _) = make(copy, store, tmp_path / "editions", ("990000", "991300"))
    one, two = contents(first.path), contents(again.path)
    assert [name for name in one if one[name] != two[name]] in ([], ["manifest.json"])


@pytest.fixture
def by_hand(monkeypatch):
    """The chapter without a kernel, pages without a renderer: for what is decided around them."""
    told = {"share": 0.25, "fails": None}

    def compute(chapters, parameters, **_options):
        if told["fails"]:
            raise told["fails"]
        entry = Entry("headcount", cities(told["share"], 0.5), "dot", {"zh": "率", "en": "Rate"})
        title = {"zh": "第一章", "en": "First chapter"}
        return {region: [Content("first", title, values, (entry,))] for region, values in parameters.items()}

    def files(documents, *_options):
        return {region: {"registry.json": to_json(registry(each.contents))} for region, each in documents.items()}

    monkeypatch.setattr("aidlib.editions.execution.compute", compute)
    monkeypatch.setattr("aidlib.editions.documents.files", files)
    return told


def test_a_failing_chapter_publishes_nothing_and_leaves_the_last_edition(store, tmp_path, by_hand):
    made = project(tmp_path / "project", *GOOD)
    (first,) = make(made, store, tmp_path / "editions")
    before = contents(first.path)
    write_notebook(made.notebook("01_first"), *RAISES)
    by_hand["fails"] = problem("editions.not_closed", notebook="01_first.ipynb", chapter="first")
    with pytest.raises(Problem, match="without closing"):
        make(made, store, tmp_path / "editions")
    assert contents(tmp_path / "editions/small/2025/990000") == {f"r001/{name}": data for name, data in before.items()}
    assert list((tmp_path / "runs").iterdir()) == []


def test_a_refusing_gate_publishes_nothing(store, tmp_path, by_hand, monkeypatch):
    def refuse(*_args, **_options):
        raise RuntimeError("refused")

    monkeypatch.setattr(release, "protect", refuse)
    with pytest.raises(RuntimeError, match="refused"):
        make(project(tmp_path / "project", *GOOD), store, tmp_path / "editions")
    assert not (tmp_path / "editions").exists()


def test_a_finding_on_an_unknown_number_publishes_nothing(store, tmp_path, by_hand):
    findings = [{"zh": "{first.nothing:pct}", "en": "{first.nothing:pct}"}]
    with pytest.raises(Problem, match=r"first\.nothing"):
        make(project(tmp_path / "project", *GOOD, findings=findings), store, tmp_path / "editions")
    assert not (tmp_path / "editions").exists()


def test_what_people_wrote_is_part_of_the_inputs_and_of_the_edition(store, tmp_path, by_hand, monkeypatch):
    shown = []
    made = project(tmp_path / "project", *GOOD)
    place = made.reports / "texts/small/2025"
    place.mkdir(parents=True)
    for language in ("zh", "en"):
        (place / f"990000.{language}.md").write_text("# T\n\n{first.headcount[990100]:pct}\n", encoding="utf-8")
    plain = documents.document
    monkeypatch.setattr(documents, "document", lambda *a, **k: shown.append(plain(*a, **k)) or shown[-1])
    make(made, store, tmp_path / "editions")
    assert shown[0].contents[-1].items == (Sentence("25%", "25%"),)
    (place / "990000.en.md").write_text("# T\n\nIt is {first.headcount[990100]:pct}\n", encoding="utf-8")
    make(made, store, tmp_path / "editions")
    assert shown[1].contents[-1].items == (Sentence("25%", "It is 25%"),)


def test_other_numbers_make_the_next_revision_and_equal_ones_none(store, tmp_path, by_hand):
    made = project(tmp_path / "project", *GOOD)
    make(made, store, tmp_path / "editions")
    write_notebook(made.notebook("01_first"), *GOOD, "# another source, the same numbers")
    (same,) = make(made, store, tmp_path / "editions")
    assert (same.path.name, same.unchanged) == ("r001", True)
    by_hand["share"] = 0.3
    write_notebook(made.notebook("01_first"), *GOOD, "# other numbers")
    (other,) = make(made, store, tmp_path / "editions")
    assert (other.path.name, other.unchanged) == ("r002", False)


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"regions": ["123456"]}, "does not cover"),
        ({"parameters": {"perid": "2025"}}, "Did you mean period"),
        ({"period": "../x"}, "must be a period"),
    ],
)
def test_wrong_use_is_refused_before_a_kernel_starts(store, tmp_path, monkeypatch, changes, word):
    monkeypatch.setattr("aidlib.editions.execution.compute", lambda *a, **k: pytest.fail("executed"))
    with pytest.raises(Problem, match=word) as caught:
        make(project(tmp_path / "project", *GOOD), store, tmp_path / "editions", **changes)
    assert caught.value.wrong_use


def test_a_misspelt_parameter_in_a_notebook_is_refused_before_a_kernel_starts(store, tmp_path, monkeypatch):
    monkeypatch.setattr("aidlib.editions.execution.compute", lambda *a, **k: pytest.fail("executed"))
    cells = ('period = "2025"\nregoin = "990000"', *GOOD[1:])
    with pytest.raises(Problem, match="regoin"):
        make(project(tmp_path / "project", *cells), store, tmp_path / "editions")


def test_a_missing_store_is_named(tmp_path):
    with pytest.raises(Problem, match="is no data store"):
        make(project(tmp_path / "project", *GOOD), tmp_path / "nowhere", tmp_path / "editions")


def test_data_are_found_by_the_nesting_of_codes(store):
    data = Store.open(store)
    there = {region: has_data(data, region, "2025") for region in ("000000", "990000", "990100", "990101", "991300")}
    assert there == {"000000": True, "990000": True, "990100": True, "990101": True, "991300": False}
    assert not has_data(data, "990000", "2023")


def test_the_default_period_is_the_last_year(store, tmp_path):
    assert latest_period(store) == "2025"
    with pytest.raises(Problem, match="is no data store"):
        latest_period(tmp_path / "nowhere")


@pytest.mark.parametrize("name", ["../annual", "Annual", "a/b", "", "annual.yml"])
def test_a_report_name_is_no_path(tmp_path, name):
    with pytest.raises(Problem) as caught:
        project(tmp_path / "project", *GOOD).load(name)
    assert caught.value.wrong_use
