"""The environments' Gymnasium ids. Registering imports no simulator."""

from __future__ import annotations

from gymnasium.envs import registration

TIME_LIMIT = 720  # control steps: 36 s, the limit of every published protocol on the RoboCasa GR1 tasks
ROBOCASA = "crossbody/RoboCasaGR1-v1"
TRACKING = "crossbody/HumanoidTracking-v1"
VISION = "crossbody/HumanoidVision-v1"


def register() -> None:
    """Register every id once: the fake environment, the RoboCasa GR1 environment, and one id per task of the suites."""
    if ROBOCASA in registration.registry:
        return
    from crossbody import catalog
    from tasks.suite import load_suite

    registration.register("crossbody/Fake-v1", "envs.fake:Fake")
    registration.register(
        TRACKING, "envs.humanoid.entry:make", vector_entry_point="envs.humanoid.vector:TrackingVectorEnv"
    )
    registration.register(VISION, "envs.humanoid.vision.entry:make")
    registration.register(ROBOCASA, "envs.robocasa.entry:make", max_episode_steps=TIME_LIMIT)
    for suite in catalog.entries("suites"):
        for task in load_suite(suite).tasks:
            if task.env == ROBOCASA:
                registration.register(
                    f"crossbody/{task.name}-v1",
                    "envs.robocasa.entry:make",
                    kwargs=dict(task.options),
                    max_episode_steps=TIME_LIMIT,
                )
