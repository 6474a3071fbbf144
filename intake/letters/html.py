"""HTML to readable text in linear time: nothing is fetched, links are shown as text.

The standard library's ``html.parser`` takes quadratic time over unclosed tags (20,000 times ``<a b='``
take 20 seconds) and raises on ``<![``, so tags are found by plain searching here.
"""

from __future__ import annotations

import html
import re

_TAG = re.compile(r"(/?)([a-zA-Z][a-zA-Z0-9]{0,15})")
_ATTRIBUTE = re.compile(
    r"""\b(href|alt)\s{0,5}=\s{0,5}(?:"([^"]*)"?|'([^']*)'?|([^\s"'>]+))""", re.IGNORECASE
)
_HUGE_NUMBER = re.compile(r"&#[xX]?[0-9a-fA-F]{8,};?")
_META = re.compile(rb"<meta\s[^<>]{0,300}?charset\s{0,9}=\s{0,9}[\"']?([A-Za-z0-9_.:-]{1,40})", re.IGNORECASE)
_SPACES = re.compile(r"[ \t\n\r\f\xa0\u200b\u200c\ufeff]+")
_BLOCKS = {
    "p", "div", "tr", "table", "ul", "ol", "li", "h1", "h2", "h3", "h4", "h5", "h6", "blockquote", "pre",
    "section", "article", "header", "footer", "dl", "dt", "dd", "hr", "center", "form", "fieldset", "body",
}  # fmt: skip
_PARAGRAPHS = {"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "table", "blockquote", "pre"}
# Marks before a quoted line, however deep the quotes stand in each other.
MARKS = 9
_HIDDEN = {"script", "style", "title", "template"}


def charset_within(page: bytes) -> str | None:
    """Return the charset that a page itself declares; what can be read as bytes is not UTF-16."""
    found = _META.search(page[:4096])
    declared = found[1].decode("latin-1") if found else None
    return "utf-8" if declared and declared.lower().startswith("utf-16") else declared


def html_to_text(source: str) -> str:
    """Return what a person would read, one paragraph a block, links as "text <address>"."""
    page = _Page()
    at = 0
    while (start := source.find("<", at)) >= 0:
        page.words(source[at:start])
        at = page.tag(source, start)
    page.words(source[at:])
    return page.text()


class _Page:
    """The lines read so far, the line being read, and the link and the quotes it stands in."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.line: list[str] = []
        self.link: tuple[str, int] | None = None
        self.gap = False
        self.in_pre = 0
        self.depth = 0
        self.unclosed: set[str] = set()

    def words(self, raw: str) -> None:
        if not raw:
            return
        text = html.unescape(_HUGE_NUMBER.sub("\N{REPLACEMENT CHARACTER}", raw))
        if self.in_pre:
            for index, line in enumerate(text.replace("\r\n", "\n").split("\n")):
                if index:
                    self._break(force=True)
                self.line.append(line)
            return
        self.line.append(_SPACES.sub(" ", text))

    def tag(self, source: str, start: int) -> int:
        """Take in what begins with "<" at ``start``; return where to go on."""
        if source.startswith("<!--", start):
            return _after(source, "-->", start + 4)
        if source[start + 1 : start + 2] in ("!", "?"):
            return _after(source, ">", start + 2)
        found = _TAG.match(source, start + 1)
        if found is None:
            self.words("<")
            return start + 1
        end = _tag_end(source, found.end())
        name, is_closing = found[2].lower(), bool(found[1])
        if name in _HIDDEN and not is_closing:
            return self._skip(source, name, end)
        self._structure(name, is_closing, source[found.end() : min(end, found.end() + 4000)])
        return end

    def _skip(self, source: str, name: str, at: int) -> int:
        """Pass over what is never read; what does not close is read after all."""
        # A search that failed once fails from everywhere further on, and is not made again.
        if name not in self.unclosed:
            closing = re.compile(rf"</{name}\b[^<>]*>?", re.IGNORECASE).search(source, at)
            if closing:
                return closing.end()
            self.unclosed.add(name)
        return at

    def _structure(self, name: str, is_closing: bool, attributes: str) -> None:
        if name == "a":
            self._close_link()
            if not is_closing and (href := _attribute(attributes, "href")):
                self.link = (href, len(self.line))
        elif name == "br":
            self._break(force=True)
        elif name == "img":
            self.words(_attribute(attributes, "alt"))
        elif name in ("td", "th"):
            self.line.append("  ")
        elif name in _BLOCKS:
            self._break()
            if name == "blockquote":
                self.depth = max(0, self.depth + (-1 if is_closing else 1))
            self.gap = self.gap or name in _PARAGRAPHS
            if name == "li" and not is_closing:
                self.line.append("- ")
            if name == "pre":
                self.in_pre = max(0, self.in_pre + (-1 if is_closing else 1))

    def _close_link(self) -> None:
        if self.link is None:
            return
        href, position = self.link
        self.link = None
        words = "".join(self.line[position:]).strip()
        if href.startswith("#") or href.removeprefix("mailto:") == words or href.rstrip("/") == words:
            return
        self.line.append(f" <{href}>" if words else f"<{href}>")

    def _break(self, force: bool = False) -> None:
        if self.link and "".join(self.line[self.link[1] :]).strip():
            self._close_link()
        elif self.link:
            # A block inside a link: the words are still to come.
            self.link = (self.link[0], 0)
        text = "".join(self.line).rstrip() if self.in_pre else _SPACES.sub(" ", "".join(self.line)).strip()
        if not text and not force:
            self.line = []
            return
        if self.gap and self.lines and self.lines[-1]:
            self.lines.append("")
        self.gap = False
        # What is quoted bears the marks that it has in a plain text.
        mark = ">" * min(self.depth, MARKS)
        self.lines.append(f"{mark} {text}" if mark else text)
        self.line = []

    def text(self) -> str:
        self._close_link()
        self._break()
        return re.sub(r"\n{3,}", "\n\n", "\n".join(self.lines)).strip("\n")


def _after(source: str, mark: str, at: int) -> int:
    found = source.find(mark, at)
    return len(source) if found < 0 else found + len(mark)


def _tag_end(source: str, at: int) -> int:
    """Return where a tag ends: after ">", before the next "<", or at the end of everything."""
    limit = min(len(source), at + 20000)
    opening = source.find("<", at, limit)
    limit = opening if opening >= 0 else limit
    close = source.find(">", at, limit)
    return close + 1 if close >= 0 else limit


def _attribute(attributes: str, wanted: str) -> str:
    for found in _ATTRIBUTE.finditer(attributes):
        if found[1].lower() == wanted:
            return html.unescape(_HUGE_NUMBER.sub("", found[2] or found[3] or found[4] or "")).strip()[:2000]
    return ""
