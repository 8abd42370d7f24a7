"""FID and PA-MPJPE against the reference way: ``python -m benchmarks motion``.

The reference script of FID (text-to-motion) takes a matrix square root of the product of the covariances; the reference
of PA-MPJPE is scipy's Procrustes, frame by frame. The bar of FID is 10,000 features of 512 numbers in under five
seconds."""

from __future__ import annotations

import time
from collections.abc import Callable

CLIPS, WIDTH, FRAMES = 10_000, 512, 20_000


def main() -> None:
    """Time both ways in turn and print seconds and ratios."""
    import numpy as np

    from evaluators.metrics.frechet import frechet
    from evaluators.metrics.motion_pair.mpjpe_pa_mm import procrustes

    rng = np.random.default_rng(0)
    a, b = rng.normal(size=(2, CLIPS, WIDTH))
    print(f"{'what':<44}{'reference':>11}{'ours':>9}{'ratio':>8}")
    _compare(f"FID, {CLIPS} x {WIDTH}, s", lambda: _by_square_root(a, b), lambda: frechet(a, b))
    x, y = rng.normal(size=(2, FRAMES, 15, 3))
    _compare(f"PA-MPJPE, {FRAMES} frames of 15, s", lambda: _frame_by_frame(x, y), lambda: procrustes(x, y))


def _compare(what: str, reference: Callable, ours: Callable) -> None:
    slow, fast = (min(_seconds(call) for _ in range(3)) for call in (reference, ours))
    print(f"{what:<44}{slow:>11.2f}{fast:>9.2f}{slow / fast:>7.1f}x", flush=True)


def _seconds(call: Callable) -> float:
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def _by_square_root(a, b) -> float:
    import numpy as np
    from scipy.linalg import sqrtm

    left, right = np.cov(a, rowvar=False), np.cov(b, rowvar=False)
    root = np.real(sqrtm(left @ right))
    return float(((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(left + right - 2 * root))


def _frame_by_frame(x, y) -> None:
    from scipy.linalg import orthogonal_procrustes

    for p, r in zip(x, y, strict=True):
        orthogonal_procrustes(p - p.mean(0), r - r.mean(0))


if __name__ == "__main__":
    main()
