"""How far two bodies share one space of embeddings: pure functions of two sets of vectors."""

from __future__ import annotations

import numpy as np
from scipy.spatial.distance import cdist

RIDGE = 1e-2
TSNE_STEPS, TSNE_EXAGGERATED = 500, 100


def knn_mixing(one: np.ndarray, other: np.ndarray, k: int = 10) -> float:
    """Return the share of the other body among k nearest neighbours, over what chance would give: 0 apart, 1 mixed.

    one (n, d), other (m, d). A vector is not its own neighbour.
    """
    x = np.concatenate([one, other])
    body = np.repeat([0, 1], [len(one), len(other)])
    distance = cdist(x, x)
    np.fill_diagonal(distance, np.inf)
    neighbours = body[np.argsort(distance, axis=1)[:, :k]]
    found = (neighbours != body[:, None]).mean(1)
    chance = np.where(body == 0, len(other), len(one)) / (len(x) - 1)
    return float((found / chance).mean())


def linear_probe(one: np.ndarray, other: np.ndarray, random: np.random.Generator) -> float:
    """Return the held-out balanced accuracy of a linear classifier that tells the bodies apart: 0.5 cannot, 1 always.

    Ridge regression on standardised vectors, fitted to a random half, the bodies weighing the same.
    """
    x = np.concatenate([one, other]).astype(float)
    y = np.repeat([-1.0, 1.0], [len(one), len(other)])
    half = random.permutation(len(x)) < len(x) / 2
    x = (x - x[half].mean(0)) / x[half].std(0).clip(1e-9)
    x = np.concatenate([x, np.ones((len(x), 1))], 1)
    weight = np.where(y < 0, 0.5 / max((y[half] < 0).sum(), 1), 0.5 / max((y[half] > 0).sum(), 1))
    design = x[half] * weight[half, None]
    solution = np.linalg.solve(design.T @ x[half] + RIDGE * np.eye(x.shape[1]), design.T @ y[half])
    right = np.sign(x[~half] @ solution) == y[~half]
    return float(np.mean([right[y[~half] == side].mean() for side in (-1, 1)]))


def mmd(one: np.ndarray, other: np.ndarray) -> float:
    """Return the unbiased squared maximum mean discrepancy under a Gaussian kernel of median width:
    0 for one distribution."""
    x = np.concatenate([one, other])
    squared = cdist(x, x, "sqeuclidean")
    kernel = np.exp(-squared / np.median(squared[np.triu_indices(len(x), 1)]).clip(1e-12))
    n, m = len(one), len(other)
    within = [(k.sum() - np.trace(k)) / (len(k) * (len(k) - 1)) for k in (kernel[:n, :n], kernel[n:, n:])]
    return float(sum(within) - 2 * kernel[:n, n:].sum() / (n * m))


def retrieval(one: np.ndarray, other: np.ndarray, task_one: np.ndarray, task_other: np.ndarray) -> float:
    """Return how often the nearest vector of the other body belongs to the same task, both ways, in balance.

    NaN where the two share no task: then nothing can be found.
    """
    if not np.isin(task_one, task_other).any():
        return float("nan")
    nearest = cdist(one, other)
    there = (task_other[nearest.argmin(1)] == task_one).mean()
    back = (task_one[nearest.argmin(0)] == task_other).mean()
    return float((there + back) / 2)


def tsne(x: np.ndarray, random: np.random.Generator, perplexity: float = 30.0) -> np.ndarray:
    """Return a picture (n, 2) of vectors (n, d): exact t-SNE (van der Maaten and Hinton 2008),
    for a few thousand at most."""
    p = _affinities(cdist(x, x, "sqeuclidean"), min(perplexity, (len(x) - 1) / 3))
    p = np.maximum((p + p.T) / (2 * len(x)), 1e-12)
    y, velocity = random.normal(scale=1e-4, size=(len(x), 2)), np.zeros((len(x), 2))
    rate = max(len(x) / 12 / 4, 50.0)
    for step in range(TSNE_STEPS):
        early = step < TSNE_EXAGGERATED
        near = 1 / (1 + cdist(y, y, "sqeuclidean"))
        np.fill_diagonal(near, 0)
        force = ((12 if early else 1) * p - near / near.sum()) * near
        gradient = 4 * (force.sum(1)[:, None] * y - force @ y)
        velocity = (0.5 if early else 0.8) * velocity - rate * gradient
        y = y + velocity
    return y - y.mean(0)


def _affinities(squared: np.ndarray, perplexity: float) -> np.ndarray:
    """Return rows of neighbour probabilities whose entropy is that of ``perplexity`` equal neighbours, by bisection."""
    wanted, n = np.log(perplexity), len(squared)
    scaled = squared / np.median(squared[~np.eye(n, dtype=bool)]).clip(1e-12)
    low, high, beta = np.zeros(n), np.full(n, np.inf), np.ones(n)
    p = np.zeros_like(scaled)
    for _ in range(60):
        logits = -scaled * beta[:, None]
        np.fill_diagonal(logits, -np.inf)
        p = np.exp(logits - logits.max(1, keepdims=True))
        p /= p.sum(1, keepdims=True)
        entropy = -(p * np.log(p.clip(1e-300))).sum(1)
        wide = entropy > wanted
        low, high = np.where(wide, beta, low), np.where(wide, high, beta)
        beta = np.where(np.isinf(high), beta * 2, (low + high) / 2)
    return p
