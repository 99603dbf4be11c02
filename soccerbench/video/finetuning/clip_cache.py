"""The frames of snippets, decoded from their videos when first wanted and kept while there is room.

Conventions
    frames  (T, H, W, 3) uint8 RGB at the clip's own rate, the short side `size` pixels; T is the clip's length and
            `spare` frames more on either side; before a video's first picture that one is repeated, after its last one
            that one
    room    bytes that kept frames may take, shared by all splits; what does not fit is decoded again each time, so that
            memory is bounded however many snippets there are
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from soccerbench.errors import InputError
from soccerbench.video.decoding.clips import Clip, clamp, window
from soccerbench.video.decoding.frames import frames
from soccerbench.video.decoding.half_file import Stretch
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


class SnippetClips:
    """Some snippets and the frames around their centres.

    Args:
        spare: frames more on either side.
        size: pixels of the short side.
        threads: snippets decoded at a time.
    """

    def __init__(
        self,
        snippets: Sequence[Snippet],
        *,
        video_of: Callable[[Snippet], Stretch],
        clip: Clip,
        spare: int = 0,
        size: int,
        crop: bool,
        room: Room,
        threads: int = 1,
    ) -> None:
        self.labels = np.array([snippet.label for snippet in snippets], dtype=np.int64)
        self._snippets, self._video_of, self._clip, self._spare = snippets, video_of, clip, spare
        self._size, self._crop, self._room, self._threads = size, crop, room, threads
        self._kept: dict[int, Frames] = {}

    def __len__(self) -> int:
        return len(self._snippets)

    def take(self, indices: Sequence[int]) -> list[Frames]:
        """The frames of some snippets, in the order asked for."""
        wanted = sorted(set(indices) - set(self._kept))
        with ThreadPoolExecutor(self._threads, thread_name_prefix="decode") as pool:
            decoded = dict(zip(wanted, pool.map(self._decode, wanted), strict=True))
        for index, pictures in decoded.items():
            if self._room.takes(pictures.nbytes):
                self._kept[index] = pictures
        return [self._kept[index] if index in self._kept else decoded[index] for index in indices]

    def _decode(self, index: int) -> Frames:
        snippet, fps = self._snippets[index], self._clip.fps
        path, start_s, duration_s = self._video_of(snippet)
        assert duration_s is not None
        wanted = window(Clip(self._clip.frames + 2 * self._spare, fps), snippet.centre_s - start_s, fps)
        first = max(0, int(wanted[0]))
        stretch = {"start_s": first / fps, "stop_s": min((int(wanted[-1]) + 1) / fps, duration_s), "origin_s": start_s}
        pictures = list(frames(path, fps=fps, size=self._size, crop=self._crop, **stretch))
        if not pictures:
            problem = f"ends before the snippet at {snippet.centre_s:g} s"
            raise InputError(path, problem, "make the snippets of these videos again")
        return np.stack([pictures[place] for place in clamp(wanted - first, len(pictures))])
