import json
import os
import stat

import numpy as np
import pandas as pd
import pytest

from aidlib.reference import Problem
from aidlib.store import Store, add_identities, enter_audit, read_contacts, restricted_folder, write_restricted

ACCOUNT = pd.DataFrame(
    {"file": ["a.csv"], "sheet": "", "table": "households", "read": 3, "accepted": 2, "quarantined": 0, "duplicates": 0,
     "non_data": 1}
)  # fmt: skip
CHECKS = pd.DataFrame({"check": ["size"], "region": "990100", "rows": 2, "failed": 1})


def households(**changes) -> pd.DataFrame:
    rows = {"household_id": ["h1", "h2", "h1"], "year": [2024, 2024, 2025], "region": ["990100", "990200", "990100"]}
    return pd.DataFrame({**rows, "income": [900.0, np.nan, 1000.0], **changes})


def add(store: Store, rows: pd.DataFrame, *, demo: bool = False, source: str = "union", **options) -> int:
    return store.add({"households": rows}, files=[{"name": "a.csv", "sha256": "0"}], account=ACCOUNT, checks=CHECKS,
                     source=source, demo=demo, **options)  # fmt: skip


@pytest.fixture
def store(tmp_path) -> Store:
    made = Store(tmp_path / "store")
    add(made, households())
    return made


# by hand


def test_what_was_added_comes_back_sorted_and_typed(store):
    rows = store.read("households")
    assert rows["household_id"].tolist() == ["h1", "h1", "h2"]
    assert rows["year"].tolist() == [2024, 2025, 2024]
    assert rows.dtypes.astype(str).to_dict() == {
        "household_id": "str", "year": "int64", "region": "str", "income": "float64"
    }  # fmt: skip
    assert np.isnan(rows["income"][2])


def test_partitions_lie_where_the_architecture_says(store):
    paths = sorted(p.relative_to(store.path).as_posix() for p in store.path.rglob("*.parquet"))
    assert [p.rsplit("/", 1)[0] for p in paths] == [
        "parts/households/region=990100/year=2024",
        "parts/households/region=990100/year=2025",
        "parts/households/region=990200/year=2024",
    ]
    named = {part["path"]: part["sha256"] for part in store.manifest()["tables"]["households"]}
    assert all(path.endswith(f"{digest[:16]}.parquet") for path, digest in named.items())


def test_reading_keeps_the_asked_regions_years_and_columns(store):
    rows = store.read("households", columns=["income", "debt"], regions=["990100"], years=[2025])
    assert rows.to_dict("list") == {"income": [1000.0]}


def test_dated_tables_are_kept_by_region_and_read_by_the_year_of_their_date(tmp_path):
    store = Store(tmp_path / "s")
    aid = pd.DataFrame({"aid_id": ["1", "2"], "household_id": "h", "region": "990100", "amount": [5.0, 6.0],
                        "date": pd.to_datetime(["2024-02-01", "2025-02-01"])})  # fmt: skip
    store.add({"aid": aid}, files=[], account=ACCOUNT, checks=CHECKS, source="u", demo=False)
    assert store.read("aid", columns=["amount"], years=[2025]).to_dict("list") == {"amount": [6.0]}


def test_a_table_the_store_lacks_comes_back_empty_with_its_columns(store):
    rows = store.read("dossiers")
    assert len(rows) == 0
    assert {"dossier_id", "opened", "closed"} <= set(rows)
    assert str(rows["opened"].dtype).startswith("datetime64")


def test_a_newer_import_replaces_rows_of_the_same_key_and_says_how_many(store):
    number = add(store, households().iloc[[0]].assign(income=777.0, region="990200"))
    assert number == 2
    assert sorted(store.read("households")["income"].dropna()) == [777.0, 1000.0]
    assert len(store.read("households")) == 3
    assert store.manifest()["replaced"] == {"households": 1}


def test_earlier_manifests_stay_readable(store):
    add(store, households().iloc[[0]].assign(income=777.0))
    assert sorted(store.read("households", number=1)["income"].dropna()) == [900.0, 1000.0]
    assert store.numbers() == [1, 2]
    assert [file["name"] for file in store.manifest()["files"]] == ["a.csv", "a.csv"]


def test_account_and_checks_grow_with_every_import(store):
    add(store, households().iloc[[0]])
    assert store.account()["read"].tolist() == [3, 3]
    assert store.checks().to_dict("records") == [{"check": "size", "region": "990100", "rows": 4, "failed": 2}]
    assert store.account(1)["read"].tolist() == [3]


def test_units_that_are_not_the_dictionarys_are_in_the_manifest(tmp_path):
    store = Store(tmp_path / "s")
    add(store, households(), units={"households.income": "thousand dong/year"})
    assert store.manifest()["units"] == {"households.income": "thousand dong/year"}


# laws


def test_equal_rows_give_equal_bytes(tmp_path):
    for name in ("a", "b"):
        add(Store(tmp_path / name), households().sample(frac=1, random_state=1 if name == "a" else 2))
    first, second = ({p.relative_to(tmp_path / n): p.read_bytes() for p in (tmp_path / n).rglob("*") if p.is_file()}
                     for n in "ab")  # fmt: skip
    assert first == second


