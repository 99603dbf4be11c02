import io
import pickle
import zipfile
from contextlib import suppress

import numpy as np
import pytest
import torch

from soccerbench.models import official
from soccerbench.models.cmn import Cmn
from soccerbench.models.netvlad import NetVLADpp
from soccerbench.models.official import from_official
from soccerbench.models.sliding import centred_windows


def netvladpp_layout(width=12, projection=6, clusters=4, outputs=4):
    """Random weights under the official names, shapes as in the published checkpoints."""
    generator = torch.Generator().manual_seed(0)
    shapes = {
        "feature_extractor.weight": (projection, width),
        "feature_extractor.bias": (projection,),
        **{f"pool_layer_{half}.clusters": (projection, clusters) for half in ("before", "after")},
        **{f"pool_layer_{half}.clusters2": (1, projection, clusters) for half in ("before", "after")},
        "fc.weight": (outputs, 2 * projection * clusters),
        "fc.bias": (outputs,),
    }
    if width == projection:
        del shapes["feature_extractor.weight"], shapes["feature_extractor.bias"]
    return {name: torch.randn(shape, generator=generator) for name, shape in shapes.items()}


def netvladpp_scores(weights, window):
    """The official forward pass of one window (T, C), from its description in FACTS section 3; float64, logits."""
    w = {name: value.double().numpy() for name, value in weights.items()}
    frames = window.double().numpy()
    if "feature_extractor.weight" in w:
        frames = frames @ w["feature_extractor.weight"].T + w["feature_extractor.bias"]
    frames /= np.linalg.norm(frames, axis=1, keepdims=True)
    pooled = []
    for half, part in (("before", frames[: len(frames) // 2]), ("after", frames[len(frames) // 2 :])):
        shares = np.exp(part @ w[f"pool_layer_{half}.clusters"])
        shares /= shares.sum(axis=1, keepdims=True)  # (T, K)
        residuals = part.T @ shares - shares.sum(axis=0) * w[f"pool_layer_{half}.clusters2"][0]  # (D, K)
        residuals /= np.linalg.norm(residuals, axis=0)
        pooled.append(residuals.ravel() / np.linalg.norm(residuals))
    return w["fc.weight"] @ np.concatenate(pooled) + w["fc.bias"]


def cmn_layout(width=6, chunk=24, field=8):
    """A `Cmn` and its weights under the official names and in the official two-dimensional shapes."""
    torch.manual_seed(0)
    model = Cmn(width, chunk_frames=chunk, field_frames=field).eval()
    model.norm.running_mean.normal_()
    own = model.state_dict()
    layers = {"conv_2": "embed.2", "conv_conf": "predict", "conv_seg": "segment"}
    layers |= {"conv_p_1": "pyramid.0", "conv_p_2": "pyramid.1", "conv_p_3": "pyramid.2", "conv_p_4": "pyramid.3"}
    layers |= {"conv_spot_1": "spot.0", "conv_spot_2": "spot.1"}
    weights = {"conv_1.weight": own["embed.0.weight"][:, None, None, :], "conv_1.bias": own["embed.0.bias"]}
    for theirs, ours in layers.items():
        weight = own[f"{ours}.weight"]
        weights[f"{theirs}.weight"] = weight.reshape(*weight.shape, *[1] * (4 - weight.ndim))
        weights[f"{theirs}.bias"] = own[f"{ours}.bias"]
    for kind in ("weight", "bias", "running_mean", "running_var", "num_batches_tracked"):
        weights[f"batch_seg.{kind}"] = own[f"norm.{kind}"]
    return model, weights


def save(path, weights):
    torch.save({"epoch": 3, "state_dict": weights, "best_loss": 0.25, "optimizer": {"param_groups": []}}, path)
    return path


@pytest.mark.parametrize("width", [12, 6])
def test_netvladpp_round_trip(tmp_path, width):
    weights = netvladpp_layout(width)
    model = from_official(save(tmp_path / "model.pth.tar", weights))
    assert isinstance(model, NetVLADpp)
    assert not model.training
    assert all(p.requires_grad and p.is_contiguous() for p in model.parameters())
    windows = torch.randn(3, 7, width, generator=torch.Generator().manual_seed(1))
    expected = [netvladpp_scores(weights, window) for window in windows]
    np.testing.assert_allclose(model(windows).detach(), expected, rtol=0, atol=1e-5)


@pytest.mark.parametrize("name", ["CALF_more_negative", "CALF"])
def test_cmn_round_trip(tmp_path, name):
    """CALF has the layers of Cmn; the two public checkpoints have one layout."""
    original, weights = cmn_layout()
    model = from_official(str(save(tmp_path / f"{name}.pth.tar", weights)))
    assert isinstance(model, Cmn)
    pairs = torch.randn(3, 2, 24, 6, generator=torch.Generator().manual_seed(1))
    for loaded, expected in zip(model(pairs), original(pairs), strict=True):
        assert torch.equal(loaded, expected)


def test_half_precision_is_widened(tmp_path):
    halves = {name: value.half() for name, value in netvladpp_layout().items()}
    model = from_official(save(tmp_path / "model.pth.tar", halves))
    assert {p.dtype for p in model.parameters()} == {torch.float32}


class Code:
    """Runs when unpickled by anything that runs what it unpickles."""

    def __reduce__(self):
        return (exec, ("raise SystemExit('code ran')",))


def refused(path):
    with pytest.raises(ValueError) as caught:
        from_official(path)
    message = str(caught.value)
    assert message.startswith(str(path))
    assert message.endswith(official.REMEDY)
    assert "\n" not in message
    return message


def without(name):
    return {key: value for key, value in netvladpp_layout().items() if key != name}


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({}, "neither that of NetVLAD++ nor that of Cmn"),
        ({"fc.weight": torch.zeros(3, 3)}, "neither that of NetVLAD++ nor that of Cmn"),
        (without("fc.bias"), "fc.bias is missing"),
        (without("feature_extractor.bias"), "feature_extractor.bias is missing"),
        (without("feature_extractor.weight"), "unknown weight 'feature_extractor.bias'"),
        (netvladpp_layout() | {"extra\nline": torch.zeros(1)}, r"unknown weight 'extra\nline'"),
        (netvladpp_layout() | {"fc.weight": torch.zeros(4, 47)}, "fc.weight has shape (4, 47), (4, 48) expected"),
        (netvladpp_layout() | {"fc.weight": torch.zeros(48)}, "fc.weight has shape (48,), not 2 dimensions"),
        (netvladpp_layout() | {"fc.weight": torch.zeros(0, 48)}, "fc.weight has shape (0, 48)"),
        (netvladpp_layout() | {"fc.bias": torch.full((4,), torch.nan)}, "'fc.bias' does not hold finite numbers"),
        (netvladpp_layout() | {"fc.bias": torch.zeros(4, dtype=torch.complex64)}, "'fc.bias' does not hold finite"),
        (netvladpp_layout() | {"fc.bias": torch.zeros(4, dtype=torch.bool)}, "'fc.bias' does not hold finite"),
        (netvladpp_layout() | {"fc.bias": torch.zeros(4, dtype=torch.float8_e5m2)}, "'fc.bias' does not hold finite"),
        (netvladpp_layout() | {"fc.bias": torch.zeros(4, device="meta")}, "'fc.bias' claims more numbers"),
        (netvladpp_layout() | {"fc.weight": torch.zeros(1).expand(4, 2**40)}, "'fc.weight' claims more numbers"),
        pytest.param(
            netvladpp_layout() | {"fc.bias": torch.zeros(4).to_sparse()},
            "'fc.bias' claims more numbers",
            marks=pytest.mark.filterwarnings("ignore::UserWarning"),
        ),
        (netvladpp_layout() | {"fc.bias": [0.0] * 4}, "no state_dict of named tensors"),
        (netvladpp_layout() | {3: torch.zeros(4)}, "no state_dict of named tensors"),
        (torch.zeros(3), "no state_dict of named tensors"),
        (cmn_layout()[1] | {"conv_2.weight": torch.zeros(16, 127, 1, 1)}, "conv_2.weight has shape (16, 127, 1, 1)"),
        (cmn_layout()[1] | {"batch_seg.weight": torch.zeros(14)}, "a chunk of 14 frames, at least 15"),
        (cmn_layout()[1] | {"batch_seg.weight": torch.zeros(40)}, "batch_seg.bias has shape (24,), (40,) expected"),
        (cmn_layout()[1] | {"fc.bias": torch.zeros(4)}, "unknown weight 'fc.bias'"),
    ],
)
def test_weights_that_do_not_fit_are_refused(tmp_path, weights, message):
    assert message in refused(save(tmp_path / "model.pth.tar", weights))


@pytest.mark.parametrize("legacy", [False, True])
def test_code_is_refused_and_not_run(tmp_path, legacy):
    path = tmp_path / "model.pth.tar"
    torch.save({"state_dict": netvladpp_layout(), "extra": Code()}, path, _use_new_zipfile_serialization=not legacy)
    assert "could run code" in refused(path)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80",
        b"not a checkpoint",
        pickle.dumps(Code()),
        pickle.dumps({"state_dict": {}}),
        b"PK\x05\x06" + bytes(18),  # an empty zip
    ],
)
def test_what_is_no_checkpoint_is_refused(tmp_path, data):
    path = tmp_path / "model.pth.tar"
    path.write_bytes(data)
    refused(path)


