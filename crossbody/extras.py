"""Where things are kept on this machine, and what is missing and how to get it."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """Return the user's cache folder of Crossbody (``CROSSBODY_CACHE`` overrides it); it may not exist yet."""
    if named := os.environ.get("CROSSBODY_CACHE"):
        return Path(named)
    from platformdirs import user_cache_path

    return user_cache_path("crossbody")
