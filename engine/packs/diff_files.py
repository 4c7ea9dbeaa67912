"""What changes in files that merge by key, in declarations of registers, matters and documents, and in what is left."""

from __future__ import annotations

import io
import tomllib
import zipfile
from collections.abc import Iterator, Mapping
from typing import Any

from lxml import etree

from engine.layers import Found
from engine.packs.changes import Change, Sort
from engine.packs.key_words import key_words, value_words
from engine.packs.kinds import Kind, all_logical, holders, kind_of
from engine.packs.pieces import Piece, merged
from engine.packs.sides import Side, fill
from engine.workflow.migration_nodes import Words

OWN_WORDS = (
    "processes/*.bpmn", "decisions/*.dmn", "forms/*.json", "city.toml", "roles.csv", "catalogue/classes.csv",
    "catalogue/conditions.csv",
)  # fmt: skip
"""Kinds other comparisons tell of."""
DECLARED = ("registers/*.toml", "matters/*.toml", "documents/*.toml", "documents/*.docx")
COUNTED = ("ground/components.csv", "ground/addresses.csv", "ground/*.geojson")
"""Kinds with too many rows to tell one by one."""
HIDDEN = ("phone",)
"""Columns whose values are nobody's business here."""
NOUNS = {"columns": Words("一栏", "column"), "paragraphs": Words("一段", "paragraph")}
MOST_TEMPLATE = 8 * 1024 * 1024
WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"


def compare_files(old: Side, new: Side) -> Iterator[Change]:
    """Every change of every file that no other comparison tells of, in the order of their paths."""
    for logical in dict.fromkeys(sorted({*all_logical(old.city), *all_logical(new.city)})):
        kind = kind_of(logical)
        if kind is None or kind.pattern in OWN_WORDS:
            continue
        before, after = holders(old.city, logical, kind), holders(new.city, logical, kind)
        if _bytes(before, kind) == _bytes(after, kind):
            continue
        if kind.pattern in DECLARED:
            yield from _declared(old, new, logical, kind)
        elif kind.pattern == "procedures.csv":
            yield from _procedures(old, new, merged(before, kind), merged(after, kind))
        elif kind.pattern.startswith("translations/"):
            yield from _texts(logical, merged(before, kind), merged(after, kind))
        elif kind.how in ("rows", "tables", "features") or kind.key or (kind.how == "city" and logical[-5:] == ".toml"):
            yield from _pieces(logical, kind, merged(before, kind), merged(after, kind))
        else:
            yield _whole(logical, kind, bool(before), bool(after))


def _bytes(files: list[Found], kind: Kind) -> list[bytes]:
    """What decides what is in force: every layer's file where they merge, otherwise the winner alone."""
    return [each.path.read_bytes() for each in (files[-1:] if kind.how == "whole" else files)]


def _group(kind: Kind) -> str:
    folder = kind.pattern.partition("/")[0]
    return {"organisation": "organisation", "catalogue": "catalogue"}.get(folder, "files")


def _sort(before: object, after: object) -> Sort:
    return "added" if not before else "removed" if not after else "changed"


def _whole(logical: str, kind: Kind, before: bool, after: bool) -> Change:
    sort = _sort(before, after)
    zh = {"added": "新增{kind}（{file}）", "removed": "取消{kind}（{file}）", "changed": "{kind}（{file}）有改动"}[sort]
    en = {"added": "new: {kind} ({file})", "removed": "gone: {kind} ({file})", "changed": "{kind} ({file}) changes"}[
        sort
    ]
    return Change(_group(kind), sort, logical, "", fill(zh, en, kind=Words(kind.zh, kind.en), file=logical))


def _pieces(logical: str, kind: Kind, old: Mapping[str, Piece], new: Mapping[str, Piece]) -> Iterator[Change]:
    """Rows, tables or features that come, go or change; of large files only how many."""
    came, went = [key for key in new if key not in old], [key for key in old if key not in new]
    both = [key for key in new if key in old and new[key] != old[key]]
    what = Words(kind.zh, kind.en)
    if kind.pattern in COUNTED and (came or went or both):
        words = fill("{kind}（{file}）：新增 {came} 项，取消 {went} 项，改动 {both} 项",
                     "{kind} ({file}): {came} new, {went} gone, {both} changed", kind=what, file=logical,
                     came=len(came), went=len(went), both=len(both))  # fmt: skip
        yield Change(_group(kind), "changed", logical, "", words)
        return
    for key in went:
        yield _piece(logical, kind, key, "取消{kind} {name}", "gone: {kind}: {name}", "removed", old[key])
    for key in came:
        yield _piece(logical, kind, key, "新增{kind} {name}", "new: {kind}: {name}", "added", new[key])
    for key in both:
        for told in _columns(old[key], new[key]):
            yield _piece(
                logical, kind, key, "{kind} {name}：{told}", "{kind}: {name}: {told}", "changed", new[key], told
            )


