"""A script tried in the terminal: the robot's lines are printed, the callee's are typed (and with a voice, heard)."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from rich.cells import set_cell_size
from rich.markup import escape

from tts import wav
from tts.readable import readable
from tts.voice import Style, VoiceFault
from voicebot.asr.evaluate import plain
from voicebot.call.speaking import spoken_form
from voicebot.callee_voice import CalleeVoice
from voicebot.cli.terminal import Wrong, out
from voicebot.flow.advance import known_slots
from voicebot.flow.cases import turn
from voicebot.flow.chat import Chat, HungUp, Line, Turn
from voicebot.flow.dialogue import Digit
from voicebot.flow.model import KeyValue

HINT = "静默: Enter 或 （静默） · 按键: （按1） · 挂断: （挂断） 或 Ctrl-D · 听不见: （听不见）"
_PLAYERS = (("aplay", "-q"), ("paplay",), ("afplay",), ("ffplay", "-nodisp", "-autoexit", "-loglevel", "error"))


class Tape:
    """What is done with sound: kept in a folder as 01-robot-notice.wav, 02-callee.wav …, and played."""

    def __init__(self, folder: Path | None, *, play: bool) -> None:
        self._folder = folder
        self._count = 0
        self._player: tuple[str, ...] = ()
        if folder is not None:
            try:
                folder.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise Wrong(f"{folder}: {(error.strerror or str(error)).lower()}: name a folder to write to") from None
        if play:
            self._player = next((player for player in _PLAYERS if shutil.which(player[0])), ())
            if not self._player:
                raise Wrong(f"--play: no player here ({', '.join(p[0] for p in _PLAYERS)}); --save DIR keeps the sound")

    @property
    def wanted(self) -> bool:
        """Whether anybody wants sound."""
        return self._folder is not None or bool(self._player)

    def put(self, who: str, pcm: bytes) -> None:
        """Keep and play one line."""
        self._count += 1
        if self._folder is not None:
            file = self._folder / f"{self._count:02}-{who}.wav"
            try:
                wav.write(file, pcm)
            except OSError as error:
                raise Wrong(f"{file}: {(error.strerror or str(error)).lower()}") from None
            if self._player:
                subprocess.run([*self._player, str(file)], check=False)
        elif self._player:
            self._play(pcm)

    def _play(self, pcm: bytes) -> None:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "line.wav"
            wav.write(file, pcm)
            subprocess.run([*self._player, str(file)], check=False)


class Desk:
    """One conversation in the terminal. `voice`: speaks and hears what is typed; None: what is typed is understood as
    it stands. `style`: the robot's.
    """

    def __init__(self, chat: Chat, voice: CalleeVoice | None, style: Style, tape: Tape) -> None:
        self._chat = chat
        self._voice = voice
        self._style = style
        self._tape = tape
        self._shown = 0
        self._steps = 0

    def hold(self) -> None:
        """Talk until the script or the callee ends it; the end of the input is a hang-up."""
        self._show()
        while not self._chat.over:
            taken = self._next()
            told = self._key(taken.digit) if isinstance(taken, Digit) else ""
            self._chat.take(taken)
            self._show(told)
        self._conclude()

    # ------------------------------------------------------------ the callee

    def _next(self) -> Turn:
        while True:
            typed = _typed()
            if typed is None:
                return HungUp()
            taken = turn(typed)
            if not isinstance(taken, str):
                return taken
            if typed.startswith("（") and typed.endswith("）"):
                out.print(f"       [yellow]{escape(typed)}: no such gesture · {escape(HINT)}[/]", soft_wrap=True)
            elif self._voice is None:
                return taken
            elif (heard := self._heard(self._voice, taken)) is not None:
                return heard

    def _heard(self, voice: CalleeVoice, text: str) -> str | None:
        try:
            heard = voice.hear(text)
        except VoiceFault as fault:
            if not fault.permanent:
                raise
            out.print(f"       [yellow]{escape(str(fault))}[/]", soft_wrap=True)
            return None
        self._tape.put("callee", heard.pcm)
        mark = "[green]✓[/]" if plain(heard.text) == plain(readable(text)) else "[yellow]≠[/]"
        told = f"{mark} [dim]说 said[/] {escape(text)} [dim]→ 听到 heard[/] {escape(heard.text)}"
        out.print(f"       {told} [dim]{heard.confidence:.2f}[/]", soft_wrap=True)
        return heard.text

    # ------------------------------------------------------------ what is shown

    def _key(self, digit: str) -> str:
        """What a key means in this step."""
        listen = self._chat.flow.script.steps[self._chat.state.step].listen
        meaning = listen.keys.get(digit) if listen is not None else None
        if isinstance(meaning, KeyValue):
            return f"{meaning.slot}={meaning.value}"
        return meaning or "no meaning here"

    def _show(self, told: str = "") -> None:
        for line in self._chat.lines[self._shown :]:
            if line.role == "callee":
                self._callee(line)
        if told:
            out.print(f"       [dim]→ {escape(told)}[/]", soft_wrap=True)
        path = self._chat.state.path
        for step in path[self._steps :]:
            out.print(f"       [dim]→ 步骤 step {step}[/]")
        for line in self._chat.lines[self._shown :]:
            if line.role == "robot":
                self._robot(line)
        self._steps = len(path)
        self._shown = len(self._chat.lines)

    def _callee(self, line: Line) -> None:
        if not sys.stdin.isatty():
            out.print(f"[bold green]客户　[/] {escape(line.text)}", soft_wrap=True)
        if (meaning := line.meaning) is not None:
            meant = ", ".join(f"{intent.name} {intent.confidence:.2f}" for intent in meaning.intents)
            slots = "".join(f" · {slot.type}={escape(slot.value)} 〔{escape(slot.text)}〕" for slot in meaning.slots)
            out.print(f"       [dim]→ {meant}{slots}[/]", soft_wrap=True)

    def _robot(self, line: Line) -> None:
        out.print(
            f"[bold cyan]机器人[/] {escape(line.text)} [dim]{escape(f'[{line.prompt}]')}[/]", soft_wrap=True
        )  # fmt: skip
        if self._tape.wanted and self._voice is not None and line.say is not None:
            self._tape.put(f"robot-{line.prompt}", self._voice.speak(spoken_form(line.say), self._style))

    def _conclude(self) -> None:
        chat = self._chat
        outcome = chat.disposition
        known = known_slots(chat.flow, chat.state)
        given = {name: known[name] for name, spec in chat.flow.script.slots.items()
                 if spec.source != "contact" and name in known}  # fmt: skip
        acts = [" ".join((act.kind, *(f"{key}={value}" for key, value in act.data.items()))) for act in chat.acts]
        out.print()
        for title, told in (
            ("结果 outcome", f"{outcome.chinese} {outcome.value}"),
            ("动作 acts", "; ".join(acts)),
            ("告知 disclosures", ", ".join(sorted(chat.state.disclosed))),
            ("数据 slots", ", ".join(f"{name}={value}" for name, value in given.items())),
            ("步骤 steps", " → ".join(chat.state.path)),
            ("分支 branches", ", ".join(chat.state.taken)),
        ):
            out.print(f"[bold]{set_cell_size(title, 16)}[/] {escape(told or '无 none')}", soft_wrap=True)


def _typed() -> str | None:
    """A line as a case writes it, None at the end of the input. An empty line is silence; ASCII brackets will do."""
    try:
        text = input("客户 > " if sys.stdin.isatty() else "").strip()
    except EOFError:
        return None
    except UnicodeDecodeError:
        raise Wrong("what was typed is no UTF-8 text: set the terminal to UTF-8") from None
    if text.startswith("(") and text.endswith(")"):
        text = f"（{text[1:-1]}）"
    return text or "（静默）"
