"""Intact files as people have them, each with something unusual: every picture that can be decoded comes, in time."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import product
from pathlib import Path

import av
import pytest
from shared_data import SHARED

from soccerbench.errors import InputError
from soccerbench.video.decoding.clips import row_count
from soccerbench.video.decoding.frames import frames
from soccerbench.video.decoding.source import opened
from soccerbench.video.decoding.video import probe

FIELD = SHARED / "field" / "video"
OPEN = {
    "libx264": {"x264-params": "keyint=20:min-keyint=20:open-gop=1:bframes=3:b-adapt=0:scenecut=0"},
    "libx265": {
        "x265-params": "keyint=20:min-keyint=20:open-gop=1:bframes=3:b-adapt=0:scenecut=0:log-level=none:pools=1"
    },
    "mpeg4": {"g": "20", "bf": "2"},
    "mpeg2video": {"g": "20", "bf": "2"},
}
STILL_MS = [*range(0, 1000, 40), *range(4000, 5000, 40)]
Numbered = Callable[..., Path]
NumberOf = Callable[..., int]


def with_headers(codec: str) -> dict[str, str]:
    """Each key picture with what a decoder must know before it, as broadcasts have it."""
    return {key: f"{value}:repeat-headers=1" if "params" in key else value for key, value in OPEN[codec].items()}


def shown(number_of: NumberOf, path: Path, fps: int = 25) -> list[int]:
    with opened(path) as source:
        source.check()
    return [number_of(image) for image in frames(path, fps=fps, size=64, crop=False)]


def copied(source: Path, path: Path, *, zero: int | None = None) -> int:
    """Copy packets from the second key picture on, picture `zero`, or that one, at time 0; the key picture's number."""
    with av.open(str(source)) as read, av.open(str(path), "w") as written:
        stream = written.add_stream_from_template(read.streams.video[0])
        packets = [packet for packet in read.demux(video=0) if packet.size]
        begin = [place for place, packet in enumerate(packets) if packet.is_keyframe][1]
        tick = round(1 / (25 * packets[0].time_base))
        key = packets[begin].pts // tick
        shift = (key if zero is None else zero) * tick
        for packet in packets[begin:]:
            packet.pts -= shift
            packet.dts = None if packet.dts is None else packet.dts - shift
            packet.stream = stream
            written.mux(packet)
    return int(key)


@pytest.mark.parametrize("movflags", ["dash+frag_keyframe", "frag_keyframe+empty_moov+default_base_moof", "cmaf"])
@pytest.mark.parametrize("codec", ["libx264", "libx265", "mpeg4"])
def test_fragmented_mp4(
    tmp_path: Path, numbered_video: Numbered, number_of: NumberOf, movflags: str, codec: str
) -> None:
    muxing = {"movflags": movflags, "use_editlist": "0"}
    path = numbered_video(tmp_path / "a.mp4", pictures=60, codec=codec, options=OPEN[codec], muxing=muxing)
    assert probe(path).duration_s == pytest.approx(2.4, abs=1e-9)
    assert shown(number_of, path) == list(range(60))


@pytest.mark.parametrize(
    ("name", "codec"),
    [*product(("a.mkv", "a.mp4", "a.mov"), OPEN), ("a.ts", "libx264"), ("a.ts", "libx265"), ("a.ts", "mpeg2video")],
)
def test_a_lossless_cut_inside_an_open_group(
    tmp_path: Path, numbered_video: Numbered, number_of: NumberOf, codec: str, name: str
) -> None:
    """What is shown before the cut's first key picture is not in the file; an edit list hides more."""
    source = numbered_video(tmp_path / "whole.mp4", pictures=100, codec=codec, options=with_headers(codec))
    key = copied(source, tmp_path / name)
    assert shown(number_of, tmp_path / name) == list(range(key, 100))
    assert probe(tmp_path / name).duration_s == pytest.approx((100 - key) / 25, abs=2e-3)


@pytest.mark.parametrize("codec", ["libx264", "libx265", "mpeg4"])
@pytest.mark.parametrize("zero", [33, 47])
def test_pictures_that_an_edit_list_discards(
    tmp_path: Path, numbered_video: Numbered, number_of: NumberOf, codec: str, zero: int
) -> None:
    source = numbered_video(tmp_path / "whole.mp4", pictures=100, codec=codec, options=OPEN[codec])
    copied(source, tmp_path / "cut.mp4", zero=zero)
    assert shown(number_of, tmp_path / "cut.mp4") == list(range(zero, 100))
    assert probe(tmp_path / "cut.mp4").duration_s == pytest.approx((100 - zero) / 25, abs=2e-3)


