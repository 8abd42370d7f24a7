"""The weights that ship: they say what they were asked, in the words and the places that the cards name."""

from __future__ import annotations

import numpy as np
import pytest

from agents import humanoid_vla, mdm, t2m_gpt
from agents.humanoid_vla.tokens import load_tokens
from agents.nets.motion_conditions import TEXT
from crossbody.catalog import ROOT
from tasks.motion import parts
from tasks.motion.keypoints import INDEX

FOLDERS = ("motion_tokens", "humanoid_vla", "mdm", "t2m_gpt")
MOST_BYTES = 6 << 20


@pytest.fixture(scope="module")
def talker():
    return humanoid_vla.make_generator(humanoid_vla.GeneratorOptions(), "motion")


def told(text: str, **more: float) -> dict[str, object]:
    return {TEXT.name: text, **{f"condition.{k}": v for k, v in more.items()}}


def test_a_person_waves_with_the_hand_that_was_named(talker):
    for side, other in (("left", "right"), ("right", "left")):
        made = [talker.generate(told(f"a person waves with the {side} hand"), seed).values for seed in range(4)]
        highest = [[points[:, INDEX[f"{s}_wrist"], 2].max() for s in (side, other)] for points in made]
        assert np.mean([named > unnamed + 0.2 for named, unnamed in highest]) >= 0.75


def test_walking_goes_forward_and_squatting_goes_down(talker):
    walked = [talker.generate(told("a person walks forward"), seed).values[-1, 0, 0] for seed in range(4)]
    assert np.median(walked) > 0.5
    low = [talker.generate(told("a person squats twice"), seed).values[:, 0, 2].min() for seed in range(4)]
    assert np.median(low) < 0.65 < talker.generate(told("a person stands still"), 0).values[:, 0, 2].min()


def test_a_time_is_met_to_the_step(talker):
    assert len(talker.generate(told("a person waves", time=4.0), 0).values) == 80


@pytest.mark.parametrize("family", [mdm, t2m_gpt], ids=["mdm", "t2m_gpt"])
def test_the_baselines_make_motions_of_a_body(family):
    clip = family.make_generator(family.GeneratorOptions(), "motion").generate(told("a person squats twice"), 0)
    assert 20 <= len(clip.values) <= 200 and 0.3 < clip.values[:, 0, 2].max() < 1.0


def test_the_tokens_keep_a_motion_to_centimetres():
    from envs.humanoid.motions.packed import Clip
    from training.motion_language.tokens import measure

    net, _ = load_tokens()
    made = [Clip("made", 4, net.points_of(np.tile(net.codes_of(np.repeat(_standing()[None], 64, 0)), (1, 1))), ())]
    assert measure(net, made).root_mm < 15


def test_they_are_small_and_name_no_path_of_a_machine():
    folders = [ROOT / "checkpoints" / "tiny" / name for name in FOLDERS]
    assert sum(f.stat().st_size for folder in folders for f in folder.iterdir()) < MOST_BYTES
    for folder in folders:
        for file in ("README.md", "config.json"):
            assert "/tmp" not in (folder / file).read_text() and "/work" not in (folder / file).read_text()


def _standing() -> np.ndarray:
    from training.motion_language.example import figure

    assert parts.WIDTH == 48
    return figure()
