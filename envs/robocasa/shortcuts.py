"""Work that the package and robosuite repeat at every reset, done once. A scene stays the same, bit for bit.

``tests/test_robocasa_physics.py`` builds scenes with and without these and compares them.
"""

from __future__ import annotations

import functools
import gc
import importlib
from types import SimpleNamespace
from typing import Any

_applied = False


def apply() -> None:
    """Put the shortcuts in place in this process; later calls do nothing. The package must have been loaded."""
    global _applied
    if not _applied:
        _stop_copying_element_lists()
        _remember_robot_models()
        _parse_yaml_once()
        gc.freeze()  # robosuite collects garbage at every reset; what is loaded by now lives as long as the process
        _applied = True


def _stop_copying_element_lists() -> None:
    """``find_elements`` copies its result at every node of the tree into a variable that nobody reads."""
    importlib.import_module("robosuite.utils.mjcf_utils").deepcopy = lambda elements: None


def _remember_robot_models() -> None:
    """Each reset compiles the robot alone from the same XML, to ask it for names."""
    base = importlib.import_module("robosuite.models.robots.robot_model").RobotModel
    mujoco = importlib.import_module("mujoco")
    compiled = functools.lru_cache(maxsize=4)(mujoco.MjModel.from_xml_string)

    def set_mujoco_model(self: Any, mujoco_model: Any = None) -> None:
        self.mujoco_model = mujoco_model if mujoco_model is not None else compiled(self.get_xml())

    base.set_mujoco_model = set_mujoco_model


def _parse_yaml_once() -> None:
    """The scene's style and fixture files are parsed some twenty times per reset."""
    import marshal

    import yaml

    @functools.lru_cache(maxsize=256)
    def parsed(text: str) -> bytes:
        return marshal.dumps(yaml.load(text, Loader=yaml.CSafeLoader))

    def safe_load(stream: Any) -> Any:
        return marshal.loads(parsed(stream if isinstance(stream, str) else stream.read()))  # a fresh copy, quickly

    for name in ("scenes.scene_utils", "scenes.scene_builder", "fixtures.fixture_stack"):
        module = importlib.import_module(f"robocasa_gr1.models.{name}")
        if hasattr(module, "yaml"):
            module.yaml = SimpleNamespace(safe_load=safe_load)
    importlib.import_module("robocasa_gr1.environments.tabletop.tabletop").yaml = SimpleNamespace(safe_load=safe_load)
