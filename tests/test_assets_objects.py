"""The generated object models: what the tasks can draw exists, differs between splits, compiles, and fits a hand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from envs.robocasa import package
from envs.robocasa.assets import catalogue
from envs.robocasa.assets.catalogue import COUNT, REGISTRIES, instances, table
from envs.robocasa.assets.model import Geom, Model, Part, files, rgba

# tabletop_24dc.py: the groups whose graspable categories its tasks draw, and its containers and background objects.
GROUPS = {"vegetable", "bread_food", "pastry", "sweets", "fruit", "meat", "drink", "cooked_food", "toy"}
NAMED = {
    "cutting_board",
    "tray",
    "plate",
    "placemat",
    "basket",
    "pan",
    "pot",
    "bowl",
    "tiered_shelf",
    "tiered_basket",
    "cardboard_box",
    "chips",
    "cereal",
    "book",
    "candle",
    "cup",
}
BACKGROUND = {"chips", "cereal", "book", "candle"}
# The largest object_scale of the tasks that pick the category up (tabletop_{drawer,microwave,cabinet}_pnp.py,
# OBJ_SCALES).
LARGEST = {
    "apple": 1.7,
    "eggplant": 1.4,
    "potato": 1.3,
    "cup": 1.25,
    "can": 1.2,
    "corn": 1.1,
    "bottled_water": 1.1,
    "rubix_cube": 0.8,
}
CATEGORIES = sorted(table())


@pytest.fixture
def mujoco():
    """MuJoCo, imported after the off-screen GL is chosen."""
    import mujoco

    return mujoco


def of(category: str) -> list[catalogue.Instance]:
    return [i for i in instances() if i.category == category]


def compiled(mujoco, instance: catalogue.Instance):
    made = instance.files()
    return mujoco.MjModel.from_xml_string(
        made["model.xml"], {k: v.encode() for k, v in made.items() if k != "model.xml"}
    )


def test_every_category_that_the_tasks_can_draw_is_made():
    drawn = set()
    for name, entry in package.object_table().items():
        types = {entry["types"]} if isinstance(entry["types"], str) else set(entry["types"])
        if entry["graspable"] and types & GROUPS and any(r in entry for r in REGISTRIES):
            drawn.add(name)
    assert drawn | NAMED == set(table())


@pytest.mark.parametrize("category", CATEGORIES)
def test_each_registry_has_eight_instances_half_of_them_held_out(category):
    stock = package.object_table()[category]
    for registry in (r for r in REGISTRIES if r in stock):
        found = [i for i in of(category) if i.registry == registry]
        split = max(len(REGISTRIES) - 3, math.ceil(len(found) / 2))
        assert len(found) == COUNT == 8
        assert [i.split for i in found] == ["A"] * split + ["B"] * (COUNT - split)
        assert sorted(i.folder for i in found) == [i.folder for i in found]


@pytest.mark.parametrize("category", CATEGORIES)
def test_no_colour_of_split_a_is_in_split_b_and_the_proportions_differ(category):
    entry = table()[category]
    assert not set(entry["a"]["colours"]) & set(entry["b"]["colours"])
    a, b = ([i.model().bounds() for i in of(category) if i.split == s] for s in "AB")
    size_a, size_b = (np.mean([high - low for low, high in x], axis=0) for x in (a, b))
    outlines = entry["a"].get("outline") != entry["b"].get("outline")
    assert outlines or np.abs(size_b / size_a - 1).max() > 0.04


@pytest.mark.parametrize(
    "category", [c for c in CATEGORIES if "outline" not in table()[c]["a"] and c not in BACKGROUND]
)
def test_a_hand_can_hold_it(category):
    for instance in of(category):
        low, high = instance.model().bounds()
        width, depth, height = high - low
        if category == "cup":  # the handle sticks out at one side; the body is held
            width = depth
        short = min(width, depth)
        assert 0.040 <= short * min(1.0, LARGEST.get(category, 1.0))
        assert short * LARGEST.get(category, 1.0) <= 0.078
        assert 0.030 <= height <= 0.20
        assert 0.025 <= instance.model().mass <= 0.30


DRAWER_HEIGHT = 0.158  # between the interior sites of the tabletop drawer, whose size the layout gives


@pytest.mark.parametrize(
    "category, scale", [("wine", 0.9), ("bottled_water", 1.1), ("cup", 1.1), ("can", 1.2), ("apple", 1.1)]
)
def test_what_the_drawer_tasks_put_away_fits_upright_into_the_drawer(category, scale):
    for instance in of(category):
        low, high = instance.model().bounds()
        assert (high - low)[2] * scale < DRAWER_HEIGHT - 0.005


@pytest.mark.parametrize("category", CATEGORIES)
def test_it_compiles_with_few_convex_collision_geoms_and_light_meshes(category, mujoco):
    container = "outline" in table()[category]["a"]
    for instance in of(category)[:: COUNT // 2]:
        model = compiled(mujoco, instance)
        solid = model.geom_group == 0
        assert 1 <= solid.sum() <= (14 if container else 3)
        assert not (model.geom_type[solid] == mujoco.mjtGeom.mjGEOM_MESH).any()
        assert (model.geom_contype[~solid] == 0).all() and (model.geom_conaffinity[~solid] == 0).all()
        assert model.nmeshface <= (2200 if container else 820)
        assert model.body_mass.sum() == pytest.approx(instance.model().mass, rel=1e-3)


@pytest.mark.parametrize("category", CATEGORIES)
def test_the_sites_bound_the_collision_geoms_at_the_size_the_task_sees(category, mujoco):
    instance = of(category)[1]
    model = compiled(mujoco, instance)
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    scale, (low, high) = np.array(instance.scale), instance.model().bounds()
    top, bottom, wide = (model.site(n).pos * scale for n in ("top_site", "bottom_site", "horizontal_radius_site"))
    assert np.allclose([2 * wide[0], 2 * wide[1], top[2] - bottom[2]], high - low, atol=2e-5)
    assert top[2] == pytest.approx(-bottom[2])


@pytest.mark.parametrize("category", ["tiered_basket", "tiered_shelf"])
def test_tiers_have_two_regions_and_nothing_above_the_upper_one(category):
    for instance in of(category):
        model = instance.model()
        lower, upper = model.regions
        assert upper.pos[2] > lower.pos[2]
        assert min(upper.size[:2]) * 2 >= 0.14, "no room to put a 12 cm object down"
        roof = max(g.pos[2] + g.half_extents()[2] for g in model.geoms)
        assert roof - (upper.pos[2] - upper.size[2]) <= 0.036, "walls that a hand must reach over"
        assert '"spawn_0"' in instance.files()["model.xml"] and '"spawn_1"' in instance.files()["model.xml"]


@pytest.mark.parametrize("category", [c for c in CATEGORIES if "outline" in table()[c]["a"]])
def test_only_the_base_of_a_container_touches_the_table(category):
    for instance in of(category)[:: COUNT // 2]:
        model = instance.model()
        floor = min(g.pos[2] - g.half_extents()[2] for g in model.geoms)
        touching = [g for g in model.geoms if g.pos[2] - g.half_extents()[2] < floor + 0.001]
        assert len(touching) == 1 and touching[0].kind == "box"


def test_an_instance_is_the_same_bytes_each_time_and_does_not_depend_on_the_others():
    first = {i.folder: i.files() for i in list(instances())[::40]}
    again = {i.folder: i.files() for i in reversed(list(instances())) if i.folder in first}
    assert first == again


def test_a_leaning_box_is_bounded_by_its_rotated_corners():
    geom = Geom("box", (0.1, 0.2, 0.3), (0.0, 0.0, 0.0), (20.0, 30.0, 40.0))
    corners = np.array([[x, y, z] for x in (-0.1, 0.1) for y in (-0.2, 0.2) for z in (-0.3, 0.3)]) @ geom.rotation().T
    assert np.allclose(geom.half_extents(), corners.max(0))


def test_the_written_rotation_is_the_one_the_bounds_use(mujoco):
    geom = Geom("box", (0.1, 0.2, 0.3), (0.0, 0.0, 0.0), (20.0, 30.0, 40.0))
    from envs.robocasa.assets.mesh import box

    made = files("thing", Model([Part(box(1, 1, 1), rgba("#ffffff"))], [geom], 1.0), (1.0, 1.0, 1.0))
    model = mujoco.MjModel.from_xml_string(made["model.xml"], {"visual_0.obj": made["visual_0.obj"].encode()})
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    solid = int(np.flatnonzero(model.geom_group == 0)[0])
    assert np.allclose(data.geom_xmat[solid].reshape(3, 3), geom.rotation(), atol=1e-5)
