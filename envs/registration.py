"""The environments' Gymnasium ids. Registering imports no simulator."""

from __future__ import annotations

import difflib
import importlib
from typing import TYPE_CHECKING

from gymnasium.envs import registration

from crossbody.errors import CrossbodyError

if TYPE_CHECKING:
    from crossbody.contracts import SuiteSpec

TIME_LIMIT = 720  # control steps: 36 s, the limit of every published protocol on the RoboCasa GR1 tasks
ROBOCASA = "crossbody/RoboCasaGR1-v1"
TRACKING = "crossbody/HumanoidTracking-v1"
VISION = "crossbody/HumanoidVision-v1"


def check(suite: SuiteSpec) -> None:
    """Raise CrossbodyError for a task whose environment does not exist, or that lacks what it needs here (assets, GL).

    What it needs is known to the module that makes it, where that has a function ``check`` of the task's options.
    """
    register()
    asked: set[str] = set()
    for task in suite.tasks:
        if ":" in task.env:  # Gymnasium imports the package that registers it
            continue
        if task.env not in registration.registry:
            near = difflib.get_close_matches(task.env, registration.registry, n=1)
            hint = f" Did you mean '{near[0]}'?" if near else ""
            raise CrossbodyError(
                f"task {task.name} of suite '{suite.name}' names the environment '{task.env}', which does not "
                f"exist.{hint}"
            )
        entry = registration.registry[task.env].entry_point
        module = entry.partition(":")[0] if isinstance(entry, str) else ""
        need = f"{module} {task.options.get('assets')}"
        if module.startswith("envs.") and need not in asked:
            asked.add(need)
            getattr(importlib.import_module(module), "check", lambda **_: None)(**task.options)


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
