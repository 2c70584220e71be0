"""Makes model files of a few hundred kilobytes: real architectures with random weights, and a vocabulary that spells
any text.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import gguf
import numpy as np

EMBEDDING, HEADS, KEY_VALUE_HEADS, HEAD, FORWARD = 32, 4, 2, 8, 48
CONVOLUTION, STATE, STEP_RANK = 4, 8, 4
CONTEXT = 4096
WINDOW = 16
"""How far the layers with a sliding window look back."""
WORDS = 100
VOCABULARY = 3 + 256 + WORDS
END = 2


@dataclass
class _File:
    """The header and the tensors of a model under way."""

    writer: gguf.GGUFWriter
    random: np.random.Generator
    tensors: dict[str, np.ndarray] = field(default_factory=dict)

    def matrix(self, name: str, outputs: int, inputs: int, gain: float = 1.0) -> None:
        weights = self.random.standard_normal((outputs, inputs)) * gain / np.sqrt(inputs)
        self.tensors[f"{name}.weight"] = weights.astype(np.float32)

    def vector(self, name: str, size: int, value: float = 1.0) -> None:
        self.tensors[name] = np.full(size, value, np.float32)


def write(kind: str, path: Path, *, seed: int = 0,
          change: Callable[[dict[str, np.ndarray]], None] | None = None) -> Path:
    """Write a model file.

    Args:
        kind: `llama` (plain attention), `gemma2` (every other layer has a sliding window), `mamba` (recurrent), `jamba`
            (recurrent and attention layers) or `lfm2` (the same, and its attention has a sliding window).
        path: of the file.
        seed: of the weights.
        change: what is done to the weights before they are written.
    """
    file = _File(gguf.GGUFWriter(path, kind), np.random.default_rng(seed))
    _header(file.writer)
    file.matrix("token_embd", VOCABULARY, EMBEDDING)
    {"llama": _llama, "gemma2": _gemma2, "mamba": _mamba, "jamba": _jamba, "lfm2": _lfm2}[kind](file)
    if change is not None:
        change(file.tensors)
    _save(file.writer, file.tensors)
    return path


def write_adapter(path: Path, weights: dict[str, tuple[np.ndarray, np.ndarray]], *, kind: str = "llama",
                  alpha: float = 8.0) -> Path:
    """Write a LoRA adapter.

    Args:
        path: of the file.
        weights: by the name of a tensor of the model, A (rank x inputs) and B (outputs x rank).
        kind: of the model.
        alpha: the change is B A alpha / rank.
    """
    writer = gguf.GGUFWriter(path, kind)
    writer.add_type(gguf.GGUFType.ADAPTER)
    writer.add_string(gguf.Keys.Adapter.TYPE, "lora")
    writer.add_float32(gguf.Keys.Adapter.LORA_ALPHA, alpha)
    _save(writer, {f"{name}.lora_{letter}": part for name, pair in weights.items()
                   for letter, part in zip("ab", pair, strict=True)})
    return path


def _save(writer: gguf.GGUFWriter, tensors: dict[str, np.ndarray]) -> None:
    for name, tensor in tensors.items():
        writer.add_tensor(name, np.ascontiguousarray(tensor, np.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def _header(writer: gguf.GGUFWriter) -> None:
    writer.add_context_length(CONTEXT)
    writer.add_embedding_length(EMBEDDING)
    writer.add_feed_forward_length(FORWARD)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_vocab_size(VOCABULARY)
    words = [f"\u2581w{i}" for i in range(WORDS)]
    writer.add_tokenizer_model("llama")
    writer.add_token_list(["<unk>", "<s>", "</s>", *(f"<0x{i:02X}>" for i in range(256)), *words])
    writer.add_token_scores([0.0] * (3 + 256) + [-float(i) for i in range(WORDS)])
    kinds = gguf.TokenType
    writer.add_token_types([kinds.UNKNOWN, kinds.CONTROL, kinds.CONTROL, *[kinds.BYTE] * 256, *[kinds.NORMAL] * WORDS])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(END)
    writer.add_chat_template("{% for message in messages %}{{ message['content'] }}\n{% endfor %}")


# --- architectures ----------------------------------------------------------------------------------------------------


def _llama(file: _File) -> None:
    _layers(file, 2, [KEY_VALUE_HEADS] * 2)
    _output(file)
    for layer in range(2):
        _attention(file, layer)
        _forward(file, layer)


def _gemma2(file: _File) -> None:
    _layers(file, 2, [KEY_VALUE_HEADS] * 2)
    file.writer.add_sliding_window(WINDOW)
    file.vector("output_norm.weight", EMBEDDING, 3.0)
    for layer in range(2):
        _attention(file, layer)
        _forward(file, layer)
        file.vector(f"blk.{layer}.post_attention_norm.weight", EMBEDDING, 3.0)
        file.vector(f"blk.{layer}.post_ffw_norm.weight", EMBEDDING, 3.0)


def _mamba(file: _File) -> None:
    _layers(file, 2, [0, 0])
    _state_space(file.writer)
    _output(file)
    for layer in range(2):
        _mixer(file, layer)


def _jamba(file: _File) -> None:
    _layers(file, 2, [0, KEY_VALUE_HEADS])
    _state_space(file.writer)
    _output(file)
    _mixer(file, 0)
    for name, size in {"dt": STEP_RANK, "b": STATE, "c": STATE}.items():
        file.vector(f"blk.0.ssm_{name}_norm.weight", size)
    _attention(file, 1)
    for layer in range(2):
        _forward(file, layer)


def _lfm2(file: _File) -> None:
    _layers(file, 2, [0, KEY_VALUE_HEADS])
    file.writer.add_shortconv_l_cache(3)
    file.writer.add_sliding_window(WINDOW)
    file.vector("token_embd_norm.weight", EMBEDDING)
    file.matrix("output", VOCABULARY, EMBEDDING, 4.0)
    file.vector("blk.0.attn_norm.weight", EMBEDDING)
    file.matrix("blk.0.shortconv.conv", EMBEDDING, 3, 2.0)
    file.matrix("blk.0.shortconv.in_proj", 3 * EMBEDDING, EMBEDDING, 2.0)
    file.matrix("blk.0.shortconv.out_proj", EMBEDDING, EMBEDDING, 2.0)
    _attention(file, 1)
    for name in ("q", "k"):
        file.vector(f"blk.1.attn_{name}_norm.weight", HEAD)
    for layer in range(2):
        _forward(file, layer)


# --- parts of them ----------------------------------------------------------------------------------------------------


def _layers(file: _File, layers: int, key_value_heads: list[int]) -> None:
    file.writer.add_block_count(layers)
    file.writer.add_head_count(HEADS)
    alike = len(set(key_value_heads)) == 1
    file.writer.add_head_count_kv(key_value_heads[0] if alike else key_value_heads)
    file.writer.add_key_length(HEAD)
    file.writer.add_value_length(HEAD)
    file.writer.add_rope_dimension_count(HEAD)


def _output(file: _File) -> None:
    file.vector("output_norm.weight", EMBEDDING)
    file.matrix("output", VOCABULARY, EMBEDDING, 4.0)


def _attention(file: _File, layer: int) -> None:
    file.vector(f"blk.{layer}.attn_norm.weight", EMBEDDING)
    file.matrix(f"blk.{layer}.attn_q", HEADS * HEAD, EMBEDDING, 2.0)
    file.matrix(f"blk.{layer}.attn_k", KEY_VALUE_HEADS * HEAD, EMBEDDING, 2.0)
    file.matrix(f"blk.{layer}.attn_v", KEY_VALUE_HEADS * HEAD, EMBEDDING, 2.0)
    file.matrix(f"blk.{layer}.attn_output", EMBEDDING, HEADS * HEAD, 2.0)


def _forward(file: _File, layer: int) -> None:
    file.vector(f"blk.{layer}.ffn_norm.weight", EMBEDDING)
    file.matrix(f"blk.{layer}.ffn_gate", FORWARD, EMBEDDING)
    file.matrix(f"blk.{layer}.ffn_up", FORWARD, EMBEDDING)
    file.matrix(f"blk.{layer}.ffn_down", EMBEDDING, FORWARD)


def _state_space(writer: gguf.GGUFWriter) -> None:
    writer.add_ssm_conv_kernel(CONVOLUTION)
    writer.add_ssm_inner_size(2 * EMBEDDING)
    writer.add_ssm_state_size(STATE)
    writer.add_ssm_time_step_rank(STEP_RANK)


def _mixer(file: _File, layer: int) -> None:
    """A Mamba layer. What it remembers fades slowly, so that it shows when something of it is lost."""
    inner, name = 2 * EMBEDDING, f"blk.{layer}.ssm"
    file.vector(f"blk.{layer}.attn_norm.weight", EMBEDDING)
    file.matrix(f"{name}_in", 2 * inner, EMBEDDING, 2.0)
    file.matrix(f"{name}_conv1d", inner, CONVOLUTION)
    file.vector(f"{name}_conv1d.bias", inner, 0.0)
    file.matrix(f"{name}_x", STEP_RANK + 2 * STATE, inner)
    file.matrix(f"{name}_dt", inner, STEP_RANK)
    file.vector(f"{name}_dt.bias", inner, -2.0)
    file.tensors[f"{name}_a"] = np.tile(-np.arange(1, STATE + 1) / STATE, (inner, 1)).astype(np.float32)
    file.vector(f"{name}_d", inner)
    file.matrix(f"{name}_out", EMBEDDING, inner, 2.0)
