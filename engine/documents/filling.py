"""Fill a template: Jinja in a sandbox, in which no template reads a file and no name goes undefined.

The same template and values give the same bytes, so that a document can be made again and compared.
"""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Mapping
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

from docxtpl import DocxTemplate
from jinja2 import StrictUndefined, TemplateError
from jinja2.sandbox import SandboxedEnvironment
from lxml.etree import XMLSyntaxError

from engine.documents.sampling import Sample
from engine.documents.wording import capital, han_date, money
from engine.errors import DomainError

UNFIT = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML cannot hold."""
NEW_PARAGRAPH = "\a"
"""docxtpl's sign for a paragraph like the one the text is in."""
STAMP = (1980, 1, 1, 0, 0, 0)


class FillFailed(DomainError):
    """A template that cannot be filled: says which, at what, and what to do."""


def fill(name: str, template: bytes, values: Mapping[str, Any], zone: ZoneInfo) -> bytes:
    """The filled DOCX. Texts of several lines become paragraphs; nothing (none) becomes nothing.

    :raises FillFailed: the template is no DOCX, its Jinja is broken, or it uses a name without value.
    """
    try:
        document = DocxTemplate(io.BytesIO(template))
        document.render(dict(values), environment(zone))
        filled = io.BytesIO()
        document.save(filled)
    except TemplateError as error:
        raise FillFailed(_told(name, error)) from error
    except (zipfile.BadZipFile, KeyError, ValueError, TypeError, XMLSyntaxError, ArithmeticError) as error:
        message = f"document {name}: the template cannot be filled ({type(error).__name__}: {error})"
        raise FillFailed(f"{message}; try it with 'wangge document try {name}'") from error
    return settled(filled.getvalue())


@lru_cache(maxsize=512)
def names_used(name: str, template: bytes) -> frozenset[str]:
    """The names a template uses and does not set itself. Raises FillFailed for one that cannot be read."""
    try:
        found: set[str] = DocxTemplate(io.BytesIO(template)).get_undeclared_template_variables(environment(None))
    except TemplateError as error:
        raise FillFailed(_told(name, error)) from error
    except (zipfile.BadZipFile, KeyError, ValueError, XMLSyntaxError) as error:
        raise FillFailed(f"document {name}: the template is no Word file ({error}); save it as .docx") from error
    return frozenset(found)


def _told(name: str, error: TemplateError) -> str:
    remedy = "declare it in [fields], or correct the name" if "undefined" in str(error) else "correct it in the .docx"
    return f"document {name}: {str(error) or type(error).__name__}; {remedy}"


class Language(SandboxedEnvironment):
    """Jinja in which ``item.count`` is what the item says of its count, never a method; empty where it says nothing."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        """The value of a dictionary under a name; of anything else what the sandbox allows."""
        if isinstance(obj, Sample):
            return obj.part(attribute)
        return obj.get(attribute, "") if isinstance(obj, Mapping) else super().getattr(obj, attribute)


@lru_cache(maxsize=8)
def environment(zone: ZoneInfo | None) -> SandboxedEnvironment:
    """The language of templates: Jinja without loader, with filters for official wording; values are escaped."""
    language = Language(autoescape=True, undefined=StrictUndefined, finalize=_printed)
    language.globals = {name: language.globals[name] for name in ("range", "namespace")}

    def local(value: Any) -> date:
        moment = value if isinstance(value, date) else datetime.fromisoformat(str(value))
        return moment.astimezone(zone) if isinstance(moment, datetime) and moment.tzinfo and zone else moment

    def as_date(value: Any) -> str:
        return "" if _blank(value) else f"{(day := local(value)).year}年{day.month}月{day.day}日"

    def as_moment(value: Any) -> str:
        return "" if _blank(value) else f"{as_date(value)}{local(value):%H时%M分}"

    def as_han(value: Any) -> str:
        return "" if _blank(value) else han_date(local(value))

    filters = {"date": as_date, "moment": as_moment, "han_date": as_han, "money": money, "capital": capital}
    language.filters.update({name: _sparing(wording) for name, wording in filters.items()})
    return language


def _sparing(wording: Callable[[Any], str]) -> Callable[[Any], str]:
    """The filter, which leaves samples as they are."""

    def word(value: Any) -> str:
        return value if isinstance(value, Sample) else wording(value)

    return word


def _blank(value: Any) -> bool:
    return value is None or value == ""


def _printed(value: Any) -> Any:
    """What stands in the document for a value."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "是" if value else "否"
    if isinstance(value, float) and value.is_integer():
        return int(value)
    if isinstance(value, list | tuple):
        return "、".join(str(_printed(each)) for each in value)
    if isinstance(value, str):
        clean = UNFIT.sub("", value.replace("\r\n", "\n")).strip("\n")
        return type(value)(re.sub(r"\n+", NEW_PARAGRAPH, clean))
    return value


def settled(content: bytes) -> bytes:
    """The same file without the moment it was packed at."""
    packed = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(content)) as source, zipfile.ZipFile(packed, "w") as target:
        for entry in source.infolist():
            settled = zipfile.ZipInfo(entry.filename, STAMP)
            settled.compress_type, settled.external_attr = zipfile.ZIP_DEFLATED, 0o600 << 16
            target.writestr(settled, source.read(entry))
    return packed.getvalue()
