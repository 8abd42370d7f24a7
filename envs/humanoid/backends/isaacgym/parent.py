"""Isaac Gym as a physics backend: a worker under its own Python simulates, states come back through shared memory.

NVIDIA's Isaac Gym Preview 4 runs under Python 3.6 to 3.8 only. ``CROSSBODY_ISAACGYM_PYTHON`` names the interpreter that
has it, with torch and numpy. States come to the CPU, whatever device simulates.
"""

from __future__ import annotations

import os
import select
import shutil
import subprocess
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from envs.humanoid.backends.isaacgym.channel import Block, receive, send
from envs.humanoid.kinematics import Kinematics
from envs.humanoid.physics import (
    DT,
    QUAT,
    PhysicsError,
    Properties,
    check_states,
    check_targets,
)
from envs.humanoid.robot import Robot, mjcf

PYTHON_VARIABLE = "CROSSBODY_ISAACGYM_PYTHON"
CANDIDATES = ("python3.8", "python3.7", "python3.6")
START_S, ANSWER_S = 300, 240
INSTEAD = "`--backend mujoco` works now, without a GPU."


class IsaacGym:
    """``envs.humanoid.physics`` says what each member means; ``simulates_on`` is the worker's device."""

    name = "isaacgym"
    device = "cpu"
    fixed = frozenset({"payload_kg"})  # PhysX on the GPU takes masses before the simulation is prepared only

    def __init__(
        self,
        robot: Robot,
        num_envs: int,
        *,
        dt: float = DT,
        simulates_on: str = "cuda:0",
        python: str | None = None,
    ):
        self.robot, self.num_envs, self.dt = robot, num_envs, dt
        self.dof_names, self.body_names = robot.joint_names, robot.body_names
        self._kinematics = Kinematics(robot)
        self._files = tempfile.TemporaryDirectory(prefix="crossbody-isaacgym-")
        self._log = (Path(self._files.name) / "worker.log").open("w+b")
        self._worker: subprocess.Popen[bytes] | None = None
        self._start_worker(find_python(python))
        try:
            self._call_up(simulates_on)
        except BaseException:
            self.close()
            raise
        self._make_tensors()

    def set_targets(self, targets: Tensor) -> None:
        check_targets(self, targets)
        self._arrays["targets"][...] = targets.numpy()

    def step(self, substeps: int) -> None:
        self._call("step", substeps)
        for tensor, name in ((self.root_state, "root"), (self.body_state, "body")):
            tensor.copy_(_to_wxyz(torch.from_numpy(self._arrays[name])))
        self.dof_state.copy_(torch.from_numpy(self._arrays["dof"]))
        self.contact_forces.copy_(torch.from_numpy(self._arrays["force"]))

    def reset_idx(self, ids: Tensor, root_state: Tensor, dof_state: Tensor) -> None:
        check_states(self, ids, root_state, dof_state)
        root, joints = root_state.float(), dof_state.float()
        count = self._choose(ids)
        self._arrays["new_root"][:count] = _to_xyzw(root).numpy()
        self._arrays["new_dof"][:count] = joints.numpy()
        self._arrays["targets"][ids.numpy()] = joints[..., 0].numpy()
        self._call("reset", count)
        # Isaac Gym shows a state that was set only after its next step: until then the states follow from kinematics.
        self.root_state[ids], self.dof_state[ids] = root, joints
        self.body_state[ids] = self._kinematics.states(root, joints)
        self.contact_forces[ids] = 0

    def set_properties(self, ids: Tensor, properties: Properties) -> None:
        if self._running and not torch.equal(self._payload[ids], properties.payload_kg):
            raise PhysicsError(
                "Isaac Gym takes payloads before the first reset or step only; make the physics anew for other ones"
            )
        self._payload[ids] = properties.payload_kg
        count = self._choose(ids)
        self._arrays["properties"][:count] = torch.stack(tuple(vars(properties).values()), 1).numpy()
        self._call("properties", count)

    def push(self, ids: Tensor, velocity: Tensor) -> None:
        count = self._choose(ids)
        self._arrays["push"][:count] = velocity.numpy()
        self._call("push", count)

    def close(self) -> None:
        worker, self._worker = self._worker, None
        if worker is None:
            return
        with suppress(BrokenPipeError):
            self._commands.close()  # the worker ends when it finds its pipe closed
        try:
            worker.wait(30)
        except subprocess.TimeoutExpired:
            worker.kill()
            worker.wait()
        self._answers.close()
        self._log.close()
        self._memory.close()
        self._files.cleanup()

    def _start_worker(self, python: str) -> None:
        self._python = python
        self._memory = tempfile.TemporaryFile()
        self._block = Block(self._memory.fileno(), self.num_envs, len(self.dof_names), len(self.body_names))
        os.ftruncate(self._memory.fileno(), self._block.size)
        self._arrays = self._block.open()
        theirs_in, ours_out = os.pipe()
        ours_in, theirs_out = os.pipe()
        script = str(Path(__file__).with_name("worker.py"))
        fds = (self._memory.fileno(), theirs_in, theirs_out)
        try:
            self._worker = subprocess.Popen(
                [python, script, *map(str, fds)], pass_fds=fds, stdout=self._log, stderr=self._log
            )
        except OSError as error:
            raise PhysicsError(
                f"Isaac Gym's Python '{python}' does not start: {error}. Set {PYTHON_VARIABLE}; {INSTEAD}"
            ) from None
        finally:
            os.close(theirs_in)
            os.close(theirs_out)
        self._commands, self._answers = os.fdopen(ours_out, "wb"), os.fdopen(ours_in, "rb")

    def _call_up(self, simulates_on: str) -> None:
        robot = self.robot
        model = Path(self._files.name) / f"{robot.name}.xml"
        model.write_text(mjcf(robot, floor=False, motors=False))
        self._tell(
            {
                "mjcf": str(model),
                "envs": self.num_envs,
                "dt": self.dt,
                "device": simulates_on,
                "joints": self.dof_names,
                "bodies": self.body_names,
                "payload_body": robot.carrier("torso"),
                "height": robot.default_height,
                "friction": float(Properties.nominal(1).friction),
                "stiffness": robot.stiffness.tolist(),
                "damping": robot.damping.tolist(),
                "effort": robot.effort.tolist(),
                "armature": [hinge.armature for hinge in robot.hinges],
            }
        )
        answer = self._answer(START_S)
        if "absent" in answer:
            raise PhysicsError(_absent(self._python, answer))

    def _make_tensors(self) -> None:
        joints, bodies = len(self.dof_names), len(self.body_names)
        self._payload, self._running = torch.zeros(self.num_envs), False
        self.root_state, self.dof_state = torch.zeros(self.num_envs, 13), torch.zeros(self.num_envs, joints, 2)
        self.body_state = torch.zeros(self.num_envs, bodies, 13)
        self.contact_forces = torch.zeros(self.num_envs, bodies, 3)
        self.root_state[:, 2], self.root_state[:, QUAT.start] = self.robot.default_height, 1
        self.dof_state[..., 0] = torch.tensor(self.robot.default_angles)
        self.body_state.copy_(self._kinematics.states(self.root_state, self.dof_state))
        self._arrays["targets"][...] = self.dof_state[..., 0].numpy()

    def _choose(self, ids: Tensor) -> int:
        self._arrays["ids"][: len(ids)] = ids.numpy()
        return len(ids)

    def _call(self, method: str, *arguments: int) -> None:
        if self._worker is None:
            raise PhysicsError("Isaac Gym's worker has ended; make the physics anew")
        self._running |= method != "properties"
        self._tell({"call": method, "with": arguments})
        self._answer(ANSWER_S)

    def _tell(self, message: dict[str, Any]) -> None:
        with suppress(BrokenPipeError):  # its answer, or that there is none, says why
            send(self._commands, message)

    def _answer(self, seconds: float) -> dict[str, Any]:
        ready, _, _ = select.select([self._answers], [], [], seconds)
        answer = receive(self._answers) if ready else {"failed": f"no answer in {seconds:g} s"}
        if answer is None:
            code = self._worker.wait(10) if self._worker else None
            answer = {"failed": f"it ended with the exit code {code}"}
        if "failed" in answer:
            self._log.flush()
            said = Path(self._log.name).read_text(errors="replace")[-1500:].strip()
            self.close()
            told = f" Is {self._python} a Python 3.6 to 3.8? {PYTHON_VARIABLE} names another;" * (seconds == START_S)
            raise PhysicsError(
                f"Isaac Gym's worker failed: {answer['failed'].strip()}.{told} {INSTEAD}\n{said}".rstrip()
            )
        return answer


