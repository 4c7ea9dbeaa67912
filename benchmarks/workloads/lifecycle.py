"""The lifecycle: everybody runs the same diagram in the same interleaved rounds; the ratios come from here."""

from __future__ import annotations

import gc
import statistics
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from sqlalchemy import Engine, event, select

from benchmarks.peer import REWORK_EVERY, Contestant, Open, Peer, Round, answer
from benchmarks.peers.driver_floor import DriverFloor
from benchmarks.peers.floor import Floor
from benchmarks.peers.npm_engine import NoNode, NpmEngine
from benchmarks.peers.product import Product
from benchmarks.peers.stock import Baseline, InMemory, Naive
from benchmarks.report import Cell, Section, Verdict, quantile
from benchmarks.setting import Setting
from benchmarks.town import DATABASES
from engine.casefile.writers import QueueWriter, WireWriter
from engine.casefile.writing import ScriptPen, StatementPen
from engine.models import Instance
from engine.testing.scratch import NoServer

MEMORY = "memory only"
PROMISES = ("server_version", "fsync", "synchronous_commit")


@dataclass
class Entry:
    """A contestant with what it has shown so far."""

    contestant: Contestant
    database: str
    engine: Engine | None
    cases: int
    rounds: list[Round] = field(default_factory=list)
    statements: float | None = None
    commits: float | None = None
    state_bytes: float | None = None

    @property
    def name(self) -> str:
        """The contestant's name."""
        return self.contestant.name

    @property
    def completions(self) -> list[float]:
        """All completions of all rounds, in seconds."""
        return [spent for played in self.rounds for spent in played.completions]

    def rate(self, played: Round) -> float:
        """Lifecycles a second of a round."""
        return played.cases / played.seconds

    def row(self) -> dict[str, Cell]:
        """A line of the table: medians over the rounds, best and p99 over all completions."""
        spent = self.completions
        return {
            "configuration": self.name,
            "kept on": DATABASES.get(self.database, self.database),
            "lifecycles/s": statistics.median(self.rate(played) for played in self.rounds),
            "tasks/s": statistics.median(len(r.completions) / sum(r.completions) for r in self.rounds),
            "median ms": statistics.median(spent) * 1000,
            "best ms": min(spent) * 1000,
            "p99 ms": quantile(spent, 0.99) * 1000,
            "processor ms": statistics.median(map(processor, self.rounds)) * 1000,
            "statements": self.statements,
            "commits": self.commits,
            "state bytes": self.state_bytes,
        }


def run(setting: Setting) -> Section:
    """Interleave the rounds of all contestants and compare."""
    notes: list[str] = []
    with ExitStack() as stack:
        entries = list(assemble(setting, stack, notes))
        for entry in entries:
            if not setting.short:
                entry.contestant.play(entry.cases)
            count(entry)
        gc.collect()
        gc.freeze()
        try:
            interleave(entries, setting)
        finally:
            gc.unfreeze()
    ratios, verdicts = judge(entries)
    notes.append(
        f"{setting.rounds} interleaved rounds; statements, commits and bytes are a user task's, BEGIN not counted"
    )
    shares = {database: by_processor(entries, database) for database in setting.databases}
    for database, others in shares.items():
        listed = ", ".join(f"{name} {ratio:.2f}" for name, ratio in others.items())
        notes.append(f"by processor time a task, in Wangge's on {DATABASES[database]}: {listed}")
    rows = [entry.row() for entry in entries]
    return Section(
        "lifecycle", "A lifecycle: 7.75 user tasks", rows, notes, verdicts, {"ratios": ratios, "by processor": shares}
    )


