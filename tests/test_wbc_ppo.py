"""PPO: advantages and objective by hand, the normaliser, exact resumption, and that it learns."""

from __future__ import annotations

import csv
import dataclasses
import math

import pytest
import torch

from agents.humanoid_tracker.network import Normaliser
from crossbody.errors import CrossbodyError
from tests.point_world import PointWorld
from training import snapshot
from training.show import Curves
from training.wbc.collecting import Tally, collect
from training.wbc.difficulty import Difficulty
from training.wbc.learning import Learner, Schedule, Shape, greedy
from training.wbc.ppo import Rollout, Settings, advantages, clipped_loss, kl, log_probability
from training.wbc.world import Moved, Sight

SETTINGS = Settings(
    discount=0.95,
    trace=0.9,
    clip=0.2,
    epochs=4,
    minibatches=2,
    learning_rate=3e-3,
    decay="linear",
    kl_limit=0.1,
    entropy=0.001,
    value_weight=1.0,
    max_norm=1.0,
)
SHAPE = Shape((32,), (32,), 0.5)


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


@pytest.fixture
def undrawn(monkeypatch):
    """Drawing takes longer than learning here."""
    monkeypatch.setattr(Curves, "draw", lambda curves: None)


def rollout(rewards, values, following, terminated, ended) -> Rollout:
    columns = [torch.tensor(c)[:, None] for c in (rewards, values, following, terminated, ended)]
    nothing = torch.zeros(len(rewards), 1, 1)
    return Rollout(nothing, nothing, nothing, nothing[..., 0], *columns)


def learner(folder, iterations: int = 9, save_every: int = 3, **changes) -> Learner:
    schedule = Schedule(folder, iterations, steps=16, step_s=0.1, seed=3, save_every=save_every, log_every=3)
    return Learner(PointWorld(), SHAPE, dataclasses.replace(SETTINGS, **changes), schedule)


def weights(trained: Learner) -> dict[str, torch.Tensor]:
    return {k: v.clone() for k, v in trained.state.nets.state_dict().items()}


def test_advantages_are_those_computed_by_hand():
    # discount 0.5, trace 0.5; nothing ends:
    #   step 2: 1 + 0.5 * 4 - 2 = 1          -> 1
    #   step 1: 0 + 0.5 * 2 - 1 = 0          -> 0 + 0.25 * 1 = 0.25
    #   step 0: 2 + 0.5 * 1 - 0.5 = 2        -> 2 + 0.25 * 0.25 = 2.0625
    found = advantages(rollout([2.0, 0.0, 1.0], [0.5, 1.0, 2.0], [1.0, 2.0, 4.0], [False] * 3, [False] * 3), 0.5, 0.5)
    assert found.flatten().tolist() == [2.0625, 0.25, 1.0]


def test_nothing_flows_over_an_end_and_a_failure_is_worth_nothing_afterwards():
    # step 0 fails: 2 - 0.5 = 1.5, whatever follows; step 1 runs out of time: 0 + 0.5 * 2 - 1 = 0, without step 2's 1
    ends = [True, True, False]
    found = advantages(rollout([2.0, 0.0, 1.0], [0.5, 1.0, 2.0], [9.0, 2.0, 4.0], [True, False, False], ends), 0.5, 0.5)
    assert found.flatten().tolist() == [1.5, 0.0, 1.0]


@pytest.mark.parametrize(
    ("ratio", "advantage", "loss", "gradient"),
    [
        (1.1, 2.0, -2.2, -2.0),
        (1.5, 2.0, -2.4, 0.0),  # 1.2 * 2: more of a good thing gains nothing
        (0.5, -1.0, 0.8, 0.0),  # -(0.8 * -1): less of a bad one neither
        (1.5, -1.0, 1.5, 1.0),  # more of a bad one costs in full
    ],
)
def test_the_objective_is_clipped_where_it_gains(ratio, advantage, loss, gradient):
    r = torch.tensor([ratio], requires_grad=True)
    found = clipped_loss(r, torch.tensor([advantage]), 0.2)
    found.backward()
    assert found.item() == pytest.approx(loss)
    assert r.grad is not None and r.grad.item() == pytest.approx(gradient)


def test_the_log_density_is_that_of_independent_gaussians():
    actions, mean, std = torch.tensor([[1.0, 2.0]]), torch.tensor([[0.0, 2.0]]), torch.tensor([1.0, 2.0])
    # -1/2 - log(sqrt(2 pi)) for the first, -log(2 sqrt(2 pi)) for the second
    expected = -0.5 - math.log(2 * math.pi) - math.log(2)
    assert log_probability(actions, mean, std.log()).item() == pytest.approx(expected)


def test_the_divergence_of_a_policy_from_itself_is_0_and_never_negative():
    assert kl(torch.zeros(4)) == 0
    assert kl(torch.tensor([0.1, -0.1, 0.3])) > 0
    # exp(log 2) - 1 - log 2
    assert kl(torch.tensor([math.log(2)])).item() == pytest.approx(1 - math.log(2))


def test_the_normaliser_has_mean_and_variance_of_all_that_it_was_shown():
    shown = torch.randn(90, 4, generator=torch.Generator().manual_seed(1)) * 3 + 5
    net = Normaliser(4)
    for part in (shown[:10], shown[10:11], shown[11:]):
        net.update(part)
    torch.testing.assert_close(net.mean, shown.mean(0))
    torch.testing.assert_close(net.variance, shown.var(0, correction=0))
    assert net(shown).abs().max() < 10
    assert net(shown + 1e6).max() == 10


