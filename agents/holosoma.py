"""An external policy, a G1 tracker from the package holosoma-inference:
an ONNX policy with its own reference and its own contract."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from crossbody.contracts import Channel, Chunk, Contract, EpisodeSpec, Observation
from crossbody.errors import ContractMismatch

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class Options:
    """None."""


class Holosoma:
    """Six parts make its observation, in alphabetical order: last action, angular velocity, joints from the default
    pose, joint velocities, the reference's joints and joint velocities, and the reference torso's orientation seen from
    the robot's.

    It never learns where it is, so it drifts: its root-relative error is what says how well it dances.
    """

    in_worker = False

    def __init__(self) -> None:
        from crossbody import external_policy
        from tasks import tracking

        self._policy = external_policy.load()
        count = len(self._policy.joints)
        self.reads: tuple[Channel, ...] = (
            tracking.joints(count),
            tracking.joint_speeds(count),
            tracking.GYRO,
            tracking.TORSO,
            tracking.FRAME,
        )
        self.gives = (tracking.targets(count),)
        self._last: dict[str, np.ndarray] = {}
        self.card = {
            "weights": external_policy.SHA256,
            "source": "holosoma-inference 0.1.3, models/wbt/ppo_g1_29dof_dancing.onnx",
        }

    def bind(self, contract: Contract, chunk: int) -> None:
        """Refuse to steer more than one control step at a time."""
        if chunk != 1:
            raise ContractMismatch(
                f"the policy was trained to act at every control step, and the protocol executes {chunk} at once; "
                "use --protocol tracking"
            )

    def reset(self, episodes: Sequence[EpisodeSpec]) -> None:
        for spec in episodes:
            self._last.pop(spec.id, None)

    def act(self, observations: Mapping[str, Observation]) -> Mapping[str, Chunk]:
        return {
            episode: {"action.joints": self._targets(episode, observation)[None]}
            for episode, observation in observations.items()
        }

    def close(self) -> None:
        self._last.clear()

    def _targets(self, episode: str, observation: Observation) -> np.ndarray:
        import numpy as np

        policy, step = self._policy, int(observation["reference.frame"][0])
        frame = policy.frame(step)
        parts = (
            self._last.get(episode, np.zeros_like(policy.default)),
            observation["state.root_angular_velocity"],
            observation["state.joints"] - policy.default,
            observation["state.joint_velocity"],
            frame.joints,
            frame.joint_velocity,
            relative_rotation(observation["state.torso_quat"], frame.torso_quat_wxyz),
        )
        action = policy(np.concatenate(parts), step)
        self._last[episode] = action
        return policy.default + policy.scale * action


def relative_rotation(robot_quat: np.ndarray, reference_quat: np.ndarray) -> np.ndarray:
    """Return the first two columns (6,), row by row, of the rotation from the robot's torso to the reference's;
    quaternions wxyz."""
    from scipy.spatial.transform import Rotation

    robot, reference = (Rotation.from_quat(q, scalar_first=True) for q in (robot_quat, reference_quat))
    return (robot.inv() * reference).as_matrix()[:, :2].reshape(6)


def make(options: Options) -> Holosoma:
    return Holosoma()
