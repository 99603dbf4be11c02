"""torch's encoder layer with a faster training step on the CPU: the same sums, the dropout mask drawn from random bits.

torch's attention with dropout draws slow Bernoulli numbers, handles tokens that attend to nothing, and multiplies
narrow heads in an order that is slow on the CPU. In evaluation and on a GPU torch's kernels are used.

Conventions
    N  heads of all sequences, d_head wide
    T  tokens
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn.functional import linear

from soccerbench.models.dropout import Dropout, kept_scales


class _Attend(torch.autograd.Function):
    """Attention of (3, N, T, d_head), queries, keys and values, to (N, T, d_head).

    Products whose result is only a head wide are taken transposed, which is three times as fast.
    """

    @staticmethod
    def forward(ctx: Any, together: Tensor, absent: Tensor | None, p: float) -> Tensor:
        queries, keys, values = together
        ctx.scale = queries.shape[-1] ** -0.5
        alike = torch.bmm(queries, keys.mT).mul_(ctx.scale)  # (N, T, T)
        weights = (alike if absent is None else alike.add_(absent)).softmax(dim=-1)
        scales = kept_scales(weights.shape, p).to(weights.dtype) if p else torch.ones_like(weights)
        ctx.save_for_backward(together, weights, scales)
        return torch.bmm(values.mT, (weights * scales).mT).mT

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:
        (queries, keys, values), weights, scales = ctx.saved_tensors
        of_values = torch.bmm(gradient.mT, weights * scales)  # (N, d_head, T)
        of_weights = torch.bmm(gradient, values.mT).mul_(scales).mul_(weights)
        of_alike = of_weights.sub_(weights * of_weights.sum(dim=-1, keepdim=True)).mul_(ctx.scale)
        of_queries, of_keys = torch.bmm(keys.mT, of_alike.mT), torch.bmm(queries.mT, of_alike)
        return torch.stack([of_queries, of_keys, of_values]).mT, None, None


class Attention(nn.MultiheadAttention):
    """`nn.MultiheadAttention` of sequences (B, T, d_model) to themselves.

    Args:
        d_model: width of a token.
        heads: attention heads, which share the width.
        dropout: of the attention weights.
    """

    def __init__(self, d_model: int, heads: int, dropout: float) -> None:
        super().__init__(d_model, heads, dropout, batch_first=True)

    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """As the base class; self-attention in training on the CPU takes the faster path."""
        fast = query is key is value and not need_weights and attn_mask is None
        if not fast or not self.training or query.device.type != "cpu" or self.dropout == 1:
            return super().forward(
                query, key, value, key_padding_mask, need_weights, attn_mask, average_attn_weights, is_causal
            )
        sequences, tokens, _ = query.shape
        together = linear(query, self.in_proj_weight, self.in_proj_bias).view(sequences, tokens, 3, self.num_heads, -1)
        by_head = together.permute(2, 0, 3, 1, 4).flatten(1, 2)  # (3, N, T, d_head)
        absent = None if key_padding_mask is None else key_padding_mask.repeat_interleave(self.num_heads, dim=0)
        seen = _Attend.apply(by_head, None if absent is None else absent[:, None], self.dropout)
        return self.out_proj(seen.view(sequences, self.num_heads, tokens, -1).transpose(1, 2).flatten(2)), None


class QuickEncoderLayer(nn.TransformerEncoderLayer):
    """`nn.TransformerEncoderLayer` with `Attention` and `Dropout` of this package.

    Args:
        d_model: width of a token.
        heads: attention heads.
        feedforward: hidden width of the feed-forward part.
        dropout: everywhere the original has it.
        batch_first: true.
    """

    def __init__(self, d_model: int, heads: int, feedforward: int, dropout: float, *, batch_first: bool = True) -> None:
        super().__init__(d_model, heads, feedforward, dropout, batch_first=batch_first)
        self.self_attn = Attention(d_model, heads, dropout)
        self.dropout, self.dropout1, self.dropout2 = (Dropout(dropout) for _ in range(3))
