"""NetVLAD++ (Giancola and Ghanem, 2021): one vocabulary for the time before the centre of a window, one for after.

Source: sn-spotting, Benchmarks/TemporallyAwarePooling.

A naive slide over a half computes each frame again for every window that contains it, although the result does not
depend on the window. For one vocabulary with assignments a, frames x, centres c and the classifier's weights w, a
window scores

    sum_k  w_k . V_k / |V_k| / norm        V_k = sum_t a_tk (x_t - c_k)

so that w_k . x_t is needed once a frame, and |V_k|^2 expands into products of frames at most a window apart: a narrow
band of the Gram matrix x x'. No residual (K, D) is ever formed.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, normalize

from soccerbench.models.dropout import Dropout
from soccerbench.models.sliding import check_sliding

TINY = 1e-12  # the smallest norm divided by, as in torch's `normalize`
CENTRES_PER_BLOCK = 256  # windows scored together: bounds the memory, and the Gram products outside the band


class NetVLAD(nn.Module):
    """A vocabulary of clusters; pools a set of frames into its residuals from them."""

    def __init__(self, clusters: int, width: int) -> None:
        super().__init__()
        self.assign = nn.Linear(width, clusters, bias=False)
        self.centres = nn.Parameter(torch.empty(clusters, width))
        nn.init.normal_(self.assign.weight, std=width**-0.5)
        nn.init.normal_(self.centres, std=width**-0.5)

    def forward(self, frames: Tensor) -> Tensor:
        """Pool unit frames (B, T, D) into unit vectors (B, K·D)."""
        shares = self.assign(frames).softmax(dim=-1)  # (B, T, K)
        total = shares.sum(dim=1).unsqueeze(-1)  # (B, K, 1)
        residuals = torch.addcmul(shares.mT @ frames, total, self.centres, value=-1)  # (B, K, D)
        scales = unit_scales(torch.linalg.vector_norm(residuals, dim=-1))  # (B, K)
        return (residuals * scales.unsqueeze(-1)).flatten(1)  # (B, K·D)

    def slide(self, frames: Tensor, span: int, weight: Tensor) -> Tensor:
        """Pool every `span` successive frames and classify the pooled vector, without forming it.

        Args:
            frames: unit frames (M, D), M >= span.
            span: frames pooled together.
            weight: (N, K·D), the classifier's columns for this vocabulary.

        Returns:
            (M - span + 1, N): `forward(frames[i : i + span]) @ weight.T` in row i.
        """
        shares = self.assign(frames).softmax(dim=-1)  # (M, K)
        by_cluster = weight.reshape(-1, *self.centres.shape)  # (N, K, D)
        seen = linear(frames, by_cluster.transpose(0, 1).flatten(0, 1)).reshape(*shares.shape, -1)  # (M, K, N): w . x
        offset = torch.einsum("nkd,kd->kn", by_cluster, self.centres)
        weighted = shares.unsqueeze(-1) * (seen - offset)  # (M, K, N): what a frame adds to each cluster's score
        scores = weighted.unfold(0, span, 1).sum(dim=-1)  # (M - span + 1, K, N)
        squares = self._squared_norms(frames.double(), shares.double(), span)
        return torch.einsum("mkn,mk->mn", scores, unit_scales(squares.sqrt()).to(scores.dtype))

    def _squared_norms(self, frames: Tensor, shares: Tensor, span: int) -> Tensor:
        """|V_k|^2 of every `span` successive frames, (M - span + 1, K); float64, for its terms nearly cancel."""
        count, centres = len(frames), self.centres.double()
        gram = frames @ frames.T  # (M, M)
        blocks = gram.as_strided((count - span + 1, span, span), (count + 1, count, 1))  # those on the diagonal
        spans = shares.unfold(0, span, 1).mT  # (M - span + 1, span, K)
        total = spans.sum(dim=1)
        towards = (shares * (frames @ centres.T)).unfold(0, span, 1).sum(dim=-1)  # sum_t a_tk x_t . c_k
        squares = (spans * (blocks @ spans)).sum(dim=1) - 2 * total * towards + total.square() * centres.square().sum(1)
        return squares.clamp(min=0)


def unit_scales(norms: Tensor) -> Tensor:
    """Factors that give residuals of these norms (B, K) unit length each, and then unit length together."""
    kept = norms.clamp(min=TINY)
    whole: Tensor = torch.linalg.vector_norm(norms / kept, dim=-1, keepdim=True).clamp(min=TINY)
    return (kept * whole).reciprocal()


class NetVLADpp(nn.Module):
    """NetVLAD++: frames projected, pooled before and after the centre of the window, classified together.

    The weights do not depend on the length of the window; any number of frames from 2 on goes in.

    Args:
        clusters: K, in both vocabularies together.
        projection: D; features of another width are first projected to it.
    """

    def __init__(
        self, width: int, *, clusters: int = 64, projection: int = 512, classes: int = 17, dropout: float = 0.4
    ) -> None:
        super().__init__()
        self.project = nn.Identity() if width == projection else nn.Linear(width, projection)
        self.past = NetVLAD(clusters // 2, projection)
        self.future = NetVLAD(clusters // 2, projection)
        self.dropout = Dropout(dropout)
        self.classify = nn.Linear(2 * (clusters // 2) * projection, classes + 1)

    def embed(self, features: Tensor) -> Tensor:
        """Features (…, C) as unit frames (…, D)."""
        return normalize(self.project(features), dim=-1)

    def forward(self, features: Tensor) -> Tensor:
        """Score windows of features (B, T, C): logits (B, classes + 1), class 0 the background."""
        frames = self.embed(features)  # (B, T, D)
        middle = frames.shape[1] // 2
        before, after = torch.split(frames, [middle, frames.shape[1] - middle], dim=1)  # its gradient is one pass
        past, future = self.classify.weight.chunk(2, dim=1)  # two products, so that no vector of both is written
        logits = linear(self.dropout(self.past(before)), past)  # (B, K/2·D) -> (B, classes + 1)
        return logits + linear(self.dropout(self.future(after)), future, self.classify.bias)

    @torch.no_grad()
    def slide(self, features: Tensor, window_frames: int) -> Tensor:
        """Score the window around every frame of a half, each frame projected once.

        Args:
            features: (T, C), one half.
            window_frames: length of a window, at least 2; see `sliding` for its position.

        Returns:
            Logits (T, classes + 1), those of `forward` on `features[centred_windows(T, window_frames)]`.

        Raises:
            ValueError: the model is in training mode, `features` are not one half, or the window is too short.
        """
        check_sliding(self, features, window_frames, shortest=2)
        frames = self.embed(features)
        before, after = window_frames // 2, window_frames - window_frames // 2
        past, future = self.classify.weight.chunk(2, dim=1)
        logits = []
        for start in range(0, len(frames), CENTRES_PER_BLOCK):
            stop = min(start + CENTRES_PER_BLOCK, len(frames))
            rows = torch.arange(start - before, stop + after - 1, device=frames.device).clamp(0, len(frames) - 1)
            near = frames[rows]  # frames in any window of the block, edges repeated
            scores = self.past.slide(near[:-after], before, past) + self.future.slide(near[before:], after, future)
            logits.append(scores + self.classify.bias)
        return torch.cat(logits)
