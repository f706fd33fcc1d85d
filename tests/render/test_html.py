"""The HTML page: one file, valid structure, no request, no markup from texts."""

import base64
import re
from html.parser import HTMLParser

import pytest

from aidlib import render
from aidlib.reference import Problem
from tests.render.documents import document, with_text, with_texts

VOID = {"meta", "br", "img", "link", "hr"}
PAYLOADS = [
    "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>",
    '"><svg onload=alert(1)>',
    "'><iframe src=javascript:alert(1)></iframe>",
    "</style><script>alert(1)</script>",
    "</title><script>alert(1)</script>",
    "</textarea><script>alert(1)</script>",
    "<a href=javascript:alert(1)>x</a>",
    '" onmouseover="alert(1)',
    "' onfocus='alert(1)' autofocus='",
    "--><script>alert(1)</script>",
    "]]><script>alert(1)</script>",
    "{{ 7 * 7 }}",
    "{% include '/etc/passwd' %}",
    "{{ ''.__class__.__mro__ }}",
    "<base href=//evil.example>",
    "<meta http-equiv=refresh content=0;url=//evil.example>",
    "<form action=//evil.example><input name=a></form>",
    "&lt;script&gt;alert(1)&lt;/script&gt;",
    "<math><mtext></mtext><script>alert(1)</script></math>",
]


class Outline(HTMLParser):
    """Tags with attributes, whether every tag is closed, and the texts."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.texts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append(data)

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


@pytest.fixture(scope="module", params=["zh", "en"])
def page(request):
    return request.param, render.html(document(), request.param).decode("utf-8")


def test_the_page_is_complete_and_well_formed(page):
    language, text = page
    outline = Outline(text)
    assert outline.open == []
    assert outline.all("html") == [{"lang": "zh-CN" if language == "zh" else "en"}]
    assert len(outline.all("h1")) == len(outline.all("main")) == 1
    assert len(outline.all("figure")) == 3
    assert "　" not in text


def test_every_anchor_has_its_target_and_ids_are_unique(page):
    outline = Outline(page[1])
    ids = [attributes["id"] for _, attributes in outline.tags if "id" in attributes]
    assert len(ids) == len(set(ids))
    targets = {attributes["href"][1:] for attributes in outline.all("a")}
    assert targets <= set(ids)


def test_the_page_asks_for_nothing(page):
    text = re.sub(r'xmlns(:xlink)?="[^"]+"', "", page[1])
    assert "http:" not in text and "https:" not in text and "//" not in re.sub(r"base64,[^)]*", "", text)
    assert "<script" not in text and "@import" not in text
    policy = next(a["content"] for a in Outline(text).all("meta") if a.get("http-equiv") == "Content-Security-Policy")
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:"


def test_charts_have_text_alternatives_and_tables_headers(page):
    language, text = page
    outline = Outline(text)
    assert all(a["role"] == "img" and "aria-labelledby" in a for a in outline.all("svg"))
    assert len(outline.all("desc")) == 3
    highest = "最高为寅市（23%）" if language == "zh" else "highest Yin City (23%)"
    assert highest in text
    assert {a["scope"] for a in outline.all("th")} == {"col", "row"}
    assert len(outline.all("caption")) == 3


def test_figures_and_tables_are_numbered_and_explained(page):
    language, text = page
    words = (
        ["图1", "图3", "表1", "图1数据"]
        if language == "zh"
        else ["Figure 1", "Figure 3", "Table 1", "Data of Figure 1"]
    )
    assert all(f"<b>{word}</b>" in text for word in words)
    notes = "".join(Outline(text).texts)
    assert "M1" in notes and "M2" in notes
    assert ("会员家庭抽样调查" if language == "zh" else "all member households") in notes
    assert "n=100" in notes or "n = 100" in notes


def test_the_draft_is_marked_and_the_approved_is_not():
    assert 'class="watermark"' in render.html(document(), "zh").decode()
    approved = render.html(document(state="approved"), "zh").decode()
    assert 'class="watermark"' not in approved and "定稿" in approved


def test_the_embedded_font_is_small_enough(page):
    font = re.search(r"data:font/woff;base64,([A-Za-z0-9+/=]+)\)", page[1])
    assert base64.b64decode(font.group(1))[:4] == b"wOFF"
    assert len(font.group(1)) < 400_000


@pytest.mark.parametrize("places", [with_texts, lambda payloads: with_text("".join(payloads))])
def test_texts_are_never_markup(places):
    """The page has the tags that it has with harmless texts, and shows every payload as it is."""
    plain = Outline(render.html(places(["x"] * len(PAYLOADS)), "en").decode("utf-8"))
    attacked = Outline(render.html(places(PAYLOADS), "en").decode("utf-8"))
    drawing = {"path", "g", "use", "defs"}
    tags = [[tag for tag, _ in outline.tags if tag not in drawing] for outline in (attacked, plain)]
    assert tags[0] == tags[1]
    assert not any(name.startswith("on") for _, attributes in attacked.tags for name in attributes)
    shown = "\n".join(attacked.texts)
    assert [payload for payload in PAYLOADS if payload not in shown] == []


def test_a_document_without_chapters_says_so():
    text = render.html(document((), findings=()), "en").decode("utf-8")
    assert "There is nothing to publish for this period." in text


def test_a_character_without_glyph_is_named():
    items = document().contents[0].items
    broken = document((document().contents[0].__class__("profile", {"zh": "王\U0002a6a5", "en": "x"}, {}, items),))
    with pytest.raises(Problem) as caught:
        render.check_glyphs(broken)
    assert "U+2A6A5" in str(caught.value) and "profile" in str(caught.value)
    for renderer in (render.html, render.pdf, render.xlsx):
        with pytest.raises(Problem):
            renderer(broken, "zh")


def test_a_label_without_glyph_names_its_entry():
    with pytest.raises(Problem, match=r"profile\.a"):
        render.check_glyphs(with_label("\U0002a6a5"))


def with_label(label):
    from aidlib.report import Content, Entry
    from tests.display.rows import tidy
    from tests.render.documents import estimates

    shown = estimates(tidy({"variable": [label]}, [0.1]), ("variable",))
    return document(
        (Content("profile", {"zh": "x", "en": "x"}, {}, (Entry("a", shown, "bar", {"zh": "x", "en": "x"}),)),)
    )
