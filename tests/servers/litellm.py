"""The LiteLLM proxy, in front of llama.cpp's server.

Its pins clash with ours, so it has its own environment. The version is pinned: later ones need
packages that not every index has.
"""

from __future__ import annotations

import json
from pathlib import Path

from tests.servers.server import MODEL, Backend, RealServer

VERSION = "1.105.7"


def command(backend: Backend, port: int, folder: Path) -> list[str]:
    settings = folder / "litellm.yaml"
    upstream = {"model": f"openai/{MODEL}", "api_base": backend.upstream, "api_key": "none"}
    # JSON is YAML.
    settings.write_text(json.dumps({"model_list": [{"model_name": MODEL, "litellm_params": upstream}],
                                    "litellm_settings": {"num_retries": 0, "telemetry": False},
                                    "general_settings": {"master_key": backend.key}}), encoding="utf-8")
    start = "from litellm import run_server; run_server()"
    return ["-c", start, "--config", str(settings), "--host", "127.0.0.1", "--port", str(port)]


LITELLM = RealServer("litellm", "litellm.proxy.proxy_server", "/health/readiness", command,
                     (f"litellm[proxy]=={VERSION}",),
                     {"LITELLM_LOCAL_MODEL_COST_MAP": "True"})  # it would ask the internet for prices
