"""One open video file: its pictures in the order of time, and what it says of them held against what comes.

Conventions
    tick    the unit of the file's own times; a picture's time is its ticks after the first picture's
    stated  what the container says of the pictures' end: exactly, or of all its streams together
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import av
from av.container import InputContainer
from av.packet import Packet
from av.video.frame import VideoFrame
from av.video.stream import VideoStream

from soccerbench.errors import InputError
from soccerbench.video.decoding.matroska import Checksums, CutShortError

GAP_S = 1
SLACK_S = 5
LONGEST_S = 24 * 3600
COPY = "copy the file again, convert it with ffmpeg, or leave the game out"
REPACK = "put the video into mkv or mp4 with ffmpeg -c copy"
_WITH_HIDDEN_PICTURES = frozenset(("vp8", "vp9", "av1", "libdav1d", "mpeg4", "msmpeg4v3"))
_TAG = re.compile(r"([0-9]{1,4}):([0-9]{2}):([0-9]{2}(?:\.[0-9]{1,9})?)", re.ASCII)


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
        self._read = self._begin = stream.start_time or 0
        self._packets = 0
        self._checksums = self._open_checksums()

    def duration_s(self) -> Fraction:
        """How long the pictures last: as the file says, or else as its packets do, which are then used up.

        Raises:
            InputError: no time at all or more than a day, or damage on the way.
        """
        stated = self._stated_end()
        begin_s = self._begin * self._tick_s
        if stated is not None and stated[0] > begin_s:
            return self._checked(stated[0] - begin_s)
        begin, end = math.inf, -math.inf
        for packet in self._demuxed():
            if packet.pts is not None:
                begin, end = min(begin, packet.pts), max(end, packet.pts + (packet.duration or 1))
        return self._checked(int(end - begin) * self._tick_s if begin < end else Fraction(0))

    def _checked(self, duration_s: Fraction) -> Fraction:
        if not 0 < duration_s <= LONGEST_S:
            raise InputError(self.path, f"lasts {float(duration_s):.0f} s", "give the video of one half")
        return duration_s

    def pictures(self, *, seek_s: Fraction | None = None) -> Iterator[Picture]:
        """The pictures in the order of time, from the beginning or from a key frame that is sought.

        Raises:
            InputError: damage.
        """
        found = self._decoded()
        current = next(found, None)
        if current is None:
            raise InputError(self.path, "holds not a single picture", COPY)
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
                    raise self._damage("a picture without a time", REPACK)
                if (frame.width, frame.height) != size:
                    raise self._damage(f"the picture becomes {frame.width} × {frame.height}", "convert it with ffmpeg")
                awaited.discard(frame.pts)
                may_hide = may_hide or frame.interlaced_frame  # each of its two fields may be a packet
                if may_hide:
                    awaited.clear()
                elif awaited and min(awaited) < frame.pts:
                    raise self._damage("a picture is missing, or their times are out of order", REPACK)
                yield frame.pts, frame
        if awaited and not may_hide:
            raise self._damage("a picture that cannot be decoded")

    def _demuxed(self, *, seek: int | None = None) -> Iterator[Packet[VideoStream]]:
        """The packets, without those shown before the first key frame: what they refer to is not there."""
        key = None
        try:
            if seek is not None:
                self.container.seek(seek, stream=self.stream)
            for packet in self.container.demux(self.stream):
                if packet.is_corrupt:
                    raise self._unread("a damaged packet")
                self._check_bytes(packet)
                self._packets += bool(packet.size)
                self._read = max(self._read, packet.pts or 0)
                if key is None:
                    if seek is not None and not packet.is_keyframe:
                        raise self._damage("no key frame where the index has one")
                    key = packet.pts if packet.is_keyframe and packet.pts is not None else -math.inf
                if packet.pts is None or packet.pts >= key:
                    yield packet
        except av.FFmpegError as error:
            raise self._unread(f"cannot be read on ({reason(error)})") from None

    def _open_checksums(self) -> Checksums | None:
        if "matroska" not in self.container.format.name:
            return None
        try:
            return Checksums(self.path)
        except CutShortError as error:
            with suppress(av.FFmpegError):
                self._read = max((packet.pts or 0 for packet in self.container.demux(self.stream)), default=self._read)
            raise self._unread(f"is cut short ({error})") from None
        except (OSError, ValueError) as error:
            raise InputError(self.path, str(error), COPY) from None

    def _decode(self, packet: Packet[VideoStream]) -> list[VideoFrame]:
        try:
            return self.stream.decode(packet)
        except av.FFmpegError as error:
            raise self._damage(f"cannot be decoded ({reason(error)})") from None

    def _check_bytes(self, packet: Packet[VideoStream]) -> None:
        """Hold the bytes around a packet against the checksum that the file has of them."""
        if self._checksums is not None and packet.pos is not None:
            try:
                self._checksums.check(packet.pos)
            except (OSError, ValueError) as error:
                raise self._unread(str(error)) from None

    def _check_step(self, step: int, frame: VideoFrame) -> None:
        """Hold the ticks from one picture to the next against what time allows."""
        if step < 0:
            raise self._damage("the times run backwards", REPACK)
        if (step - frame.duration) * self._tick_s > GAP_S:
            raise self._damage(f"no picture for {float(step * self._tick_s):.1f} s")

    def _check_end(self, end_s: Fraction, lasting_s: Fraction, *, is_whole: bool) -> None:
        """Hold the end that was reached against what the container says."""
        if is_whole and "mov" in self.container.format.name and self._packets < self.stream.frames:
            raise self._damage(f"ends after {self._packets} of {self.stream.frames} pictures")
        stated = self._stated_end()
        if stated is None:
            return
        stated_s, is_exact = stated
        short_s = lasting_s / 2 if is_exact else SLACK_S
        if end_s < stated_s - short_s or end_s > stated_s + SLACK_S:
            raise self._damage(f"the pictures end at {float(end_s):.2f} s, the file says {float(stated_s):.2f} s")

    def _stated_end(self) -> tuple[Fraction, bool] | None:
        """When the container says the last picture ends, and whether it says so of the pictures alone."""
        tag = _TAG.fullmatch(self.stream.metadata.get("DURATION", ""))
        if tag:
            hours, minutes, seconds = tag.groups()
            return int(hours) * 3600 + int(minutes) * 60 + Fraction(seconds), True
        if self.stream.duration is not None and self.stream.duration > 0:
            is_exact = any(name in self.container.format.name for name in ("mov", "avi"))
            return (self._begin + self.stream.duration) * self._tick_s, is_exact
        if self.container.duration is not None and self.container.duration > 0:
            return Fraction(self.container.duration + (self.container.start_time or 0), av.time_base), False
        return None

    def _damage(self, what: str, remedy: str = COPY) -> InputError:
        """Damage in the pictures, after the last one that was given."""
        return InputError(self.path, f"after second {float(self._now_s):.2f}: {what}", remedy)

    def _unread(self, what: str) -> InputError:
        """Damage in the file, after the last packet that was read."""
        read_s = float((self._read - self._begin) * self._tick_s)
        return InputError(self.path, f"after second {read_s:.2f}: {what}", COPY)


def reason(error: Exception) -> str:
    """What FFmpeg says, without the file's name and the number."""
    return getattr(error, "strerror", None) or str(error)
