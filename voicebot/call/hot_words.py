"""What a call's recogniser may expect to hear: the contact's data that is spoken as words, and the trade's words for
what the script waits for.

An engine that takes such phrases prefers them where the sound leaves a choice; the others ignore them. Figures are none
of them: they are said in too many ways. Names are personal data: they go to the recogniser and are never logged.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from voicebot.flow.model import Flow
from voicebot.nlu.understanding import Understander

_WORDS = re.compile(r"[^\W\d_]{2,}")
_LONGEST = 12  # characters; what is longer is nobody's answer


def hot_words(flow: Flow, slots: Mapping[str, str], understander: Understander) -> tuple[str, ...]:
    """The phrases for `Ear.open`, each once, the contact's own first. `slots`: the contact's data as checked."""
    return tuple(dict.fromkeys((*_contact_words(flow, slots), *understander.trade_words(flow.expected))))


def _contact_words(flow: Flow, slots: Mapping[str, str]) -> Iterator[str]:
    """王建国, 王建国先生, 海川证券: names with and without their title, and the words in free texts."""
    typed = [(flow.script.slots[slot].type, value) for slot, value in slots.items()]
    title = next((value for type_, value in typed if type_ == "title"), "")
    for type_, value in typed:
        if type_ == "name":
            yield value
            yield value + title
        elif type_ == "text":
            yield from (words for words in _WORDS.findall(value) if len(words) <= _LONGEST)
