"""RAFT (Teed and Deng 2020), the large network: optical flow by repeated look-ups among all pairs of features.

Its modules have the names of the authors' code; files with torchvision's names are translated when they are read.
"""

from __future__ import annotations

import re
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from evaluators.backbones.checkpoint import check_tensors, tensors_of

LEVELS, RADIUS, HIDDEN, STRIDE = 4, 4, 128, 8

TORCHVISION = (
    (r"^feature_encoder", "fnet"),
    (r"^context_encoder", "cnet"),
    (r"^(fnet|cnet)\.convnormrelu\.0", r"\1.conv1"),
    (r"^(fnet|cnet)\.convnormrelu\.1", r"\1.norm1"),
    (r"^(fnet|cnet)\.conv\.", r"\1.conv2."),
    (r"convnormrelu(\d)\.0", r"conv\1"),
    (r"convnormrelu(\d)\.1", r"norm\1"),
    (r"^update_block\.motion_encoder\.conv\.0", "update_block.encoder.conv"),
    (r"^update_block\.motion_encoder\.conv(corr|flow)(\d)\.0", lambda m: f"update_block.encoder.conv{m[1][0]}{m[2]}"),
    (r"^update_block\.recurrent_block\.convgru(\d)\.conv(\w)", r"update_block.gru.conv\2\1"),
    (r"^mask_predictor\.convrelu\.0", "update_block.mask.0"),
    (r"^mask_predictor\.conv\.", "update_block.mask.2."),
)
"""torchvision's names (raft_large) as patterns, and the authors'."""

TWICE = re.compile(r"\.norm3\.")
"""The authors' code has the normalisation of a shortcut under two names."""


class Residual(nn.Module):
    """Two 3x3 convolutions beside a shortcut."""

    def __init__(self, channels: int, out: int, norm: type[nn.Module], stride: int):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(channels, out, 3, stride, 1), norm(out)
        self.conv2, self.norm2 = nn.Conv2d(out, out, 3, 1, 1), norm(out)
        self.downsample = nn.Sequential(nn.Conv2d(channels, out, 1, stride), norm(out)) if stride > 1 else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        y = F.relu(self.norm1(self.conv1(x)))
        y = F.relu(self.norm2(self.conv2(y)))
        return F.relu(self.downsample(x) + y)


class Encoder(nn.Module):
    """Features (n, 256, h / 8, w / 8) of pictures (n, 3, h, w)."""

    def __init__(self, norm: type[nn.Module]):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(3, 64, 7, 2, 3), norm(64)
        self.layer1, self.layer2, self.layer3 = (
            nn.Sequential(Residual(channels, out, norm, stride), Residual(out, out, norm, 1))
            for channels, out, stride in ((64, 64, 1), (64, 96, 2), (96, 128, 2))
        )
        self.conv2 = nn.Conv2d(128, 256, 1)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.norm1(self.conv1(x)))
        return self.conv2(self.layer3(self.layer2(self.layer1(x))))


class MotionEncoder(nn.Module):
    """What the flow so far and the correlations around it say."""

    def __init__(self) -> None:
        super().__init__()
        self.convc1, self.convc2 = nn.Conv2d(LEVELS * (2 * RADIUS + 1) ** 2, 256, 1), nn.Conv2d(256, 192, 3, 1, 1)
        self.convf1, self.convf2 = nn.Conv2d(2, 128, 7, 1, 3), nn.Conv2d(128, 64, 3, 1, 1)
        self.conv = nn.Conv2d(192 + 64, HIDDEN - 2, 3, 1, 1)

    def forward(self, flow: Tensor, correlation: Tensor) -> Tensor:
        c = F.relu(self.convc2(F.relu(self.convc1(correlation))))
        f = F.relu(self.convf2(F.relu(self.convf1(flow))))
        return torch.cat([F.relu(self.conv(torch.cat([c, f], 1))), flow], 1)


class CrossGru(nn.Module):
    """A convolutional GRU along the rows, then one along the columns."""

    def __init__(self) -> None:
        super().__init__()
        for number, window, padding in ((1, (1, 5), (0, 2)), (2, (5, 1), (2, 0))):
            for gate in "zrq":
                setattr(self, f"conv{gate}{number}", nn.Conv2d(3 * HIDDEN, HIDDEN, window, padding=padding))

    def forward(self, h: Tensor, x: Tensor) -> Tensor:
        for number in "12":
            z, r, q = (getattr(self, f"conv{gate}{number}") for gate in "zrq")
            both = torch.cat([h, x], 1)
            update, reset = torch.sigmoid(z(both)), torch.sigmoid(r(both))
            h = (1 - update) * h + update * torch.tanh(q(torch.cat([reset * h, x], 1)))
        return h


