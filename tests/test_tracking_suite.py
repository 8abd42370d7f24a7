"""Motion tracking as it is scored: one frame for robot and reference, nothing removed that is not said,
every frame counted once."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
import torch

from agents import open_loop
from crossbody.contracts import EpisodeSpec
from crossbody.errors import ContractMismatch, CrossbodyError, UnknownName
from envs.humanoid import conditions
from envs.humanoid.episode import Tracking, contract
from envs.humanoid.kinematics import Kinematics
from envs.humanoid.motions import library
from envs.humanoid.reference import References
from evaluators.loop.acting import fit
from evaluators.loop.rollout import Rollout
from evaluators.metric import metrics_of
from evaluators.subjects.motion import MotionPair
from evaluators.subjects.trace import Trace, tracked
from reports.tracking import build
from tasks.suite import default_protocol, load_protocol, load_suite

SUITES = ("motion_conditions", "motion_tracking", "motion_tracking_ood")
TASKS = [task for suite in SUITES for task in load_suite(suite).tasks]


@pytest.fixture(scope="module")
def env():
    made = Tracking("walk")
    yield made
    made.close()


def play(env: Tracking, seed: int, steps: int = 12) -> tuple[dict, list[bool]]:
    """Play the reference back open-loop for some steps; return the signals and the success bits."""
    seen, _ = env.reset(seed=seed)
    parts, bits = [], []
    for _ in range(steps):
        result = env.step_chunk({"action.joints": seen["reference.joints"][None]})
        seen = result.observation
        parts.append(result.signals)
        bits += result.success
        if result.over:
            break
    return {name: np.concatenate([p[name] for p in parts]) for name in parts[0]}, bits


def walker(frames: int = 50, speed: float = 1.0) -> np.ndarray:
    """Key points (T, 15, 3) that move forward, 50 a second."""
    body = np.random.default_rng(0).normal(size=(1, 15, 3))
    return body + np.arange(frames)[:, None, None] * [[[speed / 50, 0.0, 0.0]]]


def value(metric: str, pred: np.ndarray, ref: np.ndarray) -> float:
    return metrics_of("motion_pair")[metric].value("test", MotionPair(pred, ref, 50.0)).value


@pytest.mark.sim
def test_robot_and_reference_are_of_one_frame(env):
    signals, _ = play(env, seed=5)
    scene = env.reset(seed=5)[1]["scene"]
    truth = References.of([conditions.reference(scene, "g1_23")], env._robot)
    steps = len(signals["body.keypoints"])
    # After the first control step both are at frame 1: the robot began at frame 0.
    np.testing.assert_allclose(signals["reference.keypoints"], truth.keypoints[1 : steps + 1], atol=1e-6)
    np.testing.assert_allclose(signals["reference.joints"], truth.dof[1 : steps + 1, :, 0], atol=1e-6)
    root, joints = (torch.tensor(signals[k], dtype=torch.float64) for k in ("body.root", "state.joints"))
    mine = Kinematics(env._robot, dtype=torch.float64).keypoints(root[:, :3], root[:, 3:], joints)
    np.testing.assert_allclose(signals["body.keypoints"], mine, atol=1e-5)
    early = MotionPair(signals["body.keypoints"][:5], signals["reference.keypoints"][:5], 50.0)
    shifted = MotionPair(signals["body.keypoints"][:5], np.asarray(truth.keypoints[2:7]), 50.0)
    assert np.abs(early.error).mean() < np.abs(shifted.error).mean()


def test_a_shift_by_one_frame_costs_speed_times_its_length():
    ref = walker(speed=1.0)
    assert value("mpjpe_global_mm", ref, ref) == 0
    assert value("mpjpe_global_mm", ref[1:], ref[:-1]) == pytest.approx(20)  # 1 m/s for 1/50 s
    assert value("mpjpe_root_mm", ref[1:], ref[:-1]) == pytest.approx(0, abs=1e-9)


def test_the_yaw_counts_unless_the_metric_says_that_it_is_fitted():
    ref = walker()
    turned = ref @ np.array([[0.0, 1, 0], [-1, 0, 0], [0, 0, 1]])
    assert value("mpjpe_root_mm", turned, ref) > 500
    assert value("mpjpe_pa_mm", turned, ref) == pytest.approx(0, abs=1e-6)


def episodes(errors: list[float], frames: list[int], success: list[bool], status: str = "ok") -> pd.DataFrame:
    rows = [
        {
            "run": "r",
            "agent": "a",
            "suite": "motion_tracking",
            "protocol": "tracking",
            "protocol_hash": "h",
            "split": "s",
            "family": "tracking",
            "task": "walk",
            "episode": f"walk/{i}",
            "index": i,
            "status": status,
            "success": ok,
            "failed": status == "error",
            "control_hz": 50.0,
            "metric.mpjpe_global_mm": error,
            "weight.mpjpe_global_mm": float(n),
            "metric.fell": float(not ok),
            "weight.fell": 1.0,
        }
        for i, (error, n, ok) in enumerate(zip(errors, frames, success, strict=True))
    ]
    return pd.DataFrame(rows)


def shown(rows: pd.DataFrame, system: str, column: str = "Global MPJPE, mm") -> dict:
    table = build(rows, (), np.random.default_rng(0))
    found = table[(table["system"] == system) & (table["column"] == column)]
    return found.iloc[0].to_dict()


def test_every_frame_counts_once_and_every_clip_once_where_it_says_so():
    rows = episodes([10.0, 50.0], [100, 10], [True, False])
    assert shown(rows, "a")["value"] == pytest.approx((100 * 10 + 10 * 50) / 110)
    assert shown(rows, "a, every clip alike")["value"] == pytest.approx(30)
    assert shown(rows, "a, survivors only")["value"] == pytest.approx(10)
    falls = shown(rows, "a", "Falls, %")
    assert (falls["value"], falls["n"], falls["unit"]) == (0.5, 2, "%")


def test_frames_without_a_value_are_left_out_and_not_counted_as_0():
    rows = episodes([10.0, math.nan], [100, 0], [True, True])
    assert shown(rows, "a")["value"] == 10
    nothing = shown(episodes([math.nan], [0], [False]), "a")
    assert math.isnan(nothing["value"])


def test_a_missing_episode_makes_the_mean_unknown():
    rows = pd.concat([episodes([10.0], [100], [True]), episodes([math.nan], [0], [False], "missing")])
    found = shown(rows, "a")
    assert math.isnan(found["value"]) and found["missing"] == 1


def test_table_2_stands_beside_ours_as_printed():
    table = build(episodes([10.0, 20.0], [5, 5], [True, True]), (), np.random.default_rng(0))
    printed = table[table["origin"] == "published"]
    assert len(printed["system"].unique()) == 8
    best = printed[(printed["system"] == "Humanoid-VLA D + T") & (printed["column"] == "Global MPJPE, mm")]
    assert best["value"].item() == 31.07


def test_conditions_that_are_one_task_each_are_shown_once():
    def sections(tasks: tuple[str, str], splits: tuple[str, str]) -> set[str]:
        rows = episodes([10.0, 20.0], [5, 5], [True, True]).assign(task=tasks, split=splits)
        return set(build(rows, (), np.random.default_rng(0))["section"])

    both = {"By condition", "By motion kind"}
    assert sections(("any.D", "any.T"), ("D", "T")) & both == {"By condition"}
    assert sections(("walk", "wave"), ("s", "s")) & both == {"By motion kind"}
    two_in_one = episodes([1.0, 2.0, 3.0], [5] * 3, [True] * 3).assign(task=["a", "b", "c"], split=["s", "s", "t"])
    assert both <= set(build(two_in_one, (), np.random.default_rng(0))["section"])


@pytest.mark.sim
def test_an_episode_repeats_to_the_last_bit_whatever_was_played_before(env):
    first, _ = play(env, seed=1)
    play(env, seed=2)
    again, _ = play(env, seed=1)
    assert first.keys() == again.keys()
    for name, values in first.items():
        assert np.array_equal(values, again[name]), name


@pytest.mark.sim
def test_the_signals_have_the_metrics_of_tracking(env):
    signals, bits = play(env, seed=3)
    trace = Trace(np.array(bits), signals, 50.0, cut=False)
    pair = tracked(trace)
    assert pair is not None and pair.fps == 50
    found = {
        n: m.row("e", pair if kind == "motion_pair" else trace)
        for kind in ("tracking", "motion_pair")
        for n, m in metrics_of(kind).items()
    }
    assert found["mpjpe_global_mm"].weight == 12 and found["vel_err_mm_frame"].weight == 11
    assert found["vel_err_mm_s"].value == pytest.approx(50 * found["vel_err_mm_frame"].value)
    assert found["acc_err_mm_s2"].value == pytest.approx(2500 * found["acc_err_mm_frame2"].value)
    assert 0 < found["mpjpe_global_mm"].value < found["body_err_max_mm"].value < 200
    assert found["fell"].value == 0 and 0 < found["survival"].value < 0.2
    assert not any(math.isnan(row.value) for row in found.values())


@pytest.mark.sim
def test_a_body_that_is_let_go_falls_ends_the_episode_and_fails(env):
    env.reset(seed=1)
    limp = np.zeros(23, np.float32)
    over, bits, fallen = False, [], []
    for _ in range(200):
        result = env.step_chunk({"action.joints": limp[None]})
        bits += result.success
        fallen.append(int(result.signals["body.fallen"][0]))
        over = result.over
        if over:
            break
    assert over and not any(bits)
    assert fallen[-1] == 1 and not any(fallen[:-1])


@pytest.mark.sim
def test_a_reference_that_was_played_to_its_end_is_a_success_unless_it_was_too_far_once():
    env = Tracking("stand")
    rollout = Rollout(env, load_protocol("tracking"))
    rollout.begin(1, {})
    task = env._running()
    last = int(task.references.lengths[0]) - 1
    task.frame[:] = last - 2
    state = task.references.root[last - 2], task.references.dof[last - 2]
    task.physics.reset_idx(torch.tensor([0]), state[0][None], state[1][None])
    while not rollout.over:
        rollout.execute({"action.joints": rollout.observation["reference.joints"][None]})
    assert rollout.bits == [False, True]
    env.reset(seed=1)
    env._lost = True
    task = env._running()
    task.frame[:] = last - 1
    task.physics.reset_idx(torch.tensor([0]), state[0][None], state[1][None])
    assert env.step_chunk({"action.joints": np.zeros((1, 23), np.float32)}).success == [False]
    env.close()


@pytest.mark.parametrize("task", TASKS, ids=lambda t: t.name)
def test_every_task_has_a_kind_and_a_condition_and_no_motion_of_the_training_set(task):
    kind, condition = conditions.parse(task.options["motion"])
    for seed in (0, 1, 2**31):
        drawn = conditions.draw(kind, condition, seed)
        made, _, number = drawn["motion"].partition("/")
        assert library.split_of(made, int(number)) != "train"
        assert conditions.draw(kind, condition, seed) == drawn
    assert task.pair in (None, kind)


def test_the_suites_name_their_protocol_and_others_have_the_first_look():
    assert {default_protocol(s) for s in SUITES} == {"tracking"}
    assert default_protocol("robocasa_gr1") == "quick"
    assert load_protocol("tracking").episodes_per_task == 20
    seen = {kind for kind in library.KINDS if kind not in library.HELD_OUT_KINDS}
    assert {t.name for t in load_suite("motion_tracking").tasks} == seen


def test_a_name_that_there_is_not_is_told_with_the_nearest():
    with pytest.raises(UnknownName, match=r"unknown kind of motion 'wlak'. Did you mean 'walk'\?"):
        conditions.parse("wlak")
    with pytest.raises(UnknownName, match=r"unknown condition 'push_3'. Did you mean 'push_0.3'\?"):
        conditions.parse("walk.push_3")


def test_conditions_change_the_reference_as_they_say():
    plain = {"motion": "wave/4", "speed": 1.0, "held": "", "first": 0.0, "last": 1.0}
    whole = conditions.reference(plain, "g1_23")
    late = conditions.reference(plain | {"first": 0.25, "last": 0.75}, "g1_23")
    assert len(late.keypoints) == pytest.approx(len(whole.keypoints) / 2, abs=1)
    np.testing.assert_array_equal(late.root_position[0], whole.root_position[round(0.25 * len(whole.keypoints))])
    assert conditions.reference(plain | {"speed": 1.25}, "g1_23").fps == pytest.approx(62.5)
    held = conditions.reference(plain | {"held": "right_arm"}, "g1_23")
    right = [
        i for i, n in enumerate(held.joint_names) if n.startswith(("right_shoulder", "right_elbow", "right_wrist"))
    ]
    assert held.joint_angles is not None and whole.joint_angles is not None
    assert np.ptp(held.joint_angles[:, right], axis=0).max() == 0
    others = [i for i in range(len(held.joint_names)) if i not in right]
    np.testing.assert_array_equal(held.joint_angles[:, others], whole.joint_angles[:, others])


def test_agents_of_the_body_refuse_chunks_and_other_environments():
    agent = open_loop.make(open_loop.Options())
    offer = contract("g1_23")
    with pytest.raises(ContractMismatch, match="the protocol executes 16 at once; use --protocol tracking"):
        fit(agent, offer, 16)
    fit(agent, offer, 1)
    seen = {"reference.joints": np.arange(23, dtype=np.float32)}
    assert agent.act({"a/0": seen})["a/0"]["action.joints"].shape == (1, 23)
    from envs.fake import CONTRACT

    with pytest.raises(ContractMismatch, match="plays reference.joints back, which the environment does not have"):
        fit(open_loop.make(open_loop.Options()), CONTRACT, 1)


def test_a_controller_that_was_not_trained_says_what_trains_it(tmp_path):
    from agents import humanoid_tracker

    with pytest.raises(CrossbodyError, match="Train one with `uv run train wbc --size tiny --out"):
        humanoid_tracker.make(humanoid_tracker.Options(tmp_path / "none"))


def test_a_spec_names_its_episode():
    task = next(t for t in TASKS if t.name == "walk.push_0.3")
    assert (EpisodeSpec(task, 3, 7).id, task.pair) == ("walk.push_0.3/0003", "walk")
