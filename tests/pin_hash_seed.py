"""Restarts pytest with PYTHONHASHSEED=0, which the simulator package needs before the interpreter starts.

Loaded by ``-p`` in pyproject.toml, before pytest captures the output.
"""

import os
import sys

if sys.flags.hash_randomization:
    os.environ["PYTHONHASHSEED"] = "0"
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *sys.argv[1:]])
