"""What the judge is made of: pairs files, frames, verdicts, prices, keys kept out."""

from __future__ import annotations

import datetime
import json
import os
import threading
from email.utils import format_datetime

import av
import numpy as np
import pytest

from crossbody.errors import CrossbodyError
from evaluators.clips.reading import ClipError
from evaluators.judge.asking.ledger import Ledger
from evaluators.judge.asking.prices import Price, price_of
from evaluators.judge.asking.redact import Redactor
from evaluators.judge.providers.hints import hint_of
from evaluators.judge.questions import pairs, rubric
from evaluators.judge.questions.clips import read_clip, sample, shots, shrink
from evaluators.judge.questions.pairs import read_pairs
from evaluators.judge.questions.schema import Usage, Verdict, WholeVerdict, read_verdict
from tests.judging import Judging, write_pairs

NOISE = np.random.default_rng(0).integers(0, 255, (12, 32, 48, 3), dtype=np.uint8)


def write_video(file, frames, fps):
    with av.open(str(file), "w") as container:
        stream = container.add_stream("libx264", rate=fps)
        stream.height, stream.width = frames.shape[1:3]
        for frame in frames:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(frame)))
        container.mux(stream.encode())
    return file


def test_jsonl_and_csv_give_the_same_pairs_with_paths_beside_the_file(tmp_path):
    (tmp_path / "p.jsonl").write_text('{"id": 7, "reference": "a.mp4", "generated": "b.mp4", "task": "lift"}\n\n')
    (tmp_path / "p.csv").write_text("id,reference,generated,task\n7,a.mp4,b.mp4,lift\n")
    (one,), (two,) = read_pairs(tmp_path / "p.jsonl"), read_pairs(tmp_path / "p.csv")
    assert one == two and one.id == "7" and one.reference == str(tmp_path / "a.mp4")


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("p.txt", "", "expected a .jsonl or .csv file, or the word builtin"),
        ("p.jsonl", "", "has no pairs"),
        ("p.jsonl", "{oops", "line 1 is not JSON"),
        ("p.jsonl", "[1]", "line 1: the line: Input should be"),
        (
            "p.jsonl",
            '{"id": "a", "reference": "r"}',
            "line 1: generated: Field required. Fields: id, reference, generated",
        ),
        ("p.jsonl", '{"id": "a", "reference": "r", "generated": "g", "tsak": ""}', "line 1: tsak: Extra inputs"),
        ("p.jsonl", '{"id": "a", "reference": "r", "generated": "g"}\n' * 2, "line 2: the id 'a' is used twice"),
        ("p.csv", "id,reference,generated\na,r\n", "line 2: generated:"),
        ("p.csv", "id,reference,generated\na,r,g,more\n", "line 2: extra columns:"),
    ],
)
def test_a_bad_pairs_file_is_refused_with_the_line_and_what_is_wrong(tmp_path, name, text, message):
    (tmp_path / name).write_text(text)
    with pytest.raises(CrossbodyError) as caught:
        read_pairs(tmp_path / name)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("length", "count", "indices"),
    [(5, 5, (0, 1, 2, 3, 4)), (3, 16, (0, 1, 2)), (9, 3, (0, 4, 8)), (32, 4, (0, 10, 21, 31))],
)
def test_frames_are_even_in_time_with_first_and_last(length, count, indices):
    assert sample(length, count) == indices


def test_a_video_and_an_array_are_read_with_their_rates_and_shown_small(tmp_path):
    np.save(tmp_path / "a.npy", NOISE)
    video = read_clip(write_video(tmp_path / "a.mp4", NOISE, 10))
    array = read_clip(tmp_path / "a.npy")
    assert (video.fps, array.fps) == (10, None) and len(video.frames) == len(array.frames) == 12
    first, second = shots(video, array, 4, 24, "none")
    assert first.times_s == (0.0, 0.4, 0.7, 1.1) and second.times_s == (None,) * 4
    assert all(f.shape == (16, 24, 3) for f in first.frames)
    assert shrink(NOISE[0], 500).shape == NOISE[0].shape  # never enlarged


def test_lengths_and_rates_that_differ_are_refused_with_both_or_aligned_when_asked(tmp_path):
    long, short = (read_clip(write_video(tmp_path / f"{n}.mp4", NOISE[:n], fps)) for n, fps in ((12, 10), (8, 20)))
    with pytest.raises(
        ClipError, match="the reference has 12 frames at 10 frames/s, the generated clip 8 at 20 frames/s"
    ):
        shots(long, short, 4, 48, "none")
    a, b = shots(long, short, 4, 48, "cut")  # both end after 0.4 s
    assert (a.indices, b.indices) == ((0, 1, 2, 3), (0, 2, 5, 7))
    a, b = shots(long, short, 4, 48, "stretch")
    assert (a.indices, b.indices) == ((0, 4, 7, 11), (0, 2, 5, 7))


