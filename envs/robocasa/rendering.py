"""Pictures of a simulation: the head camera as the benchmark makes it, and any camera at any size for people."""

from __future__ import annotations

from typing import Any

import cv2
import mujoco
import numpy as np

from crossbody import gl
from envs.robocasa.render_presets import RenderPreset

EGO_SIZE = (1280, 800)  # width, height of the benchmark's head camera
CROP = (310, 770, 110, 1130)  # rows, columns that the policies' picture keeps of it
PICTURE = 256  # side of what a policy sees, px


class Renderer:
    """Renders one model after another in one off-screen GL context."""

    def __init__(self, preset: RenderPreset):
        self.preset = preset
        self._gl: Any = None  # a mujoco.GLContext, whose class depends on the backend
        self._context: mujoco.MjrContext | None = None
        self._scene: mujoco.MjvScene | None = None
        self._model: mujoco.MjModel | None = None
        self._options = mujoco.MjvOption()
        self._options.geomgroup[0] = 0  # collision shapes
        self._options.geomgroup[1] = 1

    def frame(
        self, model: mujoco.MjModel, data: mujoco.MjData, camera: str | mujoco.MjvCamera, size: tuple[int, int]
    ) -> np.ndarray:
        """Return the picture of a named or free camera, uint8 (height, width, 3); ``size`` is (width, height) in px."""
        self._prepare(model, size)
        assert self._context is not None and self._scene is not None
        view = _fixed(model, camera) if isinstance(camera, str) else camera
        mujoco.mjv_updateScene(
            model, data, self._options, mujoco.MjvPerturb(), view, mujoco.mjtCatBit.mjCAT_ALL, self._scene
        )
        if not self.preset.shadows:
            self._scene.flags[mujoco.mjtRndFlag.mjRND_SHADOW] = 0
            self._scene.flags[mujoco.mjtRndFlag.mjRND_REFLECTION] = 0
        rectangle = mujoco.MjrRect(0, 0, *size)
        mujoco.mjr_render(rectangle, self._scene, self._context)
        pixels = np.empty((size[1], size[0], 3), dtype=np.uint8)
        mujoco.mjr_readPixels(pixels, None, rectangle, self._context)
        return pixels[::-1].copy()

    def ego(self, model: mujoco.MjModel, data: mujoco.MjData) -> dict[str, np.ndarray]:
        """Return both policy pictures of the head camera, uint8 (256, 256, 3), under GR00T's names."""
        scale = self.preset.ego_scale
        width, height = (round(side * scale) for side in EGO_SIZE)
        frame = self.frame(model, data, "egoview", (width, height))
        crop = crop_and_pad(frame, scale)
        return {
            "video.ego_view": crop,
            "video.ego_view_bg_crop_pad_res256_freq20": crop,
            "video.ego_view_pad_res256_freq20": pad_to_square(frame),
        }

    def close(self) -> None:
        """Free the GL context."""
        self._release_model()
        if self._gl is not None:
            self._gl.free()
            self._gl = None

    def _prepare(self, model: mujoco.MjModel, size: tuple[int, int]) -> None:
        gl.refuse_forked()
        if self._gl is None:
            self._gl = mujoco.GLContext(*EGO_SIZE)
        self._gl.make_current()
        grow = self._context is not None and (size[0] > self._context.offWidth or size[1] > self._context.offHeight)
        if self._model is model and not grow:
            return
        self._release_model()
        model.vis.global_.offwidth = max(size[0], round(EGO_SIZE[0] * self.preset.ego_scale))
        model.vis.global_.offheight = max(size[1], round(EGO_SIZE[1] * self.preset.ego_scale))
        model.vis.quality.offsamples = self.preset.multisamples
        if not self.preset.shadows:
            model.vis.quality.shadowsize = 0  # or a shadow map is made for nothing
        self._scene = mujoco.MjvScene(model, maxgeom=10_000)
        self._context = mujoco.MjrContext(model, mujoco.mjtFontScale.mjFONTSCALE_50)
        mujoco.mjr_setBuffer(mujoco.mjtFramebuffer.mjFB_OFFSCREEN, self._context)
        self._model = model

    def _release_model(self) -> None:
        if self._context is not None:
            self._context.free()
        self._context = self._scene = self._model = None


def _fixed(model: mujoco.MjModel, name: str) -> mujoco.MjvCamera:
    camera = mujoco.MjvCamera()
    camera.type = mujoco.mjtCamera.mjCAMERA_FIXED
    camera.fixedcamid = mujoco.mj_name2id(model, mujoco.mjtObj.mjOBJ_CAMERA, name)
    return camera


def crop_and_pad(frame: np.ndarray, scale: float = 1.0) -> np.ndarray:
    """Return the policies' picture (256, 256, 3) of a head camera frame that was rendered at ``scale`` times 1280x800.

    The package means area interpolation but passes it where OpenCV expects the output array, so its pictures are
    bilinear; ours are, too, since policies were trained on those.
    """
    top, bottom, left, right = (round(v * scale) for v in CROP)
    wide = cv2.resize(frame[top:bottom, left:right], (720, 480))
    return cv2.resize(np.pad(wide, ((120, 120), (0, 0), (0, 0))), (PICTURE, PICTURE))


def pad_to_square(frame: np.ndarray) -> np.ndarray:
    """Return the whole head camera frame, padded to a square and resized, (256, 256, 3)."""
    height, width, _ = frame.shape
    gap = (width - height) // 2
    return cv2.resize(np.pad(frame, ((gap, gap), (0, 0), (0, 0))), (PICTURE, PICTURE))
