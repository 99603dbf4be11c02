"""Every dense head: shapes, parameters, and gradients that reach all of them."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from soccerbench.models.dense.astra import Astra
from soccerbench.models.dense.contract import Layout
from soccerbench.specs.heads import load_head
from soccerbench.specs.load import load_table
from soccerbench.specs.spotting import DenseRow
from soccerbench.tasks.dense.task import DenseTask

RELEASE, MINI = (2048, 2048, 384, 2048, 2048), (6, 6, 4, 6, 6)
ROWS: dict[str, Any] = {row.head: row for row in load_table("table2plus").rows if isinstance(row, DenseRow)}
SMALL: dict[str, Any] = {row.head: row for row in load_table("table2plus", mini=True).rows if isinstance(row, DenseRow)}
HEADS = pytest.mark.parametrize("name", ROWS)


def build(row: DenseRow, widths: tuple[int, ...]) -> Any:
    return DenseTask.build(row, widths, 1, load_head(row))


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        # 8576·512 + 512; a direction of the GRU: 3·512·(512 + 512) + 2·3·512; 1024·18 + 18
        ("bigru", 4_391_424 + 2 * (1_572_864 + 3_072) + 18_450),
        ("astra", 44_299_574),
        ("unet", 2 * 21_856_721),  # one network for scores, one for displacements
        # three layers of each row 4_539_200; a layer: attention 4·(64·64 + 64), feed-forward 2·64·256 + 256 + 64, norms
        # 4·64; positions 224·64; a last norm; 64·3·17 + 17
        ("unet_transformer", 2 * (4_539_200 + 3 * (16_640 + 33_088 + 256) + 14_336 + 128 + 3_281)),
    ],
)
def test_parameter_count_at_the_width_of_the_release(name: str, parameters: int) -> None:
    with torch.device("meta"):
        model = build(ROWS[name], RELEASE)
    assert sum(weight.numel() for weight in model.parameters()) == parameters


@HEADS
def test_a_chunk_gives_scores_for_every_frame(name: str) -> None:
    row = SMALL[name]
    model, rows = build(row, MINI).eval(), row.whole_rows("chunk_s", 1)
    output = model.decode(model.embed(torch.randn(2, rows, sum(MINI))))
    outputs = 17 if row.loss.kind == "balanced-binary" else 18
    assert output.scores.shape == (2, 2 * rows, outputs)
    if row.displacement is None:
        assert output.displacement is None
    else:
        assert output.displacement.shape == (2, 2 * rows, 17 if row.displacement.per_class else 1)


@HEADS
def test_every_parameter_learns(name: str) -> None:
    row = SMALL[name]
    model = build(row, MINI).eval()
    output = model.decode(model.embed(torch.randn(2, row.whole_rows("chunk_s", 1), sum(MINI))))
    sum(values.square().sum() for values in output if values is not None).backward()
    silent = {key for key, value in model.named_parameters() if value.grad is None or not value.grad.abs().sum() > 0}
    assert silent == ({"dropped"} if name == "astra" else set())  # the vector of dropped rows, in training alone


def astra(rows: int, **sizes: Any) -> Astra:
    usual = {"d_model": 8, "heads": 2, "feedforward": 8, "decoder_layers": 3, "drop": 0.5, "switch": 0.3}
    return Astra(Layout(MINI, rows, 2, 18, 17), **usual | sizes, dropout=0.1, block_dropout=0.4)


def test_astra_attends_within_segments_that_grow() -> None:
    """A row changes the tokens of its own segment alone: a quarter of the chunk, then half of it, then all."""
    model = astra(8).double().eval()
    features = torch.randn(1, 8, sum(MINI), dtype=torch.float64)
    changed = features.clone()
    changed[0, 3] += 1
    seen = []
    for layer in model.encoder:
        layer.register_forward_hook(lambda module, given, found: seen.append(found))
    for each in (features, changed):
        model(each)
    changes = ((one != other).any(-1).reshape(8, 5).any(1) for one, other in zip(seen[:3], seen[3:], strict=True))
    rows = [change.nonzero().ravel().tolist() for change in changes]
    assert rows == [[2, 3], [0, 1, 2, 3], list(range(8))]


def test_a_query_of_astra_begins_with_its_own_row() -> None:
    """Before any training most of the attention of a frame is on the five tokens of its row."""
    torch.manual_seed(0)
    model = astra(12, d_model=48, heads=4, feedforward=96, decoder_layers=1).eval()
    seen: dict[str, torch.Tensor] = {}
    first = model.decoder[0]
    first.norm1.register_forward_hook(lambda module, given, found: seen.update(query=found))
    model.encoder[-1].register_forward_hook(lambda module, given, found: seen.update(tokens=found))
    model(torch.randn(2, 12, sum(MINI)))
    weights = first.multihead_attn(seen["query"], seen["tokens"], seen["tokens"])[1].reshape(2, 24, 12, 5).sum(-1)
    own = weights[:, torch.arange(24), torch.arange(24) // 2]
    assert own.mean() > 0.5


def test_astra_drops_and_exchanges_rows_in_training_alone() -> None:
    features = torch.arange(50.0).repeat(200, 1)[..., None].expand(-1, -1, sum(MINI))
    model = astra(50, drop=0.25, switch=0.0)
    torch.nn.init.constant_(model.dropped, -1)
    assert (model.augment(features) == -1).all(-1).float().mean().item() == pytest.approx(0.25, abs=0.02)
    model = astra(50, drop=0.0, switch=0.3)
    order = model.augment(features)[..., 0]
    assert torch.equal(order.sort(dim=1).values, features[..., 0])
    assert (order - torch.arange(50)).abs().max() == 1
    assert (order != torch.arange(50)).float().mean().item() == pytest.approx(0.3 * 49 / 50, abs=0.03)
    model.eval()
    chunk = torch.randn(1, 50, sum(MINI))
    assert torch.equal(model(chunk).scores, model.decode(model.embed(chunk)).scores)


def test_the_unet_takes_chunks_that_cannot_be_halved() -> None:
    model = build(SMALL["unet"].model_copy(update={"displacement": None}), MINI).eval()
    assert model(torch.randn(2, 7, sum(MINI))).scores.shape == (2, 14, 17)
