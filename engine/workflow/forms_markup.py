"""Texts a form shows: Markdown and HTML made safe, with ``{{ expression }}`` for values of the case.

Only what is listed here ever reaches a page; everything else in a text is a problem when the form is read.
"""

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from html import escape
from html.parser import HTMLParser

from markdown_it import MarkdownIt

PLACE = re.compile(r"\{\{(.*?)\}\}", re.DOTALL)
_TOKEN = re.compile("\ue000(\\d+)\ue001")
_TAGS = frozenset(
    {
        "a", "abbr", "b", "blockquote", "br", "caption", "code", "dd", "del", "div", "dl", "dt", "em", "h1", "h2", "h3",
        "h4", "h5", "h6", "hr", "i", "ins", "kbd", "li", "mark", "ol", "p", "pre", "s", "small", "span", "strong",
        "sub", "sup", "table", "tbody", "td", "tfoot", "th", "thead", "tr", "u", "ul",
    }
)  # fmt: skip
_VOID = frozenset({"br", "hr"})
_HEADINGS = {"h1": "h3", "h2": "h3", "h3": "h3", "h4": "h4", "h5": "h4", "h6": "h4"}
"""A form stands below the headings of its page."""
_ATTRIBUTES = {"a": {"href"}, "td": {"colspan", "rowspan"}, "th": {"colspan", "rowspan"}, "ol": {"start"}}
_EVERYWHERE = frozenset({"title", "lang"})
_LINK = re.compile(r"(https?://|mailto:|tel:|/(?!/)|#)", re.IGNORECASE)
_SILENT = ("script", "style")
"""Elements whose text is no text."""
_MARKDOWN = MarkdownIt("commonmark", {"html": False, "breaks": True}).enable("table").disable("image")


class _Cleaner(HTMLParser):
    """Writes HTML anew from what is allowed, every element closed, and notes what is not."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.written: list[str] = []
        self.problems: dict[str, None] = {}
        self.open: list[str] = []
        self.silent = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _TAGS:
            self.problems[f"<{tag}> is not shown"] = None
            self.silent = tag in _SILENT
            return
        allowed = _ATTRIBUTES.get(tag, frozenset()) | _EVERYWHERE
        kept = ""
        for name, value in attrs:
            if name not in allowed:
                self.problems[f"the attribute {name} of <{tag}> is not kept"] = None
            elif name == "href" and not _LINK.match(value or ""):
                self.problems[f"the link {value!r} leads nowhere a page may lead"] = None
            elif _TOKEN.search(value or ""):
                self.problems[f"{{{{…}}}} in the attribute {name} of <{tag}> is not worked out"] = None
            else:
                kept += f' {name}="{escape(value or "")}"'
        if tag == "a":
            kept += ' target="_blank" rel="noopener noreferrer"'
        self.written.append(f"<{_HEADINGS.get(tag, tag)}{kept}>")
        if tag not in _VOID:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in _SILENT:
            self.silent = False
        if tag in _VOID or tag not in _TAGS:
            return
        if tag not in self.open:
            self.problems[f"</{tag}> closes nothing"] = None
            return
        while self.open:
            last = self.open.pop()
            self.written.append(f"</{_HEADINGS.get(last, last)}>")
            if last == tag:
                return
            self.problems[f"<{last}> is not closed"] = None

    def handle_data(self, data: str) -> None:
        if not self.silent:
            self.written.append(escape(data, quote=False))

    def finish(self) -> str:
        """What was written, with everything closed."""
        self.close()
        for tag in reversed(self.open):
            self.problems[f"<{tag}> is not closed"] = None
            self.written.append(f"</{_HEADINGS.get(tag, tag)}>")
        return "".join(self.written)


def places_of(text: str) -> tuple[str, ...]:
    """The expressions in a text, as written between the braces, each once."""
    return tuple(dict.fromkeys(found.strip() for found in PLACE.findall(text)))


@lru_cache(maxsize=512)
def _compile(kind: str, text: str) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """Safe HTML with tokens where values go, the expressions of the tokens, and the problems."""
    places = places_of(text)
    order = {place: at for at, place in enumerate(places)}
    bare = re.sub("[\ue000\ue001]", "", text)
    marked = PLACE.sub(lambda found: f"\ue000{order[found[1].strip()]}\ue001", bare)
    cleaner = _Cleaner()
    cleaner.feed(_MARKDOWN.render(marked) if kind == "text" else marked)
    html = cleaner.finish()
    if kind == "text" and "![" in marked:
        cleaner.problems["a picture in a text is not shown"] = None
    return html, places, tuple(cleaner.problems)


def check_markup(kind: str, text: str) -> Iterable[str]:
    """What of a text would not be shown as it is written."""
    return _compile(kind, text)[2]


def render_markup(kind: str, text: str, values: Mapping[str, str]) -> str:
    """Safe HTML of a ``text`` (Markdown) or ``html`` component.

    :param values: expression as written -> its text; what is missing is left out.
    """
    html, places, _problems = _compile(kind, text)
    return _TOKEN.sub(lambda found: escape(values.get(places[int(found[1])], ""), quote=False), html)
