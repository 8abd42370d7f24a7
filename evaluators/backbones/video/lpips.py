"""LPIPS v0.1 (Zhang et al. 2018): how differently a network trained on ImageNet sees two pictures."""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from evaluators.backbones.weights import LPIPS_ALEX, LPIPS_VGG, Weights

SHIFT, SCALE = (-0.030, -0.088, -0.188), (0.458, 0.448, 0.450)
"""ImageNet's mean and deviation for pictures in [-1, 1]."""

Layer = tuple[int, int, int, int]  # out channels, kernel, stride, padding
ALEX: tuple[tuple[int, tuple[Layer, ...]], ...] = (
    (1, ((64, 11, 4, 2),)),
    (3, ((192, 5, 1, 2),)),
    (3, ((384, 3, 1, 1),)),
    (1, ((256, 3, 1, 1),)),
    (1, ((256, 3, 1, 1),)),
)
VGG: tuple[tuple[int, tuple[Layer, ...]], ...] = (
    (1, ((64, 3, 1, 1),) * 2),
    (2, ((128, 3, 1, 1),) * 2),
    (2, ((256, 3, 1, 1),) * 3),
    (2, ((512, 3, 1, 1),) * 3),
    (2, ((512, 3, 1, 1),) * 3),
)
"""Five stages: the window of the pooling before it (1: none, always stride 2), and its convolutions,
each followed by a ReLU."""

WEIGHTS = {"alex": LPIPS_ALEX, "vgg": LPIPS_VGG}
STAGES = {"alex": (ALEX, "AlexNet_0"), "vgg": (VGG, "VGG16_0")}


class Lpips(nn.Module):
    """The trunk with its five linear heads."""

    def __init__(self, weights: Weights, trunk: str, stages: tuple[tuple[int, tuple[Layer, ...]], ...]):
        super().__init__()
        tree, number, channels = weights.load(), 0, 3
        self.stages = nn.ModuleList()
        for window, layers in stages:
            stage = nn.Sequential(*([nn.MaxPool2d(window, 2)] if window > 1 else []))
            for out, kernel, stride, padding in layers:
                stage.append(_convolution(tree[trunk][f"Conv_{number}"], (channels, out, kernel, stride, padding)))
                stage.append(nn.ReLU(inplace=True))
                channels, number = out, number + 1
            self.stages.append(stage)
        for i in range(len(stages)):
            self.register_buffer(f"head{i}", _kernel(tree[f"NetLinLayer_{i}"]["Conv_0"]["kernel"]))
        self.register_buffer("shift", torch.tensor(SHIFT)[:, None, None])
        self.register_buffer("scale", torch.tensor(SCALE)[:, None, None])
        self.eval().requires_grad_(False)

    def directions(self, pictures: Tensor) -> list[Tensor]:
        """Return the unit feature vector of every place, per stage, of pictures (n, 3, h, w) in [-1, 1]."""
        x, found = (pictures - self.get_buffer("shift")) / self.get_buffer("scale"), []
        for stage in self.stages:
            x = stage(x)
            found.append(x / (torch.linalg.vector_norm(x, dim=1, keepdim=True) + 1e-10))
        return found

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        """Return the distance (n,) of pictures (n or 1, 3, h, w) in [-1, 1], RGB; a single picture meets all others."""
        total = torch.zeros((), device=a.device)
        for i, (u, v) in enumerate(zip(self.directions(a), self.directions(b), strict=True)):
            total = total + F.conv2d((u - v).square_(), self.get_buffer(f"head{i}")).mean((1, 2, 3))
        return total


@cache
def load(trunk: str, device: str = "cpu") -> Lpips:
    """Return LPIPS with the trunk ``alex`` or ``vgg``; MissingExtra when its weights are not installed."""
    stages, name = STAGES[trunk]
    network = Lpips(WEIGHTS[trunk], name, stages).to(torch.device(device))
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):  # 1.4 times as fast on a CPU as channels first
            layer.weight.data = layer.weight.data.contiguous(memory_format=torch.channels_last)
    return network


def _convolution(arrays: Any, shape: tuple[int, int, int, int, int]) -> nn.Conv2d:
    layer = nn.Conv2d(*shape)
    layer.load_state_dict({"weight": _kernel(arrays["kernel"]), "bias": torch.tensor(arrays["bias"])})
    return layer


def _kernel(array: Any) -> Tensor:
    """Return a kernel (h, w, in, out) as torch has it: (out, in, h, w)."""
    return torch.tensor(array).permute(3, 2, 0, 1).contiguous()
