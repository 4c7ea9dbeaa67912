"""Values to try a template with before there is a case: every field says its name, lists have two rows."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Any

from engine.city import City
from engine.documents.declaring import GIVEN, DocumentTemplate, series_of
from engine.documents.wording import han_date

BLANK = "＿＿"


class Sample(str):
    """A value nobody has given yet: printed as its name, with any attribute, two rows long; filters leave it alone."""

    __slots__ = ()

    def part(self, name: str) -> Sample:
        """What stands for an attribute of the value."""
        return Sample(f"{self.removesuffix('〕')}.{name}〕")

    def __iter__(self) -> Iterator[Any]:
        return iter((self, self))


def sample_values(city: City, template: DocumentTemplate, today: date) -> Mapping[str, Any]:
    """What the template is filled with when it is tried."""
    given: dict[str, Any] = {
        "title": template.zh, "office": template.office or city.name, "issuer": city.name, "city": city.name,
        "number": number_blank(template, template.office or city.name, today.year), "year": today.year,
        "today": f"{today.year}年{today.month}月{today.day}日", "today_han": han_date(today),
        "seal": "（印章）" if template.seal else "", "case_number": Sample("〔case_number〕"),
        "maker": Sample("〔maker〕"),
    }  # fmt: skip
    assert set(given) == set(GIVEN)
    return {**given, **{name: Sample(f"〔{name}〕") for name in template.fields}}


def number_blank(template: DocumentTemplate, office: str, year: int) -> str:
    """The number with a blank for its serial, which only a document that is made gets."""
    return series_of(template.number, office, year).replace("*", BLANK) if template.number else ""
