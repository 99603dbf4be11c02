"""The frames of snippets, decoded from their videos when first wanted and kept while there is room.

Conventions
    frames  (T, H, W, 3) uint8 RGB at the clip's own rate, the short side `size` pixels; T is the clip's length and
            `spare` frames more on either side; before a video's first picture that one is repeated, after its last one
            that one
    room    bytes that kept frames may take, shared by all splits; what does not fit is decoded again each time, so that
            memory is bounded however many snippets there are
"""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from soccerbench.errors import InputError
from soccerbench.video.decoding.clips import Clip, clamp, window
from soccerbench.video.decoding.frames import frames
from soccerbench.video.finetuning.snippets import Snippet

Frames = NDArray[np.uint8]


@dataclass
class Room:
    """Bytes that are left for kept frames."""

    free: int

    def takes(self, size: int) -> bool:
        """Whether there is room for `size` bytes; if so they are taken."""
        if size > self.free:
            return False
        self.free -= size
        return True


@dataclass
class SnippetClips:
    """Some snippets and the frames around their centres."""

    snippets: Sequence[Snippet]
    clip: Clip
    size: int  # pixels of the short side
    crop: bool  # to the centred square
    room: Room  # for frames that are kept
    spare: int = 0  # frames more on either side
    threads: int = 1  # snippets decoded at a time
    _kept: dict[int, Frames] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.snippets)

    @cached_property
    def labels(self) -> NDArray[np.int64]:
        """(N,) classes."""
        return np.array([snippet.label for snippet in self.snippets], dtype=np.int64)

    def take(self, indices: Sequence[int]) -> list[Frames]:
        """The frames of some snippets, in the order asked for."""
        wanted = sorted(set(indices) - set(self._kept))
        with ThreadPoolExecutor(self.threads, thread_name_prefix="decode") as pool:
            decoded = dict(zip(wanted, pool.map(self._decode, wanted), strict=True))
        for index, pictures in decoded.items():
            if self.room.takes(pictures.nbytes):
                self._kept[index] = pictures
        return [self._kept[index] if index in self._kept else decoded[index] for index in indices]

    def _decode(self, index: int) -> Frames:
        snippet, fps = self.snippets[index], self.clip.fps
        path, start_s, duration_s = snippet.video
        assert duration_s is not None
        wanted = window(Clip(self.clip.frames + 2 * self.spare, fps), snippet.centre_s - start_s, fps)
        first = max(0, int(wanted[0]))
        stretch = {"start_s": first / fps, "stop_s": min((int(wanted[-1]) + 1) / fps, duration_s), "origin_s": start_s}
        pictures = list(frames(path, fps=fps, size=self.size, crop=self.crop, **stretch))
        if not pictures:
            problem = f"ends before the snippet at {snippet.centre_s:g} s"
            raise InputError(path, problem, "make the snippets of these videos again")
        return np.stack([pictures[place] for place in clamp(wanted - first, len(pictures))])
