"""Damaged files: nothing wrong is given without an error that says where."""

from __future__ import annotations

import random
import struct
from collections import Counter
from pathlib import Path

import av
import numpy as np
import pytest

from soccerbench.errors import InputError
from soccerbench.video.decoding.frames import frames
from soccerbench.video.decoding.video import probe

REMEDIES = ("; copy the file again", "; put the video", "; convert it", "; give the video")


def read(path: Path) -> list[bytes]:
    probe(path)
    return [image.tobytes() for image in frames(path, fps=25, size=32, crop=False)]


def refusal(path: Path) -> str:
    with pytest.raises(InputError) as raised:
        read(path)
    said = str(raised.value)
    assert said.startswith(f"{path}: ")
    assert "\n" not in said
    assert any(remedy in said for remedy in REMEDIES), said
    return said.removeprefix(f"{path}: ")


def second_of(message: str) -> float:
    return float(message.split("after second ")[1].split(":")[0])


@pytest.fixture(scope="module")
def clips(tmp_path_factory, numbered_video) -> dict[str, Path]:
    """The same 40 pictures in several forms."""
    folder = tmp_path_factory.mktemp("clips")
    options = {"pictures": 40, "size": (96, 64)}
    return {
        "h264.mkv": numbered_video(folder / "h264.mkv", options={"g": "10"}, **options),
        "h264.mp4": numbered_video(folder / "h264.mp4", muxing={"movflags": "faststart"}, **options),
        "moov-behind.mp4": numbered_video(folder / "moov-behind.mp4", **options),
        "mpeg4.mkv": numbered_video(folder / "mpeg4.mkv", codec="mpeg4", **options),
        "ffv1.mkv": numbered_video(folder / "ffv1.mkv", codec="ffv1", **options),
        "vp9.webm": numbered_video(
            folder / "vp9.webm", codec="libvpx-vp9", options={"cpu-used": "8", "deadline": "realtime"}, **options
        ),
    }


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("empty.mkv", b"", "is empty"),
        ("text.mkv", b"not a video at all\n" * 50, "no readable video file"),
        ("zeros.mp4", bytes(5000), "no readable video file"),
        (
            "list.mkv",
            b"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://127.0.0.1:9/a.ts\n",
            "no readable video file",
        ),
        ("list.mp4", b"ffconcat version 1.0\nfile a.mkv\n", "no readable video file"),
        ("picture.mkv", b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\1\0\0\0\1\x08\2\0\0\0", "no readable video file"),
    ],
)
def test_what_is_no_video(tmp_path, name, data, said):
    (tmp_path / name).write_bytes(data)
    assert said in refusal(tmp_path / name)


def test_a_missing_file_and_a_folder(tmp_path):
    (tmp_path / "folder.mkv").mkdir()
    for name in ("none.mkv", "folder.mkv"):
        assert "no such video file" in refusal(tmp_path / name)


def test_sound_alone(tmp_path):
    path = tmp_path / "1.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("pcm_s16le", rate=8000)
        wave = av.AudioFrame.from_ndarray(np.zeros((1, 8000), np.int16), format="s16", layout="mono")
        wave.sample_rate = 8000
        container.mux(stream.encode(wave))
        container.mux(stream.encode())
    assert "holds no video, only other streams" in refusal(path)


def test_a_head_without_pictures(tmp_path, clips):
    data = clips["vp9.webm"].read_bytes()
    path = tmp_path / "head.webm"
    path.write_bytes(data[: data.index(bytes.fromhex("1f43b675"))])
    assert "no readable video file" in refusal(path)


def test_enormous_pictures_are_refused_before_they_are_decoded(tmp_path, numbered_video):
    path = numbered_video(tmp_path / "a.mkv", codec="ffv1", size=(400, 300), pictures=2)
    data = path.read_bytes()
    for element, value in ((b"\xb0", 400), (b"\xba", 300)):
        place = element + b"\x82" + struct.pack(">H", value)
        assert data.count(place) == 1
        data = data.replace(place, element + b"\x82" + struct.pack(">H", 8000))
    path.write_bytes(data)
    assert "enormous size, at most 16777216 pixels are read" in refusal(path)


def test_an_avi_file_cut_short(tmp_path, numbered_video):
    path = numbered_video(tmp_path / "a.avi", codec="mpeg4")
    data = path.read_bytes()
    path.write_bytes(data[:-1])
    assert f"is cut short (bytes {len(data) - 1} to {len(data)} are missing)" in refusal(path)


