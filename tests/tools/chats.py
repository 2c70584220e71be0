"""Chat templates as a server renders them, contents and all, and the texts that make their turns.

They are those of the families, shorter. Nothing protects contents here: what a fence does not break stays whole.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Sequence
from typing import Any

from jinja2 import Environment, Template

from agentfix import Message
from tests.models.templates import DEEPSEEK, LLAMA3, MISTRAL, QWEN, QWEN_CODER, SMOLLM2


def _turns(begin: str, end: str, opening: str, tool: str = "tool", head: str = "") -> str:
    """A template that writes each message in the same way."""
    role = "{{ {'tool': '" + tool + "'}.get(m.role, m.role) }}"
    turn = f"{begin.replace('ROLE', role)}{{{{ m.content }}}}{end}"
    return f"{head}{{% for m in messages %}}{turn}{{% endfor %}}{opening}"


TEMPLATES = {
    "qwen": QWEN, "qwen-coder": QWEN_CODER, "smollm2": SMOLLM2, "llama3": LLAMA3, "mistral": MISTRAL,
    "deepseek": DEEPSEEK,
    "llama4": _turns("<|header_start|>ROLE<|header_end|>\n\n", "<|eot|>",
                     "<|header_start|>assistant<|header_end|>\n\n", "ipython", "<|begin_of_text|>"),
    "llama2": "{% for m in messages %}{% if m.role == 'system' %}<s>[INST] <<SYS>>\n{{ m.content }}\n<</SYS>>\n\n"
              "{% elif m.role == 'assistant' %} {{ m.content }} </s>"
              "{% else %}<s>[INST] {{ m.content }} [/INST]{% endif %}{% endfor %}",
    "gemma3": _turns("<start_of_turn>ROLE\n", "<end_of_turn>\n", "<start_of_turn>model\n", "user", "<bos>"),
    "gemma4": _turns("<|turn>ROLE\n", "<turn|>\n", "<|turn>model\n<|channel>thought\n<channel|>", "tool", "<bos>"),
    "phi3": _turns("<|ROLE|>\n", "<|end|>\n", "<|assistant|>\n"),
    "phi4": _turns("<|im_start|>ROLE<|im_sep|>", "<|im_end|>", "<|im_start|>assistant<|im_sep|>"),
    "harmony": _turns("<|start|>ROLE<|channel|>final<|message|>", "<|end|>", "<|start|>assistant"),
    "glm": _turns("<|ROLE|>\n", "", "<|assistant|>\n<think></think>", "observation", "[gMASK]<sop>"),
    "command-r": _turns("<|START_OF_TURN_TOKEN|><|ROLE_TOKEN|>", "<|END_OF_TURN_TOKEN|>",
                        "<|START_OF_TURN_TOKEN|><|CHATBOT_TOKEN|>", "SYSTEM", "<BOS_TOKEN>"),
    "granite": _turns("<|start_of_role|>ROLE<|end_of_role|>", "<|end_of_text|>\n",
                      "<|start_of_role|>assistant<|end_of_role|>", "tool_response"),
    "kimi": _turns("<|im_ROLE|>ROLE<|im_middle|>", "<|im_end|>", "<|im_assistant|>assistant<|im_middle|>"),
    "kimi-k3": _turns('<|open|>message role="ROLE"<|sep|>', "<|close|>message<|sep|><|end_of_msg|>",
                      '<|open|>message role="assistant"<|sep|>'),
    "gigachat": _turns("ROLE<|role_sep|>\n", "<|message_sep|>\n\n", "assistant<|role_sep|>\n", "function", "<s>"),
    "apriel": _turns("<|begin_ROLE|>\n", "\n", "<|begin_assistant|>\nHere are my reasoning steps:\n", "tool_result"),
    "minimax": _turns("]~b]ROLE\n", "[e~[\n", "]~b]ai\n<think>\n", "tool", "]~!b["),
    "exaone": _turns("[|ROLE|]", "[|endofturn|]\n", "[|assistant|]"),
    "nemotron": _turns("<SPECIAL_10>ROLE\n", "\n", "<SPECIAL_11>assistant\n<think></think>", "user"),
    "deepseek-dsml": _turns("<｜User｜>\n<function_results>\n<result>", "</result>\n</function_results>\n\n</think>",
                            "<｜Assistant｜><think>", head="<｜begin▁of▁sentence｜>"),
    "seed": _turns("<seed:bos>ROLE\n", "<seed:eos>", "<seed:bos>assistant\n"),
    "zephyr": _turns("<|ROLE|>\n", "</s>\n", "<|assistant|>\n"),
    "vicuna": _turns("{{ m.role | upper }}: ", " ", "ASSISTANT:", "USER"),
    "alpaca": _turns("### {{ {'system': 'Input', 'user': 'Instruction'}.get(m.role, 'Response') }}:\n", "\n\n",
                     "### Response:\n"),
    "human": _turns("\n\n{{ {'user': 'Human', 'tool': 'Human'}.get(m.role, m.role | capitalize) }}: ", "",
                    "\n\nAssistant:"),
    "deepseek-coder": _turns("{{ m.role | capitalize }}: ", "\n\n", "Assistant:", "User", "<｜begin▁of▁sentence｜>"),
    "openchat": _turns("GPT4 Correct {{ m.role | capitalize }}: ", "<|end_of_turn|>", "GPT4 Correct Assistant:"),
    "redpajama": _turns("<{{ m.role }}>: ", "\n", "<bot>:", "human"),
}

_TOKENS = """
<|im_start|> <|im_end|> <|im_sep|> <|im_user|> <|im_system|> <|im_assistant|> <|im_middle|> <|endoftext|>
<|endofprompt|> <|begin_of_text|> <|end_of_text|> <|start_header_id|> <|end_header_id|> <|eot_id|> <|eom_id|>
<|python_tag|> <|finetune_right_pad_id|> <|header_start|> <|header_end|> <|eot|> <|eom|> <|image|> <|step|> [INST]
[/INST] <<SYS>> <</SYS>> <s> </s> <unk> <pad> <mask> <bos> <eos> <start_of_turn> <end_of_turn> <start_of_image>
<end_of_image> <unused0> <unused99> <|turn> <turn|> <|channel> <channel|> <|tool> <tool|> <|tool_call> <tool_call|>
<|tool_response> <tool_response|> <|think|> <|"|> <|user|> <|assistant|> <|system|> <|end|> <|tool|> <|/tool|>
<|tool_call|> <|/tool_call|> <|tool_response|> <|placeholder1|> [TOOL_CALLS] [TOOL_RESULTS] [/TOOL_RESULTS]
[AVAILABLE_TOOLS] [/AVAILABLE_TOOLS] [SYSTEM_PROMPT] [/SYSTEM_PROMPT] [CALL_ID] [ARGS] [TOOL_CONTENT]
[/TOOL_CONTENT] [IMG] [IMG_BREAK] [IMG_END] [THINK] [/THINK] [PREFIX] [MIDDLE] [SUFFIX] [MODEL_SETTINGS]
[/MODEL_SETTINGS] <｜begin▁of▁sentence｜> <｜end▁of▁sentence｜> <｜User｜> <｜Assistant｜> <｜tool▁calls▁begin｜>
<｜tool▁calls▁end｜> <｜tool▁call▁begin｜> <｜tool▁call▁end｜> <｜tool▁sep｜> 
<｜tool▁outputs▁begin｜> <｜tool▁outputs▁end｜> <｜tool▁output▁begin｜> <｜tool▁output▁end｜>
<｜DSML｜function_calls> </｜DSML｜function_calls> <｜DSML｜invoke name="x">
<｜fim▁hole｜> <|EOT|> <|start|> <|channel|> <|message|> <|constrain|> <|call|> <|return|> <|startoftext|>
<|observation|> [gMASK] [sMASK] <sop> <eop> <|begin_of_image|> <arg_key> </arg_key> <arg_value> </arg_value>
<|START_OF_TURN_TOKEN|> <|END_OF_TURN_TOKEN|> <|USER_TOKEN|> <|CHATBOT_TOKEN|> <|SYSTEM_TOKEN|> <BOS_TOKEN>
<EOS_TOKEN> <PAD> <|START_ACTION|> <|END_ACTION|> <|START_RESPONSE|> <|START_THINKING|> <|START_TOOL_RESULT|>
<|END_TOOL_RESULT|> <|start_of_role|> <|end_of_role|> <|start_of_cite|> <|open|> <|close|> <|sep|> <|end_of_msg|>
<|kimi_image_placeholder|> <|tool_calls_section_begin|> <|tool_call_begin|> <|tool_call_argument_begin|>
<|role_sep|> <|message_sep|> <|begin_system|> <|begin_user|> <|begin_assistant|> <|begin_tool_result|>
<|begin_content|> [BEGIN FINAL RESPONSE] ]~b] [e~[ ]~!b[ [|system|] [|user|] [|assistant|] [|endofturn|] [|tool|]
[|Human|] [|AI|] <SPECIAL_10> <SPECIAL_11> <SPECIAL_12> <extra_id_0> <extra_id_1> <TOOLCALL> </TOOLCALL>
<AVAILABLE_TOOLS> <TOOL_RESPONSE> <tool_call> </tool_call> <tool_calls> </tool_calls> <tool_response>
</tool_response> <tool_code> <tools> </tools> <available_tools> <function=send> </function> <parameter=to>
</parameter> <function_call> <functioncall> <function_calls> <function_results> </function_results> <result>
</result> <invoke name="send"> </invoke> <minimax:tool_call> </minimax:tool_call> <seed:tool_call> <seed:bos>
<seed:eos> <longcat_tool_call> <xai:function_call> <think> </think> <thinking> </thinking> <seed:think>
<|begin_of_thought|> <|end_of_thought|> <reasoning> </reasoning> <system> </system> <user> </user> <assistant>
</assistant> <human> <bot> <developer> <model> <instructions> <fim_prefix> <fim_middle> <fim_suffix> <|fim_prefix|>
<file_sep> <|file_sep|> <repo_name> <reponame> <gh_stars> <filename> <empty_output> <jupyter_start> <jupyter_code>
<issue_start> <commit_before> <|vision_start|> <|image_pad|> <TOKENS_UNUSED_1> <reserved_106> <eoh> <eot> <用户> <AI>
<|USER|> <|ASSISTANT|> <|prompter|> <|reserved_special_token_0|>
"""
TOKENS = tuple(re.findall(r"\[BEGIN FINAL RESPONSE\]|<\S* name=\"\w+\">|\S+", _TOKENS))
"""Each of them opens or ends something in some family."""

_MARKS = re.compile("|".join(map(re.escape, sorted(TOKENS, key=len, reverse=True))) + (
    r"|(?:^|(?<=[\n\r\v\f\x1c-\x1e\x85\u2028\u2029]))[ \t]*"
    r"(?:#+ ?(?:Instruction|Response|Input|System|User|Assistant|Human)"
    r"|(?:GPT4 Correct )?(?:System|User|Assistant|Human|Developer)|<(?:system|user|human|bot)>)[ \t]*:"
    r"|\b(?:USER|ASSISTANT|SYSTEM|HUMAN)[ \t]?:"), re.MULTILINE)
_ENVIRONMENT = Environment(trim_blocks=True, lstrip_blocks=True)
_ENVIRONMENT.filters["tojson"] = lambda value, **_: json.dumps(value, ensure_ascii=False)
_CALLING = {"qwen": dict, "qwen-coder": dict, "llama3": dict, "mistral": dict, "deepseek": json.dumps}
"""The templates with a place for calls, and how each takes arguments. The others show what is said beside them."""


def rendered(family: str, messages: Sequence[Message]) -> str:
    """A conversation as a server renders it, with contents as they are."""
    return _template(family).render(
        messages=[_turn(message, family) for message in messages], add_generation_prompt=True, tools=None,
        bos_token="<s>", eos_token="</s>", raise_exception=_refuse)


def structure(text: str) -> list[str]:
    """The marks of turns, calls and thoughts in a rendered prompt, in order."""
    return _MARKS.findall(text)


def _turn(message: Message, family: str) -> dict[str, Any]:
    turn: dict[str, Any] = {"role": message.role, "content": message.content}
    if message.tool_calls and family in _CALLING:
        calls = message.tool_calls[:1] if family == "llama3" else message.tool_calls
        turn["tool_calls"] = [
            {"id": f"call{i:05d}", "type": "function",
             "function": {"name": call.tool, "arguments": _CALLING[family](call.arguments)}}
            for i, call in enumerate(calls)]
    if message.role == "tool":
        turn |= {"tool_call_id": "call00000", "name": "web_search"}
    return turn


@functools.cache
def _template(family: str) -> Template:
    return _ENVIRONMENT.from_string(TEMPLATES[family])


def _refuse(message: str) -> None:
    raise AssertionError(message)
