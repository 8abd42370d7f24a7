"""The same on any machine: processes that would take other kernels by themselves play the same episodes,
trace for trace."""

from __future__ import annotations

import json

import pytest

from crossbody import arithmetic
from tests.kernels import other_kernels, python

ROWS = "import runpy, sys; sys.argv[0] = 'rows'; runpy.run_module('tests.run_rows', run_name='__main__')"
CASES = {
    "expert": ("60", "--agent", "expert", "--suite", "robocasa_gr1", "--tasks", "PosttrainPnPNovelFromPlateToBowl*"),
    "vla_unit": ("32", "--agent", "vla_unit", "--suite", "robocasa_ood", "--tasks", "PretrainPnPNovelFromPlateToPot*"),
}


@pytest.mark.sim
@pytest.mark.slow
@pytest.mark.skipif(not arithmetic.variables(), reason="this processor is no x86-64-v3, so nothing can be pinned")
@pytest.mark.parametrize("agent", CASES)
def test_scenes_and_traces_are_equal_under_the_kernels_of_another_processor(agent, pack, tmp_path):
    played = []
    for name, kernels in (("here", {}), ("there", other_kernels())):
        options = (
            *CASES[agent],
            "--scenes",
            "fresh",
            "--episodes",
            "1",
            "--workers",
            "1",
            "--out",
            str(tmp_path / name),
        )
        played.append(json.loads(python(ROWS, *options, **kernels)))
    assert played[0] == played[1]
    assert played[0]["pinned"] and len(played[0]["rows"]) == 1
    assert all(scene and trace for scene, trace, _ in played[0]["rows"].values())
