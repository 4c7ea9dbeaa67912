"""500,000 addresses: loading, search as people type it, and what is at a point; beside SQL LIKE in the same run."""

from __future__ import annotations

import csv
import resource
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from benchmarks.report import Cell, Section, Verdict, quantile, times
from benchmarks.setting import Setting
from benchmarks.town import DATABASES
from engine.ground.address_near import describe_point
from engine.ground.address_search import find_addresses
from engine.ground.address_words import initials, split_number, syllables
from engine.loading.address_rows import ADDRESS, load_addresses
from engine.models import Address
from engine.testing.scratch import NoServer

LETTERS = (
    "安宝北滨昌长朝成春翠大德东丰福富高光广桂国海和恒红虹湖华怀环惠吉佳嘉建江金锦景静九凯康科乐丽利莲良林临龙明南宁"
    "平桥青清庆泉仁荣瑞三山上尚胜石世水顺松泰天通万文五西溪祥新信星兴秀学雅阳永玉园源云泽振正政中忠舟珠竹紫"
)
DISTRICTS = ("云中区", "望江区", "锦湖区", "北浦区", "永安区", "天宁区", "白石区", "南津区")
ROADS = ("路", "街", "大道", "巷")
HOMES = ("小区", "花园", "新村", "家园", "公馆")
SHOPS = ("超市", "书店", "宾馆", "小学", "幼儿园", "停车场", "大厦", "社区居民委员会", "卫生服务站", "公共厕所")
WEST, SOUTH, WIDTH = 116.3, 28.3, 0.25
LIMIT_MS = 20.0


def run(setting: Setting) -> Section:
    """A city's worth of doors, homes, shops and crossings; queries drawn from it, each asked once."""
    count, asked = setting.pick(500_000, 4_000), setting.pick(200, 8)
    path = setting.folder / "addresses.csv"
    names = write_addresses(path, count)
    rows: list[dict[str, Cell]] = []
    notes, verdicts = [], []
    for database in [name for name in ("sqlite-full", "postgresql") if name in setting.databases]:
        try:
            with setting.town(database) as town, town.sessions() as session:
                label = DATABASES[database]
                before, began = peak_mib(), time.perf_counter()
                rejected = load_addresses(session, path)
                session.commit()
                settle(session)
                took = time.perf_counter() - began
                notes.append(
                    f"{label}: {count - len(rejected):,} addresses loaded and indexed in {took:.0f} s, {len(rejected)}"
                    f" refused; peak memory of the process {before:.0f} MiB before, {peak_mib():.0f} MiB after"
                )
                for what, questions, ask in contests(names, asked):
                    measure(session, questions[:5], ask)  # the first question reads the tables of pinyin
                    spent, busy, found = measure(session, questions, ask)
                    rows.append(
                        {"kept on": label, "question": what, "found": f"{found:.0%}", **times(spent)}
                        | {"processor ms, p99": quantile(busy, 0.99) * 1000}
                    )
                    if not what.startswith("LIKE"):
                        worst = quantile(spent, 0.99) * 1000
                        verdicts.append(Verdict(f"p99 ms, {what}, {label}", worst, LIMIT_MS, at_least=False))
                        if database.startswith("sqlite"):  # all of its work is this process's
                            own = quantile(busy, 0.99) * 1000
                            verdicts.append(
                                Verdict(f"p99 processor ms, {what}, {label}", own, LIMIT_MS, at_least=False)
                            )
        except NoServer as error:
            notes.append(str(error))
    notes.append(
        "found: the address the question was made of is among the ten answers (at a point: the answer has words)"
    )
    return Section("addresses", f"{count:,} addresses", rows, notes, verdicts)


def settle(session: Session) -> None:
    """Do what a PostgreSQL server does by itself within a minute of a large change, and SQLite's ANALYZE."""
    engine = session.get_bind().engine
    statement = "ANALYZE" if engine.dialect.name == "sqlite" else "VACUUM ANALYZE"
    with engine.execution_options(isolation_level="AUTOCOMMIT").connect() as connection:
        connection.exec_driver_sql(statement)


Ask = Callable[[Session, Any], bool]


def contests(names: Sequence[str], asked: int) -> Iterator[tuple[str, list[Any], Ask]]:
    """What is asked, of whom, and how."""
    chance = Random(7)
    picked = [chance.choice(names) for _ in range(asked)]
    yield "whole text", [(name, name) for name in picked], search
    yield "part of the text", [(part_of(name), name) for name in picked], search_stem
    yield "two characters", [(chance.choice(LETTERS) + chance.choice(LETTERS), "") for _ in picked], search_any
    yield "pinyin", [("".join(syllables(stem_of(name))) + number_of(name), name) for name in picked], search
    yield "initials", [(initials(syllables(stem_of(name))) + number_of(name), name) for name in picked], search
    yield "one wrong character", [(spoiled(chance, name), name) for name in picked], search
    yield "one wrong letter of pinyin", [(misspelt(chance, name), name) for name in picked], search
    points = [(WEST + chance.random() * WIDTH, SOUTH + chance.random() * WIDTH) for _ in picked]
    yield "what is at a point", points, at_point
    yield "LIKE, whole text", [(name, name) for name in picked], like
    yield "LIKE, part of the text", [(part_of(name), name) for name in picked], like_stem


