import pytest
import torch
from torch.nn import functional

from soccerbench.models.cmn import Cmn


def build(width=6, **lengths):
    torch.manual_seed(0)
    model = Cmn(width, **lengths)
    model.norm.running_mean.normal_()
    model.norm.running_var.uniform_(0.5, 2)
    return model.eval()


def slow_convolution(frames, layer):
    """One frame and one kernel position at a time: (in, T) to (out, T), zeros beyond the edges."""
    kernel, out = layer.weight.shape[2], []
    for t in range(frames.shape[1]):
        value = layer.bias.clone()
        for i in range(kernel):
            seen = t + i - (kernel - 1) // 2
            if 0 <= seen < frames.shape[1]:
                value = value + layer.weight[:, :, i] @ frames[:, seen]
        out.append(value)
    return torch.stack(out, dim=1)


def slow_cmn(model, pair):
    """The model as FACTS section 4 describes it, for one pair (2, T, C), with the weights of `model`."""

    def trunk(clip):
        hidden = functional.relu(clip @ model.embed[0].weight.T + model.embed[0].bias)
        frames = functional.relu(hidden @ model.embed[2].weight.T + model.embed[2].bias).T
        return torch.cat([frames, *(functional.relu(slow_convolution(frames, layer)) for layer in model.pyramid)])

    def pool(frames):
        starts = range(0, frames.shape[1] - 2, 2)
        return torch.stack([functional.relu(frames[:, s : s + 3]).amax(dim=1) for s in starts], dim=1)

    capsules = slow_convolution(torch.cat([trunk(pair[0]), trunk(pair[1])]), model.segment)  # (16, T)
    norm = model.norm
    scaled = (capsules - norm.running_mean) / (norm.running_var + 1e-3).sqrt() * norm.weight + norm.bias
    distance = ((scaled.sigmoid() - 0.5).square().sum(dim=0) * 4 / 16).sqrt()  # (T,)
    spots = pool(torch.cat([capsules, 1 - distance[None]]))
    for layer in model.spot:
        spots = pool(slow_convolution(spots, layer))
    logits = model.predict.weight @ spots.reshape(-1) + model.predict.bias
    return distance[:, None], logits.sigmoid()[None]


@pytest.mark.parametrize(("chunk", "field"), [(15, 4), (24, 7), (30, 10)])
def test_forward_is_the_definition(chunk, field):
    model = build(chunk_frames=chunk, field_frames=field).double()
    pairs = torch.randn(2, 2, chunk, 6, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    with torch.no_grad():
        for outputs in zip(model(pairs), zip(*map(slow_cmn, [model] * 2, pairs), strict=True), strict=True):
            torch.testing.assert_close(outputs[0], torch.stack(outputs[1]), rtol=0, atol=1e-12)


@pytest.mark.parametrize(
    ("width", "lengths", "parameters"),
    [
        (512, {}, 135_150),  # FACTS section 4, from the official checkpoint
        # at 1 fps: the first layer 8576 wide, the pyramid 6/14/20/40, the norm over 120, the last layer from 224
        (8576, {"chunk_frames": 120, "field_frames": 40},
         135_150 + 128 * (8576 - 512) - 16 * (4 * 6 + 8 * 13 + 16 * 20 + 32 * 40) - 2 * 120 - 2 * 240),
    ],
)  # fmt: skip
def test_parameter_count(width, lengths, parameters):
    assert sum(p.numel() for p in Cmn(width, **lengths).parameters()) == parameters


@pytest.mark.parametrize(
    ("lengths", "kernels", "last"),
    [  # FACTS: section 4 at 2 fps, the decision for 1 fps
        ({}, [12, 27, 40, 80], 464),
        ({"chunk_frames": 120, "field_frames": 40}, [6, 14, 20, 40], 224),
    ],
)
def test_kernels_follow_the_rate(lengths, kernels, last):
    model = Cmn(8, **lengths)
    assert [scale.kernel_size[0] for scale in model.pyramid] == kernels
    assert model.predict.in_features == last


def test_trunks_once_are_the_pairs():
    """Every candidate against every replay, each trunk computed once."""
    model = build(chunk_frames=40, field_frames=10)
    generator = torch.Generator().manual_seed(1)
    candidates, replays = torch.randn(5, 40, 6, generator=generator), torch.randn(3, 40, 6, generator=generator)
    with torch.no_grad():
        trunks = model.trunk(candidates)
        shares, others = model.shares(trunks, model.trunk(replays))
        for replay, other in zip(replays, others, strict=True):
            pairs = torch.stack([candidates, replay.expand_as(candidates)], dim=1)
            for once, pairwise in zip(model.head(shares + other), model(pairs), strict=True):
                torch.testing.assert_close(once, pairwise, rtol=0, atol=1e-5)


def test_shapes_and_ranges():
    segmentation, spotting = build(chunk_frames=40, field_frames=10)(10 * torch.randn(3, 2, 40, 6))
    assert segmentation.shape == (3, 40, 1)
    assert spotting.shape == (3, 1, 2)
    assert ((segmentation >= 0) & (segmentation <= 1)).all()
    assert ((spotting >= 0) & (spotting <= 1)).all()


def test_candidate_and_replay_are_told_apart():
    model, pair = build(chunk_frames=40, field_frames=10), torch.randn(1, 2, 40, 6)
    assert (model(pair)[1] - model(pair.flip(1))[1]).abs().max() > 1e-4


def test_wrong_lengths_are_refused():
    with pytest.raises(ValueError, match="a chunk of 14 frames, at least 15"):
        Cmn(6, chunk_frames=14)
    with pytest.raises(ValueError, match="a clip of 41 frames for chunks of 40"):
        build(chunk_frames=40, field_frames=10)(torch.zeros(1, 2, 41, 6))


@pytest.mark.parametrize("scale", [0, 1])  # clips of nothing must not make gradients of nothing
def test_every_gradient_is_finite(scale):
    model = build(chunk_frames=40, field_frames=10).train()
    segmentation, spotting = model(scale * torch.randn(4, 2, 40, 6, generator=torch.Generator().manual_seed(1)))
    (segmentation.sum() + spotting.square().sum()).backward()
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())
    if scale:
        assert all(parameter.grad.abs().sum() > 0 for parameter in model.parameters())