def _piece(
    logical: str, kind: Kind, key: str, zh: str, en: str, sort: Sort, piece: Piece, told: Words | None = None
) -> Change:
    name = piece.get("name") or piece.get("zh") or ""
    name_en = piece.get("name_en") or piece.get("en") or name
    row = fill("{key} {name}", "{key} {name}", key=key, name=Words(str(name), str(name_en)))
    values = {"kind": Words(kind.zh, kind.en), "name": Words(row.zh.strip(), row.en.strip()), "told": told or ""}
    words = fill(zh, en, **values)
    return Change(_group(kind), sort, logical, key, words)


def _columns(old: Piece, new: Piece) -> Iterator[Words]:
    before, after = dict(flat(old)), dict(flat(new))
    for name in dict.fromkeys([*before, *after]):
        if before.get(name) != after.get(name):
            if name == "":
                yield Words("位置或边界变了", "its place or border changes")
            elif name in HIDDEN:
                yield fill("{key}有改动", "{key} changes", key=key_words(name))
            else:
                was, now = (unsaid(name, *pair) for pair in ((before, after), (after, before)))
                yield fill("{key} {old} → {new}", "{key} {old} → {new}", key=key_words(name), old=value_words(was),
                           new=value_words(now))  # fmt: skip


def unsaid(name: str, here: Mapping[str, Any], there: Mapping[str, Any]) -> Any:
    """A value; where a truth is not said, what counts then: no, and yes for ``enabled``."""
    if name not in here and isinstance(there.get(name), bool):
        return name == "enabled"
    return here.get(name)


def flat(values: Mapping[str, Any], before: str = "") -> Iterator[tuple[str, Any]]:
    """Keys of nested tables, joined by points, and what they say."""
    for name, value in values.items():
        if isinstance(value, Mapping) and name:
            yield from flat(value, f"{before}{name}.")
        else:
            yield f"{before}{name}", value


def _procedures(old: Side, new: Side, before: Mapping[str, Piece], after: Mapping[str, Piece]) -> Iterator[Change]:
    """Which procedure opens beside a case that is turned over to enforcement."""
    for code in dict.fromkeys([*before, *after]):
        first, second = before.get(code, {}).get("process"), after.get(code, {}).get("process")
        if first == second:
            continue
        cases = Words("所有案件", "every case") if code == "*" else Words(f"{code} 类案件", f"cases of {code}")
        nothing = Words("按上一级规则", "as the rule above it says")
        words = fill("{cases}转执法时启动的程序：{was} → {now}", "the procedure {cases} may open: {was} → {now}",
                     cases=cases, was=old.process(first) if first else nothing,
                     now=new.process(second) if second else nothing)  # fmt: skip
        yield Change("steps", _sort(first, second), "procedures.csv", code, words)


def _texts(logical: str, old: Mapping[str, Piece], new: Mapping[str, Piece]) -> Iterator[Change]:
    """Texts of one language that people read otherwise now; what comes with a new step is told with that step."""
    for key in old:
        if key in new and new[key]["text"] != old[key]["text"]:
            words = fill("“{old}”改为“{new}”（{key}）", "“{old}” reads “{new}” now ({key})", old=old[key]["text"],
                         new=new[key]["text"], key=key)  # fmt: skip
            yield Change("texts", "changed", logical, key, words)
    for sort, keys in (("added", new.keys() - old.keys()), ("removed", old.keys() - new.keys())):
        if keys:
            zh = "{file}：新增 {count} 条译文" if sort == "added" else "{file}：取消 {count} 条译文"
            en = "{file}: {count} texts come" if sort == "added" else "{file}: {count} texts go"
            yield Change("texts", _sort(sort == "removed", sort == "added"), logical, "",
                         fill(zh, en, file=logical, count=len(keys)))  # fmt: skip


