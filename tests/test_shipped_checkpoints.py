"""The checkpoints of version 0.1.0 answer as they did under its words, and again when they are written in today's
format.

``data/shipped_outputs.npz`` holds the answers of the code at 5d2c548 to the inputs below; those of the humanoid tracker
are of the code that shipped its present weights.
"""

from __future__ import annotations

import json

import numpy as np
import pytest
import torch

from agents import gr00t, vla_unit
from agents.humanoid_tracker.agent import HumanoidTracker
from agents.nets.checkpoint import CONFIG, FORMAT, load_checkpoint
from agents.nets.format_1 import head_of_format_2, weight_of_format_2
from agents.unit.config import PolicyConfig, TokenizerConfig, from_dict
from agents.unit.context import TEXT_WIDTH
from agents.unit.localizer import ObjectLocalizer
from agents.unit.tokenizer import UniT
from crossbody.catalog import ROOT
from crossbody.contracts import EpisodeSpec, TaskSpec
from tasks import gr1
from training import train

SHIPPED = ROOT / "checkpoints" / "tiny"
EPISODE = EpisodeSpec(TaskSpec("task", "env", "family", "split"), 0, 7)
KINDS = {"vla_unit": "policy", "gr00t": "policy", "tokenizer": "tokenizer", "looks": "object_localizer"}
NEAR = 1e-4  # processors round sums differently; answers are numbers around one


def policy(module, folder):
    """Return two chunks of an episode, (2, 16, 29)."""
    agent, rng = module.make(module.Options(folder)), np.random.default_rng(0)
    observation = {c.name: rng.uniform(-0.4, 0.4, c.shape).astype(np.float32) for c in gr1.STATE}
    observation[gr1.EGO.name] = rng.integers(0, 256, gr1.EGO.shape, np.uint8)
    observation[gr1.LANGUAGE.name] = "pick the lemon from the plate and place it in the basket"
    agent.reset([EPISODE])
    chunks = [agent.act({EPISODE.id: observation})[EPISODE.id] for _ in range(2)]
    return np.stack([np.concatenate([chunk[name] for name in sorted(chunk)], -1) for chunk in chunks])


@torch.no_grad()
def tokenizer(folder):
    """Return codes, and the start of the chunk that they decode to, for each embodiment."""
    stored = load_checkpoint(folder, "tokenizer", "")
    model = UniT(from_dict(TokenizerConfig, stored.config)).eval()
    stored.restore(model, folder)
    c, random = model.config, torch.Generator().manual_seed(0)
    shapes = {
        "now": (c.patches, c.patch_width),
        "goal": (c.patches, c.patch_width),
        "state": (c.embodiments.width,),
        "action": (c.horizon, c.embodiments.width),
    }
    batch = {name: torch.randn(3, *shape, generator=random) for name, shape in shapes.items()}
    batch["slot"] = torch.arange(3)
    codes = model.codes(batch)
    chunk = model.decode_action(batch, model.quantizer.decode(codes))
    return np.concatenate([codes.flatten(1).float().numpy(), chunk.flatten(1).numpy()[:, :256]], 1)


@torch.no_grad()
def localizer(folder):
    """Return positions and tokens of object and container, for each embodiment."""
    stored = load_checkpoint(folder, "object_localizer", "")
    config: PolicyConfig = from_dict(PolicyConfig, stored.config)
    model = ObjectLocalizer(config, TEXT_WIDTH).eval()
    stored.restore(model, folder)
    v, random = config.visual, torch.Generator().manual_seed(0)
    shapes = {
        "coarse": (v.width, v.rows, v.columns),
        "fine": (v.fine_width, 2 * v.rows, 2 * v.columns),
        "text": (9, TEXT_WIDTH),
    }
    batch = {name: torch.randn(3, *shape, generator=random) for name, shape in shapes.items()}
    batch["text_mask"] = torch.ones(3, 9, dtype=torch.bool)
    batch |= {"view": torch.randn(3, config.embodiments.width, generator=random), "slot": torch.arange(3)}
    found = model(batch)
    return np.concatenate([found.positions.flatten(1).numpy(), found.tokens.flatten(1).numpy()], 1)


