"""docs/humanoid.md shows the values that the data files have."""

from __future__ import annotations

import re
from pathlib import Path

from envs.humanoid.randomisation import axes

PAGE = (Path(__file__).resolve().parent.parent / "docs" / "humanoid.md").read_text()


def test_the_table_of_variations_is_that_of_the_data():
    rows = {m[1]: m[2] for m in re.finditer(r"^\| `(\w+)`[^|]*\|(.*)\|$", PAGE, re.MULTILINE) if m[1] in axes()}
    assert rows.keys() == axes().keys()
    for name, axis in axes().items():
        numbers = [float(word) for word in re.findall(r"-?\d+\.?\d*", rows[name])]
        low, high = axis["training"]
        training = [low] if low == high else [low, high]
        assert numbers == [axis["nominal"], *training, *axis["levels"]], name
