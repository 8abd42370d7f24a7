"""Contract tests over every agent in the catalog."""

from __future__ import annotations

import ast
import dataclasses
import subprocess
import sys
import typing
from pathlib import Path

import numpy as np
import pytest

from crossbody import catalog
from crossbody.contracts import Agent, Contract
from crossbody.errors import ContractMismatch, CrossbodyError
from envs.chunked import check_chunk
from envs.fake import CONTRACT, Fake
from envs.humanoid.episode import contract
from evaluators.loop.acting import fit
from tasks import gr1, humanoid_vision
from tests.running import make_plan, records, run

AGENTS = sorted(catalog.entries("agents"))
CHUNK = 8
EXTRA = "holosoma"  # an agent from an extra, which may be absent; every other must be there, with its weights
ROBOTS = {
    "gr1": (gr1.CONTRACT, CHUNK),
    **{name: (contract(name), 1) for name in ("g1_23", "g1_29")},
    "vision": (humanoid_vision.contract(23), 25),
}


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    return run(tmp_path_factory.mktemp("recorded") / "r")


@pytest.fixture
def make(recorded):
    """A function that makes an agent by name, with defaults, and with the recorded run where an option needs a run."""

    def build(name: str) -> Agent:
        module = catalog.module_of("agents", name)
        needed = [f.name for f in dataclasses.fields(module.Options) if f.default is dataclasses.MISSING]
        assert set(needed) <= {"run"}, "only a recorded run may be required of the user"
        try:
            return module.make(module.Options(**{name: recorded.path for name in needed}))
        except CrossbodyError as error:
            if name != EXTRA:
                raise
            pytest.skip(f"{name} needs what is not here: {error}")

    return build


def offered_by(contract: Contract, agent: Agent, chunk: int = CHUNK) -> bool:
    try:
        fit(agent, contract, chunk)
    except ContractMismatch:
        return False
    return True


@pytest.mark.parametrize("name", AGENTS)
def test_its_options_are_frozen_and_every_field_has_its_reason(name):
    options = catalog.module_of("agents", name).Options
    assert options.__dataclass_params__.frozen
    hints = typing.get_type_hints(options)
    source = Path(sys.modules[options.__module__].__file__ or "").read_text()
    body = next(
        n.body for n in ast.walk(ast.parse(source)) if isinstance(n, ast.ClassDef) and n.name == options.__name__
    )
    documented = [
        a.target.id
        for a, b in zip(body, body[1:], strict=False)
        if isinstance(a, ast.AnnAssign) and isinstance(a.target, ast.Name) and isinstance(b, ast.Expr)
    ]
    assert documented == list(hints)


@pytest.mark.parametrize("name", AGENTS)
def test_importing_it_imports_nothing_heavy(name):
    code = (
        f"import sys; from crossbody import catalog; catalog.module_of('agents', {name!r});"
        "print(sorted({'numpy', 'torch', 'mujoco', 'gymnasium'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=catalog.ROOT)
    assert done.stdout.strip() == "[]", done.stderr


@pytest.mark.parametrize("name", AGENTS)
def test_it_has_the_three_methods_and_fits_an_environment_of_the_project(name, make):
    agent = make(name)
    assert isinstance(agent, Agent)
    assert catalog.find("agents", name).summary, "the module's docstring is what `crossbody list agents` shows"
    assert offered_by(CONTRACT, agent) or any(offered_by(offer, make(name), chunk) for offer, chunk in ROBOTS.values())
    agent.close()


@pytest.mark.parametrize("name", AGENTS)
def test_its_chunks_fit_and_repeat_after_a_reset(name, make):
    agent = make(name)
    if not offered_by(CONTRACT, agent) or agent.in_worker:
        pytest.skip("acts on a robot only")
    env, episodes = Fake(), make_plan().episodes[:2]
    seen = {e.id: env.reset(seed=e.seed)[0] for e in episodes}
    runs = []
    for _ in range(2):
        agent.reset(episodes)
        answers = [agent.act(seen), agent.act(seen)]
        runs.append([{e: check_chunk(a[e], CONTRACT.action, CHUNK) for e in seen} for a in answers])
    np.testing.assert_equal(runs[0], runs[1])
    alone = make(name)
    fit(alone, CONTRACT, CHUNK)
    alone.reset(episodes[1:])
    only = {episodes[1].id: seen[episodes[1].id]}
    np.testing.assert_equal(alone.act(only)[episodes[1].id], runs[0][0][episodes[1].id])


@pytest.mark.parametrize("name", ["zero", "hold", "random"])
def test_an_agent_that_adapts_fits_the_robot_too(name, make):
    agent = make(name)
    fit(agent, gr1.CONTRACT, 16)
    rng = np.random.default_rng(0)
    seen = {c.name: rng.normal(size=c.shape).astype(c.dtype) for c in agent.reads}
    episode = make_plan().episodes[0]
    agent.reset([episode])
    chunk = check_chunk(agent.act({episode.id: seen})[episode.id], gr1.ACTION, 16)
    away = {n: np.abs(a - seen[n.replace("action", "state")]).max() for n, a in chunk.items()} if seen else {}
    assert {n: a.shape for n, a in chunk.items()} == {f"action.{part}": (16, n) for part, n in gr1.PARTS.items()}
    if name == "zero":
        assert all((a == 0).all() for a in chunk.values())
    else:
        assert all(d <= 0.3 if name == "random" else d == 0 for d in away.values())
        assert name == "hold" or min(away.values()) > 0.1


def test_an_agent_that_knows_the_start_says_which_state_it_lacks(make):
    agent = make("hold")
    with pytest.raises(ContractMismatch) as caught:
        fit(agent, Contract(CONTRACT.observation[1:], CONTRACT.action), CHUNK)
    assert str(caught.value) == (
        "this agent commands positions about those it first saw, but the environment has no state of the same "
        "shape and "
        "unit for action.position (it has: privileged.goal, video.top, annotation.human.coarse_action)"
    )


def test_replaying_a_run_gives_its_traces_and_noise_gives_others_that_repeat(tmp_path, recorded):
    from agents import noisy_replay, replay

    again = run(tmp_path / "a", "replay", replay.Options(recorded.path), workers=2)
    assert records(again) == records(recorded)
    options = noisy_replay.Options(recorded.path, std=0.1)
    noisy, same = (run(tmp_path / n, "noisy_replay", options) for n in "bc")
    assert records(noisy) == records(same) != records(recorded)
    assert [r.scene_hash for r in noisy.final_rows().values()] == [r.scene_hash for r in recorded.final_rows().values()]


def test_replaying_an_episode_that_was_not_recorded_says_so(recorded):
    from agents import replay

    agent = replay.make(replay.Options(recorded.path))
    fit(agent, CONTRACT, CHUNK)
    with pytest.raises(CrossbodyError) as caught:
        agent.reset(make_plan(tasks=("C",)).episodes[:1])
    assert str(caught.value) == f"{recorded.path} has no recorded actions of C/0000; run that episode there first"
