"""One open video file: which of its streams is decoded, and the packets of it that count, each checked.

Conventions
    tick      the unit of the stream's own times
    counts    every packet from the first key picture on, which what is shown later needs; without a single key picture,
              every packet. Left out: those before it (a recording that starts inside a group of pictures), and those
              shown before it (leading pictures of an open group), which refer to pictures that are not in the file
    checked   the length of an AVI or a Matroska file, the packets in the index of an MP4, and of every packet FFmpeg's
              marks of damage, a Matroska checksum over its cluster, and a step of more than GAP_S to a key picture,
              before which pictures may have been lost. A step to a predicted picture that decodes is a still: what it
              refers to is there
    stated    a duration in the file's head decides nothing; `video.probe` reports where it differs
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.packet import Packet
from av.stream import Disposition
from av.video.stream import VideoStream

from soccerbench.errors import InputError
from soccerbench.video.decoding.matroska import Checksums, CutShortError

FORMATS = "matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,avi,mpegts,mpeg,flv,asf"
MAX_PIXELS = 4096 * 4096
GAP_S = 1
LONGEST_S = 24 * 3600
LAST_S = 2
COPY = "copy the file again, convert it with ffmpeg, or leave the game out"
ENCODE = "convert it with ffmpeg -c:v libx264 (-c copy does not help)"
STILL = "copy the file again; if the picture did not change there, convert it with ffmpeg -fps_mode cfr"
# Up to version 18 PyAV refuses titles that are not in UTF-8 by default; from 19 on it takes them.
_LENIENT: dict[str, Any] = {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}


@contextmanager
def opened(path: Path) -> Iterator[Source]:
    """A video file, open for reading."""
    _check_file(path)
    # Only files, and only containers of video: a playlist or an SDP text would have others read, from the network too.
    options = {"protocol_whitelist": "file", "format_whitelist": FORMATS, "max_pixels": str(MAX_PIXELS)}
    try:
        container = av.open(f"file:{path}", options=options, **_LENIENT)
    except (av.FFmpegError, ValueError) as error:
        raise InputError(path, f"no readable video file ({reason(error)})", COPY) from None
    with container:
        yield Source(path, container, _stream(path, container))


class Source:
    """One open file.

    Attributes:
        skipped: packets before the first key picture.
        reordered: whether a picture was ever coded after one that is shown later. A container whose times never say so
            although the codec does it (AVI) has times of decoding, not of showing.
    """

    def __init__(self, path: Path, container: InputContainer, stream: VideoStream) -> None:
        assert stream.time_base is not None
        self.path, self.container, self.stream, self.tick_s = path, container, stream, stream.time_base
        self.skipped = 0
        self.reordered = False
        self._begin: int | None = None
        self._reached = stream.start_time or 0
        self._checksums = self._open_checksums()

    def packets(self, *, seek: int | None = None) -> Iterator[Packet[VideoStream]]:
        """The packets that count, from the beginning or from the key picture at a time or before it."""
        key: int | None = None
        count = 0
        for packet in self._read(seek):
            count += bool(packet.size)
            if key is None:
                if not packet.is_keyframe:
                    continue
                key = self._reached if packet.pts is None else packet.pts
                self.skipped = count - 1 if seek is None else 0
                self._reached, self._begin = key, key if self._begin is None else self._begin
            is_timeless = packet.dts is None and self._checksums is not None  # Matroska has no times below zero
            if not packet.size or not (is_timeless if packet.pts is None else packet.pts < key):
                self._check_step(packet)
                yield packet
        if key is None and seek is None:
            yield from self._read(self.stream.start_time or 0)
        if seek is None and "mov" in self.container.format.name and count < len(self.stream.index_entries):
            raise self._damage(f"ends after {count} of {len(self.stream.index_entries)} pictures")

    def last_packets(self) -> list[Packet[VideoStream]]:
        """The packets of the last two seconds, or more, as far as the index leads; without their checks."""
        found: list[Packet[VideoStream]] = []
        for before_s in (-2 * LONGEST_S, LAST_S):  # to the end, and then to a key picture before it
            latest = max((packet.pts for packet in found if packet.pts is not None), default=self._begin or 0)
            with suppress(av.FFmpegError):
                self.container.seek(latest - int(before_s / self.tick_s), stream=self.stream)
            read = [packet for packet in self._read(None) if packet.pts is not None and not packet.is_discard]
            found = read or found
        return found

    def check(self) -> None:
        """Read the file to its end without decoding it; raises as `packets`."""
        for _ in self.packets():
            pass

    def second(self, ticks: int) -> float:
        """A time of the stream in seconds from its first key picture."""
        return float((ticks - (self._begin or 0)) * self.tick_s)

    def _read(self, seek: int | None) -> Iterator[Packet[VideoStream]]:
        try:
            if seek is not None:
                self.container.seek(seek, stream=self.stream)
            latest = None
            for packet in self.container.demux(self.stream):
                if packet.is_corrupt:
                    raise self._damage("a damaged packet")
                if self._checksums is not None and packet.pos is not None:
                    try:
                        self._checksums.check(packet.pos)
                    except (OSError, ValueError) as error:
                        raise self._damage(str(error)) from None
                if packet.pts is not None:
                    self.reordered |= latest is not None and packet.pts < latest
                    latest = packet.pts
                yield packet
        except av.FFmpegError as error:
            raise self._damage(f"cannot be read ({reason(error)})") from None

    def _check_step(self, packet: Packet[VideoStream]) -> None:
        """Check the time from the pictures so far to the next key picture."""
        if packet.pts is None:
            return
        step_s = (packet.pts - self._reached) * self.tick_s
        if packet.is_keyframe and step_s - (packet.duration or 0) * self.tick_s > GAP_S:
            raise self._damage(f"no picture for {float(step_s):.1f} s", STILL)
        self._reached = max(self._reached, packet.pts)

    def _open_checksums(self) -> Checksums | None:
        if "matroska" not in self.container.format.name:
            return None
        try:
            return Checksums(self.path)
        except CutShortError as error:
            with suppress(av.FFmpegError):
                pts = [packet.pts for packet in self.container.demux(self.stream) if packet.pts is not None]
                self._begin, self._reached = min(pts, default=0), max(pts, default=0)
            raise self._damage(f"is cut short ({error})") from None
        except (OSError, ValueError) as error:
            raise InputError(self.path, str(error), COPY) from None

    def _damage(self, what: str, remedy: str = COPY) -> InputError:
        """Damage in the file, after the latest picture of which a packet was read."""
        return InputError(self.path, f"after second {self.second(self._reached):.2f}: {what}", remedy)


def reason(error: Exception) -> str:
    """What FFmpeg says, without the file's name and the number."""
    return getattr(error, "strerror", None) or str(error)


