"""Simulators behind one Gymnasium seam. Importing this registers the environments by name and starts none of them."""

import gymnasium

TIME_LIMIT = 720  # control steps: 36 s, the limit of every published protocol on the RoboCasa GR1 tasks

gymnasium.register("crossbody/Fake-v1", "envs.fake:Fake")
gymnasium.register("crossbody/RoboCasaGR1-v1", "envs.robocasa.env:RoboCasaGR1", max_episode_steps=TIME_LIMIT)


def needs_gl(env: str) -> bool:
    """Return whether an environment of this id draws with OpenGL, which must be chosen before it is imported."""
    return str(gymnasium.spec(env).entry_point).startswith("envs.robocasa.")


def _register_tasks() -> None:
    from crossbody import catalog
    from tasks.suite import load_suite

    for suite in catalog.entries("suites"):
        for task in load_suite(suite).tasks:
            if task.env == "crossbody/RoboCasaGR1-v1":
                gymnasium.register(
                    f"crossbody/{task.name}-v1", "envs.robocasa.env:RoboCasaGR1",
                    kwargs=dict(task.options), max_episode_steps=TIME_LIMIT,
                )  # fmt: skip


_register_tasks()
