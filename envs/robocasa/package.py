"""The simulator package, imported so that its models come from an asset pack and with its faults mended.

Nothing is written into site-packages: the package is pointed at the pack before its first line runs, and what it gets
wrong is replaced in memory, patch by patch. `PATCHES` names them; the list belongs into every run's manifest.
"""

from __future__ import annotations

import ast
import contextlib
import importlib
import importlib.util
import io
import logging
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

from crossbody.errors import CrossbodyError, MissingAssets, MissingExtra

NAME = "robocasa_gr1"

PATCHES: tuple[str, ...] = (
    "basket_4/1: the narrow basket of split B is not sampled (UniT README)",
    "shellinertia/1: MuJoCo 3.3 wants it on the mesh asset, the shipped XML has it on the geom",
    "object_xml/1: object models are read where they lie, no copy is written beside them",
)


class PackageState(CrossbodyError):
    """The simulator package cannot be loaded as asked in this process."""


def load(assets_root: Path | str) -> ModuleType:
    """Return `robocasa_gr1` reading its models from `assets_root`, patched; the same module on every later call.

    Raises `PackageState` without PYTHONHASHSEED=0 (the package draws scenes from `hash()` of strings) or when this
    process already uses another pack, `MissingAssets` without the folder, `MissingExtra` without the package.
    """
    root = Path(assets_root).resolve()
    _check_hash_seed()
    loaded = sys.modules.get(NAME)
    if loaded is not None and getattr(loaded, "__version__", None) is not None:
        _check_root(Path(loaded.models.assets_root), root)
        return loaded
    if not (root / "arenas").is_dir():
        raise MissingAssets(
            f"no asset pack at {root} (it has no 'arenas'). Make one: uv run crossbody assets generated"
        )
    package = _execute(root)
    for patch in (_drop_basket_4, _move_shell_inertia, _read_objects_in_place):
        patch()
    return package


def _check_hash_seed() -> None:
    if sys.flags.hash_randomization:
        raise PackageState(
            "the simulator package draws its scenes from hash(), and this interpreter salts it. "
            "Set PYTHONHASHSEED=0 before Python starts (the commands of crossbody do it themselves)."
        )


def _check_root(used: Path, wanted: Path) -> None:
    if used.resolve() != wanted:
        raise PackageState(
            f"this process already reads its models from {used}; a second pack ({wanted}) needs its own process."
        )


def _execute(root: Path) -> ModuleType:
    """Run the package with `models.assets_root` set first: its modules copy that path when they are imported."""
    spec = importlib.util.find_spec(NAME)
    if spec is None or spec.loader is None:
        raise MissingExtra(f"the simulator package '{NAME}' is not installed. Type: uv sync")
    package = importlib.util.module_from_spec(spec)
    sys.modules[NAME] = package
    # robosuite warns of optional packages at every start, and of absent robot parts at every scene.
    logging.getLogger("robosuite_logs").addFilter(lambda record: record.levelno >= logging.ERROR)
    try:
        models = importlib.import_module(f"{NAME}.models")
        models.assets_root = str(root)
        package.models = models
        with contextlib.redirect_stdout(io.StringIO()):  # it prints that mimicgen is absent
            spec.loader.exec_module(package)
    except BaseException:
        for name in [n for n in sys.modules if n == NAME or n.startswith(f"{NAME}.")]:
            del sys.modules[name]
        raise
    return package


def _drop_basket_4() -> None:
    categories = importlib.import_module(f"{NAME}.models.objects.kitchen_objects").OBJ_CATEGORIES
    for category in categories["basket"].values():
        category.mjcf_paths = [p for p in category.mjcf_paths if not p.endswith("basket_4/model.xml")]


def _move_shell_inertia() -> None:
    fixture = importlib.import_module(f"{NAME}.models.fixtures.fixture").Fixture
    original = fixture.__init__

    def init(self, *args, **kwargs):
        original(self, *args, **kwargs)
        shells = [g for g in self.worldbody.iter("geom") if g.get("mesh") and "shellinertia" in g.attrib]
        names = {g.get("mesh") for g in shells if g.attrib.pop("shellinertia") == "true"}
        for mesh in self.asset.findall("mesh"):
            if mesh.get("name") in names:
                mesh.set("inertia", "shell")

    fixture.__init__ = init


def _read_objects_in_place() -> None:
    """Let `MJCFObject` parse its model file directly.

    The stock class writes a copy with absolute robosuite paths beside the model and reads that; a read-only pack
    cannot take it and a killed process leaves it behind. Only models that name robosuite's files need the rewriting.
    """
    objects = importlib.import_module(f"{NAME}.models.objects.objects")
    original: Callable = objects.MJCFObject.__init__
    xml_object = objects.MujocoXMLObject

    def init(self, name, mjcf_path, scale=1.0, static=False, **physics):
        if "robosuite/" in Path(mjcf_path).read_text(encoding="utf8"):
            return original(self, name, mjcf_path, scale=scale, static=static, **physics)
        _set_physics(self, physics)
        joints = None if static else [dict(type="free", damping="0.0005")]
        xml_object.__init__(self, mjcf_path, name, joints=joints, duplicate_collision_geoms=False, scale=_scale3(scale))
        self._disabled_spawns = set()
        prefix = f"{self.naming_prefix}spawn_"
        self.spawns = [
            g for g in self.worldbody.findall("./body/body/geom") if (g.get("name") or "").startswith(prefix)
        ]

    objects.MJCFObject.__init__ = init


def _set_physics(obj, given: dict) -> None:
    stock = dict(
        solimp=(0.998, 0.998, 0.001),
        solref=(0.001, 1),
        density=100,
        friction=(0.95, 0.3, 0.1),
        margin=None,
        rgba=None,
        priority=None,
    )
    for key, value in {**stock, **given}.items():
        setattr(obj, key, value)


def _scale3(scale):
    import numpy as np

    values = np.asarray([scale] * 3 if np.ndim(scale) == 0 else scale, dtype=float)
    if values.shape != (3,):
        raise PackageState(f"an object's scale must be one number or three, got {scale!r}")
    return values


def stock_assets() -> Path:
    """The folder of XML and YAML that the package ships; raises `MissingExtra` without the package."""
    spec = importlib.util.find_spec(NAME)
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtra(f"the simulator package '{NAME}' is not installed. Type: uv sync")
    return Path(spec.submodule_search_locations[0]) / "models" / "assets"


def object_table() -> dict[str, dict]:
    """The package's object categories (name -> registry -> scale, exclude, ...), read from its source, not imported."""
    source = stock_assets().parent / "objects" / "kitchen_objects.py"
    for node in ast.parse(source.read_text(encoding="utf8")).body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "OBJ_CATEGORIES":
            return eval(compile(ast.Expression(node.value), str(source), "eval"), {"dict": dict})
    raise PackageState(f"{source} defines no OBJ_CATEGORIES: an unknown version of {NAME}")
