"""``pytest --wangge-plugin NAME``: one test for each promise of a plugin, beside the plugin's own tests."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    """Called by pytest."""
    group = parser.getgroup("wangge")
    group.addoption("--wangge-plugin", action="append", default=[], metavar="NAME", help="Try this plugin's promises.")
    group.addoption("--wangge-city", default="yunhe", metavar="CITY", help="The city it is tried in.")


class Promises(pytest.Collector):
    """The promises of one plugin."""

    def __init__(self, *, plugin: str, **rest: Any) -> None:
        super().__init__(**rest)
        self.plugin = plugin

    def collect(self) -> Iterator[Promise]:
        """One item a promise."""
        from engine.contract.promises import PROMISES

        for title in PROMISES:
            yield Promise.from_parent(self, name=title, plugin=self.plugin)


class Promise(pytest.Item):
    """One promise of one plugin."""

    def __init__(self, *, plugin: str, **rest: Any) -> None:
        super().__init__(**rest)
        self.plugin = plugin

    def runtest(self) -> None:
        """Called by pytest."""
        from engine.contract.promises import try_plugin

        broken = try_plugin(self.plugin, self.config.getoption("--wangge-city"), only=self.name)
        if broken:
            raise PromiseBroken("\n".join(each.fault for each in broken))

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """What is wrong, without a traceback that is nobody's fault."""
        if isinstance(excinfo.value, PromiseBroken):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Any, int | None, str]:
        """Called by pytest."""
        return self.path, None, f"plugin {self.plugin}: {self.name}"


class PromiseBroken(Exception):
    """What is wrong, a line each."""


def pytest_collection_modifyitems(session: pytest.Session, config: pytest.Config, items: list[pytest.Item]) -> None:
    """Add the promises of the plugins named on the command line."""
    for name in config.getoption("--wangge-plugin"):
        collector = Promises.from_parent(session, name=f"wangge-plugin-{name}", plugin=name)
        items.extend(collector.collect())
