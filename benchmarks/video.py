"""LPIPS and FVD features per second against the reference way on the same weights: ``python -m benchmarks video``.

The reference scripts (common_metrics_on_video_quality) go through clips one by one, LPIPS also frame by frame, and
leave it to the library to use the cores. Both sides get the same clips and the same cores, in turn, and the ratio of
the medians is printed. LPIPS is timed as it is used: a prediction and the still row against one reference.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

CLIPS, FRAMES, SIDES = 4, 16, (128, 256)
BAR = 1


def main(rounds: int = 5) -> None:
    """Measure in turn and print a table of medians and ratios, on one core and on all."""
    import torch

    from evaluators.loop.plan import cores

    print(f"{CLIPS} clips of {FRAMES} frames, {rounds} rounds, medians, torch {torch.__version__}\n")
    print(f"{'what':<54}{'reference':>11}{'ours':>9}{'ratio':>8}{'bar':>6}")
    for count in sorted({1, cores()}):
        for side in SIDES:
            by_frame, by_clip, ours = _lpips(_clips(side))
            what = f"LPIPS alex, frames/s, {side} px, {count} core{'s' * (count > 1)}"
            _compare(f"{what}, by frame", by_frame, ours, CLIPS * FRAMES, (rounds, count))
            _compare(f"{what}, by clip", by_clip, ours, CLIPS * FRAMES, (rounds, count))
        plain, ours = _i3d(_clips(SIDES[-1]))
        _compare(f"FVD features, clips/s, {count} core{'s' * (count > 1)}", plain, ours, CLIPS, (rounds, count))


def _compare(what: str, reference: Callable, ours: Callable, size: int, how: tuple[int, int]) -> None:
    """Time both in turn. On several cores the reference splits each operation, as torch does;
    ours takes clips side by side."""
    import torch

    rounds, cores = how
    seconds: dict[str, list[float]] = {"reference": [], "ours": []}
    for number in range(rounds + 1):
        for name, call in (("reference", reference), ("ours", lambda: ours(cores))):
            torch.set_num_threads(cores if name == "reference" else 1)
            start = time.perf_counter()
            call()
            if number:  # the first round warms up
                seconds[name].append(time.perf_counter() - start)
    slow, fast = (size / statistics.median(seconds[name]) for name in ("reference", "ours"))
    print(f"{what:<54}{slow:>11.2f}{fast:>9.2f}{fast / slow:>7.2f}x{BAR:>5}x", flush=True)


def _clips(side: int) -> list[tuple]:
    import numpy as np

    rng = np.random.default_rng(0)
    return [tuple(rng.integers(0, 256, (2, FRAMES, side, side, 3), np.uint8)) for _ in range(CLIPS)]


def _lpips(clips: list[tuple]) -> tuple[Callable, Callable, Callable]:
    import torch

    from benchmarks._plain_networks import PlainLpips
    from evaluators.backbones.video import lpips as backbone
    from evaluators.metrics.video_pair.perception import lpips
    from evaluators.subjects.video import Video, VideoPair

    plain = PlainLpips(backbone.WEIGHTS["alex"].load())
    backbone.load("alex")

    def reference(step: int) -> None:
        with torch.no_grad():
            for pred, ref in clips:
                still = ref[:1].repeat(FRAMES, 0)
                for candidate in (pred, still):
                    a, b = (torch.from_numpy(v).permute(0, 3, 1, 2).float() / 127.5 - 1 for v in (candidate, ref))
                    for i in range(0, FRAMES, step):
                        plain(a[i : i + step].contiguous(), b[i : i + step].contiguous())

    def one(clip: tuple) -> None:
        pred, ref = (Video(v) for v in clip)
        lpips(VideoPair(pred, ref), "alex")
        lpips(VideoPair(Video.still(ref.frames[0], FRAMES), ref), "alex")

    return lambda: reference(1), lambda: reference(FRAMES), lambda cores: _side_by_side(one, clips, cores)


def _i3d(clips: list[tuple]) -> tuple[Callable, Callable]:
    import torch
    from torch.nn.functional import interpolate

    from benchmarks._plain_networks import PlainI3D
    from evaluators.backbones.video import i3d
    from evaluators.backbones.video.features import i3d_features
    from evaluators.backbones.weights import I3D_KINETICS
    from evaluators.subjects.video import Video

    plain = PlainI3D(I3D_KINETICS.load())
    i3d.load()

    def reference() -> None:
        with torch.no_grad():
            for pred, _ in clips:
                x = torch.from_numpy(pred).permute(0, 3, 1, 2).float() / 127.5 - 1
                x = interpolate(x, size=(i3d.SIZE, i3d.SIZE), mode="bilinear", align_corners=False)
                plain(x.permute(1, 0, 2, 3)[None].contiguous())

    def several(batch: list[tuple]) -> None:
        i3d_features([Video(pred) for pred, _ in batch])

    return reference, lambda cores: _side_by_side(several, [clips[i : i + 2] for i in range(0, CLIPS, 2)], cores)


def _side_by_side(call: Callable, items: list, cores: int) -> None:
    with ThreadPoolExecutor(cores) as pool:
        list(pool.map(call, items))


if __name__ == "__main__":
    main()
