"""Motion metrics against closed forms, second implementations and the vectors of the papers' protocols."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import sqrtm
from scipy.spatial.transform import Rotation

from crossbody import catalog
from evaluators.metric import Unknown, Weighted
from evaluators.metrics.frechet import frechet
from evaluators.subjects.motion import MotionClip, MotionPair
from evaluators.subjects.motion_sets import NO_TEXTS, POOL, MotionSets

MM = 1e-3


def metric(name: str):
    return catalog.resolve("metrics", name)


def value(name: str, measured) -> float:
    found = metric(name).value("a test", measured)
    assert isinstance(found, Weighted), found
    return found.value


def points(frames: int = 6, joints: int = 15, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(frames, joints, 3))


def against(pred: np.ndarray, ref: np.ndarray, fps: float = 30.0) -> MotionPair:
    return MotionPair(pred, ref, fps)


def sets(pred: np.ndarray, ref: np.ndarray, seed: int = 0, **more) -> MotionSets:
    return MotionSets(pred, ref, np.random.default_rng(seed), **more)


def test_a_similarity_leaves_no_procrustes_error():
    ref = points()
    turns = Rotation.random(len(ref), rng=np.random.default_rng(1)).as_matrix()
    pred = 1.7 * ref @ turns + points(len(ref), 1, seed=2)
    assert value("mpjpe_pa_mm", against(pred, ref)) < 1e-9
    assert value("mpjpe_root_mm", against(pred, ref)) > 100


def test_a_mirrored_body_stays_wrong_where_reflections_would_forgive_it():
    ref = points()
    mirrored = ref * [-1, 1, 1]
    assert value("mpjpe_pa_mm", against(mirrored, ref)) > 100
    flat = ref * [0, 1, 1]  # a flat body is its own mirror image
    assert value("mpjpe_pa_mm", against(flat * [1, -1, 1], flat)) < 1e-9


def test_procrustes_may_exceed_the_plain_error():
    square = np.array([[[1, 0, 0], [0, 1, 0], [-1, 0, 0], [0, -1, 0]]], float)
    moved = square.copy()
    moved[0, 0, 0] = 2
    pair = against(moved, square)
    assert value("mpjpe_global_mm", pair) == pytest.approx(250)  # one of four points by 1 m
    assert value("mpjpe_pa_mm", pair) == pytest.approx(251.89, abs=0.005)


def test_procrustes_least_squares_never_exceed_those_of_the_centred_error():
    from evaluators.metrics.motion_pair.mpjpe_pa_mm import procrustes

    pred, ref = points(40), points(40, seed=3)
    fitted = ((procrustes(pred, ref) - ref) ** 2).sum((1, 2))
    centred = ((pred - pred.mean(1, keepdims=True) - ref + ref.mean(1, keepdims=True)) ** 2).sum((1, 2))
    assert (fitted <= centred + 1e-9).all()


def test_procrustes_equals_scipy_where_no_reflection_is_needed():
    ref = points(1)[0]
    pred = ref @ Rotation.from_rotvec([0.3, 0.2, 0.1]).as_matrix() + 0.05 * points(1, seed=4)[0]
    p, r = pred - pred.mean(0), ref - ref.mean(0)
    from scipy.linalg import orthogonal_procrustes

    turn, size = orthogonal_procrustes(p, r)
    expected = np.linalg.norm(size / (p**2).sum() * p @ turn - r, axis=-1).mean() * 1000
    assert value("mpjpe_pa_mm", against(pred[None], ref[None])) == pytest.approx(expected, rel=1e-12)


def test_a_body_that_collapsed_to_a_point_has_a_procrustes_error():
    ref = points(2)
    spread = np.linalg.norm(ref - ref.mean(1, keepdims=True), axis=-1).mean() * 1000
    assert value("mpjpe_pa_mm", against(np.zeros_like(ref), ref)) == pytest.approx(spread)


def test_the_root_relative_error_does_not_see_drift_and_the_global_one_does():
    ref = points()
    drift = np.arange(6.0)[:, None, None] * [[[0.3, 0.0, 0.4]]]
    assert value("mpjpe_root_mm", against(ref + drift, ref)) < 1e-9
    assert value("mpjpe_global_mm", against(ref + [0.0, 0.0, 0.02], ref)) == pytest.approx(20)
    assert value("mpjpe_global_mm", against(ref + drift, ref)) == pytest.approx(500 * 2.5)  # 0.5 m a frame, 0 to 5


def test_the_first_joint_is_the_root_and_counts():
    ref = np.zeros((1, 3, 3))
    pred = np.array([[[0.03, 0, 0], [0, 0, 0], [0.03, 0.04, 0]]])
    assert value("mpjpe_root_mm", against(pred, ref)) == pytest.approx((0 + 30 + 40) / 3)


def test_the_root_relative_error_keeps_the_heading():
    ref = points()
    assert value("mpjpe_root_mm", against(ref @ Rotation.from_rotvec([0, 0, 0.5]).as_matrix(), ref)) > 100


def errors(pred: np.ndarray, fps: float = 30.0) -> dict[str, float]:
    pair = against(pred, np.zeros_like(pred), fps)
    names = ("mpjpe_global_mm", "vel_err_mm_frame", "vel_err_mm_s", "acc_err_mm_frame2", "acc_err_mm_s2")
    return {name: round(value(name, pair), 9) for name in names}


def along_x(values: np.ndarray) -> np.ndarray:
    return np.asarray(values, float)[:, None, None] * [[[MM, 0.0, 0.0]] * 3]


def test_a_drift_of_three_millimetres_a_frame():
    found = errors(along_x(3 * np.arange(9)))
    assert list(found.values())[1:] == [3, 90, 0, 0]


def test_a_constant_acceleration_of_two_millimetres_a_frame_squared():
    found = errors(along_x(0.5 * 2 * np.arange(9) ** 2))
    assert (found["acc_err_mm_frame2"], found["acc_err_mm_s2"]) == (2, 1800)


@pytest.mark.parametrize(("fps", "per_s", "per_s2"), [(20, 40, 1600), (30, 60, 3600), (50, 100, 10000)])
def test_an_alternating_millimetre(fps, per_s, per_s2):
    assert list(errors(along_x((-1.0) ** np.arange(10)), fps).values()) == [1, 2, per_s, 4, per_s2]


def test_jitter_of_one_millimetre_an_axis():
    found = errors(np.random.default_rng(0).normal(0, MM, (4000, 15, 3)))
    assert found["mpjpe_global_mm"] == pytest.approx(1.596, abs=0.006)  # 2 sqrt(2 / pi)
    assert found["vel_err_mm_frame"] == pytest.approx(2.257, abs=0.01)
    assert found["acc_err_mm_frame2"] == pytest.approx(3.909, abs=0.02)
    assert found["acc_err_mm_frame2"] / found["vel_err_mm_frame"] == pytest.approx(math.sqrt(3), abs=0.01)


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 2**16), frames=st.integers(3, 12), speed=st.floats(0, 5))
def test_no_error_of_speed_exceeds_what_the_error_of_place_allows(seed, frames, speed):
    rng = np.random.default_rng(seed)
    found = errors(rng.normal(0, MM, (frames, 4, 3)) + along_x(speed * np.arange(frames))[:, :1])
    assert found["vel_err_mm_frame"] * (frames - 1) <= 2 * found["mpjpe_global_mm"] * frames + 1e-6
    assert found["acc_err_mm_frame2"] * (frames - 2) <= 2 * found["vel_err_mm_frame"] * (frames - 1) + 1e-6


def test_a_shift_of_one_frame_is_an_error_of_one_frame_of_speed():
    walk = along_x(10 * np.arange(9))  # 10 mm a frame
    assert value("mpjpe_global_mm", against(walk[1:], walk[:-1])) == pytest.approx(10)


def test_velocities_are_those_of_the_world_not_of_the_root():
    assert errors(along_x(3 * np.arange(9)))["vel_err_mm_frame"] == 3  # all joints drift together


@pytest.mark.parametrize(
    ("name", "needs"), [("vel_err_mm_s", 2), ("acc_err_mm_frame2", 3), ("vel_err_mm_frame", 2), ("acc_err_mm_s2", 3)]
)
def test_too_few_frames_are_unknown_with_the_reason(name, needs):
    short, enough = points(needs - 1), points(needs)
    found = metric(name).value("a test", against(short, short))
    assert isinstance(found, Unknown)
    assert found.reason == f"difference {needs - 1} along time needs {needs} frames, and there are {needs - 1}"
    assert value(name, against(enough, enough)) == 0


def test_weights_make_the_mean_over_clips_that_over_all_frames():
    long, short = points(9), points(3, seed=1)
    both = [metric("vel_err_mm_frame").value("", against(x, np.zeros_like(x))) for x in (long, short)]
    frames = [np.linalg.norm(np.diff(x, axis=0), axis=-1).mean(1) * 1000 for x in (long, short)]
    assert [f.weight for f in both] == [8, 2]
    assert np.average([f.value for f in both], weights=[8, 2]) == pytest.approx(np.concatenate(frames).mean())


def test_two_lengths_are_no_pair():
    with pytest.raises(ValueError, match="cannot be compared"):
        against(points(3), points(4))


def body(frames: int) -> np.ndarray:
    """Key points that stand still, ankles 8 cm over the ground."""
    still = points(1) * 0.01 + [0, 0, 1.0]
    still[:, [5, 6], 2] = 0.08
    return np.repeat(still, frames, axis=0)


def test_feet_that_slide_on_the_ground_skate_and_feet_in_the_air_do_not():
    slide = body(11) + np.arange(11.0)[:, None, None] * [[[0.01, 0.0, 0.0]]]  # 1 cm a frame
    assert value("foot_skate_mm_s", MotionClip(slide, 30.0)) == pytest.approx(300)
    assert value("foot_skate_mm_s", MotionClip(body(11), 30.0)) == 0
    slide[:, 5, 2] += 0.5  # one foot in the air: half of the ankles
    assert value("foot_skate_mm_s", MotionClip(slide, 30.0)) == pytest.approx(150)
    slide[:, 6, 2] += np.where(
        np.arange(11) % 2, 0.0125, 0
    )  # 2 - sqrt(2) of its speed, half the time; then both count least
    assert value("foot_skate_mm_s", MotionClip(slide, 30.0)) == pytest.approx(150 * (2 - math.sqrt(2)))


def test_skating_needs_the_fifteen_key_points():
    found = metric("foot_skate_mm_s").value("", MotionClip(points(5, 4), 30.0))
    assert found == Unknown("it needs the 15 key points, and there are 4")


def exact(cov: np.ndarray, mean: np.ndarray, n: int = 50, seed: int = 0) -> np.ndarray:
    """Return samples whose sample mean and covariance are exactly these."""
    x = np.random.default_rng(seed).normal(size=(n, len(mean)))
    x = np.linalg.qr(x - x.mean(0))[0] * math.sqrt(n - 1)
    return x @ np.linalg.cholesky(cov).T + mean


EYE, ZERO = np.eye(4), np.zeros(4)
QUARTER = np.array([[0, -1], [1, 0]], float)


@pytest.mark.parametrize(
    ("a", "b", "mean", "expected"),
    [
        (EYE, EYE, [3, 4, 0, 0], 25),
        (EYE, 9 * EYE, ZERO, 16),
        (np.diag([1.0, 4, 9, 16]), np.diag([4.0, 1, 16, 9]), ZERO, 4),
        (np.diag([1.0, 4]), QUARTER @ np.diag([1.0, 4]) @ QUARTER.T, [0, 0], 2),
    ],
)
def test_the_closed_forms_of_fid(a, b, mean, expected):
    x, y = exact(a, np.zeros(len(a))), exact(b, np.asarray(mean, float), 70, seed=1)
    assert value("fid", sets(x, y)) == pytest.approx(expected, abs=1e-9)
    assert value("fid", sets(y, x)) == pytest.approx(expected, abs=1e-9)


def test_fid_of_a_set_with_itself_is_nothing_and_it_scales_with_the_square():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(60, 8)), rng.normal(1, 2, size=(40, 8))
    turn = np.linalg.qr(rng.normal(size=(8, 8)))[0]
    assert frechet(x, x) == pytest.approx(0, abs=1e-9)
    assert frechet(x @ turn, y @ turn) == pytest.approx(frechet(x, y))
    assert frechet(3 * x, 3 * y) == pytest.approx(9 * frechet(x, y))


def test_fid_equals_the_matrix_square_root():
    rng = np.random.default_rng(0)
    x, y = rng.normal(size=(200, 12)) @ rng.normal(size=(12, 12)), rng.normal(size=(150, 12))
    a, b = np.cov(x.T), np.cov(y.T)
    root = np.real(sqrtm(a @ b))
    expected = ((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(a + b - 2 * root)
    assert frechet(x, y) == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("d", "n", "expected", "within"),
    [(8, 200, 0.20, 0.06), (8, 2000, 0.02, 0.012), (64, 200, 11.3, 0.7), (64, 2000, 1.12, 0.06), (512, 1000, 132, 2)],
)
def test_the_bias_of_few_clips(d, n, expected, within):
    rng = np.random.default_rng(0)
    assert frechet(rng.normal(size=(n, d)), rng.normal(size=(n, d))) == pytest.approx(expected, abs=within)


def test_halves_of_real_motions_share_no_clip():
    x = np.random.default_rng(0).normal(size=(100, 4))
    null = value("fid_halves", sets(x, x, paired=True, same=True))
    assert null == pytest.approx(frechet(*np.split(x[np.random.default_rng(0).permutation(100)], 2)))
    assert value("fid_halves", sets(x + 3, x, paired=True)) > 30


def test_fid_of_the_real_motions_with_themselves_is_unknown_and_says_where_to_look():
    x = np.eye(4)
    assert "fid_halves is what tells" in metric("fid").value("", sets(x, x, same=True)).reason
    assert "needs two clips" in metric("fid").value("", sets(x[:1], x)).reason
    assert "need four clips" in metric("fid_halves").value("", sets(x[:3], x)).reason


@pytest.mark.parametrize("d", [2, 8, 64, 512])
def test_the_diversity_of_a_gaussian(d):
    expected = 2 * math.exp(math.lgamma((d + 1) / 2) - math.lgamma(d / 2))  # 1.7725, 3.8772, 11.2696, 31.984
    x = np.random.default_rng(0).normal(size=(4000, d))
    found = np.mean([value("diversity", sets(x, x, seed)) for seed in range(20)])
    assert found == pytest.approx(expected, rel=0.03)


def test_motions_that_are_all_alike_have_no_diversity():
    x = np.ones((10, 4))
    assert value("diversity", sets(x, x)) == 0
    assert metric("diversity").value("", sets(x[:1], x)) == Unknown("a distance needs two clips, and there are 1")


def test_both_draws_of_a_diversity_are_without_replacement():
    x = np.array([[0.0], [1.0]])  # both members are drawn twice: in one order or in two
    assert {value("diversity", sets(x, x, seed)) for seed in range(20)} == {0, 1}


def test_multimodality_is_between_motions_of_one_text_only():
    x = np.repeat(np.array([[0.0, 0], [100, 0]]), 30, axis=0)
    labels = ("sit",) * 30 + ("walk",) * 30
    assert value("multimodality", sets(x, x, labels=labels)) == 0
    noisy = np.random.default_rng(0).normal(size=(3000, 8))
    texts = tuple(f"text {i // 30}" for i in range(3000))  # 100 texts of 30 motions
    expected = 3.8772 * (1 - 1 / 30)  # a motion may meet itself
    assert value("multimodality", sets(noisy, noisy, labels=texts)) == pytest.approx(expected, rel=0.03)
    found = metric("multimodality").value("", sets(x[:2], x, labels=("a", "b")))
    assert found == Unknown("no text has two motions")
    assert metric("multimodality").value("", sets(x[:2], x, labels=("", ""))) == Unknown("no text has two motions")


def test_r_precision_of_embeddings_that_know_nothing_is_chance():
    rng = np.random.default_rng(0)
    text, motions = rng.normal(size=(2, 32 * 200, 8))
    for top in (1, 2, 3):
        found = value(f"r_precision_top{top}", sets(motions, motions, text=text))
        assert found == pytest.approx(top / POOL, abs=0.012)


def test_r_precision_of_embeddings_that_know_all_is_one_and_of_constant_ones_nothing():
    x = np.random.default_rng(0).normal(size=(70, 8))
    assert value("r_precision_top1", sets(x, x, text=x)) == 1
    assert value("r_precision_top3", sets(np.ones_like(x), x, text=np.ones_like(x))) == 0


def test_r_precision_needs_a_pool_and_texts():
    x = np.ones((POOL - 1, 2))
    found = metric("r_precision_top1").value("", sets(x, x, text=x))
    assert found == Unknown("R-precision needs a pool of 32 clips with texts, and there are 31")
    for name in ("r_precision_top1", "r_precision_top2", "r_precision_top3", "mm_dist"):
        assert metric(name).value("", sets(x, x)) == NO_TEXTS


def test_the_distance_of_texts_and_motions():
    x = np.zeros((5, 3))
    assert value("mm_dist", sets(x, x, text=x + [3.0, 4.0, 0.0])) == 5
