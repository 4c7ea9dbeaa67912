"""Texts in CSV files that a spreadsheet would take for formulas: marked on the way out, restored on the way in.

A text that begins with ``=``, ``+``, ``-``, ``@``, their full-width forms, a tab or a carriage return gets an
apostrophe before it, as do such texts that begin with apostrophes already; reading takes exactly one away. Whatever was
written is read again as it was.
"""

from __future__ import annotations

import re

FORMULA = re.compile(r"'*[=+\-@＝＋－＠\t\r]")
MARKED = re.compile(r"'+[=+\-@＝＋－＠\t\r]")


def mark(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if FORMULA.match(text) else text


def unmark(text: str) -> str:
    """The text that was marked; others as they are."""
    return text[1:] if MARKED.match(text) else text
