"""Layers: only a city overrides, and what it overrides exists. A slip in a file name would change nothing, silently."""

from __future__ import annotations

from collections.abc import Iterator
from difflib import get_close_matches

from engine.checks.finding import Finding, Source
from engine.checks.material import Material
from engine.checks.matters import matters_of, procedures_of
from engine.layers import Found, Layer
from engine.loading.rivals import find_rivals

FOLDERS = {"processes": ".bpmn", "decisions": ".dmn", "forms": ".json"}


def check_overrides(material: Material) -> Iterator[Finding]:
    """Files of plugins that replace others, new files of the city that no diagram names, files nobody reads."""
    used = used_files(material)
    city = material.city.layers.layers[-1]
    for folder, suffix in FOLDERS.items():
        for found in material.city.layers.listing(folder, suffix):
            if found.layer == city and not found.beaten and not _is_used(material, found, used):
                yield _doubt(material, found, folder, suffix)
        yield from _find_unread(city, folder, suffix)
    for rival in find_rivals(material.city.layers):
        element = rival.key or rival.logical
        yield Source(rival.logical, rival.layer.name).error(element, rival.message, rival.remedy)


def used_files(material: Material) -> set[str]:
    """Logical paths the diagrams, matters, procedures and city.toml name; a decision counts by its own id."""
    used = {f"processes/{material.city.process}.bpmn"}
    used |= {f"processes/{row.process}.bpmn" for row in procedures_of(material).values()}
    for matter in matters_of(material).values():
        used |= {f"processes/{matter.process}.bpmn", f"forms/{matter.form}.json"}
    for diagram in material.diagrams.values():
        for element in diagram.elements.values():
            if element.called:
                used.add(f"processes/{element.called}.bpmn")
            if element.topic == "case/open_linked":
                used.add(f"processes/{element.inputs.get('process', '')}.bpmn")
            if element.form:
                used.add(f"forms/{element.form}.json")
            decision = material.decisions.get(element.decision or "")
            if decision is not None:
                used.add(decision.source)
    return used


def _is_used(material: Material, found: Found, used: set[str]) -> bool:
    return found.logical in used or found.logical in material.broken


def _doubt(material: Material, found: Found, folder: str, suffix: str) -> Finding:
    others = [each.logical for each in material.city.layers.listing(folder, suffix) if each.layer != found.layer]
    close = get_close_matches(found.logical, others, 1)
    remedy = "name it in a diagram, or delete it"
    if close:
        remedy = f"did you mean {close[0]}? Otherwise {remedy}"
    return Source.of(found).warning(found.path.stem, "the file replaces nothing and no diagram names it", remedy)


def _find_unread(city: Layer, folder: str, suffix: str) -> Iterator[Finding]:
    home = city.root / folder
    for path in sorted(home.iterdir()) if home.is_dir() else ():
        if path.is_file() and path.suffix != suffix and path.suffix not in (".md", ".py", ".csv"):
            source = Source(f"{folder}/{path.name}", city.name)
            yield source.warning(path.stem, "nobody reads the file", f"end its name with {suffix} or delete it")
