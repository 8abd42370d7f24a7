"""Variations: axes and levels as data, and what each does to an episode."""

from __future__ import annotations

import pytest
import torch

from crossbody.errors import UnknownName
from envs.humanoid import observations
from envs.humanoid.randomisation import Variation, VariationError, axes
from envs.humanoid.robot import load
from envs.humanoid.task import Task
from tests.humanoids import sliding

ROBOT = load()
JOINTS = len(ROBOT.joint_names)


def zeros(task: Task) -> torch.Tensor:
    return torch.zeros(task.num_envs, JOINTS)


def test_every_axis_has_levels_beyond_its_nominal_value():
    assert set(axes()) == set(vars(Variation.nominal()))
    for name, axis in axes().items():
        assert axis["meaning"] and axis["nominal"] not in axis["levels"]
        for level in axis["levels"]:
            assert getattr(Variation.at(name, level), name) == (level, level)


def test_a_delay_holds_actions_back_by_its_steps(make_task):
    task = make_task(1, [sliding(0.0)], Variation.at("delay_steps", 2))
    asked = []
    forward = task.physics.set_targets
    task.physics.set_targets = lambda targets: (asked.append(targets.clone()), forward(targets))
    task.start([0])
    for value in (1.0, 2.0, 3.0, 4.0):
        task.step(zeros(task) + value)
    scale = float(ROBOT.action_scale[0])
    steps = [float((a - torch.tensor(ROBOT.default_angles))[0, 0]) / scale for a in asked]
    assert steps == pytest.approx([0, 0, 1, 2], abs=1e-4)


def test_pushes_come_every_two_to_four_seconds(make_task):
    task = make_task(8, [sliding(0.0, frames=401)], Variation.at("push_speed", 0.5), auto_reset=False)
    pushes = []
    task.physics.push = lambda ids, velocity: pushes.append((ids, velocity))
    task.physics.step = lambda substeps: None
    task.start([0] * 8)
    for _ in range(300):
        task.step(zeros(task))
    count = sum(len(ids) for ids, _ in pushes)
    assert 8 * 300 // 200 <= count <= 8 * 300 / 100
    speeds = torch.cat([v for _, v in pushes]).norm(dim=-1)
    torch.testing.assert_close(speeds, torch.full_like(speeds, 0.5), atol=1e-5, rtol=0)


def test_reference_noise_is_seen_by_the_agent_but_not_by_the_score(make_task):
    task = make_task(1, [sliding(0.0)], Variation.at("reference_noise_rad", 0.1))
    seen = task.start([0])
    goal = seen["goal_joints"][0, :JOINTS]
    assert 0.05 < float(goal.std()) < 0.2
    torch.testing.assert_close(task.now.true_keypoints, task.references.keypoints[[0]])


def test_sensor_noise_has_the_level_times_its_deviation(make_task):
    task = make_task(64, [sliding(0.0)], Variation.at("observation_noise", 2.0))
    clean = make_task(64, [sliding(0.0)]).start([0] * 64)
    noisy = task.start([0] * 64)
    for name, std in observations.NOISE.items():
        assert float((noisy[name] - clean[name]).std()) == pytest.approx(2 * std, rel=0.25)
    torch.testing.assert_close(noisy["goal_joints"], clean["goal_joints"])


def test_properties_are_drawn_for_each_episode(make_task):
    task = make_task(2, [sliding(0.0)], Variation.training())
    given = []
    task.physics.set_properties = lambda ids, properties: given.append(properties)
    task.reset(0)
    task.reset(1)
    assert not torch.equal(given[0].friction, given[1].friction)
    assert 0.4 <= float(given[0].friction.min()) <= float(given[0].friction.max()) <= 1.2


def test_variations_say_what_they_expect():
    with pytest.raises(UnknownName, match="unknown axis of variation 'frictoin'. Did you mean 'friction'"):
        Variation.at("frictoin", 1.0)
    with pytest.raises(VariationError, match="friction is -1.0; expected 0 or more"):
        Variation.at("friction", -1.0)
    with pytest.raises(VariationError, match=r"delay_steps: the range is \(nan, nan\)"):
        Variation.at("delay_steps", float("nan"))
