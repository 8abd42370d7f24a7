"""What every engine of workers must do, one test for all of the catalog."""

from __future__ import annotations

import pytest

from crossbody import catalog
from crossbody.errors import UnknownName
from envs.pool import Pool, PoolOrder, open_pool
from tests.test_workers import PATIENT, next_event

ENGINES = list(catalog.entries("engines"))


@pytest.fixture(params=ENGINES)
def pool(request, tmp_path):
    order = PoolOrder(2, "tests.test_workers:echo", {**PATIENT, "step": 1.0}, tmp_path)
    with open_pool(request.param, order) as made:
        yield made


def test_it_keeps_the_protocol_and_starts_no_worker_before_it_is_needed(pool):
    assert isinstance(pool, Pool)
    assert pool.count == 2
    assert list(pool.wait(0)) == []


def test_it_answers_reports_deaths_and_hangs_and_replaces_workers(pool):
    pool.worker(1).begin("hash", "a name")
    assert (event := next_event(pool)).worker == 1 and event.kind == "hash"
    pool.worker(0).begin("leave", 3)
    assert (next_event(pool)).kind == "died"
    pool.worker(0).begin("sleep", 60.0)
    assert [next_event(pool).kind for _ in range(2)] == ["going to sleep", "hung"]
    pool.worker(0).begin("environ", ("PYTHONHASHSEED",))
    assert next_event(pool).content == {"PYTHONHASHSEED": "0"}


def test_an_unknown_engine_gets_the_list(tmp_path):
    with pytest.raises(UnknownName, match="unknown engine 'procesess'. Did you mean 'processes'"):
        open_pool("procesess", PoolOrder(1, "x:y", PATIENT, tmp_path))


def test_no_caller_builds_a_pool_directly():
    callers = [*catalog.ROOT.glob("evaluators/loop/*.py"), *catalog.ROOT.glob("training/*.py")]
    assert not [f.name for f in callers if "envs.engines" in f.read_text()]
