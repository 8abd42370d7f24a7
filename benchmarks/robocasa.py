"""Speed of the RoboCasa environment against the package's own loop, in pairs on one core: ``python -m benchmarks
robocasa``.

Each figure is measured in a process of its own, ours and the stock one in turn, and the ratio of the medians is
printed. The stock loop is the package's Gymnasium environment as its users drive it. It always renders after a step, so
its figure with pictures is per step; ours renders when the agent looks, every 16 steps.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

TASK = "PosttrainPnPNovelFromPlateToBowlSplitA"
CHUNK, CHUNKS, RESETS = 16, 6, 4


def main(rounds: int = 3) -> None:
    """Measure in turn and print a table of medians and ratios."""
    results: dict[str, list[dict[str, float]]] = {"stock": [], "ours": []}
    for number in range(rounds):
        for who in results:
            print(f"round {number + 1}/{rounds}: {who}", file=sys.stderr)
            results[who].append(_in_process(who))
    stock, ours = ({k: statistics.median(r[k] for r in rows) for k in rows[0]} for rows in results.values())
    print(f"{TASK}, {rounds} rounds, medians, one core\n")
    print(f"{'what':<44}{'stock':>10}{'ours':>10}{'ratio':>9}{'bar':>6}")
    for what, bar in (("control steps/s, picture for each chunk", 25), ("control steps/s, no picture", 2)):
        print(f"{what:<44}{stock[what]:>10.1f}{ours[what]:>10.1f}{ours[what] / stock[what]:>8.1f}x{bar:>5}x")
    what = "reset, s"
    print(f"{what:<44}{stock[what]:>10.2f}{ours[what]:>10.2f}{stock[what] / ours[what]:>8.1f}x{5:>5}x")
    raw = "control steps/s, raw mj_step"
    print(f"{raw:<44}{'':>10}{ours[raw]:>10.1f}{ours[raw] / stock['control steps/s, no picture']:>8.1f}x   (the limit)")
    print(f"{'one head camera picture, ms':<44}{stock['picture, ms']:>10.1f}{ours['picture, ms']:>10.1f}")


def _in_process(who: str) -> dict[str, float]:
    environment = os.environ | {"PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.robocasa", who], env=environment, capture_output=True, text=True
    )
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            return json.loads(line)
    raise RuntimeError(done.stderr[-3000:])


def stock() -> dict[str, float]:
    """Measure the package's own environment, with and without its renderer."""
    import numpy as np

    from envs.robocasa import package
    from envs.robocasa.assets.pack import generated

    package.load(generated(progress=False).root)
    from robocasa_gr1.utils.gym_utils import gymnasium_groot

    cls = getattr(gymnasium_groot, f"{TASK}_GR1ArmsAndWaistFourierHands_Env")
    figures = {}
    for pictures, what in ((False, "no picture"), (True, "picture for each chunk")):
        env = cls(enable_render=pictures)

        seeds = iter(range(100))

        def reset(env=env, seeds=seeds):
            env.env.rng = np.random.default_rng(next(seeds))
            return env.reset(seed=0)[0]

        resets, observation = _timed(reset, RESETS)
        action = {k.replace("state", "action"): v for k, v in observation.items() if k.startswith("state.")}
        steps, _ = _timed(lambda env=env, action=action: env.step(dict(action)), CHUNK * (1 if pictures else CHUNKS))
        figures[f"control steps/s, {what}"] = 1 / steps
        figures["reset, s"] = resets
    figures["picture, ms"] = 1000 * (
        1 / figures["control steps/s, picture for each chunk"] - 1 / figures["control steps/s, no picture"]
    )
    return figures


def ours() -> dict[str, float]:
    """Measure our environment in its ``fast`` render preset, and MuJoCo's bare step on the same model."""
    import mujoco
    import numpy as np

    from envs.robocasa.env import RoboCasaGR1

    env, figures = RoboCasaGR1(TASK), {}
    seeds = iter(range(100))
    figures["reset, s"], (observation, _) = _timed(lambda: env.reset(seed=next(seeds)), RESETS)
    states = [k for k in observation if k.startswith("state.")]
    chunk = {k.replace("state", "action"): np.repeat(observation[k][None], CHUNK, 0) for k in states}
    per_chunk, _ = _timed(lambda: env.step_chunk(chunk), CHUNKS)
    figures["control steps/s, picture for each chunk"] = CHUNK / per_chunk
    figures["picture, ms"], _ = _timed(lambda: env._take_pictures(), 5)
    figures["picture, ms"] *= 1000
    env.reset(seed=RESETS - 1, options={"observe": states})
    per_chunk, _ = _timed(lambda: env.step_chunk(chunk), CHUNKS)
    figures["control steps/s, no picture"] = CHUNK / per_chunk
    model, data = env.simulator.model, env.simulator.data
    substeps = env.simulator.stepper.substeps
    per_step, _ = _timed(lambda: [mujoco.mj_step(model, data) for _ in range(substeps)], 40)
    figures["control steps/s, raw mj_step"] = 1 / per_step
    return figures


def _timed(call: Callable, times: int) -> tuple[float, object]:
    """Return the median seconds of a call after one that is not counted, and its last result."""
    call()
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        result = call()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds), result


if __name__ == "__main__":
    from crossbody import gl

    gl.prepare()
    print(json.dumps({"stock": stock, "ours": ours}[sys.argv[1]]()))
