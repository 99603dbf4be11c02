"""Strict decoding: every picture of a video file in the order of time, or an error that says where it broke.

FFmpeg conceals: a damaged packet is skipped, a damaged picture is patched from its neighbours, a file that was cut
short ends early, all without a word. Here each of these is an error, as far as anything in the file gives it away:

- what the decoder finds wrong ends the reading at once, and so does a picture that it marks as patched;
- every packet that was read must come out as a picture, save in codecs that have hidden ones;
- where the container says how many pictures it holds or how long they last, so many must come;
- a second without a picture, times that run backwards and a picture of another size are refused.

What cannot be noticed: damage that leaves a valid stream. A flipped bit in the payload of H.264 almost never does, one
in HEVC, VP9, MPEG-2 or MPEG-4 often does: the picture is then wrong from there to the next key frame. FFV1 with
checksums notices all. A file without a duration (written to a pipe) and cut between two packets is merely shorter.

Conventions
    time     in seconds from the first picture, exact
    threads  over pictures, not over the slices of one: slices decoded in parallel lose their errors
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from soccerbench.data.errors import InputError

CONTAINERS = (".mkv", ".mp4", ".webm", ".mov", ".m4v", ".avi", ".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".flv", ".wmv")
MAX_PIXELS = 4096 * 4096
FORMATS = "matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,avi,mpegts,mpeg,flv,asf"
GAP_S = 1
_NEAR_S = 2
_WITH_HIDDEN_PICTURES = frozenset(("vp8", "vp9", "av1", "libdav1d", "mpeg4", "msmpeg4v3"))
_SLACK_S = 5
_TAG = re.compile(r"([0-9]{1,4}):([0-9]{2}):([0-9]{2}(?:\.[0-9]{1,9})?)", re.ASCII)
_COPY = "copy the file again, or leave the game out"


@dataclass(frozen=True)
class Picture:
    """One decoded picture and when it is on screen.

    Args:
        frame: as decoded.
        start_s: when it comes.
        end_s: when the next one comes; for the last one, when the video ends.
    """

    frame: VideoFrame
    start_s: Fraction
    end_s: Fraction


def decoded(path: Path, *, start_s: float = 0.0) -> Iterator[Picture]:
    """Decode the pictures of a file, the first of them on screen at `start_s` or earlier.

    A start further in is sought by its key frame; where that does not lead before it, the file is decoded from its
    beginning.

    Raises:
        InputError: no video file, or damage, of which the module's head says what is noticed.
    """
    is_reached = False
    if start_s > _NEAR_S:
        try:
            with opened(path) as source:
                for picture in source.pictures(seek_s=start_s):
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
        yield from source.pictures()


@contextmanager
def opened(path: Path) -> Iterator[Source]:
    """A video file, open for reading.

    Raises:
        InputError: missing, empty, no video file, without pictures, or with pictures of more than MAX_PIXELS.
    """
    if not path.is_file():
        raise InputError(path, "no such video file", "put the video there, or leave the game out")
    if not path.stat().st_size:
        raise InputError(path, "is empty", _COPY)
    # Only files, and only containers of video: a playlist or an SDP text would have others read, from the network too.
    options = {"protocol_whitelist": "file", "format_whitelist": FORMATS, "max_pixels": str(MAX_PIXELS)}
    try:
        container = av.open(f"file:{path}", options=options, metadata_errors="replace")
    except (av.FFmpegError, ValueError, IndexError) as error:
        raise InputError(path, f"no readable video file ({_reason(error)})", _COPY) from None
    with container:
        yield Source(path, container, _stream(path, container))


def _stream(path: Path, container: InputContainer) -> VideoStream:
    streams = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    if not streams:
        raise InputError(path, "holds no video, only other streams", "put the video of the half there")
    stream = streams[0]
    if stream.codec_context is None or not stream.time_base:
        raise InputError(path, "holds video that cannot be decoded here", "convert it to H.264 with ffmpeg")
    if not 0 < stream.width * stream.height <= MAX_PIXELS:
        problem = f"pictures of {stream.width} × {stream.height}, 1 to {MAX_PIXELS} pixels are read"
        raise InputError(path, problem, _COPY)
    stream.codec_context.options = {"err_detect": "crccheck+bitstream+buffer+explode", "max_pixels": str(MAX_PIXELS)}
    stream.codec_context.thread_type = "FRAME"
    return stream


class Source:
    """One open file; its packets are read once.

    Args:
        path: named in errors.
        container: open.
        stream: of `container`, not decoded yet.
    """

    def __init__(self, path: Path, container: InputContainer, stream: VideoStream) -> None:
        assert stream.time_base is not None
        self.path, self.container, self.stream, self._tick_s = path, container, stream, stream.time_base
        self._now_s = Fraction(0)
        self._packets = 0

    def duration_s(self) -> Fraction:
        """How long the pictures last: as the file says, or else as its packets do, which are then used up.

        Raises:
            InputError: no time at all, or damage on the way.
        """
        stated = self._stated_end()
        begin_s = (self.stream.start_time or 0) * self._tick_s
        if stated is not None and stated[0] > begin_s:
            return stated[0] - begin_s
        begin, end = math.inf, -math.inf
        for packet in self._demuxed():
            if packet.pts is not None:
                begin, end = min(begin, packet.pts), max(end, packet.pts + (packet.duration or 1))
        if not begin < end:
            raise InputError(self.path, "lasts no time at all", _COPY)
        return int(end - begin) * self._tick_s

    def pictures(self, *, seek_s: float | None = None) -> Iterator[Picture]:
        """The pictures in the order of time, from the beginning or from a key frame that is sought.

        Raises:
            InputError: damage.
        """
        found = self._decoded()
        current = next(found, None)
        if current is None:
            raise InputError(self.path, "holds not a single picture", _COPY)
        zero = current[0]
        if seek_s is not None:
            current = next(found := self._decoded(seek=zero + int(seek_s / self._tick_s)), None)
        lasting = 1
        while current is not None:
            pts, frame = current
            self._now_s = (pts - zero) * self._tick_s
            current = next(found, None)
            if current is None:
                lasting = frame.duration or lasting
                self._check_end((pts + lasting) * self._tick_s, lasting * self._tick_s, is_whole=seek_s is None)
            else:
                lasting = current[0] - pts
                self._check_step(lasting, frame)
            yield Picture(frame, self._now_s, (pts + lasting - zero) * self._tick_s)

    def _decoded(self, *, seek: int | None = None) -> Iterator[tuple[int, VideoFrame]]:
        """The frames as the decoder gives them, each behind its time, none missing between two."""
        may_hide = self.stream.codec_context.name in _WITH_HIDDEN_PICTURES
        size = self.stream.width, self.stream.height
        awaited: set[int] = set()
        for packet in self._demuxed(seek=seek):
            if packet.size and packet.pts is not None and not packet.is_discard:
                awaited.add(packet.pts)
            for frame in self._decode(packet):
                if frame.is_corrupt:
                    raise self._damage("a damaged picture")
                if frame.pts is None:
                    raise self._damage("a picture without a time", "put the video into mkv or mp4 with ffmpeg -c copy")
                if (frame.width, frame.height) != size:
                    raise self._damage(f"the picture becomes {frame.width} × {frame.height}", "convert it with ffmpeg")
                awaited.discard(frame.pts)
                if not may_hide and awaited and min(awaited) < frame.pts:
                    raise self._damage("a picture that cannot be decoded")
                yield frame.pts, frame
        if awaited and not may_hide:
            raise self._damage("a picture that cannot be decoded")

    def _demuxed(self, *, seek: int | None = None) -> Iterator[Packet[VideoStream]]:
        """The packets, from a key frame on; those shown before it, which lack what they refer to, are left out."""
        key = None
        try:
            if seek is not None:
                self.container.seek(seek, stream=self.stream)
            for packet in self.container.demux(self.stream):
                if packet.is_corrupt:
                    raise self._damage("a damaged packet")
                self._packets += bool(packet.size)
                if seek is not None and key is None:
                    if not packet.is_keyframe or packet.pts is None:
                        raise self._damage("no key frame where the index has one")
                    key = packet.pts
                if key is None or packet.pts is None or packet.pts >= key:
                    yield packet
        except av.FFmpegError as error:
            raise self._damage(f"cannot be read on ({_reason(error)})") from None

    def _decode(self, packet: Packet[VideoStream]) -> list[VideoFrame]:
        try:
            return self.stream.decode(packet)
        except av.FFmpegError as error:
            raise self._damage(f"cannot be decoded ({_reason(error)})") from None

    def _check_step(self, step: int, frame: VideoFrame) -> None:
        """Hold the ticks from one picture to the next against what time allows."""
        if step < 0:
            raise self._damage("the times run backwards", "put the video into mkv or mp4 with ffmpeg -c copy")
        if (step - frame.duration) * self._tick_s > GAP_S:
            raise self._damage(f"no picture for {float(step * self._tick_s):.1f} s")

    def _check_end(self, end_s: Fraction, lasting_s: Fraction, *, is_whole: bool) -> None:
        """Hold the end that was reached against what the container says."""
        if is_whole and self._packets < self.stream.frames:
            raise self._damage(f"ends after {self._packets} of {self.stream.frames} pictures")
        stated = self._stated_end()
        if stated is None:
            return
        stated_s, is_exact = stated
        short_s = lasting_s / 2 if is_exact else _SLACK_S
        if end_s < stated_s - short_s or end_s > stated_s + _SLACK_S:
            raise self._damage(f"the pictures end at {float(end_s):.2f} s, the file says {float(stated_s):.2f} s")

    def _stated_end(self) -> tuple[Fraction, bool] | None:
        """When the container says the last picture ends, and whether it says so of the pictures alone."""
        tag = _TAG.fullmatch(self.stream.metadata.get("DURATION", ""))
        if tag:
            hours, minutes, seconds = tag.groups()
            return int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds), True
        if self.stream.duration is not None and self.stream.duration > 0:
            is_exact = "mov" in self.container.format.name
            return ((self.stream.start_time or 0) + self.stream.duration) * self._tick_s, is_exact
        if self.container.duration is not None and self.container.duration > 0:
            return Fraction(self.container.duration + (self.container.start_time or 0), av.time_base), False
        return None

    def _damage(self, what: str, remedy: str = _COPY) -> InputError:
        return InputError(self.path, f"after second {float(self._now_s):.2f}: {what}", remedy)


def _reason(error: Exception) -> str:
    return getattr(error, "strerror", None) or str(error)
