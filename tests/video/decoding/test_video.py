"""Which file and which stretch of it is the video of a half."""

from __future__ import annotations

import numpy as np
import pytest

from soccerbench.errors import InputError
from soccerbench.events import Events
from soccerbench.video.decoding.half_file import half_video
from soccerbench.video.decoding.video import Video, check_duration, probe


@pytest.mark.parametrize(
    ("there", "found"),
    [
        (["1_224p.mkv", "1.mkv", "1_720p.mkv"], "1_224p.mkv"),
        (["1.mkv", "1_720p.mkv"], "1.mkv"),
        (["1_ResNET_TF2.npy", "1_720p.mkv", "1_hq.mp4"], "1_720p.mkv"),
        (["1.txt", "1.MP4"], "1.MP4"),
        (["2_224p.mkv", "11.mkv", "1_ResNET_TF2.npy"], None),
        ([], None),
    ],
)
def test_the_video_of_a_half(tmp_path, there, found):
    for name in there:
        (tmp_path / name).touch()
    if found is not None:
        assert half_video(tmp_path, 1) == tmp_path / found
        return
    with pytest.raises(InputError, match=r"no video of half 1; put 1_224p.mkv there"):
        half_video(tmp_path, 1)


@pytest.mark.parametrize(
    ("duration_s", "events_ms", "said"),
    [
        (2700.0, [1000, 2_699_999], None),
        (2700.0, [], None),
        (2700.0, [1000, 2_700_000], "lasts 2700.0 s, but 1 events are later, the last at 2700.0 s"),
        (60.0, [1000, 61_000, 90_000], "lasts 60.0 s, but 2 events are later, the last at 90.0 s"),
        (4500.0, [2_700_000], None),
        (4500.1, [2_700_000], "half 2's last event is at 2700.0 s already"),
    ],
)
def test_a_duration_against_the_labels(duration_s, events_ms, said):
    half = np.array([1, *[2] * len(events_ms)], np.int64)
    position = np.array([10**7, *events_ms], np.int64)  # the other half does not count
    labels = Events(half, np.zeros_like(half), position, game="game")
    found = check_duration(Video(file="2.mkv", width=398, height=224, duration_s=duration_s, fps=25.0), labels, 2)
    assert (found is None) if said is None else (found is not None and found.startswith("2.mkv: ") and said in found)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("[1_HQ.mkv]\nstart_time_second = 1\nduration_second = 2\n", (1, 2, 2)),
        ("[1_HQ.mkv]\r\nstart_time_second=1.5\r\n", (1.5, 2.5, 2.5)),
        ("\ufeff[1_HQ.mp4]\nduration_second: 3\n[2_HQ.mkv]\nstart_time_second = 2\n", (0, 3, 3)),  # another suffix
        ("[1_HQ.mkv]\nstart_time_second = 3\nduration_second = 90\n", (3, 1, 1)),  # no longer than the file
        ("[2_HQ.mkv]\nstart_time_second = 1\n", (0, 4, None)),  # of the other half
        ("", (0, 4, None)),
    ],
)
def test_a_half_is_the_stretch_that_video_ini_names(tmp_path, numbered_video, text, expected):
    (tmp_path / "video.ini").write_text(text, encoding="utf-8", newline="")
    video = probe(numbered_video(tmp_path / "1_HQ.mkv", pictures=100))
    assert (video.start_s, video.duration_s, video.stop_s) == expected
    assert any("video.ini" in note for note in video.notes) == (expected[2] is not None)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[1_HQ.mkv]\nstart_time_second = soon\n", "[1_HQ.mkv] start_time_second = soon: no number of seconds"),
        ("[1_HQ.mkv]\nstart_time_second = -1\n", "start_time_second = -1: no number"),
        ("[1_HQ.mkv]\nduration_second = nan\n", "duration_second = nan: no number"),
        ("[1_HQ.mkv]\nstart_time_second = 4\n", "start_time_second = 4, but the video lasts 4.0 s"),
        ("start_time_second = 4\n", "cannot be read"),
        ("[1_HQ.mkv]\n[1_HQ.mkv]\n", "cannot be read"),
        ("\0", "cannot be read"),
    ],
)
def test_a_video_ini_that_does_not_fit_is_refused(tmp_path, numbered_video, text, said):
    (tmp_path / "video.ini").write_text(text)
    path = numbered_video(tmp_path / "1_HQ.mkv", pictures=100)
    with pytest.raises(InputError) as raised:
        probe(path)
    assert str(raised.value).startswith(f"{tmp_path / 'video.ini'}: ")
    assert said in str(raised.value)
    assert "\n" not in str(raised.value)
