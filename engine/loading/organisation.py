"""Departments, posts and people of ``organisation/`` into the database, added or changed by code and login."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.city import City
from engine.errors import CityBroken
from engine.loading.tables import read_csv
from engine.models import Department, Person, PersonPost, Post

DEPARTMENT = ("code", "name", "name_en", "kind", "side", "parent", "duties", "territory", "fallback")
POST = ("code", "name", "name_en", "role")
PERSON = ("login", "name", "name_en", "phone", "post", "department", "duty_grid", "demo")


def load_organisation(session: Session, city: City, *, password_hash: str | None = None) -> None:
    """Add or change departments, posts and people; people no longer in the file are deactivated, never deleted.

    :param password_hash: given to new people, so that a demonstration city can be entered; none for a real one.
    """
    folder = city.root / "organisation"
    for _, row in read_csv(folder / "departments.csv", DEPARTMENT):
        session.merge(
            Department(
                code=row["code"],
                name=row["name"],
                name_en=row["name_en"],
                kind=row["kind"],
                side=row["side"],
                parent_code=row["parent"] or None,
                duties=row["duties"],
                territory=row["territory"] or None,
                fallback=row["fallback"] == "yes",
            )
        )
    for _, row in read_csv(folder / "posts.csv", POST):
        session.merge(Post(code=row["code"], name=row["name"], name_en=row["name_en"], role=row["role"]))
    session.flush()
    _load_people(session, folder / "people.csv", password_hash)


def _load_people(session: Session, path: Path, password_hash: str | None) -> None:
    known = {person.login: person for person in session.scalars(select(Person))}
    seen: set[str] = set()
    posts = set(session.scalars(select(Post.code)))
    departments = set(session.scalars(select(Department.code)))
    for line, row in read_csv(path, PERSON):
        if row["post"] not in posts or row["department"] not in departments:
            raise CityBroken(
                f"{path}, line {line}: post {row['post']!r} or department {row['department']!r} does not exist; add it"
            )
        person = known.get(row["login"])
        if person is None:
            person = Person(login=row["login"], password_hash=password_hash)
            known[row["login"]] = person
            session.add(person)
        if row["login"] not in seen:
            person.posts = []
        seen.add(row["login"])
        person.name, person.name_en, person.phone = row["name"], row["name_en"], row["phone"]
        person.demo, person.active = row["demo"] == "yes", True
        person.posts.append(
            PersonPost(
                post_code=row["post"], department_code=row["department"], duty_grid_code=row["duty_grid"] or None
            )
        )
    for login, person in known.items():
        person.active = login in seen
