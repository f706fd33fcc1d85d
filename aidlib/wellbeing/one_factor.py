"""One factor behind the correlations of items: loadings by least squares (MINRES), and what follows from them."""

from __future__ import annotations

import numpy as np

from aidlib.estimate.sampling import Floats
from aidlib.wellbeing.polychoric import pairs_of

ROUNDS = 200
EXACT = 1e-14


def matrices(correlation: Floats, items: int) -> Floats:
    """Correlations given by pair (… × pairs) as matrices (… × items × items)."""
    first, second = pairs_of(items)
    out = np.zeros((*correlation.shape[:-1], items, items))
    out[..., first, second] = out[..., second, first] = correlation
    out[..., range(items), range(items)] = 1.0
    return out


def loadings(correlation: Floats, items: int) -> Floats:
    """Loadings λ that minimise sum (r_jk - λ_j λ_k)² over the pairs, of positive sum: … × items.

    Gauss-Newton from the first principal component; missing where a correlation is.
    Source: Harman & Jones (1966), Psychometrika 31(3), 351-368.

    >>> loadings(np.array([0.56, 0.48, 0.42]), 3).round(6).tolist()
    [0.8, 0.7, 0.6]
    """
    known = np.isfinite(correlation).all(axis=-1, keepdims=True)
    table = matrices(np.where(known, correlation, 0.5), items)
    size, directions = np.linalg.eigh(table)
    found = directions[..., -1] * np.sqrt(np.maximum(size[..., -1:], 0.0))
    for _ in range(ROUNDS):
        slope, bend = _steps(table, found)
        step = (np.linalg.pinv(bend, hermitian=True) @ slope[..., None])[..., 0]
        found = found + step
        if np.abs(step).max(initial=0.0) < EXACT:
            break
    return np.where(known, found * np.where(found.sum(axis=-1, keepdims=True) < 0, -1.0, 1.0), np.nan)


def loading_slopes(correlation: Floats, found: Floats) -> Floats:
    """Derivatives of the loadings by the correlations: … × items × pairs."""
    items = found.shape[-1]
    first, second = pairs_of(items)
    table, found = matrices(np.nan_to_num(correlation), items), np.nan_to_num(found)
    off = 1 - np.eye(items)
    outer = found[..., :, None] * found[..., None, :]
    bend = off * (table - 2 * outer)
    bend[..., range(items), range(items)] = -(found**2 @ off)
    moved = np.zeros((*found.shape, len(first)))
    pair = np.arange(len(first))
    moved[..., first, pair], moved[..., second, pair] = found[..., second], found[..., first]
    return np.asarray(-np.linalg.pinv(bend, hermitian=True) @ moved)


def omega(found: Floats) -> tuple[Floats, Floats]:
    """(sum λ)² / ((sum λ)² + sum (1 - λ²)) and its derivatives by the loadings (McDonald 1999, Test Theory, ch. 6).

    Missing where a loading is 1 or more, so that an item would have no error of its own.
    """
    total, rest = found.sum(axis=-1), (1 - found**2).sum(axis=-1)
    below = total**2 + rest
    value = total**2 / below
    slope = (2 * total * rest)[..., None] / below[..., None] ** 2 + 2 * found * (total**2 / below**2)[..., None]
    return np.where((np.abs(found) < 1).all(axis=-1), value, np.nan), slope


def ordinal_alpha(correlation: Floats, items: int) -> tuple[Floats, Floats]:
    """Alpha of the standardised latent answers, k / (k - 1) (1 - k / sum R), and its derivative by any correlation.

    Source: Zumbo, Gadermann & Zeisser (2007), J. Mod. Appl. Stat. Methods 6(1), 21-29.
    """
    whole = items + 2 * correlation.sum(axis=-1)
    value = items / (items - 1) * (1 - items / whole)
    return value, items / (items - 1) * 2 * items / whole**2


def _steps(table: Floats, found: Floats) -> tuple[Floats, Floats]:
    """Half the negative gradient of the sum of squares by the loadings, and the Gauss-Newton curvature."""
    items = found.shape[-1]
    off = 1 - np.eye(items)
    outer = found[..., :, None] * found[..., None, :]
    slope = ((table - outer) * off @ found[..., None])[..., 0]
    bend = off * outer
    bend[..., range(items), range(items)] = found**2 @ off
    return slope, bend
