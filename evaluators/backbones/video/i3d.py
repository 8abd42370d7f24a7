"""I3D (Carreira and Zisserman 2017), RGB, Kinetics-400: the network that FVD compares videos through.

TensorFlow's padding (SAME) is kept. Batch normalisation, which is fixed, is folded into the convolutions before it, and
the three branches of a block that begin with a 1x1x1 convolution of the same input begin with one. On a CPU it takes
less than half the time of the plain network: ``python -m benchmarks video``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cache, reduce
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from evaluators.backbones.weights import I3D_KINETICS

SIZE = 224
LEAST_FRAMES = 10
"""The network needs nine; FVD's reference code asks for ten."""

EPSILON = 1e-3
BLOCKS = (("3b", "3c"), ("4b", "4c", "4d", "4e", "4f"), ("5b", "5c"))
POOLS = (((3, 3, 3), (2, 2, 2)), ((2, 2, 2), (2, 2, 2)))
"""Window and stride of the pooling after the first and the second group of blocks."""


class Convolution(nn.Module):
    """A convolution with SAME padding and a ReLU."""

    def __init__(self, kernel: Tensor, bias: Tensor, stride: int = 1):
        super().__init__()
        self.register_buffer("kernel", kernel)
        self.register_buffer("bias", bias)
        self.window, self.stride = tuple(kernel.shape[2:]), (stride,) * 3

    def forward(self, x: Tensor) -> Tensor:
        kernel, bias = self.get_buffer("kernel"), self.get_buffer("bias")
        if self.window == (1, 1, 1):  # channels come last in memory, so this is one product of matrices
            return F.linear(x.permute(0, 2, 3, 4, 1), kernel.flatten(1), bias).permute(0, 4, 1, 2, 3).relu_()
        pads = _same(x, self.window, self.stride)
        even = all(before == after for before, after in pads)
        padding = [before for before, _ in pads] if even else [0, 0, 0]
        x = x if even else _pad(x, pads)
        if x.device.type == "cpu" and torch.backends.mkldnn.is_available():
            # On one thread F.conv3d leaves most of these layers to a slower way.
            convolved = torch.ops.aten.mkldnn_convolution(x, kernel, bias, padding, list(self.stride), [1, 1, 1], 1)
        else:
            convolved = F.conv3d(x, kernel, bias, self.stride, padding)
        return convolved.relu_()


class Block(nn.Module):
    """An Inception block: 1x1x1, 1x1x1 to 3x3x3 twice, pooling to 1x1x1; their channels joined."""

    def __init__(self, branches: Mapping[str, Sequence[Any]]):
        super().__init__()
        heads = [_folded(*branches[f"Branch_{i}/Conv3d_0a_1x1"]) for i in range(3)]
        self.widths = [len(bias) for _, bias in heads]
        self.heads = Convolution(torch.cat([k for k, _ in heads]), torch.cat([b for _, b in heads]))
        self.wide = Convolution(*_folded(*branches["Branch_1/Conv3d_0b_3x3"]))
        self.narrow = Convolution(*_folded(*branches["Branch_2/Conv3d_0b_3x3"]))
        self.pooled = Convolution(*_folded(*branches["Branch_3/Conv3d_0b_1x1"]))

    def forward(self, x: Tensor) -> Tensor:
        plain, wide, narrow = self.heads(x).split(self.widths, dim=1)
        return torch.cat(
            [plain, self.wide(wide), self.narrow(narrow), self.pooled(_pool(x, (3, 3, 3), (1, 1, 1)))], dim=1
        )


