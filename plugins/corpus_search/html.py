"""Reads HTML files with trafilatura: what a page says, without its menus."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from trafilatura import extract, extract_metadata, html2txt, load_html

from .cutting import Section


def read_html(path: Path) -> Iterator[Section]:
    """The text of a page, as one section.

    Raises:
        ValueError: there is none.
    """
    tree = load_html(path.read_bytes())
    text = "" if tree is None else extract(tree, include_comments=False, favor_recall=True) or html2txt(tree)
    if tree is None or not text.strip():
        raise ValueError("it has no text")
    title = extract_metadata(tree).title
    yield Section(" ".join((title or path.stem).split()), text)
