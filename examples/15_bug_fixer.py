"""Mend a bug of a small package: its own tests decide, and run in the sandbox, never on this machine.

The model is shown the module and what its tests say of it. What it writes is applied to a copy of the package, and only
when all tests pass with it: that is evidence of the strongest class, `contract`.

Run it with: python examples/15_bug_fixer.py [folder with MODULE.py and test_MODULE.py]
"""

import difflib
import shutil
import sys
from pathlib import Path
from tempfile import mkdtemp

from agentfix import Agent, Result, Task, checks_in

TOY = Path(__file__).parent / "toy_repository"


def main(agent: Agent, package: Path, copy: Path) -> Result | None:
    tests = next(package.glob("test_*.py"))
    module = package / tests.name.removeprefix("test_")
    source, task = module.read_text(encoding="utf-8"), task_of(module, tests)
    before = agent.verify(task, source)
    if not before.abstained:
        print("All tests pass: there is nothing to mend.")
        return None
    failure = before.standings[0].reason.splitlines()[-1].strip()  # without the test, which a model would copy
    print(f"{module.name}: {failure}")
    result = agent.run(Task(task.question, task.kind, task.checks, context=f"{source}\nIts tests say: {failure}"))
    if result.abstained or result.answer is None:
        print(f"No fix was found in {len(result.attempts)} attempts: {result.reason}")
        return result
    shutil.copytree(package, copy, dirs_exist_ok=True)
    (copy / module.name).write_text(fixed := f"{result.answer.rstrip()}\n", encoding="utf-8")
    print(*difflib.unified_diff(source.splitlines(), fixed.splitlines(), f"a/{module.name}", f"b/{module.name}",
                                lineterm=""), sep="\n")
    print(f"All tests pass after {len(result.attempts)} attempt(s). The fix is in {copy}")
    return result


def task_of(module: Path, tests: Path) -> Task:
    """The tests are run in the module itself, so they need not import it."""
    lines = tests.read_text(encoding="utf-8").splitlines()
    own = "\n".join("" if line.startswith(f"from {module.stem} import") else line for line in lines)
    question = (f"The Python module `{module.name}` has a bug. Find it and write the whole corrected module, with all "
                "its functions; change nothing else. Write no tests and no calls.")
    return Task(question, "code", checks_in(own, tests.name))


if __name__ == "__main__":
    with Agent() as agent:
        main(agent, Path(sys.argv[1]) if sys.argv[1:] else TOY, Path(mkdtemp()))
