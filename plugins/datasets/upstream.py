"""Where each data set is published, and how its file becomes rows. Nothing of any of them is shipped."""

from __future__ import annotations

import gzip
import io
import json
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from agentfix import DataSource

Row = Mapping[str, Any]
MOST_BYTES = 400_000_000
"""A file that is larger when it is unpacked is none of these."""
_GITHUB = "https://raw.githubusercontent.com"
_LINES = "Each line of the file is a row."


def _lines(file: bytes) -> Iterator[Row]:
    for line in file.splitlines():
        if line.strip():
            yield _object(json.loads(line))


def _gzipped_lines(file: bytes) -> Iterator[Row]:
    with gzip.GzipFile(fileobj=io.BytesIO(file)) as opened:
        yield from _lines(_bounded(opened))


def _svamp(file: bytes) -> Iterator[Row]:
    for row in _array(file):
        body = str(row["Body"]).strip()
        joint = " " if body.endswith((".", "?", "!", ",")) else ", "
        yield {"id": row["ID"], "question": f"{body}{joint}{str(row['Question']).strip()}", "answer": row["Answer"]}


def _tabmwp(file: bytes) -> Iterator[Row]:
    kept = ("question", "table", "table_title", "choices", "unit", "answer")
    for pid, row in _object(json.loads(file)).items():
        yield {"pid": pid, **{field: row.get(field) for field in kept}}


def _mbpp(file: bytes) -> Iterator[Row]:
    for row in _array(file):
        if 11 <= int(row["task_id"]) <= 510:
            yield row


def _hotpotqa(file: bytes) -> Iterator[Row]:
    for row in _array(file):
        yield {"id": row["_id"], **{field: row[field] for field in
                                    ("question", "answer", "type", "level", "supporting_facts")}}


def _ambignq(file: bytes) -> Iterator[Row]:
    with zipfile.ZipFile(io.BytesIO(file)) as archive:
        name = next((name for name in archive.namelist() if name.rpartition("/")[2] == "dev_light.json"), None)
        if name is None:
            raise ValueError("the archive holds no dev_light.json")
        with archive.open(name) as opened:
            yield from _array(_bounded(opened))


def _bounded(opened: Any) -> bytes:
    content: bytes = opened.read(MOST_BYTES + 1)
    if len(content) > MOST_BYTES:
        raise ValueError(f"unpacked it has more than {MOST_BYTES:,} bytes")
    return content


def _array(file: bytes) -> Iterator[Row]:
    rows: Any = json.loads(file)
    if not isinstance(rows, list):
        raise ValueError("it is no JSON array")
    yield from map(_object, rows)  # pyright: ignore[reportUnknownArgumentType]


def _object(row: Any) -> Row:
    if not isinstance(row, dict):
        raise ValueError("a row is no JSON object")
    return row  # pyright: ignore[reportUnknownVariableType]


def rows(unpack: Callable[[bytes], Iterable[Row]], file: bytes) -> Iterator[Row]:
    """The rows of a published file.

    Args:
        unpack: what its form asks for.
        file: its bytes.

    Raises:
        ValueError: it is not as it was published.
    """
    try:
        yield from unpack(file)
    except KeyError as error:
        raise ValueError(f"a row lacks {error}") from error
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile, RecursionError) as error:
        raise ValueError(f"it can't be unpacked: {error}") from error


SOURCES: Mapping[str, tuple[DataSource, Callable[[bytes], Iterable[Row]]]] = {
    "gsm8k": (DataSource(
        f"{_GITHUB}/openai/grade-school-math/master/grade_school_math/data/test.jsonl", "MIT", "test",
        "Cobbe et al., Training Verifiers to Solve Math Word Problems, 2021, arXiv:2110.14168", _LINES, 1319), _lines),
    "svamp": (DataSource(
        f"{_GITHUB}/arkilpatel/SVAMP/main/SVAMP.json", "MIT", "test",
        "Patel et al., Are NLP Models really able to Solve Simple Math Word Problems?, NAACL 2021, arXiv:2103.07191",
        "Body and question are joined.", 1000), _svamp),
    "tabmwp": (DataSource(
        f"{_GITHUB}/lupantech/PromptPG/main/data/tabmwp/problems_test1k.json", "CC BY-NC-SA 4.0", "test1k",
        "Lu et al., Dynamic Prompt Learning via Policy Gradient for Semi-structured Mathematical Reasoning, ICLR 2023, "
        "arXiv:2209.14610", "Question, table, title, choices, unit and answer are kept.", 1000), _tabmwp),
    "mbpp": (DataSource(
        f"{_GITHUB}/google-research/google-research/master/mbpp/sanitized-mbpp.json", "CC BY 4.0", "test",
        "Austin et al., Program Synthesis with Large Language Models, 2021, arXiv:2108.07732",
        "Of the sanitized problems, those of the test split (11 to 510).", 257), _mbpp),
    "quixbugs": (DataSource(
        f"{_GITHUB}/bigcode-project/octopack/main/evaluation/QuixBugs/quixbugs_python.jsonl", "MIT", "all",
        "Lin et al., QuixBugs, SPLASH 2017; as of Muennighoff et al., OctoPack, ICLR 2024, arXiv:2308.07124",
        _LINES), _lines),
    "hotpotqa": (DataSource(
        "http://curtis.ml.cmu.edu/datasets/hotpot/hotpot_dev_distractor_v1.json", "CC BY-SA 4.0", "dev (distractor)",
        "Yang et al., HotpotQA, EMNLP 2018, arXiv:1809.09600",
        "Question, answer, type, level and supporting facts are kept; the paragraphs are not.", 7405), _hotpotqa),
    "nq": (DataSource(
        f"{_GITHUB}/nelson-liu/lost-in-the-middle/main/qa_data/nq-open-oracle.jsonl.gz", "CC BY-SA 3.0", "dev",
        "Kwiatkowski et al., Natural Questions, TACL 2019; as of Liu et al., Lost in the Middle, TACL 2024, "
        "arXiv:2307.03172", _LINES, 2655), _gzipped_lines),
    "triviaqa": (DataSource(
        "https://huggingface.co/datasets/RUC-NLPIR/FlashRAG_datasets/resolve/main/triviaqa/test.jsonl", "Apache-2.0",
        "test", "Joshi et al., TriviaQA, ACL 2017, arXiv:1705.03551; as of Jin et al., FlashRAG, arXiv:2405.13576",
        _LINES, 11313), _lines),
    "ambignq": (DataSource(
        "https://nlp.cs.washington.edu/ambigqa/data/ambignq_light.zip", "CC BY-SA 3.0", "dev (light)",
        "Min et al., AmbigQA: Answering Ambiguous Open-domain Questions, EMNLP 2020, arXiv:2004.10645",
        "The rows of dev_light.json.", 2002), _ambignq),
}
