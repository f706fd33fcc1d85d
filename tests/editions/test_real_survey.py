"""A survey that nobody here made, by the documented commands, to an edition: its numbers are those of R."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from aidlib import cli

ROOT = Path(__file__).parents[2]
VIETNAM = ROOT.parent / "shared" / "data" / "vietnam"


@pytest.mark.skipif(not VIETNAM.is_dir(), reason="the shared data sets are not beside this checkout")
def test_a_real_household_survey_becomes_an_edition(tmp_path, monkeypatch):
    monkeypatch.setenv("AIDLIB_KEY_FILE", str(tmp_path / "key"))
    monkeypatch.chdir(ROOT)
    store, out = str(tmp_path / "store"), tmp_path / "published" / "editions"
    steps = [
        ["import", str(VIETNAM / "vietnam_lsms_1997_households.csv"), "--source", "vietnam", "--store", store],
        ["report", "annual", "--period", "1998", "--region", "000000", "--store", store, "--out", str(out)],
    ]
    for words in steps:
        result = CliRunner().invoke(cli.main, words)
        assert result.exit_code == 0, result.output
    edition = out / "annual" / "1998" / "000000" / "r001"
    published = json.loads((edition / "registry.json").read_text(encoding="utf-8"))
    expected = json.loads((VIETNAM / "expected.json").read_text(encoding="utf-8"))
    figures = {
        "profile/income_mean[income,1998,mean]": (expected["mean_pce"], "pce"),
        "profile/headcount_persons[1998,1.0,fgt_0]": (expected["fgt_person"], "P0"),
        "profile/gap[1998,1.0,fgt_1]": (expected["fgt_person"], "P1"),
    }
    for key, (r, name) in figures.items():
        entry = published[key]
        assert entry["estimate"] == pytest.approx(r["estimate"][name], rel=1e-8)
        assert entry["se"] == pytest.approx(r["se"][name], rel=1e-8)
    page = (edition / "zh" / "report.html").read_text(encoding="utf-8")
    assert "模拟数据" not in page
    assert "档案" in page  # the sections that the source lacks say so
