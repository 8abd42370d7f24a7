"""What every task of every suite must be. One task of each environment is built, reset and stepped."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import numpy as np
import pytest
from gymnasium.envs import registration as gymnasium_ids

from crossbody import catalog
from crossbody.contracts import TaskSpec
from crossbody.errors import InvalidAction, MissingExtra
from envs import registration
from envs.chunked import make
from tasks.suite import load_suite

TASKS = {f"{suite}: {t.name}": t for suite in catalog.entries("suites") for t in load_suite(suite).tasks}
LIGHT = {t.env: t for t in TASKS.values() if t.env != registration.ROBOCASA}
"""One task of each environment that is built here; test_robocasa_env.py builds RoboCasa's."""


def options_of(env: str) -> set[str] | None:
    """Return the options that an environment's maker names anywhere on its way, or None when it takes any."""
    registration.register()
    entry = gymnasium_ids.load_env_creator(str(gymnasium_ids.registry[env].entry_point))
    names = set(inspect.signature(entry).parameters) - {"options"}
    for source in Path(inspect.getfile(entry)).parent.rglob("*.py"):
        for node in ast.walk(ast.parse(source.read_text())):
            if isinstance(node, ast.FunctionDef) and node.name == "__init__":
                names |= {a.arg for a in (*node.args.args, *node.args.kwonlyargs)}
    return names


def faults(task: TaskSpec) -> list[str]:
    """Return what is wrong with a task, as far as its data tell."""
    registration.register()
    if task.env not in gymnasium_ids.registry:
        return [f"the environment {task.env} does not exist"]
    unknown = set(task.options) - (options_of(task.env) or set())
    wrong = [f"its environment takes no option {name}" for name in sorted(unknown)]
    wrong += [f"its {field} is empty" for field in ("name", "family", "split") if not getattr(task, field)]
    if task.pair and task.pair not in {t.name for t in TASKS.values()}:
        wrong.append(f"its pair {task.pair} is no task")
    return wrong + (["its name cannot be that of a file"] if set("/\\\0") & set(task.name) else [])


@pytest.mark.parametrize("task", TASKS.values(), ids=TASKS)
def test_its_environment_options_and_pair_exist(task):
    assert faults(task) == []


def test_a_task_with_faults_would_be_found():
    assert faults(TaskSpec("T", "crossbody/Fakee-v1", "f", "s")) == [
        "the environment crossbody/Fakee-v1 does not exist"
    ]
    assert faults(TaskSpec("T/1", "crossbody/Fake-v1", "", "s", {"colour": 1}, "Nobody")) == [
        "its environment takes no option colour",
        "its family is empty",
        "its pair Nobody is no task",
        "its name cannot be that of a file",
    ]


@pytest.mark.sim
@pytest.mark.parametrize("task", LIGHT.values(), ids=LIGHT)
def test_one_task_of_each_environment_is_built_and_two_resets_with_one_seed_are_equal(task):
    try:
        env = make(task)
    except MissingExtra as error:
        pytest.skip(f"{task.env} needs what is not here: {error}")
    offered = env.contract()
    seen = [
        env.reset(seed=3, options={"observe": [c.name for c in offered.observation if "video" not in c.name]})[0]
        for _ in range(2)
    ]
    np.testing.assert_equal(dict(seen[0]), dict(seen[1]))
    rng = np.random.default_rng(0)  # no zeros: a rotation cannot be made of them
    chunk = {c.name: rng.normal(0, 0.1, (2, *c.shape)).astype(c.dtype) for c in offered.action}
    try:
        result = env.step_chunk(chunk)
    except InvalidAction as refusal:  # random numbers may be no command: then it is told what was expected
        assert "expected" in str(refusal)
    else:
        assert 1 <= result.steps <= 2 and all(isinstance(bit, bool | np.bool_) for bit in result.success)
    assert env.fingerprint()
    env.close()
