"""Every dense head: shapes, parameters, and gradients that reach all of them."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from soccerbench.models.dense.contract import DenseHead, resample
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
    assert not silent


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


def test_the_unet_takes_chunks_that_cannot_be_halved() -> None:
    model = build(SMALL["unet"].model_copy(update={"displacement": None}), MINI).eval()
    assert model(torch.randn(2, 7, sum(MINI))).scores.shape == (2, 14, 17)