def test_damage_is_refused_wherever_it_is(tmp_path):
    """Cut short: refused. A byte changed: refused like any damage, or still a model where nothing hangs on the byte."""
    whole = save(tmp_path / "whole.pth.tar", netvladpp_layout()).read_bytes()
    path, generator = tmp_path / "model.pth.tar", np.random.default_rng(0)
    for length in generator.integers(0, len(whole), 20):
        path.write_bytes(whole[:length])
        refused(path)
    for place in generator.integers(0, len(whole), 60):
        damaged = bytearray(whole)
        damaged[place] ^= 0xFF
        path.write_bytes(damaged)
        with suppress(ValueError):
            from_official(path)


def test_a_file_that_unpacks_to_more_than_it_may_is_refused(tmp_path, monkeypatch):
    whole = save(tmp_path / "whole.pth.tar", netvladpp_layout())
    path = tmp_path / "model.pth.tar"
    with zipfile.ZipFile(whole) as source, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for entry in source.infolist():
            target.writestr(entry.filename, source.read(entry))
        target.writestr("archive/data/zeros", bytes(2**20))
    monkeypatch.setattr(official, "MAX_BYTES", 2**18)
    assert path.stat().st_size < 2**18
    assert "at most 262144 are read" in refused(path)


def test_no_file_and_a_folder_are_refused(tmp_path):
    assert "no such file" in refused(tmp_path / "missing.pth.tar")
    assert "no such file" in refused(tmp_path)


