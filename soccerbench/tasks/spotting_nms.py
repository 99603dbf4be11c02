"""Non-maximum suppression for action spotting.

Source: the NetVLAD++ reference code.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def suppress_non_maxima(
    scores: NDArray[np.floating], *, window_frames: float, threshold: float = 0.0
) -> NDArray[np.int64]:
    """Frames that remain when each best frame suppresses its neighbours.

    The best frame is kept and suppresses [frame - window/2, frame + window/2), until no frame at or above the threshold
    is left; of equal scores the earliest comes first.

    Args:
        scores: (T,), one class.
        window_frames: full width of the window, at least 2.
        threshold: frames below it are never kept.

    Returns:
        Frame numbers, best first.

    Raises:
        ValueError: a window so narrow that a frame would not suppress itself.
    """
    if window_frames < 2:
        raise ValueError(f"window_frames is {window_frames}, at least 2 are needed; seconds given as frames?")
    before, after = window_frames / 2, int(window_frames / 2)
    free = scores >= threshold
    kept = []
    for frame in np.argsort(-scores, kind="stable"):
        if free[frame]:
            kept.append(int(frame))
            free[int(max(frame - before, 0)) : frame + after] = False
    return np.array(kept, dtype=np.int64)
