"""Every dense head: shapes, parameters, and gradients that reach all of them."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from soccerbench.models.dense.astra import Astra
from soccerbench.models.dense.contract import DenseHead, Layout, resample
from soccerbench.models.dense.tdeed import Mixed
from soccerbench.specs import DenseRow, load_table
from soccerbench.specs.heads import load_head
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
    output = model(torch.randn(2, rows, sum(MINI)))
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
    output = model(torch.randn(2, row.whole_rows("chunk_s", 1), sum(MINI)))
    sum(values.square().sum() for values in output if values is not None).backward()
    silent = {key for key, value in model.named_parameters() if value.grad is None or not value.grad.abs().sum() > 0}
    assert silent == ({"dropped"} if name == "astra" else set())  # the vector of dropped rows, in training alone


def test_the_gru_is_two_literal_recurrences() -> None:
    """Each direction step by step, as the equations of Cho et al. (2014) in torch's form have it."""
    row = SMALL["bigru"]
    model: DenseHead = build(row, MINI).double().eval()
    features = torch.randn(1, 4, sum(MINI), dtype=torch.float64)
    weights = dict(model.named_parameters())
    projected = features[0] @ weights["project.weight"].T + weights["project.bias"]
    frames = [projected[0] * 1.25 - projected[1] * 0.25, projected[0] * 0.75 + projected[1] * 0.25]
    for row_number in range(1, 4):
        before, here = projected[row_number - 1], projected[row_number]
        after = projected[row_number + 1] if row_number < 3 else 2 * here - before
        frames += [0.25 * before + 0.75 * here, 0.75 * here + 0.25 * after]
    states = {}
    for suffix, order in (("", range(8)), ("_reverse", range(7, -1, -1))):
        state, width = torch.zeros(64, dtype=torch.float64), 64
        for frame in order:
            given = weights[f"gru.weight_ih_l0{suffix}"] @ frames[frame] + weights[f"gru.bias_ih_l0{suffix}"]
            kept = weights[f"gru.weight_hh_l0{suffix}"] @ state + weights[f"gru.bias_hh_l0{suffix}"]
            reset = torch.sigmoid(given[:width] + kept[:width])
            update = torch.sigmoid(given[width : 2 * width] + kept[width : 2 * width])
            new = torch.tanh(given[2 * width :] + reset * kept[2 * width :])
            state = (1 - update) * new + update * state
            states[frame, suffix] = state
    both = torch.stack([torch.cat([states[frame, ""], states[frame, "_reverse"]]) for frame in range(8)])
    expected = both @ weights["classify.weight"].T + weights["classify.bias"]
    torch.testing.assert_close(model(features).scores[0], expected, rtol=0, atol=1e-10)


