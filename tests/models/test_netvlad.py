import numpy as np
import pytest
import torch

from soccerbench.models.netvlad import CENTRES_PER_BLOCK, NetVLADpp
from soccerbench.models.sliding import centred_windows


def slow_vocabulary(frames, assign, centres):
    """NetVLAD as its definition reads, one frame and one cluster at a time; numpy, float64."""
    residuals = np.zeros_like(centres)
    for frame in frames:
        shares = np.exp(assign @ frame) / np.exp(assign @ frame).sum()
        for k, centre in enumerate(centres):
            residuals[k] += shares[k] * (frame - centre)
    residuals /= np.linalg.norm(residuals, axis=1, keepdims=True)
    return residuals.ravel() / np.linalg.norm(residuals)


def slow_netvladpp(model, window):
    """NetVLAD++ for one window (T, C), sharing no code with the module but its weights."""
    weights = {name: value.detach().numpy() for name, value in model.double().state_dict().items()}
    frames = window.double().numpy()
    if "project.weight" in weights:
        frames = frames @ weights["project.weight"].T + weights["project.bias"]
    frames = frames / np.linalg.norm(frames, axis=1, keepdims=True)
    halves = {"past": frames[: len(frames) // 2], "future": frames[len(frames) // 2 :]}
    pooled = [slow_vocabulary(f, weights[f"{n}.assign.weight"], weights[f"{n}.centres"]) for n, f in halves.items()]
    return weights["classify.weight"] @ np.concatenate(pooled) + weights["classify.bias"]


def small(width=12, projection=6, **sizes):
    torch.manual_seed(0)
    return NetVLADpp(width, clusters=8, projection=projection, classes=3, **sizes).eval()


@pytest.mark.parametrize("frames", [2, 5, 6, 15])
@pytest.mark.parametrize("width", [12, 6])  # 6 is the projection's own width: no projection
def test_forward_is_the_definition(frames, width):
    model = small(width)
    windows = torch.randn(3, frames, width, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    expected = [slow_netvladpp(model, window) for window in windows]
    np.testing.assert_allclose(model.double()(windows).detach().numpy(), expected, rtol=0, atol=1e-12)


def test_forward_sees_the_order_of_the_halves_only():
    model = small().double()
    window = torch.randn(1, 6, 12, generator=torch.Generator().manual_seed(1), dtype=torch.float64)
    shuffled = model(window[:, [2, 0, 1, 5, 3, 4]])
    np.testing.assert_allclose(shuffled.detach(), model(window).detach(), rtol=0, atol=1e-12)
    assert (model(window.flip(1)) - model(window)).abs().max() > 1e-3


@pytest.mark.parametrize(
    ("width", "parameters"),
    [
        (2048, 1_704_466),  # the official model with its features (FACTS: computed from the checkpoint)
        (512, 1_704_466 - 513 * 2048 + 2048 - 512),  # without the projection 2048 -> 512
    ],
)
def test_parameter_count(width, parameters):
    assert sum(p.numel() for p in NetVLADpp(width).parameters()) == parameters


def test_vocabularies_start_as_the_official_ones():
    model = NetVLADpp(512)
    for vocabulary in (model.past, model.future):
        for tensor in (vocabulary.assign.weight, vocabulary.centres):
            assert tensor.std().item() == pytest.approx(512**-0.5, rel=0.03)
            assert abs(tensor.mean().item()) < 0.002


@pytest.mark.parametrize("window", [2, 3, 7, 8, 15, 30])
@pytest.mark.parametrize("frames", [1, 4, 40, CENTRES_PER_BLOCK, CENTRES_PER_BLOCK + 1, 2 * CENTRES_PER_BLOCK + 9])
def test_sliding_is_window_by_window(frames, window):
    model = small()
    features = torch.randn(frames, 12, generator=torch.Generator().manual_seed(frames))
    rows = centred_windows(frames, window)
    with torch.no_grad():
        torch.testing.assert_close(model.slide(features, window), model(features[rows]), rtol=0, atol=1e-5)
        features, model = features.double(), model.double()
        torch.testing.assert_close(model.slide(features, window), model(features[rows]), rtol=0, atol=1e-12)


def test_sliding_keeps_its_precision_where_frames_are_on_the_centres():
    """After training, residuals are small against the frames they are the difference of."""
    model, generator = small(), torch.Generator().manual_seed(2)
    frames = torch.nn.functional.normalize(torch.randn(4, 6, generator=generator), dim=-1)
    model.project = torch.nn.Identity()
    for vocabulary in (model.past, model.future):
        vocabulary.centres.data[:4] = frames
        vocabulary.assign.weight.data[:4] = 20 * frames
    features = frames[torch.randint(4, (50,), generator=generator)] + 0.01 * torch.randn(50, 6, generator=generator)
    with torch.no_grad():
        exact = model.double()(features.double()[centred_windows(50, 8)])
        torch.testing.assert_close(model.float().slide(features, 8), exact.float(), rtol=0, atol=2e-5)


def test_frames_of_nothing_score_a_number():
    model = small(6)
    features = torch.zeros(9, 6)
    with torch.no_grad():
        expected = model(features[centred_windows(9, 4)])
        assert expected.isfinite().all()
        torch.testing.assert_close(model.slide(features, 4), expected, rtol=0, atol=1e-5)


def test_sliding_refuses_training_mode_and_a_window_without_a_past():
    with pytest.raises(ValueError, match=r"eval\(\)"):
        small().train().slide(torch.zeros(9, 12), 4)
    with pytest.raises(ValueError, match="at least 2"):
        small().slide(torch.zeros(9, 12), 1)


def test_every_parameter_learns():
    model = small().train()
    model(torch.randn(4, 6, 12, generator=torch.Generator().manual_seed(1))).square().sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in model.parameters())


@pytest.mark.parametrize("empty", [slice(0, 1), slice(None)])
def test_clusters_without_a_residual_do_not_spoil_the_gradient(empty):
    """Frames of nothing, on centres of nothing: one cluster, or a whole vocabulary, has no direction."""
    model = small(6).train()
    model.past.centres.data[empty] = 0
    logits = model(torch.zeros(2, 4, 6))
    logits.square().sum().backward()
    assert logits.isfinite().all()
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())
