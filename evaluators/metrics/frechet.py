"""The Fréchet distance between two sets of features."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np


def frechet(a: np.ndarray, b: np.ndarray) -> float:
    """Return |mean a - mean b|^2 + tr(A + B - 2 sqrt(AB)) of features (n, d) and (m, d), A and B their sample
    covariances.

    tr sqrt(AB) is the nuclear norm of the product of the centred features, so nothing but real numbers turns up and n
    may be far below d. Long sets are first reduced to the triangle of their QR decomposition, which leaves that norm
    alone. Needs two rows on each side; ValueError otherwise.
    """
    import numpy as np

    if min(len(a), len(b)) < 2:
        raise ValueError(f"a covariance needs two rows, came {len(a)} and {len(b)}")
    a, b = np.asarray(a, float), np.asarray(b, float)
    gap = float(((a.mean(0) - b.mean(0)) ** 2).sum())
    left, right = (_triangle(x - x.mean(0)) / np.sqrt(len(x) - 1) for x in (a, b))
    shared = np.linalg.svd(left @ right.T, compute_uv=False).sum()
    return max(0.0, gap + float((left**2).sum() + (right**2).sum() - 2 * shared))


def _triangle(centred: np.ndarray) -> np.ndarray:
    import numpy as np

    return np.asarray(np.linalg.qr(centred, mode="r")) if len(centred) > centred.shape[1] else centred
