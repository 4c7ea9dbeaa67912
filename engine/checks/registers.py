"""Registers: every declaration whole, every permission somebody's, every service task names one that exists."""

from __future__ import annotations

from collections.abc import Iterator

from engine.checks.finding import Finding, Source, suggest
from engine.checks.material import Material
from engine.registers.declaring import FOLDER, SUFFIX, DeclarationBroken, Register, read_register, unknown_register


def check_registers(material: Material) -> Iterator[Finding]:
    """Faults of ``registers/*.toml`` and of the service tasks that use them."""
    known: dict[str, Register] = {}
    names: set[str] = set()
    held = {permission for role in material.roles.values() for permission in role.permissions}
    for found in material.city.layers.listing(FOLDER, SUFFIX):
        source = Source.of(found)
        names.add(found.path.stem)
        try:
            known[found.path.stem] = read_register(found)
        except DeclarationBroken as error:
            for fault in error.faults:
                yield source.error(fault.element, fault.message, fault.remedy)
        owner = found.layer.name.removeprefix("plugin ")
        if found.layer.name.startswith("plugin ") and not found.path.stem.startswith(owner):
            message = f"a register of the plugin {owner} does not bear its name"
            yield source.error("file", message, f"call it {owner}_{found.path.stem}{SUFFIX}")
    for name, register in known.items():
        source = Source(f"{FOLDER}/{name}{SUFFIX}", register.layer)
        for permission in dict.fromkeys((register.read, register.write)):
            if permission not in held:
                message = f"no role has the permission {permission}, so nobody can use the register"
                yield source.error(permission, message, "give it to a role in roles.csv")
        for column in register.columns.values():
            if column.type == "entry" and column.register not in names:
                fault = unknown_register(column, known)
                yield source.error(fault.element, fault.message, fault.remedy)
    yield from _check_tasks(material, names)


def _check_tasks(material: Material, names: set[str]) -> Iterator[Finding]:
    for diagram in material.diagrams.values():
        for element in diagram.elements.values():
            named = element.inputs.get("register", "") if (element.topic or "").startswith("register/") else ""
            if isinstance(named, str) and named and not named.startswith("${") and named not in names:
                remedy = suggest(named, names, "add its file to registers/")
                yield material.source(diagram).error(element.id, f"there is no register {named!r}", remedy)
