"""Codes of unit grids: 15 digits, or 14 in the edition of 2005, or whatever the city's pattern says.

15 digits: 6 county + 3 subdistrict + 3 community + 3 serial (Beijing's local standard; GB/T 30428.1 from memory).
14 digits: 6 county + 2 subdistrict + 3 community + 3 serial (CJ/T 213-2005, from memory).
"""

from __future__ import annotations

import re

SERIAL = 3
CODE_2005 = re.compile(r"\d{14}")


def code_fault(code: str, community: str, pattern: re.Pattern[str]) -> str:
    """What is wrong with a grid's code, empty when nothing is: the pattern, then the segments that name its community.

    A city whose codes carry no community keeps to its own pattern: segments are compared where both codes are digits
    of the lengths above.
    """
    of_2005 = bool(CODE_2005.fullmatch(code))
    if not pattern.match(code) and not of_2005:
        return f"the code does not match {pattern.pattern} and is no 14-digit code of 2005"
    if not (code.isdigit() and community.isdigit()):
        return ""
    if of_2005 and len(community) == 12:
        expected = [community[:6] + community[7:]] if community[6] == "0" else []
    elif of_2005 or len(code) == len(community) + SERIAL:
        expected = [community]
    else:
        return ""
    if not any(code.startswith(each) for each in expected):
        return f"the code does not begin with that of its community {community}"
    if code.endswith("0" * SERIAL):
        return "the serial in the last three digits is 000"
    return ""
