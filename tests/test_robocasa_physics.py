"""Our stepping and drawing against the package's own, started in another process: equal to the last bit."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tests.stock_loop import actions

pytestmark = [pytest.mark.sim, pytest.mark.slow]
SEED, STEPS = 3, 12
HERE = Path(__file__).resolve().parent


@pytest.fixture(scope="module", params=["PosttrainPnPNovelFromPlateToBowlSplitA", "PnPCupToDrawerClose"])
def stock(request, pack, tmp_path_factory):
    """The stock loop's record of one task: (task name, arrays)."""
    out = tmp_path_factory.mktemp("stock") / "record.npz"
    command = [sys.executable, str(HERE / "stock_loop.py"), request.param, str(SEED), str(STEPS), str(out)]
    environment = os.environ | {"PYTHONHASHSEED": "0", "PYTHONPATH": str(HERE.parent)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    with np.load(out) as data:
        return request.param, dict(data)


def record(env, steps: int = STEPS, chunk: int = 1) -> dict[str, np.ndarray]:
    """Drive our environment as the stock loop drives the package's, in chunks."""
    env.reset(seed=SEED + 1)  # whatever came before must not matter
    observation, info = env.reset(seed=SEED)
    start = {k.removeprefix("state."): v for k, v in observation.items() if k.startswith("state.")}
    frames, qpos, rewards = [observation], [env.simulator.data.qpos.copy()], []
    plan = list(actions(start, steps))
    for first in range(0, steps, chunk):
        part = plan[first : first + chunk]
        result = env.step_chunk({f"action.{name}": np.stack([p[name] for p in part]) for name in start})
        frames.append(result.observation)
        qpos.append(env.simulator.data.qpos.copy())
        rewards += [float(s) for s in result.success]
    arrays = {k: np.stack([f[k] for f in frames]) for k in observation if k.startswith(("state.", "video."))}
    return {"qpos": np.array(qpos), "rewards": np.array(rewards), "sentence": info["instruction"], **arrays}


def test_the_faithful_look_equals_the_stock_loop_bit_for_bit(stock, make_env):
    task, theirs = stock
    ours = record(make_env(task, render_preset="faithful"))
    assert str(theirs["sentence"]) == ours["sentence"]
    for name in ("qpos", "rewards", *(n for n in theirs if n.startswith("video."))):
        assert np.array_equal(theirs[name], ours[name]), name
    for name in (n for n in theirs if n.startswith("state.")):
        assert np.array_equal(theirs[name].astype(np.float32), ours[name]), name


def test_the_fast_look_and_whole_chunks_leave_the_physics_as_it_is(stock, make_env):
    task, theirs = stock
    ours = record(make_env(task, render_preset="fast"), chunk=6)
    assert np.array_equal(theirs["qpos"][::6], ours["qpos"])
    assert np.array_equal(theirs["rewards"], ours["rewards"])


def test_the_fast_look_shows_nearly_the_same_picture(stock, make_env):
    task, theirs = stock
    ours = record(make_env(task, render_preset="fast"), steps=1)
    name = "video.ego_view_bg_crop_pad_res256_freq20"
    difference = np.abs(theirs[name][0].astype(float) - ours[name][0]).mean()
    assert 0 < difference < 4  # of 255: fewer faces, half the resolution, no multisampling


def test_the_picture_follows_the_robot(stock):
    _, theirs = stock
    pictures = theirs["video.ego_view_pad_res256_freq20"].astype(float)
    assert (np.abs(np.diff(pictures, axis=0)).mean((1, 2, 3)) > 0.5).all()
