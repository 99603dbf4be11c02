"""The models of Table 1 in their full sizes (parameters alone) and in tiny ones (everything else)."""

from __future__ import annotations

import copy

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from soccerbench.specs.video_models import MODELS, load_extractors
from soccerbench.video.models.build import build

TINY = [
    ("size", 32),
    ("clip.frames", 5),
    ("dropout", 0.0),
    ("tpn-r50.backbone", "resnet18"),
    ("tpn-r50.pools", [2, 2]),
    ("tpn-r101.backbone", "resnet18"),
    ("tpn-r101.pools", [2, 4]),
    ("gta.backbone", "resnet18"),
    ("vtn.backbone", "vit_tiny_patch16_224"),
    ("vtn.heads", 3),
    ("vtn.layers", 2),
    ("vtn.feedforward", 64),
    ("vtn.positions", 9),
    ("vtn.hidden", 24),
    ("vtn.encoder_dropout", 0.0),
    ("ircsn.backbone", "resnet14"),
    ("i3d-slow.backbone", "resnet18"),
]
EACH = pytest.mark.parametrize("name", MODELS)


BUILT = {}


def tiny(name, *settings):
    """A tiny model whose batch norms have seen something, and its row: a copy of one that is built once."""
    key = f"{name} {settings}"
    if key not in BUILT:
        BUILT[key] = built(name, *settings)
    model, row = BUILT[key]
    return copy.deepcopy(model), row


def built(name, *settings):
    wanted = [(key, value) for key, value in TINY if key.partition(".")[0] in (name, "size", "clip", "dropout")]
    row = load_extractors(models=[name], settings=[*wanted, *settings]).rows[0]
    torch.manual_seed(0)
    model = build(row)
    norms = [module for module in model.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        nn.init.uniform_(norm.weight, 0.5, 1)
        nn.init.normal_(norm.bias, std=0.3)
        norm.momentum = 1.0  # the statistics of the one batch
    with torch.no_grad():
        model.train().loss(
            torch.stack([video(row.clip.frames, row.size, seed) for seed in (7, 8)]), torch.tensor([0, 1])
        )
    for norm in norms:
        norm.running_mean += 0.1 * norm.running_var.sqrt() * torch.randn(norm.num_features)
    return model.eval(), row


def full_size(name):
    """A model as the table has it, its weights counted but not drawn."""
    with torch.device("meta"):
        return build(load_extractors().of(name))


def video(frames, size=32, seed=1):
    """(frames, 3, size, size) random pixels, uint8."""
    return torch.randint(
        0, 256, (frames, 3, size, size), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed)
    )


@EACH
def test_parameters_and_width_are_those_of_the_table(name):
    row, model = load_extractors().of(name), full_size(name)
    assert sum(parameter.numel() for parameter in model.parameters()) == row.parameters
    assert model.width == row.width == model.classify.in_features
    assert model.classify.out_features == 18


@pytest.mark.parametrize(
    ("name", "classes", "parameters"),
    [
        ("i3d-slow", 400, 60_359_120),  # GluonCV, computed
        ("ircsn", 400, 29_703_568),  # VMZ and pytorchvideo, computed
        ("tpn-r50", 400, 91_498_336),  # MMAction2's metafile
        ("tpn-r101", 400, 119_403_360),  # computed
    ],
)
def test_parameters_with_the_classes_of_kinetics(name, classes, parameters):
    model = full_size(name)
    heads = [module for module in model.modules() if isinstance(module, nn.Linear) and module.out_features == 18]
    more = sum((classes - 18) * (head.in_features + 1) for head in heads)
    assert sum(parameter.numel() for parameter in model.parameters()) + more == parameters


def test_parameters_of_the_pyramid():
    model = full_size("tpn-r101")
    auxiliary = sum(parameter.numel() for parameter in model.auxiliary.parameters())
    assert auxiliary == 19_698_064 - 382 * 2049  # with 400 classes, computed from the released code
    assert sum(parameter.numel() for parameter in model.neck.parameters()) == 59_044_240 - 19_698_064
    total = sum(parameter.numel() for parameter in model.parameters())
    assert total - auxiliary == 98_922_578  # computed


@EACH
@pytest.mark.parametrize(("kind", "tolerance"), [(torch.float32, 1e-5), (torch.float64, 1e-12)])
def test_features_of_frames_that_are_shared_give_the_logits_of_whole_clips(name, kind, tolerance):
    model, row = tiny(name)
    model.to(kind)
    half = video(8)
    windows = torch.stack([half[start : start + row.clip.frames] for start in range(4)])  # (4, T, 3, H, W)
    with torch.no_grad():
        shared = model.per_frame(half)
        features = model.per_clip(torch.stack([shared[start : start + row.clip.frames] for start in range(4)]))
        logits = model(windows)
        alone = torch.cat([model(window[None]) for window in windows])
    assert features.shape == (4, model.width)
    assert logits.shape == (4, 18)
    scale = logits.abs().max().item()
    torch.testing.assert_close(model.classify(features), logits, rtol=0, atol=tolerance * scale)
    torch.testing.assert_close(alone, logits, rtol=0, atol=tolerance * scale)
    assert (logits[0] - logits[1]).abs().max() > 1e-3 * scale  # windows differ, so that the comparison says something


