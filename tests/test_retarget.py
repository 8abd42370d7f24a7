"""A robot does what key points do: near them, within its limits, with feet that stand; its own motions come back."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from crossbody.main import main
from envs.humanoid import robot
from envs.humanoid.kinematics import Kinematics
from envs.humanoid.motions import library
from envs.humanoid.retarget.fit import Options, rest, retarget
from envs.humanoid.retarget.targets import fitted, resampled, standing, straightened
from tasks.motion.keypoints import ANKLES, INDEX
from tasks.motion.motion import Motion, MotionError
from tasks.motion.reading import read_one
from tasks.motion.store import save
from tests import motions

G1 = robot.load("g1_23")
SOLE_M = G1.sole_m
KNEES = [INDEX["left_knee"], INDEX["right_knee"]]
QUICK = Options(iterations=200)


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def still():
    return rest(Kinematics(G1, dtype=torch.float64))


def cut(motion: Motion, frames: slice) -> Motion:
    return Motion(
        motion.name,
        motion.keypoints[frames],
        motion.root_position[frames],
        motion.root_quat_wxyz[frames],
        motion.fps,
        ("a text",),
    )


def joints(motion: Motion) -> np.ndarray:
    assert motion.joint_angles is not None
    return motion.joint_angles


@pytest.fixture(scope="module")
def reach():
    return cut(library.make("reach", 2), slice(20, 90))


@pytest.fixture(scope="module")
def done(reach):
    return retarget(reach, G1, 50.0, QUICK)


def test_the_robots_own_motion_comes_back(done, reach):
    errors = done.errors_mm()
    assert errors.mean() < 8
    assert np.quantile(errors, 0.95) < 25
    apart = np.linalg.norm(done.motion.keypoints - reach.keypoints, axis=-1)
    assert apart.mean() < 0.015
    assert done.targets.scale == pytest.approx(1, abs=0.02)
    assert done.motion.texts == ("a text",)
    assert done.motion.source.endswith("retargeted to g1_23")


def test_joints_stay_in_their_limits_and_feet_where_they_stand(done):
    from envs.humanoid.motions.posing import PosingModel
    from envs.humanoid.motions.quality import measure

    found = measure(done.motion, PosingModel(G1))
    assert found.limits_rad == 0
    assert found.skate_mm_s < 15
    assert found.sunk_mm < 6
    assert done.targets.stands.all()


def test_the_same_motion_gives_the_same_joints(reach):
    few = Options(iterations=5)
    first, again = (retarget(reach, G1, 50.0, few).motion.joint_angles for _ in range(2))
    np.testing.assert_array_equal(first, again)


def test_all_frames_together_shake_less_than_one_after_the_other(reach):
    noise = np.random.default_rng(0).normal(0, 0.004, reach.keypoints.shape)
    noisy = dataclasses.replace(reach, keypoints=reach.keypoints + noise, joint_angles=None, joint_names=())

    def shaking(iterations: int) -> float:
        angles = joints(retarget(noisy, G1, 50.0, Options(iterations=iterations)).motion)
        return float(np.abs(angles[2:] - 2 * angles[1:-1] + angles[:-2]).mean())

    assert shaking(100) < 0.6 * shaking(1)


def test_bowed_legs_of_a_skeleton_do_not_turn_the_robots_feet_out(still):
    points = np.repeat(still[None], 40, axis=0) + [0, 0, 0.8]
    bow = 0.03 * np.array([1, -1])
    points[:, KNEES, 1] += bow
    points[:, KNEES, 0] += 0.02  # nearly straight
    points[:, :, 0] += 0.01 * np.sin(np.arange(40) / 8)[:, None]
    upright = np.tile([1.0, 0, 0, 0], (40, 1))
    found = retarget(Motion("bowed", points, points[:, 0], upright, 50.0), G1, 50.0, Options(iterations=60))
    assert found.errors_mm()[:, KNEES].mean() < 10
    yaws = [G1.joint_names.index(f"{side}_hip_yaw_joint") for side in ("left", "right")]
    assert np.abs(joints(found.motion)[:, yaws]).max() < 0.25


def test_a_knee_that_bends_outwards_is_not_taken_for_a_bow(still):
    squats = library.make("squat", 4)
    knees = np.abs(straightened(squats.keypoints) - squats.keypoints).max()
    assert knees < 0.01


def test_targets_have_the_robots_bones_whoever_moves(still):
    for size in (0.5, 1.7):
        person = motions.motion("walk", 60, 30.0)
        person = dataclasses.replace(person, keypoints=size * person.keypoints)
        found = fitted(person, G1, still, 50.0)
        for tip, base in (
            ("left_knee", "left_hip"),
            ("right_ankle", "right_knee"),
            ("left_wrist", "left_elbow"),
            ("head", "torso"),
        ):
            length = np.linalg.norm(found.points[:, INDEX[tip]] - found.points[:, INDEX[base]], axis=-1)
            np.testing.assert_allclose(length, np.linalg.norm(still[INDEX[tip]] - still[INDEX[base]]), rtol=1e-6)
        lowest = found.points[:, list(ANKLES), 2].min()
        assert lowest == pytest.approx(SOLE_M, abs=0.03), "the feet are on the floor"
    assert len(found.points) == 99  # 59 thirtieths of a second at 50 a second


def test_a_foot_that_stands_is_held_at_one_place_on_the_floor(still):
    person = motions.motion("wave", 60, 30.0)
    noise = np.random.default_rng(0).normal(0, 0.004, person.keypoints.shape)
    found = fitted(dataclasses.replace(person, keypoints=person.keypoints + noise), G1, still, 50.0)
    assert found.stands.all()
    np.testing.assert_allclose(found.feet, found.feet[:1].repeat(len(found.feet), axis=0), atol=1e-9)
    np.testing.assert_allclose(found.feet[..., 2], SOLE_M)


def test_an_ankle_that_flies_or_runs_does_not_stand():
    ankles = np.zeros((100, 2, 3))
    ankles[..., 2] = SOLE_M
    ankles[40:60, 0, 2] += 0.2  # the left one is lifted
    ankles[50:, 1, 0] = np.arange(50) * 0.02  # the right one slides at 1 m/s
    found = standing(ankles, 50.0, SOLE_M)
    assert found[:36, 0].all() and found[64:, 0].all() and not found[42:58, 0].any()
    assert found[:45, 1].all() and not found[55:, 1].any()


def test_what_is_too_short_is_refused(still):
    person = motions.motion("wave", 3, 200.0)
    with pytest.raises(MotionError, match=r"it lasts 0.010 s, which is less than two frames at 50 a second"):
        fitted(person, G1, still, 50.0)
    assert len(resampled(person, 200.0)) == 3


def test_the_command_writes_a_motion_and_says_how_near_it_is(reach, tmp_path, capsys):
    save(reach, tmp_path / "reach.npz")
    out = tmp_path / "out" / "g1.npz"
    assert main(["retarget", str(tmp_path / "reach.npz"), "--out", str(out), "--no-video", "--iterations", "20"]) == 0
    said = capsys.readouterr().out
    assert "reach: 70 frames at 50 a second" in said
    assert "mm from their targets on average" in said
    assert "rad beyond a limit" in said
    written = read_one(out)
    assert written.joint_names == G1.joint_names
    assert written.fps == 50


def test_the_command_says_what_is_wrong_with_a_file(tmp_path, capsys):
    points = motions.keypoints()
    points[3, 5] = np.nan
    np.savez(tmp_path / "a.npz", keypoints=points, fps=20)
    assert main(["retarget", str(tmp_path / "a.npz"), "--out", str(tmp_path / "b.npz"), "--no-video"]) == 2
    assert "frame 3, left_ankle: x is nan; expected metres" in capsys.readouterr().err
    two = {f"{clip}/keypoints": motions.keypoints() for clip in "xy"} | {f"{clip}/fps": np.array(20) for clip in "xy"}
    np.savez(tmp_path / "c.npz", allow_pickle=False, **two)
    assert main(["retarget", str(tmp_path / "c.npz"), "--out", str(tmp_path / "d.npz"), "--no-video"]) == 2
    assert "has 2 clips; expected a folder, or `--clip`" in capsys.readouterr().err


@pytest.mark.sim
def test_the_video_shows_the_robot_beside_what_it_follows(reach, tmp_path, monkeypatch):
    import subprocess
    import sys

    save(cut(reach, slice(0, 12)), tmp_path / "reach.npz")
    command = ["retarget", str(tmp_path / "reach.npz"), "--out", str(tmp_path / "g1.npz"), "--iterations", "10"]
    # A process of its own: MuJoCo chooses its way of drawing when it is imported.
    ran = subprocess.run([sys.executable, "-m", "crossbody.main", *command], capture_output=True, text=True)
    assert ran.returncode == 0, ran.stderr
    import av

    pictures = [f.to_ndarray(format="rgb24") for f in av.open(str(tmp_path / "g1.mp4")).decode(video=0)]
    assert len(pictures) == 6
    red, blue = pictures[0][..., 0].astype(int), pictures[0][..., 2].astype(int)
    assert ((red - blue) > 60).sum() > 50, "the skeleton's left side is orange"
    sky = pictures[0][:40]
    assert np.median(sky) > 180, "it is light above"
    for half in np.split(sky, 2, axis=1):
        assert (half.max(axis=-1) < 110).sum() > 20, "each figure has its caption"
