"""The report as one HTML file: styles, scripts and data inside, nothing loaded, every name shown as text.

Conventions
    entry    one row of a table, or one submission: what can be picked on the page
    data     what the scripts draw from; plain JSON, fractions in [0, 1]
    facts    how a number was made, in words, for everybody without a script
    names    are untrusted: templates escape them, scripts set them as text, and the data, JSON in a separate script
             element, has `<`, `>` and `&` as escapes, so that no name can end the element
    policy   a content security policy forbids loading anything but the videos of games, and any script but the page's,
             given by its hash
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from soccerbench import __version__
from soccerbench.report.table import Table

TEMPLATES = Path(__file__).parent / "templates"
SCRIPTS = ("dom.js", "timeline.js", "report.js")
_ESCAPES = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})


@dataclass(frozen=True)
class Picture:
    """A picture, shown as an image: nothing in it can act on the page."""

    caption: str  # what it shows, with metric and unit
    svg: bytes  # the file
    split: str = ""  # the split that it belongs to; shown with every split if empty

    @property
    def address(self) -> str:
        """The file as a data address."""
        return f"data:image/svg+xml;base64,{base64.b64encode(self.svg).decode()}"


@dataclass(frozen=True)
class Entry:
    """One row or submission in words and pictures."""

    name: str  # for people
    stated: Sequence[tuple[str, str]] = ()  # (key, value) as the paper, or the user, states it
    assumed: Sequence[tuple[str, str, str]] = ()  # (key, value, why) where the paper is silent
    facts: Sequence[tuple[str, str]] = ()  # (what, value): how the numbers were made
    pictures: Sequence[Picture] = ()  # its scores and learning curves


@dataclass(frozen=True)
class Page:
    """A whole report."""

    title: str  # in one line
    notes: Sequence[str]  # what a reader must know first, such as that features are simulated
    tables: Sequence[Table[Any]]  # in order
    entries: Sequence[Entry]  # in words, in the order of `data["entries"]`
    data: Mapping[str, Any]  # what the scripts draw from
    pictures: Sequence[Picture] = ()  # of all entries together, and figures of the paper


def render(page: Page) -> bytes:
    """The page as a self-contained HTML file."""
    return self_contained(
        TEMPLATES / "report.html",
        styles=[TEMPLATES / "report.css"],
        scripts=[TEMPLATES / name for name in SCRIPTS],
        data=page.data,
        media="media-src file: 'self'; " if page.data.get("videos") else "",
        title=page.title,
        page=page,
    )


def self_contained(
    template: Path, *, styles: Iterable[Path], scripts: Iterable[Path], data: object, media: str, **values: object
) -> bytes:
    """A template that extends `page.html`, with its styles, scripts and data inside.

    Args:
        scripts: files, in order; they share one scope.
        data: what the scripts read, as JSON.
        media: the directive of the content security policy for media, ending in "; "; empty for none.
        values: what else the template takes; `title` is that of the page.
    """
    folders = [template.parent, TEMPLATES]
    environment = Environment(
        loader=FileSystemLoader(folders), autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True
    )
    environment.globals["table"] = environment.get_template("table.html").module.table  # type: ignore[attr-defined]
    script = "(() => {\n" + "\n".join(file.read_text("utf-8") for file in scripts) + "})();\n"
    text = environment.get_template(template.name).render(
        version=__version__,
        style="".join(file.read_text("utf-8") for file in styles),
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        data=embedded(data),
        media=media,
        **values,
    )
    return text.encode()


def embedded(value: object) -> str:
    """JSON that is safe inside a script element."""
    return orjson.dumps(value).decode().translate(_ESCAPES)
