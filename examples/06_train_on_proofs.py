"""Train on what was proved: tasks with your own checks are run, and what the runs proved becomes data for TRL.

The model that is trained here is made on the spot and knows nothing: it shows that the data fits. The files can also be
had from all your runs so far: agentfix export dpo --output dpo.jsonl

Run it with: pip install trl torch && python examples/06_train_on_proofs.py
"""

import asyncio
import json
import sys
from copy import deepcopy
from pathlib import Path
from tempfile import TemporaryDirectory

from datasets import Dataset, load_dataset
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer

from agentfix import Agent, Check, Task

TASKS = [
    Task("Write a Python function `initials(name)` that returns the initials of a name in capitals.", "code",
         (Check("assert initials('ada lovelace') == 'AL'"), Check("assert initials('') == ''"))),
    Task("Write a Python function `middle(values)` that returns the median of a list of numbers.", "code",
         (Check("assert middle([3, 1, 2]) == 2"), Check("assert middle([4, 1, 2, 3]) == 2.5"))),
]
TEMPLATE = ("{% for message in messages %}<{{ message['role'] }}>{{ message['content'] }}</s>{% endfor %}"
            "{% if add_generation_prompt %}<assistant>{% endif %}")
SMALL = {"max_steps": 4, "logging_steps": 1, "per_device_train_batch_size": 1, "learning_rate": 1e-3, "use_cpu": True,
         "bf16": False, "save_strategy": "no", "report_to": "none", "disable_tqdm": True}


async def main(agent: Agent, folder: Path) -> None:
    for task in TASKS:
        await agent.arun(task)
    for name in ("sft", "dpo"):
        made = await agent.aexport(name)
        lines = [json.dumps(row) for row in made.rows]
        (folder / f"{name}.jsonl").write_text("\n".join(lines), encoding="utf-8")
        print(f"{name}: {len(lines)} row(s); left out: {dict(made.left_out)}")
        if not lines:
            sys.exit("Nothing was proved: run more tasks.")
    train(folder)


def train(folder: Path) -> None:
    sft, dpo = read(folder / "sft.jsonl"), read(folder / "dpo.jsonl")
    tokenizer = tokenizer_of([json.dumps(row) for row in (*sft, *dpo)])
    model = LlamaForCausalLM(LlamaConfig(vocab_size=len(tokenizer), hidden_size=32, intermediate_size=64,
                                         num_hidden_layers=2, num_attention_heads=2))
    tuned = SFTTrainer(model, SFTConfig(str(folder), **SMALL), train_dataset=sft, processing_class=tokenizer)
    tuned.train()
    show("sft", tuned)
    preferring = DPOTrainer(model, deepcopy(model), DPOConfig(str(folder), **SMALL), train_dataset=dpo,
                            processing_class=tokenizer)
    preferring.train()
    show("dpo", preferring)


def read(file: Path) -> Dataset:
    return load_dataset("json", data_files=str(file), split="train", cache_dir=str(file.parent))


def tokenizer_of(texts: list[str]) -> PreTrainedTokenizerFast:
    """A tokenizer for these texts, trained here."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer, tokenizer.decoder = pre_tokenizers.ByteLevel(), decoders.ByteLevel()
    tokenizer.train_from_iterator(texts, trainers.BpeTrainer(
        vocab_size=500, special_tokens=["<pad>", "</s>"], initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False))
    return PreTrainedTokenizerFast(tokenizer_object=tokenizer, pad_token="<pad>", eos_token="</s>",
                                   chat_template=TEMPLATE)


def show(name: str, trainer: SFTTrainer | DPOTrainer) -> None:
    losses = [entry["loss"] for entry in trainer.state.log_history if "loss" in entry]
    print(f"{name}: loss {float(losses[0]):.3f} at first, {float(losses[-1]):.3f} after {len(losses)} steps")


async def run() -> None:
    with TemporaryDirectory() as folder:
        async with Agent() as agent:
            await main(agent, Path(folder))


if __name__ == "__main__":
    asyncio.run(run())
