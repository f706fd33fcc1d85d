"""Who a row is about, without saying so: identity numbers checked, then replaced by keyed pseudonyms.

Identity numbers follow GB 11643-1999: 6 digits of place, 8 of birth, 3 of sequence (odd = male), a check digit by
ISO 7064 MOD 11-2. The 15-digit form lacks the century and the check digit.
"""

from __future__ import annotations

import hmac
import os
import secrets
from pathlib import Path

import numpy as np
import pandas as pd

from aidlib.intake.cells import on_distinct, plain

DEMO_KEY = b"aidlib demonstration key: published, protects nobody"
_WEIGHTS = np.array([7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2])
_CHECK = np.frombuffer(b"10X98765432", dtype=np.uint8)
_LENGTH = 20  # hexadecimal digits of a pseudonym


def pseudonym_key(*, demo: bool) -> bytes:
    """The secret of this user's pseudonyms, made on first use in the user's configuration folder (mode 0600).

    $AIDLIB_KEY_FILE names another file. The demonstration survey has a published key.
    """
    if demo:
        return DEMO_KEY
    import platformdirs

    default = Path(platformdirs.user_config_dir("aidlib", appauthor=False)) / "pseudonym.key"
    path = Path(os.environ.get("AIDLIB_KEY_FILE") or default)
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(secrets.token_hex(32).encode())
    return path.read_bytes().strip()


def pseudonyms(values: pd.Series, key: bytes) -> pd.Series:
    """HMAC-SHA256 of each value under ``key``, the first 20 hexadecimal digits; missing stays missing."""
    return on_distinct(values, lambda distinct: _digests(distinct, key))["pseudonym"]


def _digests(distinct: pd.Series, key: bytes) -> pd.DataFrame:
    found = distinct.map(lambda value: hmac.digest(key, value.encode(), "sha256").hex()[:_LENGTH], na_action="ignore")
    return pd.DataFrame({"pseudonym": found.astype("object")})


def read_ids(text: pd.Series, confirmed: pd.Series | None = None) -> pd.DataFrame:
    """What identity numbers say: ``id18`` (15-digit forms brought to 18), ``fault``, ``birth_year``, ``sex``.

    fault: "rounded" (a spreadsheet kept 15 digits; never repaired), "check_digit", "bad_id", or missing. ``confirmed``
    marks rows that a person has looked at: there a right check digit is proof enough against "rounded".
    """
    read = on_distinct(text, _read)
    sure = read["valid"] & (False if confirmed is None else confirmed.to_numpy(dtype=bool))
    fault = read["fault"].mask(read["fault"].eq("rounded") & sure)
    return read.assign(fault=fault).drop(columns="valid")


def _read(distinct: pd.Series) -> pd.DataFrame:
    written = plain(distinct).str.upper().str.replace(r"^(身份证号码|身份证号|身份证)?[::]?", "", regex=True)
    written = written.str.replace(r"\.0$", "", regex=True)
    blank = distinct.isna() | written.fillna("").isin(["", "—", "-", "/", "无", "NAN", "NONE"])
    float_written = written.str.fullmatch(r"\d(?:\.\d+)?E\+?\d{2}", na=False)
    fifteen = written.str.fullmatch(r"\d{15}", na=False)
    long = written.where(~fifteen, written.str[:6] + "19" + written.str[6:] + "0")
    eighteen = long.str.fullmatch(r"\d{17}[\dX]", na=False)
    matrix = _matrix(long.where(eighteen, "0" * 18))
    check = _CHECK[(matrix[:, :17] - 48) @ _WEIGHTS % 11]
    matrix[:, 17] = np.where(fifteen, check, matrix[:, 17])
    valid = eighteen & (matrix[:, 17] == check)
    year = (matrix[:, 6:10] - 48) @ np.array([1000, 100, 10, 1])
    month, day = (matrix[:, 10:12] - 48) @ np.array([10, 1]), (matrix[:, 12:14] - 48) @ np.array([10, 1])
    born = (year >= 1880) & (year <= 2100) & (month >= 1) & (month <= 12) & (day >= 1) & (day <= 31)
    rounded = float_written | (eighteen & ~fifteen & _rounded(matrix, valid))
    fault = pd.Series(None, index=distinct.index, dtype="object")
    fault[~blank & ~eighteen] = "bad_id"
    fault[eighteen & ~born] = "bad_id"
    fault[eighteen & ~valid] = "check_digit"
    fault[rounded & ~blank] = "rounded"
    whole = pd.Series(
        np.ascontiguousarray(matrix.astype(np.uint8)).view("S18").ravel().astype("U18"), index=distinct.index
    )
    usable = eighteen & valid & born
    male = (matrix[:, 16] - 48) % 2 == 1
    return pd.DataFrame(
        {
            "id18": whole.astype("object").where(usable, None),
            "fault": fault,
            "birth_year": pd.Series(year, index=distinct.index, dtype="float64").where(usable),
            "sex": pd.Series(np.where(male, "male", "female"), index=distinct.index, dtype="object").where(
                usable, None
            ),
            "valid": usable,
        }
    )


def _matrix(ids: pd.Series) -> np.ndarray:
    """18-character numbers as a matrix of character codes."""
    return np.array(ids.tolist(), dtype="S18").reshape(-1, 1).view(np.uint8).reshape(-1, 18).astype(np.int64)


def _rounded(matrix: np.ndarray, valid: pd.Series) -> np.ndarray:
    """Numbers that a spreadsheet has rounded: 15 significant digits, or the floating-point number nearest to them.

    Also those that any floating-point number could show, where the check digit is wrong besides.
    """
    digits = np.where(matrix[:, 17] == ord("X"), 48, matrix[:, 17])
    number = (matrix[:, :17] - 48) @ (10 ** np.arange(17, 0, -1)) + (digits - 48)
    tail = number % 1000
    nearest = number - tail + np.where(tail >= 500, 1000, 0)
    short = (number == nearest) | (number == nearest.astype(np.float64).astype(np.int64))
    double = number == number.astype(np.float64).astype(np.int64)
    numeric = matrix[:, 17] != ord("X")
    return numeric & (short | (double & ~valid.to_numpy()))
