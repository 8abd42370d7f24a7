"""The ``generate`` command: conditions, floors, resuming, shards, workers, and what goes wrong."""

import json
import textwrap
from dataclasses import replace

import numpy as np
import pytest

from crossbody.catalog import entries
from crossbody.main import main
from evaluators.generation import making
from evaluators.generation.asked import Asked
from evaluators.scoring.video import score as score_video
from tasks.motion.store import save
from tests.motions import motion


@pytest.fixture
def videos(tmp_path):
    folder = tmp_path / "truth"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for i in range(4):
        np.save(folder / f"clip{i}.npy", rng.integers(0, 255, (5, 16, 24, 3), np.uint8))
    return folder


@pytest.fixture
def motions(tmp_path):
    folder = tmp_path / "motions"
    folder.mkdir()
    for i in range(2):
        save(replace(motion(frames=8 + i), texts=(f"a person walks {i}",)), folder / f"m{i}.npz")
    return folder


def generate(*argv) -> int:
    return main(["generate", "--workers", "1", *map(str, argv)])


def contents(folder):
    return {
        str(f.relative_to(folder)): f.read_bytes()
        for f in sorted(folder.rglob("*"))
        if f.is_file() and f.name != "manifest.json"
    }


def test_still_repeats_the_last_given_frame_and_reference_is_the_truth(videos, tmp_path):
    assert generate("--generator", "still", "--data", videos, "--fps", 10, "--given", 2, "--out", tmp_path / "s") == 0
    truth, made = np.load(videos / "clip1.npy"), np.load(tmp_path / "s/pred/clip1.npy")
    assert (made[:2] == truth[:2]).all() and (made[2:] == truth[1]).all() and made.shape == truth.shape
    assert generate("--generator", "reference", "--data", videos, "--fps", 10, "--out", tmp_path / "r") == 0
    assert (np.load(tmp_path / "r/pred/clip1.npy") == truth).all()
    options = ("--options.other", "--out", tmp_path / "o")
    assert generate("--generator", "reference", "--data", videos, "--fps", 10, *options) == 0
    assert (np.load(tmp_path / "o/pred/clip1.npy") == np.load(videos / "clip2.npy")).all()


