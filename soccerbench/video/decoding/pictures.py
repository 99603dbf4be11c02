"""Strict decoding: every picture of a video file in the order of time, or an error that says where it broke.

FFmpeg conceals: a damaged packet is skipped, a damaged picture is patched from its neighbours, a file that was cut
short ends early, all without a word. Here each of these is an error, as far as anything in the file gives it away:

- what the decoder finds wrong ends the reading at once, and so does a picture that it marks as patched;
- every packet that counts (`source`) must come out as a picture, save in codecs that have hidden ones;
- times that run backwards and a picture of another size are refused;
- Matroska that FFmpeg wrote has a checksum over every few seconds: each is compared before its packets are decoded.

What cannot be noticed: damage that leaves a valid stream in a container without checksums. A flipped bit in the payload
of H.264 seldom does, one in HEVC, VP9, MPEG-2, MPEG-4 or FFV1 often does: the picture is then wrong from there to the
next key frame. A file without an index (MPEG-TS, or written to a pipe) and cut between two packets is merely shorter.

Conventions
    time     in seconds from the first picture, exact: a picture's own time; where the container has only times of
             decoding, the n-th time for the n-th picture shown; where it has none, one picture after the last
    threads  over pictures, not over the slices of one: slices decoded in parallel lose their errors
    open     H.264 that starts at a key picture which is no IDR picture: its packets drop pictures that never were in
             the file, which the decoder's strictest setting takes for damage; incomplete pictures are still found
"""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from heapq import heappop, heappush
from pathlib import Path
from typing import NamedTuple

import av
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from soccerbench.errors import InputError
from soccerbench.video.decoding.source import COPY, ENCODE, LONGEST_S, MAX_PIXELS, Source, opened, reason

NEAR_S = 2
MOST_DELAYED = 64  # packets that a decoder holds back, for its order and its threads
_WITH_HIDDEN_PICTURES = frozenset(("vp8", "vp9", "av1", "libdav1d", "mpeg4", "msmpeg4v3"))
_IDR = 5


class Picture(NamedTuple):
    """One decoded picture, when it comes, and when the next one does; for the last one, when the video ends."""

    frame: VideoFrame
    start_s: Fraction
    end_s: Fraction


def decoded(path: Path, *, start_s: Fraction = Fraction(0)) -> Iterator[Picture]:
    """Decode the pictures of a file, the first of them on screen at `start_s` or earlier.

    Decoding begins at the key picture before a later start; where seeking does not lead there, at the beginning.
    """
    is_reached = False
    if start_s > NEAR_S:
        try:
            with opened(path) as source:
                for picture in pictures(source, seek_s=start_s):
                    if not is_reached and picture.start_s > start_s:
                        break
                    if picture.end_s > start_s:
                        is_reached = True
                        yield picture
        except InputError:
            if is_reached:
                raise
        if is_reached:
            return
    with opened(path) as source:
        yield from pictures(source)


def pictures(source: Source, *, seek_s: Fraction | None = None) -> Iterator[Picture]:
    """The pictures in the order of time, from the beginning or from the key picture before `seek_s`."""
    found = _Decoder(source).frames()
    zero, _ = first = _first(source, found)
    current: tuple[int, VideoFrame] | None = first
    if seek_s is not None:
        current = next(found := _Decoder(source).frames(seek=zero + int(seek_s / source.tick_s)), None)
    lasting = 1
    while current is not None:
        pts, frame = current
        current = next(found, None)
        lasting = current[0] - pts if current else frame.duration or lasting
        yield Picture(frame, (pts - zero) * source.tick_s, (pts + lasting - zero) * source.tick_s)


def extent(source: Source) -> tuple[int, int]:
    """The time of the first picture, which is decoded, and the end of the last, by its packet; in ticks."""
    first = _first(source, _Decoder(source).frames())
    last = sorted((packet.pts, packet.duration or 0) for packet in source.last_packets() if packet.pts is not None)
    begin, end = first[0], first[0] + (first[1].duration or 1)
    if last and last[-1][0] > begin:
        step = last[-1][0] - last[-2][0] if len(last) > 1 else 1
        end = last[-1][0] + (last[-1][1] or step)
    lasts_s = (end - begin) * source.tick_s
    if lasts_s > LONGEST_S:
        raise InputError(source.path, f"lasts {float(lasts_s):.0f} s", "give the video of one half")
    return begin, end


