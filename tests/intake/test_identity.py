import os
import stat

import pandas as pd
import pytest

from aidlib.intake.identity import DEMO_KEY, pseudonym_key, pseudonyms, read_ids
from tests.intake.samples import identity_number

VALID = "11010519491231002X"  # the example of the standard's own annex


def ids(*texts: str | None, confirmed: bool = False) -> pd.DataFrame:
    text = pd.Series(list(texts), dtype="str")
    return read_ids(text, pd.Series(confirmed, index=text.index))


def test_a_right_number_gives_birth_year_and_sex():
    found = ids(VALID).iloc[0]
    assert found["id18"] == VALID
    assert pd.isna(found["fault"])
    assert (found["birth_year"], found["sex"]) == (1949, "female")


@pytest.mark.parametrize(
    "written",
    [
        VALID.lower(),
        "１１０１０５１９４９１２３１００２Ｘ",
        f"身份证号：{VALID}",
        f"'{VALID}",
        f" {VALID[:6]} {VALID[6:]} ",
        "110105491231002",
    ],
)
def test_other_writings_of_one_number_are_one_person(written):
    assert ids(written)["id18"][0] == VALID


def test_a_wrong_check_digit_is_found_in_every_place():
    digits = VALID[:17]
    for place in range(17):
        changed = digits[:place] + str((int(digits[place]) + 1) % 10) + digits[place + 1 :] + "X"
        assert ids(changed)["fault"][0] in {"check_digit", "bad_id"}


@pytest.mark.parametrize(
    "written", ["110105194912310021X", "1101051949", "张三", "11010519491331002X", "ABCDEFGHIJKLMNOPQR"]
)
def test_what_is_no_number_is_bad(written):
    assert ids(written)["fault"][0] in {"bad_id", "check_digit"}


@pytest.mark.parametrize("blank", [None, "", "无", "—", "/"])
def test_a_person_without_a_number_is_no_fault(blank):
    found = ids(blank)
    assert found["id18"].isna()[0]
    assert found["fault"].isna()[0]


def test_every_number_that_a_spreadsheet_rounded_is_found():
    numbers = [identity_number("990101", f"19{70 + i % 30}0102", 100 + i) for i in range(600)]
    digits = [n for n in numbers if not n.endswith("X")]
    forms = {
        "fifteen": [n[:15] + "000" for n in digits],
        "nearest": [str(int(float(n[:15] + "000"))) for n in digits],
        "scientific": [f"{float(n):.5E}" for n in digits],
        "shown": [f"{float(n):.14E}" for n in digits],
    }
    for form, written in forms.items():
        assert ids(*written)["fault"].eq("rounded").all(), form
    double = ids(*(str(int(float(n))) for n in digits))["fault"]
    assert double.notna().mean() > 0.85  # what a check digit can tell; in a workbook the cell's type tells the rest
    assert ids(*numbers)["fault"].isna().mean() > 0.99


def test_a_number_ending_in_zeros_is_accepted_once_a_person_has_confirmed_it():
    number = next(n for n in (identity_number("990101", f"1970{m:02d}{d:02d}", s) for m in range(1, 13)
                              for d in range(1, 29) for s in (100, 200, 300)) if n.endswith("000"))  # fmt: skip
    assert ids(number)["fault"][0] == "rounded"
    assert ids(number, confirmed=True)["fault"].isna()[0]


def test_pseudonyms_depend_on_key_and_number_only():
    people = pd.Series([VALID, None, VALID], dtype="object")
    first = pseudonyms(people, b"key")
    assert first[0] == first[2]
    assert pd.isna(first[1])
    assert len(first[0]) == 20
    assert set(first[0]) <= set("0123456789abcdef")
    assert pseudonyms(people, b"other")[0] != first[0]
    # python -c "import hmac; print(hmac.new(b'key', b'11010519491231002X', 'sha256').hexdigest()[:20])"
    assert first[0] == "c702e187e6363f417304"


@pytest.mark.skipif(os.name != "posix", reason="file modes are a POSIX matter")
def test_the_key_is_made_once_and_closed(tmp_path, monkeypatch):
    path = tmp_path / "deep" / "pseudonym.key"
    monkeypatch.setenv("AIDLIB_KEY_FILE", str(path))
    key = pseudonym_key(demo=False)
    assert key == pseudonym_key(demo=False)
    assert len(key) == 64
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert pseudonym_key(demo=True) == DEMO_KEY != key
