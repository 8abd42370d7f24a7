"""One script per vision task: look, decide, move. What a script knows beforehand are the sizes of things,
not where they are."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

import numpy as np

from agents.humanoid_script.detection import mask
from agents.humanoid_script.player import Player, Script
from crossbody.errors import CrossbodyError

SEARCH_RAD = math.radians(80)
NEAR_RAD = math.radians(8)
SIDE_STEP_M = 0.55
BOX_FORWARD_M, BOX_HALF_DEPTH_M, BOX_HALF_HEIGHT_M, BOX_WIDTH_M = 0.35, 0.06, 0.09, 0.22
PELVIS_M = 0.775
BALL_M, PAD_M = 0.11, 0.09
BALL_AHEAD_M, BAR_AHEAD_M = 0.38, 0.2
JUMP_M = 0.36
REACH_M = 0.09
MOVED_PX = 6
SETTLE_S = 0.4
HUNDREDTH_M = 0.01


def turn(player: Player, instruction: str) -> Script:
    """Turn to the thing; where it is out of view, turn on until it comes into it."""
    yield from player.wait(SETTLE_S)
    for _ in range(4):
        detection = player.look()
        if detection is None:
            yield from player.play("turn", angle=SEARCH_RAD)
        elif abs(player.off(detection)) > NEAR_RAD:
            yield from player.play("turn", angle=player.off(detection))
        else:
            return
        yield from player.wait(SETTLE_S)


def hold(player: Player, instruction: str) -> Script:
    """Put the hands to the sides of the box, press, and lift."""
    yield from player.wait(SETTLE_S)
    detection = player.look()
    if detection is None:
        return
    across = detection.at_forward(detection.middle, BOX_FORWARD_M)[1]
    top = detection.at_forward(detection.top, BOX_FORWARD_M + BOX_HALF_DEPTH_M)[2]
    target = [BOX_FORWARD_M, across, top - BOX_HALF_HEIGHT_M - PELVIS_M]
    yield from player.play("hold", target=np.array(target), width=BOX_WIDTH_M)


def wave(player: Player, instruction: str) -> Script:
    """Turn to the person and wave."""
    yield from player.wait(SETTLE_S)
    detection = player.look()
    if detection is not None and abs(player.off(detection)) > NEAR_RAD:
        yield from player.play("turn", angle=player.off(detection))
    yield from player.play("wave")


def avoid(player: Player, instruction: str) -> Script:
    """Step aside, away from the side on which the thing comes."""
    yield from player.wait(SETTLE_S)
    detection = player.look()
    left = detection is None or player.off(detection) < 0
    yield from player.play("side_step", distance=SIDE_STEP_M if left else -SIDE_STEP_M)


def jump(player: Player, instruction: str) -> Script:
    """Walk up to the bar and jump."""
    yield from player.wait(SETTLE_S)
    detection = player.look()
    if detection is None:
        return
    forward = player.ahead(detection.at_height(detection.nearest, HUNDREDTH_M))[0]
    yield from player.play("walk", distance=forward - BAR_AHEAD_M)
    yield from player.wait(SETTLE_S)
    yield from player.play("jump", far=JUMP_M)


def dance(player: Player, instruction: str) -> Script:
    """Wait until the partner moves, then dance the dance of that number."""
    number = re.search(r"number (\d+)", instruction)
    if number is None:
        raise CrossbodyError(f"dance: the instruction '{instruction}' has no number")
    first = None
    while True:
        now = mask(player.observation["video.ego_view"], player.colour)
        first = now if first is None else first
        if np.count_nonzero(now ^ first) > MOVED_PX:
            break
        yield player.still()
    yield from player.play("dance", number=int(number[1]))


def punch(player: Player, instruction: str) -> Script:
    """Strike at the pad with the fist on its side."""
    yield from player.wait(SETTLE_S)
    detection = player.look()
    if detection is None:
        return
    place = player.ahead(detection.ball(PAD_M))
    target = np.array([place[0] - PAD_M + REACH_M, place[1], place[2] - PELVIS_M])
    yield from player.play("punch", side="left" if place[1] > 0 else "right", target=target)


def kick(player: Player, instruction: str) -> Script:
    """Walk up to the ball and kick it with the foot on its side."""
    yield from player.wait(SETTLE_S)
    detection = player.look()
    if detection is None:
        return
    place = player.ahead(detection.at_height(detection.middle, BALL_M))
    yield from player.play("walk", distance=place[0] - BALL_AHEAD_M)
    yield from player.wait(SETTLE_S)
    yield from player.play("kick", side="left" if place[1] > 0 else "right")


SCRIPTS: dict[str, Callable[[Player, str], Script]] = {
    "turn": turn,
    "take": hold,
    "wave": wave,
    "avoid": avoid,
    "jump": jump,
    "dance": dance,
    "punch": punch,
    "kick": kick,
}
"""First word of the instruction -> script."""


def script(player: Player, instruction: str) -> Script:
    """Return the script for an instruction; CrossbodyError for one that begins with another word."""
    word = instruction.partition(" ")[0]
    if word not in SCRIPTS:
        raise CrossbodyError(f"the instruction '{instruction}' begins with none of the words {', '.join(SCRIPTS)}")
    return SCRIPTS[word](player, instruction)
