"""Departments, posts, people and the tokens with which they speak to the API."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from engine.models.base import Base


class Department(Base):
    """A centre, department, district or subdistrict office, or company.

    ``side`` is supervision, command or handling; ``duties`` the catalogue departments it answers for.
    """

    __tablename__ = "department"
    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    name_en: Mapped[str]
    kind: Mapped[str]
    side: Mapped[str]
    parent_code: Mapped[str | None]
    duties: Mapped[str]
    territory: Mapped[str | None] = mapped_column(index=True)
    fallback: Mapped[bool]


class Post(Base):
    """A post (岗位) gives its holder a role."""

    __tablename__ = "post"
    code: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    name_en: Mapped[str]
    role: Mapped[str] = mapped_column(index=True)


class Person(Base):
    """Somebody who can log in; without a password hash nobody can."""

    __tablename__ = "person"
    id: Mapped[int] = mapped_column(primary_key=True)
    login: Mapped[str] = mapped_column(unique=True)
    name: Mapped[str]
    name_en: Mapped[str]
    phone: Mapped[str]
    password_hash: Mapped[str | None]
    demo: Mapped[bool]
    active: Mapped[bool]
    posts: Mapped[list[PersonPost]] = relationship(lazy="selectin", cascade="all, delete-orphan")


class PersonPost(Base):
    """A person holds a post in a department, a collector also in a duty grid."""

    __tablename__ = "person_post"
    id: Mapped[int] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    post_code: Mapped[str] = mapped_column(ForeignKey("post.code"))
    department_code: Mapped[str] = mapped_column(ForeignKey("department.code"), index=True)
    duty_grid_code: Mapped[str | None] = mapped_column(index=True)
    post: Mapped[Post] = relationship(lazy="joined")


class AccessToken(Base):
    """An API token; only its SHA-256 is kept."""

    __tablename__ = "access_token"
    digest: Mapped[str] = mapped_column(primary_key=True)
    person_id: Mapped[int] = mapped_column(ForeignKey("person.id"), index=True)
    created_at: Mapped[datetime]
    expires_at: Mapped[datetime]
