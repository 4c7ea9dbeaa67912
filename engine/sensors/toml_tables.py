"""Read the tables of a declaration file key by key; what is wrong is gathered, each fault with its key and remedy."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any, TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Fault:
    """A fault in a declaration file: where, what, what to do; ``excerpt`` points into an expression."""

    file: str
    layer: str
    element: str
    message: str
    remedy: str
    excerpt: str = ""
    doubt: bool = False

    def __str__(self) -> str:
        return f"{self.file}: {self.element}: {self.message}; {self.remedy}"


@dataclass
class Table:
    """One table of a file. Every ``get`` marks its key as known; ``end`` tells of the others."""

    values: Mapping[str, Any]
    element: str
    file: str
    layer: str
    faults: list[Fault]
    known: set[str] = field(default_factory=set)

    def fault(self, key: str, message: str, remedy: str, excerpt: str = "") -> None:
        """Note what is wrong with a key."""
        element = f"{self.element}.{key}" if key else self.element
        self.faults.append(Fault(self.file, self.layer, element, message, remedy, excerpt))

    def text(self, key: str, default: str | None = "", *, among: Iterable[str] | None = None) -> str:
        """A text; it must be there when there is no default."""
        value = self._value(key, default, (str,), "a text in quotes")
        if value is None:
            return default or ""
        if among is not None and value not in (known := tuple(among)):
            close = get_close_matches(value, known, 1)
            hint = f"did you mean {close[0]}? Otherwise use" if close else "use"
            self.fault(key, f"{value!r} is unknown", f"{hint} one of {', '.join(known) or 'none'}")
            return default or (known[0] if known else "")
        return str(value)

    def number(self, key: str, default: float | None, *, least: float, most: float) -> float:
        """A number within bounds."""
        value = self._value(key, default, (int, float), "a number")
        if value is None:
            return default if default is not None else least
        if not least <= value <= most:
            self.fault(key, f"{value:g} is outside {least:g}…{most:g}", "correct it")
            return least
        return float(value)

    def real(self, key: str) -> float | None:
        """A number, none when absent."""
        value = self._value(key, 0.0, (int, float), "a number")
        return float(value) if value is not None and key in self.values else None

    def truth(self, key: str, default: bool = False) -> bool:
        """Yes or no."""
        value = self._value(key, default, (bool,), "true or false")
        return default if value is None else bool(value)

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts."""
        value = self._value(key, [], (list,), "a list in […]") or []
        if not all(isinstance(each, str) for each in value):
            self.fault(key, "not every member is a text", 'write it as in ["a", "b"]')
            return ()
        return tuple(value)

    def table(self, key: str) -> Table | None:
        """A table within, none when absent."""
        value = self._value(key, {}, (dict,), "a table")
        if not value:
            return None
        return Table(value, f"{self.element}.{key}", self.file, self.layer, self.faults)

    def read(self, key: str, reader: Callable[[str], T], *, needed: bool = False) -> T | None:
        """A text read by a function that raises ValueError with the remedy; none when absent."""
        text = self.text(key, None if needed else "")
        if not text:
            return None
        try:
            return reader(text)
        except ValueError as error:
            message, _, remedy = str(error).rpartition("; ")
            self.fault(key, message or str(error), remedy or "correct it")
            return None

    def end(self) -> None:
        """Tell of keys nobody asked for."""
        for key in self.values:
            if key not in self.known:
                close = get_close_matches(key, self.known, 1)
                hint = f"did you mean {close[0]}?" if close else f"it has {', '.join(sorted(self.known))}"
                self.fault(str(key), "there is no such key", hint)

    def _value(self, key: str, default: Any, types: tuple[type, ...], words: str) -> Any:
        self.known.add(key)
        if key not in self.values:
            if default is None:
                self.fault(key, "it is missing", f"add it: {words}")
            return None if default is None else default
        value = self.values[key]
        if not isinstance(value, types) or (isinstance(value, bool) and bool not in types):
            self.fault(key, f"{value!r} is not {words}", f"write {words}")
            return None
        return value
