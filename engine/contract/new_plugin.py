"""``wangge plugin new``: a small plugin that keeps every promise, to begin from."""

from __future__ import annotations

from pathlib import Path

from engine.errors import Conflict, Invalid
from engine.installed_plugins import NAME, find_plugins

HOME = Path(__file__).resolve().parent / "scaffold"
PREFIXED = ("processes", "forms", "scenarios", "registers", "matters", "scorecards")
"""Folders whose files bear the plugin's name, so that two plugins never have the same."""


def write_plugin(name: str, folder: Path, *, title: str = "", title_en: str = "") -> list[Path]:
    """Write a distribution with a plugin into ``folder``/wangge-<name>; returns the files.

    :raises Invalid: the name is no word. Conflict: there is such a plugin, or such a folder that is not empty.
    """
    if not NAME.fullmatch(name):
        raise Invalid(f"{name!r} cannot be a plugin's name; use small letters, digits and _", field="name")
    known = find_plugins()
    if name in known:
        raise Conflict(f"there is a plugin {name} already, from {known[name].origin}; choose another name")
    root = folder / f"wangge-{name.replace('_', '-')}"
    if root.exists() and any(root.iterdir()):
        raise Conflict(f"{root} is not empty; name another folder")
    words = {
        "@name-dashed@": name.replace("_", "-"), "@name@": name, "@title@": title or name,
        "@title_en@": title_en or name.replace("_", " ").capitalize(),
    }  # fmt: skip
    written = []
    for source in sorted(HOME.rglob("*.txt")):
        text = source.read_text(encoding="utf-8")
        for mark, word in words.items():
            text = text.replace(mark, word)
        target = root / _place(source.relative_to(HOME), name)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        written.append(target)
    return written


def _place(path: Path, name: str) -> Path:
    parts = [part.replace("@name@", name) for part in path.with_suffix("").parts]
    if parts[0] == "package":
        parts[0] = f"wangge_{name}"
        if parts[1] in PREFIXED:
            parts[2] = f"{name}_{parts[2]}"
    return Path(*parts)
