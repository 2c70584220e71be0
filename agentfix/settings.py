"""Settings: defaults, then agentfix.toml, then environment variables, then arguments; later ones win.

The only reader of the environment.
"""

from __future__ import annotations

import os
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from math import isfinite
from pathlib import Path
from typing import Any, Literal

import platformdirs
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    FieldSerializationInfo,
    ValidationError,
    field_serializer,
    field_validator,
    model_validator,
)

from agentfix.endpoints import Endpoint, Url
from agentfix.errors import ConfigError, UnknownNameError
from agentfix.mcp_servers import McpServer, ServerName
from agentfix.types import Budget, EvidenceClass

FILE_NAME = "agentfix.toml"
PREFIX = "AGENTFIX_"
MAX_TIMEOUT_S = 86_400.0
DEFAULT_ENDPOINT = "openai"
LOCAL = "llamacpp"
"""The backend of local models."""
AT_ONCE_LOCALLY = 8
"""A local model decodes what runs at once in one batch."""
AT_ONCE = 4
"""An endpoint may have a limit on what is asked of it."""
DEFAULT_URL = "https://api.openai.com/v1"
DEFAULT_KEY = "OPENAI_API_KEY"
KEYRING_SERVICE = "agentfix"
WITH_SECRETS = "with_secrets"
"""In the context of `model_dump_json`, it has the journal's URL whole; otherwise that is left out."""
_JOURNALS = ("file", "memory", "file-or-memory")
_POSTGRES = ("postgresql://", "postgres://")
_LISTS = ("critics", "disabled_plugins", "enabled_plugins", "lora", "plugins", "policy", "private_hosts",
          "sandbox_preimports", "search_engines", "tools")


def _data_dir() -> Path:
    return platformdirs.user_data_path("agentfix", appauthor=False)


