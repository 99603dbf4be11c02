import math

import pytest
import torch

from soccerbench.models.encoder import Encoder, sinusoids


def test_positions_by_hand():
    expected = [[0, 1, 0, 1], [math.sin(1), math.cos(1), math.sin(0.01), math.cos(0.01)]]
    expected.append([math.sin(2), math.cos(2), math.sin(0.02), math.cos(0.02)])
    positions = sinusoids(3, 4, like=torch.zeros((), dtype=torch.float64))
    torch.testing.assert_close(positions, torch.tensor(expected, dtype=torch.float64), rtol=0, atol=1e-15)


def test_layers_start_different():
    first, second = Encoder(d_model=8, heads=2, layers=2, feedforward=16, dropout=0.0).layers
    assert not torch.equal(first.linear1.weight, second.linear1.weight)


@pytest.mark.parametrize("training", [False, True])
def test_padding_is_not_attended_to(training):
    torch.manual_seed(0)
    encoder = Encoder(d_model=8, heads=2, layers=2, feedforward=16, dropout=0.0).train(training)
    tokens = torch.randn(2, 5, 8)
    padding = torch.tensor([[False, False, False, True, True]]).expand(2, 5)
    with torch.set_grad_enabled(training):
        alone, padded = encoder(tokens[:, :3]), encoder(tokens, padding)[:, :3]
    torch.testing.assert_close(padded, alone, rtol=0, atol=1e-5)
