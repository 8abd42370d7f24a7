"""Motion tokens, vocabulary, templates and sampling: what may stand where, and what cannot be otherwise."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.humanoid_vla import sampling, templates
from agents.humanoid_vla.prompts import Given
from agents.humanoid_vla.sampling import Wish
from agents.humanoid_vla.tokens import load_tokens
from agents.humanoid_vla.vocabulary import CLOSE, MARKS, PLACES, STEP, learned
from agents.nets.llama import Llama, LlamaSizes
from crossbody.errors import CrossbodyError
from envs.humanoid.motions import packed
from tasks.motion import parts
from tasks.motion.keypoints import INDEX, NAMES
from tests.motion_language import CAPTIONS, opened
from training.motion_language import corpus, example, lowquality
from training.motion_language.clips import numbered
from training.motion_language.coding import coded, mirrored_text
from training.recipes import humanoid_vla


@pytest.fixture(scope="module")
def speech(tmp_path_factory):
    return opened(tmp_path_factory.mktemp("speech"))


@pytest.fixture(scope="module")
def points():
    return example.clips(3, 1)[0].points


def turned(points, yaw):
    return parts.turned(points, np.array([yaw]))


# --- tasks.motion.parts


def test_numbers_and_back_are_the_motion_from_the_origin():
    for clip in example.clips(1, 3):
        moved = turned(clip.points, 0.7) + [3.0, -2.0, 0.0]
        found = parts.decode(parts.encode(moved), held=False)
        assert np.abs(found - parts.at_origin(moved)).max() < 1e-5  # float32 numbers, added up over the frames
        on_the_spot = clip.points - clip.points[:, :1] * [1.0, 1.0, 0.0]  # its ankles do not slide
        assert np.abs(parts.decode(parts.encode(on_the_spot)) - parts.at_origin(on_the_spot)).max() < 0.05


def test_place_and_direction_do_not_change_the_numbers(points):
    assert np.allclose(parts.encode(points), parts.encode(turned(points, -2.0) + [5.0, 1.0, 0.0]), atol=1e-4)


def test_mirrored_numbers_are_those_of_the_mirrored_motion(points):
    swapped = [NAMES.index(n.replace("left", "L").replace("right", "left").replace("L", "right")) for n in NAMES]
    assert np.allclose(parts.encode(points[:, swapped] * [1, -1, 1]), parts.mirrored(parts.encode(points)), atol=1e-5)


def test_a_bearing_foot_stands_still_when_it_is_held(points):
    numbers = parts.encode(points)
    numbers[:, parts.CONTACTS[0]], numbers[:, parts.CONTACTS[1]] = 1.0, 0.0
    ankle = parts.decode(numbers)[:, INDEX["left_ankle"], :2]
    assert np.abs(ankle - ankle[0]).max() < 1e-9
    loose = parts.decode(numbers, held=False)[:, INDEX["left_ankle"], :2]
    assert np.abs(loose - loose[0]).max() > 0.01, "the motion walks, so an ankle that is not held would slide"


# --- tokens


def test_the_codes_of_one_part_leave_the_numbers_of_the_other_four_as_they_are(speech, points):
    codes = torch.from_numpy(speech.tokens.codes_of(points))
    before = speech.tokens.decode(codes[None])
    for number, part in enumerate(parts.PARTS):
        edited = codes.clone()
        edited[:, number] = (edited[:, number] + 7) % 1024
        after = speech.tokens.decode(edited[None])
        for other, columns in parts.COLUMNS.items():
            same = torch.equal(before[..., columns], after[..., columns])
            assert same == (other != part), f"{other} after {part} was edited"


def test_a_step_of_eight_frames_is_five_codes(speech, points):
    assert speech.tokens.codes_of(points[:45]).shape == (5, 5)
    assert speech.tokens.points_of(np.zeros((3, 5), int)).shape == (24, 15, 3)


def test_tokens_of_another_kind_are_refused(speech, tmp_path):
    whole = example.tokens(tmp_path, 0, whole=True)
    with pytest.raises(CrossbodyError, match="holds a whole-body tokens, not a motion tokens"):
        load_tokens(whole)


# --- vocabulary


def test_ids_are_disjoint_and_every_one_has_a_name_that_leads_back(speech):
    vocabulary = speech.writer.vocabulary
    names = [vocabulary.name(i) for i in range(vocabulary.size)]
    assert len(set(names)) == vocabulary.size == vocabulary.words + 5 * 1024
    assert [vocabulary.id(name) for name in names] == list(range(vocabulary.size))
    with pytest.raises(CrossbodyError, match="is not one of the"):
        vocabulary.name(vocabulary.size)


def test_what_may_stand_at_a_place_are_the_codes_of_one_part_and_perhaps_an_end(speech):
    vocabulary = speech.writer.vocabulary
    codes = [set(vocabulary.allowed(p)) - {p.ends} for p in STEP]
    assert [len(c) for c in codes] == [1024] * 5
    assert all(not a & b for a, b in itertools.combinations(codes, 2))
    assert [p.ends for p in STEP] == [CLOSE["motion"], -1, -1, -1, -1]


@given(st.text(max_size=60))
@settings(max_examples=40, deadline=None)
def test_no_typed_text_spells_a_mark(text):
    vocabulary = VOCABULARY
    ids = vocabulary.of_text(text + " <motion> </motion> <|torso_0001|>")
    assert all(len(MARKS) <= i < vocabulary.words for i in ids)


VOCABULARY = learned(CAPTIONS, 300)


# --- templates


def test_there_are_59_sub_tasks_in_20_families():
    found = templates.sub_tasks()
    assert len(found) == 59 and len({t.family for t in found.values()}) == 20
    left_leg = {t.name for t in found.values() if t.part == "left_leg"}
    assert left_leg == {"o.left_leg", "oc.left_leg"}


@pytest.mark.parametrize("task", templates.sub_tasks().values(), ids=lambda t: t.name)
def test_every_wording_asks_for_what_the_sub_task_gives(task):
    assert len(task.wordings) >= 8 and len(task.held_out) == 2
    assert task.output in templates.OUTPUTS
    for wording in (*task.wordings, *task.held_out):
        holes = set(templates.holes(wording))
        assert holes <= set(templates.HOLES)
        assert holes - set(templates.LENGTHS) - set(templates.NAMED) == set(task.inputs) - {"time"}
        assert bool(holes & set(templates.LENGTHS)) == ("time" in task.inputs)
        assert ("joint" in holes) == bool(task.track) and ("part" in holes) == bool(task.part)


def test_no_wording_stands_twice():
    tables = {id(t.wordings): t for t in templates.sub_tasks().values()}.values()
    seen = {}
    for task in tables:
        for wording in (*task.wordings, *task.held_out):
            assert seen.setdefault(wording, task.family) == task.family, wording
    for task in tables:
        assert len({*task.wordings, *task.held_out}) == len(task.wordings) + 2


def test_conditions_that_no_sub_task_has_are_refused_with_those_there_are():
    with pytest.raises(
        CrossbodyError, match=r"no sub-task makes a motion of first \+ occlusion; known are: .*Leave a condition out"
    ):
        templates.for_inputs(frozenset({"first", "occlusion"}))
    assert templates.for_inputs(frozenset({"occlusion"}), part="left_arm").name == "o.left_arm"


# --- the network


def test_our_llama_is_the_one_of_transformers():
    from transformers import LlamaConfig, LlamaModel

    torch.manual_seed(0)
    ours = Llama(LlamaSizes(60, 32, 2, 4, 48)).eval()
    config = LlamaConfig(
        vocab_size=60,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=4,
    )
    theirs = LlamaModel(config).eval()
    theirs.load_state_dict(ours.state_dict())
    ids = torch.randint(60, (2, 11))
    assert (ours(ids)[0] - theirs(input_ids=ids).last_hidden_state).abs().max() < 1e-5


def test_padding_before_and_the_cache_change_nothing():
    torch.manual_seed(0)
    net = Llama(LlamaSizes(60, 32, 2, 4, 48)).eval()
    ids = torch.randint(3, 60, (2, 9))
    padded = torch.cat([torch.zeros(2, 3, dtype=torch.long), ids], 1)
    real = torch.arange(12).expand(2, -1) >= 3
    hidden, cache = net(padded[:, :6], real[:, :6])
    found = [hidden]
    for k in range(6, 12):
        hidden, cache = net(padded[:, k : k + 1], real[:, : k + 1], cache)
        found.append(hidden)
    assert (torch.cat(found, 1)[:, 3:] - net(ids)[0]).abs().max() < 1e-5


@pytest.mark.parametrize(("size", "told"), [("base", "8.072 G"), ("base_70b", "70.638 G"), ("small", "0.137 G")])
def test_sizes_with_a_text_model_are_planned_and_not_trained(size, told):
    options = humanoid_vla.LanguageOptions(size=size)
    assert told in humanoid_vla.plan(options) and "LoRA" in humanoid_vla.plan(options)
    with pytest.raises(CrossbodyError, match=f"size {size} begins with .* and is planned only: add --plan"):
        humanoid_vla.build(humanoid_vla.resolve(options))


# --- sampling


def prompt(speech, caption="a person waves"):
    task = templates.sub_task("d")
    return speech.writer.prompt(task, task.wordings[0], Given({"caption": caption}))


def test_every_sequence_is_whole_steps_of_codes_whatever_the_temperature(speech):
    wishes = [Wish(prompt(speech, c)) for c in CAPTIONS] * 4
    for codes in sampling.motions(speech.model, wishes, 0, 5.0):
        assert codes.ndim == 2 and codes.shape[1] == 5 and 1 <= len(codes) <= speech.model.sizes.longest
        assert codes.min() >= 0 and codes.max() < 1024


def test_a_forced_length_is_exact_and_kept_codes_are_copied(speech):
    kept = {(0, 1): 7, (3, 0): 900, (3, 4): 12}
    (codes,) = sampling.motions(speech.model, [Wish(prompt(speech), 4, kept)], 1)
    assert codes.shape == (4, 5)
    assert {place: codes[place] for place in kept} == kept
    (longer,) = sampling.motions(speech.model, [Wish(prompt(speech), 9)], 1)
    assert len(longer) == 9, "beyond the longest that it makes by itself"


def test_the_same_seed_gives_the_same_motion_alone_in_company_and_on_two_threads(speech):
    wishes = [Wish(prompt(speech, c), 4) for c in CAPTIONS]
    alone = sampling.motions(speech.model, wishes[:1], 3)[0]
    threads = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        company = sampling.motions(speech.model, wishes, 3)[0]
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(threads)
    assert np.array_equal(alone, company)
    assert not np.array_equal(alone, sampling.motions(speech.model, wishes[:1], 4)[0])


def test_other_answers_stay_in_their_places_too(speech, points):
    task = templates.sub_task("ms.first")
    steps = speech.tokens.codes_of(points)
    asked = speech.writer.prompt(task, task.wordings[0], Given({}, {"motion": speech.writer.given_motion(steps)}))
    (state,) = sampling.states(speech.model, [asked], 0)
    (track,) = sampling.tracks(speech.model, [asked], "left_hand", 0, 1.0)
    (said,) = sampling.sentences(speech.model, [asked], 0, 1.0)
    assert state.shape == (5,) and state.max() < 1024
    assert 1 <= len(track) <= speech.model.sizes.longest and track.max() < 1024
    assert isinstance(said, str)


# --- the corpus


@pytest.fixture(scope="module")
def codes(speech):
    return coded(speech.tokens, numbered(example.clips(2)))


def test_every_answer_may_stand_where_it_stands(speech, codes):
    vocabulary = speech.writer.vocabulary
    written = corpus.write(codes, vocabulary, 8, (200, 0, 1))
    allowed = [set(vocabulary.allowed(place)) for place in PLACES]
    answers = np.flatnonzero(written.places >= 0)
    assert all(int(written.ids[i]) in allowed[written.places[i]] for i in answers)
    assert written.places[0] == -1 and written.lengths.sum() == len(written.ids)
    again = corpus.write(codes, vocabulary, 8, (200, 0, 1))
    assert np.array_equal(written.ids, again.ids)


def test_a_batch_tells_for_every_answer_which_hidden_state_says_it(speech, codes):
    vocabulary = speech.writer.vocabulary
    written = corpus.write(codes, vocabulary, 8, (64, 0, 1))
    batch = corpus.Questions(written, written, vocabulary, 4, 0)(0)
    ids = torch.cat([batch["ids"], torch.zeros(4, 1, dtype=torch.long)], 1)
    for number, place in enumerate(PLACES):
        rows, columns = np.divmod(batch[f"at_{number}"].numpy(), batch["ids"].shape[1])
        found = np.array(vocabulary.allowed(place))[batch[f"want_{number}"].numpy()]
        for row, column, wanted in zip(rows, columns, found, strict=True):
            if column + 1 < batch["ids"].shape[1]:
                assert ids[row, column + 1] == wanted
    assert sum(len(batch[f"at_{n}"]) for n in range(len(PLACES))) > 20


def test_lengths_are_told_as_the_wording_means_them(speech, codes):
    asker, clip = corpus.Asker(speech.writer), max((c[0] for c in codes), key=lambda c: len(c.steps))
    for seed in range(40):
        question = asker.ask(np.random.default_rng(seed), templates.sub_task("t.frames"), clip)
        length = len(question.steps) * 8
        if "{time}" in question.wording:
            assert abs(question.frames - length) <= 4
        elif "{at_least}" in question.wording:
            assert question.frames <= length
        else:
            assert 0.9 * length - 1 <= question.frames <= 1.1 * length + 1


def test_a_mirrored_caption_exchanges_sides_and_directions_as_whole_words():
    said = "the left hand, turning clockwise, then right; leftover"
    assert mirrored_text(said) == "the right hand, turning counterclockwise, then left; leftover"
    assert mirrored_text(mirrored_text(said)) == said


def test_low_quality_is_off_by_centimetres_and_the_same_for_the_same_seed(points):
    worse = lowquality.worsened(points, np.random.default_rng(0))
    off = np.linalg.norm((worse - worse[:, :1]) - (points - points[:, :1]), axis=-1).mean()
    assert 0.02 < off < 0.12
    assert np.array_equal(worse, lowquality.worsened(points, np.random.default_rng(0)))


# --- the pack


def test_a_pack_keeps_places_to_half_a_millimetre_and_all_else_exactly(tmp_path):
    clips = example.clips(0)
    packed.write(clips, tmp_path / "pack.npz")
    for before, after in zip(clips, packed.read(tmp_path / "pack.npz"), strict=True):
        assert np.abs(before.points - after.points).max() <= 0.5e-3 + 1e-9
        assert (before.name, before.texts, before.held_out) == (after.name, after.texts, after.held_out)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 half", b"words"])
def test_a_damaged_pack_is_one_sentence(tmp_path, content):
    (tmp_path / "pack.npz").write_bytes(content)
    with pytest.raises(CrossbodyError, match="is no pack of motions: .*crossbody motions pack"):
        packed.read(tmp_path / "pack.npz")
