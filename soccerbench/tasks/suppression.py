"""Non-maximum suppression of scores a frame and of detections at any time.

Sources: the NetVLAD++ reference code for frames, section 4.3.2 of the paper for times.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray


def keep_best(
    order: NDArray[np.int64], free: NDArray[np.bool_], near: Callable[[int], slice | NDArray[np.bool_]]
) -> NDArray[np.int64]:
    """Go through `order`, keep what is still free, and take what is near it, and itself, out of `free`.

    Args:
        order: indices, best first.
        free: (N,) what may be kept; overwritten.
        near: the neighbours that a kept one suppresses.

    Returns:
        Indices, best first.
    """
    kept = []
    for best in order.tolist():
        if free[best]:
            kept.append(best)
            free[near(best)] = False
    return np.array(kept, dtype=np.int64)


def suppress_times(time_s: NDArray[np.float64], score: NDArray[np.float64], *, window_s: float) -> NDArray[np.int64]:
    """Indices in order of time of the detections that remain when each best one suppresses those within half a window.

    Args:
        time_s: (N,) in order.
        score: (N,); of equal ones the earliest comes first.
        window_s: full width of the window, edges included.
    """
    free = np.ones(len(time_s), dtype=np.bool_)
    order = np.lexsort((time_s, -score))
    return np.sort(keep_best(order, free, lambda best: np.abs(time_s - time_s[best]) <= window_s / 2))


def suppress_non_maxima(scores: NDArray[np.floating], *, window_frames: float) -> NDArray[np.int64]:
    """Frames that remain when each best frame suppresses its neighbours.

    The best frame is kept and suppresses [frame - window/2, frame + window/2), until no frame of at least 0 is left; of
    equal scores the earliest comes first.

    Args:
        scores: (T,), one class.
        window_frames: full width of the window, at least 2.

    Returns:
        Frame numbers, best first.

    Raises:
        ValueError: a window so narrow that a frame would not suppress itself.
    """
    if window_frames < 2:
        raise ValueError(f"window_frames is {window_frames}, at least 2 are needed; seconds given as frames?")
    before, after = window_frames / 2, int(window_frames / 2)
    order = np.argsort(-scores, kind="stable")
    return keep_best(order, scores >= 0, lambda best: slice(int(max(best - before, 0)), best + after))
