"""What the full-text index of addresses gives for the tokens of a query; the same on every database.

Each database is asked in the way that suits it. PostgreSQL is told by which index to go: its own estimate of "the first
400 of a few hundred" leads it along all names. It is asked for several names at once, because each question costs it a
round trip; SQLite answers in this process and need not be.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Row, Select, Text, any_, bindparam, func, select, text, true
from sqlalchemy.dialects.postgresql import ARRAY
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from engine.models import Address, AddressToken
from engine.models.addresses import SEARCH

CANDIDATES = 400
"""Names that the index may give for one way of reading a query."""

MOST_TOKENS = 8
"""Tokens of one choice that are looked up, the rarest first; the query as a whole is compared afterwards anyway."""

SPREAD = 2_000
"""Of several choices those of one token that more names hold are left out: they would push the rarer ones aside."""

COMMON = 8_000
"""A token that so many names hold soon gives ``CANDIDATES`` of them when the names are gone through in their order."""

Piece = tuple[str, int, int]
Only = Sequence[ColumnElement[bool]]


@dataclass
class Lookup:
    """The index as one question sees it; how common a token is, is asked once."""

    session: Session
    _common: dict[str, int] = field(default_factory=dict)

    @property
    def postgresql(self) -> bool:
        """Whether the database is PostgreSQL."""
        return self.session.get_bind().dialect.name == "postgresql"

    def one_of(self, column: InstrumentedAttribute[str], values: Sequence[str]) -> ColumnElement[bool]:
        """The column has one of the values. PostgreSQL gets them as one array and need not read a new statement."""
        if self.postgresql:
            return column == any_(bindparam(None, list(values), type_=ARRAY(Text)))
        return column.in_(values)

    def common(self, tokens: Iterable[str]) -> dict[str, int]:
        """How many names hold each token; tokens of no name are missing."""
        asked = set(tokens)
        if unknown := sorted(asked - self._common.keys()):
            query = select(AddressToken.token, AddressToken.names).where(self.one_of(AddressToken.token, unknown))
            self._common |= dict.fromkeys(unknown, 0) | {row.token: row.names for row in self.session.execute(query)}
        return {token: self._common[token] for token in asked if self._common[token]}

    def candidates(self, choices: Sequence[Sequence[Piece]]) -> Sequence[Row[tuple[int, str, str]]]:
        """The shortest names that hold all tokens of one of the choices, shortest first: no, stem, pinyin."""
        rarity = self.common(token for choice in choices for token, _first, _last in choice)
        groups = rarest_groups(choices, rarity)
        if not groups:
            return []
        quote, both, either = ("'", " & ", " | ") if self.postgresql else ('"', " AND ", " OR ")
        match = either.join("(" + both.join(f"{quote}{token}{quote}" for token in group) + ")" for group in groups)
        many = any(len(group) == 1 and rarity[group[0]] >= COMMON for group in groups)
        how = (_POSTGRESQL_MANY if many else _POSTGRESQL_FEW) if self.postgresql else _SQLITE
        return self.session.execute(how, {"match": match, "most": CANDIDATES}).all()

    def first_of(self, stems: Sequence[str], only: Only, most: int) -> dict[str, list[Address]]:
        """At most some addresses of each name, those without a number before doors."""
        found: dict[str, list[Address]] = {stem: [] for stem in stems}
        if not self.postgresql:
            for stem in stems:
                found[stem] = list(self.session.scalars(_of_a_name(Address.stem == stem, only).limit(most)))
            return found
        asked = (
            func.unnest(bindparam(None, list(stems), type_=ARRAY(Text))).table_valued("stem").render_derived("asked")
        )
        rows = aliased(Address, _of_a_name(Address.stem == asked.c.stem, only).limit(most).lateral("address_of"))
        for row in self.session.scalars(select(rows).select_from(asked).join(rows, true())):
            found[row.stem].append(row)
        return found


def rarest_groups(choices: Sequence[Sequence[Piece]], rarity: Mapping[str, int]) -> list[list[str]]:
    """The tokens to look up for each choice that some name may fit, the rarest choice first."""
    groups = []
    for choice in choices:
        tokens = sorted({token for token, _first, _last in choice}, key=lambda token: (rarity.get(token, 0), token))
        if tokens and rarity.get(tokens[0]):
            groups.append(tokens[:MOST_TOKENS])
    groups.sort(key=lambda group: (rarity[group[0]], group))
    return [group for at, group in enumerate(groups) if not at or len(group) > 1 or rarity[group[0]] <= SPREAD]


def _of_a_name(named: ColumnElement[bool], only: Only) -> Select[Address]:
    return select(Address).where(named, *only).order_by(Address.house, Address.code)


_SQLITE = text(
    f"SELECT n.no, n.stem, n.pinyin FROM (SELECT rowid AS no FROM {SEARCH} WHERE {SEARCH} MATCH :match"
    " ORDER BY rowid LIMIT :most) AS hit JOIN address_name AS n ON n.no = hit.no"
)
_POSTGRESQL_FEW = text(
    f"WITH hit AS MATERIALIZED (SELECT no FROM {SEARCH} WHERE tokens @@ CAST(:match AS tsquery))"
    " SELECT n.no, n.stem, n.pinyin FROM (SELECT no FROM hit ORDER BY no LIMIT :most) AS first"
    " JOIN address_name AS n ON n.no = first.no ORDER BY n.no"
)
_POSTGRESQL_MANY = text(
    f"SELECT n.no, n.stem, n.pinyin FROM (SELECT no FROM {SEARCH} WHERE tokens @@ CAST(:match AS tsquery)"
    " ORDER BY no LIMIT :most) AS hit JOIN address_name AS n ON n.no = hit.no ORDER BY n.no"
)
