"""The generators of motions and the commands beside them: typed conditions, stated best effort,
and bad input in one sentence."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest

from agents import humanoid_vla, mdm, t2m_gpt
from agents.humanoid_vla import describe, edit
from agents.humanoid_vla.edit import Edit
from agents.mdm.network import Diffusion, DiffusionSizes
from agents.mdm.network import save as save_mdm
from agents.nets.checkpoint import rounded_weights
from agents.nets.motion_codes import CodeSizes
from agents.t2m_gpt.network import GptSizes, TextToMotion
from agents.t2m_gpt.network import save as save_gpt
from crossbody.errors import CrossbodyError, UnknownName
from crossbody.main import main
from tasks.motion.arrays import from_positions
from tasks.motion.store import save as save_motion
from tests.motion_language import motion_file, write_speech
from training.motion_language import example


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("generators")
    language, tokens = write_speech(folder)
    save_mdm(
        Diffusion(DiffusionSizes(16, 1, 2, 32, steps=3)),
        folder / "mdm",
        rounded_weights(Diffusion(DiffusionSizes(16, 1, 2, 32, steps=3))),
        {},
    )
    gpt = TextToMotion(GptSizes(16, 1, 2, codes=CodeSizes(4, 32, 8, 4)))
    gpt.tokens.book.normal_()
    save_gpt(gpt, folder / "gpt", rounded_weights(gpt), {})
    motion_file(folder)
    return folder


def talker(place, **options):
    return humanoid_vla.make_generator(
        humanoid_vla.GeneratorOptions(weights=place / "language", tokens=place / "tokens", **options), "motion"
    )


def conditions(**more):
    points = example.clips(0, 1)[0].points
    found = {}
    for name, value in more.items():
        if value is True:
            found |= {f"condition.{name}": points, f"condition.{name}_fps": 20.0}
        else:
            found[{"text": "annotation.text", "time": "condition.time", "part": "condition.occluded_part"}[name]] = (
                value
            )
    return found


@pytest.mark.parametrize(
    ("asked", "options", "sub_task"),
    [
        ({"text": "a person waves"}, {}, "d"),
        ({"time": 2.0}, {}, "t.frames"),
        ({"text": "someone squats", "time": 1.2}, {}, "tc.frames"),
        ({"state": True}, {}, "s.first"),
        ({"state": True}, {"state": "last"}, "s.last"),
        ({"state": True, "track": True}, {"track": "left_hand"}, "sk.left_hand"),
        ({"track": True, "time": 2.0}, {}, "kt.root.frames"),
        ({"occluded": True, "part": "left_arm"}, {}, "o.left_arm"),
        ({"occluded": True, "part": "torso", "text": "a person waves"}, {}, "oc.torso"),
    ],
    ids=lambda v: v if isinstance(v, str) else None,
)
def test_conditions_become_the_sub_task_that_has_them(place, asked, options, sub_task):
    clip = talker(place, **options).generate(conditions(**asked), 0)
    assert clip.notes["sub_task"] == sub_task
    assert clip.fps == 20.0 and clip.values.shape[1:] == (15, 3) and np.isfinite(clip.values).all()
    if "time" in asked:
        assert len(clip.values) == round(asked["time"] / 0.4) * 8 and clip.notes["forced_length"]


def test_a_length_may_be_left_to_the_model(place):
    free = talker(place, forced=False).generate(conditions(text="a person waves", time=2.0), 0)
    assert not free.notes["forced_length"]


def test_kept_codes_of_an_occlusion_are_there_and_the_clip_says_so(place):
    made = talker(place, keep=True)
    asked = made.asked(conditions(occluded=True, part="left_arm"))
    clip = made.generate(conditions(occluded=True, part="left_arm"), 5)
    steps = made.speech.tokens.codes_of(example.clips(0, 1)[0].points)
    assert clip.notes["kept"] and len(clip.values) == 8 * len(steps)
    assert asked.kept == {(n, i): steps[n, i] for n in range(len(steps)) for i in (0, 1, 2, 4)}


@pytest.mark.parametrize("name", ["language", "mdm", "gpt"])
def test_the_same_seed_makes_the_same_motion_and_another_another(place, name):
    made = {
        "language": lambda: talker(place),
        "mdm": lambda: mdm.make_generator(mdm.GeneratorOptions(place / "mdm"), "motion"),
        "gpt": lambda: t2m_gpt.make_generator(t2m_gpt.GeneratorOptions(place / "gpt"), "motion"),
    }[name]()
    told = conditions(text="a person waves", time=1.6)
    one, again, other = (made.generate(told, seed).values for seed in (0, 0, 1))
    assert len(one) == 32 and np.array_equal(one, again) and not np.array_equal(one, other)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"text": " "}, "the text is empty; say what the motion shows"),
        ({"text": "walk " * 2000}, "the text has 9,999 characters; at most 300 are read"),
        ({"time": 60.0}, "a motion of 60 s was asked for; this generator makes 0.4 to 4.8 s"),
        ({"time": 0.1}, "a motion of 0.1 s was asked for"),
        ({"state": True, "occluded": True, "part": "left_arm"}, "no sub-task makes a motion of first + occlusion"),
        ({"occluded": True, "part": "left_wing"}, "unknown body part 'left_wing'"),
        ({}, "nothing was asked for; say --text"),
    ],
    ids=["empty", "long", "minute", "blink", "contradiction", "part", "nothing"],
)
def test_bad_input_is_one_sentence(place, asked, message):
    with pytest.raises(CrossbodyError) as error:
        talker(place).generate(conditions(**asked), 0)
    assert message in str(error.value) and "\n" not in str(error.value)


def test_words_that_were_never_seen_are_a_best_effort_that_the_clip_states(place):
    clip = talker(place).generate(conditions(text="une personne danse sur la lune"), 0)
    assert clip.notes["best_effort"] == "never trained on: danse, la, lune, personne, sur, une"
    assert "best_effort" not in talker(place).generate(conditions(text="A person WAVES."), 0).notes


def test_motions_of_other_rates_and_sizes_are_brought_to_the_models_own(place):
    points = example.clips(0, 1)[0].points
    made = talker(place)
    same, _ = made.speech.steps_of(points, 20.0)
    larger, factor = made.speech.steps_of(points * 1.5, 20.0)
    assert np.array_equal(same, larger) and factor < 0.7
    slower, _ = made.speech.steps_of(np.repeat(points, 2, 0), 40.0)
    assert len(slower) == len(same)
    clip = made.generate(conditions(state=True) | {"condition.state": points * 1.5}, 0)
    assert "brought to the robot's" in clip.notes["scaled"]
    with pytest.raises(CrossbodyError, match="a leg is 62"):
        made.speech.steps_of(points * 1000, 20.0)


def test_a_model_with_other_tokens_is_refused(place, tmp_path):
    other = example.tokens(tmp_path, 9)
    with pytest.raises(CrossbodyError, match="was trained on the motion tokens .* Give the right --options.tokens"):
        humanoid_vla.make_generator(humanoid_vla.GeneratorOptions(place / "language", other), "motion")


def test_generate_writes_motions_and_says_which_sub_task_each_was(place, tmp_path):
    told = ["generate", "--generator", "humanoid_vla", "--text", "a person waves", "--time", "2s", "--workers", "1"]
    told += ["--options.weights", place / "language", "--options.tokens", place / "tokens", "--out", tmp_path / "made"]
    assert main(list(map(str, told))) == 0
    row = json.loads((tmp_path / "made" / "rows" / "0000.json").read_text())
    assert row["status"] == "ok" and row["notes"]["sub_task"] == "tc.frames" and row["frames"] == 40


# --- tokens and describe


def test_tokens_are_shown_and_edited_in_the_named_parts_only(place, tmp_path, capsys):
    file, tokens = place / "wave.npz", str(place / "tokens")
    assert edit.main(["show", str(file), "--tokens", tokens]) == 0
    assert "9 steps of 0.4 s" in capsys.readouterr().out
    out = tmp_path / "edited.npz"
    told = ["edit", str(file), "--tokens", tokens, "--parts", "left_arm", "--perturb", "1", "--out", str(out)]
    assert edit.main(told) == 0
    said = capsys.readouterr().out
    assert "left_arm: 9 of 9 codes changed" in said and "torso: 0 of 9 codes changed" in said and out.exists()


def test_parts_are_replaced_rearranged_and_perturbed():
    codes = np.arange(30).reshape(6, 5)
    other = codes + 100
    plain = Edit(None, parts=("torso", "left_arm"))  # pyright: ignore[reportArgumentType]
    replaced = edit.edit(codes, plain, other[:4], 1024)
    assert replaced[:, 0].tolist() == [100, 105, 110, 115, 100, 105] and np.array_equal(replaced[:, 1:3], codes[:, 1:3])
    turned = edit.edit(codes, dataclasses.replace(plain, order=(1, 0)), None, 1024)
    assert turned[:, 3].tolist() == [18, 23, 28, 3, 8, 13]
    hit = edit.edit(np.zeros((400, 5), int), dataclasses.replace(plain, perturb=0.25), None, 1024)
    assert 70 <= (hit[:, 0] != 0).sum() <= 130 and (hit[:, 1] == 0).all()


@pytest.mark.parametrize(
    ("told", "message"),
    [
        (["--parts", "left_wing", "--perturb", "1"], "unknown body part 'left_wing'"),
        (["--order", "0", "2"], "--order is 0 2; expected each of 0 to 1 once"),
        (["--perturb", "2"], "--perturb is 2; expected a share from 0 to 1"),
        ([], "nothing is to be edited"),
    ],
)
def test_an_edit_that_cannot_be_is_one_sentence(place, told, message):
    with pytest.raises(CrossbodyError, match=message):
        edit.main(["edit", str(place / "wave.npz"), *told])


@pytest.mark.parametrize("ask", describe.ASKS)
def test_every_question_about_a_motion_is_answered(place, ask, capsys):
    told = ["--weights", str(place / "language"), "--tokens", str(place / "tokens"), "--ask", ask]
    assert describe.main(["--motion", str(place / "wave.npz"), *told]) == 0
    assert capsys.readouterr().out


def test_a_question_that_there_is_not_and_a_motion_that_is_too_long_are_one_sentence(place, tmp_path):
    told = ["--weights", str(place / "language"), "--tokens", str(place / "tokens")]
    with pytest.raises(UnknownName, match="track:root"):
        describe.main(["--motion", str(place / "wave.npz"), *told, "--ask", "track:rot"])
    points = np.tile(example.clips(0, 1)[0].points, (2, 1, 1))
    save_motion(from_positions("long", points, 20.0), tmp_path / "long.npz")
    with pytest.raises(CrossbodyError, match=r"lasts 7.2 s; at most 4.8 s are read"):
        describe.main(["--motion", str(tmp_path / "long.npz"), *told])
