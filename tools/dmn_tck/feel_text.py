"""The characters of a FEEL text: blanks and comments, signs, words, and literals written in our language."""

from __future__ import annotations

import re

from tools.dmn_tck.feel_names import Names, NotOurs

NUMBER = re.compile(r"(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
TEXT = re.compile(r'"(?:[^"\\]|\\.)*"', re.DOTALL)
UNREAD = "other syntax: unary tests as values, calls of values, items of literals"
_SPACE = re.compile(r"(?:\s+|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{6})|(.))", re.DOTALL)
_PLAIN_ESCAPES = {"n": "\n", "t": "\t", "r": "\r", '"': '"', "'": "'", "\\": "\\"}


class Scanner:
    """Walks through one text, blank by blank and sign by sign."""

    def __init__(self, text: str, names: Names) -> None:
        self.text, self.names, self.at = text, names, 0
        self.skip()

    def skip(self) -> None:
        match = _SPACE.match(self.text, self.at)
        assert match
        self.at = match.end()

    def at_end(self) -> bool:
        self.skip()
        return self.at == len(self.text)

    def finish(self) -> None:
        if not self.at_end():
            raise NotOurs(UNREAD)

    def looking_at(self, sign: str) -> bool:
        self.skip()
        return self.text.startswith(sign, self.at)

    def take(self, sign: str) -> bool:
        if not self.looking_at(sign):
            return False
        self.at += len(sign)
        self.skip()
        return True

    def need(self, sign: str) -> None:
        if not self.take(sign):
            raise NotOurs(UNREAD)

    def word(self) -> str:
        """The keyword or name that comes next, empty when none does."""
        self.skip()
        found = self.names.match(self.text, self.at)
        return found[0] if found else ""

    def take_word(self, word: str) -> bool:
        if self.word() != word or word in self.names.known:
            return False
        self.at += len(word)
        self.skip()
        return True

    def ahead_is_range(self) -> bool:
        """Whether the bracket that comes next opens a range such as ``[1..5]``."""
        depth = 0
        bare = TEXT.sub(lambda match: '"' * len(match.group()), self.text)
        for at in range(self.at, len(bare)):
            if bare[at] in "([{":
                depth += 1
            elif bare[at] in ")]}":
                depth -= 1
                if depth == 0:
                    return False
            elif bare.startswith("..", at) and depth == 1:
                return True
        return False


def write_number(text: str) -> str:
    """FEEL allows ``.5`` and many digits."""
    return "0" + text if text.startswith(".") else text


def write_text(inner: str) -> str:
    """Write a FEEL text's content as a text of ours."""

    def decode(match: re.Match[str]) -> str:
        if match[3]:
            return _PLAIN_ESCAPES.get(match[3], match[0])
        return chr(int(match[1] or match[2], 16))

    plain = _ESCAPE.sub(decode, inner)
    plain = plain.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if "\r" in plain:
        raise NotOurs("a text with a carriage return")
    escaped = plain.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\t", "\\t")
    return f'"{escaped}"'
