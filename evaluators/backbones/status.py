"""What ``crossbody doctor`` says about the networks that metrics look through."""

from __future__ import annotations

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
    from evaluators.backbones.flow import DIS

    yield "optical flow", True, f"{DIS.name} of {DIS.version}", ""
