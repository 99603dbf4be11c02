"""The contract of dense heads: resampling, and two heads that were trained apart."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from soccerbench.models.dense.bigru import BiGru
from soccerbench.models.dense.contract import Apart, Layout, resample


@pytest.mark.parametrize("rows", [2, 3, 50])
def test_frames_are_interpolated_between_the_middles_of_rows_and_extrapolated_at_the_ends(rows: int) -> None:
    values = torch.randn(2, rows, 3, dtype=torch.float64)
    row_s, frame_s = np.arange(rows) + 0.5, (2 * np.arange(2 * rows) + 1) / 4
    before = np.clip(np.searchsorted(row_s, frame_s) - 1, 0, rows - 2)
    share = torch.from_numpy(frame_s - row_s[before])[:, None]
    expected = values[:, before] * (1 - share) + values[:, before + 1] * share
    torch.testing.assert_close(resample(values, 2), expected, rtol=0, atol=1e-12)
    assert resample(values, 1) is values


def test_one_row_is_repeated() -> None:
    assert resample(torch.tensor([[[3.0]]]), 2).tolist() == [[[3.0], [3.0]]]


def test_resampling_commutes_with_the_first_layer() -> None:
    features, layer = torch.randn(2, 9, 6), torch.nn.Linear(6, 4)
    torch.testing.assert_close(resample(layer(features), 2), layer(resample(features, 2)), rtol=0, atol=1e-5)


def test_heads_trained_apart_give_scores_and_displacements_within_the_radius() -> None:
    layout = Layout(widths=(4, 3), rows=5, frames_per_row=2, outputs=17, displacements=0)
    scores, displacement = (BiGru(layout, hidden=8, layers=1, dropout=0.5).eval() for _ in range(2))
    features = torch.randn(3, 5, 7)
    both = Apart(scores, displacement, radius_frames=12)
    found = both.decode(both.embed(features))
    torch.testing.assert_close(found.scores, scores(features).scores, rtol=0, atol=1e-6)
    expected = 12 * torch.tanh(displacement(features).scores)
    torch.testing.assert_close(found.displacement, expected, rtol=0, atol=1e-5)
    assert both(features).displacement is None  # what is trained