def assemble(setting: Setting, stack: ExitStack, notes: list[str]) -> Iterator[Entry]:
    """Everybody who can run here; who cannot is named with the reason."""
    cases = setting.pick(12, 4)
    yield Entry(InMemory(), MEMORY, None, cases)
    for database in setting.databases:
        try:
            town = stack.enter_context(setting.town(database))
        except NoServer as error:
            notes.append(f"left out: {error}")
            continue
        notes += durability(town.engine)
        yield Entry(Product(town), database, town.engine, cases)
        yield Entry(Floor(town), database, town.engine, cases)
        yield Entry(DriverFloor(town), database, town.engine, cases)
        yield Entry(Baseline(town.engine), database, town.engine, cases)
        yield Entry(Naive(town.engine), database, town.engine, cases)
    if not setting.npm:
        notes.append("left out: bpmn-engine, as asked")
        return
    try:
        for mode in ("live", "recover"):
            contestant = NpmEngine(mode)
            stack.callback(contestant.close)
            yield Entry(contestant, MEMORY, None, REWORK_EVERY)
    except NoNode as error:
        notes.append(f"left out: bpmn-engine: {error}")


def durability(engine: Engine) -> list[str]:
    """Which promises a PostgreSQL server keeps at a commit; SQLite's are in its name."""
    if engine.dialect.name != "postgresql":
        return []
    with engine.connect() as connection:
        found = [connection.exec_driver_sql(f"SHOW {name}").scalar_one() for name in PROMISES]
    return ["PostgreSQL: " + ", ".join(f"{name} {value}" for name, value in zip(PROMISES, found, strict=True))]


def interleave(entries: Sequence[Entry], setting: Setting) -> None:
    """Rounds in turn; each begins one contestant later, so that no one always follows the same neighbour."""
    for number in range(setting.rounds):
        for at in range(len(entries)):
            entry = entries[(at + number) % len(entries)]
            entry.rounds.append(entry.contestant.play(entry.cases))
        setting.say(f"  round {number + 1} of {setting.rounds}")


def count(entry: Entry) -> None:
    """Statements and commits a user task, counted over four lifecycles whose starts are not counted; bytes of state."""
    contestant = entry.contestant
    if entry.engine is None or not isinstance(contestant, Peer):
        contestant.play(REWORK_EVERY)
        sizes = getattr(contestant, "state_sizes", None)
        entry.state_bytes = statistics.mean(sizes) if sizes else None
        return
    open_tasks = [contestant.start() for _ in range(REWORK_EVERY)]
    tasks = 0
    with counting(entry.engine) as tally:
        for number, task in enumerate(open_tasks):
            following: Open | None = task
            rework = number == REWORK_EVERY - 1
            while following is not None:
                answers = answer(following.element, rework=rework)
                rework = rework and following.element != "check"
                following = contestant.complete(following, answers)
                tasks += 1
    if tally.statements:
        entry.statements, entry.commits = tally.statements / tasks, tally.commits / tasks
    sizes = getattr(contestant, "state_sizes", [])
    if isinstance(contestant, Product | Floor):
        sizes = state_sizes(contestant)
    entry.state_bytes = statistics.mean(sizes) if sizes else None


def state_sizes(contestant: Product | Floor) -> list[int]:
    """Bytes of state after each step of one lifecycle."""
    if isinstance(contestant, Floor):
        return [len(scene.state) for scene in contestant.scenes.values()]
    sizes = []
    task: Open | None = contestant.start()
    with contestant.town.sessions() as session:
        instance_id = session.execute(select(Instance.id).order_by(Instance.id.desc()).limit(1)).scalar_one()
    while task is not None:
        task = contestant.complete(task, answer(task.element, rework=False))
        with contestant.town.sessions() as session:
            sizes.append(len(session.execute(select(Instance.state).where(Instance.id == instance_id)).scalar_one()))
    return sizes


@dataclass
class Tally:
    """What went over the wire."""

    statements: int = 0
    commits: int = 0


PAST_SQLALCHEMY = (
    (StatementPen, "run", "statements"),
    (StatementPen, "insert", "statements"),
    (ScriptPen, "finish", "statements"),
    (QueueWriter, "write", "commits"),
    (WireWriter, "write", "commits"),
)


