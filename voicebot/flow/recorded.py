"""A script's recorded phrases: the files in `audio/` beside flow.yaml, held against the words they must say.

`manifest.yaml` in that folder tells what each file was accepted as, and its sha256. A recording that nobody accepted,
or whose words the script has changed since, must not be heard by a client: the script does not load.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from enum import StrEnum
from pathlib import Path

import yaml

from voicebot.flow import document, take
from voicebot.flow.dialogue import Say
from voicebot.flow.model import Flow, Prompt
from voicebot.flow.pieces import SUFFIX, Piece, cut_up, files_of
from voicebot.flow.problems import FlowError, Problem
from voicebot.flow.take import BadTake, Take

FOLDER = "audio"
MANIFEST = "manifest.yaml"
CODES = frozenset(
    {"bad_audio", "stale_audio", "unknown_audio", "unaccepted_audio", "same_audio", "audio_manifest",
     "missing_audio", "lost_audio", "quiet_audio", "clipped_audio", "odd_length_audio"}
)  # fmt: skip
# Syllables a second that a person may take, from very slow to very fast; outside it is another text's recording.
_SLOWEST, _FASTEST = 1.5, 9.0
_HEAD = """\
# 每个录音说的话和文件的 sha256，由 voicebot tts studio {name} --accept 写入。
# 录音被重新解释（如原稿有错字）时：听过之后删去它的一条，再运行一次。
"""


class Standing(StrEnum):
    """What there is for a piece."""

    MISSING = "missing"
    READY = "ready"
    NEW = "not accepted"
    STALE = "stale"
    BAD = "unusable"


@dataclass(frozen=True, slots=True)
class Found:
    """A piece, and the recording that is there for it. `take` is set unless the file is missing or unusable."""

    piece: Piece
    standing: Standing
    take: Take | None = None


@dataclass(frozen=True, slots=True)
class _Entry:
    says: str
    sha256: str
    line: int


@dataclass(frozen=True, slots=True)
class Survey:
    """All pieces of a script with what there is for each, and everything wrong with the folder."""

    found: tuple[Found, ...]
    problems: tuple[Problem, ...]

    @property
    def takes(self) -> dict[str, Take]:
        """The recordings that calls may use, by file name."""
        return {f.piece.file: f.take for f in self.found if f.take is not None and f.standing is Standing.READY}


def survey(folder: Path, prompts: Mapping[str, Prompt], *, name: str) -> Survey:
    """Look at the recordings of the script in `folder`. `name`: how problems call its audio folder. Raises nothing for
    what the files may hold.
    """
    return _Desk(folder / FOLDER, prompts, name).survey()


def accept(folder: Path, prompts: Mapping[str, Prompt], *, name: str) -> tuple[Survey, list[str]]:
    """Note in the manifest that every usable file says its piece's words now; gives the survey after it and the files
    that were new. A file that was accepted with other words and has not been recorded anew is not taken. Raises
    `FlowError` where the manifest cannot be read or written.
    """
    desk = _Desk(folder / FOLDER, prompts, name)
    seen = desk.survey()
    broken = [p for p in seen.problems if p.code == "audio_manifest"]
    if broken:
        raise FlowError(broken)
    new = [f for f in seen.found if f.take is not None and f.standing is Standing.NEW]
    entries = {f: {"says": entry.says, "sha256": entry.sha256} for f, entry in desk.manifest.items() if f in desk.there}
    entries |= {f.piece.file: {"says": f.piece.text, "sha256": f.take.sha256} for f in new if f.take is not None}
    if entries or desk.manifest:
        head = _HEAD.format(name=folder.resolve().name)
        body = yaml.safe_dump(dict(sorted(entries.items())), allow_unicode=True, sort_keys=False, width=10_000)
        try:
            _replace(folder / FOLDER / MANIFEST, head + (body if entries else ""))
        except OSError as error:
            problem = Problem(f"{name}/{MANIFEST}", 1, "audio_manifest", f"cannot write it ({error.strerror})",
                              "make the folder writable")  # fmt: skip
            raise FlowError([problem]) from error
    return survey(folder, prompts, name=name), [f.piece.file for f in new]


def takes_of(flow: Flow, say: Say) -> tuple[Take | None, ...]:
    """For each segment of a `Say` its recording, None where it must be synthesised."""
    prompt = flow.prompts.get(say.prompt)
    if prompt is None or not flow.recordings:
        return (None,) * len(say.segments)
    return tuple(flow.recordings.get(file) if file else None for file in files_of(prompt, say))


class _Desk:
    """One look at an audio folder."""

    def __init__(self, folder: Path, prompts: Mapping[str, Prompt], name: str) -> None:
        self.folder = folder
        self.name = name
        self.studio = f"voicebot tts studio {folder.resolve().parent.name}"
        self.prompts = prompts
        self.pieces = {piece.file: piece for prompt in prompts.values() for piece in cut_up(prompt)}
        self.problems: list[Problem] = []
        self.there = self._files()
        self.manifest = self._manifest() if MANIFEST in self.there else {}

    def survey(self) -> Survey:
        """Each piece against its file, and the files against the pieces."""
        found = tuple(self._told_apart([self._found(piece) for piece in self.pieces.values()]))
        self.problems += self._strangers()
        self.problems += self._gaps(found)
        return Survey(found, tuple(self.problems))

    def _add(self, file: str, code: str, message: str, fix: str, severity: str = "error", line: int = 1) -> None:
        self.problems.append(Problem(f"{self.name}/{file}", line, code, message, fix, severity))

    def _files(self) -> dict[str, Path]:
        try:
            if self.folder.is_dir():
                return {p.name: p for p in sorted(self.folder.iterdir()) if not p.name.startswith(".")}
            if self.folder.exists():
                self.problems.append(
                    Problem(self.name, 1, "bad_audio", "no folder", "make it a folder that holds recordings")
                )
        except OSError as error:
            self.problems.append(
                Problem(self.name, 1, "bad_audio", f"cannot read it ({error.strerror})", "make the folder readable")
            )
        return {}

    def _manifest(self) -> dict[str, _Entry]:
        mend = "mend the line, or remove the file, listen to the recordings and accept them again"
        try:
            doc = document.read(self.there[MANIFEST], name=f"{self.name}/{MANIFEST}", strings=True)
        except FlowError as error:
            if all(problem.code == "empty" for problem in error.problems):
                return {}
            for p in error.problems:
                self._add(MANIFEST, "audio_manifest", p.message, mend, line=p.line)
            return {}
        if not isinstance(doc.content, dict):
            self._add(MANIFEST, "audio_manifest", "no recordings by name in it", mend)
            return {}
        entries = {}
        for file, value in doc.content.items():
            line = doc.line_of(file)
            match value:
                case {"says": str(says), "sha256": str(sha256), **rest} if not rest:
                    entries[file] = _Entry(says, sha256, line)
                case _:
                    message = f"{file}: `says` and `sha256` are wanted"
                    self._add(MANIFEST, "audio_manifest", message, mend, line=line)
        return entries

    def _found(self, piece: Piece) -> Found:
        path = self.there.get(piece.file)
        entry = self.manifest.get(piece.file)
        if path is None:
            if entry is not None:
                self._add(MANIFEST, "lost_audio", f"{piece.file} was accepted and is not there",
                          "bring it back, or accept once more without it", "warning", entry.line)  # fmt: skip
            return Found(piece, Standing.MISSING)
        try:
            if not path.is_file():
                raise BadTake("no file", "put the recording there")
            recording = take.read(path)
        except BadTake as bad:
            self._add(piece.file, "bad_audio", bad.message, bad.fix)
            return Found(piece, Standing.BAD)
        standing = self._standing(piece, recording, entry)
        self._listen(piece, recording)
        return Found(piece, standing, recording)

    def _standing(self, piece: Piece, recording: Take, entry: _Entry | None) -> Standing:
        # The very same sounds, wherever they lay when they were accepted, say what they said then.
        own = entry if entry is not None and entry.sha256 == recording.sha256 else None
        known = own or next((e for e in self.manifest.values() if e.sha256 == recording.sha256), None)
        if known is not None and _heard(known.says) != _heard(piece.text):
            self._add(
                piece.file, "stale_audio", f"it says {known.says!r}, the script says {piece.text!r}",
                f"record it anew or delete it, then accept; if it does say so, remove line {known.line} and its two "
                f"lines from {MANIFEST} and accept",
            )  # fmt: skip
            return Standing.STALE
        if own is None:
            what = "nobody has accepted it" if entry is None else "it is not the file that was accepted"
            fix = f"listen whether it says {piece.text!r}, then run `{self.studio} --accept`"
            self._add(piece.file, "unaccepted_audio", what, fix)
            return Standing.NEW
        return Standing.READY

    def _told_apart(self, found: list[Found]) -> Iterator[Found]:
        """One sound file under two names that say different words: at least one of them is wrong."""
        same: dict[str, list[Piece]] = {}
        for f in found:
            if f.take is not None and f.standing is not Standing.STALE:
                same.setdefault(f.take.sha256, []).append(f.piece)
        for f in found:
            of = same.get(f.take.sha256, []) if f.take is not None else []
            other = next((p for p in of if _heard(p.text) != _heard(f.piece.text)), None)
            if other is None or f.standing is Standing.STALE:
                yield f
                continue
            self._add(f.piece.file, "same_audio", f"the same sounds as {other.file}, which says other words",
                      "put the right recording there")  # fmt: skip
            yield Found(f.piece, Standing.BAD)

    def _listen(self, piece: Piece, recording: Take) -> None:
        if recording.clipped:
            self._add(piece.file, "clipped_audio", "its loudest parts are cut off", "record it less loud", "warning")
        if recording.dbfs < take.QUIET_DBFS:
            message = f"only {recording.dbfs:.0f} dBFS: levelled up, its noise is heard as well"
            self._add(piece.file, "quiet_audio", message, "record it louder or closer", "warning")
        syllables = sum(map(str.isalnum, piece.text))
        if not _SLOWEST <= syllables / recording.spoken_s <= _FASTEST:
            message = f"{syllables} syllables in {recording.spoken_s:.1f} s"
            self._add(piece.file, "odd_length_audio", message, "listen whether it is the right recording", "warning")

    def _strangers(self) -> Iterator[Problem]:
        for file in self.there:
            if file == MANIFEST or file in self.pieces:
                continue
            stem = file.removesuffix(SUFFIX)
            of_prompt = [p.file for p in self.pieces.values() if p.prompt == stem.partition(".")[0]]
            if not file.endswith(SUFFIX) and Path(file).stem + SUFFIX in self.pieces:
                message, fix = (
                    f"its name does not end in {SUFFIX}",
                    f"convert or rename it to {Path(file).stem}{SUFFIX}",
                )
            elif of_prompt:
                message, fix = "no piece has this name", f"this prompt is recorded as {_some(of_prompt)}"
            else:
                close = get_close_matches(file, self.pieces, 1)
                message = "no prompt has this name"
                fix = f"did you mean {close[0]}?" if close else f"remove it; `{self.studio}` lists the names"
            yield Problem(f"{self.name}/{file}", 1, "unknown_audio", message, fix)

    def _gaps(self, found: tuple[Found, ...]) -> Iterator[Problem]:
        """A wording that is recorded in part speaks with two voices where it need not."""
        for name in self.prompts:
            of_prompt = [f for f in found if f.piece.prompt == name]
            for wording in sorted({index for f in of_prompt for index, _ in f.piece.places}):
                inside = [f for f in of_prompt if any(index == wording for index, _ in f.piece.places)]
                missing = [f.piece.file for f in inside if f.standing is Standing.MISSING]
                there = [f.piece.file for f in inside if f.standing is not Standing.MISSING]
                if missing and there:
                    message = f"recorded, and {_some(missing)} of the same sentence not"
                    fix = "record the rest, or it is synthesised"
                    yield Problem(f"{self.name}/{there[0]}", 1, "missing_audio", message, fix, "warning")


def _heard(text: str) -> str:
    """What a listener could tell apart: the words, and whether they ask."""
    return "".join(c for c in text if c.isalnum() or c == "？")


def _some(files: list[str]) -> str:
    return ", ".join(files[:4]) + (" …" if len(files) > 4 else "")


def _replace(path: Path, text: str) -> None:
    """Write a file as a whole or not at all."""
    handle, part = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            file.write(text)
        Path(part).chmod(0o644)
        Path(part).replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(part).unlink()
        raise
