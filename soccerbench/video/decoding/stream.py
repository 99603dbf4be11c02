"""Strict decoding: every picture of a video file in the order of time, or an error that says where it broke.

FFmpeg conceals: a damaged packet is skipped, a damaged picture is patched from its neighbours, a file that was cut
short ends early, all without a word. Here each of these is an error, as far as anything in the file gives it away:

- what the decoder finds wrong ends the reading at once, and so does a picture that it marks as patched;
- every packet that was read must come out as a picture, save in codecs that have hidden ones;
- where the container says how many pictures it holds or how long they last, so many must come;
- a second without a picture, times that run backwards and a picture of another size are refused;
- Matroska that FFmpeg wrote has a checksum over every few seconds: each is compared before its packets are decoded.

What cannot be noticed: damage that leaves a valid stream in a container without checksums. A flipped bit in the payload
of H.264 seldom does, one in HEVC, VP9, MPEG-2, MPEG-4 or FFV1 often does: the picture is then wrong from there to the
next key frame. A file without a duration (MPEG-TS, or written to a pipe) and cut between two packets is merely shorter,
and so may AVI be, or a file whose duration is that of a longer stream of sound. Less than a second without pictures is
taken for a variable rate, unless the container counts them.

Conventions
    time     in seconds from the first picture, exact
    threads  over pictures, not over the slices of one: slices decoded in parallel lose their errors
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from soccerbench.errors import InputError
from soccerbench.video.decoding.container import COPY, Picture, Source, reason

CONTAINERS = (".mkv", ".mp4", ".webm", ".mov", ".m4v", ".avi", ".ts", ".mts", ".m2ts", ".mpg", ".mpeg", ".flv", ".wmv")
MAX_PIXELS = 4096 * 4096
FORMATS = "matroska,webm,mov,mp4,m4a,3gp,3g2,mj2,avi,mpegts,mpeg,flv,asf"
NEAR_S = 2
# Up to version 18 PyAV refuses titles that are not in UTF-8 unless it is told not to; from 19 on it takes them.
_LENIENT: dict[str, Any] = {"metadata_errors": "replace"} if int(av.__version__.split(".")[0]) < 19 else {}


def decoded(path: Path, *, start_s: Fraction = Fraction(0)) -> Iterator[Picture]:
    """Decode the pictures of a file, the first of them on screen at `start_s` or earlier.

    A start further in is sought by its key frame; where that does not lead before it, the file is decoded from its
    beginning.

    Raises:
        InputError: no video file, or damage, of which the module's head says what is noticed.
    """
    is_reached = False
    if start_s > NEAR_S:
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
    _check_file(path)
    # Only files, and only containers of video: a playlist or an SDP text would have others read, from the network too.
    options = {"protocol_whitelist": "file", "format_whitelist": FORMATS, "max_pixels": str(MAX_PIXELS)}
    try:
        container = av.open(f"file:{path}", options=options, **_LENIENT)
    except (av.FFmpegError, ValueError) as error:
        raise InputError(path, f"no readable video file ({reason(error)})", COPY) from None
    with container:
        yield Source(path, container, _stream(path, container))


def _check_file(path: Path) -> None:
    try:
        size = path.stat().st_size if path.is_file() else None
    except OSError as error:
        raise InputError(path, f"cannot be read ({error.strerror})", "make it readable") from None
    if size is None:
        raise InputError(path, "no such video file", "put the video there, or leave the game out")
    if not size:
        raise InputError(path, "is empty", COPY)


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
    stream.codec_context.options = {"err_detect": "crccheck+bitstream+buffer+explode", "max_pixels": str(MAX_PIXELS)}
    stream.codec_context.thread_type = "FRAME"
    return stream
