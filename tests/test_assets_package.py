"""The simulator package on an asset pack: pointed at it, patched, and never written to."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from envs.robocasa import package

pytestmark = pytest.mark.sim


@pytest.fixture(scope="module")
def simulator(pack):
    """The loaded simulator package."""
    return package.load(pack.root)


def test_loading_again_gives_the_same_module(simulator, pack):
    assert package.load(pack.root) is simulator
    assert simulator.models.assets_root == str(pack.root)


def test_a_second_pack_in_the_same_process_is_refused(simulator, tmp_path):
    with pytest.raises(
        package.PackageState, match="this process already reads its models from .* needs its own process"
    ):
        package.load(tmp_path)


def test_a_salted_interpreter_is_refused_with_what_to_set(pack):
    code = f"from envs.robocasa import package; package.load({str(pack.root)!r})"
    env = {**os.environ, "PYTHONHASHSEED": "random"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert "PackageState" in done.stderr and "Set PYTHONHASHSEED=0 before Python starts" in done.stderr


def test_a_folder_that_is_no_pack_is_refused(tmp_path):
    code = f"from envs.robocasa import package; package.load({str(tmp_path)!r})"
    env = {**os.environ, "PYTHONHASHSEED": "0"}
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    assert "MissingAssets" in done.stderr and "Make one: uv run crossbody assets generated" in done.stderr


def test_the_package_sees_eight_instances_of_everything_the_tasks_draw(simulator):
    from robocasa_gr1.models.objects.kitchen_objects import OBJ_CATEGORIES

    from envs.robocasa.assets.catalogue import COUNT, REGISTRIES, instances

    for category in {i.category for i in instances()}:
        for registry in REGISTRIES:
            if registry in OBJ_CATEGORIES[category]:
                assert len(OBJ_CATEGORIES[category][registry].mjcf_paths) == COUNT, (category, registry)


def test_the_split_of_an_instance_is_the_one_the_package_draws_it_from(simulator):
    import numpy as np
    from robocasa_gr1.models.objects.kitchen_object_utils import sample_kitchen_object

    from envs.robocasa.assets.catalogue import REGISTRIES, instances

    split = {i.folder: i.split for i in instances()}
    rng = np.random.default_rng(0)
    for category in ("pear", "tray", "pot", "pan"):
        for wanted in "AB":
            for _ in range(10):
                _, info = sample_kitchen_object(category, rng=rng, obj_registries=REGISTRIES, split=wanted)
                folder = info["mjcf_path"].split("/objects/")[1].removesuffix("/model.xml")
                assert split[folder] == wanted


def test_basket_4_is_not_sampled(simulator):
    from robocasa_gr1.models.objects.kitchen_objects import OBJ_CATEGORIES

    category = OBJ_CATEGORIES["basket"]["sketchfab"]
    before = list(category.mjcf_paths)
    category.mjcf_paths = [*before, "/somewhere/basket_4/model.xml"]
    package._drop_basket_4()
    assert category.mjcf_paths == before


@pytest.mark.parametrize("name", ["standard", "gray", "hamilton_beach", "pack_1"])
def test_every_microwave_of_the_styles_compiles(simulator, name):
    import mujoco
    from robocasa_gr1.models.fixtures.microwave import Microwave

    microwave = Microwave(xml=f"fixtures/microwaves/{name}", name="microwave", size=[0.35, 0.4, 0.3])
    xml = microwave.get_xml()
    assert "shellinertia" not in xml
    assert mujoco.MjModel.from_xml_string(xml).njnt == 1


def test_an_object_is_read_without_writing_beside_it(simulator, pack, monkeypatch):
    import builtins

    import numpy as np
    from robocasa_gr1.models.objects.objects import MJCFObject

    real = builtins.open

    def only_reading(file, mode="r", *args, **kwargs):
        assert set(mode) <= set("rbt"), f"{file} was opened with mode {mode}"
        return real(file, mode, *args, **kwargs)

    monkeypatch.setattr(builtins, "open", only_reading)
    shelf = MJCFObject("shelf", str(pack.root / "objects/lightwheel/tiered_shelf/tiered_shelf_00/model.xml"), scale=0.7)
    assert [s.get("name") for s in shelf.spawns] == ["shelf_spawn_0", "shelf_spawn_1"]
    assert shelf.horizontal_radius == pytest.approx(np.hypot(0.125, 0.09), rel=0.05)


def test_objects_carry_their_friction_since_the_package_does_not_set_it(simulator, pack):
    from robocasa_gr1.models.objects.objects import MJCFObject

    pear = MJCFObject("pear", str(pack.root / "objects/objaverse/pear/pear_00/model.xml"), friction=(0.1, 0.1, 0.1))
    solid = [g for g in pear.worldbody.iter("geom") if g.get("group") == "0"]
    assert [g.get("friction") for g in solid] == ["0.95 0.3 0.1"] * 2


def test_an_object_read_in_place_is_the_one_the_stock_class_reads(simulator, pack):
    """The patched class gives the same XML as the original constructor."""
    from robocasa_gr1.models.objects import objects

    path = str(pack.root / "objects/objaverse/pear/pear_00/model.xml")
    patched = objects.MJCFObject("pear", path, scale=1.1).get_xml()
    stock = objects.MJCFObject.__init__.__closure__
    original = next(c.cell_contents for c in stock if getattr(c.cell_contents, "__name__", "") == "__init__")
    other = objects.MJCFObject.__new__(objects.MJCFObject)
    original(other, "pear", path, scale=1.1)
    assert other.get_xml() == patched
