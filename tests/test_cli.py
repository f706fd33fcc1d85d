"""The command line: what it prints, in which form, and with which exit status."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pandas as pd
import pytest
from click.testing import CliRunner

import aidlib
from aidlib import relapse
from aidlib.cli import main
from aidlib.editions import publish
from aidlib.reference import problem
from aidlib.store import Store, add_identities, restricted_folder
from tests.editions.samples import GOOD, project


def call(*arguments: object):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def place(tmp_path, monkeypatch) -> Path:
    """A project with a store of one household and a report whose making is replaced by a plain publication."""
    made = project(tmp_path, *GOOD)
    rows = pd.DataFrame({"household_id": ["h1"], "year": [2025], "region": "990100", "county": "990101"})
    account = pd.DataFrame(
        {"file": ["a.csv"], "sheet": "", "read": 1, "accepted": 1, "quarantined": 0, "duplicates": 0, "non_data": 0}
    )
    checks = pd.DataFrame({"check": ["sum"], "region": "990100", "rows": 1, "failed": 0})
    Store(tmp_path / "data/store").add(
        {"households": rows}, files=[], account=account, checks=checks, source="test", demo=True
    )
    monkeypatch.chdir(made.root)

    def run(declaration, *, period, regions, store, out, parameters, progress, project):
        values = [declaration.check(dict(parameters) | {"period": period, "region": region}) for region in regions]
        progress("compute", 1, 1)
        told = {"report": declaration.name, "period": period, "inputs": {}}
        return [publish({"zh/report.html": b"x"}, told | {"region": each["region"]}, out) for each in values]

    monkeypatch.setattr("aidlib.editions.run", run)
    return tmp_path


def test_report_prints_where_the_edition_is(place):
    done = call("report", "small")
    assert done.exit_code == 0, done.output
    edition = place / "reports/editions/small/2025/990000/r001"
    assert done.stdout.splitlines()[0] == f"{edition}  已发布 published"
    assert f"  {edition / 'zh/report.html'}" in done.stdout
    assert f"  {edition / 'en/report.pdf'}" in done.stdout
    assert "compute 1/1" in done.stderr
    assert "没有变化 unchanged" in call("report", "small").stdout


def test_report_takes_regions_period_language_and_place(place):
    done = call(
        "report",
        "small",
        "--region",
        "990100",
        "--region",
        "991300",
        "--period",
        "2024-Q1",
        "--lang",
        "en",
        "--out",
        "o",
    )
    assert done.exit_code == 0, done.output
    heads = [line for line in done.stdout.splitlines() if not line.startswith(" ")]
    assert [Path(line.split("  ")[0]) for line in heads] == [
        Path("o/small/2024-Q1/990100/r001"),
        Path("o/small/2024-Q1/991300/r001"),
    ]
    assert "zh/report" not in done.stdout
    everywhere = call("report", "small", "--region", "all", "--json")
    assert [each["region"] for each in json.loads(everywhere.stdout)["editions"]] == ["990000", "990100", "991300"]


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["small", "-p", "perid=2025"], "Did you mean period"),
        (["small", "-p", "period=2025"], "--period"),
        (["small", "-p", "x"], "NAME=VALUE"),
        (["small", "--region", "123456"], "does not cover"),
        (["small", "--period", "25"], "must be a period"),
        (["smal"], "Did you mean small"),
        (["../small"], "no report declaration"),
        ([], "Missing argument"),
        (["small", "--colour"], "No such option"),
    ],
)
def test_wrong_use_is_status_2_with_a_reason_and_no_traceback(place, arguments, word):
    done = call("report", *arguments)
    assert done.exit_code == 2
    assert word in done.output
    assert "Traceback" not in done.output


def test_a_failure_is_status_1_in_both_languages(place):
    done = call("report", "small", "--store", "nowhere")
    assert done.exit_code == 1
    assert "文件夹 nowhere 不是数据仓库" in done.stderr
    assert "The folder nowhere is no data store" in done.stderr
    told = json.loads(call("report", "small", "--store", "nowhere", "--json").stdout)["error"]
    assert told["key"] == "store.no_store"
    assert "nowhere" in told["zh"]


@pytest.mark.parametrize(
    ("error", "zh", "en"),
    [
        (OSError(28, "No space left on device"), "No space left on device），没有留下", "(No space left on device)"),
        (PermissionError(13, "Permission denied", "data/x"), "（Permission denied: data/x）", "space, then try again"),
        (KeyboardInterrupt(), "已中断", "Run the same command again"),
    ],
)
def test_a_full_disk_a_closed_folder_and_ctrl_c_are_told_without_a_traceback(place, monkeypatch, error, zh, en):
    def run(*_, **__):
        raise error

    monkeypatch.setattr("aidlib.editions.run", run)
    done = call("report", "small")
    assert done.exit_code == 1
    assert zh in done.stderr
    assert en in done.stderr
    assert "Traceback" not in done.output


def test_a_fault_of_ours_keeps_its_traceback(place, monkeypatch):
    def run(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr("aidlib.editions.run", run)
    assert isinstance(call("report", "small").exception, ZeroDivisionError)


def test_verify_tells_intact_from_changed(place):
    call("report", "small")
    edition = place / "reports/editions/small/2025/990000/r001"
    assert call("verify", edition).exit_code == 0
    (edition / "zh/report.html").write_bytes(b"y")
    done = call("verify", edition)
    assert done.exit_code == 1
    assert "changed: zh/report.html" in done.stdout
    assert json.loads(call("verify", edition, "--json").stdout)["intact"] is False
    assert call("verify", place).exit_code == 1


@dataclass
class Outcome:
    """What an import tells, as its contract says."""

    account: pd.DataFrame
    number: int = 1
    quarantine: Path | None = Path("q.xlsx")
    unchanged: bool = False


def test_import_prints_the_account_and_the_quarantine(monkeypatch):
    asked = {}
    account = pd.DataFrame({"file": ["a.csv"], "read": [3], "accepted": [2], "quarantined": [1]})

    def import_files(paths, source, store, progress=None, project=None):
        asked.update(paths=paths, source=source, store=store)
        return Outcome(account)

    intake = SimpleNamespace(import_files=import_files, draft_mapping=lambda paths: "columns:\n")
    monkeypatch.setattr(aidlib, "intake", intake, raising=False)
    done = call("import", "a.csv", "b", "--source", "demo", "--store", "s")
    assert done.exit_code == 0, done.output
    assert asked == {"paths": [Path("a.csv"), Path("b")], "source": "demo", "store": Path("s")}
    assert "quarantined" in done.stdout
    assert "q.xlsx" in done.stdout
    told = json.loads(call("import", "a.csv", "--source", "demo", "--json").stdout)
    assert told["account"] == [{"file": "a.csv", "read": 3, "accepted": 2, "quarantined": 1}]
    assert call("import", "a.csv", "--draft").stdout == "columns:\n\n"
    assert call("import", "a.csv").exit_code == 2


def test_demo_passes_its_options_and_tells_a_problem(monkeypatch, tmp_path):
    asked = {}

    def write(out, **options):
        asked.update(options, out=out)
        if options["preset"] == "none":
            raise problem("general.missing_file", file="none")
        return SimpleNamespace(files=3)

    monkeypatch.setitem(sys.modules, "aidlib.demo", SimpleNamespace(write=write))
    done = call("demo", tmp_path / "raw", "--households", 300, "--waves", 2, "--json")
    assert json.loads(done.stdout) == {"files": 3}
    assert (asked["households"], asked["waves"], asked["seed"], asked["preset"]) == (300, 2, 20180701, "default")
    assert call("demo", tmp_path, "--preset", "none").exit_code == 1
    assert call("demo", tmp_path, "--waves", 9).exit_code == 2


def test_help_imports_nothing_heavy():
    script = (
        "import runpy, sys\n"
        "sys.argv = ['aidlib', '--help']\n"
        "try:\n    runpy.run_module('aidlib', run_name='__main__')\n"
        "except SystemExit as end:\n    assert not end.code\n"
        "heavy = {'numpy', 'pandas', 'pyarrow', 'scipy', 'matplotlib', 'yaml', 'jinja2', 'xlsxwriter', 'duckdb'}\n"
        "print('loaded:', *sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.endswith("loaded:\n"), done.stdout + done.stderr
    assert "report" in done.stdout


def test_the_version_is_printed():
    assert aidlib.__version__ in call("--version").stdout


@pytest.fixture
def register(tmp_path, monkeypatch) -> Path:
    """A folder for lists, beside a project whose store holds two households on file and one that left."""
    made = project(tmp_path / "project", *GOOD)
    ids = {"household_id": ["h1", "h2", "h3"], "region": "990100", "county": "990101"}
    files = pd.DataFrame({**ids, "dossier_id": ["D1", "D2", "D3"], "recorded_grade": ["deep", "relative", "relative"]})
    files["opened"] = pd.to_datetime(["2020-05-01", "2024-05-01", "2021-05-01"])
    files["closed"] = pd.to_datetime([None, None, "2023-06-01"])
    files["close_reason"] = [None, None, "economic"]
    people = pd.DataFrame({**ids, "person_id": ["p1", "p2", "p3"], "year": 2024, "relation": "self"}).drop(
        columns="county"
    )
    homes = pd.DataFrame({**ids, "year": 2024, "interview_date": pd.Timestamp("2024-10-01")})
    paid = pd.DataFrame({**ids, "aid_id": ["a1", "a2", "a3"], "kind": "condolence", "occasion": "spring_festival"})
    paid["date"] = pd.to_datetime(["2024-01-20", "2024-12-20", "2024-01-20"])
    nothing = pd.DataFrame({"file": [], "sheet": [], "check": [], "region": []})
    store = Store(made.root / "data" / "store")
    tables = {"dossiers": files, "members": people, "households": homes, "aid": paid}
    store.add(tables, files=[], account=nothing, checks=nothing, source="test", demo=True)
    names = {"name": ["欧阳囍喆", "司徒翀", "上官蠡鑫"], "phone": "10077665544", "id_number": "990101196107177719"}
    add_identities(store, pd.DataFrame({"person_id": ["p1", "p2", "p3"], **names}))
    monkeypatch.chdir(made.root)
    folder = tmp_path / "lists"
    folder.mkdir(mode=0o700)
    return folder


def visits(folder: Path, name: str = "list.xlsx", **changes: object):
    options = {"region": "990100", "on": "2024-12-31", "capacity": 5, "officer": "张主任", "purpose": "春节前走访"}
    options |= {"out": folder / name} | changes
    return call("worklist", *[part for key, value in options.items() for part in (f"--{key}", value)])


def test_worklist_writes_the_list_and_tells_where_it_is_but_no_name(register):
    done = visits(register)
    assert done.exit_code == 0, done.output
    assert done.stdout.splitlines()[0] == str(register / "list.xlsx")
    assert "审计第 1 号" in done.stdout
    assert "entry 1 of the audit" in done.stdout
    rows = pd.read_excel(register / "list.xlsx", sheet_name=1, dtype="str")
    assert rows.iloc[:, 1].tolist() == ["欧阳囍喆"]  # h2 was visited lately, h3 is not due in the middle band
    assert not any(word in done.output for word in ("欧阳", "10077665544", "990101196107177719"))
    [entry] = (restricted_folder(Store("data/store")) / "audit.jsonl").read_text("utf-8").splitlines()
    assert json.loads(entry)["officer"] == "张主任"
    assert json.loads(entry)["user"]
    assert json.loads(entry)["at"][:2] == "20"


def test_worklist_tells_json(register):
    done = call("worklist", "--region", "990100", "--on", "2024-12-31", "--capacity", 5, "--out", register / "x.xlsx",
                "--officer", "a", "--purpose", "b", "--json")  # fmt: skip
    told = json.loads(done.stdout)
    assert (told["path"], told["rows"], told["identified"], told["audit"]) == (str(register / "x.xlsx"), 1, 1, 1)


def test_worklist_names_the_checksum_of_the_risk_model_that_it_takes(register, monkeypatch):
    taken = []
    facts = SimpleNamespace(facts={"sha256": "abc"})
    monkeypatch.setattr("aidlib.relapse.load_model", lambda folder: taken.append(folder) or "fitted")
    monkeypatch.setattr("aidlib.relapse.ModelCard", SimpleNamespace(read=lambda path: facts))
    plan = relapse.plan_visits
    monkeypatch.setattr("aidlib.relapse.plan_visits", lambda *a, fitted, **o: taken.append(fitted) or plan(*a, **o))
    done = visits(register, model="models/risk")
    assert done.exit_code == 0, done.output
    assert taken == [Path("models/risk"), "fitted"]
    [entry] = (restricted_folder(Store("data/store")) / "audit.jsonl").read_text("utf-8").splitlines()
    assert json.loads(entry)["model"] == "abc"
    assert visits(register, "other.xlsx").exit_code == 0
    last = (restricted_folder(Store("data/store")) / "audit.jsonl").read_text("utf-8").splitlines()[-1]
    assert json.loads(last)["model"] == ""


@pytest.mark.parametrize(
    ("changes", "word"),
    [
        ({"out": "reports/editions/list.xlsx"}, "must not lie inside"),
        ({"out": "data/store/list.xlsx"}, "must not lie inside"),
        ({"out": "list.xlsx"}, "must not lie inside"),
        ({"purpose": " "}, "--purpose"),
        ({"capacity": 0}, "capacity"),
        ({"on": "2024"}, "--on"),
        ({"name": "list.csv"}, ".xlsx"),
    ],
)
def test_worklist_refuses_with_status_2_and_leaves_nothing(register, changes, word):
    done = visits(register, **changes)
    assert done.exit_code == 2, done.output
    assert word in done.output
    assert list(register.iterdir()) == []
    assert not (restricted_folder(Store("data/store")) / "audit.jsonl").exists()


@pytest.mark.parametrize("option", ["region", "on", "capacity", "out", "officer", "purpose"])
def test_worklist_is_never_written_without_being_asked_for_in_full(register, option):
    given = {"region": "990100", "on": "2024-12-31", "capacity": "5", "out": str(register / "a.xlsx"), "officer": "a",
             "purpose": "b"}  # fmt: skip
    del given[option]
    done = call("worklist", *[part for key, value in given.items() for part in (f"--{key}", value)])
    assert done.exit_code == 2
    assert f"--{option}" in done.output
    assert list(register.iterdir()) == []


def test_worklist_without_identities_is_status_1(register):
    (restricted_folder(Store("data/store")) / "identities.parquet").unlink()
    done = visits(register)
    assert done.exit_code == 1
    assert "aidlib import" in done.stderr
    assert list(register.iterdir()) == []
