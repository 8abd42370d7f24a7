"""The whole-body controller: a policy that makes a humanoid follow a reference motion, trained by PPO."""
