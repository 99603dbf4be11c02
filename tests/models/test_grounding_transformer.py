import pytest
import torch

from soccerbench.models.grounding_transformer import GroundingTransformer


@pytest.fixture
def model():
    torch.manual_seed(0)
    return GroundingTransformer(12, d_model=64, heads=4, layers=4, feedforward=256, dropout=0.1).eval()


def draw(*shape):
    return torch.randn(*shape, generator=torch.Generator().manual_seed(sum(shape)))


@pytest.mark.parametrize("gradients", [False, True])
def test_padding_changes_nothing(model, gradients):
    """A replay alone and the same replay padded with any finite numbers, next to a longer one."""
    candidates, replays = draw(2, 30, 12), draw(2, 9, 12)
    lengths = torch.tensor([4, 9])
    padding = torch.arange(9) >= lengths[:, None]
    replays[0, 4:] = 1e4
    with torch.set_grad_enabled(gradients):
        together = model(candidates, replays, padding)
        for i, length in enumerate(lengths):
            alone = model(candidates[i : i + 1], replays[i : i + 1, :length], padding[i : i + 1, :length])
            torch.testing.assert_close(together[i : i + 1], alone, rtol=0, atol=1e-5)


def test_a_replay_of_no_frames_still_scores(model):
    scores = model(draw(1, 30, 12), draw(1, 3, 12), torch.ones(1, 3, dtype=torch.bool))
    assert scores.shape == (1, 2)
    assert scores.isfinite().all()


def test_frames_embedded_once_score_the_same(model):
    half, padding = draw(100, 12), torch.zeros(2, 8, dtype=torch.bool)
    embedded = model.embed(half)
    candidates = [slice(0, 30), slice(15, 45)]
    expected = model(torch.stack([half[c] for c in candidates]), half[50:58].expand(2, 8, 12), padding)
    scores = model.head(torch.stack([embedded[c] for c in candidates]), embedded[50:58].expand(2, 8, 64), padding)
    torch.testing.assert_close(scores, expected, rtol=0, atol=1e-6)


def test_clips_and_their_order_matter(model):
    first, second, padding = draw(1, 8, 12), draw(1, 9, 12)[:, :8], torch.zeros(1, 8, dtype=torch.bool)
    scores = model(first, second, padding)
    for other in (model(second, first, padding), model(first.flip(1), second, padding)):
        assert (scores - other).abs().max() > 1e-4


def test_parameter_count(model):
    # projection 12·64+64, two segments, a layer as in the spotting transformer, 64·2+2
    assert sum(p.numel() for p in model.parameters()) == 832 + 128 + 4 * (16_640 + 33_088 + 256) + 130


def test_every_parameter_learns(model):
    model.train()(draw(4, 30, 12), draw(4, 8, 12), torch.zeros(4, 8, dtype=torch.bool)).square().sum().backward()
    assert all(parameter.grad.abs().sum() > 0 for parameter in model.parameters())