def test_the_critic_is_asked_about_the_state_before_a_new_beginning(tmp_path):
    made = learner(tmp_path)
    world = made.world
    sight = world.reset(0)
    found, after, tally = collect(world, sight, (made.actor, made.critic), 25, torch.Generator().manual_seed(0))
    goes_on = ~found.ended[:-1]
    torch.testing.assert_close(found.next_values[:-1][goes_on], found.values[1:][goes_on])
    assert not torch.isclose(found.next_values[:-1][~goes_on], found.values[1:][~goes_on]).any()
    assert float(tally.steps.sum()) == 25 * world.count
    torch.testing.assert_close(made.critic(after.critic), made.critic(after.critic))


def test_a_point_learns_to_go_where_it_should(tmp_path):
    made = learner(tmp_path, iterations=40, save_every=40)
    shown = made.run()
    rows = list(csv.DictReader((tmp_path / "curves.csv").open()))
    assert float(rows[0]["error_mm"]) > 700
    assert shown["error_mm"] < 500
    assert shown["lost_share"] < 0.05
    assert {"error_mm_left", "error_mm_right", "lost_per_s_left", "samples", "minutes", "kl"} <= rows[-1].keys()
    assert (tmp_path / "curves.png").exists()
    far = torch.tensor([[-1.5, 1.0], [1.5, -1.0]])
    assert greedy(made.actor, far)[0] > 0.5 > -0.5 > greedy(made.actor, far)[1]


def test_a_resumed_run_has_the_weights_of_one_that_was_never_stopped(tmp_path, undrawn):
    whole = learner(tmp_path / "whole")
    whole.run()
    first = learner(tmp_path / "parts")

    def stop(_: dict[str, float]) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        first.run(stop)
    again = learner(tmp_path / "parts")
    assert again.state.iteration == 3
    again.run()
    for name, value in weights(whole).items():
        assert torch.equal(value, weights(again)[name]), name
    assert again.world.resets == whole.world.resets[1:]
    lines = [(tmp_path / name / "curves.csv").read_text().splitlines() for name in ("whole", "parts")]
    assert len(lines[0]) == len(lines[1]) == 4


def test_a_snapshot_of_another_kind_of_device_is_refused(tmp_path, undrawn):
    learner(tmp_path, iterations=1).run()
    stored = snapshot.read(tmp_path)
    assert stored
    stored.tensors["generator"] = torch.zeros(16, dtype=torch.uint8)  # what CUDA's generators keep
    snapshot.write(tmp_path, stored.tensors, stored.facts)
    with pytest.raises(CrossbodyError, match=r"written by a run on another kind of device than cpu.*--warm-start"):
        learner(tmp_path)


def test_another_seed_gives_other_weights(tmp_path, undrawn):
    one, other = learner(tmp_path / "a", iterations=1), learner(tmp_path / "b", iterations=1)
    other.state.generator.manual_seed(99)
    one.run(), other.run()
    assert not torch.equal(one.actor.layers[0].weight, other.actor.layers[0].weight)


def test_a_policy_that_has_moved_too_far_stays_and_the_critic_learns_on(tmp_path, undrawn):
    calm = learner(tmp_path / "a", iterations=2, kl_limit=1e-6).run()
    free = learner(tmp_path / "b", iterations=2, kl_limit=1e6).run()
    assert calm["lessons_share"] < 0.5
    assert calm["value_loss"] < 2 * free["value_loss"]
    assert free["lessons_share"] == 1


def test_the_rate_falls_to_a_tenth_or_stays(tmp_path):
    for decay, last in (("linear", 3e-4), ("fixed", 3e-3)):
        made = learner(tmp_path, iterations=10, decay=decay)
        made.state.iteration = 10
        assert made._rate() == pytest.approx(last)


def test_motions_that_are_lost_often_are_practised_more_and_none_is_forgotten():
    hard = Difficulty(3, step_s=0.1)
    tally = Tally.empty(3)
    for _ in range(400):  # 40 s of each; the first is lost every second, the last never
        lost = torch.tensor([True, False, False])
        tally.add(
            Moved(
                Sight(torch.zeros(0), torch.zeros(0)),
                torch.zeros(0),
                torch.ones(3),
                lost,
                lost,
                torch.tensor([0, 1, 2]),
                torch.zeros(3),
            )
        )
    hard.learn(tally)
    drawn = hard.weights()
    assert drawn.sum() == pytest.approx(1)
    assert drawn[0] > 5 * drawn[1] == 5 * drawn[2]
    assert drawn.min() >= 0.3 / 3


def test_the_tally_means_over_steps_and_counts_by_kind():
    tally = Tally.empty(2)
    for error, lost in ((0.1, False), (0.3, True)):
        flag = torch.tensor([lost, False])
        tally.add(
            Moved(
                Sight(torch.zeros(0), torch.zeros(0)),
                torch.zeros(0),
                torch.tensor([0.02, 0.04]),
                flag,
                flag,
                torch.tensor([0, 1]),
                torch.tensor([error, 0.0]),
            )
        )
    shown = tally.curves(("walk/1", "wave/2"), step_s=0.5)
    assert shown["error_mm_walk"] == pytest.approx(200)  # (100 + 300) / 2
    assert shown["error_mm"] == pytest.approx(100)
    assert shown["reward_per_s"] == pytest.approx(0.06)  # 0.12 in 4 steps of 0.5 s
    assert shown["lost_per_s_walk"] == pytest.approx(1.0)  # once in 1 s
    assert shown["lost_per_s_wave"] == 0
    assert (shown["episode_s"], shown["lost_share"]) == (2.0, 1.0)
