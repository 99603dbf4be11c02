"""Clips around events: a cut list, and the clips themselves, copied out of the videos without encoding.

Conventions
    clip  BEFORE_S before the event to AFTER_S after it; a copied one begins at the key frame before that
    time  start_s and end_s are seconds of the video file, in which the half may begin late (`video.ini`)
"""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path

import av

from soccerbench.errors import InputError
from soccerbench.files import write_bytes
from soccerbench.inference.events import Found, csv_bytes, frame
from soccerbench.inference.match import Match
from soccerbench.video.decoding.half_file import start_s
from soccerbench.video.decoding.source import opened

BEFORE_S, AFTER_S = 10, 5


def write_clips(match: Match, found: Found, folder: Path, *, cut: bool) -> list[Path]:
    """Write `clips.csv`: file, half, start_s, end_s, and the event; with `cut` also the clips, into `clips/`."""
    events = frame(found)
    suffixes = {half: path.suffix.lower() for half, path in match.videos.items()}
    names = [
        re.sub(r"[^\w.-]+", "-", f"{half}-{int(time_s) // 60:02d}m{int(time_s) % 60:02d}s-{label}-{number}").lower()
        + suffixes.get(half, ".mkv")
        for number, (half, time_s, label) in enumerate(
            zip(events["half"], events["time_s"], events.get("label", ["replay"] * len(events)), strict=True), 1
        )
    ]
    begins_s = {half: start_s(video) for half, video in match.videos.items()}
    begin_s = events["half"].map(begins_s).fillna(0.0)
    before_s = (events["time_s"] - BEFORE_S).clip(lower=0)
    events = events.assign(file=names, start_s=begin_s + before_s, end_s=begin_s + events["time_s"] + AFTER_S)
    first = ["file", "half", "start_s", "end_s"]
    write_bytes(folder / "clips.csv", csv_bytes(events, *first))
    files = [folder / "clips.csv"]
    for name, half, begin, end in events[first].itertuples(index=False) if cut else ():
        if half not in match.videos:
            raise InputError(folder, f"no video of half {half} to cut", "give the videos as inputs too")
        files.append(folder / "clips" / name)
        copy(match.videos[half], files[-1], start_s=begin, end_s=end)
    return files


def copy(video: Path, clip: Path, *, start_s: float, end_s: float) -> None:
    """Copy the pictures from the key frame before `start_s` to `end_s` into a new file."""
    part = clip.with_name(f".part-{clip.name}")
    clip.parent.mkdir(parents=True, exist_ok=True)
    with opened(video) as source:
        stream, base = source.stream, source.stream.time_base or Fraction(1, 1000)
        zero = stream.start_time or 0
        try:
            with av.open(str(part), "w") as written:
                copied = written.add_stream_from_template(stream)
                source.container.seek(zero + int(start_s / base), stream=stream)
                first = None
                for packet in source.container.demux(stream):
                    if packet.dts is None or packet.pts is None:
                        continue
                    if (packet.pts - zero) * base > end_s:
                        break
                    first = packet.dts if first is None else first
                    packet.pts, packet.dts, packet.stream = packet.pts - first, packet.dts - first, copied
                    written.mux(packet)
            part.replace(clip)
        except (av.FFmpegError, OSError) as error:
            part.unlink(missing_ok=True)
            remedy = "free some space, or convert the video to H.264"
            raise InputError(clip, f"cannot be cut ({error})", remedy) from None
