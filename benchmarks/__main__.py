"""``python -m benchmarks``: run the workloads, print tables and verdicts, write JSON on request."""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import re
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.report import Section
from benchmarks.setting import Setting
from benchmarks.town import DATABASES, write_bench_city
from benchmarks.workloads import (
    addresses,
    components,
    crowd,
    decisions,
    duplicates,
    ground,
    http,
    lifecycle,
    likeness,
    memory,
    positions,
    reworks,
    sensors,
    timers,
    writers,
)

WORKLOADS: dict[str, Callable[[Setting], Section]] = {
    "lifecycle": lifecycle.run,
    "reworks": reworks.run,
    "memory": memory.run,
    "decisions": decisions.run,
    "ground": ground.run,
    "timers": timers.run,
    "writers": writers.run,
    "crowd": crowd.run,
    "http": http.run,
    "addresses": addresses.run,
    "components": components.run,
    "likeness": likeness.run,
    "duplicates": duplicates.run,
    "sensors": sensors.run,
    "positions": positions.run,
}

README = Path(__file__).parent / "README.md"
NUMBERS, LIMITS = "## Numbers\n", "## What limits it\n"
PROOF = ("sqlite-full", "postgresql")
"""What the short form runs on."""


def main(arguments: list[str] | None = None) -> int:
    """Run what was asked for. Always 0: a ratio that is not met is printed, not raised."""
    options = read_options(arguments)
    machine = describe_machine()
    write("Wangge's benchmark: " + ", ".join(f"{key} {value}" for key, value in machine.items()))
    sections: list[Section] = []
    with tempfile.TemporaryDirectory(prefix="wangge-bench-", dir=options.folder) as name:
        folder = Path(name)
        write_bench_city(folder / "city")
        rounds = options.rounds or (1 if options.short else 11)
        databases = tuple(options.database or (PROOF if options.short else DATABASES))
        setting = Setting(folder, options.short, rounds, options.npm, write, databases)
        for workload in options.only or WORKLOADS:
            began = time.perf_counter()
            section = WORKLOADS[workload](setting)
            gc.collect()
            sections.append(section)
            write(section.text())
            write(f"  ({time.perf_counter() - began:.0f} s, load {os.getloadavg()[0]:.1f})")
    verdicts = [verdict for section in sections for verdict in section.verdicts]
    write(f"\n{sum(verdict.met for verdict in verdicts)} of {len(verdicts)} claims met")
    if options.json:
        found = {"machine": machine, "short": options.short, "sections": [section.to_json() for section in sections]}
        options.json.write_text(json.dumps(found, ensure_ascii=False, indent=2) + "\n", encoding="utf-8")
    if options.readme:
        keep(machine, sections)
    return 0


def keep(machine: dict[str, Any], sections: list[Section]) -> None:
    """Put what was found in the place of the README's numbers; workloads that were not run keep theirs."""
    text = README.read_text(encoding="utf-8")
    before, _, rest = text.partition(NUMBERS)
    numbers, _, after = rest.partition(LIMITS)
    about, *old = numbers.split("\n### ")
    kept = {name: block for block in old if (name := _workload_of(block)) is not None}
    day = datetime.now(UTC).date().isoformat()
    where = f"{day}, " + ", ".join(f"{key} {value}" for key, value in machine.items())
    for section in sections:
        kept[section.name] = section.markdown(where).removeprefix("### ")
    ordered = [kept[name].rstrip() + "\n" for name in WORKLOADS if name in kept]
    README.write_text(
        f"{before}{NUMBERS}{about.rstrip()}\n\n### " + "\n### ".join(ordered) + f"\n{LIMITS}{after}", encoding="utf-8"
    )


def _workload_of(block: str) -> str | None:
    """Which workload a section of the README is about."""
    found = re.search(r"--only (\w+)", block)
    return found[1] if found is not None else None


def read_options(arguments: list[str] | None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--short", action="store_true", help="prove that everything runs, in under half a minute")
    parser.add_argument("--only", action="append", choices=WORKLOADS, help="this workload only; may be repeated")
    parser.add_argument("--database", action="append", choices=DATABASES, help="this database only; may be repeated")
    parser.add_argument("--rounds", type=int, help="interleaved rounds of the lifecycle")
    parser.add_argument("--no-npm", dest="npm", action="store_false", help="leave bpmn-engine out, fetch nothing")
    parser.add_argument("--folder", type=Path, help="where databases are written; default: the temporary folder")
    parser.add_argument("--readme", action="store_true", help="put the numbers of this run into benchmarks/README.md")
    parser.add_argument("--json", type=Path, help="write everything that was found to this file as well")
    return parser.parse_args(arguments)


def describe_machine() -> dict[str, Any]:
    """What the figures depend on."""
    return {
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 2),
        "Python": platform.python_version(),
        "SQLite": sqlite3.sqlite_version,
        "SQLAlchemy": version("SQLAlchemy"),
        "SpiffWorkflow": version("SpiffWorkflow"),
    }


def write(text: str) -> None:
    """A line on the terminal, at once."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
