"""What llama.cpp computes on here: the processor, and the GPUs that its build knows."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

Kind: TypeAlias = Literal["cpu", "gpu", "accelerator"]
_INTEGRATED = 2
"""ggml's number of a GPU that shares the host's memory."""
_KINDS: dict[int, Kind] = {0: "cpu", 1: "gpu", _INTEGRATED: "gpu"}
"""By ggml's number."""


@dataclass(frozen=True, slots=True)
class Device:
    """A device, and its memory now."""

    name: str
    description: str
    kind: Kind
    free_bytes: int
    total_bytes: int
    integrated: bool = False
    """Whether it is a GPU that shares the host's memory."""


def devices() -> tuple[Device, ...]:
    """All of them; none where the bindings of this version don't say."""
    try:
        from llama_cpp import _ctypes_extensions, _ggml  # noqa: PLC0415 - not a part of what it promises

        ggml: Any = _ggml.libggml
        base: Any = _ctypes_extensions.load_shared_library("ggml-base", _ggml.libggml_base_path)
        return _listed(ggml, base)
    except (ImportError, AttributeError, OSError, RuntimeError):
        return ()


def _listed(ggml: Any, base: Any) -> tuple[Device, ...]:
    """See ggml/include/ggml-backend.h for these functions."""
    ggml.ggml_backend_dev_count.restype = ctypes.c_size_t
    ggml.ggml_backend_dev_get.argtypes, ggml.ggml_backend_dev_get.restype = [ctypes.c_size_t], ctypes.c_void_p
    for told in (base.ggml_backend_dev_name, base.ggml_backend_dev_description):
        told.argtypes, told.restype = [ctypes.c_void_p], ctypes.c_char_p
    base.ggml_backend_dev_type.argtypes = [ctypes.c_void_p]
    base.ggml_backend_dev_memory.argtypes = [ctypes.c_void_p, *[ctypes.POINTER(ctypes.c_size_t)] * 2]
    found: list[Device] = []
    for number in range(ggml.ggml_backend_dev_count()):
        device, free, total = ggml.ggml_backend_dev_get(number), ctypes.c_size_t(), ctypes.c_size_t()
        base.ggml_backend_dev_memory(device, ctypes.byref(free), ctypes.byref(total))
        kind = base.ggml_backend_dev_type(device)
        found.append(Device(_text(base.ggml_backend_dev_name(device)),
                            _text(base.ggml_backend_dev_description(device)), _KINDS.get(kind, "accelerator"),
                            free.value, total.value, kind == _INTEGRATED))
    return tuple(found)


def _text(said: bytes | None) -> str:
    return (said or b"").decode("utf-8", "replace")
