"""Ids of tasks: random UUIDs, drawn from the system's randomness some hundred at a time.

``uuid4`` asks the system for every one; a completed task makes four. A forked process draws its own.
"""

from __future__ import annotations

import os
from uuid import UUID

AT_ONCE = 256

_drawn: list[bytes] = []


def new_id() -> UUID:
    """A random UUID (version 4). Safe with many threads."""
    try:
        return UUID(bytes=_drawn.pop(), version=4)
    except IndexError:
        block = os.urandom(16 * AT_ONCE)
        _drawn.extend(block[at : at + 16] for at in range(16, len(block), 16))
        return UUID(bytes=block[:16], version=4)


os.register_at_fork(after_in_child=_drawn.clear)