class FlowHead(nn.Module):
    """A step of the flow."""

    def __init__(self) -> None:
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(HIDDEN, 256, 3, 1, 1), nn.Conv2d(256, 2, 3, 1, 1)

    def forward(self, h: Tensor) -> Tensor:
        return self.conv2(F.relu(self.conv1(h)))


class Raft(nn.Module):
    """The network with the parts of the authors' code."""

    def __init__(self) -> None:
        super().__init__()
        self.fnet, self.cnet = Encoder(nn.InstanceNorm2d), Encoder(nn.BatchNorm2d)
        mask = nn.Sequential(nn.Conv2d(HIDDEN, 256, 3, 1, 1), nn.ReLU(), nn.Conv2d(256, 9 * STRIDE**2, 1))
        self.update_block = nn.ModuleDict(
            {"encoder": MotionEncoder(), "gru": CrossGru(), "flow_head": FlowHead(), "mask": mask}
        )

    def forward(self, pictures: Tensor, updates: int) -> Tensor:
        """Return the flow (t - 1, 2, h, w), x before y, of pictures (t, 3, h, w) in [-1, 1], sides multiples of 8."""
        features = self.fnet(pictures)
        pyramid = _pyramid(features[:-1], features[1:])
        h, context = self.cnet(pictures[:-1]).split(HIDDEN, dim=1)
        h, context = torch.tanh(h), F.relu(context)
        start = _grid(features[:-1])
        place = start
        for _ in range(updates):
            motion = self.update_block["encoder"](place - start, _look_up(pyramid, place))
            h = self.update_block["gru"](h, torch.cat([context, motion], 1))
            place = place + self.update_block["flow_head"](h)
        return _enlarged(place - start, 0.25 * self.update_block["mask"](h))


def load(file: Path) -> tuple[Raft, str]:
    """Return the network with a file's weights and the file's sha256; CrossbodyError when they are not RAFT's.

    The file holds a state dict: torchvision's ``raft_large`` or the authors' ``raft-things.pth``.
    """
    found, digest = tensors_of(file)
    tensors = {name: value for key, value in found.items() if not TWICE.search(name := translated(key))}
    with torch.device("meta"):  # the file's tensors take the place of all that would be drawn
        network = Raft()
    check_tensors(file, tensors, network.state_dict(), "the large RAFT (torchvision's raft_large or raft-things.pth)")
    network.load_state_dict(tensors, assign=True)
    return network.eval().requires_grad_(False), digest


def translated(name: str) -> str:
    """Return the authors' name of a tensor that has torchvision's name, or theirs with the mark of a parallel model."""
    name = name.removeprefix("module.")
    for pattern, replacement in TORCHVISION:
        name = re.sub(pattern, replacement, name)
    return name


def _pyramid(a: Tensor, b: Tensor) -> list[Tensor]:
    """Return how alike each place of ``a`` is to all places of ``b``, at four resolutions of the latter."""
    n, channels, h, w = a.shape
    level = (a.flatten(2).transpose(1, 2) @ b.flatten(2)).view(n * h * w, 1, h, w) / channels**0.5
    levels = [level]
    for _ in range(LEVELS - 1):
        levels.append(level := F.avg_pool2d(level, 2))
    return levels


def _look_up(pyramid: list[Tensor], place: Tensor) -> Tensor:
    """Return the likeness (n, 4 * 81, h, w) around the places (n, 2, h, w), of each level."""
    n, _, h, w = place.shape
    centre = place.permute(0, 2, 3, 1).reshape(-1, 1, 1, 2)
    steps = torch.arange(-RADIUS, RADIUS + 1, dtype=place.dtype, device=place.device)
    # The first index moves x, not y: so it was trained.
    window = torch.stack(torch.meshgrid(steps, steps, indexing="ij"), -1)
    found = []
    for number, level in enumerate(pyramid):
        size = torch.tensor([level.shape[3] - 1, level.shape[2] - 1], dtype=place.dtype, device=place.device)
        grid = 2 * (centre / 2**number + window) / size - 1
        found.append(F.grid_sample(level, grid, align_corners=True).view(n, h, w, -1))
    return torch.cat(found, -1).permute(0, 3, 1, 2)


def _grid(like: Tensor) -> Tensor:
    n, _, h, w = like.shape
    y, x = torch.meshgrid(torch.arange(h), torch.arange(w), indexing="ij")
    return torch.stack([x, y]).to(like)[None].expand(n, -1, -1, -1)


def _enlarged(flow: Tensor, mask: Tensor) -> Tensor:
    """Return the flow at full size: each pixel a convex combination of the nine places around it."""
    n, _, h, w = flow.shape
    weights = mask.view(n, 1, 9, STRIDE, STRIDE, h, w).softmax(2)
    around = F.unfold(STRIDE * flow, 3, padding=1).view(n, 2, 9, 1, 1, h, w)
    return (weights * around).sum(2).permute(0, 1, 4, 2, 5, 3).reshape(n, 2, STRIDE * h, STRIDE * w)
