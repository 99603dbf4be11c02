"""Average precision from counts, for many resamples at once, and its mean over tolerances.

Conventions
    levels  columns, from the surest to the least sure; a detection of a level passes every threshold at or under it
    11pt    mean over the recalls 0, 0.1, …, 1 of the best precision at that recall or a higher one (soccernet)
    step    precision at each level, weighted by the recall that the level adds (strict)
"""

from __future__ import annotations

import numpy as np

from soccerbench.events import Floats, Ints, Protocol

RECALLS = np.arange(11) / 10


def average_precision(found: Floats, passed: Floats, events: Floats, protocol: Protocol) -> Floats:
    """Average precision of one class in many resamples, at many tolerances, …: all but the last axis are kept.

    Args:
        found: (…, L) how many detections as sure as each level, or surer, hit an event.
        passed: (…, L) how many there are.
        events: (…) or what broadcasts to it: how many events were to be found.
        protocol: "soccernet" for the 11-point rule, "strict" for the step rule.

    Returns:
        (…) in [0, 1]. Without an event 0 under `soccernet` and NaN under `strict`.
    """
    precision = _ratio(found, passed)
    if protocol == "strict":
        gain = np.sum(precision * np.diff(found, axis=-1, prepend=0), axis=-1)
        return _ratio(gain, events, otherwise=np.nan)
    recall = _ratio(found, events[..., None])
    best = np.zeros((*precision.shape[:-1], precision.shape[-1] + 1))  # the last column: no level reaches the recall
    best[..., :-1] = np.maximum.accumulate(precision[..., ::-1], axis=-1)[..., ::-1]
    curves = best.reshape(-1, best.shape[-1])
    rows, total = np.arange(len(curves)), np.zeros(len(curves))
    for wanted in RECALLS:
        total += curves[rows, np.count_nonzero(recall < wanted, axis=-1).ravel()]
    mean: Floats = total.reshape(best.shape[:-1]) / len(RECALLS)
    return mean


def trapezoid_mean(values: Floats) -> Floats:
    """Mean over tolerances, the last axis, by the trapezoid rule with equal steps; a single value is its own mean."""
    if values.shape[-1] == 1:
        return np.asarray(values[..., 0])
    return np.asarray(((values[..., :-1] + values[..., 1:]) / 2).sum(axis=-1) / (values.shape[-1] - 1))


def mean_of_defined(values: Floats) -> Floats:
    """Mean over the last axis of what is not NaN; NaN where nothing is."""
    defined = ~np.isnan(values)
    count = defined.sum(axis=-1)
    total = np.where(defined, values, 0).sum(axis=-1)
    return _ratio(total, count, otherwise=np.nan)


def _ratio(part: Floats, whole: Floats | Ints, otherwise: float = 0.0) -> Floats:
    """`part / whole`, and `otherwise` where `whole` is 0."""
    ratio: Floats = np.divide(part, whole, out=np.full(part.shape, otherwise), where=whole > 0)
    return ratio
