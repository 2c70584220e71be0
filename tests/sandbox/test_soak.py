"""Many programs, some of them hostile, leave nothing behind in their box nor here."""

from __future__ import annotations

import os
import sys

import pytest

from tests.bench.soak import measure, targets

pytestmark = [
    pytest.mark.docker, pytest.mark.timeout(900),
    pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="only root can look at a box from outside")]


@pytest.mark.usefixtures("engine")
async def test_a_tenth_of_the_soak_is_as_it_ought_to_be(image: str) -> None:
    figures = await measure(image, executions=150)
    assert [str(target) for target in targets(figures) if not target.met] == []
