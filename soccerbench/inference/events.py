"""Detections as pandas frames.

Conventions
    half        1 or 2
    time_s      seconds from the start of the half
    confidence  in [0, 1]
    order       by half and time, then the most confident first
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from soccerbench.events import Events
from soccerbench.soccernet.classes import CLASSES
from soccerbench.soccernet.grounding_predictions import GroundingPredictions

if TYPE_CHECKING:
    import pandas as pd


def frame(found: Events | GroundingPredictions) -> pd.DataFrame:
    """One row a detection: half, time_s, label, confidence; for replays start_s and end_s in place of the label."""
    import pandas as pd

    if isinstance(found, Events):
        columns = {
            "half": found.half,
            "time_s": found.position_ms / 1000,
            "label": np.array(CLASSES, dtype=object)[found.label],
            "confidence": found.confidences,
        }
    else:
        counts = [len(replay.time_s) for replay in found.replays]
        columns = {
            name: np.repeat(np.array([getattr(replay, name) for replay in found.replays], dtype=np.int64), counts)
            for name in ("half", "start_s", "end_s")
        }
        columns["time_s"] = np.concatenate([np.empty(0), *(replay.time_s for replay in found.replays)])
        columns["confidence"] = np.concatenate([np.empty(0), *(replay.score for replay in found.replays)])
    by = ["half", *(["start_s"] if "start_s" in columns else []), "time_s", "confidence"]
    order = [name != "confidence" for name in by]
    made: pd.DataFrame = pd.DataFrame(columns).sort_values(by, ascending=order, kind="stable", ignore_index=True)
    return made
