"""The report as one HTML file: styles, scripts and data inside, nothing loaded, every name shown as text.

Conventions
    names    come from files of anybody: templates escape them, scripts set them as text, and the data, JSON in a script
             element of its own, spells `<`, `>` and `&` in escapes, so that none can end the element
    policy   the page forbids itself all loading and every script but its own, which it knows by its hash
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
    )
    return text.encode()


def embedded(value: object) -> str:
    """JSON that may stand inside a script element."""
    return orjson.dumps(value).decode().translate(_ESCAPES)
