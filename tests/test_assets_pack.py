"""Packs: made once, whole or not at all, with a hash; and clear words when the cache or the disk refuses."""

from __future__ import annotations

import errno
import threading

import pytest

from crossbody.errors import MissingAssets, UnknownName
from envs.robocasa.assets import build, catalogue, pack, textures


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """An empty cache folder."""
    monkeypatch.setenv("CROSSBODY_CACHE", str(tmp_path))
    return tmp_path


@pytest.fixture
def small(cache, monkeypatch):
    """A build of two files; returns the list of started builds."""
    started = []

    def entries():
        started.append(1)
        yield "arenas/a.xml", b"<mujoco/>"
        yield "textures/t.png", b"png"

    monkeypatch.setattr(build, "entries", entries)
    return started


def test_a_pack_is_made_once_and_then_read(small):
    first, second = pack.generated(progress=False), pack.generated(progress=False)
    assert first == second and len(small) == 1
    assert (first.root / "arenas/a.xml").read_bytes() == b"<mujoco/>"
    assert first.sha256 == pack.fingerprint(first.root)


def test_two_that_start_at_once_make_one_pack(small):
    made = []
    threads = [threading.Thread(target=lambda: made.append(pack.generated(progress=False))) for _ in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    assert len(set(made)) == 1 and len(made) == 4 and len(small) == 1


def test_a_build_that_fails_leaves_no_pack_and_no_litter(small, monkeypatch):
    def broken(root, advance):
        (root / "half").write_bytes(b"x")
        raise RuntimeError("power cut")

    monkeypatch.setattr(build, "write", broken)
    with pytest.raises(RuntimeError):
        pack.generated(progress=False)
    assert [p.name for p in pack.cache_root().iterdir() if p.is_dir()] == []


def test_what_a_killed_build_left_is_swept_by_the_next(small):
    left = pack.cache_root() / f".generated-{pack.version()}-dead"
    left.mkdir(parents=True)
    pack.generated(progress=False)
    assert not left.exists()


def test_the_hash_moves_with_a_path_and_with_a_byte(tmp_path):
    (tmp_path / "a").write_bytes(b"1")
    one = pack.fingerprint(tmp_path)
    (tmp_path / "a").write_bytes(b"2")
    two = pack.fingerprint(tmp_path)
    (tmp_path / "a").rename(tmp_path / "b")
    assert len({one, two, pack.fingerprint(tmp_path)}) == 3


def test_a_cache_that_cannot_be_written_is_named_with_what_to_type(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("CROSSBODY_CACHE", str(tmp_path / "file"))
    with pytest.raises(MissingAssets) as error:
        pack.generated(progress=False)
    assert str(error.value) == (
        f"cannot write the generated assets to {tmp_path}/file/assets (Not a directory). "
        "Choose a folder you may write to: export CROSSBODY_CACHE=/a/writable/folder"
    )


def test_a_full_disk_is_named_with_what_is_needed(cache, monkeypatch):
    def full(root, advance):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(build, "write", full)
    with pytest.raises(
        MissingAssets,
        match="no room for the generated assets in .*: 60 MB are needed, .* MB are free. "
        "Free some space, or choose another disk: export CROSSBODY_CACHE=/path/with/space",
    ):
        pack.generated(progress=False)


def test_an_unknown_pack_gets_the_nearest_name():
    with pytest.raises(UnknownName, match="unknown asset pack 'generate'. Did you mean 'generated'"):
        pack.find("generate")


def test_everything_but_a_sample_of_objects_is_the_same_to_the_byte_when_built_twice(monkeypatch):
    some = list(catalogue.instances())[::16]
    monkeypatch.setattr(catalogue, "instances", lambda: iter(some))
    assert dict(build.entries()) == dict(build.entries())


def test_a_png_decodes_to_the_shades_it_was_made_from():
    import io

    import numpy as np
    from PIL import Image

    shades = np.arange(300 * 300, dtype=np.uint32).reshape(300, 300).astype(np.uint8)  # over one 64 KiB block
    palette = np.stack([np.arange(256), 255 - np.arange(256), np.arange(256) // 2], -1)
    picture = Image.open(io.BytesIO(textures.png(shades, palette))).convert("RGB")
    assert np.array_equal(np.asarray(picture), palette.astype(np.uint8)[shades])


def test_the_textures_are_those_that_the_styles_name():
    import re

    from envs.robocasa import package

    stock = package.stock_assets()
    named = set()
    for name in ("cabinet", "counter", "wall", "floor"):
        text = (stock / f"fixtures/fixture_registry/{name}.yaml").read_text()
        lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
        named |= set(re.findall(r"textures/\S+\.png", "\n".join(lines)))
    named.discard("textures/albedo.png")  # the playground style, which no task draws
    assert named == {path for path, _ in textures.named()}
