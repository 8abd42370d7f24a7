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


def script(episode: Episode) -> Script:
    """Return the script for an episode's task."""
    return SCRIPTS[episode.scene.kind](episode)


def into_container(episode: Episode) -> Script:
    """Pick the object and place it in the container, again if it did not arrive."""
    for _ in range(ROUNDS):
        grip = yield from pick(episode, "right")
        if grip is not None:
            yield from place(episode, "right", grip)
        yield from wait(SETTLE, episode.succeeded)
        if episode.succeeded():
            return


SCRIPTS = {
    "container": into_container,
    "drawer": into_drawer,
    "cabinet": into_enclosure,
    "microwave": into_enclosure,
}
