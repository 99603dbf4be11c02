"""ASTRA (Xarles et al., 2023) without audio: a transformer over the blocks of each row, and learned queries."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn

from soccerbench.models.dense.contract import DenseHead, DenseOutput, Layout

SEGMENTS = 4, 2, 1  # of a chunk, within which the tokens of each encoder layer attend to each other


class Astra(DenseHead):
    """A token for each row and block, encoded within ever longer segments, decoded to two frames a row.

    In training a row is exchanged with its neighbour, or becomes a learned vector, at random.

    Args:
        layout: what it has to fit; a displacement for each class, with its variance, or none.
        block_dropout: in the perceptron of each block.
        drop: share of the rows that become the learned vector.
        switch: share of the pairs of neighbours that are exchanged.
    """

    segments: Tensor

    def __init__(
        self,
        layout: Layout,
        *,
        d_model: int,
        heads: int,
        feedforward: int,
        decoder_layers: int,
        dropout: float,
        block_dropout: float,
        drop: float,
        switch: float,
    ) -> None:
        super().__init__()
        if layout.displacements == 1:
            raise ValueError("astra predicts a displacement for each class; set displacement.per_class: true")
        self.widths, self.drop, self.switch = layout.widths, drop, switch
        self.dropped = nn.Parameter(torch.zeros(layout.width))
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Dropout(block_dropout), nn.Linear(width, d_model))
            for width in layout.widths
        )
        self.row = nn.Parameter(0.5 * torch.randn(layout.rows, 1, d_model))
        self.block = nn.Parameter(0.5 * torch.randn(len(layout.widths), d_model))
        near = self.row.detach()[:, 0].repeat_interleave(layout.frames_per_row, dim=0)
        self.queries = nn.Parameter(near + 0.15 * torch.randn(layout.frames, d_model))
        sizes: dict[str, Any] = {"dim_feedforward": feedforward, "dropout": dropout, "batch_first": True}
        self.encoder = nn.ModuleList(nn.TransformerEncoderLayer(d_model, heads, **sizes) for _ in SEGMENTS)
        self.decoder = nn.ModuleList(nn.TransformerDecoderLayer(d_model, heads, **sizes) for _ in range(decoder_layers))
        names = ["scores"] + (["displacement", "log_variance"] if layout.displacements else [])
        self.heads = nn.ModuleDict(
            {
                name: nn.Sequential(nn.Linear(d_model, d_model), nn.ReLU(), nn.Linear(d_model, layout.outputs))
                for name in names
            }
        )
        self._draw(d_model // heads)
        row = torch.arange(layout.rows).repeat_interleave(len(layout.widths))
        parts = [row * count // layout.rows for count in SEGMENTS]
        apart = torch.stack([part[:, None] != part for part in parts])  # (layers, tokens, tokens)
        self.register_buffer("segments", apart, persistent=False)

    @torch.no_grad()
    def _draw(self, width: int) -> None:
        """Draw weights so that a query attends mostly to its own row, and a row's features outweigh its embedding.

        Args:
            width: of one attention head.
        """
        for block in range(len(self.widths)):
            nn.init.kaiming_normal_(self.blocks.get_parameter(f"{block}.0.weight"), nonlinearity="relu")
            nn.init.kaiming_normal_(self.blocks.get_parameter(f"{block}.3.weight"), nonlinearity="linear")
        for layer in self.decoder:
            attention = cast("nn.TransformerDecoderLayer", layer).multihead_attn
            query, key, value = attention.in_proj_weight.chunk(3)
            nn.init.orthogonal_(query, gain=(200 / width) ** 0.25)
            key.copy_(query)
            nn.init.orthogonal_(value)
            nn.init.orthogonal_(attention.out_proj.weight, gain=2)

    @torch.no_grad()
    def begin(self, scores: Tensor, log_variance: float) -> None:
        """Start the last layers at constants, or else the first steps teach every layer to ignore the features."""
        self.heads.get_parameter("scores.2.bias").copy_(scores)
        if "log_variance" in self.heads:
            nn.init.constant_(self.heads.get_parameter("log_variance.2.bias"), log_variance)

    def forward(self, features: Tensor) -> DenseOutput:
        """Score chunks of features (B, T, C)."""
        return self.decode(self.embed(self.augment(features) if self.training else features))

    def augment(self, features: Tensor) -> Tensor:
        """Chunks (B, T, C) with rows exchanged and dropped."""
        batch, rows = features.shape[:2]
        number = torch.arange(rows, device=features.device)
        first = (number + torch.randint(2, (batch, 1), device=features.device)) % 2 == 0  # of a pair of neighbours
        exchanged = (torch.rand(batch, rows, device=features.device) < self.switch) & first & (number < rows - 1)
        order = number + exchanged.long() - exchanged.roll(1, dims=1).long()
        features = features.take_along_dim(order[..., None], dim=1)
        dropped = torch.rand(batch, rows, 1, device=features.device) < self.drop
        return torch.where(dropped, self.dropped.to(features.dtype), features)

    def embed(self, features: Tensor) -> Tensor:
        """(…, C) to (…, blocks · d_model)."""
        parts = torch.split(features, list(self.widths), dim=-1)
        return torch.cat([block(part) for block, part in zip(self.blocks, parts, strict=True)], dim=-1)

    def decode(self, tokens: Tensor) -> DenseOutput:
        """Score chunks of embedded rows (B, T, blocks · d_model)."""
        tokens = (
            tokens.reshape(*tokens.shape[:2], len(self.widths), -1) + self.row + self.block
        )  # (B, T, blocks, d_model)
        tokens = tokens.flatten(1, 2)
        for layer, apart in zip(self.encoder, self.segments, strict=True):
            tokens = layer(tokens, src_mask=apart)
        frames = self.queries.expand(len(tokens), -1, -1)
        for layer in self.decoder:
            frames = layer(frames, tokens)
        found = {name: head(frames) for name, head in self.heads.items()}
        moves = {name: value[..., 1:] for name, value in found.items() if name != "scores"}  # none of the background
        return DenseOutput(found["scores"], moves.get("displacement"), moves.get("log_variance"))
