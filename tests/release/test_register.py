"""The register: lines are added whole or not at all, and a damaged one stops every further release."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import time

import pytest

from aidlib.reference import Problem
from aidlib.release import Record, Register
from aidlib.release.register import digest


def record(release: int = 1, region: str = "990000") -> Record:
    rows = (
        ("region=990100;measure=count;", 34.0, "", "ab"),
        ("region=990200;measure=count;", None, "suppressed", "cd"),
    )
    return Record("annual", "2025", region, release, "profile/on_file", "R", "digest", rows)


def test_what_was_added_is_read_in_order(tmp_path):
    register = Register(tmp_path / "beside" / "register.jsonl")
    assert register.read() == []
    register.append([record()])
    register.append([record(2), record(3)])
    assert register.read() == [record(), record(2), record(3)]
    assert len(register.path.read_text("utf-8").splitlines()) == 3


def test_nothing_added_writes_nothing(tmp_path):
    register = Register(tmp_path / "register.jsonl")
    register.append([])
    assert not register.path.exists()


def test_a_line_cut_by_a_dying_runner_is_no_record_and_is_replaced(tmp_path):
    register = Register(tmp_path / "register.jsonl")
    register.append([record()])
    whole, state = register.path.read_bytes(), register.state()
    for cut in (1, 50, len(whole) - 1):
        register.path.write_bytes(whole + whole[:cut])
        assert (register.read(), register.state()) == ([record()], state)
        register.append([record(2)])
        assert register.read() == [record(), record(2)]


@pytest.mark.parametrize("line", ["{}", "[1, 2]", "not json", json.dumps({"format": 99})])
def test_a_damaged_line_is_named(tmp_path, line):
    register = Register(tmp_path / "register.jsonl")
    register.append([record()])
    with register.path.open("a", encoding="utf-8") as file:
        file.write(line + "\n")
    with pytest.raises(Problem, match=r"[Ll]ine 2 .*register\.jsonl"):
        register.read()


def test_the_state_changes_with_every_addition(tmp_path):
    register = Register(tmp_path / "register.jsonl")
    states = [register.state()]
    for number in range(3):
        register.append([record(number)])
        states.append(register.state())
    assert len(set(states)) == 4


def test_runners_at_the_same_time_lose_no_line(tmp_path):
    path = tmp_path / "register.jsonl"
    runners = [multiprocessing.get_context("fork").Process(target=_append, args=(path, each)) for each in range(4)]
    for runner in runners:
        runner.start()
    for runner in runners:
        runner.join()
    found = [(r.region, r.release) for r in Register(path).read()]
    assert sorted(found) == [(str(region), release) for region in range(4) for release in range(20)]


def test_a_digest_tells_numbers_apart_to_twelve_digits():
    assert digest([0.1 + 0.2, 5.0]) == digest([0.3, 5.0])
    assert digest([0.3, 5.0]) != digest([0.3 + 1e-9, 5.0])
    assert digest([float("nan")]) == digest([float("nan")])


def test_two_runs_do_not_decide_from_the_same_state(tmp_path):
    """Each run reads, thinks and adds the next number: none is given twice, and no run sees another between."""
    path = tmp_path / "register.jsonl"
    runs = [multiprocessing.get_context("fork").Process(target=_release, args=(path,)) for _ in range(2)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert [run.exitcode for run in runs] == [0, 0]
    assert [found.release for found in Register(path).read()] == list(range(1, 21))


def test_a_run_that_waits_too_long_for_another_is_refused(tmp_path):
    path = tmp_path / "register.jsonl"
    with Register(path).held(), pytest.raises(Problem, match=r"register\.jsonl") as found:
        Register(path, wait=0.2).held().__enter__()
    assert found.value.key == "release.busy"


def test_a_run_that_died_holds_nothing(tmp_path):
    path = tmp_path / "register.jsonl"
    run = multiprocessing.get_context("fork").Process(target=_die_holding, args=(path,))
    run.start()
    run.join()
    assert run.exitcode == -signal.SIGKILL
    with Register(path, wait=0).held():
        Register(path).append([record()])
    assert Register(path).read() == [record()]


def _release(path):
    for _ in range(10):
        register = Register(path)
        with register.held():
            last = max((found.release for found in register.read()), default=0)
            time.sleep(0.005)
            register.append([record(last + 1)])


def _die_holding(path):
    Register(path).held().__enter__()
    os.kill(os.getpid(), signal.SIGKILL)


def _append(path, region):
    for number in range(20):
        Register(path).append([record(number, str(region))])
