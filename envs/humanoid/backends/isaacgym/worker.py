"""Isaac Gym's side, run as a script by ``parent`` under Python 3.6 to 3.8: the standard library, numpy, torch and
isaacgym only.

``worker.py BLOCK_FD READ_FD WRITE_FD``. The first message is the configuration; then each message names a method of
Simulation."""

import os
import sys
import traceback

# Set before numpy and torch are imported, as they read it then.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np
from channel import Block, receive, send

# PhysX averages the coefficients of the two surfaces in touch; the plane's is low so that small sums can be had.
PLANE_FRICTION = 0.4


class Simulation:
    """One sim with N copies of the robot; arrays of the block are the ways in and out."""

    def __init__(self, config, arrays, gymapi, gymtorch, torch):
        self.config, self.arrays = config, arrays
        self.gymapi, self.gymtorch, self.torch = gymapi, gymtorch, torch
        self.gym = gymapi.acquire_gym()
        self.device = config["device"]
        self.on_gpu = self.device != "cpu"
        self.sim = self._create_sim()
        self.asset = self._load_asset()
        self._match_names()
        self.actors = [self._create_actor(env) for env in range(config["envs"])]
        self.bare_masses = {}
        self.prepared = False

    def properties(self, count):
        """Set friction, payload and motor strength of the first ``count`` environments in ``ids``."""
        for row, env in enumerate(self._ids(count)):
            friction, payload, strength = self.arrays["properties"][row].tolist()
            handles = self.actors[env]
            self._set_friction(handles, friction)
            self._set_strength(handles, strength)
            if not self.prepared:
                self._set_payload(env, payload)

    def reset(self, count):
        """Take over the new states of environments; they hold from the next step on."""
        self._prepare()
        ids = self._on_device(self._ids(count))
        self.root[ids] = self._on_device(self.arrays["new_root"][:count])
        self.dof[ids] = self._on_device(self.arrays["new_dof"][:count][:, self.from_parent])
        self.moved_roots.update(self._ids(count))
        self.moved_joints.update(self._ids(count))

    def push(self, count):
        """Add to the velocities of roots."""
        self._prepare()
        ids = self._on_device(self._ids(count))
        self.root[ids, 7:10] += self._on_device(self.arrays["push"][:count])
        self.moved_roots.update(self._ids(count))

    def step(self, substeps):
        """Simulate and write the states into the block."""
        self._prepare()
        self._flush()
        targets = self._on_device(self.arrays["targets"][:, self.from_parent]).contiguous()
        for _ in range(substeps):
            self.gym.set_dof_position_target_tensor(self.sim, self.gymtorch.unwrap_tensor(targets))
            self.gym.simulate(self.sim)
            if not self.on_gpu:
                self.gym.fetch_results(self.sim, True)
        self._refresh()
        self._write("root", self.root)
        self._write("dof", self.dof[:, self.to_parent_joints])
        self._write("body", self.body[:, self.to_parent_bodies])
        self._write("force", self.force[:, self.to_parent_bodies])

    def close(self):
        """Give the simulation back."""
        self.gym.destroy_sim(self.sim)

    def _create_sim(self):
        params = self.gymapi.SimParams()
        params.dt, params.substeps = self.config["dt"], 1
        params.up_axis = self.gymapi.UP_AXIS_Z
        params.gravity = self.gymapi.Vec3(0.0, 0.0, -9.81)
        params.use_gpu_pipeline = params.physx.use_gpu = self.on_gpu
        params.physx.solver_type, params.physx.num_threads = 1, 4
        params.physx.num_position_iterations, params.physx.num_velocity_iterations = 8, 1
        params.physx.contact_offset, params.physx.rest_offset = 0.01, 0.0
        compute = int(self.device.partition(":")[2] or 0) if self.on_gpu else 0
        sim = self.gym.create_sim(compute, -1, self.gymapi.SIM_PHYSX, params)
        if sim is None:
            raise RuntimeError("create_sim returned nothing: Isaac Gym found no usable device")
        plane = self.gymapi.PlaneParams()
        plane.normal = self.gymapi.Vec3(0.0, 0.0, 1.0)
        plane.static_friction = plane.dynamic_friction = PLANE_FRICTION
        plane.restitution = 0.0
        self.gym.add_ground(sim, plane)
        return sim

    def _load_asset(self):
        options = self.gymapi.AssetOptions()
        options.default_dof_drive_mode = int(self.gymapi.DOF_MODE_POS)
        options.collapse_fixed_joints = options.fix_base_link = False
        options.angular_damping = options.linear_damping = 0.0
        folder, name = os.path.split(self.config["mjcf"])
        asset = self.gym.load_asset(self.sim, folder, name, options)
        if asset is None:
            raise RuntimeError("load_asset returned nothing for {}".format(self.config["mjcf"]))
        return asset

    def _match_names(self):
        """The importer may order joints and bodies otherwise: everything goes by name."""
        joints = list(self.gym.get_asset_dof_names(self.asset))
        bodies = list(self.gym.get_asset_rigid_body_names(self.asset))
        for what, wanted, found in (("joint", self.config["joints"], joints), ("body", self.config["bodies"], bodies)):
            missing = [name for name in wanted if name not in found]
            if missing or len(wanted) != len(found):
                odd = missing or [name for name in found if name not in wanted]
                raise RuntimeError(f"the imported robot differs from its description at the {what} {odd[0]}")
        self.from_parent = [self.config["joints"].index(name) for name in joints]
        self.to_parent_joints = [joints.index(name) for name in self.config["joints"]]
        self.to_parent_bodies = [bodies.index(name) for name in self.config["bodies"]]
        self.payload_body = bodies.index(self.config["payload_body"])

    def _create_actor(self, index):
        per_row = max(1, int(self.config["envs"] ** 0.5))
        corner = self.gymapi.Vec3(1.0, 1.0, 2.0)
        env = self.gym.create_env(self.sim, self.gymapi.Vec3(-1.0, -1.0, 0.0), corner, per_row)
        pose = self.gymapi.Transform()
        pose.p = self.gymapi.Vec3(0.0, 0.0, self.config["height"])
        # A filter other than 0 switches collisions of the robot with itself off.
        actor = self.gym.create_actor(env, self.asset, pose, "robot", index, 1, 0)
        handles = (env, actor)
        self._set_strength(handles, 1.0)
        self._set_friction(handles, self.config["friction"])
        return handles

    def _set_strength(self, handles, strength):
        drive = self.gym.get_asset_dof_properties(self.asset)
        drive["driveMode"][:] = int(self.gymapi.DOF_MODE_POS)
        for field in ("stiffness", "damping", "effort"):
            drive[field][:] = strength * np.asarray(self.config[field])[self.from_parent]
        drive["armature"][:] = np.asarray(self.config["armature"])[self.from_parent]
        self.gym.set_actor_dof_properties(handles[0], handles[1], drive)

    def _set_friction(self, handles, friction):
        shapes = self.gym.get_actor_rigid_shape_properties(*handles)
        for shape in shapes:
            shape.friction = max(0.0, 2 * friction - PLANE_FRICTION)
        self.gym.set_actor_rigid_shape_properties(handles[0], handles[1], shapes)

    def _set_payload(self, env, payload):
        handles = self.actors[env]
        bodies = self.gym.get_actor_rigid_body_properties(*handles)
        bare = self.bare_masses.setdefault(env, bodies[self.payload_body].mass)
        bodies[self.payload_body].mass = bare + payload
        self.gym.set_actor_rigid_body_properties(handles[0], handles[1], bodies, False)

    def _prepare(self):
        if self.prepared:
            return
        envs, gym, wrap = self.config["envs"], self.gym, self.gymtorch.wrap_tensor
        gym.prepare_sim(self.sim)
        self.root = wrap(gym.acquire_actor_root_state_tensor(self.sim)).view(envs, 13)
        self.dof_rows = wrap(gym.acquire_dof_state_tensor(self.sim))
        self.dof = self.dof_rows.view(envs, -1, 2)
        self.body = wrap(gym.acquire_rigid_body_state_tensor(self.sim)).view(envs, -1, 13)
        self.force = wrap(gym.acquire_net_contact_force_tensor(self.sim)).view(envs, -1, 3)
        self.moved_roots, self.moved_joints = set(), set()
        self._refresh()
        self.prepared = True

    def _flush(self):
        """Hand over moved states in one call each: a second call before the next step would replace the first."""
        for moved, state, give in (
            (self.moved_roots, self.root, self.gym.set_actor_root_state_tensor_indexed),
            (self.moved_joints, self.dof_rows, self.gym.set_dof_state_tensor_indexed),
        ):
            if moved:
                ids = self.torch.tensor(sorted(moved), dtype=self.torch.int32, device=self.device)
                give(self.sim, self.gymtorch.unwrap_tensor(state), self.gymtorch.unwrap_tensor(ids), len(moved))
                moved.clear()

    def _refresh(self):
        self.gym.refresh_actor_root_state_tensor(self.sim)
        self.gym.refresh_dof_state_tensor(self.sim)
        self.gym.refresh_rigid_body_state_tensor(self.sim)
        self.gym.refresh_net_contact_force_tensor(self.sim)

    def _ids(self, count):
        return self.arrays["ids"][:count].tolist()

    def _on_device(self, values):
        return self.torch.tensor(values, device=self.device)

    def _write(self, name, tensor):
        self.arrays[name][...] = tensor.cpu().numpy()


