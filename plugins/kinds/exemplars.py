"""Worked examples for prompts. All of them were written for this project; none stands in any benchmark."""

from __future__ import annotations

from agentfix import Message

_DERIVATIONS = (
    (
        "A bakery sells rolls in bags of 6. On Monday it sold 14 bags, and on Tuesday 5 bags fewer than twice Monday's."
        " How many rolls did it sell on both days together?",
        "Monday: 14 bags.\nTuesday: 2 * 14 - 5 = 23 bags.\nBoth days: 14 + 23 = 37 bags.\n"
        "Each bag holds 6 rolls: 37 * 6 = 222 rolls.\nThe answer is 222.",
    ),
    (
        "Omar is three times as old as his daughter. In 12 years the sum of their ages will be 80. "
        "How old is Omar now?",
        "In 12 years both are 12 years older: the sum now is 80 - 2 * 12 = 56.\n"
        "Omar has 3 parts and his daughter 1 part: 3 + 1 = 4 parts.\nOne part: 56 / 4 = 14 years.\n"
        "Omar: 3 * 14 = 42 years.\nThe answer is 42.",
    ),
    (
        "Nadia saves $40 a week. After 9 weeks she spends 25% of her savings on a coat and half of what is left on "
        "shoes. How many dollars remain?",
        "Savings after 9 weeks: 40 * 9 = 360 dollars.\nCoat: 360 * 0.25 = 90 dollars.\n"
        "Left after the coat: 360 - 90 = 270 dollars.\nShoes: 270 / 2 = 135 dollars.\n"
        "Left after the shoes: 270 - 135 = 135 dollars.\nThe answer is 135.",
    ),
)


def derivations() -> tuple[Message, ...]:
    """Word problems with short derivations, as turns of a conversation."""
    return tuple(
        message
        for question, derivation in _DERIVATIONS
        for message in (Message("user", question), Message("assistant", derivation))
    )
