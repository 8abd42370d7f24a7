"""Which script solves which task."""

from __future__ import annotations

from agents.expert.drawer import into_drawer
from agents.expert.enclosure import into_enclosure
from agents.expert.motion import Script, wait
from agents.expert.pick import pick
from agents.expert.place import place
from agents.expert.task import Episode

ROUNDS = 3
SETTLE = 10
SHOULDERS = {"right": 0.2, "left": -0.2}
"""Metres to the right of the robot's middle."""


def script(episode: Episode) -> Script:
    """Return the script for an episode's task."""
    return SCRIPTS[episode.scene.kind](episode)


def into_container(episode: Episode) -> Script:
    """Pick the object and place it in the container, again if it did not arrive."""
    for _ in range(ROUNDS):
        side = nearer_side(episode)
        grip = yield from pick(episode, side)
        if grip is not None:
            yield from place(episode, side, grip)
        yield from wait(SETTLE, episode.succeeded)
        if episode.succeeded():
            return


def nearer_side(episode: Episode) -> str:
    """Return the hand that has the less far to reach to the side, for the object or for the container."""
    body, scene = episode.body, episode.scene
    lateral = [float((scene.position(name) - body.origin) @ body.right) for name in ("obj", "container")]
    reach = {side: max(abs(x - shoulder) for x in lateral) for side, shoulder in SHOULDERS.items()}
    return min(reach, key=lambda side: reach[side])


SCRIPTS = {
    "container": into_container,
    "drawer": into_drawer,
    "cabinet": into_enclosure,
    "microwave": into_enclosure,
}