def test_what_is_made_can_be_scored_and_judged(videos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    generate("--generator", "reference", "--data", videos, "--fps", 10, "--out", "g")
    assert (
        score_video(["--pred", "g/pred", "--ref", "g/ref", "--metrics", "psnr_db", "--fps", "10", "--out", "scored"])
        == 0
    )
    rows = [json.loads(line) for line in open("scored/table.jsonl")]
    assert next(r["value"] for r in rows if r["system"] == "prediction") == 100
    pairs = [json.loads(line) for line in open("g/pairs.jsonl")]
    assert pairs[0] == {"id": "clip0", "reference": "ref/clip0.npy", "generated": "pred/clip0.npy"}


def test_shards_and_a_killed_run_end_in_the_same_bytes(videos, tmp_path):
    base = ("--generator", "still", "--data", videos, "--fps", 10)
    generate(*base, "--out", tmp_path / "whole")
    for part in ("1/2", "2/2"):
        assert generate(*base, "--shard", part, "--out", tmp_path / "parts") == 0
    (tmp_path / "parts/rows/clip2.json").unlink()  # killed before its row
    (tmp_path / "parts/pred/clip3.npy").write_bytes(b"torn")
    assert generate(*base, "--out", tmp_path / "parts") == 0
    assert contents(tmp_path / "parts") == contents(tmp_path / "whole")


@pytest.mark.slow
def test_two_workers_make_the_bytes_of_one(videos, tmp_path):
    base = ("generate", "--generator", "still", "--data", str(videos), "--fps", "10")
    for workers in ("1", "2"):
        assert main([*base, "--workers", workers, "--out", str(tmp_path / workers)]) == 0
    assert contents(tmp_path / "1") == contents(tmp_path / "2")


def test_a_folder_of_other_clips_is_refused_with_what_differs(videos, tmp_path, capsys):
    base = ("--generator", "still", "--data", videos, "--fps", 10, "--out", tmp_path / "g")
    generate(*base)
    assert generate(*base, "--seed", 1) == 2
    assert "holds another generation:\n  seed: was 0, is 1\nGive another --out." in capsys.readouterr().err
    np.save(videos / "clip0.npy", np.zeros((5, 16, 24, 3), np.uint8))
    assert generate(*base) == 2
    assert "conditions: was" in capsys.readouterr().err


def test_motions_have_their_floors_too(motions, tmp_path):
    from tasks.motion.reading import read_one

    assert generate("--generator", "still", "--data", motions, "--out", tmp_path / "s") == 0
    truth, made = read_one(motions / "m1.npz"), read_one(tmp_path / "s/pred/m1.npz")
    assert made.fps == truth.fps and (made.keypoints == truth.keypoints[:1]).all() and len(made.keypoints) == 9
    assert (tmp_path / "s/texts.tsv").read_text() == "m0\ta person walks 0\nm1\ta person walks 1\n"


def test_typed_conditions_offer_what_is_typed_and_no_more(tmp_path, motions):
    asked = Asked(text=("a person waves",), time=4.0, occlusion=("left_arm", str(motions / "m0.npz")))
    conditions = making.open_conditions(asked)
    offered = {c.name for c in conditions.offers}
    assert {"annotation.text", "condition.time", "condition.occluded", "condition.occluded_part"} <= offered
    assert "condition.track" not in offered
    loaded = conditions.load("0000", ["annotation.text", "condition.time"])
    assert loaded == {"annotation.text": "a person waves", "condition.time": 4.0}


@pytest.mark.parametrize(
    ("argv", "told"),
    [
        (["--text", " "], "--text is empty"),
        (["--text", "walk", "--time", "soon"], "--time is 'soon'; expected seconds, such as 4s"),
        (["--text", "walk", "--time", "-1"], "--time is -1; expected seconds above 0"),
        (["--text", "x" * 10_001], "--text has 10,001 characters; at most 10,000 are taken"),
        (
            ["--text", "walk"],
            "the generator needs motion.given, which these conditions lack (they have: annotation.text)",
        ),
        ([], "conditions come from nothing. Give --data or --text"),
        (["--data", "absent"], "--data absent does not exist"),
        (["--text", "a", "--given", "0"], "--given is 0; it must be at least 1"),
        (["--text", "a", "--seed", "-1"], "--seed is -1; it must be at least 0"),
        (["--text", "a", "--sed", "1"], "Did you mean '--seed'?"),
    ],
)
def test_mistakes_are_one_sentence(argv, told, capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert generate("--generator", "still", "--out", "g", *argv) == 2
    assert told in capsys.readouterr().err
    assert not (tmp_path / "g").exists()


def test_an_unknown_generator_gets_the_nearest_name(capsys, tmp_path):
    assert generate("--generator", "stil", "--text", "x", "--out", tmp_path / "g") == 2
    assert "Did you mean 'still'?" in capsys.readouterr().err


BROKEN = textwrap.dedent('''
    """A generator that goes wrong in the way its option says."""
    import os
    from dataclasses import dataclass
    import numpy as np
    from crossbody.contracts import Clip

    @dataclass(frozen=True)
    class GeneratorOptions:
        way: str = "raise"

    class Broken:
        needs, uses, card = (), (), {}
        def __init__(self, kind, way):
            self.kind, self.way = kind, way
        def generate(self, conditions, seed):
            if self.way == "raise":
                raise ValueError("unexpected token [/INST] \\ud800")
            if self.way == "die":
                os._exit(3)
            if self.way == "nan":
                return Clip(np.full((4, 15, 3), np.nan), 20.0)
            return Clip(np.zeros((4, 14, 3)), 20.0)
        def close(self):
            pass

    def make_generator(options, kind):
        return Broken(kind, options.way)
''')


@pytest.fixture
def broken(tmp_path, monkeypatch):
    """A generator of an outside package, found by its entry point."""
    package = tmp_path / "packages"
    (package / "broken-1.dist-info").mkdir(parents=True)
    (package / "broken_generator.py").write_text(BROKEN)
    (package / "broken-1.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: broken\nVersion: 1\n")
    (package / "broken-1.dist-info/entry_points.txt").write_text(
        "[crossbody.generators]\nbroken = broken_generator:make_generator\n"
    )
    monkeypatch.syspath_prepend(str(package))
    monkeypatch.setenv("PYTHONPATH", str(package))
    entries.cache_clear()
    yield
    entries.cache_clear()


@pytest.mark.parametrize(
    ("way", "told"),
    [
        ("raise", "ValueError: unexpected token [/INST]"),
        ("die", "its process died 2 times"),
        ("nan", "the generator gave numbers that are not finite"),
        ("shape", "the generator gave float64 (4, 14, 3); expected floats (frames, 15, 3)"),
    ],
)
def test_what_goes_wrong_is_a_row(broken, way, told, tmp_path, capsys):
    out = tmp_path / "g"
    assert generate("--generator", "broken", "--options.way", way, "--text", "a", "--out", out) == 1
    assert told in json.loads((out / "rows/0000.json").read_text())["error"]
    assert f"missing 0000: {told}"[:40] in capsys.readouterr().err


def test_demonstrations_are_conditions_with_states_and_actions(tmp_path):
    from tests.demonstrations import frame_of, write_set

    write_set(tmp_path / "sets/lemon", episodes=2)
    conditions = making.open_conditions(Asked(data=tmp_path / "sets/lemon", every=4, given=2))
    assert conditions.kind == "video" and conditions.names == ("lemon-0000", "lemon-0001")
    channels = ["video.given", "truth.video", "clip.fps", "annotation.text", "action.right_arm"]
    loaded = conditions.load("lemon-0001", channels)
    assert [frame_of(p) for p in loaded["truth.video"]] == [0, 4, 8, 12, 16, 20, 24]  # of 25 frames
    assert (
        len(loaded["video.given"]) == 2 and loaded["clip.fps"] == 5.0 and loaded["annotation.text"] == "pick number 1"
    )
    assert loaded["action.right_arm"].shape == (25, 7)
    assert (
        generate("--generator", "still", "--data", tmp_path / "sets/lemon", "--every", 4, "--out", tmp_path / "g") == 0
    )
    made = np.load(tmp_path / "g/pred/lemon-0001.npy")
    assert made.shape[0] == 7 and (made == made[0]).all()
    assert (tmp_path / "g/texts.tsv").read_text().splitlines()[1] == "lemon-0001\tpick number 1"