@contextmanager
def counting(engine: Engine) -> Iterator[Tally]:
    """Count statements (BEGIN left out; a batch is one) and commits on an engine."""
    tally = Tally()

    def statement(connection: Any, cursor: Any, text: str, *rest: Any) -> None:
        tally.statements += not text.startswith("BEGIN")

    def commit(connection: Any) -> None:
        tally.commits += 1

    def counted(method: Any, what: str) -> Any:
        def run(*arguments: Any) -> Any:
            setattr(tally, what, getattr(tally, what) + (arguments[-1] != []))  # nothing to insert is no statement
            return method(*arguments)

        return run

    event.listen(engine, "before_cursor_execute", statement)
    event.listen(engine, "commit", commit)
    try:
        with ExitStack() as stack:  # what the product runs past SQLAlchemy
            for owner, name, what in PAST_SQLALCHEMY:
                stack.enter_context(patch.object(owner, name, counted(getattr(owner, name), what)))
            yield tally
    finally:
        event.remove(engine, "before_cursor_execute", statement)
        event.remove(engine, "commit", commit)


def judge(entries: Sequence[Entry]) -> tuple[dict[str, float], list[Verdict]]:
    """The ratios issue by issue: medians of the rounds' own ratios, so that a slow minute hits both sides."""
    by_key = {(entry.name, entry.database): entry for entry in entries}
    verdicts: list[Verdict] = []

    def find(name: str, database: str) -> Entry | None:
        return by_key.get((name, database))

    def compare(claim: str, mine: Entry | None, other: Entry | None, bound: float, aim: float) -> None:
        if mine is not None and other is not None:
            pairs = zip(mine.rounds, other.rounds, strict=True)
            value = statistics.median(mine.rate(left) / other.rate(right) for left, right in pairs)
            verdicts.append(Verdict(claim, value, bound, aim))

    full, pg = find("Wangge", "sqlite-full"), find("Wangge", "postgresql")
    compare("× naive, SQLite FULL", full, find("naive", "sqlite-full"), 5, 10)
    compare("× naive, PostgreSQL", pg, find("naive", "postgresql"), 3.5, 8)
    compare("× stock in memory, at SQLite FULL", full, find("stock in memory", MEMORY), 0.8, 1.5)
    compare("× bpmn-engine live, at SQLite FULL", full, find("bpmn-engine, live + getState", MEMORY), 9, 20)
    for database, label in DATABASES.items():
        mine, floor = find("Wangge", database), find("floor", database)
        if mine is not None and floor is not None:
            value = statistics.median(
                _per_task(left) / _per_task(right) for left, right in zip(mine.rounds, floor.rounds, strict=True)
            )
            verdicts.append(Verdict(f"the floor's time a task, {label}", value, 3, 2, at_least=False))
    ratios = {verdict.claim: verdict.value for verdict in verdicts}
    for (name, database), entry in by_key.items():
        mine = find("Wangge", database)
        if name == "public-API baseline" and mine is not None:
            pairs = zip(mine.rounds, entry.rounds, strict=True)
            ratios[f"× public-API baseline, {DATABASES[database]}"] = statistics.median(
                mine.rate(left) / entry.rate(right) for left, right in pairs
            )
    return ratios, verdicts


def by_processor(entries: Sequence[Entry], database: str) -> dict[str, float]:
    """How many times our processor time a task the others on this database, or in memory, take."""
    mine = next((entry for entry in entries if entry.name == Product.name and entry.database == database), None)
    if mine is None:
        return {}
    ours = statistics.median(map(processor, mine.rounds))
    return {
        entry.name: statistics.median(map(processor, entry.rounds)) / ours
        for entry in entries
        if entry is not mine and entry.database in (database, MEMORY)
    }


def processor(played: Round) -> float:
    """Processor seconds of this process a task, the case's start included."""
    return played.processor / len(played.completions)


def _per_task(played: Round) -> float:
    return sum(played.completions) / len(played.completions)
