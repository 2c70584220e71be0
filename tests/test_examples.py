"""The examples, each run whole; only the model is scripted."""

from __future__ import annotations

import gc
import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import httpx
import pytest

from agentfix import Agent, Critique, Evidence, EvidenceClass, Result, Settings, Usage
from agentfix.batch import Batch, Limits, LocalEngine
from agentfix.models.catalog import open_catalogue
from agentfix.plugins import Plugins
from agentfix.settings import load_settings
from agentfix.testing import ScriptedModel, script_plugin

EXAMPLES = Path(__file__).parent.parent / "examples"
SMALL = "smollm2-135m"


def example(name):
    spec = importlib.util.spec_from_file_location(name, EXAMPLES / f"{name}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def agent_saying(tmp_path):
    """Makes an agent whose model says these things."""

    def make(*steps, plugin=None, pool=None, **chosen):
        settings = Settings(model="scripted:", sandbox="embedded", data_dir=tmp_path / "data", **chosen)
        model = ScriptedModel(steps)
        extra = {"script": script_plugin(model)} | ({"own": plugin} if plugin else {})
        return Agent(settings, Plugins(settings, extra), pool=pool), model

    return make


def program(*lines):
    return "\n".join(["```python", *lines, "```"])


def test_every_example_is_tested_here():
    tested = {name.removeprefix("test_example_") for name in globals() if name.startswith("test_example_")}
    assert tested == {path.stem for path in (*EXAMPLES.glob("*.py"), *EXAMPLES.glob("*.ipynb"))}


def test_example_01_embed(agent_saying, capsys):
    cost = program("cost_of_a_box = 3.60", "boxes = 7", "answer = cost_of_a_box * boxes")
    agent, _ = agent_saying(*[cost] * 30)
    with agent:
        example("01_embed").main(agent)
    answer, supported, because = capsys.readouterr().out.splitlines()
    assert answer.startswith("answer:") and "25.2" in answer
    assert supported.startswith("supported by:")
    assert because.removeprefix("because:").strip()


async def test_example_02_stream(agent_saying, capsys):
    product = program("pens, boxes = 12, 7", "answer = pens * boxes")
    agent, _ = agent_saying(*[product] * 30)
    async with agent:
        await example("02_stream").main(agent)
    out = capsys.readouterr().out
    heard = ("[run_started]", "answer = pens * boxes", "[python: ok]", "[attempt 0] answers 84", "[critique by",
             "[result] 84: ")
    assert [out.index(text) for text in heard] == sorted(out.index(text) for text in heard)


def test_example_03_own_tests(agent_saying, capsys):
    naive = program("def initials(name):", "    return name[0] + name.split(' ')[1][0]")
    right = program("def initials(name):", "    return ''.join(part[0].upper() for part in name.split())")
    agent, model = agent_saying(naive, right)
    with agent:
        example("03_own_tests").main(agent)
    first, second, *answer = capsys.readouterr().out.splitlines()
    assert first.startswith("attempt 0 is refuted")
    assert second.startswith("attempt 1 is supported")
    assert "part[0].upper()" in "\n".join(answer)
    model.assert_done()


def test_example_04_own_critic(agent_saying, capsys):
    module = example("04_own_critic")
    agent, model = agent_saying("Some snakes like sunny stones.", "Some snakes seek sunny stones.",
                                plugin=module.Plugin())
    with agent:
        module.main(agent)
    assert capsys.readouterr().out.splitlines() == [
        "attempt 0: revise. these do not begin with s: ['like']",
        "attempt 1: accept. all 5 words begin with s",
        "Some snakes seek sunny stones.",
    ]
    model.assert_done()


def test_example_05_own_tool(agent_saying, capsys):
    module = example("05_own_tool")
    counting = {"plan": [{"do": "count the words", "tool": "word_count"}],
                "calls": [{"tool": "word_count", "arguments": {"text": "We left the harbour at dawn"}}]}
    agent, _ = agent_saying(json.dumps(counting), *[json.dumps({"thought": "", "answer": "It has 6 words."})] * 30,
                            plugin=module)
    with agent:
        module.main(agent)
    first, *_, answer = capsys.readouterr().out.splitlines()
    assert first == "word_count{'text': 'We left the harbour at dawn'} says 6"
    assert answer == "It has 6 words."


@pytest.mark.filterwarnings("default")  # the trainers warn of each other's settings
async def test_example_06_train_on_proofs(agent_saying, capsys, tmp_path):
    for package in ("trl", "torch"):
        pytest.importorskip(package, reason=f"{package} is not installed: pip install trl torch")
    naive = program("def initials(name):", "    return name[0] + name.split(' ')[1][0]")
    right = program("def initials(name):", "    return ''.join(part[0].upper() for part in name.split())")
    median = program("def middle(values):", "    ordered, half = sorted(values), len(values) // 2",
                     "    return (ordered[half] + ordered[-half - 1]) / 2")
    agent, model = agent_saying(naive, right, median)
    async with agent:
        await example("06_train_on_proofs").main(agent, tmp_path)
    model.assert_done()
    said = capsys.readouterr().out
    assert "sft: 2 row(s)" in said and "dpo: 1 row(s)" in said
    assert [line.split(":")[0] for line in said.splitlines() if "at first" in line] == ["sft", "dpo"]


@pytest.mark.filterwarnings("default")  # Inspect's own
def test_example_07_inspect(agent_saying, capsys, tmp_path, monkeypatch):
    pytest.importorskip("inspect_ai", reason="inspect-ai is not installed: pip install 'agentfix[inspect]'")
    monkeypatch.chdir(tmp_path)  # where Inspect leaves its logs

    def say(request):
        answer = "8 * 0.35 + 3 * 2.40" if "bakery" in request.messages[-1].content else "540 / 12"
        return program(f"answer = {answer}") if "program" in str(request) else f"The answer is {eval(answer)}."

    agent, _ = agent_saying(*[say] * 30)
    with agent:
        example("07_inspect").main(agent)
    gc.collect()  # what Inspect leaves unclosed warns here, and not within another test
    bread, tank, accuracy = capsys.readouterr().out.splitlines()
    assert bread.startswith("10 (target 10): agreement") and tank.startswith("45 (target 45): agreement")
    assert accuracy == "accuracy: 1.0"


def test_example_08_structured(agent_saying, capsys):
    items = [{"what": "loaf", "count": 2, "cents_each": 320}, {"what": "honey", "count": 1, "cents_each": 650}]
    first, second = (json.dumps({"customer": "Ada", "items": items, "total_cents": total}) for total in (970, 1290))
    agent, model = agent_saying(first, second)
    with agent:
        example("08_structured").main(agent)
    assert "the items cost 1290 cents together, not 970" in model.requests[1].messages[-1].content
    order, why = capsys.readouterr().out.splitlines()
    assert order.startswith("customer='Ada'") and order.endswith("total_cents=1290")
    assert why == "contract: adds_up passes it"


async def test_example_09_service(agent_saying):
    pytest.importorskip("fastapi", reason="fastapi is not installed: pip install fastapi")
    module = example("09_service")
    product = program("answer = 17 * 23")
    agent, _ = agent_saying(product, "17 times 23 is 391.\nThe answer is 391.")
    app = module.service(agent)
    transport = httpx.ASGITransport(app)
    async with app.router.lifespan_context(app), httpx.AsyncClient(transport=transport, base_url="http://it") as client:
        sent = await client.post("/answer", json={"question": "What is 17 times 23?"})
        assert (await client.post("/answer", json={})).status_code == 422
    events = [block.split("\n") for block in sent.text.strip().split("\n\n")]
    assert {kind for kind, _ in events} == {f"event: {kind}" for kind in module.SHOWN}
    last = json.loads(events[-1][1].removeprefix("data: "))
    assert (last["result"]["answer"], last["result"]["abstained"]) == ("391", False)


async def test_example_10_subgraph(agent_saying, capsys):
    agent, _ = agent_saying(program("answer = 7 * 3.60"), "Seven boxes cost 7 * 3.60 = 25.20.\nThe answer is 25.2.")
    async with agent:
        await example("10_subgraph").main(agent)
    assert capsys.readouterr().out == "The answer is 25.2.\n"
    agent, _ = agent_saying(*[program(f"answer = {n}") for n in range(30)], max_rounds=2)
    async with agent:
        await example("10_subgraph").main(agent)
    assert capsys.readouterr().out.startswith("A colleague will look at this")


def test_example_11_checked_rag(agent_saying, capsys, tmp_path):
    module = example("11_checked_rag")
    (tmp_path / "docs").mkdir()
    agent, _ = agent_saying(*["Ada Lund"] * 10, corpus=str(module.write(tmp_path / "docs")))
    with agent:
        module.main(agent)
    first, *evidence = capsys.readouterr().out.splitlines()
    assert first == "Ada Lund stands on retrieval"
    assert any(line.startswith("supports: ") and "built by Ada Lund" in line for line in evidence)


async def test_example_12_batch(agent_saying, capsys, tmp_path):
    module, asked = example("12_batch"), tmp_path / "asked.jsonl"
    lines = [{"question": f"Write a function `f(x)` that gives x + {n}.", "tests": [f"assert f(1) == {n + 1}"]}
             for n in range(3)]
    asked.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")

    def say(request):
        n = request.messages[-1].content.split("gives x + ")[1][0]
        return program("def f(x):", f"    return x + {n}")

    for steps, told in (([say] * 3, 4), ([], 1)):  # the second start asks nothing
        agent, model = agent_saying(*steps)
        output = tmp_path / "answers.jsonl"
        with Batch(module.tasks_in(asked), agent.settings, output=output, limits=Limits(100_000)) as batch:
            await module.main(batch, LocalEngine(agent.settings, make_agent=lambda _, agent=agent: agent))
        model.assert_done()
        answers = [json.loads(line) for line in output.read_text(encoding="utf-8").splitlines()]
        assert sorted(answer["id"] for answer in answers) == ["0", "1", "2"]
        assert {answer["supported_by"] for answer in answers} == {"contract"}
        lines = capsys.readouterr().out.splitlines()
        assert len(lines) == told and lines[-1] == "3 supported, 0 left"


def test_example_13_own_strategy(agent_saying, capsys):
    module = example("13_own_strategy")
    agent, model = agent_saying(*[program(f"answer = {answer}") for answer in (84, 19, 84, 84)],
                                plugin=module, strategy="first-to:3")
    with agent:
        module.main(agent)
    assert capsys.readouterr().out == "84 after 4 attempts: 3 attempts agree\n"
    model.assert_done()


async def test_example_16_negotiation(agent_saying, capsys):
    def turn(dollars):
        return json.dumps({"say": "Well.", "dollars": dollars})

    agent, model = agent_saying(turn(10), turn(12), turn(12), "Offer less.",
                                *[turn(19 - n) for n in range(8)], "Offer at once.", turn(9), turn(9))
    async with agent:
        assert await example("16_negotiation").main(agent) == [12, None, 9]
    assert capsys.readouterr().out.splitlines()[-1] == "  sold for $9"
    buyers = [request.messages[0].content for request in model.requests if "You buy" in request.messages[0].content]
    assert ["Offer at once." in said for said in buyers] == [False] * 6 + [True]
    model.assert_done()


SAYING = """
from agentfix import hookimpl
from agentfix.testing import ScriptedModel

def say(request):
    asked = str(request.messages)
    if "double" in asked:
        return "```python\\ndef double(x):\\n    return 2 * x\\n```"
    a, b = (6, 4) if "eggs" in asked else (12, 7)
    if "rogram" in asked:
        return f"```python\\nanswer = {a} * {b}\\n```"
    return f"<b>{a}</b> * {b}.\\nThe answer is {a * b}."

@hookimpl
def agentfix_register_models(register):
    register("saying", lambda build: ScriptedModel([say] * 99))
"""


@pytest.mark.filterwarnings("default")  # Jupyter's own
def test_example_14_notebook(tmp_path, monkeypatch):
    nbclient = pytest.importorskip("nbclient", reason="not installed: pip install nbclient ipykernel")
    nbformat = pytest.importorskip("nbformat")
    pytest.importorskip("ipykernel", reason="not installed: pip install nbclient ipykernel")
    (tmp_path / "saying.py").write_text(SAYING, encoding="utf-8")
    for name, value in {"MODEL": "saying:", "PLUGINS": str(tmp_path / "saying.py"), "SANDBOX": "embedded",
                        "DATA_DIR": str(tmp_path / "data")}.items():
        monkeypatch.setenv(f"AGENTFIX_{name}", value)
    book = nbformat.read(EXAMPLES / "14_notebook.ipynb", as_version=4)
    stored = [cell for cell in book.cells if cell.cell_type == "code"]
    assert not [cell for cell in stored if cell.outputs or cell.execution_count], "store it without outputs"
    nbclient.NotebookClient(book, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    outputs = [cell.outputs for cell in stored]
    answer, watched, verified, awaited = outputs[1], outputs[2], outputs[3], outputs[4]
    assert "<b>supported by agreement</b>" in answer[0].data["text/html"] and ">84<" in answer[0].data["text/html"]
    assert "Attempt(" in watched[0].text and ">24<" in watched[1].data["text/html"]
    refuted = verified[0].data["text/html"]
    assert "nothing supports it" in refuted and "<td>contract</td>" in refuted
    assert "CONTRACT" in awaited[0].data["text/plain"]


def test_what_a_notebook_shows_of_a_result_is_data():
    hostile = "<script>alert(1)</script> $\\href{javascript:alert(1)}{x}$ \ud800 \u202e"
    said = Evidence(EvidenceClass.OPINION, "refutes", f"{hostile}'\">", "<i>who</i>", "model")
    critique = Critique(0, "c", "revise", "", (said,))
    shown = Result("r", hostile * 500, None, True, "", hostile, None, "text", (), (critique,), (), Usage(),
                   0.0)._repr_html_()
    assert "<script" not in shown and "<i>" not in shown and shown.encode("utf-8")
    assert shown.startswith("<div class='tex2jax_ignore mathjax_ignore'>")
    assert len(shown) < 10_000


def test_what_a_notebook_shows_of_a_result_says_how_it_stands():
    weak = Result("r", "\x1b[31m", EvidenceClass.AGREEMENT, True, "", "", None, "text", (), (), (), Usage(), 0.0)
    assert "\u241b[31m" in weak._repr_html_() and "\x1b" not in weak._repr_html_()
    assert "<b>supported by agreement only, which is less than was required</b>" in weak._repr_html_()
    assert "<b>declined; supported by agreement</b>" in replace(weak, declined=True)._repr_html_()


def test_example_15_bug_fixer(agent_saying, capsys, tmp_path):
    module, toy = example("15_bug_fixer"), EXAMPLES / "toy_repository"
    source = (toy / "cart.py").read_text(encoding="utf-8")
    wrong, right = (source.replace("sum(price for _name, price, _count", f"sum({each} for _name, price, count")
                    for each in ("price + count", "price * count"))
    agent, model = agent_saying(*(f"```python\n{text}```" for text in (wrong, right)))
    with agent:
        module.main(agent, toy, tmp_path / "copy")
    model.assert_done()
    assert "sum(price for" in str(model.requests[0].messages) and "Its tests say" in str(model.requests[0].messages)
    out = capsys.readouterr().out
    assert "+    cents = sum(price * count for" in out and "All tests pass after 2 attempt(s)" in out
    assert (tmp_path / "copy" / "cart.py").read_text(encoding="utf-8") == right
    assert (toy / "cart.py").read_text(encoding="utf-8") == source
    ran = subprocess.run([sys.executable, "-m", "pytest", "-q", "--rootdir", ".", "test_cart.py"],
                         cwd=tmp_path / "copy", capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout
    agent, _ = agent_saying(*[f"```python\n{wrong}```"] * 30, max_rounds=2)
    with agent:
        module.main(agent, toy, tmp_path / "other")
    assert "No fix was found in 2 attempts" in capsys.readouterr().out and not (tmp_path / "other").exists()


def test_an_example_is_a_plugin_too():
    plugins = Plugins(Settings(plugins=(str(EXAMPLES / "05_own_tool.py"),)), installed=False)
    assert plugins.build("tool", "word_count").spec.description == "Count the words of a text."


@pytest.mark.local_model
def test_an_example_runs_as_a_script_with_a_real_model():
    pytest.importorskip("llama_cpp", reason="llama-cpp-python is not installed: pip install 'agentfix[local]'",
                        exc_type=ImportError)
    if open_catalogue(load_settings()).locate(SMALL) is None:
        pytest.skip(f"the model is not on disk; fetch it with: agentfix models pull {SMALL}")
    environment = {**os.environ, "AGENTFIX_MODEL": f"llamacpp:{SMALL}", "AGENTFIX_SANDBOX": "embedded",
                   "AGENTFIX_MAX_ROUNDS": "1", "AGENTFIX_MAX_TOKENS": "900"}
    done = subprocess.run([sys.executable, EXAMPLES / "01_embed.py"], env=environment, capture_output=True, text=True,
                          check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == ["answer", "supported by", "because"]