def _declared(old: Side, new: Side, logical: str, kind: Kind) -> Iterator[Change]:
    """Registers, matters and documents: by what their declaration says, templates by their paragraphs."""
    before, after = old.city.layers.find(logical), new.city.layers.find(logical)
    read = _paragraphs if logical.endswith(".docx") else _toml
    first = read(before.path.read_bytes()) if before is not None else {}
    second = read(after.path.read_bytes()) if after is not None else {}
    name = _declared_name(second or first, logical)
    what = fill("{kind}“{name}”", "{kind} “{name}”", kind=Words(kind.zh, kind.en), name=name)
    if before is None or after is None:
        if logical.endswith(".docx") and _has_declaration(old, new, logical):
            return  # told with the document
        sort: Sort = "added" if before is None else "removed"
        words = fill("新增{what}" if sort == "added" else "取消{what}",
                     "new: {what}" if sort == "added" else "gone: {what}", what=what)  # fmt: skip
        yield Change("records", sort, logical, "", words)
        return
    told = False
    for sort, key, sentence in _declarations(first, second):
        told = True
        yield Change("records", sort, logical, key, fill("{what}：{told}", "{what}: {told}", what=what, told=sentence))
    if not told:
        yield Change("records", "changed", logical, "", fill("{what}有改动", "{what} changes", what=what))


def _has_declaration(old: Side, new: Side, logical: str) -> bool:
    """Whether the document of a template came or went with it."""
    toml = logical.removesuffix(".docx") + ".toml"
    return (old.city.layers.find(toml) is None) != (new.city.layers.find(toml) is None)


def _declarations(old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[tuple[Sort, str, Words]]:
    for table in dict.fromkeys([*old, *new]):
        before, after = old.get(table, {}), new.get(table, {})
        for name in dict.fromkeys([*before, *after]):
            one, other = before.get(name), after.get(name)
            if one == other:
                continue
            column = isinstance(one, dict) or isinstance(other, dict)
            title = _column_name(other if other is not None else one, name) if column else key_words(name)
            if one is None or other is None:
                noun = NOUNS.get(table, Words("一项", "entry"))
                zh = "新增{noun}“{title}”{value}" if one is None else "取消{noun}“{title}”"
                en = "new {noun} “{title}”{value}" if one is None else "the {noun} “{title}” goes"
                value = Words("", "") if column else fill("：{told}", ": {told}", told=value_words(other))
                yield ("added" if one is None else "removed"), name, fill(zh, en, noun=noun, title=title, value=value)
            elif column and isinstance(one, dict) and isinstance(other, dict):
                for told in _columns(one, other):
                    yield "changed", name, fill("“{title}”：{told}", "“{title}”: {told}", title=title, told=told)
            else:
                yield "changed", name, fill("{title}：{old} → {new}", "{title}: {old} → {new}", title=title,
                                            old=value_words(one), new=value_words(other))  # fmt: skip


def _declared_name(toml: Mapping[str, Any], logical: str) -> Words:
    stem = logical.rpartition("/")[2].rpartition(".")[0]
    about: Mapping[str, Any] = next(
        (toml[name] for name in ("register", "matter", "document") if isinstance(toml.get(name), dict)), {}
    )
    return Words(str(about.get("zh", stem)), str(about.get("en", stem)))


def _column_name(values: Any, name: str) -> Words:
    about = values if isinstance(values, dict) else {}
    return Words(str(about.get("zh", name)), str(about.get("en", name)))


def _toml(content: bytes) -> dict[str, Any]:
    try:
        read = tomllib.loads(content.decode("utf-8"))
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        return {}  # 'wangge check' tells of it; that the file changed is told
    return {name: values for name, values in read.items() if isinstance(values, dict)}


def _paragraphs(content: bytes) -> dict[str, Any]:
    """The paragraphs of a Word document, each as its own key: what comes and goes are lines people read."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as package, package.open("word/document.xml") as stream:
            xml = stream.read(MOST_TEMPLATE)
        parser = etree.XMLParser(resolve_entities=False, no_network=True, huge_tree=False)
        root = etree.fromstring(xml, parser)
    except (zipfile.BadZipFile, KeyError, OSError, etree.XMLSyntaxError, RuntimeError):
        return {}
    lines = ["".join(node.text or "" for node in each.iter(f"{WORD}t")) for each in root.iter(f"{WORD}p")]
    return {"paragraphs": {line: {} for line in lines if line.strip()}}
