"""The package's own environment driven as its users drive it: ``python stock_loop.py TASK SEED STEPS OUT.npz
[control]``.

In a process of its own, because it owns a GL context. Writes joint positions, states, pictures, rewards and the
sentence."""

from __future__ import annotations

import random
import sys

import numpy as np


def actions(start: dict[str, np.ndarray], steps: int):
    """Yield absolute joint targets that swing every joint around where it started, radians, float32."""
    for k in range(steps):
        yield {part: (q + 0.4 * np.sin(k / 4 + np.arange(len(q)))).astype(np.float32) for part, q in start.items()}


def main(task: str, seed: int, steps: int, out: str) -> None:
    from crossbody import gl

    gl.prepare()
    from envs.robocasa import package
    from envs.robocasa.assets.pack import generated

    package.load(generated(progress=False).root)
    from robocasa_gr1.utils.gym_utils import gymnasium_groot

    env = getattr(gymnasium_groot, f"{task}_GR1ArmsAndWaistFourierHands_Env")()
    env.env.rng = np.random.default_rng(seed)
    random.seed(seed)
    observation, _ = env.reset(seed=seed)
    start = {k.removeprefix("state."): v for k, v in observation.items() if k.startswith("state.")}
    frames, qpos, rewards = [observation], [env.env.sim.data.qpos.copy()], []
    for action in actions(start, steps):
        observation, reward, *_ = env.step({f"action.{part}": v for part, v in action.items()})
        frames.append(observation)
        qpos.append(env.env.sim.data.qpos.copy())
        rewards.append(reward)
    arrays = {k: np.stack([f[k] for f in frames]) for k in observation if k.startswith(("state.", "video."))}
    np.savez(out, qpos=qpos, rewards=rewards, sentence=observation["annotation.human.coarse_action"], **arrays)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), sys.argv[4])
