"""Sizes and choices of the tokenizer and the policy, as data: ``sizes/tiny.toml`` runs on a laptop,
``sizes/base.toml`` is the paper's."""

from __future__ import annotations

import dataclasses
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agents.nets.embodiments import EmbodimentSlots
from agents.nets.visual import Visual
from crossbody.errors import CrossbodyError, UnknownName

SIZES = Path(__file__).parent / "sizes"

ROUTES = {
    "full": {"vision": ("vision", "action"), "action": ("vision", "action"), "fusion": ("vision", "action")},
    "no_cross": {"vision": ("vision",), "action": ("action",), "fusion": ("vision", "action")},
    "villa": {"vision": ("vision", "action")},
    "vision": {"vision": ("vision",)},
    "action": {"action": ("action",)},
}
"""Variant -> branch -> the decoders that its tokens must satisfy.
Cross-reconstruction is a branch with the other's decoder."""


@dataclass(frozen=True)
class TokenizerConfig:
    """UniT's tokenizer (project page; released configuration ``shared_tokenizer``)."""

    embodiments: EmbodimentSlots
    visual: Visual
    width: int
    heads: int
    mlp: int  # hidden width of the feed-forward layers
    fusion_mlp: int
    vision_depth: int
    action_depth: int
    fusion_depth: int
    vision_decoder_depth: int
    action_decoder_depth: int
    merge: int = 1  # patches per side that become one token
    variant: str = "full"
    horizon: int = 16  # control steps of a chunk, and how far ahead the goal picture is
    tokens: int = 8
    levels: int = 2
    codes: int = 128
    code_width: int = 32
    betas: tuple[float, ...] = (0.5, 0.1)  # weight of the codebook's pull to the features, per level
    restart_every: int = 100  # steps after which codes that nobody chose are replaced
    restart_until: int = 50_000
    fusion_dropout: float = 0.1
    from_present: bool = (
        False  # the picture's decoder predicts what changes, so a short training need not learn to copy
    )

    def __post_init__(self) -> None:
        if self.variant not in ROUTES:
            raise UnknownName("tokenizer variant", self.variant, ROUTES)

    @property
    def routes(self) -> dict[str, tuple[str, ...]]:
        """Branch -> decoders of this variant."""
        return ROUTES[self.variant]

    @property
    def patches(self) -> int:
        """How many tokens a picture has."""
        return self.visual.rows * self.visual.columns // self.merge**2

    @property
    def patch_width(self) -> int:
        return self.visual.width * self.merge**2

    @property
    def target_branch(self) -> str:
        """The branch whose codes the policy predicts: fusion where the variant has it."""
        return "fusion" if "fusion" in self.routes else next(iter(self.routes))


@dataclass(frozen=True)
class PolicyConfig:
    """GR00T's policy with or without bridge tokens; the same fields at every size."""

    embodiments: EmbodimentSlots
    visual: Visual
    language: (
        str  # vision-language backbone: minilm (a small transformer on MiniLM and the visual grid) | qwen2_5_vl_3b
    )
    context_width: int
    context_depth: int  # layers of the small transformer; at base the backbone's own number
    context_heads: int
    width: int  # action head
    heads: int
    depth: int
    context_self_depth: int  # self-attention layers of the head over its context
    merge: int = 1  # patches per side that become one context token
    localizer_points: int = 0  # soft-argmax points that language directs at the fine grid; 0: none
    base_width: int = 0  # width of the network of the base policy, which estimates a chunk without pictures; 0: none
    steps_per_token: int = 1  # control steps in one token of the action head
    draws: int = 1  # noise draws per sample and step: the context is computed once
    horizon: int = 16
    tokens: int = 8
    levels: int = 2
    codes: int = 128
    code_width: int = 32
    bridge: bool = True  # predict the tokenizer's codes; False is the matched GR00T baseline
    wiring: str = (
        "released"  # released: the head sees the context without bridge tokens | page: it also sees the predicted codes
    )
    detach: bool = True  # the flow loss does not reach the vision-language backbone
    level_weights: tuple[float, ...] = (1.0, 0.5)  # of the cross-entropies
    token_weight: float = 0.1
    position_weight: float = 0.0  # of the auxiliary object and container positions
    dropout: float = 0.2
    state_dropout: float = 0.0  # share of samples that act without proprioception
    flow_steps: int = 4
    temperature: float = (
        1.0  # standard deviation of the noise that a chunk starts from; 0 gives the one chunk near the mean
    )
    beta: tuple[float, float] = (1.5, 1.0)  # time sampling of flow matching
    time_scale: float = 0.999
    time_buckets: int = 1000

    def __post_init__(self) -> None:
        if self.wiring not in ("released", "page"):
            raise UnknownName("wiring", self.wiring, ("released", "page"))
        if self.horizon % self.steps_per_token or self.visual.rows % self.merge or self.visual.columns % self.merge:
            raise CrossbodyError("steps_per_token must divide horizon, and merge the visual grid")


@dataclass(frozen=True)
class Size:
    """What a size's TOML file says; ``training`` holds the recipes' defaults."""

    name: str
    tokenizer: TokenizerConfig
    policy: PolicyConfig
    training: dict[str, dict[str, Any]] = field(default_factory=dict)


def load_size(name: str, tokenizer: dict[str, Any] | None = None, policy: dict[str, Any] | None = None) -> Size:
    """Return a size by name, with fields of the tokenizer's or policy's configuration replaced."""
    known = {f.stem: f for f in SIZES.glob("*.toml")}
    if name not in known:
        raise UnknownName("size", name, known)
    data = tomllib.loads(known[name].read_text())
    shared = {"embodiments": data["embodiments"], "visual": data["visual"]}
    return Size(
        name,
        from_dict(TokenizerConfig, shared | data["tokenizer"] | (tokenizer or {})),
        from_dict(PolicyConfig, shared | data["policy"] | (policy or {})),
        data.get("training", {}),
    )


def from_dict(kind: type, values: dict[str, Any]) -> Any:
    """Return a configuration from plain data; an unknown or missing field raises CrossbodyError."""
    nested = {"embodiments": EmbodimentSlots, "visual": Visual}
    try:
        plain = {
            k: nested[k](**v) if k in nested else tuple(v) if isinstance(v, list) else v for k, v in values.items()
        }
        return kind(**plain)
    except TypeError as error:
        raise CrossbodyError(f"a {kind.__name__} cannot be made: {error}") from None


def to_dict(config: Any) -> dict[str, Any]:
    """Return a configuration as plain data."""
    return dataclasses.asdict(config)
