"""Random numbers by named stream, so that a new stream leaves the draws of all others as they were."""

from __future__ import annotations

from zlib import crc32

import numpy as np


def stream(seed: int, name: str) -> np.random.Generator:
    """The generator of the stream ``name`` under ``seed``."""
    return np.random.default_rng([seed, crc32(name.encode())])


def logistic(x: np.ndarray) -> np.ndarray:
    """1 / (1 + exp(-x))."""
    return 1.0 / (1.0 + np.exp(-x))


def pick(rng: np.random.Generator, shares: object, size: int | tuple[int, ...]) -> np.ndarray:
    """Positions 0, 1, … drawn with ``shares`` (any positive numbers), as int8."""
    edges = np.cumsum(np.asarray(shares, dtype=float))
    found = np.searchsorted(edges / edges[-1], rng.random(size), side="right")
    return np.minimum(found, len(edges) - 1).astype(np.int8)
