"""Everything that a GPU can tell about this project, in one command of a few minutes: ``make gpu PYTHON=python3``.

Each check prints one row and needs only what it names; what is absent is marked as skipped, with the reason. Without a
GPU it refuses to run, but for ``--toy``, which plays the same checks at toy sizes on the CPU and says so in every row.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("torch", "triton", "jax", "mujoco", "mujoco-mjx", "numpy", "transformers", "accelerate")
EIGHT_TO_ONE = 2.0  # target: eight chunks together take at most twice the time of one
FIVE_STEPS_MM = 0.1  # target: MJX from MuJoCo after 5 control steps
ROUNDS = 5


@dataclass(frozen=True)
class Row:
    """What one check found."""

    check: str
    figure: str
    value: float
    unit: str
    target: str
    state: str  # ok, missed, skipped, failed
    note: str = ""


class Skip(Exception):
    """Why a check cannot run here."""


def main() -> None:
    """Run the checks, print a table, and write it as JSON."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.gpu", description=__doc__)
    parser.add_argument("--toy", action="store_true", help="toy sizes on the CPU: does the code run? No GPU figure")
    parser.add_argument("--only", default="", help="names of checks, joined by commas")
    parser.add_argument("--seconds", type=float, default=480, help="no check begins after so many")
    parser.add_argument("--out", type=Path, help="a JSON file of the rows")
    given = parser.parse_args()
    device = chosen_device(given.toy)
    print(json.dumps(machine(device)))
    rows = []
    for row in run(device, given.only.split(",") if given.only else list(CHECKS), given.seconds):
        rows.append(row)
        print(
            f"{row.state:<8}{row.check:<14}{row.figure:<52}{row.value:>12.4g} {row.unit:<10}{row.target:<10}{row.note}",
            flush=True,
        )
    if given.out:
        given.out.write_text(json.dumps({"machine": machine(device), "rows": [asdict(r) for r in rows]}, indent=1))
    sys.exit(1 if any(r.state in ("missed", "failed") for r in rows) else 0)


def chosen_device(toy: bool) -> str:
    """Return cuda:0, or cpu for ``--toy``; a machine without a GPU is refused,
    so that no CPU figure passes for a GPU's."""
    import torch

    if toy:
        return "cpu"
    if not torch.cuda.is_available():
        sys.exit(
            f"torch {torch.__version__} sees no GPU here, so there is nothing to report. `--toy` tries the "
            "code on the CPU."
        )
    return "cuda:0"


def machine(device: str) -> dict[str, Any]:
    """Return the card and the versions that stand beside every figure."""
    import torch

    found: dict[str, Any] = {
        "device": torch.cuda.get_device_name(0) if device != "cpu" else "CPU at toy size: no GPU figure"
    }
    if device != "cpu":
        found["memory_gb"] = round(torch.cuda.get_device_properties(0).total_memory / 1e9, 1)
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = None
    return found | {"python": sys.version.split()[0]}


def run(device: str, names: list[str], seconds: float) -> Iterator[Row]:
    """Yield the rows of the named checks; one that cannot run, or breaks, is a row with the reason."""
    began = time.monotonic()
    for name in names:
        if name not in CHECKS:
            sys.exit(f"unknown check '{name}'. Known: {', '.join(CHECKS)}.")
        try:
            if time.monotonic() - began > seconds:
                raise Skip(f"the {seconds:g} seconds are over")
            yield from CHECKS[name](device)
        except (Skip, ModuleNotFoundError) as reason:
            yield Row(name, "", float("nan"), "", "", "skipped", str(reason))
        except Exception as error:  # one broken check must not take the others' figures with it
            yield Row(name, "", float("nan"), "", "", "failed", f"{type(error).__name__}: {error}"[:300])


def networks(device: str) -> Iterator[Row]:
    """How far a policy's chunk on the device is from the CPU's, and whether it depends on who else is asked."""
    import torch

    from agents.unit.inference import Inference
    from agents.unit.policy import Policy
    from tests.unit_small import batch, small

    size = small()
    torch.manual_seed(0)
    policy, rows = Policy(size.policy).eval(), batch(size, n=5)
    seen = [{k: v[i : i + 1] for k, v in rows.items()} for i in range(5)]
    noise = [torch.randn(1, 16, size.policy.embodiments.width) for _ in range(5)]
    expected = Inference(policy, "cpu")(seen, noise)
    answer = Inference(policy, device)
    got = answer(seen, noise)
    apart = max(float((a - b).abs().max()) for a, b in zip(got, expected, strict=True))
    yield _row("networks", "largest difference of a chunk from the CPU's", apart, "", 1e-3)
    alone = max(float((answer([seen[i]], [noise[i]])[0] - got[i]).abs().max()) for i in range(5))
    yield _row("networks", "difference of a chunk asked alone and with four others", alone, "", 0.0)