class Absent(Exception):
    """Isaac Gym, or what it needs, cannot be imported."""


def start(config, arrays):
    """Import Isaac Gym, before torch as it insists, and return the simulation."""
    try:
        from isaacgym import gymapi, gymtorch  # isort: skip
        import torch
    except Exception as error:  # under a wrong Python it raises RuntimeError
        raise Absent(str(error)) from error
    torch.set_num_threads(1)
    return Simulation(config, arrays, gymapi, gymtorch, torch)


def main():
    """Answer the parent's messages until it closes the pipe."""
    block_fd, read_fd, write_fd = (int(word) for word in sys.argv[1:4])
    commands, answers = os.fdopen(read_fd, "rb"), os.fdopen(write_fd, "wb")
    config = receive(commands)
    if config is None:
        return
    try:
        arrays = Block(block_fd, config["envs"], len(config["joints"]), len(config["bodies"])).open()
        simulation = start(config, arrays)
    except Absent as error:
        send(answers, {"absent": str(error), "python": "{}.{}".format(*sys.version_info[:2])})
        return
    except Exception:
        send(answers, {"failed": traceback.format_exc()})
        return
    send(answers, {"ready": True, "python": "{}.{}".format(*sys.version_info[:2])})
    for message in iter(lambda: receive(commands), None):
        try:
            getattr(simulation, message["call"])(*message.get("with", []))
        except Exception:
            send(answers, {"failed": traceback.format_exc()})
            return
        send(answers, {"done": True})
    simulation.close()
    os._exit(0)  # the interpreter would take seconds to take torch apart


if __name__ == "__main__":
    main()
