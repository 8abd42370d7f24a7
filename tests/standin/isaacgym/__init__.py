"""A stand-in for NVIDIA's isaacgym: the calls that our worker makes, on MuJoCo. It shows the wiring, not how PhysX
behaves.

Like the real package it must be imported before torch.
"""

import sys

if "torch" in sys.modules:
    raise ImportError("PyTorch was imported before isaacgym modules.  Please import torch after isaacgym modules.")
