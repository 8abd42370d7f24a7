"""Video metrics against hand-computed values, the specification's vectors and second implementations."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluators.backbones.video.flow import DIS
from evaluators.metric import Unknown, Weighted, metrics_of
from evaluators.metrics.frechet import frechet
from evaluators.metrics.video_pair.epe_dis_moving_px import epe_moving_px
from evaluators.metrics.video_pair.epe_dis_normalised import epe_normalised
from evaluators.metrics.video_pair.epe_dis_px import epe_px
from evaluators.metrics.video_pair.lpips_alex import lpips_alex
from evaluators.metrics.video_pair.motion_error import compare_flows
from evaluators.metrics.video_pair.psnr_db import psnr_db
from evaluators.metrics.video_pair.psnr_pooled_db import psnr_pooled_db
from evaluators.metrics.video_pair.ssim import ssim
from evaluators.metrics.video_sets.fvd import fvd
from evaluators.subjects.video import Video, VideoPair
from evaluators.subjects.video_sets import FeatureSets


@pytest.fixture
def noise() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (4, 48, 40, 3), np.uint8)


def pair(pred: np.ndarray, ref: np.ndarray) -> VideoPair:
    return VideoPair(Video(pred), Video(ref))


def level(value: float, frames: int = 2, side: int = 16) -> np.ndarray:
    return np.full((frames, side, side, 3), value)


class Shift:
    """An exact oracle for videos whose first pixel holds what each frame has moved by, from the first frame on."""

    name, version, least_side = "exact shift", "1", 1

    def __call__(self, frames):
        steps = np.diff(frames[:, 0, 0, :2].astype(float), axis=0)
        return np.broadcast_to(steps[:, None, None], (len(steps), *frames.shape[1:3], 2))


def moving(per_frame: tuple[float, float], frames: int = 4, side: int = 16) -> np.ndarray:
    """Frames whose first pixel says how far they moved; floats, so that the oracle above reads it exactly."""
    video = np.zeros((frames, side, side, 3))
    video[:, 0, 0, :2] = np.arange(frames)[:, None] * per_frame
    return video


def test_a_constant_difference_of_a_tenth_is_20_db():
    assert psnr_db(pair(level(0.5), level(0.6))) == pytest.approx(20.0)


def test_a_mean_squared_error_of_one_grey_level_is_48_131_db(noise):
    ref = np.clip(noise, 1, 254)
    assert psnr_db(pair(ref + np.uint8(1), ref)) == pytest.approx(20 * math.log10(255), abs=1e-9)
    assert psnr_db(pair(ref + np.uint8(1), ref)) == pytest.approx(48.131, abs=5e-4)


def test_mean_and_pooled_psnr_differ_as_computed_by_hand():
    # Frames with MSE 1e-2 and 1e-4: (20 + 40) / 2 = 30; of the mean 5.05e-3: 22.967.
    pred = np.concatenate([level(0.1, 1), level(0.01, 1)])
    assert psnr_db(pair(pred, level(0.0))) == pytest.approx(30.0)
    assert psnr_pooled_db(pair(pred, level(0.0))) == pytest.approx(22.967, abs=5e-4)


def test_equal_videos_have_100_db_and_zeros_against_ones_none(noise):
    assert psnr_db(pair(noise, noise)) == psnr_pooled_db(pair(noise, noise)) == 100.0
    assert psnr_db(pair(level(0.0), level(1.0))) == 0.0


def test_ssim_of_constants():
    assert ssim(pair(level(0.0), level(1.0))) == pytest.approx(9.999e-5, abs=1e-8)
    assert ssim(pair(level(0.5), level(0.6))) == pytest.approx(0.98361, abs=5e-6)


def test_ssim_equals_scipy_s_gaussian_filter(noise):
    from scipy.ndimage import gaussian_filter

    def blur(picture):  # radius 3.5 * 1.5 = 5, as in a window of 11
        return gaussian_filter(picture, (1.5, 1.5, 0), truncate=3.5)[5:-5, 5:-5]

    def second(a, b):
        ma, mb = blur(a), blur(b)
        va, vb, covariance = blur(a * a) - ma**2, blur(b * b) - mb**2, blur(a * b) - ma * mb
        c1, c2 = 0.0001, 0.0009
        return np.mean((2 * ma * mb + c1) * (2 * covariance + c2) / ((ma**2 + mb**2 + c1) * (va + vb + c2)))

    other = np.random.default_rng(1).integers(0, 256, noise.shape, np.uint8) // 2 + noise // 2
    theirs = np.mean([second(a / 255.0, b / 255.0) for a, b in zip(other, noise, strict=True)])
    assert ssim(pair(other, noise)) == pytest.approx(theirs, abs=1e-9)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**16))
def test_paired_metrics_are_symmetric_and_best_for_equal_videos(seed):
    rng = np.random.default_rng(seed)
    a, b = rng.integers(0, 256, (2, 2, 12, 13, 3), np.uint8)
    for metric in (psnr_db, psnr_pooled_db, ssim):
        there, back = metric(pair(a, b)), metric(pair(b, a))
        assert there == pytest.approx(back) and there <= metric(pair(a, a))
    assert ssim(pair(a, a)) == 1.0


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**16))
def test_uint8_and_float_frames_of_the_same_pictures_score_the_same(seed):
    a, b = np.random.default_rng(seed).integers(0, 256, (2, 2, 12, 13, 3), np.uint8)
    for metric in (psnr_db, ssim):
        assert metric(pair(a, b)) == pytest.approx(metric(pair(a / 255.0, b / 255.0)))


def test_epe_with_an_exact_oracle():
    still, three_four = moving((0, 0)), moving((3, 4))
    assert epe_px(pair(still, still), Shift()) == 0.0
    assert epe_px(pair(three_four, still), Shift()) == 5.0  # sqrt(3^2 + 4^2)
    assert epe_px(pair(moving((6, 8)), moving((0, 0))), Shift()) == 10.0  # at twice the resolution
    assert epe_moving_px(pair(still, three_four), Shift()) == Weighted(5.0, 3 * 16 * 16)


def test_a_still_prediction_has_a_normalised_epe_of_one():
    truth = moving((3, 4))
    result = epe_normalised(VideoPair(Video.still(truth[0], 4), Video(truth)), Shift())
    assert result == Weighted(1.0, 5.0)


def test_what_does_not_move_has_no_normalised_epe():
    still = moving((0, 0))
    assert epe_normalised(pair(still, still), Shift()) == Unknown("nothing moves in the reference")
    reason = "no pixel of the reference moves by more than 1 pixel per frame"
    assert epe_moving_px(pair(still, still), Shift()) == Unknown(reason)
    assert epe_px(pair(still[:1], still[:1]), Shift()) == Unknown("a flow needs two frames")


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**16))
def test_epe_is_a_distance_of_flows(seed):
    a, b, c = np.random.default_rng(seed).normal(size=(3, 2, 5, 6, 2))
    assert compare_flows(a, c).error <= compare_flows(a, b).error + compare_flows(b, c).error + 1e-12
    assert compare_flows(a, b).error == pytest.approx(compare_flows(b, a).error)
    assert compare_flows(2 * a, 2 * b).error == pytest.approx(2 * compare_flows(a, b).error)


def test_dis_finds_a_translation_and_is_the_same_each_time():
    import cv2

    rng = np.random.default_rng(0)
    texture = cv2.GaussianBlur(rng.integers(0, 256, (128, 160, 3), np.uint8), (0, 0), 2)
    texture = cv2.normalize(texture, None, 0, 255, cv2.NORM_MINMAX)
    video = np.stack([texture[:96, 20 - 2 * t : 116 - 2 * t] for t in range(4)])
    flow = DIS(video)
    assert flow.shape == (3, 96, 96, 2)
    assert np.median(flow[..., 0]) == pytest.approx(2.0, abs=0.1) and abs(np.median(flow[..., 1])) < 0.1
    assert np.array_equal(flow, DIS(video))
    static = VideoPair(Video.still(video[0], 4), Video(video))
    assert epe_px(static) == pytest.approx(2.0, abs=0.2)


def test_frechet_distances_in_closed_form():
    def gaussian(mean, variances, n=4000):
        """Features whose sample mean and covariance are exactly these."""
        x = np.random.default_rng(0).normal(size=(n, len(variances)))
        x = (x - x.mean(0)) @ np.linalg.inv(np.linalg.cholesky(np.cov(x.T))).T
        return x * np.sqrt(variances) + mean

    zero, one = np.zeros(4), np.ones(4)
    assert frechet(gaussian(zero, one), gaussian([3, 4, 0, 0], one)) == pytest.approx(25.0)
    assert frechet(gaussian(zero, one), gaussian(zero, 9 * one)) == pytest.approx(16.0)  # 4 (3 - 1)^2
    assert frechet(gaussian(zero, [1, 4, 9, 16]), gaussian(zero, [4, 1, 16, 9])) == pytest.approx(4.0)


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**16), n=st.integers(2, 40), m=st.integers(2, 40))
def test_frechet_equals_the_matrix_square_root_for_few_and_many_rows(seed, n, m):
    from scipy.linalg import sqrtm

    rng = np.random.default_rng(seed)
    a, b = rng.normal(size=(n, 6)), rng.normal(1, 2, size=(m, 6))
    covariances = np.cov(a.T), np.cov(b.T)
    # sqrtm of a singular product is inexact; a touch of the identity on both is in the tolerance.
    root = sqrtm(covariances[0] @ covariances[1] + 1e-14 * np.eye(6)).real
    theirs = ((a.mean(0) - b.mean(0)) ** 2).sum() + np.trace(covariances[0] + covariances[1] - 2 * root)
    assert frechet(a, b) == pytest.approx(theirs, abs=1e-4)
    assert frechet(a, b) == pytest.approx(frechet(b, a))
    assert frechet(a, a) == pytest.approx(0.0, abs=1e-9)


def test_fvd_of_a_single_clip_is_unknown():
    one = np.zeros((1, 400))
    assert fvd(FeatureSets(one, one)) == Unknown("a covariance needs two clips on each side, and there is 1")


def test_pictures_too_small_for_a_metric_are_unknown_with_the_size():
    tiny = np.zeros((2, 8, 8, 3), np.uint8)
    assert ssim(pair(tiny, tiny)) == Unknown("SSIM's window is 11 pixels, and the pictures have a side of 8")
    assert lpips_alex(pair(tiny, tiny)) == Unknown("LPIPS needs pictures of 31 pixels; a side has 8")
    assert epe_px(pair(tiny, tiny)) == Unknown("DIS medium flow needs pictures of 12 pixels; a side has 8")


def test_a_pair_of_two_shapes_is_refused():
    with pytest.raises(ValueError, match=r"a pair of \(2, 16, 16, 3\) and \(3, 16, 16, 3\) cannot be compared"):
        pair(level(0.0, 2), level(0.0, 3))


def test_a_value_out_of_bounds_names_the_clip():
    import dataclasses

    broken = dataclasses.replace(metrics_of("video_pair")["ssim"], function=lambda _: 2.0)
    with pytest.raises(ValueError, match=r"ssim of clip 'a' is 2.0, outside \[-1.0, 1.0\]"):
        broken.value("clip 'a'", None)
