"""What an episode's rule looks at, gathered control step by control step."""

from __future__ import annotations

import numpy as np

from envs.humanoid.vision.rules import History
from envs.humanoid.vision.world import OBJECT, World

SOLES = tuple(f"{side}_foot{i}_collision" for side in ("left", "right") for i in range(1, 5))
FEWEST = 64


class Memory:
    """Rows of ``rules.History``, in arrays that grow by doubling."""

    def __init__(self, world: World):
        self._world, self._count = world, 0
        self._soles = [world.model.geom(name).id for name in SOLES]
        points = (15, 3)
        shapes = {
            "root": (7,),
            "keypoints": points,
            "object": (3,),
            "touched": (5,),
            "grounded": (2,),
            "toes_and_heels": (8,),
            "partner": points,
            "dancing": (),
        }
        kinds = {"touched": bool, "grounded": bool, "dancing": np.int64}
        self._rows = {name: np.zeros((FEWEST, *shape), kinds.get(name, float)) for name, shape in shapes.items()}

    def add(self, keypoints: np.ndarray, partner: np.ndarray, phase: int) -> None:
        """Note the moment after a control step."""
        if self._count == len(self._rows["dancing"]):
            self._rows = {name: np.concatenate([rows, np.zeros_like(rows)]) for name, rows in self._rows.items()}
        world = self._world
        now = {
            "root": world.root_state[0, :7].numpy(),
            "keypoints": keypoints,
            "object": world.pose(OBJECT)[:3],
            "touched": world.touched,
            "grounded": world.grounded,
            "toes_and_heels": world.data.geom_xpos[self._soles, 0],
            "partner": partner,
            "dancing": phase,
        }
        for name, value in now.items():
            self._rows[name][self._count] = value
        self._count += 1

    def history(self) -> History:
        """Return everything so far; the arrays are views."""
        return History(**{name: rows[: self._count] for name, rows in self._rows.items()})

    def last_object(self) -> np.ndarray:
        """Return where the object is, (3,) m."""
        return self._rows["object"][self._count - 1].astype(np.float32)
