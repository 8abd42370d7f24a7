"""LPIPS and I3D written the plain way, from the same weight files: what ours is timed and tested against."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

BLOCKS = ("3b", "3c", "pool3", "4b", "4c", "4d", "4e", "4f", "pool2", "5b", "5c")


class PlainLpips:
    """AlexNet in PyTorch's order of channels, with the formula as torchmetrics computes it."""

    def __init__(self, tree: Mapping[str, Any]):
        trunk = tree["AlexNet_0"]
        self.layers = [
            (_kernel2(trunk[f"Conv_{i}"]["kernel"]), torch.tensor(trunk[f"Conv_{i}"]["bias"])) for i in range(5)
        ]
        self.heads = [_kernel2(tree[f"NetLinLayer_{i}"]["Conv_0"]["kernel"]) for i in range(5)]
        self.shift, self.scale = (
            torch.tensor(v)[None, :, None, None] for v in ((-0.030, -0.088, -0.188), (0.458, 0.448, 0.450))
        )

    def features(self, x: Tensor) -> list[Tensor]:
        """Return the five taps of pictures (n, 3, h, w)."""
        found = []
        for i, ((kernel, bias), (stride, padding)) in enumerate(
            zip(self.layers, ((4, 2), (1, 2), (1, 1), (1, 1), (1, 1)), strict=True)
        ):
            x = F.max_pool2d(x, 3, 2) if i in (1, 2) else x
            x = F.relu(F.conv2d(x, kernel, bias, stride, padding))
            found.append(x)
        return found

    def __call__(self, a: Tensor, b: Tensor) -> Tensor:
        """Return the distances (n,) of pictures (n, 3, h, w) in [-1, 1]."""
        total = torch.zeros(len(a))
        a, b = ((x - self.shift) / self.scale for x in (a, b))
        for u, v, head in zip(self.features(a), self.features(b), self.heads, strict=True):
            u, v = (x / torch.sqrt(1e-8 + torch.sum(x**2, dim=1, keepdim=True)) for x in (u, v))
            total = total + F.conv2d((u - v) ** 2, head).mean([2, 3]).reshape(-1)
        return total


class PlainI3D:
    """I3D with its batch normalisations and branches as published, one operation after the other."""

    def __init__(self, tree: Mapping[str, Any]):
        self.units: dict[str, tuple[Tensor, ...]] = {}
        self._walk(tree["params"], tree["batch_stats"], "")

    def _walk(self, params: Mapping[str, Any], statistics: Mapping[str, Any], path: str) -> None:
        for name, node in params.items():
            if "Conv_0" not in node:
                self._walk(node, statistics[name], f"{path}{name}/")
                continue
            kernel = torch.tensor(node["Conv_0"]["kernel"]).permute(4, 3, 0, 1, 2).contiguous()
            if "BatchNorm_0" not in node:
                self.units[path + name] = (kernel, torch.tensor(node["Conv_0"]["bias"]))
                continue
            moments = statistics[name]["BatchNorm_0"]
            bias = node["BatchNorm_0"]["bias"]
            self.units[path + name] = (
                kernel,
                *(torch.tensor(a).ravel() for a in (moments["mean"], moments["var"], bias)),
            )

    def __call__(self, x: Tensor) -> Tensor:
        """Return the logits (n, 400) of videos (n, 3, t, 224, 224) in [-1, 1]."""
        x = _pool(self._unit(x, "Conv3d_1a_7x7", 2), (1, 3, 3), (1, 2, 2))
        x = self._unit(self._unit(x, "Conv3d_2b_1x1"), "Conv3d_2c_3x3")
        x = _pool(x, (1, 3, 3), (1, 2, 2))
        for name in BLOCKS:
            if name.startswith("pool"):
                x = _pool(x, (int(name[4:]),) * 3, (2, 2, 2))
            else:
                x = self._block(x, f"Mixed_{name}/Branch_")
        kernel, bias = self.units["Logits/Conv3d_0c_1x1"]
        return F.conv3d(F.avg_pool3d(x, (2, 7, 7), 1), kernel, bias).mean((2, 3, 4))

    def _block(self, x: Tensor, path: str) -> Tensor:
        wide, narrow = (
            self._unit(self._unit(x, f"{path}{i}/Conv3d_0a_1x1"), f"{path}{i}/Conv3d_0b_3x3") for i in (1, 2)
        )
        pooled = self._unit(_pool(x, (3, 3, 3), (1, 1, 1)), f"{path}3/Conv3d_0b_1x1")
        return torch.cat([self._unit(x, f"{path}0/Conv3d_0a_1x1"), wide, narrow, pooled], 1)

    def _unit(self, x: Tensor, path: str, stride: int = 1) -> Tensor:
        kernel, mean, variance, bias = self.units[path]
        x = F.conv3d(_same(x, kernel.shape[2:], (stride,) * 3), kernel, None, stride)
        return F.relu(F.batch_norm(x, mean, variance, None, bias, eps=1e-3))


def _kernel2(array: Any) -> Tensor:
    return torch.tensor(array).permute(3, 2, 0, 1).contiguous()


def _same(x: Tensor, window: Any, stride: tuple[int, int, int]) -> Tensor:
    pads: list[int] = []
    for size, w, s in reversed(list(zip(x.shape[2:], window, stride, strict=True))):
        total = max((math.ceil(size / s) - 1) * s + w - size, 0)
        pads += [total // 2, total - total // 2]
    return F.pad(x, pads)


def _pool(x: Tensor, window: tuple[int, int, int], stride: tuple[int, int, int]) -> Tensor:
    return F.max_pool3d(_same(x, window, stride), window, stride)
