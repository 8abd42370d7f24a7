"""Restarts pytest with PYTHONHASHSEED=0, which the simulator package needs before the interpreter starts, and pins the
arithmetic.

Loaded by ``-p`` in pyproject.toml, before pytest captures the output and before anything imports numpy.
"""

import os
import sys

from crossbody import arithmetic

arithmetic.pin()
if sys.flags.hash_randomization:
    os.environ["PYTHONHASHSEED"] = "0"
    os.execv(sys.executable, [sys.executable, "-m", "pytest", *sys.argv[1:]])
