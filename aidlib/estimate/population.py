"""A digest of the set of units behind a figure: equal sets, equal digests, whatever their order.

Every unit's identity becomes a 64-bit number (SplitMix64: Steele, Lea & Flood 2014, OOPSLA, 453-472); the digest keys
the number of units and two sums over them, so that nothing needs to be sorted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

Words = NDArray[np.uint64]

KEY = b"aidlib population digest v2"  # public: the digest compares unit sets, it hides nothing
CHUNK = 1 << 15  # units hashed at once: their words stay in the processor's cache
OWN = np.array([2 ** (8 * n) - 1 for n in range(9)], dtype=np.uint64)  # the first n bytes of a word
STEP, FIRST, SECOND = (np.uint64(c) for c in (0x9E3779B97F4A7C15, 0xBF58476D1CE4E5B9, 0x94D049BB133111EB))


def digest(columns: Sequence[pd.Series | pd.Index], inside: NDArray[np.bool_] | None) -> str:
    """32 hexadecimal digits for the units ``inside`` (None: all), told apart by the values of ``columns``."""
    words = [word for column in columns for word in _words(column, inside)]
    units = len(words[0]) if words else 0
    sums = [0, 0]
    for start in range(0, units, CHUNK):
        state = np.zeros(min(CHUNK, units - start), dtype=np.uint64)
        for word in words:
            state ^= word[start : start + CHUNK]
            _mix(state)
        sums[0] += int(state.sum())
        _mix(state)
        sums[1] += int(state.sum())
    content = ",".join(str(number % 2**64) for number in (units, *sums))
    return hashlib.blake2b(content.encode(), digest_size=16, key=KEY).hexdigest()


def _mix(state: Words) -> None:
    """SplitMix64's output function, in place."""
    state += STEP
    state ^= state >> np.uint64(30)
    state *= FIRST
    state ^= state >> np.uint64(27)
    state *= SECOND
    state ^= state >> np.uint64(31)


def _words(column: pd.Series | pd.Index, inside: NDArray[np.bool_] | None) -> list[Words]:
    """A column's values as one or more 64-bit words each."""
    values = column if inside is None else column[inside]
    if isinstance(values.dtype, np.dtype) and values.dtype.kind in "iu":
        return [np.asarray(values).astype(np.int64, copy=False).view(np.uint64)]
    if isinstance(values.dtype, pd.StringDtype):
        return _text_words(pa.array(values.array, type=pa.large_string(), from_pandas=True))
    return [pd.util.hash_array(np.asarray(values, dtype=object), categorize=False)]


def _text_words(texts: pa.Array | pa.ChunkedArray) -> list[Words]:
    """UTF-8 bytes, eight a word, zeros at the end, and the length (all ones where missing) as the last word."""
    if isinstance(texts, pa.ChunkedArray):
        texts = texts.combine_chunks()
    known = ~texts.is_null().to_numpy(zero_copy_only=False)
    texts = texts.fill_null("") if not known.all() else texts
    rows = len(texts)
    ends = np.frombuffer(texts.buffers()[1], dtype=np.int64)[texts.offset : texts.offset + rows + 1]
    lengths = np.diff(ends)
    content = texts.buffers()[2]
    data = np.zeros(int(ends[-1] - ends[0]) + 8, dtype=np.uint8)
    if content is not None:
        data[:-8] = np.frombuffer(content, dtype=np.uint8)[ends[0] : ends[-1]]
    anywhere: Words = np.ndarray(len(data) - 7, dtype="<u8", buffer=data, strides=(1,))  # the word at every byte
    words = []
    for start in range(0, int(lengths.max(initial=0)), 8):
        place = np.minimum(ends[:-1] - ends[0] + start, len(anywhere) - 1)
        words.append((anywhere[place] & OWN[np.clip(lengths - start, 0, 8)]).astype(np.uint64, copy=False))
    return [*words, np.where(known, lengths, -1).astype(np.int64).view(np.uint64)]
