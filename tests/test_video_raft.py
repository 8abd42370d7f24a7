"""RAFT with weights of the user's: the published network under both sets of names, and rows of their own."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
import torch

from crossbody.errors import CrossbodyError
from crossbody.main import main
from evaluators.backbones import status
from evaluators.backbones.video import raft
from evaluators.backbones.video.flow import RAFT_VARIABLE, oracle

pytestmark = pytest.mark.usefixtures("one_thread")


def wave(name: str, like: torch.Tensor) -> torch.Tensor:
    """Numbers that any program can make again: a fast sine whose phase is the sum of the name's letters."""
    if "num_batches" in name:
        return torch.tensor(0)
    i = torch.arange(like.numel(), dtype=torch.float64)
    if name.endswith("running_var"):
        return (1 + 0.5 * torch.sin(i)).float().view(like.shape)
    size = (2 / like[0].numel()) ** 0.5 if like.ndim > 1 else 0.1
    return (size * 2**0.5 * torch.sin(0.37 * i * i + sum(map(ord, name)))).float().view(like.shape)


@pytest.fixture(scope="module")
def weights() -> dict[str, torch.Tensor]:
    with torch.device("meta"):
        shapes = raft.Raft().state_dict()
    return {name: wave(name, value) for name, value in shapes.items()}


def torchvision_name(name: str) -> str:
    """The name in raft_large's state dict, written from its module tree and not from our patterns."""
    part, *rest = name.split(".")
    if part in ("fnet", "cnet"):
        encoder = {"fnet": "feature_encoder", "cnet": "context_encoder"}[part]
        if rest[0] == "conv2":
            return ".".join([encoder, "conv", *rest[1:]])
        if rest[0] in ("conv1", "norm1"):
            return ".".join([encoder, "convnormrelu", "0" if rest[0] == "conv1" else "1", *rest[1:]])
        layer, number, inner, *last = rest
        if inner != "downsample":
            inner, last = f"convnormrelu{inner[-1]}", ["0" if inner.startswith("conv") else "1", *last]
        return ".".join([encoder, layer, number, inner, *last])
    owner, inner, last = rest[0], rest[1], rest[-1]
    if owner == "encoder":
        kind = {"c": "convcorr", "f": "convflow"}.get(inner[4:5], "conv")
        return f"update_block.motion_encoder.{kind}{inner[5:]}.0.{last}"
    if owner == "gru":
        return f"update_block.recurrent_block.convgru{inner[-1]}.{inner[:-1]}.{last}"
    if owner == "mask":
        return f"mask_predictor.{'convrelu.0' if inner == '0' else 'conv'}.{last}"
    return name


def save(tensors: object, file) -> None:
    buffer = io.BytesIO()
    torch.save(tensors, buffer)
    file.write_bytes(buffer.getvalue())


def pictures() -> torch.Tensor:
    y, x = torch.meshgrid(torch.arange(128.0), torch.arange(136.0), indexing="ij")
    waves = [(x / 5 + p, y / 7 - p, (x + y) / 9 + 2 * p) for p in (0.0, 0.6)]
    return torch.stack([torch.stack([torch.sin(w) for w in picture]) for picture in waves])


def test_the_network_gives_the_flow_of_torchvision_s(weights):
    # Computed once with torchvision 0.29's raft_large and these weights, three updates; the authors' code agrees.
    network = raft.Raft().eval()
    network.load_state_dict(weights)
    with torch.inference_mode():
        flow = network(pictures(), 3)
    assert flow.shape == (1, 2, 128, 136)
    assert flow[0, :, 40, 50].tolist() == pytest.approx([31.9170, -26.5604], abs=2e-3)
    assert flow[0, :, 100, 7].tolist() == pytest.approx([14.2626, -10.9655], abs=2e-3)
    assert sum(p.numel() for p in network.parameters()) == 5_257_536  # as torchvision's documentation has it


def test_torchvision_s_names_and_the_authors_are_read_alike(weights, tmp_path):
    theirs = {torchvision_name(name): value for name, value in weights.items()}
    assert "feature_encoder.layer2.0.convnormrelu1.0.weight" in theirs
    assert "context_encoder.layer2.0.downsample.1.running_mean" in theirs
    assert "update_block.motion_encoder.convcorr1.0.weight" in theirs and "mask_predictor.conv.bias" in theirs
    assert "update_block.recurrent_block.convgru2.convq.weight" in theirs
    authors = {f"module.{name}": value for name, value in weights.items()}
    twice = {n.replace("downsample.1", "norm3"): v for n, v in authors.items() if "cnet" in n and "downsample.1" in n}
    save(theirs, tmp_path / "raft_large.pth")
    save(authors | twice, tmp_path / "raft-things.pth")
    for file in ("raft_large.pth", "raft-things.pth"):
        network, digest = raft.load(tmp_path / file)
        assert all(torch.equal(value, weights[name]) for name, value in network.state_dict().items())
        assert len(digest) == 64


