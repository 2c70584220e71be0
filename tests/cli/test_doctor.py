"""`agentfix doctor`: what it concludes, and that nothing stops it."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
from pathlib import Path

import pytest

from agentfix.cli.main import main
from agentfix.doctor import NEEDED, checks, examine, unmet
from agentfix.doctor.finding import Finding
from agentfix.doctor.kept import check_journal
from agentfix.doctor.llama import Build, describe, probe
from agentfix.doctor.loading import check_loading
from agentfix.doctor.machine import check_data_folder, check_disk, check_python
from agentfix.doctor.parts import check_docker, check_model, check_plugins
from agentfix.journal import open_journal
from agentfix.settings import Settings


def test_everything_needed_is_checked_and_every_gap_says_how_to_mend_it(tmp_path: Path) -> None:
    findings = examine(checks(Settings(data_dir=tmp_path)))
    assert set(NEEDED) <= {finding.name for finding in findings}
    assert [finding.name for finding in findings if finding.state != "ok" and not finding.mend] == []


def test_json_is_one_object_and_the_status_says_whether_it_can_run(
        tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("AGENTFIX_DATA_DIR", str(tmp_path / "file" / "below"))
    (tmp_path / "file").write_text("", encoding="utf-8")
    assert main(["doctor", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    assert told["can_run"] is False
    assert {f["name"]: f["state"] for f in told["findings"]}["data folder"] == "broken"


def test_a_check_that_raises_or_hangs_is_a_finding() -> None:
    never = threading.Event()

    def fail() -> Finding:
        raise ZeroDivisionError("odd")

    def hang() -> Finding:
        never.wait()
        return Finding("hang", "ok", "")

    raised, hung, last = examine({"raise": fail, "hang": hang, "last": lambda: Finding("last", "ok", "")}, 0.05)
    never.set()
    assert (raised.state, hung.state, last.state) == ("broken", "broken", "ok")
    assert "ZeroDivisionError" in raised.detail and "no answer within" in hung.detail


def test_only_needed_parts_keep_it_from_running() -> None:
    findings = [Finding("docker", "optional", ""), Finding("model", "missing", ""), Finding("python", "broken", "")]
    assert unmet(findings) == ["python"]


@pytest.mark.parametrize(("gpu", "flag"), [("NVIDIA", "GGML_CUDA"), ("Apple", "GGML_METAL"), ("AMD", "GGML_HIP"),
                                          ("Vulkan", "GGML_VULKAN")])
def test_a_gpu_that_the_build_lacks_gets_its_command(gpu: str, flag: str) -> None:
    build = Build("0.3.36", False, "CPU : AVX2 = 1")
    _, found = describe(build, gpu)
    assert found.state == "optional"
    assert found.mend.startswith(f'CMAKE_ARGS="-D{flag}=on" ')
    assert "-m pip install --force-reinstall --no-cache-dir --no-binary llama-cpp-python llama-cpp-python" in found.mend
    (absent,) = describe(None, gpu)
    assert absent.state == "missing" and flag in absent.mend


def test_no_gpu_command_is_suggested_where_none_is_needed() -> None:
    assert all(not found.mend for found in describe(Build("0.3.36", True, ""), "NVIDIA"))
    assert all(not found.mend for found in describe(Build("0.3.36", False, ""), None))
    (absent,) = describe(None, None)
    assert "CMAKE_ARGS" not in absent.mend


def test_a_llama_build_that_crashes_or_hangs_is_broken_not_fatal(tmp_path: Path) -> None:
    crashing = tmp_path / "crashing"
    crashing.write_text("#!/bin/sh\nkill -ILL $$\n", encoding="utf-8")
    hanging = tmp_path / "hanging"
    hanging.write_text("#!/bin/sh\nexec sleep 60\n", encoding="utf-8")
    for script in (crashing, hanging):
        script.chmod(0o755)
    assert describe(probe(str(crashing)), None)[0].state == "broken"
    assert probe(str(hanging), 0.1) == "it did not load within 0.1 s"


def test_an_old_python_is_broken() -> None:
    assert check_python((3, 10, 9)).state == "broken"
    assert check_python(sys.version_info[:3]).state == "ok"


def test_a_data_folder_that_is_not_there_yet_is_fine_and_not_made(tmp_path: Path) -> None:
    settings = Settings(data_dir=tmp_path / "not" / "yet")
    assert check_data_folder(settings).state == "ok"
    assert check_disk(settings).detail.endswith("GB free") or check_disk(settings).state == "missing"
    assert list(tmp_path.iterdir()) == []


def test_the_model_is_found_missing_or_unknown(tmp_path: Path) -> None:
    mine = tmp_path / "mine.gguf"
    mine.write_bytes(b"GGUF")
    assert check_model(Settings(data_dir=tmp_path, model=f"llamacpp:{mine}")).state == "ok"
    assert check_model(Settings(data_dir=tmp_path, model=str(mine))).detail.endswith(str(mine))
    missing = check_model(Settings(data_dir=tmp_path))
    assert (missing.state, missing.mend) == ("missing", "agentfix models pull qwen2.5-coder-1.5b")
    unknown = check_model(Settings(data_dir=tmp_path, model="llamacpp:qwen2.5-coder-1.5"))
    assert unknown.state == "broken" and "Did you mean" in unknown.mend
    assert check_model(Settings(data_dir=tmp_path, model="openai:some")).state == "ok"


def test_no_docker_engine_is_no_obstacle(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://127.0.0.1:9")
    (found,) = check_docker(Settings())
    assert found.state == "optional" and "docs.docker.com" in found.mend


def test_plugins_that_load_are_counted() -> None:
    found = check_plugins(Settings())
    assert found[0].name == "plugins" or all(finding.state == "broken" for finding in found)


def test_gpus_are_named_with_their_memory_and_the_layers_that_go_there() -> None:
    build = Build("0.3.36", True, "", [("CUDA0", "NVIDIA H100", 79 * 10**9, 80 * 10**9)])
    assert describe(build, "NVIDIA")[1].detail == (
        "CUDA0: NVIDIA H100, 79.0 of 80.0 GB free; all layers go there (gpu_layers = -1)")
    assert "20 layers go there" in describe(build, "NVIDIA", 20)[1].detail


def test_a_model_on_disk_is_loaded_and_its_context_explained(tmp_path: Path) -> None:
    pytest.importorskip("llama_cpp", exc_type=ImportError)
    from tests.models import tiny_gguf

    file = tiny_gguf.write("llama", tmp_path / "tiny.gguf")
    (found,) = check_loading(Settings(data_dir=tmp_path, model=f"llamacpp:{file}", threads=1))
    assert found.state == "ok"
    assert "context 4,096 tokens (1 MB): all that the model was trained for" in found.detail
    assert "0 of 2 layers on a GPU; 1 CPU threads" in found.detail
    (found,) = check_loading(Settings(data_dir=tmp_path, model=str(file), context_tokens=512))
    assert "context 512 tokens: context_tokens says so" in found.detail
    (found,) = check_loading(Settings(data_dir=tmp_path, model=f"llamacpp:{file}", lora=("none.gguf",)))
    assert found.state == "broken" and "no LoRA adapter 'none.gguf'" in found.detail and found.mend
    file.write_bytes(b"GGUF" + bytes(range(256)) * 20)
    (found,) = check_loading(Settings(data_dir=tmp_path, model=f"llamacpp:{file}"))
    assert found.state == "broken" and "can't load" in found.detail and found.mend


def test_what_is_not_on_disk_is_not_loaded(tmp_path: Path) -> None:
    for model in ("llamacpp:qwen2.5-coder-1.5b", "llamacpp:unknown", "openai:some"):
        assert check_loading(Settings(data_dir=tmp_path, model=model)) == ()


def test_a_journal_is_counted_or_its_fault_said_without_its_password(tmp_path: Path, database: str) -> None:
    settings = Settings(data_dir=tmp_path)
    assert "made with the first run" in check_journal(settings).detail and not any(tmp_path.iterdir())
    for journal in (settings, Settings(journal=database)):
        asyncio.run(begun(journal))
        found = check_journal(journal)
        assert found.state == "ok" and found.detail.endswith("1 runs")
    assert "127.0.0.1" in found.detail and "server " in found.detail and "schema 1" in found.detail
    found = check_journal(Settings(journal="postgresql://me:s3cr3t@127.0.0.1:1/db"))
    assert found.state == "broken" and "refused" in found.detail and "s3cr3t" not in repr(found)


async def begun(settings: Settings) -> None:
    journal, _ = open_journal(settings)
    await journal.begin_run("run", {})
    await journal.aclose()
