"""A call in text: the real script and the real understander, without a telephone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from voicebot.flow.advance import advance, begin, conclude
from voicebot.flow.dialogue import Act, Digit, EarLost, HangUp, Heard, Input, Listen, Played, Say, Silence, Start, State
from voicebot.flow.dispositions import Disposition
from voicebot.flow.model import Flow
from voicebot.nlu.understanding import Understander, Understanding


@dataclass(frozen=True, slots=True)
class HungUp:
    """The callee hangs up. `during`: the prompt that this cuts off, "" if the robot had finished."""

    during: str = ""


# What happens in a chat: the callee says something, presses a key, stays silent, or hangs up; the robot's ear is lost.
Turn = str | Digit | Silence | HungUp | EarLost


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a transcript. `role`: "robot" or "callee"; `intents` of the callee's words, and all that they mean;
    `prompt`, `identified` (whether the callee had confirmed to be the client) and what is spoken (`say`) of the
    robot's.
    """

    role: str
    text: str
    intents: tuple[str, ...] = ()
    prompt: str = ""
    identified: bool = False
    meaning: Understanding | None = None
    say: Say | None = None


@dataclass(slots=True)
class Chat:
    """A conversation under way: `take` one turn after the other; `lines` and `acts` grow. A prompt counts as played to
    its end as soon as the callee does anything but hang up during it.
    """

    flow: Flow
    understander: Understander
    state: State
    lines: list[Line] = field(default_factory=list)
    acts: list[Act] = field(default_factory=list)
    hung_up: bool = False
    cut: str = ""  # the prompt during which the callee hung up
    deaf: bool = False
    _listen: Listen | None = None
    _playing: list[str] = field(default_factory=list)

    @classmethod
    def open(cls, flow: Flow, slots: Mapping[str, str], understander: Understander, now: datetime) -> Chat:
        """The phone is picked up and the robot says its opening. Raises `SlotError`."""
        chat = cls(flow, understander, begin(flow, slots, now, trial=True))
        chat._step(Start())
        return chat

    @property
    def over(self) -> bool:
        """Whether either side has ended the call."""
        return self.state.ended or self.hung_up

    @property
    def disposition(self) -> Disposition:
        """The outcome, taking a call that is not over as one that the callee ends now."""
        return conclude(self.flow, self.state, answered=True, hung_up_by_callee=self.hung_up or not self.state.ended)

    def take(self, turn: Turn) -> None:
        """Something happens. After the end the robot says nothing more; once the ear is lost it hears no words."""
        self._play_out(cut=turn.during if isinstance(turn, HungUp) else "")
        match turn:
            case HungUp():
                self.hung_up, self.cut = True, turn.during
                self.lines.append(Line("callee", "（挂断）"))
            case Silence():
                self.lines.append(Line("callee", "（静默）"))
                self._step(turn)
            case EarLost():
                self.deaf = True
                self.lines.append(Line("callee", "（听不见）"))
                self._step(turn)
            case Digit(digit):
                self.lines.append(Line("callee", f"（按{digit}）"))
                self._step(turn)
            case str():
                expecting = self._listen.expecting if self._listen is not None else frozenset[str]()
                turn = "[unk]" if self.deaf else turn
                meaning = self.understander.understand(turn, expecting=expecting, now=self.state.now)
                intents = tuple(intent.name for intent in meaning.intents)
                self.lines.append(Line("callee", turn, intents, meaning=meaning))
                self._step(Heard(meaning))

    def _step(self, happened: Input) -> None:
        self.state, actions = advance(self.flow, self.state, happened)
        for action in actions:
            match action:
                case Say():
                    line = Line("robot", action.written, (), action.prompt, self.state.identified, say=action)
                    self.lines.append(line)
                    self._playing.append(action.prompt)
                case Listen():
                    self._listen = action
                case Act():
                    self.acts.append(action)
                case HangUp():
                    pass
        if self.state.ended:
            self._play_out(cut="")  # the robot hangs up only after its last word

    def _play_out(self, cut: str) -> None:
        complete = True
        for prompt in self._playing:
            complete = complete and prompt != cut
            self.state, _ = advance(self.flow, self.state, Played(prompt, complete=complete))
        self._playing.clear()


def chat(
    flow: Flow, slots: Mapping[str, str], understander: Understander, turns: Iterable[Turn], now: datetime
) -> Chat:
    """A whole conversation: `turns` are taken until they run out or the call is over. Raises `SlotError`."""
    conversation = Chat.open(flow, slots, understander, now)
    for turn in turns:
        if conversation.over:
            break
        conversation.take(turn)
    return conversation
