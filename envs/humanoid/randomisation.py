"""Domain randomisation as data: axes with a nominal value, a training range and levels, in ``randomisation.toml``."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from crossbody.errors import CrossbodyError, UnknownName

Range = tuple[float, float]
FILE = Path(__file__).with_suffix(".toml")


class VariationError(CrossbodyError):
    """An axis of variation with a value that it cannot have."""


@dataclass(frozen=True)
class Variation:
    """A range (low, high) for each axis; an episode draws one value of each. Low = high is a fixed value."""

    friction: Range
    payload_kg: Range
    motor_strength: Range
    delay_steps: Range
    push_speed: Range
    observation_noise: Range
    reference_noise_rad: Range
    playback: Range  # the same for all episodes of a task: references are resampled once

    def __post_init__(self) -> None:
        for field in fields(self):
            low, high = getattr(self, field.name)
            if not low <= high:
                raise VariationError(f"{field.name}: the range is ({low}, {high}); expected low <= high, both numbers")
            if low < 0 and field.name != "payload_kg":
                raise VariationError(f"{field.name} is {low}; expected 0 or more")
        if self.motor_strength[0] == 0 or self.playback[0] == 0:
            raise VariationError("motor_strength and playback must be above 0")
        if self.playback[0] != self.playback[1]:
            raise VariationError(f"playback is a range, {self.playback}; expected one factor for all episodes")

    @staticmethod
    def nominal() -> Variation:
        """Return the model and the motion as they are."""
        return Variation(**{name: (axis["nominal"],) * 2 for name, axis in axes().items()})

    @staticmethod
    def training() -> Variation:
        """Return the ranges that policies are trained with."""
        return Variation(**{name: tuple(axis["training"]) for name, axis in axes().items()})

    @staticmethod
    def at(axis: str, value: float) -> Variation:
        """Return the nominal variation with one axis at a value; UnknownName for an axis that there is not."""
        if axis not in axes():
            raise UnknownName("axis of variation", axis, axes())
        return Variation(**{**vars(Variation.nominal()), axis: (float(value), float(value))})

    def draw(self, count: int, generator: torch.Generator) -> dict[str, Tensor]:
        """Return (count,) values for each axis, uniform in its range."""
        drawn = {}
        for field in fields(self):
            low, high = getattr(self, field.name)
            drawn[field.name] = low + (high - low) * torch.rand(count, generator=generator)
        return drawn


@cache
def axes() -> Mapping[str, Mapping[str, Any]]:
    """Return axis -> meaning, nominal, training, levels."""
    return tomllib.loads(FILE.read_text())
