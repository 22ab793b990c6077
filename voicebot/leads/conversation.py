"""What of a finished call is judged: its turns with all they meant, what the script did, how it came out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from voicebot import events
from voicebot.store.records import CallRecord

_OF_THE_ACT = frozenset({"reason", "template", "hook"})  # what an act is about, not what it carries
_NOTHING_HEARD = frozenset({"", "[unk]"})


@dataclass(frozen=True, slots=True)
class Spoken:
    """A turn of the callee: its words ("" for a key), every intent in it, what it said as (slot type, value)."""

    text: str
    intents: tuple[str, ...]
    slots: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Conversation:
    """A finished call. `acts`: (action, data) in order; `known`: the contact's data; `client`: the firm's key of it."""

    disposition: str
    connected: bool
    turns: tuple[Spoken, ...] = ()
    acts: tuple[tuple[str, Mapping[str, str]], ...] = ()
    known: Mapping[str, str] = field(default_factory=dict)
    client: str = ""

    @property
    def intents(self) -> frozenset[str]:
        """Everything meant in any turn."""
        return frozenset(intent for turn in self.turns for intent in turn.intents)

    def words(self, intents: Iterable[str]) -> str:
        """The callee's words in the turns that meant any of `intents`; without such a turn, its last words."""
        wanted = frozenset(intents)
        heard = [turn for turn in self.turns if turn.text not in _NOTHING_HEARD]
        quoted = [turn.text for turn in heard if wanted.intersection(turn.intents)]
        return " / ".join(quoted or [turn.text for turn in heard[-1:]])

    def said(self) -> dict[str, str]:
        """What the callee said, the last value of each type, and what the script took of it with an act."""
        values = {type_: value for turn in self.turns for type_, value in turn.slots}
        for _, data in self.acts:
            values |= {name: value for name, value in data.items() if name not in _OF_THE_ACT}
        return values


def conversation_of(record: CallRecord, happened: Sequence[events.Event], disposition: str) -> Conversation:
    """Read a call's events. Keys that were pressed are turns without words or intents."""
    turns: list[Spoken] = []
    acts: list[tuple[str, Mapping[str, str]]] = []
    connected = False
    for event in happened:
        match event:
            case events.Answered():
                connected = True
            case events.Heard(_, text):
                turns.append(Spoken(text, ()))
            case events.Understood(_, intents, slots) if turns:
                said = tuple((type_, value) for type_, _, value in slots)
                turns[-1] = Spoken(turns[-1].text, tuple(name for name, _ in intents), said)
            case events.DtmfReceived():
                turns.append(Spoken("", ()))
            case events.Acted(_, action, data):
                acts.append((action, data))
    return Conversation(disposition, connected, tuple(turns), tuple(acts), record.contact_slots, record.contact_ref)
