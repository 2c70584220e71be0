"""The texts that make turns, tool calls and fences in prompts, and how they are taken the force of.

Servers render prompts with chat templates and read the result with tokenizers that take `<|im_start|>` for a control
token wherever it stands. A backslash within it makes it a text that says so: `<\\|im_start|>`. Text that holds nothing
of the kind stays as it is, to the byte, so that quotes of it are exact.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

_LOOKALIKES = str.maketrans({
    **dict.fromkeys("￨¦│∣ǀ❘⎸┃丨", "|"), **dict.fromkeys("‹〈⟨❮˂〈❬᚜", "<"), **dict.fromkeys("›〉⟩❯˃〉❭᚛", ">"),
    **dict.fromkeys("⁄∕⧸", "/"), **dict.fromkeys("ː∶꞉˸։", ":"), **dict.fromkeys("▁ˍ", "_"), **dict.fromkeys("⧵∖", "\\"),
    **dict.fromkeys("【〖〔❲⦋⁅⟬〘", "["), **dict.fromkeys("】〗〕❳⦌⁆⟭〙", "]"),
    **dict(zip("аеорсухіјѕԁոһԛԝАВЕКМНОРСТХЅІЈ", "aeopcyxijsdnhqwABEKMHOPCTXSIJ", strict=True)),
    **dict(zip("αορνυικτΑΒΕΖΗΙΚΜΝΟΡΤΥΧ", "aopvuiktABEZHIKMNOPTYX", strict=True)), "ı": "i", "ɩ": "i", "ⅼ": "l"})
"""Characters that pass for others, where Unicode's compatibility forms do not say so."""
_DOUBLE = str.maketrans({"⟦": "[[", "〚": "[[", "«": "<<", "《": "<<", "⟧": "]]", "〛": "]]", "»": ">>", "》": ">>"})

_SPECIALS = (
    r"(?:start|end)_of_(?:turn|image|audio|file)|bos|eos|pad|unk|cls|sep|mask|sop|eop|eod|eot|eoh|eos_token|bos_token|"
    r"fim_\w+|file_?sep|repo_?name|gh_stars|filename|empty_output|jupyter_\w+|issue_\w+|commit_\w+|extra_id_\d+|"
    r"special_\d+|reserved_\d+|unused_?\d+|tokens_unused_\d+|mask:\d+|ai|用户|img|/img|box|/box|ref|/ref|quad|/quad")
_CALLS = (
    r"tool_?calls?|tool_?responses?|tool_?results?|tool_?outputs?|tool_code|tool_declare|available_tools|"
    r"function_?calls?|function_?responses?|function_?results?|arg_key|arg_value|invoke|think|thinking|"
    r"code_interpreter|execute_\w+|internal_thinking")
_ROLES = (
    r"system|user|assistant|human|bot|developer|model|tools?|functions?|parameters?|environment|ipython|observation|"
    r"reasoning|thought|scratchpad|instructions?|system_prompt|response|result")
_SQUARES = (
    r"(?i:INST)|SYSTEM_PROMPT|TOOL_CALLS|TOOL_RESULTS|AVAILABLE_TOOLS|TOOL_CONTENT|CALL_ID|ARGS|THINK|MODEL_SETTINGS|"
    r"PREFIX|MIDDLE|SUFFIX|IMG|IMG_BREAK|IMG_END|AUDIO|BEGIN_AUDIO|gMASK|sMASK|MASK|CLS|SEP|UNK|PAD|EOS|BOS|"
    r"BEGIN FINAL RESPONSE|END FINAL RESPONSE")
_SPEAKERS = r"system|user|assistant|human|developer"
_HEADINGS = rf"{_SPEAKERS}|instructions?|response|input|gpt|tool|function"
_LINE = r"(?:^|(?<=[\r\v\f\x1c-\x1e\x85\u2028\u2029]))"

