"""Find addresses by text, pinyin or initials, with a wrong letter or two, and say of each why it was found.

Distinct names are found first, through the full-text index; the house number then leads to the addresses of a name. A
query's rarest tokens are looked up, and what comes back is held against the whole query, so that an answer does not
depend on how a database counts. What a typing mistake leaves intact is looked up as well: of three pieces of the query
that do not overlap, two are intact whatever the one mistake is.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations, pairwise

from rapidfuzz import fuzz
from sqlalchemy import select
from sqlalchemy.orm import Session

from engine.errors import Invalid
from engine.ground.address_lookup import Lookup, Only, Piece
from engine.ground.address_words import INITIAL, PINYIN, fold, grams, initials, pairs, split_number, syllables
from engine.models import Address, AddressName

LONGEST_QUERY = 100
NAMES = 60
"""Names whose addresses are looked at."""

A_NAME = 3
"""Addresses shown of one name when the query has no number."""

LESS = 8.0
"""Names that fit so much less than the best are looked at only when the better ones do not have the house number."""

SURE = 80.0
"""Names at least this good make looking for typing mistakes needless: a whole one, one by initials, or five."""

WEAKEST = 45.0
"""A name that resembles the query less is not shown."""

ALIKE = 62.0
"""A name this much like the query ends the search for names with more mistakes."""

Keep = Callable[[str, float, str], None]


@dataclass(frozen=True)
class NameFound:
    """A name, how well it fits (0 to 100), and by which reading: text, pinyin, initials or typo."""

    stem: str
    score: float
    by: str


@dataclass(frozen=True)
class AddressFound:
    """An address and why it was found. ``number`` says how the house number fits: same, begins, nearest or none."""

    address: Address
    score: float
    by: str
    number: str


def find_addresses(
    session: Session, query: str, *, limit: int = 10, kind: str | None = None, class_code: str | None = None
) -> list[AddressFound]:
    """The addresses that fit a query, best first; of equals the shorter name, then the code.

    :raises Invalid: the query has no letter or digit, or more than ``LONGEST_QUERY`` letters.
    """
    folded = fold(query)
    if not folded or len(query) > LONGEST_QUERY:
        message = f"search text needs 1 to {LONGEST_QUERY} letters or digits; type a name, its pinyin or its initials"
        raise Invalid(message, field="q")
    only = [Address.kind == kind] if kind else []
    only += [Address.class_code == class_code] if class_code else []
    found: dict[str, AddressFound] = {}
    lookup = Lookup(session)
    for stem, house, more in readings(session, folded):
        words = [word for each in query.split() if (word := fold(each))] if not house else [stem]
        names = find_names(lookup, stem, words)
        fitting = with_number(lookup, names, house, more, only, limit) if house else ()
        for each in fitting or without_number(lookup, names[:NAMES], only, limit):
            known = found.get(each.address.code)
            if known is None or known.score < each.score:
                found[each.address.code] = each
        if found:
            break
    best = sorted(found.values(), key=lambda each: (-each.score, len(each.address.name), each.address.code))
    return best[:limit]


def readings(session: Session, folded: str) -> Iterator[tuple[str, int, bool]]:
    """Stem, number and whether digits may follow: the query as a name of its own when there is one, else taken apart.

    What gives nothing taken apart is read as a whole again.
    """
    stem, house, more = split_number(folded)
    whole = select(AddressName.no).where(AddressName.stem == folded)
    if house and session.scalar(whole) is None:
        yield stem, house, more
    yield folded, 0, False


def find_names(lookup: Lookup, stem: str, words: Sequence[str]) -> list[NameFound]:
    """The names that fit, best first. Several ``words`` may stand apart and in any order."""
    words = words if len(words) > 1 and "".join(words) == stem else [stem]
    lookup.common(_tokens(stem, words))
    best: dict[str, NameFound] = {}

    def keep(stem: str, score: float, by: str) -> None:
        known = best.get(stem)
        if score >= WEAKEST and (known is None or known.score < score):
            best[stem] = NameFound(stem, score, by)

    for row in lookup.candidates([[piece for word in words for piece in _exact(pairs(word), word)]]):
        if all(word in row.stem for word in words):
            keep(row.stem, _fit(stem, row.stem) if stem in row.stem else 82.0, "text")
    if stem.isascii() and any(letter.isalpha() for letter in stem):
        _spelled(lookup, stem, words, keep)
    sure = [name for name in best.values() if name.score >= SURE]
    if len(sure) < 5 and all(name.by != "initials" and name.score < 100 for name in sure):  # a few other names at most
        _misspelled(lookup, stem, keep)
    return sorted(best.values(), key=lambda name: (-name.score, len(name.stem), name.stem))


def _tokens(stem: str, words: Sequence[str]) -> Iterator[str]:
    """The tokens that may be asked for, so that how common they are is asked at once."""
    pieces = [piece for word in words for piece in (*_exact(pairs(word), word), *pairs(word), *grams(word, PINYIN))]
    pieces += [
        *pairs(stem),
        *grams("".join(syllables(stem)), PINYIN),
        *(grams(stem, INITIAL) if stem.isascii() else ()),
    ]
    yield from (token for token, _first, _last in pieces)


def _spelled(lookup: Lookup, stem: str, words: Sequence[str], keep: Keep) -> None:
    """Readings of Latin letters: pinyin, and the initials of it."""
    for row in lookup.candidates([[piece for word in words for piece in grams(word, PINYIN)]]):
        parts = row.pinyin.split()
        if all(word in "".join(parts) for word in words):
            keep(row.stem, _fit_pinyin(stem, parts), "pinyin")
    if len(words) == 1:
        for row in lookup.candidates([grams(stem, INITIAL)]):
            firsts = initials(row.pinyin.split())
            if stem in firsts:
                keep(row.stem, _fit(stem, firsts) - 14, "initials")


def _misspelled(lookup: Lookup, stem: str, keep: Keep) -> None:
    """Names that resemble the query, in letters or in sound."""
    letters = "".join(syllables(stem))
    alike = False
    if not stem.isascii():
        for row in lookup.candidates([grams(letters, PINYIN)]):
            if letters in (heard := row.pinyin.replace(" ", "")):
                keep(row.stem, min(79.0, _fit(letters, heard) - 17), "typo")
        for choices, sound in intact(lookup, pairs(stem), 4):
            rows = lookup.candidates(choices)
            alike |= _keep_alike(stem, [(row.stem, row.stem) for row in rows], keep)
            if alike and sound:
                break
    if len(letters) > 3 and not alike:
        for choices, sound in intact(lookup, grams(letters, PINYIN), 5):
            rows = lookup.candidates(choices)
            heard = [(row.stem, row.pinyin.replace(" ", "")) for row in rows]
            if _keep_alike(letters, heard, keep) and sound:
                break


def _keep_alike(query: str, names: Sequence[tuple[str, str]], keep: Keep) -> bool:
    """Keep names by how they look or sound; whether one of them is so much alike that no more need be looked for."""
    best = 0.0
    for stem, form in names:
        like = _resemblance(query, form)
        keep(stem, like, "typo")
        best = max(best, like)
    return best >= ALIKE


def _exact(pieces: Sequence[Piece], word: str) -> list[Piece]:
    return [piece for piece in pieces if piece[2] - piece[1] == 1] or [(letter, 0, 0) for letter in word]


def _fit(query: str, stem: str) -> float:
    """How well a name fits that holds the query: whole, at its end, at its beginning, in between."""
    longer = min(8.0, (len(stem) - len(query)) * 0.4)
    if stem == query:
        return 100.0
    return (97.0 if stem.endswith(query) else 95.0 if stem.startswith(query) else 91.0) - longer


def _fit_pinyin(query: str, parts: Sequence[str]) -> float:
    """The same by letters; a query that begins or ends inside a syllable is worth less."""
    letters, at, edges = "".join(parts), 0, {0}
    for part in parts:
        at += len(part)
        edges.add(at)
    begin = letters.find(query)
    while begin >= 0 and begin not in edges:
        begin = letters.find(query, begin + 1)
    if begin < 0:
        return 62.0
    longer = min(8.0, (len(letters) - len(query)) * 0.2)
    return (92.0 if begin + len(query) in edges else 86.0) - longer


def _resemblance(query: str, stem: str) -> float:
    """Likeness of the query to the part of a name it fits best; at most a little below what is sure."""
    shorter = min(1.0, len(stem) / len(query))
    whole = fuzz.ratio(query, stem)
    part = fuzz.partial_ratio(query, stem) * shorter
    return float(0.72 * max(whole, 0.95 * part) + 0.06 * whole)


def intact(lookup: Lookup, pieces: Sequence[Piece], most: int) -> Iterator[tuple[list[list[Piece]], bool]]:
    """Which pieces to ask for together, one mistake allowed for first, then more; and whether a good hit ends it.

    A mistake spoils one at most of pieces that do not overlap: all but one of the rarest are asked for, each left out
    in turn. A query too short for three such pieces is asked for by its single ones.
    """
    rarity = lookup.common(token for token, _first, _last in pieces)
    known = [piece for piece in pieces if rarity.get(piece[0])]
    known.sort(key=lambda piece: (piece[2] - piece[1], rarity[piece[0]], piece))  # neighbours first: they overlap less
    chosen: list[Piece] = []
    for piece in known:
        if len(chosen) < most and all(piece[2] < other[1] or piece[1] > other[2] for other in chosen):
            chosen.append(piece)
    if len(chosen) == 2:
        yield [chosen], False
    if len(chosen) >= 3:
        yield [list(kept) for kept in combinations(chosen, len(chosen) - 1)], True
    if len(chosen) >= 4:
        yield [list(kept) for kept in combinations(chosen, 2)], True
    else:
        yield [[piece] for piece in dict.fromkeys([*chosen, *known[:most]])], True


def without_number(lookup: Lookup, names: Sequence[NameFound], only: Only, enough: int) -> list[AddressFound]:
    """Addresses of the names, best name first, those without a number before doors; a few of each name."""
    found: list[AddressFound] = []
    for at in range(0, len(names), enough):
        some = names[at : at + enough]
        rows = lookup.first_of([name.stem for name in some], only, A_NAME)
        for name in some:
            if len(found) >= enough:
                return found
            found += [
                AddressFound(row, name.score - (0.5 if row.house else 0), name.by, "none") for row in rows[name.stem]
            ]
    return found


def with_number(
    lookup: Lookup, names: Sequence[NameFound], house: int, more: bool, only: Only, enough: int
) -> list[AddressFound]:
    """Addresses of the names with the number asked for, or that begins so; else the nearest ones of the best names.

    Names that fit too little to come among the best ``enough`` are not looked at, nor, once something is found, those
    that fit ``LESS`` than the best.
    """
    fits = Address.house == house
    if more:
        fits |= Address.house.between(house * 10, house * 10 + 9)
        fits |= Address.house.between(house * 100, house * 100 + 99)
    near = sum(name.score >= names[0].score - LESS for name in names)
    starts = [*range(0, near, NAMES), *range(near, len(names), NAMES)]
    found: list[AddressFound] = []
    for at, end in pairwise([*starts, len(names)]):
        if (found and at >= near) or sum(each.score > names[at].score for each in found) >= enough:
            break
        by_stem = {name.stem: name for name in names[at:end]}
        rows = lookup.session.scalars(select(Address).where(lookup.one_of(Address.stem, list(by_stem)), fits, *only))
        for row in rows:
            name, same = by_stem[row.stem], row.house == house
            score = name.score if same else name.score - 2
            found.append(AddressFound(row, score, name.by, "same" if same else "begins"))
    return found or [
        AddressFound(row, max(name.score - 15, 0.0), name.by, "nearest")
        for name in names[:A_NAME]
        for row in _nearest(lookup.session, name.stem, house, only)
    ]


def _nearest(session: Session, stem: str, house: int, only: Only) -> Iterator[Address]:
    """The next lower and the next higher number of a name."""
    query = select(Address).where(Address.stem == stem, *only).limit(1)
    yield from session.scalars(
        query.where(Address.house.between(1, house)).order_by(Address.house.desc(), Address.code)
    )
    yield from session.scalars(query.where(Address.house > house).order_by(Address.house, Address.code))
