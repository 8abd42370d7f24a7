"""The vision-language context of the full-size policy: Qwen2.5-VL through transformers,
with bridge tokens after the prompt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from agents.nets.language import without_waist_mark
from agents.nets.visual import BASE_ROWS
from agents.unit.config import PolicyConfig
from agents.unit.context import Context
from crossbody.errors import MissingExtra

NAME = "Qwen/Qwen2.5-VL-3B-Instruct"
SIDE = 224  # of the picture that it sees, px: 16 x 16 patches, merged to 64 tokens
BEFORE = "<|im_start|>user\n<|vision_start|>"
AFTER = "<|vision_end|>{instruction}<|im_end|>\n<|im_start|>assistant\n"


class QwenContext(nn.Module):
    """The vision tower is frozen, the language model is trained; bridge tokens are the last rows of its vocabulary.

    The published table of 151,936 rows is larger than the tokenizer, so that these rows stand for no word.
    """

    bridge: Tensor

    def __init__(self, config: PolicyConfig, backbone: Any):
        """``backbone``: a Qwen2_5_VLModel."""
        super().__init__()
        self.backbone: Any = backbone
        self.backbone.visual.requires_grad_(False)
        self.raw_width = config.context_width
        rows = self.backbone.get_input_embeddings().num_embeddings
        bridge = torch.arange(rows - config.tokens, rows) if config.bridge else torch.arange(0)
        self.register_buffer("bridge", bridge, persistent=False)

    def forward(self, batch: dict[str, Tensor]) -> Context:
        """``batch``: ids (B, L) with one run of image tokens, ids_mask (B, L), pixels (B, patches, 1176), grid (B,
        3)."""
        ids = torch.cat([batch["ids"], self.bridge.expand(len(batch["ids"]), -1)], 1)
        mask = torch.cat([batch["ids_mask"], batch["ids_mask"].new_ones(len(ids), len(self.bridge))], 1)
        with torch.no_grad():
            image = self.backbone.get_image_features(batch["pixels"].flatten(0, 1), batch["grid"], return_dict=True)
        kinds = (ids == self.backbone.config.image_token_id).int()
        hidden = self.backbone(
            input_ids=ids,
            attention_mask=mask.long(),
            image_grid_thw=batch["grid"],
            mm_token_type_ids=kinds,
            mm_encoder_outputs={"image": image},
            use_cache=False,
        ).last_hidden_state
        length = batch["ids"].shape[1]
        bridge = hidden[:, length:] if len(self.bridge) else None
        raw = torch.stack(list(image.pooler_output)).to(hidden.dtype)
        return Context(hidden[:, :length], batch["ids_mask"], raw, bridge, None)


class QwenInputs:
    """Pictures and instructions as Qwen2.5-VL reads them."""

    def __init__(self, name: str = NAME):
        from transformers import AutoTokenizer, Qwen2VLImageProcessorPil

        try:
            self._tokenizer = AutoTokenizer.from_pretrained(name)
        except OSError as error:
            raise MissingExtra(f"{name} is not on this machine: `hf download {name}` brings it ({error})") from error
        self._pictures = Qwen2VLImageProcessorPil(min_pixels=SIDE * SIDE, max_pixels=SIDE * SIDE)

    def __call__(self, pictures: np.ndarray, instructions: Sequence[str]) -> dict[str, Tensor]:
        """Return what ``QwenContext.forward`` takes, for uint8 pictures (B, 256, 256, 3)."""
        pixels, grid = self.pixels(pictures)
        tokens = int(grid[0].prod()) // 4
        prompts = [
            BEFORE + "<|image_pad|>" * tokens + AFTER.format(instruction=without_waist_mark(i)) for i in instructions
        ]
        encoded = self._tokenizer(prompts, padding=True, return_tensors="pt")
        return {
            "ids": encoded["input_ids"],
            "ids_mask": encoded["attention_mask"].bool(),
            "pixels": pixels,
            "grid": grid,
        }

    def pixels(self, pictures: np.ndarray) -> tuple[Tensor, Tensor]:
        """Return patches (B, 256, 1176) and grids (B, 3) of the rows that hold the view, stretched to a square."""
        import cv2

        square = [
            cv2.resize(p[BASE_ROWS[0] : BASE_ROWS[1]], (SIDE, SIDE), interpolation=cv2.INTER_AREA) for p in pictures
        ]
        done = self._pictures(images=square, return_tensors="pt")
        return done["pixel_values"].unflatten(0, (len(pictures), -1)), done["image_grid_thw"]


def published_config() -> Any:
    """Return the configuration of Qwen2.5-VL-3B-Instruct, so that it can be counted without its weights."""
    from transformers import Qwen2_5_VLConfig

    text = {
        "vocab_size": 151936,
        "hidden_size": 2048,
        "intermediate_size": 11008,
        "num_hidden_layers": 36,
        "num_attention_heads": 16,
        "num_key_value_heads": 2,
        "max_position_embeddings": 128000,
        "rms_norm_eps": 1e-6,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [16, 24, 24]},
    }
    vision = {
        "depth": 32,
        "hidden_size": 1280,
        "intermediate_size": 3420,
        "num_heads": 16,
        "patch_size": 14,
        "out_hidden_size": 2048,
        "window_size": 112,
        "fullatt_block_indexes": [7, 15, 23, 31],
    }
    return Qwen2_5_VLConfig(text_config=text, vision_config=vision, tie_word_embeddings=True)


def published_model(pretrained: bool) -> Any:
    """Return Qwen2.5-VL-3B's backbone with its public weights, or of its shape."""
    from transformers import Qwen2_5_VLModel

    if not pretrained:
        return Qwen2_5_VLModel(published_config())
    try:
        return Qwen2_5_VLModel.from_pretrained(NAME)
    except OSError as error:
        raise MissingExtra(f"the weights of {NAME} are not on this machine: `hf download {NAME}` ({error})") from error
