"""Makes the pictures of the documents: ``PYTHONHASHSEED=0 uv run python docs/pictures.py``.

The scripted expert solves one task; a free camera and the robot's own head camera watch it. Human hands do some of
theirs."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

TASK, SEED = "PosttrainPnPNovelFromCuttingboardToBasketSplitA", 5
OUT = Path(__file__).resolve().parent / "pictures"
SHOWN = (0, 40, 62, 95, 130)  # control steps
PEOPLE = (
    ("table", "pot", 2),
    ("plate", "bowl", 3),
    ("cutting_board", "pan", 1),
    ("tray", "tiered_shelf", 6),
    ("table", "drawer", 4),
)


def main() -> None:
    """Write the pictures into docs/pictures."""
    from crossbody import gl

    gl.prepare()
    OUT.mkdir(exist_ok=True)
    expert()
    human()


def human() -> None:
    """Write human.jpg: five people, a row each, through their head cameras."""
    from tasks.human import Errand
    from training.human.demonstrator import Studio

    studio, rows = Studio(), []
    for source, target, seed in PEOPLE:
        take = next(
            t for s in range(100 * seed, 100 * seed + 50) if not (t := studio.play(Errand(source, target), s)).reason
        )
        times = take.script.times
        pushing = (times.pushes + times.shut) / 2 if target == "drawer" else (times.released + times.ends) / 2
        moments = (
            0,
            (times.begins + times.held) / 2,
            times.held,
            (times.held + times.released) / 2,
            times.released,
            pushing,
        )
        pictures = studio.pictures(take, 1)
        rows.append(np.hstack([pictures[int(30 * t)][43:213] for t in moments]))
        print(take.said)
    cv2.imwrite(str(OUT / "human.jpg"), np.vstack(rows)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])


def expert() -> None:
    """Write expert.jpg: the scene from outside, and five moments through the robot's eyes."""
    import mujoco

    from crossbody import catalog
    from crossbody.contracts import EpisodeSpec, TaskSpec
    from envs.robocasa.env import RoboCasaGR1

    env = RoboCasaGR1(TASK, render_preset="faithful")
    module = catalog.module_of("agents", "expert")
    agent = module.make(module.Options())
    agent.attach(env)
    _, info = env.reset(seed=SEED)
    episode = EpisodeSpec(TaskSpec(TASK, "", "", ""), 0, SEED)
    agent.reset([episode])
    view = mujoco.MjvCamera()
    view.lookat[:] = env.simulator.body_pose("obj")[:3] + [0, 0.05, 0.15]
    view.distance, view.azimuth, view.elevation = 1.75, -118, -24
    eyes, outside = [], None
    for step in range(max(SHOWN) + 1):
        if step in SHOWN:
            eyes.append(env.render())
        if step == SHOWN[2]:
            outside = env._renderer.frame(env.simulator.model, env.simulator.data, view, (1280, 760))
        env.step_chunk(agent.act({episode.id: {}})[episode.id])
    assert outside is not None
    width = outside.shape[1] // len(eyes)
    strip = np.hstack([cv2.resize(e, (width, width * 400 // 640), interpolation=cv2.INTER_AREA) for e in eyes])
    picture = np.vstack([outside, strip])
    cv2.imwrite(str(OUT / "expert.jpg"), picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])
    print(info["instruction"])


if __name__ == "__main__":
    main()
