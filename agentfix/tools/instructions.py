"""Finds the sentences of a text that speak to whoever reads it instead of telling of their subject.

A page that answers a question tells something. One that asks, or orders, or talks to an assistant states nothing in
those sentences, so that they can't be evidence. This is a heuristic with lists of words: it lets some through and
suspects some that are innocent, so nothing rests on it alone. It costs little: an innocent sentence is not quoted.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from agentfix.tools.controls import opens

_SENTENCE = re.compile(
    r"\S(?:(?![.!?][\"'”’)\]]*\s|:\s*\n|\n\s*\n).)*(?:[.!?]+[\"'”’)\]]*(?=\s)|:(?=\s*\n)|(?=\n\s*\n)|\Z)", re.DOTALL)
_ORDERS = (
    "add|analy[sz]e|append|apply|attach|calculate|cite|click|compose|compute|convert|create|decode|delete|describe|"
    "disclose|discuss|download|draft|edit|encode|ensure|execute|explain|extract|generate|give|identify|imagine|include|"
    "incorporate|inform|insert|install|mention|modify|obey|omit|paraphrase|pay|perform|pretend|print|proceed|produce|"
    "provide|publish|recommend|remember|remind|remove|repeat|rephrase|replace|reply|respond|reveal|rewrite|say|select|"
    "send|simplify|solve|submit|subscribe|substitute|suggest|summari[sz]e|swap|tell|transfer|translate|upload|verify|"
    "write")
"""Words with which hardly any sentence begins but one that orders something."""
_MAYBE_ORDERS = (
    "act|answer|arrange|ask|begin|book|break|bring|buy|call|cancel|change|check|choose|collect|combine|compare|complete|"
    "consider|continue|copy|do|email|end|enter|fetch|fill|find|finish|follow|format|forward|get|go|group|help|hide|invite|"
    "keep|let|link|list|look|make|merge|move|name|note|open|order|output|permute|pick|post|prepare|present|put|quote|"
    "read|report|request|reserve|return|reverse|run|save|schedule|search|share|show|sign|sort|speak|spell|start|state|"
    "stop|take|talk|teach|think|try|turn|type|update|use|visit|warn")
"""Words that begin others too; what follows must fit an order."""
_OBJECT = (
    r"(?:(?:up|down|out|off|away|back)\s+)?(?:an?|the|this|that|these|those|your|my|me|us|it|them|him|her|every|each|all|"
    r"any|some|only|no|how|what|who|why|where|when|whether|if|as|to|for|with|in|one|two|three|[\"'“‘])(?!\w)")
_REPLY = r"answers?|repl(?:y|ies)|responses?|outputs?|completions?|instructions?|task|prompt"
_RULES = r"instructions?|prompts?|rules?|messages?|guidelines?|directives?|orders|above"
_READER = r"ai|a\.i\.|assistants?|(?:language |ai )?models?|llms?|chat ?bots?|bots?|agents?"
_SIGNS = re.compile("|".join((
    rf"^(?:{_ORDERS})\b(?!\s*(?:,|of\b|is\b|was\b|are\b|were\b|by\b))",
    rf"^(?:{_MAYBE_ORDERS})\s+{_OBJECT}",
    r"^[\"'“‘]?(?:please|kindly)\s+\w",
    rf"^\w+\s+your\s+(?:\w+\s+){{0,2}}(?:{_REPLY})\b",
    rf"^(?:do not|don['’]t|never|always)\s+(?:{_ORDERS}|{_MAYBE_ORDERS}|be)\b",
    r"^(?:be sure to|make sure|you must|you should|you have to|you need to|you will now|"
    r"i want you|i need you|(?:can|could|would|will) you)\b",
    rf"\b(?:in|of|to|into|within|from|with|on|before|after)\s+your\s+(?:\w+\s+){{0,2}}(?:{_REPLY})\b",
    rf"\byour\s+(?:\w+\s+){{0,2}}(?:{_REPLY})\s+(?:must|should|with|to|as|in|so)\b",
    rf"\b(?:ignor|disregard|forget|overrid|bypass|neglect)\w*\b.{{0,60}}\b(?:{_RULES})\b",
    r"\b(?:new|following|previous|prior|earlier|above|system|hidden|secret|real|original|updated)\s+(?:\w+\s+)?"
    r"(?:instructions?|prompts?|directives?)\b",
    rf"\b(?:dear|hey|hello|hi|attention|note to|message (?:to|for)|instructions? (?:to|for))\b,?\s+(?:the\s+|all\s+)?"
    rf"(?:{_READER})\b",
    rf"\byou,?\s+(?:are\s+)?(?:now\s+)?(?:an?\s+|the\s+|my\s+)?(?:\w+\s+){{0,2}}(?:{_READER})\b",
    r"\b(?:before|after|once|when|while)\s+(?:you\s+)(?:can\s+|have\s+)?(?:answer|repl|respon|solv|do|did|done|finish|read)",
    r"\bcall\s+(?:this|the|that)\s+(?:\w+\s+)?(?:tool|function)\b",
    r"\"(?:name|tool|function)\"\s*:\s*\"[^\"]*\"\s*,\s*\"(?:arguments|parameters|args|input)\"",
)), re.IGNORECASE)
_LEAD = re.compile(
    r"^(?:[^\w\"'“‘(]+|(?:important|note|warning|urgent|attention|todo|step \d+)\s*[:!,.-]+|"
    r"(?:now|just|simply|then|also|instead|first|second|next|finally|and|so|but|\d+)\b[\s,.:;!-]+)+", re.IGNORECASE)
_TITLE = re.compile(
    r"[A-Z]\S*(?:\s+(?:the|an?|of|to|it|in|on|at|and|or|for|with|[A-Z\"'(\d]\S*))+\s+(?:is|was|are|were|has|had)\b")
"""`Run the Race is a film`."""


def instructions_in(text: str) -> tuple[tuple[int, int], ...]:
    """The sentences that speak to the reader.

    Args:
        text: of a page, a passage or anything else that a tool said.

    Returns:
        Where each begins and ends, in order. Such are orders, questions, talk to an assistant or of its instructions,
        tool calls written out, and whatever holds a control token.
    """
    return tuple((begin, end) for begin, end in _sentences(text) if _speaks_to_reader(text[begin:end]))


def _sentences(text: str) -> Iterator[tuple[int, int]]:
    return (match.span() for match in _SENTENCE.finditer(text))


def _speaks_to_reader(sentence: str) -> bool:
    plain = " ".join(sentence.split())
    told = _LEAD.sub("", plain)
    asks = plain.rstrip("\"'”’)]").endswith("?")
    return asks or opens(sentence) or bool(_SIGNS.search(told) and not _TITLE.match(told))
