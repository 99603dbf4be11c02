"""How pictures look and how they are saved: one style, PNG and SVG, light and dark.

Conventions
    colours  those of `DARK`; in an SVG each has a second value, which a viewer in dark mode uses
    text     is text: no mathematics, so that a name with "$" stays a name
    bytes    the same drawing gives the same files: no dates, no random names
"""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from soccerbench.files import write_bytes

PAPER, INK, SOFT, GRID, PALE, ACCENT = "#ffffff", "#1c1e21", "#5b6168", "#d5d9de", "#dbe7f3", "#0b57a4"
DARK = {
    PAPER: "#14171a", INK: "#e7e9eb", SOFT: "#a3abb3", GRID: "#3a4047", PALE: "#24384d", ACCENT: "#7db8f5",
    "#c2500a": "#f59a57", "#007a55": "#35c796", "#8b3fa8": "#cd93e8", "#8a6d00": "#dcbc45", "#c0223b": "#ff7d8d",
}  # fmt: skip
LINES = (ACCENT, *list(DARK)[6:])
_METADATA: dict[str, dict[str, str | None]] = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None}}

Draw = Callable[[Any], None]


def picture(draw: Draw, size_in: tuple[float, float], *, kinds: Sequence[str] = ("svg",)) -> list[bytes]:
    """What `draw` draws into an empty matplotlib figure, as a file of each kind, "png" or "svg"."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    files = []
    with mpl.rc_context(_style()):
        figure = Figure(figsize=size_in, layout="constrained")
        FigureCanvasAgg(figure)
        draw(figure)
        for kind in kinds:
            stream = io.BytesIO()
            figure.savefig(stream, format=kind, dpi=150, metadata=_METADATA[kind])
            files.append(_with_dark(stream.getvalue()) if kind == "svg" else stream.getvalue())
    return files


def write_pictures(folder: Path, name: str, draw: Draw, size_in: tuple[float, float]) -> None:
    """Write a drawing as `name.png` and `name.svg`."""
    kinds = ("png", "svg")
    for kind, content in zip(kinds, picture(draw, size_in, kinds=kinds), strict=True):
        write_bytes(folder / f"{name}.{kind}", content)


def _style() -> Any:
    from cycler import cycler

    lines = cycler(linestyle=["-", "--", ":"]) * cycler(color=LINES)
    inks = dict.fromkeys(("text.color", "axes.labelcolor", "xtick.color", "ytick.color", "axes.titlecolor"), INK)
    return inks | {
        "font.size": 9, "text.parse_math": False, "svg.fonttype": "none", "svg.hashsalt": "soccerbench",
        "axes.prop_cycle": lines, "axes.edgecolor": SOFT, "axes.titlelocation": "left", "axes.axisbelow": True,
        "axes.spines.top": False, "axes.spines.right": False, "grid.color": GRID, "grid.linewidth": 0.6,
        "legend.frameon": False,
    }  # fmt: skip


def _with_dark(svg: bytes) -> bytes:
    """Add the dark colours, as rules that override the colours of the elements."""
    rules = "".join(
        f'[style*="{what}: {light}"]{{{what}:{dark} !important}}'
        for light, dark in DARK.items()
        for what in ("fill", "stroke")
    )
    head, rest = svg.split(b"<defs>", 1)
    style = f"<style>@media (prefers-color-scheme: dark) {{{rules}}}</style>\n "
    return head + style.encode() + b"<defs>" + rest
