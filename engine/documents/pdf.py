"""A PDF of a document: archival (PDF/A-2b), with the letters it uses embedded; the same DOCX gives the same PDF.

It is made when somebody asks for it, from the DOCX that is kept: some 50 ms a document. No office program is needed.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any

import typst

from engine.documents.reading import Reading
from engine.errors import DomainError

LAYOUT = Path(__file__).with_name("layout.typ")
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)
SONG = (
    "SimSun", "STSong", "Songti SC", "Noto Serif SC", "Noto Serif CJK SC", "Source Han Serif SC", "Source Han Serif CN",
)  # fmt: skip
FANG = ("FangSong", "FangSong_GB2312", "STFangsong", "Zhuque Fangsong (technical preview)")
KAI = ("KaiTi", "KaiTi_GB2312", "STKaiti", "LXGW WenKai")
HEI = ("SimHei", "STHeiti", "Heiti SC", "Noto Sans SC", "Noto Sans CJK SC", "Source Han Sans SC", "Microsoft YaHei")
KINDS = (("仿宋", FANG), ("fang", FANG), ("楷", KAI), ("kai", KAI), ("黑", HEI), ("hei", HEI), ("yahei", HEI))
LATIN = ("Times New Roman", "Liberation Serif", "Tinos", "Nimbus Roman")
OFFICE_SECONDS = 60


class PdfFailed(DomainError):
    """No PDF can be made here; the message says what is missing."""


def make_pdf(content: bytes, folders: Sequence[Path] = (), *, system: bool = True, office: str = "") -> bytes:
    """The PDF of a DOCX.

    :param folders: where fonts lie beside those of the system.
    :param system: whether fonts of the system are used as well.
    :param office: the command of LibreOffice (``soffice``) to convert with instead.
    :raises PdfFailed: no Chinese font is there, none has a letter of the text, or the conversion fails.
    """
    if office:
        return _by_office(content, office)
    fonts = find_fonts(tuple(folders), system)
    families = frozenset(fonts.families())
    if not families.intersection(SONG + FANG + HEI + KAI):
        raise PdfFailed(
            "no Chinese font is on this machine, so that the PDF would show empty boxes; run 'make assets', install a "
            "package such as fonts-noto-cjk, or let WANGGE_FONTS name a folder with one; the DOCX is whole"
        )
    reading = Reading(content)
    described = reading.describe()
    described["fonts"] = choose("", families)
    _choose_everywhere(described, families)
    with tempfile.TemporaryDirectory() as folder:
        for name, picture in reading.pictures.items():
            (Path(folder) / name).write_bytes(picture)
        main = Path(folder) / "layout.typ"
        shutil.copyfile(LAYOUT, main)
        return _compile(main, described, fonts)


def _compile(main: Path, described: dict[str, Any], fonts: Any) -> bytes:
    try:
        made: bytes = typst.compile(
            main, root=main.parent, font_paths=fonts, sys_inputs={"data": json.dumps(described)}, format="pdf",
            pdf_standards="a-2b", timestamp=EPOCH,
        )  # fmt: skip
    except typst.TypstError as error:
        hints = "; ".join(error.hints) or "open the DOCX and print it from there"
        raise PdfFailed(f"the PDF cannot be made: {error.message}; {hints}") from error
    return made


@lru_cache(maxsize=8)
def find_fonts(folders: tuple[Path, ...], system: bool) -> Any:
    """The fonts there are; looked for once a process."""
    there = [str(folder) for folder in folders if folder.is_dir()]
    return typst.Fonts(include_system_fonts=system, include_embedded_fonts=True, font_paths=there)


def choose(family: str, there: frozenset[str]) -> list[Any]:
    """The fonts for letters that Word sets in a family: the family's kind first, then 宋体, of those that are there."""
    wanted = next((kind for sign, kind in KINDS if sign in family.lower()), ())
    chinese = [name for name in dict.fromkeys((family, *wanted, *SONG, *FANG, *HEI, *KAI)) if name in there]
    latin = [{"name": name, "covers": "latin-in-cjk"} for name in LATIN if name in there]
    return [*latin[:1], *chinese[:2]]


def _choose_everywhere(described: dict[str, Any], there: frozenset[str]) -> None:
    """Give every run its fonts; bold where a 黑体 is wanted and none is there."""
    for run in _runs_in([*described["header"], *described["footer"], *described["body"]]):
        family = run.pop("family")
        run["fonts"] = choose(family, there)
        hei = any(sign in family.lower() and kind is HEI for sign, kind in KINDS)
        run["bold"] = run["bold"] or (hei and not there.intersection((*HEI, family)))


def _runs_in(blocks: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for block in blocks:
        if block["kind"] == "paragraph":
            yield from (run for run in block["runs"] if "family" in run)
        else:
            for row in block["rows"]:
                for cell in row["cells"]:
                    yield from _runs_in(cell["blocks"])


def _by_office(content: bytes, office: str) -> bytes:
    command = shutil.which(office)
    if command is None:
        raise PdfFailed(f"there is no program {office}; correct WANGGE_OFFICE or leave it out")
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "document.docx"
        source.write_bytes(content)
        profile = f"-env:UserInstallation={(Path(folder) / 'profile').as_uri()}"
        run = [command, profile, "--headless", "--convert-to", "pdf:writer_pdf_Export", "--outdir", folder, str(source)]
        try:
            subprocess.run(run, check=True, capture_output=True, timeout=OFFICE_SECONDS)
            return source.with_suffix(".pdf").read_bytes()
        except (subprocess.SubprocessError, OSError) as error:
            raise PdfFailed(f"{office} made no PDF: {error}; leave WANGGE_OFFICE out to do without it") from error
