"""One scene: a person at a table with a thing to carry, a place to carry it to, and things that do not matter.

The frame: origin on the table below the person's head, x ahead, y to the left, z up; metres.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import mujoco
import numpy as np

from envs.human import appearance, drawer, flesh, things
from envs.human.drawer import Drawer
from envs.human.flesh import text
from envs.human.hand import SIDES, Hand
from envs.robocasa.assets.model import Model
from tasks.human import Errand

AHEAD_M, ACROSS_M = (0.09, 0.40), 0.34
"""Where things are put down, as far as the head camera sees and hands reach."""
GAP_M = 0.012
TRIES = 80
FOVY_DEG = 77.0  # the robot's head camera
FLOOR_M = 0.75  # below the table
COARSE = '<quality numslices="14" numstacks="7"/>'  # of capsules, which cost a third of a picture otherwise
CARRIED, OTHER = 2, 1  # groups of geoms: rays look for the carried thing alone


class NoRoom(Exception):
    """The things that were drawn do not fit onto the table."""


@dataclass(frozen=True)
class Person:
    """Whose hands these are."""

    size: float  # of bones, against an average adult
    girth: float
    eye_m: float  # above the table
    look_down: float  # rad, of the head camera's axis below the horizon

    def shoulder(self, side: str) -> np.ndarray:
        """Return a shoulder (3,) of the upright person."""
        out = 0.18 * self.size * (1 if side == "left" else -1)
        return np.array([-0.18, out, self.eye_m - 0.28 * self.size])

    def hand(self, side: str) -> Hand:
        return Hand(side, self.size, self.girth)


@dataclass(frozen=True)
class Placed:
    """A thing on the table; its body's origin is the middle of its bounding box."""

    kind: str
    model: Model
    place: np.ndarray  # (3,) of its body
    yaw: float

    @property
    def half(self) -> np.ndarray:
        low, high = self.model.bounds()
        return (high - low) / 2

    @property
    def base(self) -> float:
        """Height of what it stands on."""
        return float(self.place[2] - self.half[2])

    @property
    def radius(self) -> float:
        return float(np.hypot(*self.half[:2]))

    def inside(self, point: np.ndarray, margin: float) -> bool:
        """Whether a point (x, y) is above its footprint, less a margin."""
        c, s = np.cos(self.yaw), np.sin(self.yaw)
        away = np.asarray(point)[:2] - self.place[:2]
        local = np.abs([c * away[0] + s * away[1], c * away[1] - s * away[0]])
        return bool((local <= self.half[:2] - margin).all())

    def support(self, foot: Placed | None, at: np.ndarray) -> float:
        """Return how high a thing at ``at`` (x, y) comes to rest on this one; ``foot`` is the thing,
        None for a point."""
        low, high = self.model.bounds()
        middle = (low + high) / 2
        spots = np.array([(0, 0), (0.45, 0), (-0.45, 0), (0, 0.45), (0, -0.45)]) if foot else np.zeros((1, 2))
        offsets = spots * (foot.half[:2] if foot else 0)
        c, s = np.cos(self.yaw), np.sin(self.yaw)
        local = (at[:2] - self.place[:2] + offsets) @ np.array([[c, -s], [s, c]])
        heights = [things.surface(self.model, *(xy + middle[:2])) - middle[2] for xy in local]
        best = max(heights)
        return float(self.place[2] + best) if np.isfinite(best) else 0.0


