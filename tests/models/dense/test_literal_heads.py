"""A training step of each later head: loss and gradients against its definition, computed frame by frame in float64."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from literal_layers import Literal, gelu, pooled, twice
from torch import Tensor, nn

from soccerbench.models.dense.contract import Layout
from soccerbench.models.ste import STE
from soccerbench.specs.heads import HEADS
from soccerbench.specs.load import load_table
from soccerbench.specs.spotting import DenseRow
from soccerbench.tasks.dense.losses import displacement_loss, score_loss

WIDTHS, ROWS = (3, 2), 6
TABLE: dict[str, Any] = {row.head: row for row in load_table("table2plus").rows if isinstance(row, DenseRow)}


def bigru(w: Literal, chunk: Tensor) -> dict[str, Tensor]:
    frames = w.linear("project", twice(chunk))
    states = {}
    for suffix, order in (("", range(len(frames))), ("_reverse", reversed(range(len(frames))))):
        width = frames.shape[1]
        state = torch.zeros(width, dtype=chunk.dtype)
        for at in order:
            given = w.weights[f"gru.weight_ih_l0{suffix}"] @ frames[at] + w.weights[f"gru.bias_ih_l0{suffix}"]
            kept = w.weights[f"gru.weight_hh_l0{suffix}"] @ state + w.weights[f"gru.bias_hh_l0{suffix}"]
            reset = torch.sigmoid(given[:width] + kept[:width])
            update = torch.sigmoid(given[width : 2 * width] + kept[width : 2 * width])
            state = (1 - update) * torch.tanh(given[2 * width :] + reset * kept[2 * width :]) + update * state
            states[at, suffix] = state
    both = torch.stack([torch.cat([states[at, ""], states[at, "_reverse"]]) for at in range(len(frames))])
    return {"scores": w.linear("classify", both)}


def layers_of_each_row(w: Literal, chunk: Tensor) -> Tensor:
    x = w.linear("first", twice(chunk)).clamp(min=0)
    for number in range(2):
        x = w.linear(f"others.{number}", x).clamp(min=0)
    return x


def unet(w: Literal, chunk: Tensor) -> dict[str, Tensor]:
    def block(name: str, x: Tensor) -> Tensor:
        inner = x
        for part in ("reduce", "convolve", "expand"):
            inner = w.convolve(f"{name}.{part}", inner.clamp(min=0))
        widens = f"{name}.shortcut.weight" in w.weights
        return inner + (w.convolve(f"{name}.shortcut", x) if widens else x)

    x, levels = layers_of_each_row(w, chunk), []
    for number in range(2):
        x = block(f"trunk.down.{number}.1", block(f"trunk.down.{number}.0", pooled(x) if number else x))
        levels.append(x)
    kernel, bias = w.weights["trunk.widen.0.weight"], w.weights["trunk.widen.0.bias"]
    x = levels[0] + torch.stack([x[at // 2] @ kernel[:, :, at % 2] + bias for at in range(2 * len(x))])
    x = block("trunk.up.0.1", block("trunk.up.0.0", x))
    return {"scores": w.convolve("classify", x.clamp(min=0))}


def unet_transformer(w: Literal, chunk: Tensor) -> dict[str, Tensor]:
    x = layers_of_each_row(w, chunk) + w.weights["trunk.positions"]
    for layer in (f"trunk.encoder.layers.{number}" for number in range(2)):
        normed = w.norm(f"{layer}.norm1", x, epsilon=1e-6)
        x = x + w.attend(f"{layer}.self_attn", normed, normed, heads=2)
        inner = gelu(w.linear(f"{layer}.linear1", w.norm(f"{layer}.norm2", x, epsilon=1e-6)))
        x = x + w.linear(f"{layer}.linear2", inner)
    x = w.norm("trunk.encoder.norm", x, epsilon=1e-6)
    return {"scores": w.convolve("classify", x.clamp(min=0))}


def tdeed(w: Literal, chunk: Tensor) -> dict[str, Tensor]:
    def mixed(name: str, *inputs: Tensor) -> Tensor:
        parts = []
        for number, given in enumerate(inputs):
            gated = f"{name}.gated.{number}"
            x = w.norm(f"{gated}.norm", given)
            whole = w.linear(f"{gated}.whole", x.mean(0)).clamp(min=0)
            window = w.convolve(f"{gated}.short", x) + w.convolve(f"{gated}.long", x)
            parts.append(given + w.convolve(f"{gated}.instant", x) * whole + window * w.convolve(f"{gated}.gate", x))
        joined = parts[0] if len(parts) == 1 else w.linear(f"{name}.join", torch.cat(parts, -1))
        return joined + w.linear(f"{name}.feed.3", gelu(w.linear(f"{name}.feed.1", w.norm(f"{name}.feed.0", joined))))

    assert w.weights["down.0.gated.0.long.weight"].shape[2] == 9  # (3 + 1)·2 + 1
    x = w.linear("project", twice(chunk)) + w.weights["positions"]
    skips = []
    for number in range(2):
        skips.append(mixed(f"down.{number}", x))
        x = pooled(skips[-1])
    for number, skip in enumerate(reversed(skips)):
        x = mixed(f"up.{number}", torch.stack([x[at // 2] for at in range(len(skip))]), skip)
    return {"scores": w.linear("classify", x), "displacement": w.linear("displace", x)}


def astra(w: Literal, chunk: Tensor) -> dict[str, Tensor]:
    tokens, segment = [], []
    for row, features in enumerate(chunk):
        for block, part in enumerate(features.split(WIDTHS)):
            inner = w.linear(f"blocks.{block}.0", part).clamp(min=0)
            time, kind = w.weights["row"][row, 0], w.weights["block"][block]
            tokens.append(w.linear(f"blocks.{block}.3", inner) + time + kind)
            segment.append([row * count // ROWS for count in (4, 2, 1)])
    x, parts = torch.stack(tokens), torch.tensor(segment)
    for number in range(3):
        layer, of = f"encoder.{number}", parts[:, number]
        x = w.norm(f"{layer}.norm1", x + w.attend(f"{layer}.self_attn", x, x, heads=2, apart=of[:, None] != of))
        x = w.norm(f"{layer}.norm2", x + feed_forward(w, layer, x))
    y = w.weights["queries"]
    for number in range(2):
        layer = f"decoder.{number}"
        y = w.norm(f"{layer}.norm1", y + w.attend(f"{layer}.self_attn", y, y, heads=2))
        y = w.norm(f"{layer}.norm2", y + w.attend(f"{layer}.multihead_attn", y, x, heads=2))
        y = w.norm(f"{layer}.norm3", y + feed_forward(w, layer, y))
    names = ("scores", "displacement", "log_variance")
    found = {name: w.linear(f"heads.{name}.2", w.linear(f"heads.{name}.0", y).clamp(min=0)) for name in names}
    return {name: value if name == "scores" else value[:, 1:] for name, value in found.items()}


def feed_forward(w: Literal, layer: str, x: Tensor) -> Tensor:
    return w.linear(f"{layer}.linear2", w.linear(f"{layer}.linear1", x).clamp(min=0))


@pytest.mark.parametrize(
    ("reference", "sizes", "outputs", "displacements"),
    [
        (bigru, {"hidden": 4, "layers": 1, "dropout": 0.0}, 18, 0),
        (unet, {"projections": (6, 5), "widths": (4, 8)}, 17, 0),
        (unet_transformer, {"projections": (6, 5), "d_model": 4, "heads": 2, "layers": 2, "feedforward": 5,
                            "dropout": 0.0}, 17, 0),
        (tdeed, {"d_model": 4, "levels": 2, "kernel": 3, "ratio": 2}, 18, 1),
        (astra, {"d_model": 4, "heads": 2, "feedforward": 5, "decoder_layers": 2, "dropout": 0.0, "block_dropout": 0.0,
                 "drop": 0.0, "switch": 0.0}, 18, 17),
    ],
)  # fmt: skip
def test_a_step_of_a_dense_head(
    reference: Callable[[Literal, Tensor], dict[str, Tensor]], sizes: dict[str, Any], outputs: int, displacements: int
) -> None:
    name = reference.__name__
    model = HEADS[name].load()(Layout(WIDTHS, ROWS, 2, outputs, displacements), **sizes).double().train()
    for weight in model.parameters():
        nn.init.normal_(weight, std=0.5)
    chunks = torch.randn(2, ROWS, sum(WIDTHS), dtype=torch.float64)
    targets = torch.rand(2, 2 * ROWS, outputs, dtype=torch.float64)
    wanted, near = (torch.rand(2, 2 * ROWS, max(displacements, 1), dtype=torch.float64) for _ in range(2))

    def loss(found: dict[str, Tensor | None]) -> Tensor:
        scores = found["scores"]
        assert scores is not None
        total = score_loss(TABLE[name].loss, scores, targets, torch.linspace(0.01, 0.2, 17, dtype=torch.float64))
        if not displacements:
            return total
        moves = {"predicted": found["displacement"], "log_variance": found.get("log_variance")}
        return total + displacement_loss(TABLE[name].displacement, 2, **moves, wanted=wanted, near=near)

    each = [reference(Literal(model), chunk) for chunk in chunks]
    slow: dict[str, Tensor | None] = {key: torch.stack([one[key] for one in each]) for key in each[0]}
    output = model(chunks)._asdict()
    for key, value in slow.items():
        torch.testing.assert_close(output[key], value, rtol=1e-9, atol=1e-9)
    assert_same_step(model, loss(output), loss(slow))


def test_a_step_of_ste() -> None:
    """Eight frames: pooled columns, two pools, a norm over the frames of the batch, two convolutions, a last pool."""
    model = STE(6, columns=4, projection=5, channels=(4, 3, 4, 3), dropout=0.0, last_dropout=0.0).double().train()
    windows = torch.randn(3, 8, 6, dtype=torch.float64)
    targets = torch.rand(3, 18, dtype=torch.float64)
    w = Literal(model)
    columns = torch.stack([windows[..., :4].amax(-1), windows[..., 4:].amax(-1)], dim=-1)
    x = torch.stack([w.convolve("narrow.0", w.linear("project", pooled(pooled(one))).clamp(min=0)) for one in columns])
    spread = ((x - x.mean((0, 1))).square().mean((0, 1)) + 1e-5).sqrt()
    x = (x - x.mean((0, 1))) / spread * w.weights["narrow.1.weight"] + w.weights["narrow.1.bias"]
    logits = []
    for one in x.clamp(min=0):
        inner = w.convolve("convolve.2", w.convolve("convolve.0", one).clamp(min=0)).clamp(min=0)
        logits.append(w.linear("classify", w.convolve("last.0", pooled(inner)).clamp(min=0)[0]))
    p = torch.stack(logits).sigmoid()
    slow = -(targets * p.log() + (1 - targets) * (1 - p).log()).mean()
    assert_same_step(model, nn.functional.binary_cross_entropy_with_logits(model(windows), targets), slow)


def assert_same_step(model: nn.Module, mine: Tensor, slow: Tensor) -> None:
    """The same loss, and the same gradient of every weight but that of dropped rows."""
    assert mine.item() == pytest.approx(slow.item(), rel=1e-10)
    names, weights = zip(*model.named_parameters(), strict=True)
    gradients = (torch.autograd.grad(loss, weights, allow_unused=True) for loss in (mine, slow))
    for name, ours, literal in zip(names, *gradients, strict=True):
        if literal is None:
            assert name == "dropped"
        else:
            torch.testing.assert_close(ours, literal, rtol=1e-8, atol=1e-9, msg=name)
