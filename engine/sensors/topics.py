"""MQTT topics of kinds: a pattern with ``{device}`` as one of its levels."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

DEVICE = "{device}"
SHARED = "$share/wangge/"


def topic_fault(pattern: str) -> str:
    """What is wrong with a pattern, empty when nothing is."""
    levels = pattern.split("/")
    if levels.count(DEVICE) != 1 or pattern.count("{") != 1:
        return "{device} is not one level of the topic"
    if any("#" in level or "$" in level or ("+" in level and level != "+") for level in levels):
        return "a level has a # or $, or a + that is not alone"
    return "" if all(levels) else "a level is empty"


def filter_of(pattern: str) -> str:
    """The filter a subscriber asks for."""
    return pattern.replace(DEVICE, "+")


@dataclass(frozen=True)
class TopicReader:
    """Reads the device's code from a topic."""

    patterns: tuple[tuple[str, ...], ...]

    @classmethod
    def of(cls, patterns: Iterable[str]) -> TopicReader:
        """A reader of these patterns."""
        return cls(tuple(tuple(pattern.split("/")) for pattern in patterns))

    def device(self, topic: str) -> str:
        """The code, empty when no pattern fits."""
        levels = topic.split("/")
        for pattern in self.patterns:
            if len(pattern) == len(levels) and all(
                want in ("+", DEVICE, level) for want, level in zip(pattern, levels, strict=True)
            ):
                return levels[pattern.index(DEVICE)]
        return ""
