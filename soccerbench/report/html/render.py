"""The report as one HTML file: styles, scripts and data inside, nothing loaded, every name shown as text.

Conventions
    names    are untrusted: templates escape them, scripts set them as text, and the data, JSON in a separate script
             element, has `<`, `>` and `&` as escapes, so that no name can end the element
    policy   a content security policy forbids loading anything but the videos of games, and any script but the page's,
             given by its hash
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable
from pathlib import Path

import orjson
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from soccerbench import __version__
from soccerbench.report.html.page import Page

TEMPLATES = Path(__file__).parent / "templates"
SCRIPTS = ("dom.js", "timeline.js", "report.js")
_ESCAPES = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026", "\u2028": "\\u2028", "\u2029": "\\u2029"})


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