def tracker(folder):
    agent, rng = HumanoidTracker(folder), np.random.default_rng(0)
    observation = {c.name: rng.uniform(-0.4, 0.4, c.shape).astype(np.float32) for c in agent.reads}
    return agent.act({"episode": observation})["episode"]["action.joints"]


@torch.no_grad()
def matcher(folder):
    from evaluators.backbones.motion import matcher as embedding

    found, random = embedding.load(folder), torch.Generator().manual_seed(0)
    motions = found.network.motions(torch.randn(2, 196, 91, generator=random), torch.tensor([49, 20])).numpy()
    return np.concatenate([motions, found.texts(["a", "b"], ["a person waves", "somebody walks forward"])])


ANSWERS = {
    "vla_unit": lambda folder: policy(vla_unit, folder),
    "gr00t": lambda folder: policy(gr00t, folder),
    "tokenizer": tokenizer,
    "looks": localizer,
    "humanoid_tracker": tracker,
    "motion_matcher": matcher,
}


@pytest.mark.parametrize("name", ANSWERS)
def test_a_shipped_checkpoint_answers_as_it_did_at_0_1_0(name):
    with np.load(ROOT / "tests" / "data" / "shipped_outputs.npz") as stored:
        before = stored["object_localizer" if name == "looks" else name]
    np.testing.assert_allclose(ANSWERS[name](SHIPPED / name), before, rtol=0, atol=NEAR)


@pytest.mark.parametrize("name", KINDS)
def test_written_in_todays_format_it_answers_alike_to_the_last_bit(name, tmp_path):
    stored = load_checkpoint(SHIPPED / name, KINDS[name], "")
    stored.save(tmp_path)
    head = json.loads((tmp_path / CONFIG).read_text())
    assert head["format"] == FORMAT and head["kind"] == KINDS[name]
    assert not {"looks", "guess", "bodies"} & {*head, *head["config"]}
    assert np.array_equal(ANSWERS[name](tmp_path), ANSWERS[name](SHIPPED / name))


def test_the_words_of_format_1_that_changed_are_mapped_and_no_others():
    names = ["guess.told.weight", "guess.spread", "context.looks.told.bias", "context.looks.words.bias", "told.bias"]
    assert [weight_of_format_2("policy", name) for name in names] == [
        "base.text.weight",
        "base.residual_scale",
        "context.localizer.word_score.bias",
        "context.localizer.words.bias",
        "code_projection.bias",
    ]
    assert weight_of_format_2("base_policy", "spread") == "residual_scale"
    assert weight_of_format_2("humanoid_tracker", "told.bias") == "told.bias"
    other = {"format": 1, "kind": "humanoid_tracker", "bodies": {}, "config": {"looks": 1}, "training": {"looks": 2}}
    assert head_of_format_2(other) == {k.replace("bodies", "embodiments"): v for k, v in other.items()}


def test_a_map_without_one_of_the_words_would_be_found(monkeypatch):
    monkeypatch.setattr("agents.nets.format_1.WEIGHTS", {"object_localizer": (("told.", "word_score."),)})
    with pytest.raises(Exception, match="does not fit its own configuration"):
        localizer(SHIPPED / "looks")


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["looks"], "the recipe 'looks' is called object_localizer now: `uv run train object_localizer …`"),
        (["guess", "--data", "d"], "the recipe 'guess' is called base_policy now: `uv run train base_policy …`"),
        (["gr00t", "--looks=a"], "the option --looks is called --localizer now"),
        (["vla_unit", "--guess", "none"], "the option --guess is called --base-policy now"),
    ],
)
def test_an_old_recipe_or_option_is_answered_with_the_new_name(words, sentence, capsys):
    assert train.main(words) == 2
    assert sentence in " ".join(capsys.readouterr().err.split())
