"""The checksums inside Matroska, against bytes put together by hand and against damage that FFmpeg does not notice."""

from __future__ import annotations

import zlib

import numpy as np
import pytest

from soccerbench.errors import InputError
from soccerbench.video.decoding.frames import frames
from soccerbench.video.decoding.matroska import Checksums, CutShortError

HEAD, SEGMENT, INFO, CLUSTER = (bytes.fromhex(name) for name in ("1a45dfa3", "18538067", "1549a966", "1f43b675"))


def element(identifier: bytes, content: bytes, *, width: int = 4) -> bytes:
    size = len(content) | 1 << (7 * width)
    return identifier + size.to_bytes(width, "big") + content


def summed(identifier: bytes, content: bytes) -> bytes:
    """With the CRC-32 element first, as RFC 8794 has it: little-endian, over what follows it."""
    return element(identifier, b"\xbf\x84" + zlib.crc32(content).to_bytes(4, "little") + content)


def matroska(*parts: bytes) -> bytes:
    return element(HEAD, b"matroska", width=1) + element(SEGMENT, b"".join(parts), width=8)


def place(data: bytes, content: bytes) -> int:
    assert data.count(content) == 1
    return data.index(content)


def test_whole_clusters_pass_each_once_or_often(tmp_path):
    data = matroska(summed(INFO, b"info"), summed(CLUSTER, b"first" * 9), summed(CLUSTER, b"second"))
    path = tmp_path / "a.mkv"
    path.write_bytes(data)
    checksums = Checksums(path)
    for content in (b"firstfirstfirstfirstfirstfirstfirstfirstfirst", b"second"):
        for _ in range(2):
            checksums.check(place(data, content))


def test_a_changed_byte_is_found_in_its_own_cluster_alone(tmp_path):
    data = matroska(summed(CLUSTER, b"first one"), summed(CLUSTER, b"second one"))
    begin = place(data, b"second one")
    path = tmp_path / "a.mkv"
    path.write_bytes(data.replace(b"second one", b"sedond one"))
    checksums = Checksums(path)
    checksums.check(place(data, b"first one"))
    with pytest.raises(ValueError, match=rf"the bytes from {begin - 6} to {len(data)} differ from their checksum"):
        checksums.check(begin)


def test_a_changed_description_is_found_with_the_first_packet(tmp_path):
    data = matroska(summed(INFO, b"length 1"), summed(CLUSTER, b"first"))
    path = tmp_path / "a.mkv"
    path.write_bytes(data.replace(b"length 1", b"length 9"))
    with pytest.raises(ValueError, match="differ from their checksum"):
        Checksums(path).check(place(data, b"first"))


def test_a_cluster_that_lost_its_checksum_is_damaged(tmp_path):
    parts = [summed(CLUSTER, b"first"), summed(CLUSTER, b"second"), summed(CLUSTER, b"third")]
    data = matroska(parts[0], parts[1].replace(b"\xbf\x84", b"\xbe\x84"), parts[2])
    path = tmp_path / "a.mkv"
    path.write_bytes(data)
    checksums = Checksums(path)
    checksums.check(place(data, b"third"))
    with pytest.raises(ValueError, match="differ from their checksum"):
        checksums.check(place(data, b"second"))


def test_without_checksums_only_the_places_are_checked(tmp_path):
    data = matroska(element(CLUSTER, b"first"), element(CLUSTER, b"second"))
    path = tmp_path / "a.webm"
    path.write_bytes(data)
    checksums = Checksums(path)
    checksums.check(place(data, b"second"))
    with pytest.raises(ValueError, match="no cluster of packets is at byte 3"):
        checksums.check(3)


def test_a_stream_of_unknown_length_is_checked_as_far_as_its_clusters_have_one(tmp_path):
    endless = (1 << 56 | (1 << 56) - 1).to_bytes(8, "big")
    first = summed(CLUSTER, b"first")
    data = element(HEAD, b"matroska", width=1) + SEGMENT + endless + first + CLUSTER + endless + b"second"
    path = tmp_path / "a.mkv"
    path.write_bytes(data.replace(b"first", b"fjrst"))
    checksums = Checksums(path)
    checksums.check(place(data, b"second"))
    with pytest.raises(ValueError, match="differ from their checksum"):
        checksums.check(place(data, b"first"))


@pytest.mark.parametrize("missing", [1, 10, 25])
def test_a_file_that_ends_early_says_what_is_missing(tmp_path, missing):
    data = matroska(summed(INFO, b"info"), summed(CLUSTER, b"first" * 9))
    path = tmp_path / "a.mkv"
    path.write_bytes(data[:-missing])
    with pytest.raises(CutShortError, match=f"bytes {len(data) - missing} to {len(data)} are missing"):
        Checksums(path)


@pytest.mark.parametrize(
    "data", [b"", b"\x1a", b"RIFF....AVI ", element(HEAD, b"x") + element(CLUSTER, b"y"), bytes(99)]
)
def test_what_is_no_matroska(tmp_path, data):
    path = tmp_path / "a.mkv"
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"no element at byte|does not begin as Matroska does|are missing"):
        Checksums(path)


@pytest.mark.parametrize(
    ("codec", "options"), [("libvpx-vp9", {}), ("libx265", {"x265-params": "log-level=none:pools=1"})]
)
def test_only_the_checksums_find_many_flipped_bits(tmp_path, numbered_video, monkeypatch, codec, options):
    """FFmpeg decodes about every third such file to its end without an error, to other pictures."""
    path = numbered_video(tmp_path / "a.mkv", codec=codec, options=options)
    whole, data, rng = decoded(path), path.read_bytes(), np.random.default_rng(0)
    unnoticed = 0
    for at, bit in zip(rng.integers(len(data) // 2, len(data) * 9 // 10, 12), rng.integers(0, 8, 12), strict=True):
        damaged = bytearray(data)
        damaged[at] ^= 1 << int(bit)
        path.write_bytes(damaged)
        with monkeypatch.context() as patch:
            patch.setattr("soccerbench.video.decoding.source.Source._open_checksums", lambda source: None)
            found = decoded(path)
        if found is not None and not np.array_equal(found, whole):
            unnoticed += 1
            assert decoded(path) is None
    assert unnoticed > 0


def decoded(path):
    """The pictures of a file, or None where it is found damaged."""
    try:
        return np.stack(list(frames(path, fps=25, size=64, crop=False)))
    except InputError:
        return None
