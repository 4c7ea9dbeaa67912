"""Wait for what a page's script does. Asking again from here, since the pages' own policy forbids evaluating texts."""

from __future__ import annotations

import time

from playwright.sync_api import Page

WAIT_S = 20.0


def until(page: Page, expression: str, *, wait_s: float = WAIT_S) -> None:
    """Return when a JavaScript expression holds on the page; AssertionError when it does not in time."""
    end = time.monotonic() + wait_s
    while not page.evaluate(expression):
        assert time.monotonic() < end, f"never came true: {expression}"
        page.wait_for_timeout(50)
