"""What every suite of the catalog must be, with every task in it, before a simulator is started."""

from __future__ import annotations

import dataclasses
import importlib
import inspect

import pytest
from gymnasium.envs import registration as gymnasium_ids

from crossbody import catalog
from crossbody.contracts import SuiteSpec, TaskSpec
from crossbody.errors import CrossbodyError
from envs import registration
from reports.table import table_of
from tasks.suite import default_protocol, load_protocol, load_suite, queue

SUITES = list(catalog.entries("suites"))


@pytest.mark.parametrize("name", SUITES)
def test_its_protocol_table_and_source_exist_and_its_queue_is_made(name):
    suite = load_suite(name)
    protocol = load_protocol(default_protocol(name))
    assert suite.title and suite.source and suite.tasks
    assert len(queue(suite, protocol, seed=0)) == len(suite.tasks) * protocol.episodes_per_task
    assert table_of(name).title


@pytest.mark.parametrize("name", SUITES)
def test_every_environment_that_it_names_exists(name):
    registration.register()
    lost = {t.env for t in load_suite(name).tasks} - set(gymnasium_ids.registry)
    assert not lost


def test_a_suite_that_names_an_environment_that_does_not_exist_is_refused_before_a_worker_starts(tmp_path):
    from tests.running import make_plan, run_plan

    group = TaskSpec("T", "crossbody/Fakee-v1", "f", "s")
    with pytest.raises(CrossbodyError) as caught:
        registration.check(SuiteSpec("mistyped", "t", (group,), "s"))
    assert str(caught.value) == (
        "task T of suite 'mistyped' names the environment 'crossbody/Fakee-v1', which does not exist. "
        "Did you mean 'crossbody/Fake-v1'?"
    )
    plan = make_plan()
    with pytest.raises(CrossbodyError, match="which does not exist"):
        run_plan(tmp_path / "r", dataclasses.replace(plan, suite=SuiteSpec("mistyped", "t", (group,), "s")))
    assert not (tmp_path / "r").exists()


def test_what_an_environments_entry_checks_is_asked(monkeypatch):
    entry = importlib.import_module("envs.robocasa.entry")
    asked = []
    monkeypatch.setattr(entry, "check", lambda **options: asked.append(options["task"]))
    registration.check(load_suite("robocasa_ood"))
    assert len(asked) == 1
    assert "check" in dict(inspect.getmembers(importlib.import_module("envs.humanoid.vision.entry")))
