"""The physics of one robot among things: the protocol of ``envs.humanoid.physics`` for a single environment,
and what touches what."""

from __future__ import annotations

import mujoco
import numpy as np
import torch
from torch import Tensor

from crossbody.errors import CrossbodyError
from envs.humanoid import rotations
from envs.humanoid.physics import ANGULAR, DT, LINEAR, POSITION, QUAT, Properties, check_states, check_targets
from envs.humanoid.robot import Robot

OBJECT = "object"
"""The body that a task is about."""
PARTS = ("left_hand", "right_hand", "left_foot", "right_foot", "rest")
"""What of the robot may touch it; ``rest`` is everything else."""
HANDS = ("_hand_collision", "_wrist_collision")
FEET = ("_foot", "_linkage_brace")


class World:
    """A scene's model with the robot as its first body. Threads, payloads and other frictions are for training;
    here is none."""

    name, num_envs, device, dt = "mujoco", 1, "cpu", DT
    fixed: frozenset[str] = frozenset()

    def __init__(self, robot: Robot, xml: str):
        self.robot, self.dof_names, self.body_names = robot, robot.joint_names, robot.body_names
        self.model = mujoco.MjModel.from_xml_string(xml)
        self.model.opt.timestep = self.dt
        self.model.opt.disableflags |= int(mujoco.mjtDisableBit.mjDSBL_AUTORESET)
        self.data = mujoco.MjData(self.model)
        self._joints = len(self.dof_names)
        self._bodies = [self.model.body(name).id for name in self.body_names]
        self._part = _parts(self.model, set(self._bodies))
        self._object = self.model.body(OBJECT).id
        self.root_state, self.dof_state = torch.zeros(1, 13), torch.zeros(1, self._joints, 2)
        self.body_state = torch.zeros(1, len(self._bodies), 13)
        self.contact_forces = torch.zeros(1, len(self._bodies), 3)
        self.touched = np.zeros(len(PARTS), bool)  # parts of the robot at the object, during the last step
        self.grounded = np.zeros(2, bool)  # left and right foot on anything but the object, at its end

    def set_targets(self, targets: Tensor) -> None:
        check_targets(self, targets)
        self.data.ctrl[: self._joints] = targets[0].numpy()

    def step(self, substeps: int) -> None:
        self.touched[:] = False
        for _ in range(substeps):
            mujoco.mj_step(self.model, self.data)
            self._feel()
        mujoco.mj_rnePostConstraint(self.model, self.data)
        self.contact_forces[0] = torch.from_numpy(self.data.cfrc_ext[self._bodies, 3:]).float()
        self._refresh()

    def reset_idx(self, ids: Tensor, root_state: Tensor, dof_state: Tensor) -> None:
        check_states(self, ids, root_state, dof_state)
        end, root = 7 + self._joints, root_state.double()
        self.data.qpos[:7], self.data.qpos[7:end] = root[0, :7].numpy(), dof_state[0, :, 0].numpy()
        self.data.qvel[:3], self.data.qvel[6 : end - 1] = root[0, LINEAR].numpy(), dof_state[0, :, 1].numpy()
        self.data.qvel[3:6] = rotations.unrotate(root[:, QUAT], root[:, ANGULAR])[0].numpy()
        self.data.ctrl[: self._joints] = dof_state[0, :, 0].numpy()
        self.contact_forces.zero_()
        self._refresh()

    def set_properties(self, ids: Tensor, properties: Properties) -> None:
        nominal = Properties.nominal(1)
        if any(not torch.equal(v, getattr(nominal, k)) for k, v in vars(properties).items()):
            raise CrossbodyError("the vision tasks have the nominal body; variations are for motion_tracking_ood")

    def push(self, ids: Tensor, velocity: Tensor) -> None:
        self.data.qvel[:3] += velocity[0].double().numpy()

    def close(self) -> None:
        pass

    def carry(self, name: str, position: np.ndarray, quat_wxyz: np.ndarray | None = None) -> None:
        """Put a body that the scene moves (a mocap body) somewhere, from the next step on."""
        place = self.model.body(name).mocapid[0]
        self.data.mocap_pos[place] = position
        if quat_wxyz is not None:
            self.data.mocap_quat[place] = quat_wxyz

    def pose(self, name: str) -> np.ndarray:
        """Return position and quaternion wxyz (7,) of a body."""
        body = self.data.body(name)
        return np.concatenate([body.xpos, body.xquat])

    def geoms(self, body: str) -> np.ndarray:
        """Return the places of a body's shapes, (G, 3)."""
        return self.data.geom_xpos[self.model.geom_bodyid == self.model.body(body).id]

    def _feel(self) -> None:
        self.grounded[:] = False
        bodies = self.model.geom_bodyid
        for pair in self.data.contact.geom[self.data.contact.dist < 0]:
            parts = self._part[pair]
            if (parts < 0).all():
                continue
            part, other = (parts[0], pair[1]) if parts[0] >= 0 else (parts[1], pair[0])
            if bodies[other] == self._object:
                self.touched[part] = True
            elif part in (2, 3):
                self.grounded[part - 2] = True

    def _refresh(self) -> None:
        mujoco.mj_kinematics(self.model, self.data)
        mujoco.mj_comPos(self.model, self.data)
        mujoco.mj_comVel(self.model, self.data)
        data, bodies = self.data, self.body_state.numpy()[0]
        place, turning, moving = (
            data.xpos[self._bodies],
            data.cvel[self._bodies, :3],
            data.cvel[self._bodies, 3:],
        )
        bodies[:, POSITION], bodies[:, QUAT], bodies[:, ANGULAR] = place, data.xquat[self._bodies], turning
        # cvel is the velocity of the point of the body that is at the robot's centre of mass.
        bodies[:, LINEAR] = moving + np.cross(turning, place - data.subtree_com[self._bodies[0]])
        self.root_state.numpy()[0] = bodies[0]
        joints = self.dof_state.numpy()[0]
        joints[:, 0], joints[:, 1] = data.qpos[7 : 7 + self._joints], data.qvel[6 : 6 + self._joints]


def _parts(model: mujoco.MjModel, bodies: set[int]) -> np.ndarray:
    """Return for every shape which of PARTS it belongs to; -1 for what is not the robot's."""
    out = np.full(model.ngeom, -1)
    for geom in range(model.ngeom):
        if model.geom_bodyid[geom] not in bodies:
            continue
        name = model.geom(geom).name
        ends = HANDS if any(end in name for end in HANDS) else FEET if any(end in name for end in FEET) else ()
        kind = "hand" if ends is HANDS else "foot"
        out[geom] = PARTS.index(f"{name.partition('_')[0]}_{kind}") if ends else PARTS.index("rest")
    return out
