"""The motion matcher: what it reads of a motion, that it can be trained and resumed, and what ships."""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from crossbody.errors import CrossbodyError
from evaluators.backbones.motion import canonical, matcher
from evaluators.backbones.motion.networks import padded
from evaluators.metric import Unknown
from evaluators.subjects.motion import MotionClip
from evaluators.subjects.motion_sets import NO_TEXTS
from tests import motions
from training.matcher import matching
from training.matcher.matching import Captioned, Matches, is_new
from training.recipes import matcher as recipe
from training.recipes.matcher import RECIPE, MatcherOptions
from training.running import train

WORDS = {"walk": "walks forward", "squat": "squats down", "wave": "waves a hand"}
NEW = {"walk": "marches on", "squat": "lowers the body", "wave": "greets someone"}


pytestmark = pytest.mark.usefixtures("one_thread")


def clip(kind: str = "walk", frames: int = 40, fps: float = 20.0, seed: int = 0) -> MotionClip:
    return MotionClip(motions.keypoints(kind, frames, fps, seed), fps)


def turned_and_moved(points: np.ndarray) -> np.ndarray:
    cos, sin = np.cos(2.0), np.sin(2.0)
    return points @ np.array([[cos, sin, 0], [-sin, cos, 0], [0, 0, 1]]) + [3.0, -2.0, 0.0]


def made(seeds: range) -> Captioned:
    """Motions of three kinds, with a known and a new wording each."""
    kinds = [kind for kind in motions.KINDS for _ in seeds]
    clips = [clip(kind, seed=seed) for kind in motions.KINDS for seed in seeds]
    features = [canonical.canonical(c) for c in clips]
    return Captioned(kinds, features, [[f"a person {WORDS[k]}", f"someone {NEW[k]}"] for k in kinds])


def test_neither_the_place_nor_the_first_direction_moves_a_feature():
    features = canonical.canonical(clip())
    moved = canonical.canonical(MotionClip(turned_and_moved(clip().positions), 20.0))
    assert features.shape == (39, canonical.WIDTH)
    assert np.allclose(features, moved, atol=1e-5)


def test_a_body_of_another_size_has_features_of_that_size_but_for_the_turn():
    small, large = (canonical.canonical(MotionClip(clip().positions * s, 20.0)) for s in (1.0, 1.25))
    size = np.where(np.arange(canonical.WIDTH) == canonical.YAW_RATE, 1.0, 1.25)
    assert np.allclose(large, small * size, atol=1e-5)


def test_a_walk_s_features_say_how_fast_and_where_to():
    # Points that move 0.05 m a frame along x, at 20 frames a second: 1 m/s forwards, whatever the heading.
    points = motions.STANDING + np.arange(9.0)[:, None, None] * [0.05, 0.0, 0.0]
    features = canonical.canonical(MotionClip(turned_and_moved(points), 20.0))
    assert features[:, 1] == pytest.approx(np.full(8, 1.0), abs=1e-5)
    assert features[:, [0, 2]] == pytest.approx(np.zeros((8, 2)), abs=1e-5)
    assert features[:, 3] == pytest.approx(np.full(8, 0.95), abs=1e-5)  # the pelvis of STANDING


@pytest.mark.parametrize("fps", [30.0, 50.0, 24.0])
def test_another_frame_rate_gives_nearly_the_same_features(fps):
    at_20 = canonical.canonical(clip("squat", 41))
    other = canonical.canonical(clip("squat", int(2 * fps) + 1, fps))
    assert other.shape == at_20.shape
    assert np.abs(other - at_20).max() < 0.1  # m, m/s


def test_the_shortest_motion_still_makes_a_code():
    features = canonical.canonical(MotionClip(motions.STANDING[None].repeat(2, 0), 20.0))
    assert padded([torch.from_numpy(features)])[1].tolist() == [1]


def test_a_wording_that_is_held_out_is_never_in_a_training_batch(monkeypatch):
    monkeypatch.setattr(matching, "MiniLM", FakeWords)
    told = made(range(4))
    supply = Matches(told, told, 6, seed=0)
    assert all(is_new(c) for c in NEW.values()) and not any(is_new(c) for c in WORDS.values())
    assert not any(is_new(c) for c in supply._words)
    assert len(told.worded(new=True)) == len(told.worded(new=False)) == 12
    first, again, later = supply(3), supply(3), supply(4)
    assert all(torch.equal(first[k], again[k]) for k in first)
    assert not torch.equal(first["features"], later["features"])


class FakeWords:
    """Words by their letters, so that no language model is opened."""

    def __init__(self, length: int):
        self.length = length

    def fresh(self, text: str) -> tuple[torch.Tensor, torch.Tensor]:
        words = text.split()
        hidden = torch.zeros(self.length, 384)
        for place, word in enumerate(words):
            hidden[place] = torch.randn(384, generator=torch.Generator().manual_seed(sum(map(ord, word))))
        return hidden, torch.arange(self.length) < len(words)

    __call__ = fresh