def _first(source: Source, found: Iterator[tuple[int, VideoFrame]]) -> tuple[int, VideoFrame]:
    first = next(found, None)
    if first is None:
        raise InputError(source.path, "holds not a single picture that can be decoded", COPY)
    return first


class _Decoder:
    """Packets in, frames with their times out, none missing between two."""

    def __init__(self, source: Source) -> None:
        self._source, self._codec = source, source.stream.codec_context
        self._size = source.stream.width, source.stream.height
        self._may_hide = self._codec.name in _WITH_HIDDEN_PICTURES
        self._awaited: list[int] = []  # times of packets whose pictures have not come, the earliest first
        self._last: int | None = None
        self._lasting = 1
        self._is_open = False
        self._given = 0

    def frames(self, *, seek: int | None = None) -> Iterator[tuple[int, VideoFrame]]:
        """Each frame with its time in ticks."""
        is_first = not self._codec.is_open
        for packet in self._source.packets(seek=seek):
            if is_first and packet.size:
                self._open(packet)
                is_first = False
            if packet.size and packet.pts is not None and not packet.is_discard:
                heappush(self._awaited, packet.pts)
            try:
                shown = self._source.stream.decode(packet)
            except av.FFmpegError as error:
                raise self._damage(f"cannot be decoded ({reason(error)})") from None
            for frame in shown:
                yield self._checked(frame), frame
            if len(self._awaited) > MOST_DELAYED and not self._may_hide:
                raise self._damage("a picture is missing")
        if self._awaited and not self._may_hide:
            raise self._damage("a picture that cannot be decoded")

    def _open(self, packet: Packet[VideoStream]) -> None:
        self._is_open = self._codec.name == "h264" and _IDR not in _units(packet, self._codec.extradata)
        strictness = "crccheck+bitstream+buffer" + ("" if self._is_open else "+explode")
        self._codec.options = {"err_detect": strictness, "max_pixels": str(MAX_PIXELS)}
        self._codec.thread_type = "FRAME"

    def _checked(self, frame: VideoFrame) -> int:
        """The time of the next frame, after a check that nothing is wrong with it and none is missing before it."""
        if frame.is_corrupt:
            raise self._damage("a damaged picture")
        if (frame.width, frame.height) != self._size:
            raise self._damage(f"the picture becomes {frame.width} × {frame.height}", "convert it with ffmpeg")
        self._may_hide = self._may_hide or frame.interlaced_frame  # each of its two fields may be a packet
        pts = frame.pts
        if self._may_hide:
            self._awaited.clear()
        elif self._codec.has_b_frames and not self._source.reordered and self._awaited:
            pts = heappop(self._awaited)
        elif pts is not None:
            self._take(pts)
        if pts is None:
            pts = self._lasting if self._last is None else self._last + self._lasting
        if self._last is not None and pts < self._last:
            raise self._damage("the times run backwards", ENCODE)
        self._last, self._lasting, self._given = pts, frame.duration or self._lasting, self._given + 1
        return pts

    def _take(self, pts: int) -> None:
        """Strike out the packet of a picture that came, and of an open group's start those before it."""
        missing = False
        while self._awaited and self._awaited[0] <= pts:
            missing |= heappop(self._awaited) < pts
        if missing and not (self._is_open and self._given == 1):
            raise self._damage("a picture is missing, or their times are out of order", ENCODE)

    def _damage(self, what: str, remedy: str = COPY) -> InputError:
        """Damage in the pictures, after the last one that was given."""
        second = 0.0 if self._last is None else self._source.second(self._last)
        return InputError(self._source.path, f"after second {second:.2f}: {what}", remedy)


def _units(packet: Packet[VideoStream], extradata: bytes | None) -> set[int]:
    """The kinds of the units of an H.264 packet, which are marked by a start code or preceded by their length."""
    data = bytes(packet)
    if not extradata or extradata[0] != 1:
        return {unit[0] & 31 for unit in data.split(b"\0\0\1")[1:] if unit}
    kinds, at, width = set(), 0, (extradata[4] & 3) + 1
    while at + width < len(data):
        kinds.add(data[at + width] & 31)
        at += width + int.from_bytes(data[at : at + width], "big")
    return kinds
