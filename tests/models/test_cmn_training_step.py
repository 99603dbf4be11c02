"""One training step of Cmn: equal to the official code's, and the running statistics that it leaves behind."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from shared_data import SHARED

from soccerbench.models.cmn import Cmn, segmentation_loss, spotting_loss
from soccerbench.models.official import from_official

GOLDEN = SHARED / "cmn_training_step_golden.npz"
OFFICIAL = {
    "embed.0": "conv_1",
    "embed.2": "conv_2",
    "segment": "conv_seg",
    "norm": "batch_seg",
    "predict": "conv_conf",
}
OFFICIAL |= {f"pyramid.{i}": f"conv_p_{i + 1}" for i in range(4)} | {
    f"spot.{i}": f"conv_spot_{i + 1}" for i in range(2)
}


@pytest.mark.skipif(not GOLDEN.is_file(), reason="needs the shared data")
def test_a_step_equals_that_of_the_official_code(tmp_path: Path) -> None:
    """Outputs, losses, every gradient and the running statistics, on features of small variance."""
    golden = np.load(GOLDEN, allow_pickle=False)
    weights = {name[7:]: torch.from_numpy(golden[name]) for name in golden if name.startswith("weight/")}
    torch.save({"state_dict": weights}, tmp_path / "official.pth.tar")
    model = from_official(tmp_path / "official.pth.tar").train().requires_grad_()
    pairs = np.stack([golden["candidate"], golden["replay"]], axis=1).astype(np.float32)
    segmentation, spotting = model(torch.from_numpy(pairs))
    np.testing.assert_allclose(segmentation.detach(), golden["segmentation"], rtol=0, atol=1e-6)
    np.testing.assert_allclose(spotting.detach(), golden["spotting"], rtol=0, atol=1e-6)
    segmenting = segmentation_loss(
        segmentation=segmentation, shifts=torch.from_numpy(golden["shifts"]), k_frames=(-20, -10, 10, 20),
        border_frames=20,
    )  # fmt: skip
    spotted = spotting_loss(spotting=spotting, targets=torch.from_numpy(golden["targets"]))
    assert segmenting.item() == pytest.approx(float(golden["segmentation_loss"]), rel=1e-6)
    assert spotted.item() == pytest.approx(float(golden["spotting_loss"]), rel=1e-6)
    (0.002 * segmenting + spotted).backward()
    for name, parameter in model.named_parameters():
        module, _, kind = name.rpartition(".")
        expected = golden[f"gradient/{OFFICIAL[module]}.{kind}"].reshape(parameter.shape)
        largest = np.abs(expected).max()
        np.testing.assert_allclose(parameter.grad / largest, expected / largest, rtol=0, atol=2e-5, err_msg=name)
    for name in ("running_mean", "running_var"):
        np.testing.assert_allclose(getattr(model.norm, name), golden[f"after/batch_seg.{name}"], rtol=0, atol=1e-6)


def test_batch_norm_adds_a_thousandth_and_keeps_99_per_cent_of_its_statistics() -> None:
    """As the official model; at small variances torch's own values would change the step by a fifth."""
    torch.manual_seed(0)
    model = Cmn(6, chunk_frames=24, field_frames=8).double().train()
    capsules = 0.03 * torch.randn(5, 16, 24, dtype=torch.float64)
    mean, variance = capsules.mean(dim=(0, 1)), capsules.var(dim=(0, 1), correction=0)
    scaled = (capsules - mean) / (variance + 1e-3).sqrt()
    distance = ((scaled.sigmoid() - 0.5).square().sum(dim=1) * 4 / 16).sqrt()
    segmentation, _ = model.head(capsules)
    torch.testing.assert_close(segmentation[..., 0], distance, rtol=0, atol=1e-12)
    unbiased = capsules.var(dim=(0, 1))
    torch.testing.assert_close(model.norm.running_mean, 0.01 * mean, rtol=0, atol=1e-12)
    torch.testing.assert_close(model.norm.running_var, 0.99 + 0.01 * unbiased, rtol=0, atol=1e-12)
