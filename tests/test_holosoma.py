"""The external policy: its contract by hand, and the figures that were seen when it dances in our environment."""

from __future__ import annotations

import importlib.util

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from agents import holosoma
from crossbody import external_policy
from crossbody.errors import MissingExtra
from envs.humanoid import robot
from evaluators.loop.acting import fit
from evaluators.metric import metrics_of
from evaluators.subjects.trace import Trace, tracked

ABSENT = [name for name in ("holosoma_inference", "onnxruntime") if importlib.util.find_spec(name) is None]
needs_extra = pytest.mark.skipif(bool(ABSENT), reason=f"the extra holosoma is not installed: {', '.join(ABSENT)}")


def test_without_the_packages_the_message_says_what_brings_them(monkeypatch):
    monkeypatch.setattr(external_policy, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match="needs holosoma_inference and onnxruntime; `uv sync --extra holosoma`"):
        external_policy.policy_file()


def test_the_reference_torso_is_seen_from_the_robots():
    quarter = Rotation.from_euler("z", 90, degrees=True).as_quat(scalar_first=True)
    ahead = np.array([1.0, 0, 0, 0])
    # Columns (0, 1, 0) and (-1, 0, 0) of a quarter turn, row by row.
    np.testing.assert_allclose(holosoma.relative_rotation(ahead, quarter), [0, -1, 1, 0, 0, 0], atol=1e-12)
    np.testing.assert_allclose(holosoma.relative_rotation(quarter, quarter), [1, 0, 0, 1, 0, 0], atol=1e-12)


@needs_extra
def test_its_metadata_describe_our_robot():
    policy, ours = external_policy.load(), robot.load("g1_29")
    assert policy.joints == ours.joint_names
    np.testing.assert_allclose(policy.stiffness, ours.stiffness, atol=1e-5)
    np.testing.assert_allclose(policy.damping, ours.damping, atol=1e-5)
    np.testing.assert_allclose(policy.scale, ours.action_scale, atol=1e-5)
    np.testing.assert_allclose(policy.default, ours.default_angles, atol=1e-6)


@needs_extra
@pytest.mark.sim
def test_it_dances_four_seconds_as_well_as_it_was_seen_to(monkeypatch):
    from envs.humanoid import dance, episode

    monkeypatch.setattr(external_policy, "FRAMES", 202)
    monkeypatch.setattr(episode, "dance", dance.dance.__wrapped__)
    env = episode.Tracking("stranger", robot_name="g1_29", rules="fall")
    agent = holosoma.make(holosoma.Options())
    fit(agent, env.contract(), 1)
    seen, _ = env.reset(seed=0)
    parts, over = [], False
    while not over:
        result = env.step_chunk(agent.act({"stranger/0": seen})["stranger/0"])
        parts.append(result.signals)
        seen, over = result.observation, result.over
    env.close()
    assert result.success == [True]
    signals = {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}
    pair = tracked(Trace(np.zeros(len(parts), bool), signals, 50.0, cut=False))
    value = {name: metric.value("dance", pair).value for name, metric in metrics_of("motion_pair").items()}
    assert 201 == len(parts)
    assert 15 < value["mpjpe_root_mm"] < 40  # 28.8 over all 131 s
    assert 12 < value["mpjpe_pa_mm"] < 32  # 23.1
    assert value["vel_err_mm_frame"] < 6  # 5.9; it begins slowly
    assert value["mpjpe_global_mm"] < 80  # it drifts, but not that far in four seconds