@EACH
def test_images_may_be_whole_numbers_or_not(name):
    model, row = tiny(name)
    clips = video(row.clip.frames)[None]
    with torch.no_grad():
        assert torch.equal(model(clips), model(clips.float()))


@EACH
def test_the_order_of_frames_matters(name):
    model, row = tiny(name)
    if name == "gta":  # its attention over time begins as a mean over all frames
        nn.init.normal_(model.over_time.mix_pixels.weights)
    clips = video(row.clip.frames)[None]
    with torch.no_grad():
        assert (model(clips) - model(clips.flip(1))).abs().max() > 1e-4


@EACH
def test_every_parameter_learns(name):
    model, row = tiny(name)
    clips = torch.stack([video(row.clip.frames, seed=seed) for seed in range(3)])
    torch.use_deterministic_algorithms(True)  # as the training loop asks for on a CPU
    try:
        model.train().loss(clips, torch.tensor([0, 5, 17])).backward()
    finally:
        torch.use_deterministic_algorithms(False)
    silent = {key for key, parameter in model.named_parameters() if not parameter.grad.abs().sum() > 0}
    assert not silent
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())


@EACH
def test_weights_come_from_the_global_generator(name):
    models = [built(name)[0] for _ in range(2)]
    for one, other in zip(*(model.state_dict().values() for model in models), strict=True):
        assert torch.equal(one, other)


def test_the_loss_is_cross_entropy_and_half_of_the_auxiliary_one():
    model, row = tiny("i3d-slow")
    clips, targets = video(row.clip.frames)[None], torch.tensor([3])
    assert model.loss(clips, targets) == F.cross_entropy(model(clips), targets)
    model, _ = tiny("tpn-r101")
    auxiliary = F.cross_entropy(model.auxiliary(model.res4(model.frames(clips))), targets)
    expected = F.cross_entropy(model(clips), targets) + 0.5 * auxiliary
    torch.testing.assert_close(model.loss(clips, targets), expected, rtol=0, atol=1e-6)


def test_flows_in_cascade_and_side_by_side():
    clips = video(5)[None]
    cascade, parallel = (tiny("tpn-r101", ("flows", flows))[0](clips) for flows in ("cascade", "parallel"))
    assert (cascade - parallel).abs().max() > 1e-4


@pytest.mark.parametrize("pools", [[1, 1], [2, 2], [2, 4], [4, 8], [16, 32]])
@pytest.mark.parametrize("frames", [1, 3, 8])
def test_pools_need_not_fill_the_clip(pools, frames):
    model, _ = tiny("tpn-r50", ("pools", pools), ("clip.frames", frames))
    assert model(video(frames)[None]).shape == (1, 18)


def test_gta_keeps_still_videos_still_and_refuses_other_lengths():
    model, row = tiny("gta")
    nn.init.normal_(model.over_time.mix_pixels.weights)
    nn.init.normal_(model.over_time.mix_regions.weights)
    still = torch.randn(1, 1, 256, 4, 4).expand(-1, row.clip.frames, -1, -1, -1).transpose(1, 2)
    attended = model.over_time(model.over_space(still))
    torch.testing.assert_close(attended, attended[:, :, :1].expand_as(attended), rtol=0, atol=1e-4)
    with pytest.raises(ValueError, match="clips of 4 frames; these weights were learned for 5"):
        model(video(4)[None])


@pytest.mark.parametrize(
    ("name", "setting", "said"),
    [
        ("i3d-slow", ("backbone", "resnet7"), "'resnet7': timm knows no ResNet"),
        ("ircsn", ("backbone", "resnet18"), "irCSN needs bottlenecks; give one of resnet14"),
        ("vtn", ("backbone", "vit_gigantic"), "'vit_gigantic': timm knows no ViT"),
        ("vtn", ("size", 40), "size 40: .* multiple of its patches, 16"),
        ("vtn", ("heads", 7), "heads: 7 do not divide the 192 columns"),
        ("gta", ("temporal_heads", 7), "temporal_heads: 7 do not divide 128"),
    ],
)
def test_sizes_that_do_not_fit(name, setting, said):
    with pytest.raises(ValueError, match=said):
        tiny(name, setting)


def test_fresh_layers_of_tpn_are_drawn_as_in_the_released_code() -> None:
    model, _ = tiny("tpn-r101")
    for classifier in (model.classify, model.auxiliary.classify):
        assert classifier.weight.std().item() == pytest.approx(0.01, rel=0.1)
        assert not classifier.bias.any()
    for name, layer in [*model.neck.named_modules(), *model.auxiliary.named_modules()]:
        if isinstance(layer, nn.Conv3d):
            taps = layer.weight[0, 0].numel()
            edge = (6 / ((layer.weight.shape[0] + layer.weight.shape[1]) * taps)) ** 0.5  # of Xavier's uniform draw
            assert 0.9 * edge < layer.weight.abs().max().item() <= edge, name
            assert layer.weight.std().item() == pytest.approx(edge / 3**0.5, rel=0.1), name
