"""Variants of motion files, well and ill formed: each is read as what it says or refused in a sentence, never with a
traceback.

CROSSBODY_FUZZ raises the number of variants of each kind; `make fuzz` sets it.
"""

from __future__ import annotations

import io
import os
from pathlib import Path

import numpy as np
import pytest

from envs.humanoid.motions import library, robot_files
from tasks.motion.foreign import Hints
from tasks.motion.motion import Motion, MotionError
from tests import motions

COUNT = int(os.environ.get("CROSSBODY_FUZZ", "20"))
SPOILT = ("nan", "inf", "-inf", "1e308", "", "zero", "١", "0x10", "1e400", "9" * 5000, "\u2028", "{", "JOINT", "-1")
CLOSE_M = 2e-5


def outcome(file: Path, hints: Hints) -> Motion | MotionError:
    """Return the only motion, or what is said of it; anything else that is raised fails the test."""
    (found,) = robot_files.read(file, hints).values()
    if isinstance(found, MotionError):
        assert str(found).strip() and "\n" not in str(found) and len(str(found)) < 3000, str(found)[:300]
    return found


def damaged(content: bytes, rng: np.random.Generator) -> bytes:
    """Return bytes that are cut, flipped, doubled or overwritten somewhere."""
    raw, at = bytearray(content), int(rng.integers(len(content)))
    kind = rng.integers(4)
    if kind == 0:
        return bytes(raw[:at])
    if kind == 1:
        raw[at] ^= 1 << int(rng.integers(8))
    elif kind == 2:
        raw[at:at] = raw[at : at + int(rng.integers(1, 200))]
    else:
        raw[at : at + 8] = rng.bytes(8)
    return bytes(raw)


def respelt(word: str, rng: np.random.Generator) -> str:
    return str(rng.choice(np.array(SPOILT))) if rng.random() < 0.5 else f"{word}{rng.choice(np.array(list('x,;é ')))}"


def spoilt_text(text: str, rng: np.random.Generator) -> str:
    """Return a text in which a word or a line is another, absent or twice."""
    lines = text.split("\n")
    at = int(rng.integers(len(lines)))
    kind = rng.integers(4)
    if kind == 0:
        del lines[at]
    elif kind == 1:
        lines.insert(at, lines[int(rng.integers(len(lines)))])
    else:
        words = lines[at].replace(",", " , ").split()
        if words:
            which = int(rng.integers(len(words)))
            words[which : which + 1] = [respelt(words[which], rng)] if kind == 2 else []
        lines[at] = " ".join(words)
    return "\n".join(lines)


@pytest.mark.parametrize("seed", range(COUNT))
def test_a_bvh_written_another_way_is_the_same_motion(tmp_path, seed):
    rng = np.random.default_rng(seed)
    scale, fps = float(rng.choice([1.0, 100.0, 1000.0])), float(rng.choice([20, 24, 30, 60, 120]))
    root = motions.STANDING[[0] * 4] + np.linspace(0, 0.1, 4)[:, None] * rng.normal(size=3) * [1, 1, 0]
    text = motions.bvh({"LeftArm": rng.uniform(-40, 40, (4, 3))}, root, scale, 1 / fps)
    plain = tmp_path / "a.bvh"
    plain.write_text(text)
    expected = outcome(plain, Hints())
    assert isinstance(expected, Motion) and expected.fps == pytest.approx(fps)
    other = text
    if rng.random() < 0.5:
        other = other.replace("\n", "\r\n")
    if rng.random() < 0.5:
        other = "\ufeff" + other
    if rng.random() < 0.5:
        other = other.replace(" ", "\t").replace("Frame\tTime", "Frame Time")
    if rng.random() < 0.5:
        other = other.replace("Left", "L_").replace("Right", "R_")
    if rng.random() < 0.5:
        other = other.replace("JOINT ", "JOINT rig:").replace("JOINT\t", "JOINT\trig:")
    if rng.random() < 0.5:
        other = other.replace("\n}", "\n\n   }  ")
    (tmp_path / "b.bvh").write_text(other, newline="")
    found = outcome(tmp_path / "b.bvh", Hints(fps=fps if rng.random() < 0.5 else None))
    assert isinstance(found, Motion), found
    np.testing.assert_allclose(found.keypoints, expected.keypoints, atol=CLOSE_M)
    assert outcome(tmp_path / "b.bvh", Hints(fps=fps + 1)) is not None
    assert isinstance(outcome(tmp_path / "b.bvh", Hints(fps=fps + 1)), MotionError)


@pytest.mark.parametrize("seed", range(COUNT))
def test_a_spoilt_bvh_is_read_or_refused(tmp_path, seed):
    rng = np.random.default_rng(seed)
    text = motions.bvh({"LeftArm": rng.uniform(-40, 40, (4, 3))}, motions.STANDING[[0] * 4])
    file = tmp_path / "a.bvh"
    if rng.random() < 0.3:
        file.write_bytes(damaged(text.encode(), rng))
    else:
        file.write_text(spoilt_text(text, rng), encoding="utf8", newline="")
    found = outcome(file, Hints())
    if isinstance(found, Motion):
        assert np.isfinite(found.keypoints).all() and len(found.keypoints) == 4


@pytest.fixture(scope="module")
def clip() -> Motion:
    made = library.make("walk", 1, "g1_29")
    cut = slice(60, 72)
    return Motion(
        "walk",
        made.keypoints[cut],
        made.root_position[cut],
        made.root_quat_wxyz[cut],
        50.0,
        joint_angles=made.joint_angles[cut],
        joint_names=made.joint_names,
    )


