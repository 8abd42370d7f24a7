"""Generated variants of damaged embeddings: the same numbers, or one sentence.
CROSSBODY_FUZZ=500 tries more of them."""

from __future__ import annotations

import io
import os
import zipfile

import numpy as np
import pytest

from crossbody.errors import CrossbodyError
from evaluators.backbones.motion import given
from tests.test_fuzz_clips import damaged

VARIANTS = int(os.environ.get("CROSSBODY_FUZZ", "20"))
variants = pytest.mark.parametrize("number", range(VARIANTS))


def embeddings(rng: np.random.Generator) -> bytes:
    names = np.array([f"clip{i}" for i in range(4)])
    sides = {side: rng.normal(size=(4, 3)) for side in ("pred", "ref")}
    buffer = io.BytesIO()
    np.savez_compressed(buffer, **sides, **{f"{side}_names": names for side in sides})  # type: ignore[arg-type]
    return buffer.getvalue()


@variants
def test_fuzz_damaged_embeddings_are_one_sentence_or_the_same_numbers(tmp_path, number):
    rng = np.random.default_rng([3, number])
    whole = embeddings(rng)
    (tmp_path / "whole.npz").write_bytes(whole)
    (tmp_path / "e.npz").write_bytes(damaged(whole, rng))
    kept = given.load(tmp_path / "whole.npz").rows
    try:
        rows = given.load(tmp_path / "e.npz").rows
    except CrossbodyError as error:
        assert "e.npz" in str(error)
        return
    assert all(np.array_equal(rows[side][name], row) for side, own in kept.items() for name, row in own.items())


def test_embeddings_that_unpack_without_end_are_refused(tmp_path):
    header = (
        b"\x93NUMPY\x01\x00v\x00"
        + b"{'descr': '<f8', 'fortran_order': False, 'shape': (40000000, 100), }".ljust(117)
        + b"\n"
    )
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as bomb:
        with bomb.open("pred.npy", "w", force_zip64=True) as member:
            member.write(header)
            for _ in range(200):
                member.write(bytes(2**20))
    with pytest.raises(CrossbodyError, match=r"bomb.npz"):
        given.load(tmp_path / "bomb.npz")
