"""Speed of the humanoid's physics and task against bare ``mujoco.rollout``, and how far backends differ: ``python -m
benchmarks humanoid``.

All of it is one control step of 20 ms, four physics steps, of the same model from the same states with the same
targets, in turn in one process. Backends that cannot run here are named with the reason.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable

ENVS, STEPS, SUBSTEPS, ROUNDS = 256, 25, 4, 5
BAR = 0.7
SHOWN = (1, 5, 25)


def main() -> None:
    """Print rates and ratios, then differences."""
    from envs.humanoid.backends.mujoco import cores

    threads = cores()
    ways = _ways(threads)
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, run in ways.items():
            seconds[name].append(_timed(run))
    bare = seconds["mujoco.rollout, bare"]
    print(f"{ENVS} environments, {threads} threads, {ROUNDS} rounds in turn: medians\n")
    print(f"{'what':<44}{'steps/s':>9}{'per CPU-s':>11}{'of bare':>9}{'CPU':>7}{'bar':>6}")
    for name, measured in seconds.items():
        wall, cpu = (statistics.median(column) for column in zip(*measured, strict=True))
        ratios = [[b / m for b, m in zip(*pair, strict=True)] for pair in zip(bare, measured, strict=True)]
        of_wall, of_cpu = (statistics.median(column) for column in zip(*ratios, strict=True))
        bar = f"{BAR:>6.2f}" if name == "backend mujoco" else ""
        print(f"{name:<44}{ENVS * STEPS / wall:>9.0f}{ENVS * STEPS / cpu:>11.0f}{of_wall:>9.2f}{of_cpu:>7.2f}{bar}")
    _differences()


def _ways(threads: int) -> dict[str, Callable[[], None]]:
    """Return what is timed: each advances all environments by STEPS control steps from where they stand."""
    from envs.humanoid import physics, robot
    from envs.humanoid.motions import library
    from envs.humanoid.randomisation import Variation
    from envs.humanoid.task import Options, Task

    body = robot.load()
    backend = physics.make("mujoco", body, ENVS, threads=threads)
    ways = {"mujoco.rollout, bare": _bare(body, threads), "backend mujoco": lambda: _drive(backend)}
    motions = [library.make(kind, 0) for kind in ("stand", "squat", "wave", "walk")]
    for variation, what in ((Variation.nominal(), "nominal"), (Variation.training(), "training variation")):
        task = Task(physics.make("mujoco", body, ENVS, threads=threads), motions, Options(), variation)
        task.reset(0)
        ways[f"task, observed and rewarded, {what}"] = lambda task=task: _play(task)
    return ways


def _bare(body, threads: int) -> Callable[[], None]:
    import mujoco
    import numpy as np
    from mujoco.rollout import Rollout

    from envs.humanoid.backends.mujoco import compile_model

    model = compile_model(body, 0.005)
    data = [mujoco.MjData(model) for _ in range(threads)]
    kind = mujoco.mjtState.mjSTATE_FULLPHYSICS
    data[0].qpos[:] = [0, 0, body.default_height, 1, 0, 0, 0, *body.default_angles]
    first = np.zeros(mujoco.mj_stateSize(model, kind))
    mujoco.mj_getState(model, data[0], first, kind)
    pool, targets = Rollout(nthread=threads), _targets(body).double().numpy()
    states = np.zeros((ENVS, SUBSTEPS, len(first)))
    sensors = np.zeros((ENVS, SUBSTEPS, model.nsensordata))

    def run() -> None:
        now = np.tile(first, (ENVS, 1))
        for target in targets:
            control = np.repeat(target[:, None], SUBSTEPS, 1)
            pool.rollout(model, data, now, control, state=states, sensordata=sensors)
            now = states[:, -1].copy()

    return run


def _targets(body):
    import torch

    noise = torch.randn(STEPS, ENVS, len(body.joint_names), generator=torch.Generator().manual_seed(0))
    return torch.tensor(body.default_angles, dtype=torch.float32) + 0.1 * noise


def _drive(backend) -> None:
    _stand(backend)
    for target in _targets(backend.robot)[:, : backend.num_envs]:
        backend.set_targets(target.to(backend.device))
        backend.step(SUBSTEPS)


def _play(task) -> None:
    import torch

    for _ in range(STEPS):
        task.step(torch.zeros(task.num_envs, len(task.action_names), device=task.device))


def _stand(backend) -> None:
    import torch

    count, body = backend.num_envs, backend.robot
    root, joints = torch.zeros(count, 13), torch.zeros(count, len(body.joint_names), 2)
    root[:, 2], root[:, 3] = body.default_height, 1
    joints[..., 0] = torch.tensor(body.default_angles)
    ids = torch.arange(count)
    backend.reset_idx(*(values.to(backend.device) for values in (ids, root, joints)))


def _timed(run: Callable[[], None]) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    return time.perf_counter() - wall, time.process_time() - cpu


def _differences() -> None:
    """Print how far two robots get apart between backends that were given the same states and targets."""
    from crossbody.errors import CrossbodyError
    from envs.humanoid import physics, robot

    body = robot.load()
    true = trajectory(physics.make("mujoco", body, 2, threads=1))
    head = "".join(f"{f'after {step * 20} ms':>26}" for step in SHOWN)
    print(f"\nmean difference from mujoco on one thread: joints, mrad; root, mm\n{'backend':<20}{head}")
    for name, options in (("mujoco", {"threads": 2}), ("isaacgym", {}), ("mjx", {})):
        try:
            other = trajectory(physics.make(name, body, 2, **options))
        except CrossbodyError as error:
            print(f"{name:<20}  absent: {str(error).splitlines()[0]}")
            continue
        cells = ""
        for step in SHOWN:
            joints, root = (float((a - b).abs().mean()) for a, b in zip(true[step - 1], other[step - 1], strict=True))
            cells += f"{1000 * joints:>16.4f}{1000 * root:>10.4f}"
        print(f"{name:<20}{cells}")


def trajectory(backend) -> list:
    """Return joint angles and root positions of two robots after each control step; the backend is closed."""
    _stand(backend)
    seen = []
    for target in _targets(backend.robot)[:, : backend.num_envs]:
        backend.set_targets(target.to(backend.device))
        backend.step(SUBSTEPS)
        seen.append((backend.dof_state[..., 0].cpu().clone(), backend.root_state[:, :3].cpu().clone()))
    backend.close()
    return seen


if __name__ == "__main__":
    main()
