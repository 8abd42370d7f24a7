"""Makes the pictures of the README: ``PYTHONHASHSEED=0 uv run python docs/pictures.py``.

The scripted expert solves one task; a free camera and the robot's own head camera watch it.
"""

from __future__ import annotations

import os
from pathlib import Path

import cv2
import numpy as np

TASK, SEED = "PosttrainPnPNovelFromCuttingboardToBasketSplitA", 5
OUT = Path(__file__).resolve().parent / "pictures"
SHOWN = (0, 40, 62, 95, 130)  # control steps


def main() -> None:
    """Write docs/pictures/expert.jpg: the scene from outside, and five moments through the robot's eyes."""
    from crossbody.gl import choose

    os.environ.update(choose())
    import mujoco

    from crossbody import catalog
    from crossbody.contracts import EpisodeSpec, TaskSpec
    from envs.robocasa.env import RoboCasaGR1

    env = RoboCasaGR1(TASK, look="faithful")
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
    OUT.mkdir(exist_ok=True)
    cv2.imwrite(str(OUT / "expert.jpg"), picture[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 88])
    print(info["instruction"])


if __name__ == "__main__":
    main()
