"""Answers of a policy depend on their own episode only, on every device that is here."""

import pytest
import torch

from agents.unit.inference import LARGE, Inference, choose_device
from agents.unit.policy import Policy
from crossbody.errors import CrossbodyError
from tests.unit_small import batch, small

DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]


class Padded(Inference):
    """The GPU's way of answering, on whatever device is here."""

    @property
    def _together(self) -> int:
        return self._rows


@pytest.fixture
def asked():
    size = small()
    rows = batch(size, n=5)
    torch.manual_seed(0)
    policy = Policy(size.policy).eval()
    noise = [
        torch.randn(1, 16, size.policy.embodiments.width, generator=torch.Generator().manual_seed(i)) for i in range(5)
    ]
    return policy, [{k: v[i : i + 1] for k, v in rows.items()} for i in range(5)], noise


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("kind", [Inference, Padded])
def test_an_answer_does_not_depend_on_who_else_is_asked(asked, kind, device, one_thread):
    policy, seen, noise = asked
    answer = kind(policy, device, rows=4)
    together = answer(seen, noise)
    assert len(together) == 5
    for i in (0, 3, 4):
        assert torch.equal(together[i], answer([seen[i]], [noise[i]])[0])
    backwards = answer(seen[::-1], noise[::-1])
    assert all(torch.equal(a, b) for a, b in zip(together, backwards[::-1], strict=True))


def test_sentences_of_several_lengths_are_answered_together(asked, one_thread):
    policy, seen, noise = asked
    for i, length in enumerate((9, 12, 30, 33, 9)):
        seen[i] |= {"text": torch.randn(1, length, 384), "text_mask": torch.ones(1, length, dtype=torch.bool)}
    answer = Padded(policy, rows=4)
    together = answer(seen, noise)
    assert all(torch.equal(together[i], answer([seen[i]], [noise[i]])[0]) for i in range(5))
    for i in range(5):
        torch.testing.assert_close(together[i], policy.act(seen[i], noise[i]), rtol=1e-4, atol=1e-4)


def test_on_a_cpu_an_episode_is_computed_alone(asked, one_thread):
    policy, seen, noise = asked
    answer = Inference(policy)
    assert torch.equal(answer(seen, noise)[2], policy.act(seen[2], noise[2]))
    assert answer.facts == {"device": "cpu", "dtype": "float32", "rows": 1}


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        ("gpu", "--options.device is 'gpu'; expected auto, cpu, cuda or cuda:1"),
        ("cpu:1", "--options.device is 'cpu:1'; expected auto, cpu, cuda or cuda:1"),
        ("cuda:99", "GPUs here. `--options.device cpu` always works."),
    ],
)
def test_a_device_that_is_not_here_is_refused(wanted, told):
    with pytest.raises(CrossbodyError, match=told.replace("(", r"\(").replace(".", r"\.")):
        choose_device(wanted, 1)


def test_a_small_policy_stays_on_the_cpu_where_answers_are_the_same_everywhere(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    assert choose_device("auto", LARGE - 1).type == "cpu"
    assert choose_device("auto", LARGE) == torch.device("cuda:0")


def test_an_unknown_dtype_is_refused(asked):
    with pytest.raises(CrossbodyError, match="--options.dtype is 'int4'; expected float32 or bfloat16"):
        Inference(asked[0], "cpu", "int4")