def resuming(device: str) -> Iterator[Row]:
    """Whether a training that was stopped and resumed on the device ends in the same bits."""
    with tempfile.TemporaryDirectory() as folder:
        whole, parts = (_trained(Path(folder) / str(len(stops)), stops) for stops in ((4,), (2, 4)))
    apart = max(float((whole[k].float() - parts[k].float()).abs().max()) for k in whole)
    yield _row("resuming", "largest difference of a weight after a stop and a resume", apart, "", 0.0)


def base_policy(device: str) -> Iterator[Row]:
    """Time of a chunk and of a training step of the paper's size, with random weights, and the memory they take."""
    import torch

    from agents.unit.inference import Inference

    policy, one = _base(device)
    answer = Inference(policy, device)
    noise = torch.randn(1, 16, policy.config.embodiments.width)
    single, eight = (_median(lambda n=n: answer([one] * n, [noise] * n)) for n in (1, 8))
    yield Row("base_policy", "one chunk of 16 actions, float32", 1000 * single, "ms", "", "ok")
    yield _row("base_policy", "eight chunks together, to one", eight / single, "x", EIGHT_TO_ONE)
    low = Inference(policy, device, "bfloat16")
    yield Row(
        "base_policy", "one chunk of 16 actions, bfloat16", 1000 * _median(lambda: low([one], [noise])), "ms", "", "ok"
    )
    rows = [one | {"pixels": one["pixels"] + i} for i in range(8)]
    noises = [torch.randn(1, 16, policy.config.embodiments.width) for _ in range(8)]
    together = answer(rows, noises)
    apart = max(float((answer([rows[i]], [noises[i]])[0] - together[i]).abs().max()) for i in (0, 3, 7))
    yield _row("base_policy", "difference of a chunk asked alone and with seven others", apart, "", 0.0)


def base_training(device: str) -> Iterator[Row]:
    """Seconds and memory of a training step of the paper's size: bf16 autocast, activations computed again,
    AdamW in float32."""
    import torch

    from training.loop import save_memory

    policy, one = _base(device)
    policy.train()
    save_memory(policy)
    optimizer = torch.optim.AdamW([p for p in policy.parameters() if p.requires_grad], 1e-5)
    batch = {k: v.repeat(8, *[1] * (v.ndim - 1)).to(device) for k, v in one.items()}
    width = policy.config.embodiments.width
    batch |= {
        "action": torch.randn(8, 16, width, device=device),
        "action_mask": torch.ones(8, 16, width, device=device, dtype=torch.bool),
    }
    batch["codes"] = torch.zeros(8, policy.config.tokens, policy.config.levels, dtype=torch.long, device=device)

    def step() -> None:
        with torch.autocast(torch.device(device).type, torch.bfloat16):
            loss = policy(batch).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        if not torch.isfinite(loss):
            raise ValueError(f"the loss is {float(loss)}")

    seconds = _median(step, 3)
    yield Row("base_training", "training step at batch 8", seconds, "s", "", "ok")
    if device != "cpu":
        peak, limit = torch.cuda.max_memory_allocated() / 1e9, 80.0
        yield Row(
            "base_training", "memory at the peak", peak, "GB", f"<= {limit:g}", "ok" if peak <= limit else "missed"
        )


def physics(device: str) -> Iterator[Row]:
    """Control steps per second of the tracking task through MJX, and how far MJX is from MuJoCo."""
    try:
        import jax
        import mujoco.mjx  # noqa: F401
    except ImportError as error:
        raise Skip(f"MJX is not installed: {error}") from None
    from benchmarks import humanoid
    from envs.humanoid import physics as backends
    from envs.humanoid import robot

    if device != "cpu" and jax.default_backend() != "gpu":
        raise Skip(f"JAX {jax.__version__} computes on {jax.default_backend()} here, so its rate would be a CPU's")
    body = robot.load()
    paths = [humanoid.trajectory(backends.make(name, body, 2)) for name in ("mujoco", "mjx")]
    apart = 1000 * float((paths[0][4][1] - paths[1][4][1]).abs().mean())
    yield _row("physics", "MJX's root from MuJoCo's after 5 control steps", apart, "mm", FIVE_STEPS_MM)
    count, steps = (8, 2) if device == "cpu" else (4096, 24)
    rate = _task_rate(count, steps)
    yield Row("physics", f"tracking task with training variation, {count} robots", rate, "steps/s", "", "ok")


