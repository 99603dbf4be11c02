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
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, keep_trailing_newline=True
    )
    script = "(() => {\n" + "\n".join((TEMPLATES / name).read_text("utf-8") for name in SCRIPTS) + "})();\n"
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    environment.globals["table"] = environment.get_template("table.html").module.table  # type: ignore[attr-defined]
    text = environment.get_template("report.html").render(
        page=page,
        version=__version__,
        style=(TEMPLATES / "report.css").read_text("utf-8"),
        script=script,
        script_hash=digest,
        data=embedded(page.data),
        media="media-src file: 'self'; " if page.data.get("videos") else "",
    )
    return text.encode()


def embedded(value: object) -> str:
    """JSON that is safe inside a script element."""
    return orjson.dumps(value).decode().translate(_ESCAPES)