class Settings(BaseModel):
    """Everything that can be set. Each field is a key of agentfix.toml and, upper-cased, an AGENTFIX_ variable."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    model: str = "llamacpp:qwen2.5-coder-1.5b"
    """The actor: `backend:name`."""
    critic_model: str | None = None
    """The critic's model; the actor's when not set."""
    strategy: str = "critic"
    kind: str = "auto"
    critics: tuple[str, ...] = ()
    """Critics that are asked besides the kind's own."""
    tools: tuple[str, ...] = ()
    """What the model may use when it acts, by name; all tools without side effects when none is named."""
    sandbox: str = "auto"
    corpus: str = "default"
    """What `corpus_search` searches: a corpus by name, or a file or folder by its path, which is indexed when it is
    first searched."""
    corpus_rerank: bool = False
    """Have the critic's model order the best passages of `corpus_search` anew, which reads each of them."""
    search_engines: tuple[str, ...] = ("duckduckgo", "wikipedia")
    """Whom `web_search` asks: the first one, and the next where that fails or finds nothing."""
    searxng_url: Url | None = None
    """Where the search engine `searxng` is."""
    safe_search: Literal["off", "moderate", "strict"] = "moderate"
    """How strictly search engines leave out results for adults."""
    search_age_s: float = Field(86_400.0, ge=0, allow_inf_nan=False)
    """How old a result of `web_search` may be that is taken from the disk; 0 to keep none."""
    require: Literal["opinion", "agreement", "retrieval", "measurement", "person", "contract"] = "agreement"
    """The evidence class from which an answer counts as supported."""
    memory: bool = True
    """Let strategies that learn remember something from one run to the next, in the data folder."""
    seed: int = 0
    deterministic: bool = False
    """Have a local model compute each completion and score alone: slower, and the same seed gives the same bits on one
    build."""

    max_rounds: int | None = Field(8, ge=0)
    max_model_calls: int | None = Field(None, ge=0)
    max_tool_calls: int | None = Field(64, ge=0)
    max_tokens: int | None = Field(None, ge=0)
    max_cost: float | None = Field(None, ge=0)
    max_seconds: float | None = Field(None, ge=0)

    context_tokens: int | None = Field(None, ge=256)
    """Context of local models; by the model and the free memory when not set."""
    gpu_layers: int = -1
    """Layers of local models put on a GPU, where llama.cpp was built with one; -1 for all."""
    threads: int | None = Field(None, ge=1)
    """CPU threads of local models; one for each physical core when not set."""
    lora: tuple[str, ...] = ()
    """LoRA adapters of local models, as `FILE` or `FILE:SCALE`."""
    prefixes_bytes: int = Field(2**30, ge=0)
    """How much of the disk may hold what local models have read of system prompts and examples; 0 to keep nothing."""
    policy: tuple[str, ...] = ()
    """Which tool calls are made, asked about or refused: `allow|ask|deny TOOL(ARGUMENT=PATTERN, ...)`; the first that
    fits decides. Without one, calls with side effects are asked about."""
    private_hosts: tuple[str, ...] = ()
    """Hosts of private networks, or of this machine, that tools may reach all the same, as `HOST` or `HOST:PORT`."""
    work_dir: Path | None = None
    """The folder in which tools keep files. When not set, the current one for `agentfix run`, else a new one for each
    run, in the data folder."""
    tool_timeout_s: float = Field(10.0, gt=0, le=MAX_TIMEOUT_S, allow_inf_nan=False)
    toxicity_scorer: str = "local"
    """By what the tool `toxicity` judges: `local`, `lstm`, `profanity-check`, `detoxify` or `perspective`."""
    sandbox_image: str = "agentfix-python"
    sandbox_runtime: str = ""
    """The Docker engine's runtime for boxes, such as `runsc`; its default when empty."""
    sandbox_preimports: tuple[str, ...] = ("numpy", "sympy")
    """Modules that boxes import beforehand, for programs that import one of them."""
    sandbox_max_boxes: int | None = Field(None, ge=1)
    """How many boxes there may be at once; by the number of cores when not set."""
    sandbox_share: bool = False
    """Let a box serve one run after another; otherwise each run has boxes of its own."""
    data_dir: Path = Field(default_factory=_data_dir)
    """Journal and models live here."""
    journal: str = Field("file", repr=False)
    """Where what happens is kept: `file`, in the data folder; `memory` leaves nothing behind, and `file-or-memory` goes
    on in memory when the file can't be written; `postgresql://USER@HOST/DATABASE` is a database that many machines
    share. It may hold a password, and stands in no journal, recording or message."""
    record: Path | None = None
    """A file to which the calls of each run are added, for `replay:FILE`."""
    openai_base_url: Url = DEFAULT_URL
    """Where `openai:MODEL` is, unless `endpoints.openai` says so; OPENAI_BASE_URL is read too."""
    endpoints: dict[str, Endpoint] = Field(default_factory=dict[str, Endpoint])
    """By name: `openai:MODEL@NAME` asks it."""
    mcp_servers: dict[ServerName, McpServer] = Field(default_factory=dict[ServerName, McpServer])
    """Servers whose tools can be called, by name: `[mcp_servers.NAME]` with a `command` or a `url`."""
    hugging_face_url: str = "https://huggingface.co"
    plugins: tuple[str, ...] = ()
    """Plugins that are not installed: files, folders and modules. A path in agentfix.toml begins where that file is."""
    plugins_dir: Path | None = None
    """A folder whose Python files and packages are plugins; `plugins` beside agentfix.toml, if there is one."""
    disabled_plugins: tuple[str, ...] = ()
    """Plugins that are left out, whoever names them."""
    enabled_plugins: tuple[str, ...] | None = None
    """When set, of the plugins that are found rather than named only these are used, and agentfix's own."""
    plugin_timeout_s: float = Field(10.0, gt=0, le=MAX_TIMEOUT_S, allow_inf_nan=False)
    """How long the import of a plugin that is not agentfix's own may take, and each of its registration hooks. Making
    a part of it may take six times that, models and datasets as long as they like."""

    @model_validator(mode="before")
    @classmethod
    def _known_default(cls, values: Any) -> Any:
        """Let `[endpoints.openai]` set a price or a time-out without saying again where that endpoint is."""
        table: Any = values.get("endpoints") if isinstance(values, dict) else None  # pyright: ignore[reportUnknownVariableType]
        given: Any = table.get(DEFAULT_ENDPOINT) if isinstance(table, dict) else None  # pyright: ignore[reportUnknownVariableType]
        if not isinstance(given, dict) or "base_urls" in given:
            return values  # pyright: ignore[reportUnknownVariableType]
        url: Any = values.get("openai_base_url", DEFAULT_URL)  # pyright: ignore[reportUnknownVariableType]
        whole: dict[str, Any] = {"base_urls": (url,), "key": DEFAULT_KEY, **given}
        filled: dict[str, Any] = {**values, "endpoints": {**table, DEFAULT_ENDPOINT: whole}}
        return filled

    @field_validator("journal")
    @classmethod
    def _is_a_journal(cls, journal: str) -> str:
        url = journal.startswith(_POSTGRES)
        if not url and journal not in _JOURNALS:
            raise ValueError("it must be file, memory, file-or-memory or postgresql://USER@HOST/DATABASE")
        if url and (problem := misread(journal)):
            raise ValueError(problem)
        return journal

    @field_serializer("journal", when_used="json")
    def _without_password(self, journal: str, info: FieldSerializationInfo) -> str:
        known = bool(info.context and info.context.get(WITH_SECRETS))
        return journal if known or not journal.startswith(_POSTGRES) else "postgresql://..."

    @field_validator("data_dir")
    @classmethod
    def _usable(cls, path: Path) -> Path:
        if "\0" in str(path):
            raise ValueError("a path can't hold a NUL character")
        try:
            return path.expanduser()
        except RuntimeError as error:
            raise ValueError(str(error)) from error

    @field_validator("work_dir")
    @classmethod
    def _absolute(cls, path: Path | None) -> Path | None:
        return None if path is None else cls._usable(path).absolute()

    @property
    def budget(self) -> Budget:
        """The limits of a run."""
        return Budget(self.max_rounds, self.max_model_calls, self.max_tool_calls, self.max_tokens,
                      self.max_cost, self.max_seconds)

    @property
    def required_class(self) -> EvidenceClass:
        """`require` as an evidence class."""
        return EvidenceClass.parse(self.require)

    def endpoint(self, name: str) -> Endpoint:
        """The endpoint of a name, or at an address. To an address no key is sent.

        Raises:
            UnknownNameError: there is none.
            ConfigError: the address is none.
        """
        if "://" in name:
            try:
                return Endpoint(base_urls=(name,))
            except ValidationError as error:
                raise ConfigError(f"A model can't be asked there: {error.errors()[0]['msg']}.") from error
        if name in self.endpoints:
            return self.endpoints[name]
        if name == DEFAULT_ENDPOINT:
            return Endpoint(base_urls=(self.openai_base_url,), key=DEFAULT_KEY)
        raise UnknownNameError("endpoint", name, {*self.endpoints, DEFAULT_ENDPOINT})

    def chosen_endpoints(self) -> dict[str, Endpoint]:
        """The endpoints that the user set up: those of the table, and the default one where its address or its key is
        given."""
        chosen = dict(self.endpoints)
        if DEFAULT_ENDPOINT not in chosen and ("openai_base_url" in self.model_fields_set or read_key(DEFAULT_KEY)):
            chosen[DEFAULT_ENDPOINT] = self.endpoint(DEFAULT_ENDPOINT)
        return chosen

    @property
    def adapters(self) -> tuple[tuple[Path, float], ...]:
        """The files of `lora`, and how strongly each counts."""
        return tuple(_adapter(text) for text in self.lora)

    @property
    def runs_at_once(self) -> int:
        """How many runs one process has at once that works through many tasks, unless told."""
        return AT_ONCE_LOCALLY if split_model(self.model)[0] == LOCAL else AT_ONCE

    @property
    def models_dir(self) -> Path:
        """Where model files are."""
        return self.data_dir / "models"

    @property
    def datasets_dir(self) -> Path:
        """Where data sets are pulled to."""
        return self.data_dir / "datasets"

    @property
    def prefixes_dir(self) -> Path:
        """Where what local models have read is kept."""
        return self.data_dir / "prefixes"

    @property
    def journal_url(self) -> str | None:
        """The database that the journal is in; None where it is in none."""
        return self.journal if self.journal.startswith(_POSTGRES) else None

    @property
    def journal_path(self) -> Path:
        """The file of the journal, where it is in one."""
        return self.data_dir / "journal.sqlite"

    @property
    def memory_path(self) -> Path:
        """The file of what strategies remember."""
        return self.data_dir / "memory.sqlite"


