"""The official assets: found, checked for gaps, downloaded by the package's own scripts (from a stand-in)."""

from __future__ import annotations

import http.server
import json
import os
import shutil
import subprocess
import sys
import threading
import zipfile
from pathlib import Path

import pytest

from crossbody.errors import MissingAssets
from envs.robocasa.assets import official, status
from envs.robocasa.assets import pack as packs


@pytest.fixture
def copy(pack, tmp_path, monkeypatch):
    """A complete folder in the place of the user's official assets."""
    root = tmp_path / "official"
    shutil.copytree(pack.root, root)
    monkeypatch.setenv("CROSSBODY_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("CROSSBODY_OFFICIAL_ASSETS", str(root))
    return root


def test_a_complete_folder_is_a_pack_with_the_hash_of_its_files(copy, pack):
    found = packs.find("official")
    assert (found.name, found.root, found.sha256) == ("official", copy, pack.sha256)
    assert official.find() == found


def test_what_is_missing_is_listed_with_the_command_that_brings_it(copy):
    shutil.rmtree(copy / "objects/objaverse/apple")
    (copy / "textures/flat/white.png").unlink()
    (copy / "fixtures/microwaves/gray/visuals/door_0.obj").unlink()
    with pytest.raises(MissingAssets) as error:
        official.find()
    assert str(error.value).startswith(
        f"the official assets at {copy} are incomplete: 3 missing: objects of 'apple' in objaverse; "
        "textures/flat/white.png; fixtures/microwaves/gray/visuals/door_0.obj. Type: uv run crossbody assets official"
    )
    assert [ok for _, ok, _, _ in status.findings()] == [True, False]


def test_a_setting_that_points_nowhere_is_told(tmp_path, monkeypatch):
    monkeypatch.setenv("CROSSBODY_OFFICIAL_ASSETS", str(tmp_path))
    with pytest.raises(MissingAssets, match=f"CROSSBODY_OFFICIAL_ASSETS is {tmp_path}, which has no folder 'objects'"):
        official.find()


def test_no_official_assets_at_all_is_told_with_what_to_type(tmp_path, monkeypatch):
    monkeypatch.delenv("CROSSBODY_OFFICIAL_ASSETS", raising=False)
    monkeypatch.setenv("CROSSBODY_CACHE", str(tmp_path))
    monkeypatch.setattr(official.package, "stock_assets", lambda: tmp_path)
    with pytest.raises(MissingAssets, match="not on this machine. Type: uv run crossbody assets official"):
        official.find()


@pytest.fixture
def server(pack, tmp_path):
    """A local stand-in of the download hosts; returns its address."""
    site = tmp_path / "site"
    site.mkdir()
    parts = {"textures": "textures", "fixtures": "fixtures"} | {r: f"objects/{r}" for r in official.WANTED[2:]}
    for name, folder in parts.items():
        with zipfile.ZipFile(site / f"{name}.zip", "w") as archive:
            for file in sorted(p for p in (pack.root / folder).rglob("*") if p.is_file()):
                archive.write(file, Path(name) / file.relative_to(pack.root / folder))
    (site / "api").write_text(json.dumps({"siblings": [{"rfilename": f"{n}.zip"} for n in parts]}))
    for name in ("sketchfab", "lightwheel"):
        target = site / "resolve" / "1b018839a6da865dffecd3185fe054211bc71270"
        target.mkdir(parents=True, exist_ok=True)
        (site / f"{name}.zip").rename(target / f"{name}.zip")

    def handler(*args):
        return http.server.SimpleHTTPRequestHandler(*args, directory=str(site))

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def __init__(self, *args):
            super().__init__(*args, directory=str(site))

        def log_message(self, *args):
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Quiet) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_address[1]}"
        running.shutdown()


DOWNLOAD = """
import sys
from envs.robocasa import package
from envs.robocasa.assets import official
load = package.load
def patched(root):
    load(root)
    from robocasa_gr1.scripts import download_groot_assets as groot, download_kitchen_assets as kitchen
    groot.API_URL, groot.SOURCE_URL = sys.argv[1] + "/api", sys.argv[1]
    for name, source in kitchen.DOWNLOAD_ASSET_REGISTRY.items():
        source["url"] = f"{sys.argv[1]}/{name}.zip"
package.load = patched
print(official.download())
print(official.find().sha256)
"""


@pytest.mark.sim
def test_the_download_ends_in_a_complete_pack_in_the_cache(server, tmp_path):
    env = {**os.environ, "CROSSBODY_CACHE": str(tmp_path / "cache"), "PYTHONHASHSEED": "0"}
    env.pop("CROSSBODY_OFFICIAL_ASSETS", None)
    done = subprocess.run(
        [sys.executable, "-c", DOWNLOAD, server], env=env, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "cache/assets/official/objects/lightwheel/tray/tray_00/model.xml").is_file()
    assert len(done.stdout.split()[-1]) == 64