def test_the_unet_is_its_literal_layers() -> None:
    """Convolutions and pools of the definition frame by frame, with the weights by their names."""
    row = SMALL["unet"]
    model = build(row.model_copy(update={"displacement": None}), MINI).double().eval()
    for weight in model.parameters():
        torch.nn.init.normal_(weight, std=0.3)
    weights = {key: value.detach() for key, value in model.named_parameters()}
    frames = 16

    def convolve(name: str, given: torch.Tensor) -> torch.Tensor:
        kernel, bias = weights[f"{name}.weight"], weights[f"{name}.bias"]
        reach, found = kernel.shape[2] // 2, []
        for at in range(given.shape[1]):
            total = bias.clone()
            for tap in range(kernel.shape[2]):
                if 0 <= at + tap - reach < given.shape[1]:
                    total = total + kernel[:, :, tap] @ given[:, at + tap - reach]
            found.append(total)
        return torch.stack(found, dim=1)

    def block(name: str, given: torch.Tensor) -> torch.Tensor:
        inner = given
        for part in ("reduce", "convolve", "expand"):
            inner = convolve(f"{name}.{part}", inner.clamp(min=0))
        widens = f"{name}.shortcut.weight" in weights
        return inner + (convolve(f"{name}.shortcut", given) if widens else given)

    tokens = torch.randn(1, frames // 2, sum(MINI), dtype=torch.float64)
    x = resample(tokens @ weights["first.weight"].T + weights["first.bias"], 2)[0].T.clamp(min=0)
    for number in range(2):
        x = (weights[f"others.{number}.weight"] @ x + weights[f"others.{number}.bias"][:, None]).clamp(min=0)
    levels, count = [], len(row.architecture["widths"])
    for number in range(count):
        if number:
            x = torch.stack([x[:, [at, at + 1]].amax(1) for at in range(0, x.shape[1], 2)], dim=1)
        x = block(f"trunk.down.{number}.1", block(f"trunk.down.{number}.0", x))
        levels.append(x)
    for number in reversed(range(count - 1)):
        kernel, bias = weights[f"trunk.widen.{number}.weight"], weights[f"trunk.widen.{number}.bias"]
        twice = [kernel[:, :, at % 2].T @ x[:, at // 2] + bias for at in range(2 * x.shape[1])]
        x = levels[number] + torch.stack(twice, dim=1)
        x = block(f"trunk.up.{number}.1", block(f"trunk.up.{number}.0", x))
    expected = convolve("classify", x.clamp(min=0)).T
    torch.testing.assert_close(model(tokens).scores[0], expected, rtol=1e-9, atol=1e-9)


def test_a_layer_of_tdeed_is_its_literal_branches() -> None:
    """Frame by frame: each branch of each input, joined, then the feed-forward part."""
    layer, width, frames = Mixed(4, 2, kernel=3, ratio=2).double().eval(), 4, 5
    inputs = [torch.randn(1, frames, width, dtype=torch.float64) for _ in range(2)]
    weights = {key: value.detach() for key, value in layer.named_parameters()}

    def normed(name: str, x: torch.Tensor) -> torch.Tensor:
        centred = x - x.mean(-1, keepdim=True)
        spread = (centred.square().mean(-1, keepdim=True) + 1e-5).sqrt()
        return centred / spread * weights[f"{name}.weight"] + weights[f"{name}.bias"]

    def convolved(name: str, x: torch.Tensor) -> torch.Tensor:
        kernel, found = weights[f"{name}.weight"], []
        reach = kernel.shape[2] // 2
        for at in range(frames):
            taps = [kernel[:, 0, k] * x[at + k - reach] for k in range(2 * reach + 1) if 0 <= at + k - reach < frames]
            found.append(sum(taps) + weights[f"{name}.bias"])
        return torch.stack(found)

    parts = []
    for number, given in enumerate(inputs):
        name = f"gated.{number}"
        x = normed(f"{name}.norm", given[0])
        whole = (weights[f"{name}.whole.weight"] @ x.mean(0) + weights[f"{name}.whole.bias"]).clamp(min=0)
        window = convolved(f"{name}.short", x) + convolved(f"{name}.long", x)
        parts.append(given[0] + convolved(f"{name}.instant", x) * whole + window * convolved(f"{name}.gate", x))
    joined = torch.cat(parts, -1) @ weights["join.weight"].T + weights["join.bias"]
    inner = normed("feed.0", joined) @ weights["feed.1.weight"].T + weights["feed.1.bias"]
    inner = inner * (1 + torch.erf(inner / 2**0.5)) / 2
    expected = joined + inner @ weights["feed.3.weight"].T + weights["feed.3.bias"]
    torch.testing.assert_close(layer(*inputs)[0], expected, rtol=0, atol=1e-10)
    assert weights["gated.0.long.weight"].shape[2] == 9


def test_astra_attends_within_segments_that_grow() -> None:
    """A row changes the tokens of its own segment alone: a quarter of the chunk, then half of it, then all."""
    model = Astra(Layout(MINI, 8, 2, 18, 17), d_model=8, heads=2, feedforward=8).double().eval()
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


def test_astra_drops_and_exchanges_rows_in_training_alone() -> None:
    layout, features = (
        Layout(MINI, 50, 2, 18, 17),
        torch.arange(50.0).repeat(200, 1)[..., None].expand(-1, -1, sum(MINI)),
    )
    model = Astra(layout, d_model=8, heads=2, feedforward=8, drop=0.25, switch=0.0)
    torch.nn.init.constant_(model.dropped, -1)
    assert (model.augment(features) == -1).all(-1).float().mean().item() == pytest.approx(0.25, abs=0.02)
    model = Astra(layout, d_model=8, heads=2, feedforward=8, drop=0.0, switch=0.3)
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