def _check_file(path: Path) -> None:
    try:
        size = path.stat().st_size if path.is_file() else None
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror})", "make it readable") from None
    if size is None:
        raise InputError(path, "no such video file", "put the video there, or leave the game out")
    if not size:
        raise InputError(path, "is empty", COPY)
    with path.open("rb") as stream:
        head = stream.read(12)
    stated = int.from_bytes(head[4:8], "little") + 8
    if head[:4] + head[8:] == b"RIFFAVI " and size < stated < 2**32 + 7:  # all ones: written to a pipe
        raise InputError(path, f"is cut short (bytes {size} to {stated} are missing)", COPY)


def _stream(path: Path, container: InputContainer) -> VideoStream:
    streams = [stream for stream in container.streams.video if not stream.disposition & Disposition.attached_pic]
    if not streams:
        raise InputError(path, "holds no video, only other streams", "put the video of the half there")
    stream = streams[0]
    if stream.codec_context is None or not stream.time_base:
        raise InputError(path, "holds video that cannot be decoded here", "convert it to H.264 with ffmpeg")
    if not 0 < stream.width * stream.height <= MAX_PIXELS:
        size = f"{stream.width} × {stream.height}" if stream.width * stream.height else "unknown or enormous size"
        raise InputError(path, f"pictures of {size}, at most {MAX_PIXELS} pixels are read", COPY)
    return stream
