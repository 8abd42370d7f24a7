"""What ``vla_unit`` and ``gr00t`` share: a checkpoint that reads GR1's head camera and gives chunks of 16 steps."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from agents.nets.checkpoint import CONFIG, Checkpoint, CheckpointError, load_checkpoint
from agents.nets.embodiments import pad
from agents.nets.visual import Grids, load_visual, tensor_of
from agents.unit.config import PolicyConfig, from_dict
from agents.unit.inference import Inference
from agents.unit.policy import Policy, make_context, make_processor
from crossbody.catalog import ROOT
from crossbody.contracts import Chunk, EpisodeSpec, Observation
from crossbody.seeds import generator
from tasks import gr1

SHIPPED = ROOT / "checkpoints" / "tiny"
BODY = "gr1"


class PolicyAgent:
    """Every episode has noise from its own generator, and its answer does not depend on who else is asked
    (``inference``)."""

    in_worker = False
    reads = (*gr1.STATE, gr1.EGO, gr1.LANGUAGE)
    gives = gr1.ACTION

    def __init__(
        self,
        folder: Path,
        *,
        bridge: bool,
        blind: bool,
        temperature: float | None = None,
        where: tuple[str, str] = ("cpu", "float32"),
    ):
        """``bridge``: the policy that is expected predicts codes. ``blind``: it sees the average picture only.

        ``temperature``: standard deviation of the noise that a chunk starts from; None: the checkpoint's own.
        ``where``: the device and the dtype that it computes in.
        """
        name = "vla_unit" if bridge else "gr00t"
        torch.set_num_threads(1)  # more threads cost time on one picture, and sums would depend on their number
        remedy = f"Train one with `uv run train {name} --data DIR --out {folder}`, or give --options.checkpoint DIR."
        self._checkpoint = load_checkpoint(folder, "policy", remedy)
        config: PolicyConfig = from_dict(PolicyConfig, self._checkpoint.config)
        if config.bridge != bridge:
            raise CheckpointError(
                f"{folder} predicts {'' if config.bridge else 'no '}codes, so it is no {name} checkpoint."
            )
        if BODY not in self._checkpoint.scalings:
            raise CheckpointError(
                f"{folder / CONFIG}: this policy never saw {BODY}, only {', '.join(self._checkpoint.scalings)}."
            )
        policy = Policy(config, make_context(config, pretrained=False)).eval()
        self._checkpoint.restore(policy, folder)
        self._infer = Inference(policy, *where)
        self._scaling, self._config, self._blind = self._checkpoint.scalings[BODY], config, blind
        self._temperature = config.temperature if temperature is None else temperature
        self._encoder = ObservationEncoder(self._checkpoint, config)
        self._episodes: dict[str, tuple[int, int]] = {}  # episode -> its seed, chunks given

    @property
    def card(self) -> dict[str, object]:
        """What a run's manifest says about the weights."""
        training = self._checkpoint.training
        return {
            "weights": self._checkpoint.digest,
            "training": training,
            "pretraining": _pretraining(self._config, training),
            "inference": self._infer.facts,
        }

    def reset(self, episodes: Sequence[EpisodeSpec]) -> None:
        self._episodes |= {spec.id: (spec.seed, 0) for spec in episodes}

    def act(self, observations: Mapping[str, Observation]) -> Mapping[str, Chunk]:
        asked = {episode: self._asked(episode, observation) for episode, observation in observations.items()}
        numbers = self._infer([batch for batch, _, _ in asked.values()], [noise for _, noise, _ in asked.values()])
        return {
            episode: self._chunk(chunk, state)
            for (episode, (_, _, state)), chunk in zip(asked.items(), numbers, strict=True)
        }

    def close(self) -> None:
        self._episodes.clear()

    def _asked(self, episode: str, observation: Observation) -> tuple[dict[str, Tensor], Tensor, np.ndarray]:
        """Return what the policy reads, the noise that its chunk starts from, and the raw state (1, A)."""
        seed, index = self._episodes[episode]
        self._episodes[episode] = seed, index + 1
        c, embodiment = self._config, self._scaling.embodiment
        state = embodiment.join({p: observation[f"state.{p}"] for p in embodiment.parts})[None]
        noise = generator(seed, f"flow/{index}").standard_normal((1, c.horizon, c.embodiments.width), np.float32)
        noise *= np.float32(self._temperature)
        batch = self._encoder.batch(self._picture(observation), observation[gr1.LANGUAGE.name], state)
        return batch, torch.from_numpy(noise), state

    def _chunk(self, numbers: Tensor, state: np.ndarray) -> Chunk:
        embodiment = self._scaling.embodiment
        values = self._scaling.unscale(numbers[..., : embodiment.width].numpy(), state)[0]
        return {f"action.{part}": v for part, v in embodiment.split(values).items()}

    def _picture(self, observation: Observation) -> np.ndarray | None:
        return None if self._blind else observation[gr1.EGO.name]


class ObservationEncoder:
    """Turns what GR1 observes into what the policy reads: features and words,
    or the pixels and ids of a large backbone."""

    def __init__(self, checkpoint: Checkpoint, config: PolicyConfig):
        self._scaling, self._config = checkpoint.scalings[BODY], config
        self._features = {k: torch.from_numpy(v) for k, v in checkpoint.features.items()}
        self._processor = make_processor(config)
        if self._processor is None:
            from agents.nets.language import InstructionEncoder

            self._visual, self._words = load_visual(config.visual), InstructionEncoder()

    def batch(self, picture: np.ndarray | None, instruction: str, state: np.ndarray) -> dict[str, Tensor]:
        """``picture`` None stands for the average one; ``state``: raw (1, A)."""
        embodiment, width = self._scaling.embodiment, self._config.embodiments.width
        numbers = {
            "state": torch.from_numpy(pad(self._scaling.state(state), width)),
            "view": torch.from_numpy(pad(self._scaling.state(state, embodiment.view), width)),
            "slot": torch.tensor([self._config.embodiments.slots[embodiment.name]]),
        }
        if self._processor is not None:
            shown = np.full(gr1.EGO.shape, 127, np.uint8) if picture is None else picture
            return numbers | self._processor(shown[None], [instruction])
        text, mask = self._words(instruction)
        length = int(mask.sum())
        return numbers | self._grids(picture) | {"text": text[None, :length], "text_mask": mask[None, :length]}

    def _grids(self, picture: np.ndarray | None) -> Grids:
        if picture is not None:
            return normalise(self._visual(tensor_of(picture[None])), self._features)
        v = self._config.visual
        return {
            "coarse": torch.zeros(1, v.width, v.rows, v.columns),
            "fine": torch.zeros(1, v.fine_width, 2 * v.rows, 2 * v.columns),
        }


def normalise(grids: Grids, features: Mapping[str, Tensor]) -> Grids:
    """Return grids with every channel standardised by ``<grid>_mean`` and ``<grid>_std``."""
    return {
        name: (g - features[f"{name}_mean"][:, None, None]) / features[f"{name}_std"][:, None, None]
        for name, g in grids.items()
    }


def _pretraining(config: PolicyConfig, training: Mapping[str, Any]) -> str:
    """Return in words which public weights a policy stands on, and what the rest was trained on."""
    public = f"{config.visual.backbone} and {config.language}" if config.language == "minilm" else config.language
    kinds = {True: "demonstrations", False: "scenes without actions"}
    data = ", ".join(f"{d['episodes']} {kinds[d['actions']]} of {d['embodiment']}" for d in training["data"])
    begun = f", begun with {start}" if (start := training["options"].get("warm_start")) else ""
    return f"public weights of {public}; everything else was trained on {data}{begun}"
