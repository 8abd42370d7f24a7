"""Which off-screen GL works here. Chosen before MuJoCo is imported, since MuJoCo reads the choice on import.

Every process of this project that draws calls ``prepare`` first.
"""

from __future__ import annotations

import ctypes
import importlib.util
import json
import os
import subprocess
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from crossbody.errors import CrossbodyError, MissingExtra
from crossbody.texts import one_line

BACKENDS = ("egl", "osmesa")
INSTALL = "apt-get install -y libegl1 libgl1-mesa-dri libosmesa6"

_PROBE = """
import time, mujoco
m = mujoco.MjModel.from_xml_string('<mujoco><worldbody><light pos="0 0 3"/><geom size=".3"/></worldbody></mujoco>')
d = mujoco.MjData(m); mujoco.mj_forward(m, d)
r = mujoco.Renderer(m, 400, 640); r.update_scene(d); picture = r.render()
assert picture.max() > 0, 'the picture is black'
start = time.perf_counter()
for _ in range(5): r.update_scene(d); r.render()
print('ms', (time.perf_counter() - start) * 200)
r.close()
"""


@dataclass(frozen=True)
class Probe:
    """What a backend did: its time per 640x400 frame, or why it does not work."""

    backend: str
    ms_per_frame: float | None
    error: str


def prepare() -> None:
    """Make drawing safe in this process, and choose the GL it draws with if MuJoCo is not imported yet.

    MissingExtra when no off-screen GL works here.
    """
    load_triton_first()
    if "mujoco" not in sys.modules:
        os.environ.update(choose())


def load_triton_first() -> None:
    """Load Triton's compiled library, where Triton is installed, before Mesa can load its own LLVM.

    Both carry an LLVM. If Mesa's comes first (it does with the first picture), Triton's binds to Mesa's symbols and the
    process dies by a segmentation fault as soon as torch imports Triton. The library is mapped, not run: 0.03 s.
    """
    found = importlib.util.find_spec("triton") if "triton" not in sys.modules else None
    for folder in (found.submodule_search_locations or ()) if found else ():
        with suppress(OSError):  # a damaged or foreign Triton: torch does without it, and so do we
            ctypes.CDLL(os.path.join(folder, "_C", "libtriton.so"), mode=os.RTLD_LOCAL | os.RTLD_NOW)


def probe(backend: str) -> Probe:
    """Render in a process of its own with one backend."""
    try:
        done = subprocess.run(
            [sys.executable, "-c", _PROBE],
            env=os.environ | variables(backend),
            capture_output=True,
            text=True,
            timeout=120,
        )
    except subprocess.TimeoutExpired:
        return Probe(backend, None, "no picture within 120 s")
    for line in done.stdout.splitlines():
        if line.startswith("ms "):
            return Probe(backend, float(line[3:]), "")
    return Probe(backend, None, (done.stderr.strip().splitlines() or ["no output"])[-1])


def variables(backend: str) -> dict[str, str]:
    """Return the environment variables that make MuJoCo and PyOpenGL use a backend."""
    return {"MUJOCO_GL": backend, "PYOPENGL_PLATFORM": backend}


def choose() -> dict[str, str]:
    """Return the variables for the backend to use: the user's MUJOCO_GL, else the first that draws a picture.

    What draws no picture raises MissingExtra with what to type. The answer of the last probe is kept in the cache and
    believed while it says that something works.
    """
    if named := os.environ.get("MUJOCO_GL"):
        return _named(named)
    if known := _remembered(_key()):
        return variables(known)
    failures: Mapping[str, str] = {}
    for backend in BACKENDS:
        result = probe(backend)
        if not result.error:
            _remember(_key(), backend)
            return variables(backend)
        failures = {**failures, backend: result.error}
    reasons = "; ".join(f"{k}: {v}" for k, v in failures.items())
    raise MissingExtra(
        f"no off-screen GL works here ({reasons}). Install one with `{INSTALL}`, then run `uv run crossbody doctor`."
    )


def check(backend: str) -> Probe:
    """Return what a backend does now, whatever was remembered of it."""
    result = probe(backend)
    if result.error:
        _forget(backend)
    return result


def draw_once() -> None:
    """Draw one small picture in this process, which has MuJoCo; MissingExtra with what to type where that fails.

    What was remembered of the backend may no longer hold, and an episode is the wrong place to find out. A process that
    was forked from one that draws is left alone here: ``refuse_forked`` speaks when it draws.
    """
    import mujoco

    if _drawn_in not in (None, os.getpid()):
        return
    load_triton_first()
    model = mujoco.MjModel.from_xml_string(
        "<mujoco><worldbody><light pos='0 0 3'/><geom size='.3'/></worldbody></mujoco>"
    )
    data = mujoco.MjData(model)
    mujoco.mj_forward(model, data)
    backend = os.environ.get("MUJOCO_GL", "")
    try:
        with mujoco.Renderer(model, 32, 32) as renderer:
            renderer.update_scene(data)
            black = not renderer.render().any()
    except Exception as error:  # each backend has errors of its own
        _forget(backend)
        raise _useless(backend, f"{type(error).__name__}: {error}") from error
    if black:
        raise _useless(backend, "the picture is black")
    refuse_forked()


def refuse_forked() -> None:
    """Note that this process draws; raise CrossbodyError in one that was forked from a process that drew before.

    Mesa's threads are not in the child, which would wait for them without end.
    """
    global _drawn_in
    if _drawn_in is None:
        _drawn_in = os.getpid()
    elif _drawn_in != os.getpid():
        raise CrossbodyError(
            "this process was forked from one that has drawn already, and off-screen GL does not survive a "
            "fork. Start the "
            "workers afresh: gymnasium.make_vec(…, vectorization_mode='async', vector_kwargs={'context': 'spawn'})."
        )


_drawn_in: int | None = None
"""The process that drew first, as this one or its parent remembers it."""


def _named(backend: str) -> dict[str, str]:
    key = " ".join([_key(), backend, os.environ.get("DISPLAY", ""), os.environ.get("WAYLAND_DISPLAY", "")])
    if _remembered(key) != backend:
        if error := probe(backend).error:
            raise _useless(backend, error)
        _remember(key, backend)
    return variables(backend)


def _useless(backend: str, error: str) -> MissingExtra:
    return MissingExtra(
        f"no picture can be drawn with MUJOCO_GL={backend} here ({one_line(error, 300)}). Type `unset "
        "MUJOCO_GL` to let Crossbody "
        f"choose one of {' and '.join(BACKENDS)}, or install them with `{INSTALL}`; `uv run crossbody doctor` "
        "says what works."
    )


def _file():
    from crossbody.extras import cache_folder

    return cache_folder() / "gl.json"


def _key() -> str:
    from importlib.metadata import version

    return f"{os.uname().nodename} mujoco {version('mujoco')}"


def _remembered(key: str) -> str | None:
    return _memory().get(key)


def _memory() -> dict[str, str]:
    try:
        found = json.loads(_file().read_text())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _forget(backend: str) -> None:
    _write({key: known for key, known in _memory().items() if known != backend})


def _remember(key: str, backend: str) -> None:
    _write(_memory() | {key: backend})


def _write(memory: Mapping[str, str]) -> None:
    from crossbody.runs import write_atomic

    try:
        write_atomic(_file(), json.dumps(dict(memory)).encode())
    except OSError:
        pass  # an unwritable cache costs a second next time, nothing else