def test_two_folders_with_the_same_pictures_in_another_order_are_two_clips(tmp_path):
    import cv2

    for folder, order in (("one", (0, 1, 2)), ("two", (0, 2, 1))):
        (tmp_path / folder).mkdir()
        for name, frame in zip(("1", "2", "10") if folder == "one" else ("01", "02", "03"), order, strict=True):
            cv2.imwrite(str(tmp_path / folder / f"{name}.png"), NOISE[frame])
    assert read_clip(tmp_path / "one").sha256 != read_clip(tmp_path / "two").sha256


@pytest.mark.parametrize("kind", ["absent", "corrupt", "one_frame", "empty_folder", "object_array", "text"])
def test_a_clip_that_cannot_be_read_is_a_missing_pair_with_its_reason_and_the_others_are_judged(tmp_path, capsys, kind):
    judging = Judging(tmp_path, capsys)
    bad = {"corrupt": "bad.mp4", "text": "bad.txt", "empty_folder": "bad"}.get(kind, "bad.npy")
    file = judging.pairs.parent / bad
    if kind in ("corrupt", "text"):
        file.write_bytes(b"\x00\x00\x00\x18ftypmp42 and then nothing of use")
    elif kind == "empty_folder":
        file.mkdir()
    elif kind == "one_frame":
        np.save(file, NOISE[:1])
    elif kind == "object_array":
        np.save(file, np.array([{}, {}], dtype=object), allow_pickle=True)
    lines = judging.pairs.read_text().splitlines()
    lines[0] = json.dumps({**json.loads(lines[0]), "generated": bad})
    judging.pairs.write_text("\n".join(lines))
    assert judging("--repeats", "1", provider="programmatic") == 1
    rows = judging.scores()
    assert [r["status"] for r in rows] == ["unreadable", "unreadable", "ok", "ok"]
    assert bad in rows[0]["reason"] and rows[0]["overall"] == "" and rows[0]["provider"] == "programmatic"
    assert judging.summary()["rows"][0]["scores"]["overall"]["n"] == 1


def test_a_language_model_must_answer_in_whole_numbers_and_a_program_need_not():
    text = '{"semantic": 4.5, "temporal": 4, "geometric": 4, "mood": "fine"}'
    verdict, _ = read_verdict(text, Verdict)
    assert verdict and verdict.overall == pytest.approx(12.5 / 3)
    assert read_verdict(text, WholeVerdict) == (None, "semantic: input should be a valid integer, got 4.5")


@pytest.mark.parametrize("value", ["true", "NaN", "Infinity", "null", "[3]", '"3"', "5.01"])
def test_what_is_no_score_is_never_read_as_one(value):
    for kind in (Verdict, WholeVerdict):
        assert read_verdict(f'{{"semantic": {value}, "temporal": 4, "geometric": 4}}', kind)[0] is None


def test_a_bill_by_hand_and_an_estimate_that_is_not_lower():
    price = Price(input=2.0, output=12.0, image_tokens=280, date="2026-01-01")
    # 1000 * 2 + (40 + 200) * 12 = 4880 millionths
    assert price.bill(Usage(input=1000, output=40, thinking=200)) == pytest.approx(0.00488)
    # 300 letters are at most 100 tokens, 2 frames 560: 660 * 2 + 50 * 12 = 1920 millionths
    assert price.estimate(300, 2, 50) == pytest.approx(0.00192)


def test_a_price_that_has_run_out_is_unknown(tmp_path):
    today = datetime.datetime.now(datetime.UTC).date()
    lines = ['date = "2026-01-01"']
    for name, days in (("gone", -1), ("valid", 1)):
        until = (today + datetime.timedelta(days)).isoformat()
        lines.append(f'[models.{name}]\ninput = 1.0\noutput = 1.0\nimage_tokens = 1\nuntil = "{until}"')
    (tmp_path / "prices.toml").write_text("\n".join(lines))
    assert price_of("gone", tmp_path / "prices.toml") is None
    assert price_of("valid", tmp_path / "prices.toml")
    assert price_of("unheard-of", tmp_path / "prices.toml") is None


def test_a_ledger_waits_for_what_is_under_way_before_it_says_no():
    ledger = Ledger(1.0)
    assert ledger.reserve(0.7)
    threading.Timer(0.05, lambda: ledger.settle(0.7, 0.1)).start()
    assert ledger.reserve(0.7)  # 0.1 + 0.7 fits once the first came out cheap
    ledger.settle(0.7, 0.7)
    assert not ledger.reserve(0.3)
    assert ledger.spent == pytest.approx(0.8)


def test_the_hash_of_a_rubric_follows_every_letter_and_setting(tmp_path):
    text = rubric.STANDARD.read_text()
    hashes = {rubric.load().hash}
    for before, after in (("Semantic: is it", "Semantic: was it"), ("temperature = 0.0", "temperature = 0.1")):
        assert before in text
        (tmp_path / "other.toml").write_text(text.replace(before, after))
        hashes.add(rubric.load(tmp_path / "other.toml").hash)
    assert len(hashes) == 3
    (tmp_path / "other.toml").write_text(text.replace("closing_line", "last_line"))
    with pytest.raises(CrossbodyError, match=r"lacks \['closing_line'\] and has unknown fields \['last_line'\]"):
        rubric.load(tmp_path / "other.toml")