def test_the_recipe_learns_resumes_and_writes_weights_with_a_card(tmp_path, monkeypatch):
    monkeypatch.setattr(matching, "MiniLM", FakeWords)
    monkeypatch.setattr("crossbody.minilm.MiniLM", FakeWords)
    monkeypatch.setattr(recipe, "motions", lambda clips: (made(range(16)), made(range(16, 27))))
    options = {"steps": 30, "batch": 32, "threads": 1, "log_every": 10, "save_every": 10}
    whole = train("matcher", RECIPE, MatcherOptions(out=tmp_path / "whole", **options))
    losses = [float(line.split(",")[1]) for line in (whole / "curves.csv").read_text().splitlines()[1:]]
    assert losses[-1] < 0.7 * losses[0]

    class Stop(Exception):
        pass

    def stop(self):
        raise Stop

    with monkeypatch.context() as patched:
        patched.setattr("training.show.Curves.draw", stop)  # the last step is saved, nothing after it is done
        with pytest.raises(Stop):
            train("matcher", RECIPE, MatcherOptions(out=tmp_path / "parts", **options))
    train("matcher", RECIPE, MatcherOptions(out=tmp_path / "parts", **options))
    assert (tmp_path / "parts" / "model.safetensors").stat().st_size == (whole / "model.safetensors").stat().st_size
    with pytest.raises(CrossbodyError, match="started differently"):
        train("matcher", RECIPE, MatcherOptions(out=tmp_path / "parts", **options | {"steps": 40}))

    card = (whole / "README.md").read_text()
    assert "uv run train matcher --seed 0 --threads 1 --save-every 10 --log-every 10 --steps 30 --batch 32\n" in card
    assert "| captions in new wordings | 33 |" in card and "| chance | | 0.031 |" in card
    matching_network = matcher.load(whole)
    assert matching_network.version in card


def test_an_embedding_depends_neither_on_the_others_nor_on_tags(tmp_path, monkeypatch):
    monkeypatch.setattr("crossbody.minilm.MiniLM", FakeWords)
    torch.manual_seed(0)
    matcher.Matcher(matcher.Sizes()).save(tmp_path, {})
    embedding = matcher.load(tmp_path)
    clips = [clip(k, f) for k, f in (("walk", 40), ("wave", 240), ("squat", 9))]
    together = embedding.motions("prediction", ["a", "b", "c"], clips)
    assert together.shape == (3, 128)
    for row, one in zip(together, clips, strict=True):
        assert np.allclose(row, embedding.motions("prediction", ["a"], [one]), atol=1e-5)
    plain, tagged = embedding.texts(["a", "b"], ["a man walks", "a man walks#a/DET man/NOUN#0.0#0.0"])
    assert np.allclose(plain, tagged, atol=1e-6)
    some = embedding.texts(["a", "b"], ["a man walks", ""])
    assert isinstance(some, Unknown) and some.reason == "1 of 2 motions have no text, such as 'b'"
    assert embedding.texts(["a"], [""]) == NO_TEXTS


def test_a_folder_that_holds_no_matcher_is_refused(tmp_path):
    with pytest.raises(
        CrossbodyError, match=r"is no motion matcher: .*No such file.* `uv run train matcher` makes one"
    ):
        matcher.load(tmp_path / "nowhere")
    (tmp_path / "model.safetensors").write_bytes(b"{}")
    with pytest.raises(CrossbodyError, match="is no motion matcher"):
        matcher.load(tmp_path)


def test_what_ships_tells_motions_apart_and_says_what_it_is():
    embedding = matcher.load()
    assert (matcher.SHIPPED / "model.safetensors").stat().st_size < 5_000_000
    card = (matcher.SHIPPED / "README.md").read_text()
    assert embedding.version in card and "uv run train matcher" in card
    clips = [clip(kind, 100, seed=s) for kind in motions.KINDS for s in range(3)]
    points = embedding.motions("real_vs_real", [str(i) for i in range(9)], clips)
    apart = np.linalg.norm(points[:, None] - points[None], axis=-1)
    same = np.kron(np.eye(3), np.ones((3, 3))).astype(bool)
    assert apart[~same].mean() > 1.5 * apart[same & ~np.eye(9, dtype=bool)].mean()


def test_the_real_row_of_the_shipped_card_is_far_above_chance():
    line = next(
        x for x in (matcher.SHIPPED / "README.md").read_text().splitlines() if x.startswith("| captions in trained")
    )
    top1 = float(line.split("|")[3].split("±")[0])
    assert top1 > 10 / 32


def test_the_head_of_the_weights_says_what_made_them():
    from safetensors import safe_open

    with safe_open(matcher.SHIPPED / "model.safetensors", "pt") as stored:
        made_by = json.loads(stored.metadata()["training"])
    assert made_by["recipe"] == "matcher" and made_by["steps"] > 0 and made_by["fingerprint"]
