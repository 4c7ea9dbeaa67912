"""Whether two BPMN files say the same, however they are written."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"
BPMN = "{http://www.omg.org/spec/BPMN/20100524/MODEL}"
DEFAULTS = {
    (f"{BPMN}multiInstanceLoopCharacteristics", "isSequential"): "false",
    (f"{BPMN}standardLoopCharacteristics", "testBefore"): "false",
}
"""Attributes of which BPMN's schema says what they are when they are not written."""


def differences(before: bytes, after: bytes) -> list[str]:
    """What the second file says differently, one line each; none when both say the same.

    Everything counts: elements, attributes and texts of every namespace, the picture's coordinates, and the order among
    siblings of one kind (the first flow whose condition holds is taken). These say nothing and do not count: namespace
    prefixes, the order of attributes, white space between elements, the order among siblings of different kinds, which
    the schema gives, the order of shapes in the picture, where nothing lies on top of anything, and attributes that are
    written out although the schema has them as default.
    """
    return list(_compare(etree.fromstring(before), etree.fromstring(after), ""))


def _compare(before: etree._Element, after: etree._Element, path: str) -> Iterator[str]:
    here = f"{path}/{_name(before)}"
    old, new = _attributes(before), _attributes(after)
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key):
            yield f"{here}: {_short(key)} was {old.get(key)!r}, is {new.get(key)!r}"
    if _text(before) != _text(after):
        yield f"{here}: the text was {_text(before)!r}, is {_text(after)!r}"
    for tag in dict.fromkeys(str(child.tag) for child in (*_children(before), *_children(after))):
        yield from _compare_all(
            [child for child in _children(before) if child.tag == tag],
            [child for child in _children(after) if child.tag == tag],
            here,
        )


def _compare_all(before: list[etree._Element], after: list[etree._Element], path: str) -> Iterator[str]:
    """Siblings of one kind, by their names where they have one, else by their places."""
    old, new = [_name(each) for each in before], [_name(each) for each in after]
    for name in old:
        if old.count(name) > new.count(name):
            yield f"{path}/{name}: lost"
    for name in new:
        if new.count(name) > old.count(name):
            yield f"{path}/{name}: added"
    if path.rpartition("/")[2].startswith("BPMNPlane"):
        before, after = sorted(before, key=_name), sorted(after, key=_name)
    elif sorted(old) == sorted(new) and old != new:
        yield f"{path}: the order was {', '.join(old)}, is {', '.join(new)}"
        return
    if sorted(old) == sorted(new):
        for one, other in zip(before, after, strict=True):
            yield from _compare(one, other, path)


def _children(node: etree._Element) -> list[etree._Element]:
    return [child for child in node if isinstance(child.tag, str)]


def _attributes(node: etree._Element) -> dict[str, str]:
    found = {
        str(key): _qualified(node, str(value)) if key == TYPE else str(value) for key, value in node.attrib.items()
    }
    return {key: value for key, value in found.items() if DEFAULTS.get((str(node.tag), key)) != value}


def _qualified(node: etree._Element, name: str) -> str:
    """A type's name with its namespace instead of a prefix."""
    prefix, _, local = name.rpartition(":")
    return f"{{{node.nsmap.get(prefix or None)}}}{local}"


def _text(node: etree._Element) -> str:
    """The text of an element; between elements there is only white space."""
    text = "".join([node.text or "", *(child.tail or "" for child in node)])
    return text if text.strip() or not len(node) else ""


def _name(node: etree._Element) -> str:
    key = node.get("id") or node.get("name")
    return _short(str(node.tag)) + (f"#{key}" if key else "")


def _short(name: str) -> str:
    return name.rpartition("}")[2]
