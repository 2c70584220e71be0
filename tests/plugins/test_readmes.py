"""The examples in the plugins' READMEs that say what they print."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

PLUGINS = Path(__file__).parent.parent.parent / "plugins"
EXAMPLE = re.compile(r"^```python\n(.*?)^```\nprints\n```\n(.*?)^```", re.DOTALL | re.MULTILINE)
EXAMPLES = [pytest.param(*example.groups(), id=path.parent.name)
            for path in sorted(PLUGINS.glob("*/README.md"))
            for example in EXAMPLE.finditer(path.read_text(encoding="utf-8"))]


@pytest.mark.parametrize(("program", "printed"), EXAMPLES)
def test_an_example_prints_what_its_readme_says(program: str, printed: str, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", program], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout == printed
