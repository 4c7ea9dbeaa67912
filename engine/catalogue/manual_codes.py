"""Codes of subclasses: local extensions numbered down from 98, and those of the 2007 edition (CJ/T 214-2007).

GB/T 30428.2-2013 has most subclasses of the edition before under other codes, and its event classes 04 (街面秩序,
public order) and 05 (突发事件, emergencies) have changed places: 0401 of 2007 is 0505 of 2013, and
0501 is 0401.
"""

from __future__ import annotations

from collections.abc import Iterator

from engine.catalogue.manual import Key, Manual, Row

EXTENSION = "extension"
FIRST_EXTENSION = 98
"""99 is for what fits nowhere else."""
EXCHANGED = {"04": "05", "05": "04"}
"""Event class of 2013 -> the class the same events had in 2007."""


def class_of(row: Row) -> Key:
    """Kind and class of a subclass."""
    return row["kind"], row["class_code"]


def free_extension_codes(manual: Manual) -> dict[Key, str]:
    """The next code of a local extension, by kind and class; a class with no code left is not in the answer."""
    taken: dict[Key, set[str]] = {}
    for row in manual.classes.values():
        taken.setdefault(class_of(row), set()).add(row["full_code"])
    found = {of: next_extension_codes(of[1], codes, 1) for of, codes in taken.items()}
    return {of: codes[0] for of, codes in found.items() if codes}


def _free(class_code: str, taken: set[str]) -> Iterator[str]:
    for number in range(FIRST_EXTENSION, 0, -1):
        if (code := f"{class_code}{number:02}") not in taken:
            yield code


def next_extension_codes(class_code: str, taken: set[str], count: int) -> list[str]:
    """The codes that ``count`` new local extensions of a class must have."""
    codes = _free(class_code, taken)
    return [code for code, _ in zip(codes, range(count), strict=False)]


def of_2007(manual: Manual) -> list[Row]:
    """Subclasses that the 2007 edition had, by kind and its code; one code then may be several now."""
    found = [row for row in manual.classes.values() if row["code_2007"]]
    return sorted(found, key=lambda row: (row["kind"], row["code_2007"], row["full_code"]))


def wrong_2007(row: Row) -> str:
    """The 2007 class an event must come from when the row's code of 2007 forgets the exchange; empty when it holds."""
    before = EXCHANGED.get(row["class_code"], "") if row["kind"] == "event" else ""
    national = row["scope"] in ("national", EXTENSION)
    forgets = national and before and row["code_2007"].startswith(row["class_code"])
    return before if forgets else ""