@pytest.mark.parametrize("codec", ["libx264", "libx265", "mpeg2video"])
def test_a_transport_stream_that_begins_inside_a_group(
    tmp_path: Path, numbered_video: Numbered, number_of: NumberOf, codec: str
) -> None:
    whole = numbered_video(tmp_path / "a.ts", pictures=100, codec=codec, options=with_headers(codec)).read_bytes()
    path = tmp_path / "1.ts"
    path.write_bytes(whole[len(whole) // 188 // 4 * 188 :])
    found = shown(number_of, path)
    assert found == list(range(found[0], 100))
    assert 0 < found[0] < 50
    video = probe(path)
    assert video.duration_s == pytest.approx((100 - found[0]) / 25, abs=1e-6)
    if codec != "mpeg2video":  # FFmpeg itself leaves out what comes before the first header of MPEG-2
        assert "before the first key picture are left out" in video.notes[0]


@pytest.mark.parametrize("codec", ["libx264", "mpeg4"])
def test_pictures_out_of_order_in_a_container_without_their_times(
    tmp_path: Path, numbered_video: Numbered, number_of: NumberOf, codec: str
) -> None:
    path = numbered_video(tmp_path / "a.avi", pictures=100, codec=codec, options=OPEN[codec])
    assert shown(number_of, path) == list(range(100))
    assert probe(path).duration_s == pytest.approx(4, abs=1e-6)
    part = [number_of(image) for image in frames(path, fps=25, size=64, crop=False, start_s=3.2, stop_s=3.4)]
    assert part == [80, 81, 82, 83, 84]


@pytest.mark.parametrize(
    ("name", "codec", "options"),
    [
        ("a.mkv", "libx264", {"bf": "0"}),
        ("a.mkv", "libx264", {"bf": "3"}),
        ("a.mp4", "libx264", {"bf": "0"}),
        ("a.mp4", "libx264", {"bf": "3"}),
        ("a.mov", "mpeg4", {"g": "100"}),
        ("a.ts", "libx264", {}),
        ("a.mkv", "libx265", {"x265-params": "log-level=none:pools=1"}),
        ("a.webm", "libvpx-vp9", {"cpu-used": "8", "deadline": "realtime"}),
        ("a.mkv", "mpeg4", {"g": "100"}),
        ("a.mkv", "ffv1", {"g": "100"}),
    ],
)
def test_a_still_of_three_seconds_kept_as_one_picture(
    tmp_path: Path, numbered_video: Numbered, number_of: NumberOf, name: str, codec: str, options: dict[str, str]
) -> None:
    path = numbered_video(tmp_path / name, codec=codec, times_ms=STILL_MS, options=options)
    assert row_count(probe(path).duration_s) == 5
    assert shown(number_of, path) == [*range(25), *[24] * 75, *range(25, 50)]


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4", "a.ts"])
def test_a_video_that_starts_seconds_after_the_sound(
    tmp_path: Path, numbered_video: Numbered, number_of: NumberOf, name: str
) -> None:
    path = numbered_video(tmp_path / name, pictures=50, first_ms=3000, sound=True)
    video = probe(path)
    assert video.duration_s == pytest.approx(2, abs=1e-6)
    assert re.fullmatch(r"the first picture comes 3\.[01] s after the sound; times .*", " ".join(video.notes))
    assert shown(number_of, path) == list(range(50))


def test_damage_that_packets_show_is_found_without_decoding(tmp_path: Path, numbered_video: Numbered) -> None:
    path = numbered_video(tmp_path / "a.mp4", pictures=100, muxing={"movflags": "faststart"})
    data = path.read_bytes()
    path.write_bytes(data[: len(data) * 2 // 3])
    with opened(path) as source, pytest.raises(InputError, match=r"after second .*: (a damaged packet|ends after)"):
        source.check()


@pytest.mark.skipif(not FIELD.exists(), reason="the reference data are not there")
@pytest.mark.parametrize(
    ("name", "rows", "pictures"),
    [
        ("src.mkv", 8, 200),
        ("fmp4_dash.mp4", 8, 200),
        ("fmp4_hls.mp4", 8, 200),
        ("h264_opengop_cut.mkv", 6, 160),
        ("dvb_midgop.ts", 8, 200),
        ("h264_bframes.avi", 6, 150),
        ("freeze_vfr.mkv", 9, 150),
        ("freeze_vfr.mp4", 9, 150),
        ("freeze_vfr_bframes.mp4", 9, 150),
        ("late_video.mkv", 4, 100),
    ],
)
def test_files_from_the_field(name: str, rows: int, pictures: int) -> None:
    path = FIELD / name
    assert row_count(probe(path).duration_s) == rows
    with opened(path) as source:
        source.check()
    found = [id(image) for image in list(frames(path, fps=25, size=32, crop=True))]
    assert len(set(found)) == pictures
