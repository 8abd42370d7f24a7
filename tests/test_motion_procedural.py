"""The motions that are made: they keep their feet, their limits and their balance,
and their captions say what they do."""

from __future__ import annotations

import dataclasses
import json
import multiprocessing
import re

import numpy as np
import pytest

from crossbody.errors import UnknownName
from crossbody.main import main
from envs.humanoid import robot
from envs.humanoid.motions import library
from envs.humanoid.motions.balance import GRAVITY, carried
from envs.humanoid.motions.plan import STANDING_M
from envs.humanoid.motions.posing import PosingModel
from envs.humanoid.motions.quality import measure
from tasks.motion.motion import MotionError

SEEDS = (0, 1, 4, 19)
MOST_SKATE_MM_S, MOST_SUNK_MM, MOST_SPEED_SHARE = 8.0, 0.5, 0.65
LEAST_BALANCED = {"jump": 0.9}  # a few frames of the take-off and the landing; of the others every frame
OTHER_BALANCED = 0.999


@pytest.fixture(scope="module")
def body():
    return PosingModel(robot.load(library.ROBOT))


@pytest.fixture(scope="module")
def clips():
    return {kind: [library.make(kind, seed) for seed in SEEDS] for kind in library.KINDS}


@pytest.mark.parametrize("kind", library.KINDS)
def test_every_kind_keeps_its_feet_its_limits_and_its_balance(kind, clips, body):
    for clip in clips[kind]:
        found = measure(clip, body)
        assert found.skate_mm_s < MOST_SKATE_MM_S, (clip.name, found)
        assert found.sunk_mm < MOST_SUNK_MM, (clip.name, found)
        assert found.limits_rad < 1e-6, (clip.name, found)
        assert found.speed_share < MOST_SPEED_SHARE, (clip.name, found)
        assert found.balanced >= LEAST_BALANCED.get(kind, OTHER_BALANCED), (clip.name, found)
        assert (found.least_load < 0.05) == (kind == "jump"), (clip.name, found)


@pytest.mark.parametrize("kind", library.KINDS)
def test_the_feet_reach_what_is_asked_of_them(kind, body):
    for seed in range(10):
        assert body.pose(library.planned(kind, seed, body))[1].reach_mm < 0.1, seed


@pytest.mark.parametrize("kind", library.KINDS)
def test_every_kind_begins_and_ends_in_a_stand(kind, clips):
    for clip in clips[kind]:
        assert 3.0 <= (len(clip.keypoints) - 1) / clip.fps <= 10.0
        for end in (slice(0, 3), slice(-3, None)):
            np.testing.assert_allclose(clip.root_position[end, 2], STANDING_M, atol=0.01)
            assert np.abs(np.diff(clip.keypoints[end], axis=0)).max() * clip.fps < 0.12, clip.name
        np.testing.assert_allclose(clip.root_quat_wxyz[0], [1, 0, 0, 0], atol=0.05)


def test_the_key_points_are_those_of_the_poses(clips):
    import torch

    from envs.humanoid.kinematics import Kinematics

    clip, fk = clips["walk"][0], Kinematics(robot.load(library.ROBOT), dtype=torch.float64)
    places = fk.keypoints(*(torch.tensor(v) for v in (clip.root_position, clip.root_quat_wxyz, clip.joint_angles)))
    np.testing.assert_allclose(places.numpy(), clip.keypoints, atol=1e-6)


def test_a_sliding_sinking_and_falling_motion_is_found_out(clips, body):
    clip = clips["stand"][0]
    moved = clip.root_position + np.linspace(0, 1, len(clip.root_position))[:, None] * [0.5, 0, 0]
    assert measure(dataclasses.replace(clip, root_position=moved), body).skate_mm_s > 50
    assert measure(dataclasses.replace(clip, root_position=clip.root_position - [0, 0, 0.02]), body).sunk_mm > 15
    shaken = clip.root_position + 0.05 * np.sin(4 * np.pi * np.arange(len(moved)) / clip.fps)[:, None] * [1, 0, 0]
    assert measure(dataclasses.replace(clip, root_position=shaken), body).balanced < 0.5
    bent = clip.joint_angles.copy()
    bent[5, clip.joint_names.index("left_knee_joint")] = 4.0
    found = measure(dataclasses.replace(clip, joint_angles=bent), body)
    assert found.limits_rad == pytest.approx(4.0 - 2.8798)
    assert found.speed_share > 1


def test_a_motion_without_joints_has_no_figures(clips, body):
    bare = dataclasses.replace(clips["stand"][0], joint_angles=None, joint_names=())
    with pytest.raises(MotionError, match=r"stand/0000: it has no joint angles. Run `crossbody retarget` on it first."):
        measure(bare, body)


def test_the_centre_of_mass_obeys_the_cart_table():
    pressure = np.zeros((200, 2))
    pressure[100:, 0] = 0.3
    load, height, dt = np.full(200, GRAVITY), np.full(200, 0.7), 0.02
    load[90:100] = 0.0  # in flight nothing pushes
    path = carried(pressure, height, load, dt)
    acceleration = (path[2:] - 2 * path[1:-1] + path[:-2]) / dt**2
    lack = load[1:-1, None] * (path - pressure)[1:-1] - height[1:-1, None] * acceleration
    np.testing.assert_allclose(lack, 0, atol=1e-9)
    np.testing.assert_allclose(acceleration[89:99], 0, atol=1e-9)
    assert 0.02 < path[85, 0] < 0.28, "it goes before the foot does"


