"""The gallery page and the ``crossbody assets`` command."""

from __future__ import annotations

import itertools

import numpy as np
import pytest

from envs.robocasa.assets import command, gallery, shelves
from envs.robocasa.assets import pack as packs


@pytest.mark.sim
def test_the_page_has_a_picture_of_every_instance_with_its_split(pack, tmp_path, monkeypatch):
    some = list(itertools.islice(shelves.shelves(pack.root), 2))
    monkeypatch.setattr(gallery, "shelves", lambda root: iter(some))
    seen: list[str] = []
    page = gallery.write(pack, tmp_path / "deep" / "gallery.html", seen.append).read_text()
    assert seen == ["apple", "avocado"]
    assert page.count("data:image/png;base64,") == 16
    assert page.count('<figure class="A">') == page.count('<figure class="B">') == 8
    assert pack.sha256 in page and "http" not in page


@pytest.mark.sim
def test_a_picture_shows_the_object_before_a_plain_background(pack):
    shelf = next(shelves.shelves(pack.root))
    frame, size = gallery.render(shelf.models[0], shelf.scale, 96)
    assert frame.shape == (96, 96, 3)
    corner, middle = frame[2, 2].astype(int), frame[50, 48].astype(int)
    assert corner.min() > 200, "the background is light"
    assert middle[0] > middle[1] + 40, "a red apple"
    assert np.all((0.03 < size) & (size < 0.06))


def test_status_says_what_is_there_and_makes_nothing(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CROSSBODY_CACHE", str(tmp_path))
    monkeypatch.delenv("CROSSBODY_OFFICIAL_ASSETS", raising=False)
    assert command.main(["status"]) == 0
    assert "ok   assets generated: not made yet; the first run makes them in" in capsys.readouterr().out
    assert list(tmp_path.iterdir()) == []


def test_status_finds_a_pack_that_was_changed_by_hand(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CROSSBODY_CACHE", str(tmp_path))
    root = packs.cache_root() / f"generated-{packs.version()}"
    root.mkdir(parents=True)
    (root / "a").write_text("a")
    (root / packs.FILE).write_text('{"name": "generated", "version": "x", "sha256": "0123456789abcdef"}')
    assert command.main(["status"]) == 1
    out = capsys.readouterr().out
    assert "was changed after it was made: its hash is not 0123456789ab" in out and f"type: rm -r {root}" in out


def test_the_official_download_asks_first(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("CROSSBODY_CACHE", str(tmp_path))
    monkeypatch.delenv("CROSSBODY_OFFICIAL_ASSETS", raising=False)
    monkeypatch.setattr("builtins.input", lambda question: "n")
    assert command.main(["official"]) == 0
    assert capsys.readouterr().out == "nothing was downloaded\n"


def test_generated_prints_where_the_pack_is_and_its_hash(pack, capsys):
    assert command.main(["generated"]) == 0
    assert capsys.readouterr().out == f"generated {pack.version} at {pack.root}\nsha256 {pack.sha256}\n"
