"""Which raw HTML is still open at a point of a comment: what stands inside it is no top-level paragraph.

Markdown lets HTML through as it is, so `<details>` in one block and a paragraph in the next make a folded
command, and an unclosed comment hides the rest. When in doubt this says open: a command that is not run can
be posted again.
"""

from __future__ import annotations

import re

# Possessive quantifiers: each character is looked at once, however the markup is broken.
_MARKUP = re.compile(
    r"""<!--(?!-?>).*?--!?>                   # a comment; parsers disagree about `<!-->`, so it matches nothing
      | <(?!!--)[!?][^>]*+>                   # a declaration or processing instruction
      | <(?P<close>/?)(?P<name>[A-Za-z][^\s/<>]*+)(?:[^<>"'=]|=\s*+(?:"[^"]*+"|'[^']*+')?+)*+>""",
    re.VERBOSE | re.DOTALL,
)
_BEGINS = re.compile(r"<[A-Za-z/!?]")

# Elements whose text is not a paragraph at the top level: folded, quoted, code, struck out, listed, tabled, boxed,
# or not shown. Those whose end tag may be left out are missing here: their parents count.
_ELEMENTS = re.compile(
    """address|article|aside|audio|blockquote|button|canvas|center|code|del|details|dialog|dir|div|dl|fieldset|figure
    |footer|form|h[1-6]|header|iframe|kbd|main|map|math|menu|nav|noembed|noframes|noscript|object|ol|picture|plaintext
    |pre|s|samp|script|search|section|select|strike|style|summary|svg|table|template|textarea|title|tt|ul|var|video
    |xmp""",
    re.VERBOSE,
)


class OpenHtml:
    """Fed the raw HTML of a comment piece by piece; true while something is open."""

    def __init__(self) -> None:
        self._stack: list[str] = []
        self._broken = False

    def __bool__(self) -> bool:
        return self._broken or bool(self._stack)

    def feed(self, raw: str) -> None:
        """Take the next piece. Markup that does not end inside its piece hides everything after it."""
        position = 0
        while not self._broken and (begin := _BEGINS.search(raw, position)):
            markup = _MARKUP.match(raw, begin.start())
            if markup is None:
                self._broken = True
                return
            if markup["name"]:
                self._tag(markup["name"].lower(), closing=bool(markup["close"]))
            position = markup.end()

    def _tag(self, name: str, closing: bool) -> None:
        if not _ELEMENTS.fullmatch(name):
            return
        if not closing:
            self._stack.append(name)
        elif self._stack and self._stack[-1] == name:
            # A closing tag that does not fit is ignored: browsers differ in what it closes.
            self._stack.pop()
