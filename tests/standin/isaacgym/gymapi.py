"""gymapi on MuJoCo, with the habits that trip users: quaternions xyzw; joints and bodies in an order of its own;
tensors that change on refresh only; a state that is set holds from the next simulate on, and of two calls before it
only the last counts."""

import copy
import os
import xml.etree.ElementTree as ET

import mujoco
import numpy as np

SIM_PHYSX, UP_AXIS_Z, DOF_MODE_POS = 1, 1, 1
PROPERTIES = ("driveMode", "stiffness", "damping", "effort", "armature", "friction", "lower", "upper", "velocity")


class Vec3:
    def __init__(self, x=0.0, y=0.0, z=0.0):
        self.x, self.y, self.z = x, y, z


class Transform:
    def __init__(self):
        self.p = Vec3()


class Options:
    """SimParams, PlaneParams, AssetOptions and shape and body properties are bags of fields."""

    def __init__(self, **fields):
        self.__dict__.update(fields)


def SimParams():
    return Options(dt=1 / 60, substeps=2, physx=Options(), use_gpu_pipeline=False)


PlaneParams = AssetOptions = Options


def acquire_gym():
    return Gym()


class Env:
    def __init__(self, model):
        self.model, self.data = copy.copy(model), mujoco.MjData(model)


class Gym:
    def create_sim(self, compute, graphics, kind, params):
        assert kind == SIM_PHYSX and params.up_axis == UP_AXIS_Z and not params.use_gpu_pipeline
        return Options(params=params, envs=[], prepared=False, moved={})

    def add_ground(self, sim, plane):
        sim.plane = plane

    def load_asset(self, sim, folder, name, options):
        root = ET.parse(os.path.join(folder, name)).getroot()
        assert root.find("worldbody/geom[@type='plane']") is None, "the ground is add_ground's"
        joints = [joint.get("name") for joint in root.iter("joint") if joint.get("name")]
        actuators = root.find("actuator")
        for joint in joints:
            ET.SubElement(actuators, "position", name=joint, joint=joint, kp="1", forcerange="-1 1")
        plane = {"type": "plane", "size": "0 0 1", "contype": "1", "conaffinity": "0"}
        root.find("worldbody").insert(0, ET.Element("geom", plane))
        model = mujoco.MjModel.from_xml_string(ET.tostring(root, encoding="unicode"))
        model.opt.timestep = sim.params.dt / sim.params.substeps
        bodies = [model.body(i).name for i in range(1, model.nbody)]
        sim.asset = Options(
            model=model,
            joints=sorted(joints),
            bodies=bodies[:1] + bodies[:0:-1],
            soles=np.flatnonzero(model.geom_condim == 3)[1:],
        )
        sim.asset.columns = np.array([joints.index(name) for name in sim.asset.joints])
        sim.asset.rows = np.array([model.body(name).id for name in sim.asset.bodies])
        return sim.asset

    def get_asset_dof_names(self, asset):
        return list(asset.joints)

    def get_asset_rigid_body_names(self, asset):
        return list(asset.bodies)

    def get_asset_dof_properties(self, asset):
        return np.zeros(len(asset.joints), dtype=[(name, "f4") for name in PROPERTIES])

    def create_env(self, sim, lower, upper, per_row):
        sim.envs.append(Env(sim.asset.model))
        sim.envs[-1].sim = sim
        return sim.envs[-1]

    def create_actor(self, env, asset, pose, name, group, collision_filter, segmentation):  # noqa: PLR0913
        env.data.qpos[:7] = [pose.p.x, pose.p.y, pose.p.z, 1, 0, 0, 0]
        return 0

    def set_actor_dof_properties(self, env, actor, properties):
        model, columns = env.model, env.sim.asset.columns
        assert (properties["driveMode"] == DOF_MODE_POS).all()
        model.actuator_gainprm[columns, 0] = properties["stiffness"]
        model.actuator_biasprm[columns, 1] = -properties["stiffness"]
        model.actuator_biasprm[columns, 2] = -properties["damping"]
        model.actuator_forcerange[columns] = np.stack((-properties["effort"], properties["effort"]), 1)
        model.dof_armature[6 + columns] = properties["armature"]

    def get_actor_rigid_shape_properties(self, env, actor):
        return [Options(friction=1.0)]

    def set_actor_rigid_shape_properties(self, env, actor, shapes):
        env.model.geom_friction[env.sim.asset.soles, 0] = (shapes[0].friction + env.sim.plane.static_friction) / 2

    def get_actor_rigid_body_properties(self, env, actor):
        return [Options(mass=env.model.body_mass[body]) for body in env.sim.asset.rows]

    def set_actor_rigid_body_properties(self, env, actor, bodies, recompute):
        assert not env.sim.prepared, "masses are fixed once the simulation is prepared"
        env.model.body_mass[env.sim.asset.rows] = [body.mass for body in bodies]
        mujoco.mj_setConst(env.model, mujoco.MjData(env.model))

    def prepare_sim(self, sim):
        import torch

        count, joints, bodies = len(sim.envs), len(sim.asset.joints), len(sim.asset.bodies)
        sim.root, sim.dof = torch.zeros(count, 13), torch.zeros(count * joints, 2)
        sim.body, sim.force = torch.zeros(count * bodies, 13), torch.zeros(count * bodies, 3)
        sim.prepared = True
        return True

    def acquire_actor_root_state_tensor(self, sim):
        return sim.root

    def acquire_dof_state_tensor(self, sim):
        return sim.dof

    def acquire_rigid_body_state_tensor(self, sim):
        return sim.body

    def acquire_net_contact_force_tensor(self, sim):
        return sim.force

    def set_dof_position_target_tensor(self, sim, targets):
        for env, row in zip(sim.envs, targets.view(len(sim.envs), -1).numpy()):  # noqa: B905
            env.data.ctrl[sim.asset.columns] = row

    def set_actor_root_state_tensor_indexed(self, sim, state, ids, count):
        sim.moved["root"] = (state.clone(), ids[:count].tolist())

    def set_dof_state_tensor_indexed(self, sim, state, ids, count):
        sim.moved["dof"] = (state.clone().view(len(sim.envs), -1, 2), ids[:count].tolist())

    def simulate(self, sim):
        self._move(sim)
        for env in sim.envs:
            mujoco.mj_step(env.model, env.data, nstep=sim.params.substeps)
            mujoco.mj_rnePostConstraint(env.model, env.data)
            env.forces = env.data.cfrc_ext[sim.asset.rows, 3:].copy()

    def fetch_results(self, sim, wait):
        for env in sim.envs:
            mujoco.mj_kinematics(env.model, env.data)
            mujoco.mj_comPos(env.model, env.data)
            mujoco.mj_comVel(env.model, env.data)

    def refresh_actor_root_state_tensor(self, sim):
        for row, env in enumerate(sim.envs):
            sim.root[row] = self._tensor(_body_state(env, 1))

    def refresh_dof_state_tensor(self, sim):
        for row, env in enumerate(sim.envs):
            columns = sim.asset.columns
            states = np.stack((env.data.qpos[7:][columns], env.data.qvel[6:][columns]), 1)
            sim.dof.view(len(sim.envs), -1, 2)[row] = self._tensor(states)

    def refresh_rigid_body_state_tensor(self, sim):
        for row, env in enumerate(sim.envs):
            states = np.stack([_body_state(env, body) for body in sim.asset.rows])
            sim.body.view(len(sim.envs), -1, 13)[row] = self._tensor(states)

    def refresh_net_contact_force_tensor(self, sim):
        for row, env in enumerate(sim.envs):
            forces = getattr(env, "forces", np.zeros((len(sim.asset.rows), 3)))
            sim.force.view(len(sim.envs), -1, 3)[row] = self._tensor(forces)

    def destroy_sim(self, sim):
        sim.envs = []

    def _tensor(self, values):
        import torch

        return torch.tensor(values, dtype=torch.float32)

    def _move(self, sim):
        roots, root_ids = sim.moved.pop("root", (None, []))
        joints, joint_ids = sim.moved.pop("dof", (None, []))
        for row in joint_ids:
            data, values = sim.envs[row].data, joints[row].double().numpy()
            data.qpos[7:][sim.asset.columns], data.qvel[6:][sim.asset.columns] = values.T
            data.qacc_warmstart[:] = 0
        for row in root_ids:
            data, values = sim.envs[row].data, roots[row].double().numpy()
            data.qpos[:3], data.qpos[3:7] = values[:3], values[[6, 3, 4, 5]]
            data.qvel[:3] = values[7:10]
            mujoco.mju_rotVecQuat(data.qvel[3:6], values[10:13], data.qpos[3:7] * [1, -1, -1, -1])


def _body_state(env, body):
    velocity = np.zeros(6)
    mujoco.mj_objectVelocity(env.model, env.data, mujoco.mjtObj.mjOBJ_XBODY, body, velocity, 0)
    quat = env.data.xquat[body][[1, 2, 3, 0]]
    return np.concatenate((env.data.xpos[body], quat, velocity[3:], velocity[:3]))
