"""Chat templates that show calls as those of the families do, shorter.

¶ is a line end, where Jinja would trim a plain one: after a tag, and at the end.
"""

from __future__ import annotations

_LINE_END = "{{ '\n' }}"

_CHATML = "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"

SMOLLM2 = (
    "{% for m in messages %}{% if loop.first and m['role'] != 'system' %}<|im_start|>system\nYou are SmolLM."
    "<|im_end|>\n{% endif %}"
    "{{ '<|im_start|>' + m['role'] + '\n' + m['content'] + '<|im_end|>' + '\n' }}{% endfor %}" + _CHATML)
"""No place for tools."""

_QWEN_HEAD = (
    "{% set head = messages[0].content if messages[0].role == 'system' else 'You are Qwen.' %}"
    "<|im_start|>system\n{{ head }}{% if tools %}¶\n# Tools\n<tools>{% for tool in tools %}¶{{ tool | tojson }}"
    "{% endfor %}¶</tools>")
_QWEN_RESULT = (
    "{% elif m.role == 'tool' %}"
    "{% if loop.first or messages[loop.index0 - 1].role != 'tool' %}<|im_start|>user{% endif %}¶"
    "<tool_response>\n{{ m.content }}\n</tool_response>"
    "{% if loop.last or messages[loop.index0 + 1].role != 'tool' %}<|im_end|>\n{% endif %}{% endif %}{% endfor %}")
_QWEN_TURNS = (
    "{% for m in messages %}{% if m.role == 'user' or (m.role == 'assistant' and not m.tool_calls) %}"
    "{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}"
    "{% elif m.role == 'assistant' %}<|im_start|>assistant{% if m.content %}¶{{ m.content }}{% endif %}"
    "{% for call in m.tool_calls %}{% set call = call.function %}¶<tool_call>\n")

QWEN = (
    _QWEN_HEAD + "¶<tool_call>\n{\"name\": <function-name>, \"arguments\": <args-json-object>}\n</tool_call>{% endif %}"
    "<|im_end|>\n" + _QWEN_TURNS + "{\"name\": \"{{ call.name }}\", \"arguments\": {{ call.arguments | tojson }}}\n"
    "</tool_call>{% endfor %}<|im_end|>\n" + _QWEN_RESULT + _CHATML)

QWEN_CODER = (
    "{% set head = messages[0].content if messages[0].role == 'system' else 'You are Qwen.' %}"
    "<|im_start|>system\n{{ head }}{% if tools %}<tools>{% for tool in tools %}{% set tool = tool.function %}"
    "¶<function>\n<name>{{ tool.name }}</name>{{ '\n<description>' ~ (tool.description | trim) ~ '</description>' }}"
    "{% for name, fields in tool.parameters.properties | items %}¶<parameter>\n<name>{{ name }}</name>"
    "{{ '\n<type>' ~ (fields.type | string) ~ '</type>' }}"
    "{{ '\n<required>yes</required>' if name in tool.parameters.required }}\n</parameter>{% endfor %}¶</function>"
    "{% endfor %}¶</tools>\n<tool_call>\n<function=name>...</function>\n</tool_call>{% endif %}<|im_end|>\n"
    + _QWEN_TURNS + "<function={{ call.name }}>\n{% for name, value in call.arguments | items %}"
    "<parameter={{ name }}>\n{{ value if value is string else value | tojson }}\n</parameter>\n{% endfor %}</function>"
    "\n</tool_call>{% endfor %}<|im_end|>\n" + _QWEN_RESULT + _CHATML)