def test_waits_are_read_from_headers_and_from_googles_details():
    info = {"error": {"details": [{"@type": "…RetryInfo", "retryDelay": "3.5s"}]}}
    assert hint_of({}, info) == 3.5 and hint_of({"retry-after": "8"}, info) == 8
    later = datetime.datetime.now(datetime.UTC) + datetime.timedelta(seconds=60)
    assert 50 < hint_of({"retry-after": format_datetime(later, usegmt=True)}, None) <= 60
    for nonsense in (
        {},
        {"error": "x"},
        {"error": {"details": "x"}},
        [1],
        None,
        {"error": {"details": [{"retryDelay": "soon"}]}},
    ):
        assert hint_of({"retry-after": "soon"}, nonsense) == 0


def test_keys_are_taken_out_by_value_and_by_look_and_ordinary_words_stay():
    redact = Redactor({"MY_API_KEY": "s3cr3t-value", "HOME": "/home/me", "SHORT_TOKEN": "abc"})
    assert redact("a s3cr3t-value b abc /home/me") == "a [key] b abc /home/me"
    assert redact("Authorization: Bearer ya29.abcdefghijklmnop") == "Authorization: Bearer [key]"
    assert redact("the key point is the key frame") == "the key point is the key frame"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--repeats", "0"), "--repeats is 0; it must be at least 1"),
        (("--frames", "1"), "--frames is 1; a motion needs at least 2"),
        (("--budget", "1"), "--budget needs prices, and what --provider programmatic costs is not known here"),
        (("--model", "m"), "--model does not go with --provider programmatic"),
        (("--command", "c"), "--command goes with --provider command"),
        (("--patience.tries", "0"), "--patience.tries is 0; it must be at least 1"),
    ],
)
def test_options_that_make_no_sense_are_refused(tmp_path, capsys, options, message):
    judging = Judging(tmp_path, capsys)
    assert judging(*options, provider="programmatic") == 2
    assert message in judging.printed


def test_a_folder_of_pairs_that_is_read_only_says_so(tmp_path, capsys):
    judging = Judging(tmp_path, capsys)
    judging.out = write_pairs(tmp_path / "else")  # a file, not a folder
    assert judging(provider="programmatic") == 2
    assert "cannot write" in judging.printed and "Give another --out" in judging.printed


def test_keys_that_are_typed_and_passwords_in_addresses_are_redacted():
    words = ["python", "judge.py", "--api-key", "sk", "--token=t0ken", "SECRET_KEY=hush-hush", "--author", "Somebody"]
    redact = Redactor({}, words)
    assert redact("t0ken of Somebody, hush-hush, python judge.py") == "[key] of Somebody, [key], python judge.py"
    assert redact("proxy https://user:pw@host:8/x and ftp://tok@h") == "proxy https://[key]@host:8/x and ftp://[key]@h"
    assert redact("mail a@b.org, see https://host/@me") == "mail a@b.org, see https://host/@me"


def test_a_key_typed_in_the_command_stands_in_no_file(tmp_path, capsys):
    judging = Judging(tmp_path, capsys)
    program = tmp_path / "judge.sh"
    program.write_text("""#!/bin/sh\ncat >/dev/null; echo '{"semantic": 3, "temporal": 3, "geometric": 3}'\n""")
    program.chmod(0o755)
    assert judging("--command", f"{program} --api-key 's3cr3t key' --token=t0psecret", provider="command") == 0
    written = b"".join(f.read_bytes() for f in judging.out.rglob("*") if f.is_file())
    assert b"s3cr3t" not in written and b"t0psecret" not in written and b"--api-key" in written
    assert judging("--command", f"{program} --api-key 's3cr3t key' --token=t0psecret", provider="command") == 0


@pytest.mark.parametrize("id", ["[/INST]", "[red]x", "a\x1b[2J"])
def test_markup_in_the_id_of_a_pair_is_text(tmp_path, capsys, id):
    judging = Judging(tmp_path, capsys)
    lines = judging.pairs.read_text().splitlines()
    judging.pairs.write_text("\n".join([json.dumps({**json.loads(lines[0]), "id": id}), lines[1]]))
    assert judging("--repeats", "1", provider="programmatic") == 0
    assert "\x1b" not in judging.printed


def test_pairs_that_are_a_pipe_too_large_or_too_deep_are_one_sentence(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe.jsonl")
    with pytest.raises(CrossbodyError, match=r"pipe.jsonl is not a file but a folder, a pipe or a device"):
        read_pairs(tmp_path / "pipe.jsonl")
    (tmp_path / "deep.jsonl").write_text("[" * 100_000)
    with pytest.raises(CrossbodyError, match=r"deep.jsonl, line 1 nests too deep"):
        read_pairs(tmp_path / "deep.jsonl")
    monkeypatch.setattr(pairs, "LARGEST_FILE", 10)
    with pytest.raises(CrossbodyError, match=r"deep.jsonl has 100,000 bytes; at most 10 are read"):
        read_pairs(tmp_path / "deep.jsonl")