def misread(url: str) -> str:
    """Why a database's URL would be taken for another than is meant, and a piece of its password for a name; empty
    where it would not.

    Args:
        url: as libpq takes it.
    """
    head, _, path = url.partition("://")[2].partition("/")
    if "@" in path.partition("?")[0] or head.partition("?")[0].count("@") > 1:
        return "an @ within a user's name or a password is written %40, and a / %2F"
    hosts = head.rpartition("@")[2].partition("?")[0].split(",")
    ports = [host.rpartition("]")[2].partition(":")[2] for host in hosts]
    if all(port == "" or (port.isascii() and port.isdecimal()) for port in ports):
        return ""
    return "its port is no number; a / within a password is written %2F"


def load_settings(arguments: Mapping[str, Any] | None = None, *, directory: Path | None = None,
                  environment: Mapping[str, str] | None = None) -> Settings:
    """Read settings from everywhere.

    Args:
        arguments: highest precedence; None values are ignored.
        directory: where agentfix.toml is looked for; the working directory by default.
        environment: stands in for os.environ.

    Raises:
        ConfigError: a file or value is wrong; says where it stands.
    """
    environment = os.environ if environment is None else environment
    path = settings_path(directory, environment)
    layers: list[tuple[str, Mapping[str, Any]]] = [
        (str(path), _read_file(path, required=bool(environment.get(PREFIX + "CONFIG")))),
        ("the environment", _read_environment(environment)),
        ("the arguments", {k: v for k, v in (arguments or {}).items() if v is not None}),
    ]
    merged: dict[str, Any] = {}
    for source, values in layers:
        for key in values:
            if key not in Settings.model_fields:
                unknown = UnknownNameError("setting", key, Settings.model_fields)
                raise ConfigError(f"{unknown.message[:-1]} (in {source}).", unknown.hint)
        merged.update(values)
        try:
            Settings.model_validate(merged)
        except ValidationError as error:
            first = error.errors()[0]
            name = ".".join(str(part) for part in first["loc"])
            said = "it must be a list" if first["type"] == "tuple_type" else first["msg"]
            raise ConfigError(f"The setting {name!r} in {source} is wrong: {said}.") from error
    return Settings.model_validate(merged)


