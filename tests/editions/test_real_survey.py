"""A survey that nobody here made, by the documented commands, to an edition: its numbers are those of R."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from aidlib import cli, release

ROOT = Path(__file__).parents[2]
VIETNAM = ROOT.parent / "shared" / "data" / "vietnam"
FIGURES = {  # entry, its rows, and the figure of R
    "income_mean": ("concept == 'income' and year == '1998'", "mean_pce", "pce"),
    "headcount_persons": ("year == '1998' and multiple == '1.0'", "fgt_person", "P0"),
    "gap": ("year == '1998' and multiple == '1.0'", "fgt_person", "P1"),
}
PUBLISHED = {
    "income_mean": "profile/income_mean[income,1998,mean]",
    "headcount_persons": "profile/headcount_persons[1998,1.0,fgt_0]",
    "gap": "profile/gap[1998,1.0,fgt_1]",
}


@pytest.mark.skipif(not VIETNAM.is_dir(), reason="the shared data sets are not beside this checkout")
def test_a_real_household_survey_becomes_an_edition(tmp_path, monkeypatch):
    computed = {}
    protect = release.protect

    def watched(contents, *arguments, **options):
        computed.update(contents)
        return protect(contents, *arguments, **options)

    monkeypatch.setattr(release, "protect", watched)
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
    profile = next(content for content in computed["000000"] if content.name == "profile")
    entries = {item.key: item.estimates for item in profile.items if hasattr(item, "estimates")}
    for key, (rows, figure, name) in FIGURES.items():
        estimate, error = expected[figure]["estimate"][name], expected[figure]["se"][name]
        exact = entries[key].rows.query(rows).iloc[0]
        assert [exact["estimate"], exact["se"]] == pytest.approx([estimate, error], rel=1e-8)
        told = published[PUBLISHED[key]]
        digit = 10 ** (np.floor(np.log10(error)) - 1)  # numbers are told to the second digit of their error
        assert told["estimate"] == pytest.approx(estimate, abs=max(digit, 0.001 if told["unit"] == "share" else 0) / 2)
        assert told["se"] == pytest.approx(error, abs=digit / 2)
    page = (edition / "zh" / "report.html").read_text(encoding="utf-8")
    assert "模拟数据" not in page
    assert "档案" in page  # the sections that the source lacks say so