@pytest.mark.parametrize(("name", "said"), [("h264.mkv", "is cut short (bytes"), ("h264.mp4", "a damaged packet")])
def test_a_file_cut_short_says_after_which_second(tmp_path, clips, name, said):
    data = clips[name].read_bytes()
    path = tmp_path / name
    path.write_bytes(data[: len(data) * 2 // 3])
    message = refusal(path)
    assert said in message
    assert 0 < second_of(message) < 1.5


def test_an_index_that_was_never_written(tmp_path, clips):
    data = clips["moov-behind.mp4"].read_bytes()
    path = tmp_path / "a.mp4"
    path.write_bytes(data[: data.rindex(b"moov") - 4])
    assert "no readable video file" in refusal(path)


@pytest.mark.parametrize("name", ["h264.mkv", "h264.mp4", "mpeg4.mkv", "ffv1.mkv"])
def test_a_picture_destroyed_in_the_middle(tmp_path, clips, name):
    with av.open(str(clips[name])) as container:
        packet = [packet for packet in container.demux(video=0) if packet.size][20]
        begin, length = packet.pos, packet.size
    data = bytearray(clips[name].read_bytes())
    data[begin + 8 : begin + length] = bytes(length - 8)
    path = tmp_path / name
    path.write_bytes(data)
    assert 0 <= second_of(refusal(path)) <= 0.8  # where that picture, or the cluster around it, begins


def test_a_picture_left_out_in_the_middle(tmp_path, clips):
    """Packets that never came: what is shown after them is wrong, or the times have a hole of more than a second."""
    path = tmp_path / "a.ts"
    with av.open(str(clips["h264.mkv"])) as source, av.open(str(path), "w") as written:
        stream = written.add_stream_from_template(source.streams.video[0])
        for number, packet in enumerate(source.demux(video=0)):
            if packet.size and number not in range(11, 15):
                packet.stream = stream
                written.mux(packet)
    assert "after second" in refusal(path)


def test_pictures_before_the_first_key_frame_are_left_out(tmp_path, numbered_video, number_of):
    """A recording that was begun at an open group: its first pictures refer to what was not recorded."""
    open_groups = {"g": "10", "x264-params": "open-gop=1:bframes=3:b-adapt=0:b-pyramid=none:scenecut=0"}
    source, path = numbered_video(tmp_path / "a.mp4", pictures=60, options=open_groups), tmp_path / "b.mkv"
    with av.open(str(source)) as read_from, av.open(str(path), "w") as written:
        stream = written.add_stream_from_template(read_from.streams.video[0])
        packets = [packet for packet in read_from.demux(video=0) if packet.size]
        begin = [place for place, packet in enumerate(packets) if packet.is_keyframe][1]
        lost = [packet for packet in packets[begin:] if packet.pts < packets[begin].pts]
        assert lost
        for packet in packets[begin:]:
            packet.stream = stream
            written.mux(packet)
    found = [number_of(image) for image in frames(path, fps=25, size=64, crop=False)]
    assert found == list(range(found[0], 60))
    assert len(found) == len(packets) - begin - len(lost)


@pytest.mark.parametrize(("codec", "name"), [("mpeg2video", "a.ts"), ("libx264", "a.mkv")])
def test_interlaced_pictures_come_all(tmp_path, numbered_video, number_of, codec, name):
    path = numbered_video(tmp_path / name, codec=codec, options={"flags": "+ildct+ilme"}, size=(96, 64))
    assert [number_of(image) for image in frames(path, fps=25, size=64, crop=False)] == list(range(50))


def test_a_hole_of_more_than_a_second(tmp_path, numbered_video):
    """Before a key picture: nothing in the file says whether pictures were lost there."""
    times = [40 * n for n in range(20)] + [3000 + 40 * n for n in range(20)]
    path = numbered_video(tmp_path / "a.mkv", times_ms=times, codec="ffv1", options={"g": "1"})
    assert "after second 0.76: no picture for 2.2 s" in refusal(path)


@pytest.mark.parametrize(
    ("stated", "noted"), [("21.6", ["the pictures last 1.6 s, the file says 21.6 s"]), ("1.1", [])]
)
def test_a_stated_duration_is_a_hint(tmp_path, clips, stated, noted):
    data = clips["vp9.webm"].read_bytes()
    assert b"00:00:01.600000000" in data
    path = tmp_path / "a.webm"
    path.write_bytes(data.replace(b"00:00:01.600000000", f"00:00:{float(stated):012.9f}".encode()))
    assert len(read(path)) == 40
    video = probe(path)
    assert (video.duration_s, list(video.notes)) == (1.6, noted)


def test_pictures_of_two_sizes(tmp_path, numbered_video):
    parts = [numbered_video(tmp_path / f"{width}.ts", size=(width, 64), codec="mpeg2video") for width in (96, 128)]
    path = tmp_path / "both.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    assert "after second" in refusal(path)


@pytest.mark.parametrize(
    ("name", "unnoticed"),
    [
        ("h264.mkv", 0),  # checksums over everything that matters
        ("ffv1.mkv", 0),
        ("mpeg4.mkv", 0),
        ("h264.mp4", 15),  # no checksums: what decodes without a complaint, and the times in its long head
        ("moov-behind.mp4", 15),
    ],
)
def test_damage_in_two_hundred_ways(tmp_path, clips, name, unnoticed):
    """Cut anywhere or with a flipped bit: refused, the very same pictures, or, rarely, some that decode wrongly."""
    data, good, rng, path = clips[name].read_bytes(), read(clips[name]), random.Random(name), tmp_path / name
    became: Counter[str] = Counter()
    for way in range(200):
        damaged = bytearray(data)
        place = rng.randrange(len(data))
        if way % 2:
            damaged[place] ^= 1 << rng.randrange(8)
        else:
            del damaged[place:]
        path.write_bytes(damaged)
        try:
            found = read(path)
        except InputError:
            became["refused"] += 1
            continue
        if found != good:
            assert way % 2, f"cut at byte {place} of {len(data)}: {len(found)} of {len(good)} pictures"
        became["same" if found == good else "wrong"] += 1
    assert became["wrong"] <= unnoticed, became
    assert became["refused"] >= 140, became