_OPENINGS = re.compile("|".join((
    r"<(?=\\*/?\|(?=[^\s|<>])[^<>|\n]{1,64}[|>])",  # <|im_start|>, <｜User｜>, <|turn>, <｜DSML｜invoke name="x">
    r"<(?=\\*[\w:./-]{1,40}\|>)",  # <turn|>
    rf"<(?=\\*\|\s*(?:im_start|im_end|{_SPEAKERS}|tool|end)\s*\|\s*>)",
    r"[\[\]](?=\\*[|~!e])(?=\\*(?:\|[\w/]{1,40}\|\]|~!?b[\[\]]|e~\[))",  # [|assistant|], ]~b], [e~[
    rf"\[(?=\\*/?(?:{_SQUARES})\])",
    r"<(?=\\*<?/?SYS>)", r"<(?=\\*/?s>)",
    rf"<(?=\\*/?(?:\w{{1,20}}:)?(?i:{_SPECIALS})>)",
    rf"<(?=\\*/?(?:[\w.-]{{1,40}}[:_])?(?i:{_CALLS})(?:[\s=/>]|$))",
    r"<(?=\\*(?i:function|parameter)=)",
    rf"<(?=\\*/?\s*(?:{_ROLES})(?:[\s=:][^<>\n]{{0,200}})?\s*/?>)",
    rf"(?<!\w)<(?=\\*/?\s*(?i:{_ROLES})(?:[\s=:][^<>\n]{{0,200}})?\s*/?>)",  # not the end of List<User>
    rf"{_LINE}[ \t]*#{{1,6}}[ \t]*(?i:{_HEADINGS})[ \t]*(?=\\*:)",
    rf"{_LINE}[ \t]*(?:GPT4 (?:Correct )?)?(?i:{_SPEAKERS})[ \t]*(?=\\*:)",
    r"\b(?:USER|ASSISTANT|SYSTEM|HUMAN)[ \t]?(?=\\*:)",
    r"[\[({<](?=\\*[\s\[({<]{0,8}(?i:end\s+of\s+output)\b)",  # our own
    r"\[(?=\\*\[\s*(?i:output\s+of)\b)",
)), re.MULTILINE)
"""Each match ends where the backslash goes. Backslashes that stand there already get one more, so that what was done
can be told from what was there."""

_INVISIBLE = re.compile(
    "[\x00-\x08\x0b\x0e-\x1f\x7f-\x84\x86-\x9f\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\uffff\ud800-\udfff"
    "\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]")
_FLAG = re.compile("\U0001f3f4\U000e0067\U000e0062(?:\U000e0065\U000e006e\U000e0067|\U000e0073\U000e0063\U000e0074|"
                   "\U000e0077\U000e006c\U000e0073)\U000e007f")
"""England, Scotland and Wales are written with tag characters."""
_UNSEEN = frozenset("\u00ad\u200c\u200d\u200e\u200f\ufe0e\ufe0f")


def defused(text: str) -> str:
    """A text that makes no turn, call or fence wherever it stands, and hides nothing.

    Args:
        text: any.

    Returns:
        The same text with a backslash in each control token, in each speaker's name at the head of a line, and in each
        mark of a fence. Invisible characters and control characters are written out (`\\u200b`), but for those that
        writing needs: line ends, joiners within words of other scripts, variants of emoji.
    """
    text = _shown(text)
    skeleton, places = _skeleton(text)
    parts, begin = list[str](), 0
    for end in dict.fromkeys(places[match.end() - 1] + 1 for match in _OPENINGS.finditer(skeleton)):
        parts += [text[begin:end], "\\"]
        begin = end
    return "".join([*parts, text[begin:]])


def opens(text: str) -> bool:
    """Whether a text would make a turn, a call or a fence."""
    return bool(_OPENINGS.search(_skeleton(_shown(text))[0]))


def _shown(text: str) -> str:
    """The text with what can't be seen written out."""
    if text.isascii() and not _INVISIBLE.search(text):
        return text
    kept = {at for flag in _FLAG.finditer(text) for at in range(*flag.span())}
    return _INVISIBLE.sub(lambda match: match[0] if match.start() in kept or _needed(text, match.start())
                          else _written(match[0]), text)


def _written(character: str) -> str:
    code = ord(character)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _needed(text: str, at: int) -> bool:
    """Whether an invisible character does there what it is made for."""
    character = text[at]
    before, after = (("" if _INVISIBLE.match(side) else side) for side in (text[at - 1:at], text[at + 1:at + 2]))
    if character in "\ufe0e\ufe0f":
        return bool(before) and (ord(before) > 0xff or before in "0123456789#*©®")
    if character in "\u200c\u200d":
        return _joins(text[at - 2:at - 1] if text[at - 1:at] == "\ufe0f" else before) and _joins(after)
    if character in "\u200e\u200f":
        return any(side and unicodedata.bidirectional(side) in ("R", "AL") for side in (before, after))
    return "\U000e0100" <= character <= "\U000e01ef" and "CJK" in unicodedata.name(before or " ", "")


def _joins(side: str) -> bool:
    """Whether joiners have a meaning beside it: letters of scripts that join, and emoji."""
    return bool(side) and ord(side) > 0x52f


def _skeleton(text: str) -> tuple[str, range | list[int]]:
    """What a text looks like, in plain characters, and where in the text each of them comes from."""
    if text.isascii():
        return text, range(len(text))
    looks, places = list[str](), list[int]()
    for at, piece in _pieces(text):
        looks.append(piece)
        places += [at] * len(piece)
    return "".join(looks), places


def _pieces(text: str) -> Iterator[tuple[int, str]]:
    for at, character in enumerate(text):
        if character.isascii():
            yield at, character
        elif character != "\u00ad" and character not in _UNSEEN and not unicodedata.combining(character):
            plain = unicodedata.normalize("NFKC", character).translate(_LOOKALIKES).translate(_DOUBLE)
            yield at, character if plain.isspace() else plain
