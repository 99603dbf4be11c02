import pytest
import torch

from soccerbench.models.resnet1d import ResNet1D
from soccerbench.models.sliding import centred_windows
from soccerbench.models.ste import STE
from soccerbench.models.transformer import SpottingTransformer

SIZES = {
    SpottingTransformer: {"d_model": 64, "heads": 4, "layers": 3, "feedforward": 256, "dropout": 0.1},
    ResNet1D: {"channels": 128, "blocks": 4, "kernel": 3, "dropout": 0.1},
    STE: {"columns": 4, "projection": 512, "channels": (128, 256, 512, 256), "dropout": 0.5, "last_dropout": 0.1},
}
HEADS = pytest.mark.parametrize("head", SIZES)


def build(head, width=12):
    torch.manual_seed(0)
    model = head(width, **SIZES[head])
    for module in model.modules():  # as after training, so that batch norm has something to get wrong
        if isinstance(module, torch.nn.BatchNorm1d):
            module.running_mean.normal_()
            module.running_var.uniform_(0.5, 2)
    return model.eval()


@pytest.mark.parametrize(
    ("head", "parameters"),
    [
        # projection 12·64+64; a layer: attention 4·(64·64+64), feed-forward 2·64·256+256+64, norms 4·64; 64·18+18
        (SpottingTransformer, 832 + 3 * (16_640 + 33_088 + 256) + 1_170),
        # projection 12·128+128; a block: two convolutions 3·128·128, two norms 2·128; 128·18+18
        (ResNet1D, 1_664 + 4 * (2 * 49_152 + 2 * 256) + 2_322),
        # projection 3·512+512; 512·128+128 and a norm 2·128; 3·128·256+256; 3·256·512+512; 512·256+256; 256·18+18
        (STE, 2_048 + 65_664 + 256 + 98_560 + 393_728 + 131_328 + 4_626),
    ],
)
def test_parameter_count(head, parameters):
    assert sum(p.numel() for p in head(12, **SIZES[head]).parameters()) == parameters


@HEADS
@pytest.mark.parametrize("frames", [1, 7, 8, 31])
def test_any_chunk_length_gives_one_row_of_logits(head, frames):
    assert build(head)(torch.randn(2, frames, 12)).shape == (2, 18)


@HEADS
def test_the_order_of_frames_matters(head):
    model, chunk = build(head), torch.randn(1, 7, 12, generator=torch.Generator().manual_seed(1))
    assert (model(chunk) - model(chunk.flip(1))).abs().max() > 1e-3


@HEADS
@pytest.mark.parametrize("window", [1, 2, 7, 8, 15])
@pytest.mark.parametrize("frames", [1, 5, 300])
def test_sliding_is_window_by_window(head, frames, window):
    model = build(head)
    features = torch.randn(frames, 12, generator=torch.Generator().manual_seed(frames))
    rows = centred_windows(frames, window)
    with torch.no_grad():
        torch.testing.assert_close(model.slide(features, window), model(features[rows]), rtol=0, atol=1e-5)
        features, model = features.double(), model.double()
        torch.testing.assert_close(model.slide(features, window), model(features[rows]), rtol=0, atol=1e-10)


@HEADS
def test_sliding_refuses_training_mode(head):
    with pytest.raises(ValueError, match=r"eval\(\)"):
        build(head).train().slide(torch.zeros(9, 12), 4)


@HEADS
def test_every_parameter_learns(head):
    model = build(head).train()
    model(torch.randn(4, 7, 12, generator=torch.Generator().manual_seed(1))).square().sum().backward()
    silent = {name for name, parameter in model.named_parameters() if not parameter.grad.abs().sum() > 0}
    assert not silent
