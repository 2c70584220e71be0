"""Reads PDF files with pypdf, a section a page."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path

from pypdf import PdfReader
from pypdf.errors import FileNotDecryptedError

from .cutting import Section

logging.getLogger("pypdf").addHandler(logging.NullHandler())  # its warnings go to standard error otherwise


def read_pdf(path: Path) -> Iterator[Section]:
    """The pages of a PDF file that hold text.

    Raises:
        ValueError: it is damaged, locked, or has no text.
    """
    try:
        sections = list(_pages(path))
    except FileNotDecryptedError as error:
        raise ValueError("it is locked with a password") from error
    except OSError:
        raise
    except Exception as error:  # pypdf raises anything for a damaged file
        raise ValueError(f"pypdf can't read it: {type(error).__name__}: {str(error)[:200]}") from error
    if not sections:
        raise ValueError("it has no text: is it a scan?")
    yield from sections


def _pages(path: Path) -> Iterator[Section]:
    with PdfReader(path) as reader:
        told = reader.metadata.title if reader.metadata else None
        title = " ".join((told or "").split()) or path.stem
        start = 0
        for number, page in enumerate(reader.pages, 1):
            text = page.extract_text().encode("utf-8", "replace").decode()
            if text.strip():
                yield Section(title, text, start, place=f"#page={number}")
            start += len(text) + 1
