"""What ``crossbody doctor`` says about the networks that metrics look through."""

from __future__ import annotations

import os
from collections.abc import Iterator

from crossbody.errors import CrossbodyError, MissingExtra
from evaluators.backbones.weights import I3D_KINETICS, LPIPS_ALEX, LPIPS_VGG


def findings() -> Iterator[tuple[str, bool, str, str]]:
    """(subject, whether all is well, what was found, what to type) of each."""
    for subject, weights in {"LPIPS alex": LPIPS_ALEX, "LPIPS vgg": LPIPS_VGG, "FVD I3D": I3D_KINETICS}.items():
        try:
            weights.content()
        except MissingExtra as error:
            yield subject, False, str(error), "uv sync"
        except CrossbodyError as error:
            yield subject, False, str(error), ""
        else:
            yield subject, True, f"{weights.name} of {weights.requirement}, {weights.version}", ""
    from evaluators.backbones.video.flow import DIS

    yield "optical flow", True, f"{DIS.name} of {DIS.version}", ""
    yield _raft()
    yield _t2m()


def _raft() -> tuple[str, bool, str, str]:
    from evaluators.backbones.video.flow import RAFT_VARIABLE, oracle

    if not (file := os.environ.get(RAFT_VARIABLE)):
        return "RAFT", True, f"absent (optional); `--flow raft:FILE` or {RAFT_VARIABLE} names its weights", ""
    try:
        return "RAFT", True, f"{file}, {oracle('raft').version}", ""
    except CrossbodyError as error:
        return "RAFT", False, str(error), f"unset {RAFT_VARIABLE}"


def _t2m() -> tuple[str, bool, str, str]:
    from pathlib import Path

    from evaluators.backbones.motion.t2m import VARIABLE, load

    if not (folder := os.environ.get(VARIABLE)):
        text = f"absent (optional); `--t2m DIR` or {VARIABLE} names text-to-motion's folder"
        return "HumanML3D evaluator", True, text, ""
    try:
        return "HumanML3D evaluator", True, f"{folder}, {load(Path(folder), Path(), Path()).version}", ""
    except CrossbodyError as error:
        return "HumanML3D evaluator", False, str(error), f"unset {VARIABLE}"