@pytest.mark.parametrize("configuration", ["g1_24", "g1_29"])
def test_other_configurations_bow_as_well(configuration):
    clip = library.make("bow", 1, configuration)
    assert clip.joint_names == robot.load(configuration).joint_names
    assert measure(clip, PosingModel(robot.load(configuration))).balanced == 1.0


def test_the_same_seed_is_the_same_clip_and_another_is_not():
    first, again, other = library.make("punch", 3), library.make("punch", 3), library.make("punch", 5)
    np.testing.assert_array_equal(first.joint_angles, again.joint_angles)
    assert first.texts == again.texts
    assert first.joint_angles.shape != other.joint_angles.shape or not np.allclose(
        first.joint_angles, other.joint_angles, atol=0.1
    )


def test_the_splits_share_nothing_and_leave_nothing_out():
    parts = [library.names(split, 20) for split in ("train", "held_out", "unseen_kind")]
    assert sorted(sum(parts, [])) == sorted(library.names("all", 20))
    assert len(set(sum(parts, []))) == 20 * len(library.KINDS)
    kinds = [{name.partition("/")[0] for name in part} for part in parts]
    assert kinds[0] == kinds[1]
    assert kinds[2] == set(library.HELD_OUT_KINDS)
    with pytest.raises(UnknownName, match="unknown split 'test'"):
        library.names("test")


@pytest.mark.parametrize("kind", library.KINDS)
def test_every_clip_has_different_captions_that_read_well(kind, clips):
    for clip in clips[kind]:
        assert len(set(clip.texts)) == len(clip.texts) >= 4
        for text in clip.texts:
            assert not re.search(r"\{|\}|  |^ | $|,$| ,", text), text


def test_the_captions_name_the_side_that_moves(clips):
    wrist = {"left": 13, "right": 14}
    for clip in [*clips["wave"], *clips["reach"]]:
        travel = {side: np.ptp(clip.keypoints[:, point], axis=0).max() for side, point in wrist.items()}
        text = " ".join(clip.texts)
        for side, other in (("left", "right"), ("right", "left")):
            if f"{side} hand" in text and f"{other} hand" not in text:
                assert travel[side] > 2 * travel[other], (clip.name, text)


def test_a_turn_is_as_far_as_its_captions_say(clips):
    from scipy.spatial.transform import Rotation

    for clip in clips["turn"]:
        turned = Rotation.from_quat(clip.root_quat_wxyz[[0, -1]], scalar_first=True).as_euler("zyx")[:, 0]
        degrees = np.rad2deg(turned[1] - turned[0])
        told = next(int(m[1]) for m in (re.search(r"(\d+) degrees", t) for t in clip.texts) if m)
        assert abs(degrees) % 360 == pytest.approx(told, abs=3)
        if told < 180:
            assert any(("left" if degrees > 0 else "right") in t for t in clip.texts)


def _load(_):
    return library.load("stand/0003").root_position[:, 0].tolist()


def test_two_processes_make_and_keep_the_same_clip(tmp_path, monkeypatch):
    monkeypatch.setenv("CROSSBODY_CACHE", str(tmp_path))
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        first, second = pool.map(_load, range(2))
    assert first == second
    assert [f.name for f in (library.folder() / "stand").iterdir()] == ["0003.npz"]
    assert library.load("stand/0003").texts == library.make("stand", 3).texts


def test_an_unknown_clip_is_named_with_its_nearest():
    with pytest.raises(UnknownName, match=r"unknown motion 'wve/1'. Did you mean 'wave/0000'\?"):
        library.load("wve/1")


def test_the_gallery_holds_every_clip_and_fetches_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CROSSBODY_CACHE", str(tmp_path))
    page = tmp_path / "motions.html"
    assert main(["motions", "gallery", "--clips", "1", "--out", str(page)]) == 0
    text = page.read_text()
    assert capsys.readouterr().out.strip() == str(page)
    assert all(f"{kind}/0000" in text for kind in library.KINDS)
    assert not re.search(r"""(src|href)=|https?://|import\(|fetch\(""", text)
    data = json.loads(re.search(r'application/json">(.*?)</script>', text, re.DOTALL)[1])
    assert len(data) == len(library.KINDS)
    assert all(len(frame) == 45 for clip in data for frame in clip["frames"])


def test_the_list_counts_clips_and_seconds(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CROSSBODY_CACHE", str(tmp_path))
    assert main(["motions", "list", "--clips", "1", "--split", "unseen_kind"]) == 0
    out = capsys.readouterr().out
    assert "unseen kind" in out
    assert all(kind in out for kind in library.HELD_OUT_KINDS)
    assert "wave" not in out


def test_a_clip_is_shown_with_its_figures_and_saved(tmp_path, monkeypatch, capsys):
    from tasks.motion.reading import read_one

    monkeypatch.setenv("CROSSBODY_CACHE", str(tmp_path))
    assert main(["motions", "show", "wave/1", "--out", str(tmp_path / "w.npz")]) == 0
    out = capsys.readouterr().out
    assert "the pressure lies between the feet in 100.0 %" in out
    assert read_one(tmp_path / "w.npz").joint_names == robot.load(library.ROBOT).joint_names
    assert main(["motions", "show", "wave/1", "--out", str(tmp_path / "w.gif")]) == 2
    assert "expected a name that ends in .npz, .png or .jpg" in capsys.readouterr().err
