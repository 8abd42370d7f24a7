"""Rates are unbiased and intervals cover the truth, shown with an agent whose rate is known."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import numpy as np
import pytest

from agents.bernoulli import Options, fate, probability
from crossbody.contracts import EpisodeSpec
from reports.statistics import Cell, mean_over_tasks, wilson
from tasks.suite import load_protocol, load_suite, queue
from tests.running import run

RUNS = 2_000
LIMIT, CHUNK = 720, 8


def specs(seed: int, episodes: int, tasks: str = "*") -> tuple[EpisodeSpec, ...]:
    return queue(load_suite("fake"), load_protocol("quick", episodes_per_task=episodes), seed, tasks)


def early_finish_loop(draw: Callable[[], tuple[bool, int]], n_envs: int, n_episodes: int) -> float:
    """The vectorised rollout loop of GR00T N1.6, in our words: every environment restarts as soon as its episode ends,
    episodes are counted in the order in which they end, and those under way when enough have ended are dropped.

    ``draw()`` is (whether the next episode succeeds, the control step of its success). Returns the rate it reports.
    """
    under_way = [draw() for _ in range(n_envs)]
    steps = [0] * n_envs
    outcomes: list[bool] = []
    while len(outcomes) < n_episodes:
        for i, (succeeds, at) in enumerate(under_way):
            steps[i] += CHUNK
            if (succeeds and steps[i] >= at) or steps[i] >= LIMIT:
                outcomes.append(succeeds)
                under_way[i], steps[i] = draw(), 0
    return float(np.mean(outcomes))


@pytest.mark.parametrize(
    ("p", "n_envs", "n_episodes", "reported"),
    [(0.3, 1, 10, 0.30), (0.3, 5, 10, 0.34), (0.5, 5, 10, 0.582), (0.5, 50, 50, 0.589)],
)
def test_counting_whoever_ends_first_reads_too_high_unless_there_is_one_environment(p, n_envs, n_episodes, reported):
    """Success ends an episode between steps 150 and 450, failure at 720: among the first to end,
    successes are too many."""
    rng = np.random.default_rng(0)

    def draw() -> tuple[bool, int]:
        return bool(rng.random() < p), int(rng.integers(150, 451))

    rates = [early_finish_loop(draw, n_envs, n_episodes) for _ in range(40_000 // n_episodes)]
    assert np.mean(rates) == pytest.approx(reported, abs=3 * np.std(rates) / len(rates) ** 0.5 + 0.002)


@pytest.mark.parametrize("workers", [1, 4])
def test_this_loop_counts_every_episode_of_its_queue_so_the_rate_is_that_of_the_draws(tmp_path, workers):
    """The same policy (30 %, success between steps 150 and 450, early stop) in the real loop."""
    protocol = dataclasses.replace(load_protocol("groot_n16"), episodes_per_task=60)
    options = Options(p=0.3)
    tasks = ("A", "B")
    folder = run(tmp_path / "r", options=options, tasks=tasks, protocol=protocol, workers=workers)
    rows = folder.final_rows()
    drawn = {e.id: fate(options, e) for e in folder.manifest().episodes}
    assert {e: row.success for e, row in rows.items()} == {e: f.succeeds for e, f in drawn.items()}
    assert len(rows) == 120
    for episode, row in rows.items():
        if row.success:
            assert 0 <= drawn[episode].arrives - (row.first_success_step or 0) <= 100  # near the goal a little before


@pytest.mark.parametrize("p", [0.1, 0.5, 0.9])
def test_wilsons_interval_covers_the_rate_of_a_task_in_95_of_100_runs(p):
    options, n = Options(p=p), 50
    covered = 0
    for seed in range(RUNS):
        k = sum(fate(options, e).succeeds for e in specs(seed, n, "FakeReachLeft"))
        low, high = wilson(k, n)
        covered += low <= p <= high
    assert (
        0.93 <= covered / RUNS <= 0.98
    )  # exact coverage of n = 50 is between these; binomial error of 2,000 runs: 0.005


def test_the_interval_of_a_mean_over_tasks_that_differ_covers_the_mean_of_their_rates():
    options, n = Options(p=0.5, spread=0.4), 20
    tasks = [t.name for t in load_suite("fake").tasks]
    truth = np.mean([probability(options, t) for t in tasks])
    assert max(probability(options, t) for t in tasks) - min(probability(options, t) for t in tasks) > 0.2
    covered, rng = 0, np.random.default_rng(0)
    for seed in range(RUNS):
        succeeded = {t: 0 for t in tasks}
        for e in specs(seed, n):
            succeeded[e.task.name] += fate(options, e).succeeds
        estimate = mean_over_tasks([Cell(k, n) for k in succeeded.values()], rng)
        covered += estimate.low <= truth <= estimate.high
    assert 0.935 <= covered / RUNS <= 0.985
