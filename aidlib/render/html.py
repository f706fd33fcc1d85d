"""The page as one self-contained HTML file: style, font and drawings inside, no script, no request to anywhere."""

from __future__ import annotations

import base64
from functools import cache
from importlib.resources import files

from jinja2 import BaseLoader, Environment, StrictUndefined, Template
from markupsafe import Markup

from aidlib import display
from aidlib.render.glyphs import check_glyphs
from aidlib.render.page import page
from aidlib.report import Document


def html(document: Document, language: str) -> bytes:
    """The edition in ``language`` as one HTML file (UTF-8); the same document gives the same bytes.

    Texts are escaped, whatever they hold. Raises Problem for a character that the font cannot draw.
    """
    check_glyphs(document)
    content = page(document, language)
    characters = "".join(sorted(set("".join(content.texts())) | set(map(chr, range(32, 127)))))
    font = base64.b64encode(display.subset(characters)).decode("ascii")
    style = Markup(files("aidlib.render").joinpath("page.css").read_text(encoding="utf-8"))  # noqa: S704 - our own file
    text = _template().render(page=content, font=font, css=style, space="" if language == "zh" else " ")
    return text.encode("utf-8")


@cache
def _template() -> Template:
    source = files("aidlib.render").joinpath("page.html").read_text(encoding="utf-8")
    loader = Environment(
        loader=BaseLoader(), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    return loader.from_string(source)