def drawing(device: str) -> Iterator[Row]:
    """Milliseconds of a 640 x 400 picture through EGL."""
    from crossbody import gl

    found = gl.probe("egl")
    if found.error:
        raise Skip(f"EGL draws nothing here: {found.error}")
    yield Row("drawing", "a small scene at 640 x 400 through EGL", float(found.ms_per_frame or "nan"), "ms", "", "ok")


CHECKS: dict[str, Callable[[str], Iterator[Row]]] = {
    "networks": networks,
    "resuming": resuming,
    "physics": physics,
    "drawing": drawing,
    "base_policy": base_policy,
    "base_training": base_training,
}


def _row(check: str, figure: str, value: float, unit: str, most: float) -> Row:
    return Row(check, figure, value, unit, f"<= {most:g}", "ok" if value <= most else "missed")


def _median(work: Callable[[], Any], rounds: int = ROUNDS) -> float:
    """Return the median seconds of a call after one for warming up."""
    import torch

    taken = []
    for _ in range(rounds + 1):
        start = time.perf_counter()
        work()
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        taken.append(time.perf_counter() - start)
    return statistics.median(taken[1:])


def _trained(folder: Path, stops: tuple[int, ...]) -> dict[str, Any]:
    """Return the weights of a small policy after as many updates as the last stop, resumed at each stop before it."""
    import torch

    from agents.unit.policy import Policy
    from tests.unit_small import batch, small
    from training.loop import Loop, Supervised, Supply
    from training.recipe import Options, Run

    class Random(Supply):
        def __call__(self, step: int, process: int = 0, held_out: bool = False) -> dict[str, Any]:
            return batch(small(), n=4)

    loop = None
    for stop in stops:
        torch.manual_seed(0)
        options = Options(save_every=stop, log_every=4)
        job = Supervised(lambda: Policy(small().policy), Random(), stop, 1e-3, {}, lambda done: None)
        loop = Loop(job, Run("gpu", folder, options, options))
        loop.run()
    assert loop is not None
    return {k: v.cpu() for k, v in loop.plain.state_dict().items()}


def _task_rate(count: int, steps: int) -> float:
    """Return control steps per second of the tracking task through MJX, once it is compiled."""
    import torch

    from envs.humanoid import physics, robot
    from envs.humanoid.motions import library
    from envs.humanoid.randomisation import Variation
    from envs.humanoid.task import Options, Task

    motions = [library.make(kind, 0) for kind in ("stand", "walk")]
    task = Task(physics.make("mjx", robot.load(), count), motions, Options(), Variation.training())
    task.reset(0)
    action = torch.zeros(count, len(task.action_names), device=task.device)
    taken = _median(lambda: [task.step(action) for _ in range(steps)], 3)
    task.close()
    return count * steps / taken


def _base(device: str) -> tuple[Any, dict[str, Any]]:
    """Return a policy of the paper's shape, or of its toy, with random weights, and one observation."""
    import torch
    from transformers import Qwen2_5_VLModel

    from agents.unit.config import load_size
    from agents.unit.policy import Policy
    from agents.unit.qwen import QwenContext, published_config
    from tests.unit_small import small, small_qwen

    torch.manual_seed(0)
    if device == "cpu":
        config = small(policy={"language": "qwen2_5_vl_3b", "localizer_points": 0, "position_weight": 0.0}).policy
        backbone = small_qwen()
        patches, tokens, grid = 16, 4, (1, 4, 4)
    else:
        config = load_size("base").policy
        with torch.device(device):
            backbone = Qwen2_5_VLModel(published_config())
        patches, tokens, grid = 256, 64, (1, 16, 16)
    with torch.device(device):
        policy = Policy(config, QwenContext(config, backbone)).eval()
    image = backbone.config.image_token_id
    ids = torch.tensor([[1, 2, *[image] * tokens, *range(3, 3 + 24)]])
    width = config.embodiments.width
    one = {"ids": ids, "ids_mask": torch.ones_like(ids, dtype=torch.bool), "pixels": torch.randn(1, patches, 1176)}
    one |= {"grid": torch.tensor([grid]), "state": torch.randn(1, width), "view": torch.randn(1, width)}
    return policy, one | {"slot": torch.tensor([config.embodiments.slots["gr1"]])}


if __name__ == "__main__":
    main()
