"""Where things are in the picture that policies see."""

from __future__ import annotations

import numpy as np
import pytest

from training.unit.camera import INTRINSIC, pixels


def test_the_intrinsic_matrix_is_that_of_the_human_body_s_stage():
    from envs.human.scene import FOVY_DEG
    from envs.human.stage import intrinsic

    np.testing.assert_allclose(INTRINSIC, intrinsic(FOVY_DEG), atol=1e-3)


@pytest.mark.parametrize(("body", "second"), [("gr1", (0, 0, 1)), ("human_egodex", (0, 0, -1))])
def test_both_conventions_of_cameras_see_the_same(body, second):
    camera = np.array([[0, 0, 0, 0, -1, 0, *second]], float)  # looks along x; right is -y
    ahead, right, below, behind = [1, 0, 0], [1, -0.5, 0], [1, 0, -0.25], [-1, 0, 0]
    seen = pixels(camera, np.array([[ahead, right, below, behind]], float), body)[0]
    np.testing.assert_allclose(seen[0], INTRINSIC[:2, 2], rtol=1e-5)
    np.testing.assert_allclose(seen[1] - seen[0], [0.5 * INTRINSIC[0, 0], 0], atol=1e-3)
    np.testing.assert_allclose(seen[2] - seen[0], [0, 0.25 * INTRINSIC[1, 1]], atol=1e-3)
    assert np.isnan(seen[3]).all()


@pytest.mark.sim
def test_the_object_is_where_the_simulator_draws_it(make_env):
    import mujoco

    from envs.robocasa.rendering import CROP, EGO_SIZE
    from training.gr1.frames import Reader

    env = make_env()
    env.reset(seed=3)
    reader, model, data = Reader(env.simulator), env.simulator.model, env.simulator.data
    camera = reader.end_effectors()["camera"][None]
    found = pixels(camera, reader.targets()["object"][None, None], "gr1")[0, 0]
    body = env.simulator.task.obj_body_id["obj"]
    mine = np.isin(np.arange(model.ngeom), np.flatnonzero(model.geom_bodyid == body))
    with mujoco.Renderer(model, EGO_SIZE[1] // 2, EGO_SIZE[0] // 2) as renderer:
        renderer.enable_segmentation_rendering()
        renderer.update_scene(data, "egoview")
        geoms = renderer.render()[..., 0]
    rows, columns = np.nonzero((geoms >= 0) & mine[geoms.clip(0)])
    column = (2 * columns.mean() - CROP[2]) * 256 / (CROP[3] - CROP[2])
    row = (256 - 512 / 3) / 2 + (2 * rows.mean() - CROP[0]) * (512 / 3) / (CROP[1] - CROP[0])
    np.testing.assert_allclose(found, [column, row], atol=6)