ROOTS = (
    ("root_x", "root_y", "root_z", "root_qx", "root_qy", "root_qz", "root_qw"),
    ("x", "y", "z", "qx", "qy", "qz", "qw"),
    ("pos_x", "pos_y", "pos_z", "quat_x", "quat_y", "quat_z", "quat_w"),
    ("root_translateX", "root_translateY", "root_translateZ", "root_rot_x", "root_rot_y", "root_rot_z", "root_rot_w"),
)


@pytest.mark.parametrize("seed", range(COUNT))
def test_a_csv_with_its_columns_in_any_order_is_the_same_motion(tmp_path, clip, seed):
    rng = np.random.default_rng(seed)
    values = np.concatenate([clip.root_position, np.roll(clip.root_quat_wxyz, -1, axis=1), clip.joint_angles], axis=1)
    joints = [name.removesuffix("_joint") if rng.random() < 0.5 else name for name in clip.joint_names]
    names = np.array([*ROOTS[rng.integers(len(ROOTS))], *joints])
    order = rng.permutation(len(names))
    mark = str(rng.choice([",", ";", "\t"]))
    quote = str(rng.choice(["", '"']))
    unit = float(rng.choice([1.0, 0.01, 0.001]))
    values[:, :3] /= unit
    lines = [mark.join(f"{quote}{name}{quote}" for name in names[order])]
    lines += [mark.join(f"{v:.9g}" for v in row[order]) for row in values]
    (tmp_path / "a.csv").write_text(("\ufeff" if rng.random() < 0.3 else "") + "\n".join(lines), encoding="utf8")
    found = outcome(tmp_path / "a.csv", Hints(50.0, None, unit))
    assert isinstance(found, Motion), found
    np.testing.assert_allclose(found.keypoints, clip.keypoints, atol=CLOSE_M)
    if unit < 1:
        assert isinstance(outcome(tmp_path / "a.csv", Hints(50.0)), MotionError)


@pytest.mark.parametrize("seed", range(COUNT))
def test_a_spoilt_csv_is_read_or_refused(tmp_path, clip, seed):
    rng = np.random.default_rng(seed)
    values = np.concatenate([clip.root_position, np.roll(clip.root_quat_wxyz, -1, axis=1), clip.joint_angles], axis=1)
    heading = ",".join([*ROOTS[0], *clip.joint_names])
    text = "\n".join([heading] * int(rng.integers(2)) + [",".join(f"{v:.6f}" for v in row) for row in values])
    file = tmp_path / "a.csv"
    if rng.random() < 0.3:
        file.write_bytes(damaged(text.encode(), rng))
    else:
        file.write_text(spoilt_text(text, rng), encoding="utf8", newline="")
    found = outcome(file, Hints(50.0))
    if isinstance(found, Motion):
        assert np.isfinite(found.keypoints).all() and len(found.keypoints) in (10, 11, 12, 13)


def arrays(rng: np.random.Generator, clip: Motion) -> dict[str, np.ndarray]:
    """Return one of the npz that people have."""
    kind = rng.integers(4)
    if kind == 0:
        return {
            "joints": motions.smpl(motions.keypoints(frames=8), int(rng.choice([22, 24, 52]))),
            "fps": np.array(20.0),
        }
    if kind == 1:
        poses = np.zeros((8, int(rng.choice([72, 156, 165]))))
        poses[:, 0] = np.pi / 2
        return {"poses": poses, "trans": np.tile([0.0, 0, 0.93], (8, 1)), "mocap_framerate": np.array([120.0])}
    if kind == 2:
        return {"a/joints": motions.keypoints(frames=8), "a/fps": np.array(30)}
    places, turns = robot_files._bodies("g1_29", clip.root_position, clip.root_quat_wxyz, clip.joint_angles)
    named = {"joint_names": np.array(clip.joint_names)} if rng.random() < 0.5 else {}
    return {"fps": np.array([50]), "joint_pos": clip.joint_angles, "body_pos_w": places, "body_quat_w": turns} | named


def spoilt_array(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return an array of another shape, type or value."""
    kind = rng.integers(7)
    if kind == 0:
        return np.array([None, {"a": 1}], dtype=object)
    if kind == 1:
        return values[..., :-1] if values.ndim else np.array("word")
    if kind == 2:
        return values[:0] if values.ndim else np.array([])
    if kind == 3:
        return values[None] if values.ndim else values.astype(complex)
    if kind == 4:
        return values.astype(str)
    if kind == 5 and values.dtype.kind == "f" and values.size:
        values = values.copy()
        values.flat[int(rng.integers(values.size))] = float(rng.choice([np.nan, np.inf, 1e300]))
        return values
    return values.reshape(-1)


@pytest.mark.parametrize("seed", range(COUNT))
def test_a_spoilt_npz_is_read_or_refused(tmp_path, clip, seed):
    rng = np.random.default_rng(seed)
    made = arrays(rng, clip)
    kind = rng.integers(4)
    if kind == 0:
        del made[str(rng.choice(np.array(list(made))))]
    elif kind == 1:
        key = str(rng.choice(np.array(list(made))))
        made[key] = spoilt_array(made[key], rng)
    elif kind == 2:
        made["note"] = np.array([None], dtype=object)
    buffer = io.BytesIO()
    (np.savez_compressed if rng.random() < 0.5 else np.savez)(buffer, **made)
    content = buffer.getvalue()
    (tmp_path / "a.npz").write_bytes(damaged(content, rng) if kind == 3 else content)
    for found in robot_files.read(tmp_path / "a.npz", Hints()).values():
        if isinstance(found, Motion):
            assert np.isfinite(found.keypoints).all()
        else:
            assert str(found).strip() and "\n" not in str(found), str(found)[:300]
        if kind == 2 and "a/joints" not in made:
            assert isinstance(found, Motion), found
