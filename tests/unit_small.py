"""UniT's models at a size that a test can afford, and a batch that fits them."""

from __future__ import annotations

import torch
from torch import Tensor

from agents.nets.language import LENGTH
from agents.unit.config import Size, load_size

SMALL_TOKENIZER = {
    "width": 32,
    "heads": 2,
    "mlp": 32,
    "fusion_mlp": 32,
    "vision_depth": 1,
    "action_depth": 1,
    "fusion_depth": 1,
    "vision_decoder_depth": 1,
    "action_decoder_depth": 1,
    "fusion_dropout": 0.0,
}
SMALL_POLICY = {
    "context_width": 32,
    "context_depth": 1,
    "context_heads": 2,
    "width": 32,
    "heads": 2,
    "depth": 2,
    "localizer_points": 4,
    "base_width": 16,
    "temperature": 1.0,
    "state_dropout": 0.0,
}


IMAGE = 151655  # Qwen2.5-VL's image token


def small(tokenizer: dict | None = None, policy: dict | None = None) -> Size:
    """Return the tiny size, smaller still."""
    return load_size("tiny", SMALL_TOKENIZER | (tokenizer or {}), SMALL_POLICY | (policy or {}))


def batch(size: Size, n: int = 3, body: str = "gr1") -> dict[str, Tensor]:
    """Return n random samples of one body, with everything that either model reads."""
    generator = torch.Generator().manual_seed(0)

    def random(*shape: int) -> Tensor:
        return torch.randn(shape, generator=generator)

    t, v, width = size.tokenizer, size.policy.visual, size.policy.embodiments.width
    return {
        "now": random(n, t.patches, t.patch_width),
        "goal": random(n, t.patches, t.patch_width),
        "coarse": random(n, v.width, v.rows, v.columns),
        "fine": random(n, v.fine_width, 2 * v.rows, 2 * v.columns),
        "text": random(n, LENGTH, 384),
        "text_mask": (torch.arange(LENGTH) < 9).expand(n, -1),
        "state": random(n, width),
        "view": random(n, width),
        "action": random(n, 16, width),
        "action_mask": torch.ones(n, 16, width, dtype=torch.bool),
        "slot": torch.full((n,), size.policy.embodiments.slots[body]),
        "codes": torch.randint(128, (n, 8, 2), generator=generator),
        "positions": random(n, 2, 3),
        "positions_mask": torch.ones(n, 2, 3, dtype=torch.bool),
        "positions_metres": torch.full((n, 2, 3), 0.1),
        "pixels": torch.full((n, 2, 2), 128.0),
    }


def small_qwen():
    """Return a Qwen2.5-VL of the published shape, a thousand times smaller."""
    from transformers import Qwen2_5_VLConfig, Qwen2_5_VLModel

    text = {
        "vocab_size": IMAGE + 20,
        "hidden_size": 32,
        "intermediate_size": 32,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "max_position_embeddings": 256,
        "rope_parameters": {"rope_type": "default", "rope_theta": 1e6, "mrope_section": [2, 3, 3]},
    }
    vision = {
        "depth": 2,
        "hidden_size": 32,
        "intermediate_size": 32,
        "num_heads": 2,
        "out_hidden_size": 32,
        "window_size": 56,
        "fullatt_block_indexes": [1],
    }
    torch.manual_seed(0)
    return Qwen2_5_VLModel(Qwen2_5_VLConfig(text_config=text, vision_config=vision, image_token_id=IMAGE))
