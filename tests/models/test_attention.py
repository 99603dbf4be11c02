"""The quick encoder layer against torch's own: same sums, same gradients, dropout where the original has it."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from soccerbench.models.attention import QuickEncoderLayer, _Attend
from soccerbench.models.grounding_transformer import TOGETHER, GroundingTransformer


def draw(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("padded", [False, True])
def test_without_dropout_it_is_the_layer_of_torch(training: bool, padded: bool) -> None:
    torch.manual_seed(0)
    quick, plain = (
        layer(12, 3, 20, 0.0, batch_first=True) for layer in (QuickEncoderLayer, nn.TransformerEncoderLayer)
    )
    plain.load_state_dict(quick.state_dict())
    tokens, weights = draw(5, 7, 12).requires_grad_(), draw(5, 7, 12, seed=1)
    padding = torch.arange(7) >= torch.tensor([[7], [5], [1], [6], [2]]) if padded else None
    found = []
    for layer in (quick, plain):
        layer.double().train(training)
        encoded = layer(tokens, src_key_padding_mask=padding)
        if padding is not None:
            encoded = encoded.masked_fill(padding.unsqueeze(-1), 0)
        found.append([encoded, *torch.autograd.grad((encoded * weights).sum(), [tokens, *layer.parameters()])])
    for one, other in zip(*found, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-11)


@pytest.mark.parametrize("p", [0.0, 0.3])
def test_gradients(p: float) -> None:
    absent = torch.tensor([0.0, 0.0, 0.0, -torch.inf], dtype=torch.float64).expand(2, 1, 4)

    def attend(together: torch.Tensor) -> torch.Tensor:
        torch.manual_seed(1)  # the same is dropped each time
        return _Attend.apply(together, absent, p)

    assert torch.autograd.gradcheck(attend, (draw(3, 2, 4, 3).requires_grad_(),))


def test_weights_are_dropped_with_probability_p() -> None:
    """Over many draws attention with dropout has the mean, and the variance, of torch's."""
    values = draw(1, 6, 8, seed=3).float()
    layer = QuickEncoderLayer(8, 2, 4, 0.4).self_attn.train()
    means, deviations = [], []
    for attention in (layer, _torchs(layer)):
        torch.manual_seed(0)
        batch = values.expand(20_000, -1, -1)
        with torch.no_grad():
            drawn, _ = attention(batch, batch, batch, need_weights=False)
        means.append(drawn.mean(dim=0))
        deviations.append(drawn.std(dim=0))
    error = 5 * (2 / 20_000) ** 0.5
    assert ((means[0] - means[1]).abs() < error * deviations[1]).all()
    assert ((deviations[0] / deviations[1] - 1).abs() < error).all()


def _torchs(attention: nn.MultiheadAttention) -> nn.MultiheadAttention:
    plain = nn.MultiheadAttention(attention.embed_dim, attention.num_heads, attention.dropout, batch_first=True)
    plain.load_state_dict(attention.state_dict())
    return plain.train()


def test_what_it_does_not_shorten_is_torchs() -> None:
    torch.manual_seed(0)
    attention = QuickEncoderLayer(8, 2, 4, 0.0).self_attn.train()
    plain, tokens, others = _torchs(attention), draw(2, 5, 8).float(), draw(2, 4, 8, seed=1).float()
    for arguments in ((tokens, tokens, tokens), (tokens, others, others)):
        found, wanted = attention(*arguments), plain(*arguments)  # with weights
        assert all(torch.equal(one, other) for one, other in zip(found, wanted, strict=True))


def test_pairs_taken_together_by_length_score_as_all_at_once() -> None:
    torch.manual_seed(0)
    model = GroundingTransformer(6, d_model=8, heads=2, layers=2, feedforward=16, dropout=0.0).double()
    count = 2 * TOGETHER + 3
    lengths = torch.randint(0, 12, (count,))
    candidates, replays = draw(count, 9, 6).requires_grad_(), draw(count, 12, 6, seed=1).requires_grad_()
    padding = torch.arange(12) >= lengths[:, None]
    at_once = copy.deepcopy(model)
    logits = model(candidates, replays, padding)
    wanted = at_once._score(at_once.embed(candidates), at_once.embed(replays), padding)
    torch.testing.assert_close(logits, wanted, rtol=0, atol=1e-12)
    weights = draw(count, 2, seed=2)
    gradients = [
        torch.autograd.grad((scored * weights).sum(), [candidates, replays, *made.parameters()])
        for scored, made in ((logits, model), (wanted, at_once))
    ]
    for one, other in zip(*gradients, strict=True):
        torch.testing.assert_close(one, other, rtol=0, atol=1e-11)