def settings_path(directory: Path | None = None, environment: Mapping[str, str] | None = None) -> Path:
    """Where agentfix.toml is, or would be.

    Args:
        directory: instead of the working directory.
        environment: stands in for os.environ; AGENTFIX_CONFIG names another file.
    """
    environment = os.environ if environment is None else environment
    return Path(environment.get(PREFIX + "CONFIG", "") or (directory or Path()) / FILE_NAME)


def read_key(name: str, environment: Mapping[str, str] | None = None) -> str | None:
    """A secret, from the environment or else the system's keyring. It is never kept in settings.

    Args:
        name: of the variable, and of the keyring's entry.
        environment: stands in for os.environ.

    Raises:
        ConfigError: it holds what no key can have.
    """
    environment = os.environ if environment is None else environment
    key = (environment.get(name) or _from_keyring(name) or "").strip()  # files end in a line end that is not meant
    if not (key.isascii() and key.isprintable()):
        raise ConfigError(f"The key {name} holds a character that no key can have.", "Set it again.")
    return key or None


def set_unless_set(name: str, value: str) -> None:
    """Have this process, and those that it starts, find a variable in their environment unless the user set it.

    Args:
        name: of the variable, which is a third party's.
        value: of it.
    """
    os.environ.setdefault(name, value)


def split_model(spec: str) -> tuple[str, str]:
    """The backend and the name of a model, as users write it: what begins with no backend is a local model's name.

    Args:
        spec: `backend:name`; or a name of the catalogue, `OWNER/REPO:FILE.gguf` or a path.
    """
    backend, colon, name = spec.partition(":")
    return (backend, name) if colon and not {"/", "\\"} & {*backend} else (LOCAL, spec)


def _adapter(text: str) -> tuple[Path, float]:
    file, colon, scale = text.rpartition(":")
    with suppress(ValueError):
        if colon and isfinite(float(scale)):
            return Path(file).expanduser(), float(scale)
    return Path(text).expanduser(), 1.0


def _from_keyring(name: str) -> str | None:
    try:
        import keyring  # noqa: PLC0415 - an optional package
        from keyring.errors import KeyringError  # noqa: PLC0415
    except ModuleNotFoundError:
        return None
    try:
        return keyring.get_password(KEYRING_SERVICE, name)
    except (KeyringError, RuntimeError):  # no keyring on this machine
        return None


def _read_file(path: Path, *, required: bool) -> dict[str, Any]:
    if not required and not path.exists():
        return {}
    try:
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path} can't be read: {error}.", "Mend or remove the file.") from error
    named: Any = values.get("plugins")
    if isinstance(named, list):
        values["plugins"] = [_beside(path, name) for name in named]  # pyright: ignore[reportUnknownVariableType]
    # Without the file nothing is loaded: code must not run because of the folder that one happens to stand in.
    return {"plugins_dir": path.parent / "plugins"} | values if (path.parent / "plugins").is_dir() else values


def _beside(file: Path, plugin: Any) -> Any:
    """A plugin's path that begins where the file is; what is no path stays as it is."""
    is_path = isinstance(plugin, str) and (plugin.endswith(".py") or "/" in plugin or os.sep in plugin)
    return str(file.parent / Path(plugin).expanduser()) if is_path else plugin


def _read_environment(environment: Mapping[str, str]) -> dict[str, Any]:
    values: dict[str, Any] = {}
    if environment.get("OPENAI_BASE_URL"):
        values["openai_base_url"] = environment["OPENAI_BASE_URL"]
    for name, value in environment.items():
        key = name.removeprefix(PREFIX).lower()
        if name.startswith(PREFIX) and key != "config" and value:
            values[key] = value.split(",") if key in _LISTS else value
    return values