def find_python(told: str | None = None) -> str:
    """Return the interpreter that is told, the one of the environment variable,
    or the first of 3.8 to 3.6 on the PATH."""
    python = told or os.environ.get(PYTHON_VARIABLE)
    if python:
        return python
    for name in CANDIDATES:
        if found := shutil.which(name):
            return found
    raise PhysicsError(
        "Isaac Gym runs under Python 3.6 to 3.8, in an interpreter of its own, and none is on the PATH. "
        "Install NVIDIA's Isaac Gym "
        f"Preview 4 with torch into one and set {PYTHON_VARIABLE} to it; {INSTEAD}"
    )


def _absent(python: str, answer: dict[str, Any]) -> str:
    major, minor = (int(word) for word in answer["python"].split("."))
    wrong = f"; it runs under Python 3.6 to 3.8 and this is {answer['python']}" if (major, minor) > (3, 8) else ""
    return (
        f"Isaac Gym cannot be imported by {python} (Python {answer['python']}): {answer['absent']}{wrong}. "
        "Install NVIDIA's Isaac Gym "
        f"Preview 4, torch and numpy for Python 3.8 and set {PYTHON_VARIABLE} to that interpreter; {INSTEAD}"
    )


def _to_wxyz(state: Tensor) -> Tensor:
    return torch.cat((state[..., :3], state[..., 6:7], state[..., 3:6], state[..., 7:]), -1)


def _to_xyzw(state: Tensor) -> Tensor:
    return torch.cat((state[..., :3], state[..., 4:7], state[..., 3:4], state[..., 7:]), -1)
