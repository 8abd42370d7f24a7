"""The human-hand body: bones, grips, what a person does, what is recorded of it, and how it is collected."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from crossbody.errors import CrossbodyError
from crossbody.seeds import generator
from envs.human import appearance, arms, scene, things
from envs.human.hand import FINGERS, JOINTS, SIDES, Finger, Hand
from tasks.human import ERRANDS, Errand
from training import collect
from training.convert import convert
from training.data.chunks import open_chunks
from training.data.formats import egodex
from training.data.hdf5 import opened
from training.human.demonstrator import Studio, write
from training.human.head import axes
from training.human.labels import TO_ARKIT, visible
from training.human.motion import Rhythm, Track, minimum_jerk
from training.human.script import HZ

ROOT = Path(__file__).resolve().parent.parent
SEEDS = range(40, 46)


@pytest.fixture(scope="module")
def studio():
    return Studio()


@pytest.fixture(scope="module")
def takes(studio):
    """Some takes that are kept, one of them with a drawer."""
    kept = []
    for errand, seed in zip((*ERRANDS[6:7] * 6, *ERRANDS[::5]), (*SEEDS, *SEEDS), strict=False):
        if len(kept) and errand.target == "drawer":
            continue
        take = studio.play(errand, seed)
        if not take.reason:
            kept.append(take)
    assert len(kept) >= 4
    return kept


@pytest.fixture(scope="module")
def recorded(studio, takes, tmp_path_factory):
    """The folder of an EgoDex file of the first take, and the take."""
    folder = tmp_path_factory.mktemp("human") / takes[0].script.scene.errand.name
    folder.mkdir()
    write(folder / "0.hdf5", takes[0], studio.pictures(takes[0], 4), 4)
    return folder, takes[0]


@pytest.mark.parametrize("side", SIDES)
@pytest.mark.parametrize("name", FINGERS)
def test_a_finger_finds_the_joints_that_bring_its_tip_somewhere(side, name):
    finger, random = Finger(name, side, 1.1, 1.0), np.random.default_rng(0)
    for _ in range(50):
        q = random.uniform(*finger.limits.T)
        q[2] = abs(q[2])
        q[1] = np.clip(q[1], -0.2, 1.0)
        q[3] = min(finger.coupling * q[2], finger.limits[3, 1])
        # A tip beside its own knuckle, or past its reach to the side, may be found by no joints: those are not asked
        # for.
        if (finger.tip(q) - finger.base) @ finger.frame[:, 0] < 0.02:
            continue
        found = finger.place(finger.tip(q))
        assert np.linalg.norm(finger.tip(found) - finger.tip(q)) < 1e-3


@pytest.mark.parametrize("name", FINGERS)
def test_joints_stay_within_their_limits_whatever_is_asked(name):
    finger, random = Finger(name, "left", 0.9, 1.0), np.random.default_rng(1)
    for point in random.uniform(-0.3, 0.3, (200, 3)):
        q = finger.place(point)
        assert (q >= finger.limits[:, 0]).all() and (q <= finger.limits[:, 1]).all()


def test_the_left_hand_is_the_mirror_of_the_right():
    right, left = Hand("right").tips(Hand("right").relaxed()), Hand("left").tips(Hand("left").relaxed())
    for name in FINGERS:
        np.testing.assert_allclose(right[name] * [1, -1, 1], left[name], atol=1e-9)


def test_an_elbow_keeps_the_lengths_of_both_bones():
    arm = arms.reach(np.array([-0.2, -0.2, 0.3]), np.array([0.2, -0.1, 0.1]), np.eye(3), 1.0)
    assert np.linalg.norm(arm.elbow - arm.shoulder) == pytest.approx(arms.UPPER_ARM_M, abs=1e-6)
    assert np.linalg.norm(arm.elbow - [0.2, -0.1, 0.1]) == pytest.approx(arms.FOREARM_M, abs=1e-6)
    assert arm.lean_m == 0 and arm.possible


def test_a_far_hand_needs_the_trunk_and_too_far_a_one_is_impossible():
    shoulder = np.array([0.0, -0.2, 0.3])
    near, far = (arms.reach(shoulder, np.array([x, -0.2, 0.3]), np.eye(3), 1.0) for x in (0.6, 0.9))
    # 0.96 of 0.555 m is used before the trunk helps: 0.6 - 0.5328.
    assert near.lean_m == pytest.approx(0.0672, abs=1e-4) and near.possible
    assert not far.possible


def test_a_wrist_bent_back_is_impossible():
    back = np.diag([-1.0, -1.0, 1.0])
    assert not arms.reach(np.array([-0.2, -0.2, 0.3]), np.array([0.3, -0.2, 0.1]), back, 1.0).possible


def test_minimum_jerk_is_a_bell_of_speed():
    share = np.array([minimum_jerk(s) for s in np.linspace(-0.1, 1.1, 121)])
    speed = np.diff(share)
    assert share[0] == 0 and share[-1] == 1 and minimum_jerk(0.5) == pytest.approx(0.5)
    # The highest speed is 15/8 of the mean.
    assert speed.max() * 100 == pytest.approx(1.875, rel=1e-3)
    assert (np.sign(np.diff(speed[10:60])) >= 0).all() and (np.sign(np.diff(speed[60:110])) <= 0).all()


def test_overlapping_movements_end_where_the_last_one_goes():
    track = Track(np.zeros(2))
    track.to(np.array([1.0, 0.0]), 0.0, 1.0, bulge=np.array([0.0, 0.3]))
    track.to(np.array([1.0, 2.0]), 0.5, 1.0)
    np.testing.assert_allclose(track.at(1.5), [1.0, 2.0])
    np.testing.assert_allclose(track.at(0.0), 0.0)
    assert track.at(0.5)[1] == pytest.approx(0.3)


def test_no_two_people_move_alike():
    rhythms = [Rhythm.draw(np.random.default_rng(i)) for i in range(50)]
    paces = [r.pace for r in rhythms]
    assert max(paces) / min(paces) > 1.8
    assert len({r.overlap for r in rhythms}) == 50


def test_a_head_that_looks_down_has_a_camera_that_does():
    matrix = axes(0.0, np.pi / 3, 0.0)
    np.testing.assert_allclose(matrix @ [0, 0, -1], [0.5, 0, -np.sqrt(3) / 2], atol=1e-9)
    np.testing.assert_allclose(matrix @ [1, 0, 0], [0, -1, 0], atol=1e-9)
    assert np.linalg.det(axes(0.3, 1.0, 0.1)) == pytest.approx(1)


def test_the_models_bones_are_the_hands_bones(takes):
    stage, random = takes[0].script.stage, np.random.default_rng(2)
    posture = takes[0].script.posture(0.0)
    for side, hand in stage.hands.items():
        joints = {n: random.uniform(*f.limits.T) for n, f in hand.fingers.items()}
        hands = {**posture.hands, side: type(posture.hands[side])(np.array([0.1, 0.2, 0.3]), np.eye(3), joints)}
        stage.show(type(posture)(hands, posture.eye, posture.carried))
        for name, tip in hand.tips(joints).items():
            np.testing.assert_allclose(stage.poses()[f"{side}{name}Tip"][:3, 3], tip + [0.1, 0.2, 0.3], atol=1e-6)
            for joint, limits in zip(JOINTS, hand.fingers[name].limits, strict=True):
                np.testing.assert_allclose(stage.model.joint(f"{side}{name}_{joint}").range, limits, atol=1e-5)


def test_fingers_and_wrists_bend_no_further_than_they_can(takes):
    for take in takes:
        stage = take.script.stage
        for frame in range(0, take.frames, 5):
            posture = take.script.posture(frame / HZ)
            stage.show(posture)
            assert stage.arms[take.script.side].possible
            for side, pose in posture.hands.items():
                for name, q in pose.fingers.items():
                    limits = stage.hands[side].fingers[name].limits
                    assert (q >= limits[:, 0] - 1e-9).all() and (q <= limits[:, 1] + 1e-9).all()


def test_thumb_and_fingers_touch_the_thing_from_both_sides_when_it_is_held(takes):
    for take in takes:
        script = take.script
        hand, pose = script.stage.hands[script.side], script.posture(script.times.held).hands[script.side]
        tips = {n: pose.place + pose.turn @ p for n, p in hand.tips(pose.fingers).items()}
        touched = script.grip.touching
        assert "Thumb" in touched and len(touched) >= 3
        away = {n: np.linalg.norm(tips[n] - touched[n]) for n in touched}
        assert max(away.values()) < 0.018, away
        others = np.mean([tips[n] for n in touched if n != "Thumb"], axis=0) - script.scene.carried.place
        assert (tips["Thumb"] - script.scene.carried.place)[:2] @ others[:2] < 0


def test_no_hand_goes_through_the_table(takes):
    from envs.human.grasp import lowest

    for take in takes:
        for frame in range(0, take.frames, 4):
            for side, pose in take.script.posture(frame / HZ).hands.items():
                assert lowest(take.script.stage.hands[side], pose) > -0.005


def test_the_thing_rests_moves_with_the_hand_falls_and_rests_in_its_container(takes):
    for take in takes:
        script, times = take.script, take.script.times
        places = np.array([script.posture(t).carried[0] for t in np.arange(0, times.ends, 1 / HZ)])
        start = places[: int(times.held * HZ)]
        np.testing.assert_array_equal(start, np.tile(start[0], (len(start), 1)))
        held = [script.posture(t) for t in np.linspace(times.held, times.released - 1e-6, 5)]
        grips = [p.hands[script.side] for p in held]
        local = np.array([g.turn.T @ (p.carried[0] - g.place) for g, p in zip(grips, held, strict=True)])
        np.testing.assert_allclose(local, np.tile(local[0], (5, 1)), atol=1e-6)
        assert np.abs(np.diff(places, axis=0)).max() < 0.13, "it jumps"
        if script.scene.target:
            assert script.scene.target.inside(places[-1], 0.0) and not script.scene.target.inside(places[0], 0.0)


def test_a_drawer_is_pushed_shut_and_takes_the_thing_along(studio):
    take = next(t for seed in SEEDS if not (t := studio.play(Errand("table", "drawer"), seed)).reason)
    script, times = take.script, take.script.times
    opened = [script.opened_m(t) for t in np.linspace(0, times.ends, 60)]
    assert opened[0] == script.scene.drawer.open_m and opened[-1] == 0
    assert (np.diff(opened) <= 1e-9).all()
    before, after = (script.posture(t).carried[0] for t in (times.pushes, times.ends))
    moved = (after - before) @ script.scene.drawer.axes()[:, 0]
    assert moved == pytest.approx(script.scene.drawer.open_m, abs=1e-6)


def test_a_reach_is_one_bell_of_speed(takes):
    for take in takes:
        times, side = take.script.times, take.script.side
        t = np.arange(times.begins, times.held, 1 / 120)
        place = np.array([take.script._tracks[side].place.at(x) for x in t])
        speed = np.linalg.norm(np.diff(place, axis=0), axis=1) * 120
        assert 0.2 < speed.max() < 4.0
        assert speed[0] < 0.2 * speed.max() and speed[-1] < 0.35 * speed.max()
        assert 0.1 < speed.argmax() / len(speed) < 0.85


def test_labels_are_the_kinematics_in_the_frame_of_arkit(recorded):
    folder, take = recorded
    script, frame = take.script, 40
    posture = script.posture(frame / HZ)
    script.stage.show(posture)
    with opened(folder / "0.hdf5") as file:
        pose = {n: np.asarray(file[f"transforms/{n}"][frame], float) for n in egodex.TRANSFORMS}
        confident = {n: float(file[f"confidences/{n}"][frame]) for n in egodex.JOINTS}
        thing = np.asarray(file["privileged/object"][frame], float)
    shown = script.stage.poses()
    inverse = np.linalg.inv(pose["rightHand"])
    for name in (n for n in egodex.JOINTS if n in shown):
        expected = np.linalg.inv(shown["rightHand"]) @ shown[name]
        np.testing.assert_allclose(inverse @ pose[name], expected, atol=2e-6)
    up = pose["camera"][1, 3] - pose["rightHand"][1, 3]
    assert up == pytest.approx(posture.eye[0][2] - posture.hands["right"].place[2], abs=1e-5)
    assert pose["camera"][1, 3] > 1 and pose["camera"][1, 2] < -0.5, "y is up, and the camera looks down along its z"
    expected = shown["rightHand"][:3, :3].T @ (posture.carried[0] - shown["rightHand"][:3, 3])
    np.testing.assert_allclose((inverse @ [*thing, 1])[:3], expected, atol=1e-5)
    assert 0 <= min(confident.values()) and max(confident.values()) == 1
    np.testing.assert_allclose(TO_ARKIT @ [1, 0, 0], [0, 0, -1])


def test_the_intrinsic_tells_where_a_label_is_in_the_picture(studio, takes):
    take = next(t for t in takes if t.script.scene.errand.target != "drawer")
    stage = take.script.stage
    stage.show(take.script.posture(0.0))
    plain = stage.picture(studio._renderer).astype(int)
    own = stage.model.geom_bodyid == stage.model.body("thing_0").id
    colours = stage.model.geom_rgba.copy()
    stage.model.geom_rgba[own] = [1, 0, 1, 1]
    changed = np.abs(stage.picture(studio._renderer).astype(int) - plain).sum(2) > 40
    stage.model.geom_rgba[:] = colours
    rows, columns = np.nonzero(changed)
    assert len(rows) > 10
    world, labels = take.labels.transforms["camera"][0], take.labels
    spot = labels.pixels(labels.privileged["object"][0][None], world)[0]
    assert np.hypot(columns.mean() + 0.5 - spot[0], rows.mean() + 0.5 - spot[1]) < 8
    assert visible(spot[None])[0]


def test_the_same_seed_makes_the_same_files_and_another_does_not(studio, recorded, tmp_path):
    folder, take = recorded
    for number, seed in enumerate((take.seed, take.seed)):
        again = studio.play(take.script.scene.errand, seed)
        write(tmp_path / f"{number}.hdf5", again, studio.pictures(again, 4), 4)
        for suffix in (".hdf5", ".mp4"):
            assert (tmp_path / f"{number}{suffix}").read_bytes() == (folder / f"0{suffix}").read_bytes()
    other = scene.draw(take.script.scene.errand, generator(take.seed + 1, "scene of a person"))
    assert not np.allclose(other.carried.place, take.script.scene.carried.place)


def test_the_loader_takes_the_files_for_a_human_body(recorded):
    folder, take = recorded
    (chunks,) = open_chunks(folder.parent)
    assert chunks.embodiment == "human_egodex"
    assert len(chunks.last) == take.frames and chunks.instructions == [take.said]
    np.testing.assert_array_equal(np.flatnonzero(chunks.has_picture), np.arange(0, take.frames, 4))
    assert {"privileged.object", "privileged.container"} <= set(chunks.values)
    assert sum(v.shape[1] for n, v in chunks.values.items() if n.startswith("state.")) == 57
    pictures = list(chunks.pictures(np.array([0, 3, 4])))
    assert pictures[0].shape == (256, 256, 3)
    first, repeated, next_one = (p.astype(int) for p in pictures)
    assert np.abs(first - repeated).mean() < np.abs(first - next_one).mean()


def test_the_files_convert_to_other_formats(recorded, tmp_path):
    folder, take = recorded
    assert convert(folder, tmp_path / "lerobot", "lerobot2")[0] == 1
    (chunks,) = open_chunks(tmp_path / "lerobot")
    assert chunks.embodiment == "human_egodex" and len(chunks.last) == take.frames
    assert chunks.has_picture.sum() == -(-take.frames // 4)


def test_people_tables_and_things_vary_more_than_the_robots():
    from envs.robocasa.assets.catalogue import table

    random = np.random.default_rng(0)
    skins = np.array([appearance.flesh(random).skin for _ in range(60)])
    assert skins.mean(1).max() > 2.5 * skins.mean(1).min()
    assert (skins[:, 0] > skins[:, 2]).all(), "skin is redder than blue"
    assert len({appearance.draw(random).textures["table"] for _ in range(8)}) == 8
    assert len(set(things.kinds()) - set(table())) >= 8
    sizes = [things.make("apple", np.random.default_rng(i)).bounds()[1][2] for i in range(20)]
    assert max(sizes) / min(sizes) > 1.15


def test_a_scene_has_nothing_that_the_instruction_could_mean_but_the_thing_itself():
    drawn = 0
    for seed in range(30):
        try:
            found = scene.draw(ERRANDS[seed % len(ERRANDS)], np.random.default_rng(seed))
        except scene.NoRoom:
            continue
        drawn += 1
        named = {found.carried.kind, found.errand.source, found.errand.target}
        assert not named & {p.kind for p in found.others}
        spread = [p for p in found.placed[1:]]
        gaps = [np.hypot(*(a.place - b.place)[:2]) for i, a in enumerate(spread) for b in spread[:i]]
        assert min(gaps, default=1) > 0.03
    assert drawn > 20


def test_errands_have_names_of_their_own():
    assert len({e.name for e in ERRANDS}) == len(ERRANDS) > 18


@pytest.mark.parametrize("option", [["--student", "gr00t"], ["--suite", "robocasa_gr1"], ["--perception", "8"]])
def test_the_robots_options_are_refused(option, tmp_path):
    with pytest.raises(CrossbodyError, match=f"{option[0]} is for --embodiment gr1; human hands have no such option"):
        collect.main(["--out", str(tmp_path), "--embodiment", "human", *option])


def contents(out: Path) -> dict[str, object]:
    """Return every file of a collection that counts; attempts without their durations."""
    found: dict[str, object] = {}
    for file in sorted((out / "demonstrations").rglob("*.*")):
        lines = file.read_text().splitlines() if file.suffix == ".jsonl" else None
        name = str(file.relative_to(out))
        found[name] = [json.loads(x) | {"elapsed_s": 0} for x in lines] if lines is not None else file.read_bytes()
    return found


@pytest.mark.sim
@pytest.mark.slow
def test_a_collection_that_is_killed_goes_on_to_the_same_files_with_any_number_of_workers(tmp_path):
    def start(out: Path, workers: int) -> subprocess.Popen:
        tasks = "pick_place_plate_to_bowl,pick_place_table_to_plate"
        arguments = ["--embodiment", "human", "--tasks", tasks, "--episodes", "2", "--picture-every", "8"]
        command = [
            sys.executable,
            "-m",
            "crossbody.main",
            "collect",
            "--out",
            str(out),
            "--workers",
            str(workers),
            *arguments,
        ]
        return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    whole = start(tmp_path / "whole", 1)
    printed = whole.communicate(timeout=500)[0]
    assert whole.returncode == 0 and "4/4 demonstrations" in printed, printed
    killed = start(tmp_path / "killed", 2)
    while killed.poll() is None and not list((tmp_path / "killed").rglob("attempts.jsonl")):
        time.sleep(0.05)
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    again = start(tmp_path / "killed", 2)
    assert again.wait(timeout=500) == 0
    expected, mine = contents(tmp_path / "whole"), contents(tmp_path / "killed")
    assert len([n for n in expected if n.endswith(".hdf5")]) == 4
    assert sorted(mine) == sorted(expected)
    for name, content in expected.items():
        assert mine[name] == content, name
