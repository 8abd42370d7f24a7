"""What a person's arms and hands look like: MJCF bodies of capsules and a few meshes, in skin, nails and sleeves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from envs.human.hand import Finger, Hand
from envs.robocasa.assets.mesh import Mesh, loft, rounded_rectangle, tube

UPPER_ARM_M, FOREARM_M = 0.30, 0.255
LINKS = ("Knuckle", "IntermediateBase", "IntermediateTip", "Tip")


@dataclass(frozen=True)
class Flesh:
    """How a person looks."""

    skin: tuple[float, float, float]
    nails: tuple[float, float, float]
    sleeve: tuple[float, float, float]
    sleeve_to: float  # share of the forearm, from the elbow, that the sleeve covers


def materials(flesh: Flesh) -> str:
    """Return the MJCF materials that the bodies are made of."""
    palm = tuple(0.8 * c + 0.2 * n for c, n in zip(flesh.skin, flesh.nails, strict=True))
    table = {"skin": (flesh.skin, 0.2), "palm": (palm, 0.2), "nail": (flesh.nails, 0.5), "sleeve": (flesh.sleeve, 0.02)}
    return "".join(
        f'<material name="{name}" rgba="{text(colour)} 1" specular="{shine}" shininess="0.3"/>'
        for name, (colour, shine) in table.items()
    )


def meshes(hand: Hand, flesh: Flesh) -> dict[str, Mesh]:
    """Return the meshes of one arm by name: palm, upper arm, forearm and sleeve."""
    s, g, side = hand.size, hand.girth, hand.side
    palm = _palm().scaled(s, s * hand.sign, s * g)
    widths = np.array([0.041, 0.046, 0.043, 0.035, 0.027, 0.026]) * s * g
    along = np.array([0.0, 0.22, 0.45, 0.75, 0.95, 1.03]) * FOREARM_M * s
    bare = np.linspace(max(flesh.sleeve_to - 0.06, 0.0) * along[-2], along[-1], 8)
    forearm = _limb(bare, np.interp(bare, along, widths), 0.84)
    covered = np.linspace(0, flesh.sleeve_to * along[-2], 6)
    wide = np.interp(covered, along, widths) + 0.006 + 0.003 * np.cos(np.arange(6) * 2.1)
    upper = _limb(np.linspace(0, 1, 4) * UPPER_ARM_M * s, np.array([0.058, 0.055, 0.05, 0.046]) * s * g, 1.0)
    found = {"palm": palm, "forearm": forearm, "sleeve": _limb(covered, wide, 0.9), "upper": upper}
    return {f"{side}_{name}": mesh for name, mesh in found.items()}


def bodies(hand: Hand) -> str:
    """Return the MJCF of one arm: upper arm, forearm and hand, each free, and the fingers as children of the hand."""
    side = hand.side
    fingers = "".join(_finger(f) + _metacarpal(f) for f in hand.fingers.values())
    return (
        f'<body name="{side}Arm"><freejoint/>{_mesh(f"{side}_upper", "sleeve")}</body>'
        "<body "
        f'name="{side}Forearm"><freejoint/>{_mesh(f"{side}_forearm", "skin")}{_mesh(f"{side}_sleeve", "sleeve")}</body>'
        f'<body name="{side}Hand"><freejoint/>{_mesh(f"{side}_palm", "skin")}{_ball(hand)}{fingers}</body>'
    )


def text(values: Iterable[float]) -> str:
    """Return numbers as MJCF has them."""
    return " ".join(f"{float(v):.6g}" for v in values)


def _mesh(name: str, material: str) -> str:
    return f'<geom type="mesh" mesh="{name}" material="{material}" class="seen"/>'


def _ball(hand: Hand) -> str:
    """The ball of the thumb, the heel of the hand, and the wrist."""
    lumps = (
        ((0.040, 0.017, -0.012), (0.030, 0.017, 0.014), "palm"),
        ((0.036, -0.020, -0.009), (0.032, 0.015, 0.012), "palm"),
        ((0.0, 0.0, 0.0), (0.027, 0.026, 0.019), "skin"),
    )
    s = hand.size
    return "".join(
        f'<geom type="ellipsoid" pos="{text(np.array(at) * (s, s * hand.sign, s))}" size="{text(np.array(size) * s)}"'
        f' material="{material}" class="seen"/>'
        for at, size, material in lumps
    )


def _metacarpal(finger: Finger) -> str:
    """The bone between wrist and knuckle, which does not move."""
    if finger.name == "Thumb":
        return ""
    bone = _capsule(finger.root, finger.base - (0, 0, 0.002), 0.95 * finger.radii[0])
    return f'{bone}<body name="{finger.prefix}Metacarpal" pos="{text(finger.root)}"/>'


def _finger(finger: Finger) -> str:
    q = [
        f'<joint name="{finger.prefix}_{n}" axis="{a}" range="{text(r)}"/>'
        for n, a, r in zip(
            ("spread", "base", "middle", "end"), ("0 0 1", "0 1 0", "0 1 0", "0 1 0"), finger.limits, strict=True
        )
    ]
    inner = f'<body name="{finger.prefix}Tip" pos="{finger.links[2]:.6g} 0 0"/>'
    for link, joints in ((2, q[3]), (1, q[2]), (0, q[0] + q[1])):
        length, thick, thin = finger.links[link], finger.radii[link], finger.radii[link + 1]
        end = length - (thin if link == 2 else 0)
        # Two capsules stand for a cone: the nearer one thick, the farther one thin.
        flesh = _capsule((0, 0, 0), (0.55 * length, 0, 0), thick) + _capsule(
            (0.3 * length, 0, 0), (end, 0, 0), 0.5 * thick + 0.5 * thin
        )
        if link == 2:
            at, size = (end - 0.1 * thin, 0, 0.62 * thin), (0.95 * thin, 0.72 * thin, 0.42 * thin)
            flesh += f'<geom type="ellipsoid" pos="{text(at)}" size="{text(size)}" material="nail" class="seen"/>'
        place = finger.base if link == 0 else (finger.links[link - 1], 0, 0)
        turn = f' xyaxes="{text(finger.frame[:, 0])} {text(finger.frame[:, 1])}"' if link == 0 else ""
        inner = f'<body name="{finger.prefix}{LINKS[link]}" pos="{text(place)}"{turn}>{joints}{flesh}{inner}</body>'
    return inner


def _capsule(start: Iterable[float], end: Iterable[float], radius: float) -> str:
    return f'<geom type="capsule" fromto="{text(start)} {text(end)}" size="{radius:.6g}" material="skin" class="seen"/>'


def _palm() -> Mesh:
    """A right palm of size 1: cross-sections from wrist to knuckles."""
    sections = (
        (-0.006, 0.046, 0.032, 0.0),
        (0.02, 0.054, 0.031, 0.001),
        (0.055, 0.073, 0.027, -0.002),
        (0.076, 0.077, 0.023, -0.003),
        (0.088, 0.070, 0.016, 0.0),
    )
    outlines = []
    for x, wide, thick, shift in sections:
        points = rounded_rectangle(thick, wide, 0.48 * thick, 4)
        outlines.append(([(u, v + shift) for u, v in points], x))
    return loft(outlines).along_x()


def _limb(along: np.ndarray, widths: np.ndarray, flat: float) -> Mesh:
    path = np.stack([along, np.zeros_like(along), np.zeros_like(along)], axis=1)
    return tube(path, widths, sides=20, flat=flat)
