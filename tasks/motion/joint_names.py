"""Which joint of a foreign skeleton is which key point, by the names that the usual exporters give,
or as the user says."""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from difflib import get_close_matches

from tasks.motion.keypoints import NAMES
from tasks.motion.motion import MotionError

LIMB_ALIASES = {
    "hip": ("upleg", "thigh", "upperleg", "femur", "hip", "leg"),
    "knee": ("lowleg", "lowerleg", "shin", "calf", "tibia", "knee", "leg"),
    "ankle": ("ankle", "foot"),
    "shoulder": ("uparm", "upperarm", "humerus", "arm", "shoulder"),
    "elbow": ("forearm", "lowarm", "lowerarm", "radius", "elbow"),
    "wrist": ("wrist", "hand"),
}
"""Without the side. Where a skeleton has both, the ankle and wrist are the joints, and foot and hand lie beyond them; a
collar may be called shoulder, and an upper leg just leg, so these come last."""

MIDDLE_ALIASES = {
    "pelvis": ("hips", "hip", "pelvis", "root"),
    "torso": ("spine3", "spine2", "chest2", "upperchest", "spine1", "chest", "torso", "thorax", "spine"),
    "head": ("head",),
}
SIDES = {"l": "left", "left": "left", "r": "right", "right": "right"}
WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")


def keypoint_joints(name: str, joints: Sequence[str], said: Sequence[str] = ()) -> list[int]:
    """Return for each key point the index of its joint; ``said`` are the user's own ``<key point>=<joint>``.

    MotionError names the key point that no joint is, or the two that one joint would be.
    """
    own = named(name, joints, said)
    spelt = [_spellings(joint) for joint in _without_prefix(joints)]
    found = {point: own[point] if point in own else _find(name, point, joints, spelt) for point in NAMES}
    if found["left_hip"] == found["left_knee"] or found["right_hip"] == found["right_knee"]:
        for side in ("left", "right"):  # a leg that is just called leg is the knee's, unless there is a shin
            if f"{side}_hip" not in own:
                found[f"{side}_hip"] = _find(name, f"{side}_hip", joints, spelt, ("leg",))
    taken: dict[int, str] = {}
    for point, index in found.items():
        if index in taken:
            raise MotionError(
                f"{name}: the joint '{joints[index]}' would be both {taken[index]} and {point}. Say which "
                "joint is which: "
                f"`--joints {point}=NAME`; it has {_listed(joints)}"
            )
        taken[index] = point
    return list(found.values())


def named(name: str, joints: Sequence[str], said: Sequence[str]) -> dict[str, int]:
    """Return key point -> index of what the user said as ``<key point>=<joint>``."""
    found = {}
    for word in said:
        point, equals, joint = word.partition("=")
        if not equals or point not in NAMES:
            close = get_close_matches(point, NAMES, 1)
            hint = f" Did you mean '{close[0]}'?" if close else ""
            raise MotionError(f"--joints {word}: expected <key point>=<joint>, with one of {', '.join(NAMES)}.{hint}")
        if joint not in joints:
            raise MotionError(f"{name}: --joints {word}: there is no joint '{joint}'; it has {_listed(joints)}")
        found[point] = list(joints).index(joint)
    return found


def _find(
    name: str, point: str, joints: Sequence[str], spelt: list[tuple[str, ...]], without: tuple[str, ...] = ()
) -> int:
    side, _, limb = point.partition("_")
    aliases = MIDDLE_ALIASES.get(point) or tuple(side + alias for alias in LIMB_ALIASES[limb] if alias not in without)
    for alias in aliases:
        for index, spellings in enumerate(spelt):
            if alias in spellings:
                return index
    raise MotionError(
        f"{name}: no joint is the {point.replace('_', ' ')} (looked for {', '.join(aliases)}); "
        f"it has {_listed(joints)}. Say which: `--joints {point}=NAME`"
    )


def _listed(joints: Sequence[str]) -> str:
    return ", ".join(joint[:40] for joint in joints[:80]) + (" …" if len(joints) > 80 else "")


def _spellings(joint: str) -> tuple[str, ...]:
    """Return how a joint may be meant, in small letters, the side first: 'thigh_l', 'L_Thigh',
    'LeftThigh' are all 'leftthigh'."""
    words = [word.lstrip("0") or "0" if word.isdigit() else word.lower() for word in WORDS.findall(joint)]
    at = [i for i, word in enumerate(words) if word in SIDES]
    if at and len(words) > 1:
        return (SIDES[words[at[0]]] + "".join(words[: at[0]] + words[at[0] + 1 :]),)
    plain = "".join(words)
    side = SIDES.get(plain[:1])
    return (plain, side + plain[1:]) if side and not plain.startswith(tuple(SIDES.values())) else (plain,)


def _without_prefix(joints: Sequence[str]) -> list[str]:
    """Return the names without what stands before a colon, and without the words that all but perhaps the root's begin
    with."""
    names = [joint.rpartition(":")[2] for joint in joints]
    common = re.match(r".*[ _\-.|]", os.path.commonprefix(names[1:]))  # up to a separator, so that no word is cut
    if not common:
        return names
    plain = [joint.removeprefix(common.group()) for joint in names]
    return (
        ["root", *plain[1:]] if names[0] == common.group()[:-1] else plain
    )  # 3ds Max's Bip01 is the root of Bip01 Spine
