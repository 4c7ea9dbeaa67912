"""Who imports whom: a plugin never imports another, and its domain does not know the host of the web."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from engine.installed_plugins import Package

WEB = ("api", "flask", "flask_smorest", "marshmallow")
MAY_KNOW_THE_WEB = ("plugin", "routes", "schemas", "pages")
"""Modules, or folders of modules, that may import the host."""
SCHEDULERS = ("apscheduler",)


def imports_across(package: Package) -> Iterator[str]:
    """Every import of a plugin that crosses a border, with its file and line."""
    own = package.module.rpartition(".")[0]
    for file in sorted(package.root.rglob("*.py")):
        inside = file.relative_to(package.root)
        if inside.parts[0] in ("tests", "migrations"):
            continue
        for line, module in imported(file):
            first = module.split(".")[0]
            if module.startswith("plugins.") and not f"{module}.".startswith(f"{own}."):
                yield f"{inside}, line {line}: imports {module}; require the plugin and call its diagrams instead"
            elif first in SCHEDULERS:
                yield f"{inside}, line {line}: imports {module}; declare a job in the hook jobs instead"
            elif first == "SpiffWorkflow":
                yield f"{inside}, line {line}: imports {module}; an operator is given a Step, which has what it needs"
            elif first in WEB and Path(inside.parts[0]).stem not in MAY_KNOW_THE_WEB:
                yield f"{inside}, line {line}: imports {module}; only {', '.join(MAY_KNOW_THE_WEB)} may"


def imported(file: Path) -> Iterator[tuple[int, str]]:
    """(line, module) of every absolute import in a file, wherever it stands."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"), str(file))):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.lineno, node.module
            for alias in node.names:
                if node.module == "plugins":
                    yield node.lineno, f"plugins.{alias.name}"