def measure(session: Session, questions: Sequence[Any], ask: Ask) -> tuple[list[float], list[float], float]:
    """Seconds a question, this process's own of them, and the share that found what it was made of."""
    spent, busy, found = [], [], 0
    for question in questions:
        began, at_work = time.perf_counter(), time.process_time()
        found += ask(session, question)
        spent.append(time.perf_counter() - began)
        busy.append(time.process_time() - at_work)
        session.rollback()
    return spent, busy, found / len(questions)


def search(session: Session, question: tuple[str, str]) -> bool:
    """Our search: the very address."""
    return question[1] in [each.address.name for each in find_addresses(session, question[0])]


def search_stem(session: Session, question: tuple[str, str]) -> bool:
    """Our search: an address that holds the text."""
    return any(question[0] in each.address.name for each in find_addresses(session, question[0]))


def search_any(session: Session, question: tuple[str, str]) -> bool:
    """Our search: anything with these letters; there may be none."""
    return bool(find_addresses(session, question[0]))


def at_point(session: Session, point: tuple[float, float]) -> bool:
    """What is at a point, in words."""
    return bool(describe_point(session, *point).text)


def like(session: Session, question: tuple[str, str]) -> bool:
    """The naive way: LIKE over the names."""
    rows = session.scalars(select(Address).where(Address.name.contains(question[0], autoescape=True)).limit(10))
    return question[1] in [row.name for row in rows]


def like_stem(session: Session, question: tuple[str, str]) -> bool:
    """The naive way, for a part."""
    rows = session.scalars(select(Address).where(Address.name.contains(question[0], autoescape=True)).limit(10))
    return any(question[0] in row.name for row in rows)


# What is generated ------------------------------------------------------------------------------------------


def write_addresses(path: Path, count: int) -> list[str]:
    """Doors 80 %, shops 14 %, homes 4 %, crossings 2 %, the same ones every time; their names."""
    chance, names = Random(20260302), []
    roads = sorted({word(chance, 2) + chance.choice(ROADS) for _ in range(max(count // 200, 20))})
    places = [(road, chance.choice(DISTRICTS), point(chance)) for road in roads for _ in range(2)]
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(ADDRESS)
        for number in range(count):
            share = number % 50
            lon, lat = point(chance)
            if share < 40:
                road, district, (lon, lat) = chance.choice(places)
                house = chance.randrange(1, 400)
                name, kind = f"{district}{road}{house}号", "door"
                lon, lat = round(lon + house * 1e-5, 6), round(lat + chance.random() * 1e-4, 6)
            elif share < 47:
                name, kind = word(chance, chance.choice((2, 3, 4))) + chance.choice(SHOPS), "poi"
            elif share < 49:
                name, kind = word(chance, 2) + chance.choice(HOMES), "place"
            else:
                name, kind = f"{chance.choice(roads)}与{chance.choice(roads)}交叉口", "place"
            names.append(name)
            writer.writerow((f"99{number:010}", name, kind, lon, lat, ""))
    return names


def word(chance: Random, length: int) -> str:
    """A name of some letters."""
    return "".join(chance.choice(LETTERS) for _ in range(length))


def point(chance: Random) -> tuple[float, float]:
    """Somewhere in the city."""
    return round(WEST + chance.random() * WIDTH, 6), round(SOUTH + chance.random() * WIDTH, 6)


def stem_of(name: str) -> str:
    """The name without its number."""
    return split_number(name)[0]


def number_of(name: str) -> str:
    """The number as somebody types it after the pinyin."""
    house = split_number(name)[1]
    return str(house) if house else ""


def part_of(name: str) -> str:
    """The name as people say it: no district, no number."""
    stem = stem_of(name)
    return stem[3:] if stem[2] == "区" else stem[: max(2, len(stem) - 1)]


def spoiled(chance: Random, name: str) -> str:
    """One letter of the stem is another one."""
    at = chance.randrange(len(stem_of(name)))
    return name[:at] + "错" + name[at + 1 :]


def misspelt(chance: Random, name: str) -> str:
    """One letter of the pinyin is missing."""
    letters = "".join(syllables(stem_of(name)))
    at = chance.randrange(1, len(letters))
    return letters[:at] + letters[at + 1 :] + number_of(name)


def peak_mib() -> float:
    """The most memory this process has had, MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
