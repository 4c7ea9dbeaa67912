"""What PDFs of documents are made with on this machine: folders of fonts, and an office program where one is wished."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from engine.documents.pdf import make_pdf

VENDOR = Path(__file__).resolve().parent / "static" / "vendor"


def font_folders(environ: Mapping[str, str] = os.environ) -> tuple[Path, ...]:
    """The folder ``WANGGE_FONTS`` names, then that of the fetched assets."""
    own = environ.get("WANGGE_FONTS")
    return (*((Path(own),) if own else ()), VENDOR)


def pdf_of(content: bytes, environ: Mapping[str, str] = os.environ) -> bytes:
    """The PDF of a DOCX, by the program ``WANGGE_OFFICE`` names where it is set. Raises PdfFailed."""
    return make_pdf(content, font_folders(environ), office=environ.get("WANGGE_OFFICE", ""))