@dataclass
class Scene:
    """Everything that is drawn before the person moves."""

    errand: Errand
    person: Person
    appearance: appearance.Appearance
    table: np.ndarray  # (4,) its edges: near, far, right, left
    carried: Placed
    target: Placed | None  # None: the drawer
    source: Placed | None = None  # None: the bare table
    drawer: Drawer | None = None
    others: list[Placed] = field(default_factory=list)

    @property
    def placed(self) -> list[Placed]:
        """All things, the carried one first."""
        return [self.carried, *(p for p in (self.source, self.target) if p), *self.others]

    def compile(self) -> mujoco.MjModel:
        """Return the model: bodies ``thing_0`` … in the order of ``placed``, the person's arms, camera ``egoview``."""
        hands = [self.person.hand(side) for side in SIDES]
        skin = {k: m for h in hands for k, m in flesh.meshes(h, self.appearance.flesh).items()}
        assets = {f"{k}.obj": m.obj().encode() for k, m in skin.items()}
        assets |= {f"{k}.png": png for k, png in self.appearance.textures.items()}
        listed = [f'<mesh name="{k}" file="{k}.obj" smoothnormal="true" inertia="shell"/>' for k in skin]
        bodies = [flesh.bodies(hand) for hand in hands]
        for number, placed in enumerate(self.placed):
            files, declared, body = _thing(number, placed)
            assets |= files
            listed.append(declared)
            bodies.append(body)
        if self.drawer:
            bodies.append(self.drawer.mjcf())
        return mujoco.MjModel.from_xml_string(self._document(listed, bodies), assets)

    def _document(self, listed: list[str], bodies: list[str]) -> str:
        near, far, right, left = self.table
        size, middle = ((far - near) / 2, (left - right) / 2), ((far + near) / 2, (left + right) / 2)
        drawn = self.appearance
        for name in ("table", "floor"):
            listed.append(f'<texture name="{name}" type="2d" file="{name}.png"/>')
            shine = drawn.shine if name == "table" else 0
            listed.append(
                f'<material name="{name}" texture="{name}" texuniform="true" '
                f'texrepeat="{text([drawn.repeats[name]] * 2)}"'
                f' specular="{shine:.4g}" shininess="0.4"/>'
            )
        plane = 'class="seen" type="plane"'
        return (
            '<mujoco><compiler angle="radian" boundmass="1e-4" boundinertia="1e-9"/>'
            f'<visual>{drawn.headlight}<map znear="0.01" zfar="20"/>{COARSE}</visual>'
            '<default><default class="seen"><geom group="1" contype="0" conaffinity="0" '
            'mass="0.01"/></default></default>'
            f"<asset>{flesh.materials(drawn.flesh)}{''.join(listed)}</asset><worldbody>{drawn.lights}"
            f'<geom {plane} pos="0 0 {-FLOOR_M}" size="3 3 0.1" material="floor"/>'
            f'<geom {plane} pos="{text(middle)} 0" size="{text(size)} 0.1" material="table"/>'
            f'<body name="head" mocap="true"><camera name="egoview" fovy="{FOVY_DEG}"/></body>'
            f"{''.join(bodies)}</worldbody></mujoco>"
        )


def draw(errand: Errand, random: np.random.Generator) -> Scene:
    """Return a scene for an errand; NoRoom when its things do not fit."""
    person = Person(
        random.uniform(0.88, 1.1), random.uniform(0.88, 1.15), random.uniform(0.5, 0.62), random.uniform(0.9, 1.06)
    )
    edges = np.array(
        [random.uniform(-0.25, 0.02), random.uniform(0.5, 1.1), -random.uniform(0.5, 1.0), random.uniform(0.5, 1.0)]
    )
    side = random.choice([-1.0, 1.0])
    taken: list[Placed] = []
    chest = drawer.draw(random, side) if errand.target == "drawer" else None
    target = None if chest else _put(_any_of(errand.target, random), taken, random, chest, side)
    source = None if errand.source == "table" else _put(_any_of(errand.source, random), taken, random, chest)
    kind, model = _carriable(random, chest)
    carried = _lay(kind, model, source, random) if source else _put((kind, model), taken, random, chest)
    scene = Scene(errand, person, appearance.draw(random), edges, carried, target, source, chest)
    for _ in range(int(random.integers(0, 6))):
        try:
            other = _distractor(random, (kind, errand.source, errand.target))
            scene.others.append(_put(other, taken, random, chest, far=random.random() < 0.5))
        except NoRoom:
            break
    return scene


def _carriable(random: np.random.Generator, chest: Drawer | None) -> tuple[str, Model]:
    """A thing that a hand reaches around and that a drawer, if there is one, can hide."""
    for _ in range(TRIES):
        kind = str(random.choice(things.kinds()))
        model = things.make(kind, random, things.WIDEST_M)
        low, high = model.bounds()
        if chest is None or (high - low)[2] < chest.room():
            return kind, model
    raise NoRoom("nothing fits into the drawer")