def test_every_flipped_bit_is_found(store):
    rng = np.random.default_rng(7)
    files = sorted(p for p in store.path.rglob("*") if p.is_file())
    for _ in range(200):
        path = files[rng.integers(len(files))]
        content = bytearray(path.read_bytes())
        place = int(rng.integers(len(content)))
        good = content[place]
        content[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(content)
        with pytest.raises(Problem):
            store.read("households")
        content[place] = good
        path.write_bytes(content)
    assert len(store.read("households")) == 3


def test_an_addition_larger_than_memory_is_the_same_as_one_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr("aidlib.store.folder.PENDING", 1)
    store = Store(tmp_path / "s")
    with store.addition(source="u", demo=False) as addition:
        for i in range(3):
            addition.write("households", households().iloc[[i]])
        addition.commit(files=[], account=ACCOUNT, checks=CHECKS)
    expected = Store(tmp_path / "t")
    monkeypatch.undo()
    add(expected, households())
    pd.testing.assert_frame_equal(store.read("households"), expected.read("households"))


# errors


def test_a_damaged_or_missing_part_is_named(store):
    path = next(store.path.rglob("*.parquet"))
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(Problem, match=path.name) as caught:
        store.read("households")
    assert caught.value.key == "store.damaged_part"
    path.unlink()
    with pytest.raises(Problem, match=path.name) as caught:
        store.read("households")
    assert caught.value.key == "store.missing_part"


def test_an_edited_manifest_is_found(store):
    path = next((store.path / "manifests").glob("*.json"))
    manifest = json.loads(path.read_text(encoding="utf-8"))
    manifest["account"][0]["accepted"] = 999
    path.write_text(json.dumps(manifest), encoding="utf-8")
    with pytest.raises(Problem, match=r"000001\.json"):
        store.account()


def test_a_folder_without_manifest_is_no_store(tmp_path):
    with pytest.raises(Problem) as caught:
        Store.open(tmp_path)
    assert caught.value.key == "store.no_store"


def test_the_demonstration_and_real_sources_never_share_a_store(store, tmp_path):
    with pytest.raises(Problem) as caught:
        add(store, households(), demo=True, source="demo")
    assert caught.value.key == "store.demo_source"
    demo = Store(tmp_path / "demo")
    add(demo, households(), demo=True, source="demo")
    with pytest.raises(Problem) as caught:
        add(demo, households())
    assert caught.value.key == "store.demo_store"


def test_a_failed_addition_leaves_the_store_as_it_was(store, monkeypatch):
    before = {p: p.read_bytes() for p in store.path.rglob("*") if p.is_file()}

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("aidlib.store.folder.manifests.write", fail)
    with pytest.raises(OSError, match="No space"):
        add(store, households(income=[1.0, 2.0, 3.0]))
    assert {p: p.read_bytes() for p in store.path.rglob("*") if p.is_file()} == before


def test_a_failed_first_addition_leaves_no_folder(tmp_path):
    with pytest.raises(KeyError):
        Store(tmp_path / "s").add({"no_table": households()}, files=[], account=ACCOUNT, checks=CHECKS, source="u",
                                  demo=False)  # fmt: skip
    assert not (tmp_path / "s").exists()


def test_two_imports_at_once_leave_one(store):
    with store.addition(source="u", demo=False) as late:
        late.write("households", households().iloc[[1]])
        add(store, households().iloc[[0]])
        with pytest.raises(Problem) as caught:
            late.commit(files=[], account=ACCOUNT, checks=CHECKS)
    assert caught.value.key == "store.busy"
    assert store.numbers() == [1, 2]
    assert len(store.read("households")) == 3


# the restricted side


@pytest.mark.skipif(os.name != "posix", reason="file modes are a POSIX matter")
def test_the_restricted_side_is_closed_and_beside_the_store(store):
    people = pd.DataFrame({"person_id": ["p1"], "name": ["张三"], "id_number": ["x"]})
    path = add_identities(store, people)
    assert path.parent == restricted_folder(store) == store.path.with_name("store.restricted")
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(write_restricted(store, "q.xlsx", b"x").stat().st_mode) == 0o600


def test_the_newest_known_identifier_stays(store):
    add_identities(store, pd.DataFrame({"person_id": ["p2", "p1"], "name": ["李四", "张三"], "phone": ["1", "2"]}))
    path = add_identities(store, pd.DataFrame({"person_id": ["p1"], "name": ["张叁"], "phone": [None]}))
    known = pd.read_parquet(path)
    assert known.to_dict("list") == {"person_id": ["p1", "p2"], "name": ["张叁", "李四"], "phone": ["2", "1"]}


def test_contacts_are_read_without_identity_numbers(store):
    people = {"person_id": ["p1", "p2", "p3"], "name": ["张三", "李四", "王五"], "phone": ["1", None, "3"]}
    add_identities(store, pd.DataFrame({**people, "id_number": "99", "bank_account": "62"}))
    found = read_contacts(store, ["p2", "p1", "p9"])
    assert found.columns.tolist() == ["person_id", "name", "phone", "address"]
    assert found["name"].tolist() == ["张三", "李四"]
    assert found["phone"].isna().tolist() == [False, True]
    assert found["address"].isna().all()


def test_a_store_without_identities_says_so_and_makes_no_folder(store):
    with pytest.raises(Problem) as caught:
        read_contacts(store, ["p1"])
    assert caught.value.key == "store.no_identities"
    assert not store.path.with_name("store.restricted").exists()


@pytest.mark.skipif(os.name != "posix", reason="file modes are a POSIX matter")
def test_the_audit_grows_by_numbered_lines_that_only_its_owner_reads(store):
    assert [enter_audit(store, {"purpose": "走访"}), enter_audit(store, {"purpose": "b\nc"})] == [1, 2]
    path = restricted_folder(store) / "audit.jsonl"
    assert [json.loads(line)["number"] for line in path.read_text("utf-8").splitlines()] == [1, 2]
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