LLAMA3 = (
    "{{ bos_token }}{% if messages[0].role == 'system' %}{% set head = messages[0].content | trim %}"
    "{% set messages = messages[1:] %}{% else %}{% set head = '' %}{% endif %}"
    "<|start_header_id|>system<|end_header_id|>\n\n{{ head }}<|eot_id|>"
    "{% if tools is not none %}<|start_header_id|>user<|end_header_id|>\n\n"
    "Respond in the format {\"name\": function name, \"parameters\": dictionary of argument name and its value}.\n"
    "{% for tool in tools %}{{ tool | tojson(indent=4) }}\n\n{% endfor %}{{ messages[0].content | trim }}<|eot_id|>"
    "{% set messages = messages[1:] %}{% endif %}"
    "{% for m in messages %}{% if 'tool_calls' in m %}{% if m.tool_calls | length != 1 %}"
    "{{ raise_exception('This model only supports single tool-calls at once!') }}{% endif %}"
    "{% set call = m.tool_calls[0].function %}<|start_header_id|>assistant<|end_header_id|>\n\n"
    "{{ '{\"name\": \"' + call.name + '\", \"parameters\": ' }}{{ call.arguments | tojson }}}<|eot_id|>"
    "{% elif m.role in ('tool', 'ipython') %}<|start_header_id|>ipython<|end_header_id|>\n\n"
    "{{ m.content | tojson if m.content is iterable else m.content }}<|eot_id|>"
    "{% else %}<|start_header_id|>{{ m.role }}<|end_header_id|>\n\n{{ m.content | trim }}<|eot_id|>{% endif %}"
    "{% endfor %}<|start_header_id|>assistant<|end_header_id|>\n¶")

MISTRAL = (
    "{% if messages[0].role == 'system' %}{% set head = messages[0].content %}{% set messages = messages[1:] %}"
    "{% endif %}{% set asked = messages | selectattr('role', 'equalto', 'user') | list %}{{ bos_token }}"
    "{% for m in messages %}{% if m.role == 'user' %}{% if tools is not none and m == asked[-1] %}[AVAILABLE_TOOLS]["
    "{% for tool in tools %}{{ tool | tojson }}{{ ', ' if not loop.last }}{% endfor %}][/AVAILABLE_TOOLS]{% endif %}"
    "[INST]{{ head + '\n\n' if loop.last and head is defined }}{{ m.content }}[/INST]"
    "{% elif m.tool_calls is defined %}[TOOL_CALLS][{% for call in m.tool_calls %}"
    "{% if call.id | length != 9 %}{{ raise_exception('Tool call IDs should be alphanumeric strings of length 9!') }}"
    "{% endif %}{{ (call.function | tojson)[:-1] }}, \"id\": \"{{ call.id }}\"}{{ ', ' if not loop.last }}{% endfor %}]"
    "{{ eos_token }}{% elif m.role == 'tool' %}[TOOL_RESULTS]{\"content\": {{ m.content | string }}, "
    "\"call_id\": \"{{ m.tool_call_id }}\"}[/TOOL_RESULTS]{% else %}{{ m.content + eos_token }}{% endif %}{% endfor %}")

DEEPSEEK = (
    "{{ bos_token }}{% for m in messages if m.role == 'system' %}{{ m.content }}{% endfor %}"
    "{% for tool in tools or [] %}¶{{ tool | tojson }}{% endfor %}"
    "{% for m in messages %}{% if m.role == 'user' %}{{ '<｜User｜>' + m.content }}"
    "{% elif m.role == 'assistant' and m.tool_calls is defined %}<｜Assistant｜>{{ m.content }}<｜tool▁calls▁begin｜>"
    "{% for call in m.tool_calls %}{{ '<｜tool▁call▁begin｜>function<｜tool▁sep｜>' + call.function.name"
    " + '\n```json\n' + call.function.arguments + '\n```<｜tool▁call▁end｜>' }}"
    "{% endfor %}<｜tool▁calls▁end｜><｜end▁of▁sentence｜>"
    "{% elif m.role == 'assistant' %}{{ '<｜Assistant｜>' + m.content + '<｜end▁of▁sentence｜>' }}"
    "{% elif m.role == 'tool' %}{{ '<｜tool▁output▁begin｜>' + m.content + '<｜tool▁output▁end｜>' }}{% endif %}"
    "{% endfor %}<｜Assistant｜>")

SMOLLM2, QWEN, QWEN_CODER, LLAMA3, MISTRAL, DEEPSEEK = (
    each.replace("¶", _LINE_END) for each in (SMOLLM2, QWEN, QWEN_CODER, LLAMA3, MISTRAL, DEEPSEEK))
TOOL_FAMILIES = {"qwen": QWEN, "qwen-coder": QWEN_CODER, "llama3": LLAMA3, "mistral": MISTRAL, "deepseek": DEEPSEEK}