def test_sides_that_are_no_multiple_of_eight_are_padded_and_cut(weights, tmp_path):
    save(weights, tmp_path / "raft.pth")
    flow = oracle(f"raft:{tmp_path / 'raft.pth'}")
    frames = np.random.default_rng(0).integers(0, 256, (3, 123, 129, 3), np.uint8)
    found = flow(frames)
    assert found.shape == (2, 123, 129, 2) and np.isfinite(found).all()
    assert np.allclose(flow(frames[1:]), found[1:], atol=1e-3)  # a pair's flow does not depend on the clip's others


def test_what_is_no_raft_is_refused(weights, tmp_path):
    file = tmp_path / "raft.pth"
    with pytest.raises(CrossbodyError, match=r"raft.pth cannot be read: No such file"):
        raft.load(file)
    file.write_bytes(b"no weights")
    with pytest.raises(CrossbodyError, match=r"raft.pth is no file of PyTorch tensors alone"):
        raft.load(file)
    save({"weights": io.BytesIO}, file)
    with pytest.raises(CrossbodyError, match=r"is no file of PyTorch tensors alone, and nothing else is opened"):
        raft.load(file)
    save([1, 2], file)
    with pytest.raises(CrossbodyError, match=r"holds a list, expected a state dict"):
        raft.load(file)
    less = {k: v for k, v in weights.items() if k != "fnet.conv2.bias"}
    save(less | {"fnet.conv1.bias": torch.zeros(32), "head.weight": torch.zeros(1)}, file)
    with pytest.raises(
        CrossbodyError,
        match=r"no fnet.conv2.bias, head.weight belongs to something else, fnet.conv1.bias is \(32,\), expected "
        r"\(64,\)",
    ):
        raft.load(file)
    save(weights | {"fnet.conv2.bias": torch.full((256,), torch.nan)}, file)
    with pytest.raises(CrossbodyError, match=r"fnet.conv2.bias is not finite"):
        raft.load(file)


def test_epe_through_raft_has_a_name_and_a_hash_of_its_own(weights, tmp_path, monkeypatch, capsys):
    save(weights, tmp_path / "raft.pth")
    rng = np.random.default_rng(0)
    for side in ("pred", "ref"):
        (tmp_path / side).mkdir()
        for clip in range(2):
            np.save(tmp_path / side / f"{clip}.npy", rng.integers(0, 256, (2, 128, 128, 3), np.uint8))
    arguments = ["score", "video", "--pred", str(tmp_path / "pred"), "--ref", str(tmp_path / "ref")]
    names = ["--metrics", "epe_dis_px", "epe_raft_px", "epe_raft_normalised"]
    monkeypatch.setenv(RAFT_VARIABLE, str(tmp_path / "raft.pth"))
    assert main([*arguments, *names, "--flow", "dis", "raft", "--out", str(tmp_path / "out")]) == 0
    rows = [json.loads(line) for line in (tmp_path / "out" / "table.jsonl").read_text().splitlines()]
    found = {(r["system"], r["metric"]): r for r in rows}
    assert {r["metric"] for r in rows} == {"epe_dis_px", "epe_raft_px", "epe_raft_normalised"}
    through = found["prediction", "epe_raft_px"]
    assert through["backbone"] == "RAFT large flow" and through["backbone_version"].endswith(", 12 updates")
    assert found["still", "epe_raft_normalised"]["value"] == pytest.approx(1.0)
    assert found["prediction", "epe_dis_px"]["value"] != through["value"]
    capsys.readouterr()
    for given, complaint in (
        (["raft:nowhere.pth"], "nowhere.pth cannot be read"),
        (["farneback"], "unknown flow 'farneback'"),
        (["raft", "raft:b"], "names one kind twice"),
    ):
        assert main([*arguments, "--flow", *given]) == 2
        assert complaint in capsys.readouterr().err
    assert main([*arguments, "--metrics", "epe_raft_px"]) == 2
    assert "unknown video metric 'epe_raft_px'" in capsys.readouterr().err


def test_without_weights_it_says_where_they_are_and_doctor_says_what_is_there(weights, tmp_path, monkeypatch):
    monkeypatch.delenv(RAFT_VARIABLE, raising=False)
    with pytest.raises(CrossbodyError, match=r"say `--flow raft:FILE`, or `export CROSSBODY_RAFT=FILE`"):
        oracle("raft")
    assert raft_line() == (True, "absent (optional); `--flow raft:FILE` or CROSSBODY_RAFT names its weights")
    save(weights, tmp_path / "raft.pth")
    monkeypatch.setenv(RAFT_VARIABLE, str(tmp_path / "raft.pth"))
    assert raft_line()[0] and "sha256" in raft_line()[1]
    monkeypatch.setenv(RAFT_VARIABLE, str(tmp_path / "other.pth"))
    assert not raft_line()[0]


def raft_line() -> tuple[bool, str]:
    return next((ok, text) for subject, ok, text, _ in status.findings() if subject == "RAFT")
