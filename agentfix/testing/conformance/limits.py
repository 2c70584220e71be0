"""Programs that want too much."""

from __future__ import annotations

from dataclasses import replace

from agentfix.protocols import Sandbox
from agentfix.testing.conformance.check import LIMITS, Conformance, assert_works, check, opened, run

SHORT = replace(LIMITS, timeout_s=1)
LITTLE_OUTPUT = replace(LIMITS, output_bytes=1000)


class LimitConformance(Conformance):
    """Limits are kept and reported; the next program is fine."""

    @check()
    async def test_an_endless_loop_is_stopped(self, sandbox: Sandbox) -> None:
        async with opened(sandbox) as session:
            result = await run(session, "print('on my way')\nwhile True: pass", limits=SHORT)
            assert (result.status, result.exit_code, result.stdout) == ("timeout", None, "on my way\n")
            assert "1 s" in result.error
            await assert_works(session)

    @check()
    async def test_a_sleeper_is_stopped(self, sandbox: Sandbox) -> None:
        async with opened(sandbox) as session:
            result = await run(session, "import time\ntime.sleep(1000)", limits=SHORT)
            assert (result.status, result.exit_code) == ("timeout", None)
            await assert_works(session)

    @check()
    async def test_a_memory_hog_is_stopped(self, sandbox: Sandbox) -> None:
        async with opened(sandbox) as session:
            result = await run(session, "x = []\nwhile True:\n    x.append('a' * 1_000_000)",
                               limits=replace(LIMITS, memory_bytes=64 * 2**20))
            assert (result.status, result.exit_code) == ("oom", None)
            await assert_works(session)

    @check()
    async def test_long_output_keeps_head_and_tail(self, sandbox: Sandbox) -> None:
        async with opened(sandbox) as session:
            result = await run(session, "for i in range(20_000): print('line', i)", limits=LITTLE_OUTPUT)
        assert (result.status, result.truncated) == ("ok", True)
        assert result.stdout.startswith("line 0\n") and result.stdout.endswith("line 19999\n")
        assert len(result.stdout) < 1200

    @check()
    async def test_a_flood_of_output_is_stopped(self, sandbox: Sandbox) -> None:
        async with opened(sandbox) as session:
            result = await run(session, "while True: print('x' * 100_000)", limits=LITTLE_OUTPUT)
            assert (result.status, result.exit_code, result.truncated) == ("output_limit", None, True)
            assert len(result.stdout) < 1200
            await assert_works(session)

    @check("files")
    async def test_a_full_disk_is_an_error_of_the_program(self, sandbox: Sandbox) -> None:
        async with opened(sandbox) as session:
            result = await run(session, "with open('big', 'wb') as file:\n    for _ in range(80):\n"
                                        "        file.write(b'x' * 100_000)",
                               limits=replace(LIMITS, disk_bytes=2 * 2**20))
            assert (result.status, result.exit_code) == ("error", 1)
            assert result.error.startswith("OSError: ")
            await assert_works(session)
