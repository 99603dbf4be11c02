"""The checksums inside a Matroska file, which FFmpeg writes over every cluster of pictures and never reads.

Source: RFC 8794 (EBML: identifiers, sizes, the CRC-32 element) and RFC 9559 (Matroska: which element is where).

Conventions
    cluster   some seconds of packets, an element of the segment; its checksum is its first child
    position  bytes from the start of the file
    unknown   a size of all ones: a stream written to a pipe; from there on nothing can be checked
"""

from __future__ import annotations

import zlib
from bisect import bisect_right
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, NamedTuple

HEAD, SEGMENT, INFO, TRACKS, TAGS, CLUSTER = 0x1A45DFA3, 0x18538067, 0x1549A966, 0x1654AE6B, 0x1254C367, 0x1F43B675
CHECKSUM = b"\xbf\x84"  # the element's identifier, and its size, 4 bytes
_CHECKED_AT_ONCE = (INFO, TRACKS, TAGS)
_PIECE = 2**20


class Element(NamedTuple):
    """An element's identifier, its contents' place (an unknown end is None), and whether they begin with a checksum."""

    identifier: int
    begin: int
    end: int | None
    has_checksum: bool = False


class CutShortError(ValueError):
    """The file ends in the middle of an element."""


class Checksums:
    """The clusters of a Matroska file, each checked when the first packet of it has been read.

    Raises:
        CutShortError: it is shorter than it says.
        ValueError: it is no Matroska file.
        OSError: it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path, self._length = path, path.stat().st_size
        self._checked = Element(0, 0, 0)
        self._is_indexed = True
        with path.open("rb") as stream:
            head = _element(stream, 0, self._length)
            self._segment = _element(stream, head.end or self._length, self._length)
        if head.identifier != HEAD or self._segment.identifier != SEGMENT:
            raise ValueError("does not begin as Matroska does")

    def check(self, position: int) -> None:
        """Check the cluster around a packet's position, once.

        Raises:
            ValueError: it differs from its checksum, or no cluster is there.
            OSError: it cannot be read.
        """
        if self._checked.begin <= position < (self._checked.end or 0):
            return
        place = bisect_right(self._clusters, position, key=lambda cluster: cluster.begin) - 1
        cluster = self._clusters[place] if place >= 0 else Element(0, 0, 0)
        if cluster.end is None or not cluster.begin <= position < cluster.end:
            if self._is_indexed:
                raise ValueError(f"no cluster of packets is at byte {position}")
            return
        if self._are_summed:
            with self._path.open("rb") as stream:
                _check(stream, cluster)
        self._checked = cluster

    @cached_property
    def _clusters(self) -> list[Element]:
        """The clusters of the segment, up to one of unknown size."""
        clusters = []
        position, end = self._segment.begin, self._segment.end or self._length
        with self._path.open("rb") as stream:
            while position < end:
                element = _element(stream, position, end)
                if element.end is None:
                    self._is_indexed = False
                    break
                if element.identifier == CLUSTER:
                    clusters.append(element)
                elif element.identifier in _CHECKED_AT_ONCE and element.has_checksum:
                    _check(stream, element)
                position = element.end
        return clusters

    @cached_property
    def _are_summed(self) -> bool:
        """Whether this file's clusters have checksums: where most have one, one that has none is damaged."""
        return 2 * sum(cluster.has_checksum for cluster in self._clusters) > len(self._clusters)


def _element(stream: BinaryIO, position: int, limit: int) -> Element:
    """The element at a position, which must end at `limit` or before."""
    stream.seek(position)
    head = stream.read(12 + len(CHECKSUM))
    width = _width(head, 0, position)
    identifier = int.from_bytes(head[:width], "big")
    size_width = _width(head, width, position)
    size = int.from_bytes(head[width : width + size_width], "big") & ((1 << 7 * size_width) - 1)
    begin = position + width + size_width
    if size == (1 << 7 * size_width) - 1:
        return Element(identifier, begin, None)
    if begin + size > limit:
        raise CutShortError(f"bytes {limit} to {begin + size} are missing")
    return Element(identifier, begin, begin + size, head[begin - position :].startswith(CHECKSUM))


def _width(head: bytes, at: int, position: int) -> int:
    """How many bytes a number takes, from the leading zeros of its first."""
    if at >= len(head) or not head[at]:
        raise ValueError(f"no element at byte {position}")
    return 9 - head[at].bit_length()


def _check(stream: BinaryIO, element: Element) -> None:
    """Compare an element with its checksum."""
    assert element.end is not None
    stream.seek(element.begin + len(CHECKSUM))
    stated = int.from_bytes(stream.read(4), "little")
    left, found = element.end - stream.tell(), 0
    while left > 0 and (piece := stream.read(min(_PIECE, left))):
        left, found = left - len(piece), zlib.crc32(piece, found)
    if not element.has_checksum or left or found != stated:
        raise ValueError(f"the bytes from {element.begin} to {element.end} differ from their checksum")
