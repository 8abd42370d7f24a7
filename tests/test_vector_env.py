"""Environments in Gymnasium's asynchronous vectors, as other laboratories evaluate: right instructions and no hang."""

from __future__ import annotations

import multiprocessing
import os

import gymnasium
import pytest

from crossbody import gl
from crossbody.errors import CrossbodyError
from envs.registration import register

INSTRUCTION = "annotation.human.coarse_action"


@pytest.mark.parametrize("options", [{}, {"shared_memory": False}, {"copy": False}])
def test_an_asynchronous_vector_gives_every_environment_its_own_instruction(options):
    register()
    makers = [lambda side=side: gymnasium.make("crossbody/Fake-v1", side=side) for side in ("left", "right")]
    vector = gymnasium.vector.AsyncVectorEnv(makers, **options)
    told = ("move the point to the left", "move the point to the right")
    seen, _ = vector.reset(seed=[0, 1])
    assert tuple(seen[INSTRUCTION]) == told
    seen = vector.step(vector.action_space.sample())[0]
    assert tuple(seen[INSTRUCTION]) == told
    vector.close()


def test_every_environment_that_instructs_uses_the_space_for_it():
    from gymnasium import spaces

    from envs.fake import Fake
    from envs.instruction import Instruction
    from envs.robocasa.env import _space
    from tasks import gr1

    found = [Fake().observation_space[INSTRUCTION], _space(gr1.LANGUAGE)]
    assert all(isinstance(space, Instruction) and isinstance(space, spaces.Text) for space in found)


def _draw(answers) -> None:
    try:
        gl.refuse_forked()
        answers.put("drawn")
    except CrossbodyError as error:
        answers.put(str(error))


@pytest.mark.parametrize(("method", "said"), [("fork", "vector_kwargs={'context': 'spawn'}"), ("spawn", "drawn")])
def test_a_fork_of_a_process_that_has_drawn_refuses_to_draw_instead_of_waiting_for_ever(monkeypatch, method, said):
    monkeypatch.setattr(gl, "_drawn_in", None)
    gl.refuse_forked()
    assert gl._drawn_in == os.getpid()
    context = multiprocessing.get_context(method)
    answers = context.Queue()
    child = context.Process(target=_draw, args=(answers,))
    child.start()
    assert said in answers.get(timeout=60)
    child.join(60)


@pytest.mark.sim
@pytest.mark.slow
def test_a_robot_in_a_vector_after_a_single_one_in_the_same_process_says_what_to_type(pack):
    """The case itself: one environment draws, then a vector is made by fork."""
    import subprocess
    import sys

    code = (
        "import gymnasium; from envs.registration import register; register(); name = "
        "'crossbody/PnPCupToDrawerClose-v1'\n"
        "env = gymnasium.make(name); env.reset(seed=0); env.close()\n"
        "vector = gymnasium.make_vec(name, num_envs=1, vectorization_mode='async')\n"
        "try: vector.reset(seed=[0])\n"
        "except Exception as error: print('said', error)\n"
        "vector.close(terminate=True)"
    )
    environ = {**os.environ, "PYTHONHASHSEED": "0"}
    done = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, timeout=300)
    assert "vector_kwargs={'context': 'spawn'}" in done.stdout, done.stderr
