"""The people who hold the posts; invented names, and numbers of a mobile prefix that is meant to be nobody's."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from tools.yunhe.divisions import Ground
from tools.yunhe.names import PeopleNames
from tools.yunhe.organisation import Department, Post

DEMO_UNIT = "municipal"
HEADCOUNT = {
    "mayor": 2,
    "acceptor": 12,
    "callback": 4,
    "shift_leader": 4,
    "analyst": 2,
    "administrator": 2,
    "dispatcher": 8,
    "command_head": 2,
}
UNIT_HEADCOUNT = {"unit_clerk": 1, "unit_handler": 2, "unit_head": 1}
LOGIN_STEMS = {"administrator": "admin", "mayor": "leader"}


@dataclass(frozen=True)
class Person:
    login: str
    name: str
    name_en: str
    phone: str
    post: str
    department: str
    duty_grid: str
    demo: str


class Roll:
    """The list of people as it is written, with the logins and the demo roles already given."""

    def __init__(self) -> None:
        self.people: list[Person] = []
        self._names = PeopleNames()
        self._logins: Counter[str] = Counter()
        self._shown: set[str] = set()

    def add(self, post: Post, stem: str, duty_grid: str = "", may_show: bool = True) -> None:
        """One more holder of a post; the first one of a role is the account shown for it."""
        self._logins[stem] += 1
        serial = self._logins[stem]
        demo = may_show and post.role not in self._shown
        if demo:
            self._shown.add(post.role)
        name, name_en = self._names.next()
        phone = f"154{len(self.people) + 1:08d}"
        login = stem if serial == 1 else f"{stem}{serial}"
        self.people.append(
            Person(login, name, name_en, phone, post.code, post.department, duty_grid, "yes" if demo else "")
        )


def draw_people(ground: Ground, departments: list[Department], posts: list[Post]) -> list[Person]:
    """Centre staff, two collectors for each duty grid, district heads, and the staff of every handling unit."""
    roll = Roll()
    for post in posts:
        for _ in range(HEADCOUNT.get(post.code, 0)):
            roll.add(post, LOGIN_STEMS.get(post.code, post.code))
    collector = next(post for post in posts if post.role == "collector")
    middle = busiest_duty_grid(ground)
    grids = sorted(ground.duty_grids, key=lambda d: (d.code != middle, d.code))
    for duty_grid in grids:
        for _ in range(2):
            roll.add(collector, "collector", duty_grid.code)
    for post in posts:
        if post.role == "district_leader":
            roll.add(post, "district_leader")
        elif post.code.startswith("district_"):
            roll.add(post, "district_dispatcher", may_show=False)
    for post in posts:
        count = UNIT_HEADCOUNT.get(post.role, 0)
        shown = post.department == DEMO_UNIT
        for _ in range(count):
            roll.add(post, post.role if shown else post.code.replace(".", "_"), may_show=shown)
    return roll.people


def busiest_duty_grid(ground: Ground) -> str:
    """The duty grid with the densest unit grids, where the demonstration collector walks."""
    totals: dict[str, list[float]] = {}
    for grid in ground.grids:
        totals.setdefault(grid.duty_grid, []).append(grid.density)
    return max(sorted(totals), key=lambda code: sum(totals[code]) / len(totals[code]))
