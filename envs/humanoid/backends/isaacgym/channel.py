"""What the two interpreters share: one block of memory with a fixed layout, and lines of JSON through pipes.

Python 3.7 runs this file, too: the standard library and numpy only.
"""

from __future__ import annotations

import json
import mmap

import numpy as np

# name -> columns of a row; the letters are the numbers of environments, joints and bodies. In the parent's order of
# names, but quaternions are Isaac Gym's xyzw.
LAYOUT = {
    "targets": ("f4", "ej"),
    "root": ("f4", "e13"),
    "dof": ("f4", "ej2"),
    "body": ("f4", "eb13"),
    "force": ("f4", "eb3"),
    "ids": ("i8", "e"),
    "new_root": ("f4", "e13"),
    "new_dof": ("f4", "ej2"),
    "push": ("f4", "e3"),
    "properties": ("f4", "e3"),
}


class Block:
    """Arrays by name, in memory that both sides map."""

    def __init__(self, fd, envs, joints, bodies):
        places, end = {}, 0
        for name, (dtype, columns) in LAYOUT.items():
            shape = _shape(columns, envs, joints, bodies)
            places[name] = (dtype, shape, end)
            end += -(-int(np.prod(shape)) * np.dtype(dtype).itemsize // 64) * 64
        self.size = end
        self._map = None
        self._fd, self._places = fd, places

    def open(self):
        """Map the file, which must have ``size`` bytes, and return name -> array."""
        self._map = mmap.mmap(self._fd, self.size)
        return {
            name: np.ndarray(shape, dtype, self._map, offset) for name, (dtype, shape, offset) in self._places.items()
        }


def send(pipe, message):
    """Write one message."""
    pipe.write(json.dumps(message).encode() + b"\n")
    pipe.flush()


def receive(pipe):
    """Return the next message, or None when the other side is gone."""
    line = pipe.readline()
    return json.loads(line) if line else None


def _shape(columns, envs, joints, bodies):
    letters = {"e": envs, "j": joints, "b": bodies}
    lead = [letters[letter] for letter in columns if letter in letters]
    digits = columns.lstrip("ejb")
    return tuple(lead + ([int(digits)] if digits else []))