def test_a_bare_state_dict_is_refused(tmp_path):
    stream = io.BytesIO()
    torch.save(netvladpp_layout(), stream)
    (tmp_path / "bare.pth").write_bytes(stream.getvalue())
    assert "no state_dict" in refused(tmp_path / "bare.pth")


def test_official_netvladpp(reference):
    """Sliding scores leave the last frame out as a centre; chunks do not overlap, the last one is filled up."""
    model = from_official(reference("netvladpp_official_layout.pth.tar"))
    with np.load(reference("netvladpp_golden.npz")) as golden:
        features = torch.from_numpy(golden["features"].astype(np.float32))
        sliding, chunks = golden["sliding_scores"], golden["chunk_scores"]
    assert sum(p.numel() for p in model.parameters()) == 1_704_466
    with torch.no_grad():
        by_window = model(features[centred_windows(200, 30)]).sigmoid().numpy()
        np.testing.assert_allclose(by_window[:-1], sliding, rtol=0, atol=1e-6)
        assert np.abs(by_window[1:] - sliding).max() > 1e-4  # so a cut off by one frame would show
        np.testing.assert_allclose(model.slide(features, 30).sigmoid().numpy()[:-1], sliding, rtol=0, atol=1e-6)
        rows = torch.arange(210).clamp(max=199).reshape(7, 30)
        np.testing.assert_allclose(model(features[rows]).sigmoid().numpy(), chunks, rtol=0, atol=1e-6)


def test_official_cmn(reference):
    model = from_official(reference("cmn_official.pth.tar"))
    with np.load(reference("cmn_official_golden.npz")) as golden:
        pairs = torch.from_numpy(golden["inputs"].astype(np.float32))
        expected = golden["segmentation"], golden["spotting"]
    assert sum(p.numel() for p in model.parameters()) == 135_150
    with torch.no_grad():
        for outputs, official_outputs in zip(model(pairs), expected, strict=True):
            np.testing.assert_allclose(outputs.numpy(), official_outputs, rtol=0, atol=1e-6)