class I3D(nn.Module):
    """The network up to its 400 logits."""

    def __init__(self, tree: Mapping[str, Any]):
        super().__init__()
        params, statistics = tree["params"], tree["batch_stats"]
        stem = ("Conv3d_1a_7x7", "Conv3d_2b_1x1", "Conv3d_2c_3x3")
        first, second, third = (_folded(params[n], statistics[n]) for n in stem)
        self.first = Convolution(*first, stride=2)
        self.second, self.third = Convolution(*second), Convolution(*third)
        self.groups = nn.ModuleList(
            nn.Sequential(*(Block(_branches(params, statistics, f"Mixed_{name}")) for name in names))
            for names in BLOCKS
        )
        head = params["Logits/Conv3d_0c_1x1"]["Conv_0"]
        self.register_buffer("head", torch.tensor(head["kernel"])[0, 0, 0].T.contiguous())
        self.register_buffer("head_bias", torch.tensor(head["bias"]))
        self.eval().requires_grad_(False)

    def forward(self, videos: Tensor) -> Tensor:
        """Return the logits (n, 400), averaged over time, of videos (n, 3, t >= 9, 224, 224) in [-1, 1]."""
        x = videos.contiguous(memory_format=torch.channels_last_3d)
        x = _pool(self.first(x), (1, 3, 3), (1, 2, 2))
        x = _pool(self.third(self.second(x)), (1, 3, 3), (1, 2, 2))
        for group, pool in zip(self.groups, (*POOLS, None), strict=True):
            x = group(x)
            x = _pool(x, *pool) if pool else x
        x = F.avg_pool3d(x, (2, 7, 7), 1).mean((2, 3, 4))  # the head is linear: it may come after the mean over time
        return F.linear(x, self.get_buffer("head"), self.get_buffer("head_bias"))


@cache
def load(device: str = "cpu") -> I3D:
    """Return the network; MissingExtra when its weights are not installed."""
    return I3D(I3D_KINETICS.load()).to(device)


def _branches(params: Mapping[str, Any], statistics: Mapping[str, Any], block: str) -> dict[str, tuple[Any, Any]]:
    return {name: (params[block][name], statistics[block][name]) for name in params[block]}


def _folded(params: Mapping[str, Any], statistics: Mapping[str, Any]) -> tuple[Tensor, Tensor]:
    """Return the kernel (out, in, t, h, w) and bias (out,) of a convolution and the batch normalisation behind it."""
    kernel = torch.tensor(params["Conv_0"]["kernel"]).double().permute(4, 3, 0, 1, 2)
    beta, (mean, variance) = params["BatchNorm_0"]["bias"], (statistics["BatchNorm_0"][k] for k in ("mean", "var"))
    gain = (torch.tensor(variance).double().ravel() + EPSILON).rsqrt()
    bias = torch.tensor(beta).double().ravel() - torch.tensor(mean).double().ravel() * gain
    return (kernel * gain[:, None, None, None, None]).float().contiguous(
        memory_format=torch.channels_last_3d
    ), bias.float()


def _same(x: Tensor, window: Sequence[int], stride: Sequence[int]) -> list[tuple[int, int]]:
    pads = []
    for size, w, s in zip(x.shape[2:], window, stride, strict=True):
        total = max((math.ceil(size / s) - 1) * s + w - size, 0)
        pads.append((total // 2, total - total // 2))
    return pads


def _pad(x: Tensor, pads: Sequence[tuple[int, int]]) -> Tensor:
    return F.pad(x, [n for pair in reversed(pads) for n in pair])


def _pool(x: Tensor, window: tuple[int, int, int], stride: tuple[int, int, int]) -> Tensor:
    """Return the largest value of each window, one dimension after the other:
    max_pool3d takes five times as long on a CPU."""
    # Zeros are as good as -inf here: what comes in has been through a ReLU.
    x = _pad(x, _same(x, window, stride))
    for dim, (size, step) in reversed(list(enumerate(zip(window, stride, strict=True), 2))):
        last = (x.shape[dim] - size) // step * step
        parts = [x[(slice(None),) * dim + (slice(k, k + last + 1, step),)] for k in range(size)]
        x = reduce(torch.maximum, parts)
    return x