def _any_of(kind: str, random: np.random.Generator) -> tuple[str, Model]:
    return kind, things.make(kind, random)


def _distractor(random: np.random.Generator, named: tuple[str, ...]) -> tuple[str, Model]:
    """A thing of a kind that the instruction does not name, so that it says which one is meant."""
    pool = [k for k in (*things.kinds(), *things.kinds(), *things.CONTAINERS) if k not in named]
    return _any_of(pool[random.integers(len(pool))], random)


def _put(
    thing: tuple[str, Model],
    taken: list[Placed],
    random: np.random.Generator,
    chest: Drawer | None,
    side: float = 0.0,
    far: bool = False,
) -> Placed:
    """Stand a thing on free table, on one side if asked, and remember it as taken."""
    kind, model = thing
    low, high = model.bounds()
    height = float((high - low)[2] / 2)
    for _ in range(TRIES):
        x = random.uniform(0.42, 0.7) if far else random.uniform(*AHEAD_M)
        y = random.uniform(-0.55, 0.55) if far else random.uniform(-ACROSS_M, ACROSS_M)
        placed = Placed(kind, model, np.array([x, abs(y) * side if side else y, height]), random.uniform(-np.pi, np.pi))
        if kind in (*things.SUPPORTS, *things.CONTAINERS):
            placed = Placed(kind, model, placed.place, random.normal(0, 0.35) + np.pi * random.integers(2))
        if all(_apart(placed, other) for other in taken) and not (chest and _blocks(placed, chest)):
            taken.append(placed)
            return placed
    raise NoRoom(f"there is no room for the {things.spoken(kind)}")


def _lay(kind: str, model: Model, under: Placed, random: np.random.Generator) -> Placed:
    """Lay the thing to be carried onto another, near its middle."""
    at = under.place[:2] + random.normal(0, 0.12, 2) * under.half[:2].min()
    flat = Placed(kind, model, np.array([*at, 0.0]), random.uniform(-np.pi, np.pi))
    height = under.support(flat, at) + flat.half[2]
    return Placed(kind, model, np.array([*at, height]), flat.yaw)


def _apart(a: Placed, b: Placed) -> bool:
    """Whether two footprints have a gap, by their narrower discs along the line between them."""
    away = b.place[:2] - a.place[:2]
    distance = float(np.hypot(*away))
    if distance < 1e-6:
        return False
    spans = []
    for thing, way in ((a, away / distance), (b, -away / distance)):
        c, s = np.cos(thing.yaw), np.sin(thing.yaw)
        local = np.abs([c * way[0] + s * way[1], c * way[1] - s * way[0]])
        spans.append(float(min(local @ thing.half[:2], thing.radius)))
    return distance > sum(spans) + GAP_M


def _blocks(placed: Placed, chest: Drawer) -> bool:
    """Whether a thing stands where the case is or its tray slides."""
    local = chest.axes().T @ (placed.place - chest.place)
    in_x = -chest.open_m - 0.09 - placed.radius < local[0] < chest.depth + placed.radius
    return bool(in_x and abs(local[1]) < chest.width / 2 + placed.radius)


def _thing(number: int, placed: Placed) -> tuple[dict[str, bytes], str, str]:
    """Return a thing's mesh files, their declarations, and its body."""
    low, high = placed.model.bounds()
    middle = (low + high) / 2
    group = CARRIED if number == 0 else OTHER
    files, declared, geoms = {}, [], []
    for index, part in enumerate(placed.model.parts):
        name = f"thing_{number}_{index}"
        files[f"{name}.obj"] = part.mesh.moved(*-middle).obj().encode()
        declared.append(f'<mesh name="{name}" file="{name}.obj" inertia="shell"/>')
        geoms.append(f'<geom class="seen" group="{group}" type="mesh" mesh="{name}" rgba="{text(part.colour)}"/>')
    half = placed.yaw / 2
    where = f'pos="{text(placed.place)}" quat="{text((np.cos(half), 0, 0, np.sin(half)))}"'
    joint = "<freejoint/>" if number == 0 else ""
    return files, "".join(declared), f'<body name="thing_{number}" {where}>{joint}{"".join(geoms)}</body>'
