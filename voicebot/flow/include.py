"""Shared parts of scripts (`include`): opening, identity, closing. What a script has of its own wins over a part's.

A part is a YAML file `shared/<name>.yaml` beside the scripts, with any of the blocks of a script. Where one of its
steps goes on to `next`, the script says which step that is.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from voicebot.flow import document
from voicebot.flow.document import Document, Path_
from voicebot.flow.problems import FlowError, Problem
from voicebot.flow.terms import NEXT

SHARED = "shared"
NAMED = ("slots", "disclosures", "answers", "steps", "prompts")
LISTED = ("urgent", "anywhere")
_MOST_PARTS = 30


@dataclass(frozen=True, slots=True)
class Merged:
    """A script's document with its parts in it; `parts`: the files included; `borrowed`: the places that came from
    them.
    """

    doc: Document
    parts: tuple[Path, ...] = ()
    borrowed: frozenset[Path_] = frozenset()


def merge(doc: Document, folders: tuple[Path, ...]) -> Merged:
    """Put into a script what it includes; parts are looked for in `folders`, in order. Raises `FlowError` naming the
    line of every include that is no part, comes back to itself, or brings a name that another part has too.
    """
    if not isinstance(doc.content, dict) or "include" not in doc.content:
        return Merged(doc)
    merger = _Merger(folders, copy.deepcopy(doc.content))
    merger.include(doc, ())
    merger.check_followed()
    if merger.problems:
        raise FlowError(merger.problems)
    return Merged(doc.with_content(merger.content, merger.sources), tuple(merger.files), frozenset(merger.sources))


@dataclass(slots=True)
class _Merger:
    folders: tuple[Path, ...]
    content: dict[str, Any]
    sources: dict[Path_, tuple[Document, Path_]] = field(default_factory=dict)
    files: list[Path] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    read: dict[str, Document | None] = field(default_factory=dict)
    taken: dict[str, str] = field(default_factory=dict)  # part → the step that its `next` is
    followed: list[tuple[Document, Path_, str]] = field(default_factory=list)

    def include(self, doc: Document, trail: tuple[str, ...], outer: str = "") -> None:
        """Put in what a script or part includes. `outer`: the step that `next` stands for in it."""
        wanted = doc.content["include"]
        if not isinstance(wanted, list):
            self._complain(doc, ("include",), "include", "no list", "write `include: [opening, closing]`")
            return
        for i, item in enumerate(wanted):
            place: Path_ = ("include", i)
            name, following = self._item(doc, place, item)
            following = outer if following == NEXT else following
            if not name:
                continue
            if name in trail:
                way = " → ".join((*trail, name))
                self._complain(doc, place, "recursive_include", f"{way} comes back to itself", "remove one of them")
                continue
            if name in self.taken:
                if self.taken[name] != following:
                    message = f"{name} is included already, with another `next`"
                    self._complain(doc, place, "included_twice", message, "include it once")
                continue
            if name not in self.read:
                if len(self.files) >= _MOST_PARTS:
                    self._complain(doc, place, "include", f"over {_MOST_PARTS} parts", "put them together")
                    return
                self.read[name] = self._read(doc, place, name)
            if (part := self.read[name]) is None:
                continue
            if "include" in part.content:
                self.include(part, (*trail, name), following)
            self._take(part, following, doc, place)
            self.taken[name] = following
            if following:
                self.followed.append((doc, place, following))

    def check_followed(self) -> None:
        """Every `next` that an include names is a step."""
        steps = self.content.get("steps")
        if not isinstance(steps, dict):
            return  # the script's own mistake, which is told later
        for doc, place, following in self.followed:
            if following not in steps:
                close = get_close_matches(following[:60], steps, 1)
                fix = f"did you mean {close[0]}?" if close else "write the step or name another"
                self._complain(doc, (*place, NEXT), "unknown_step", f"there is no step {following}", fix)

    def _item(self, doc: Document, place: Path_, item: Any) -> tuple[str, str]:
        """(part, step that `next` stands for) of an item."""
        if isinstance(item, str):
            item = {"part": item}
        if not isinstance(item, dict) or set(item) - {"part", NEXT} or not isinstance(item.get("part"), str):
            self._complain(doc, place, "include", "no part named", "write a part's name, or {part: NAME, next: STEP}")
            return "", ""
        following = item.get(NEXT, "")
        if not isinstance(following, str):
            self._complain(doc, place, "include", "`next` names no step", "write `next: STEP`")
            return "", ""
        return item["part"], following

    def _read(self, doc: Document, place: Path_, name: str) -> Document | None:
        plain = all(c.isascii() and (c.isalnum() or c == "_") for c in name) and 0 < len(name) <= 40
        found = [f for folder in self.folders if plain and (f := folder / SHARED / f"{name}.yaml").is_file()]
        if not found:
            there_are = sorted({f.stem for folder in self.folders for f in (folder / SHARED).glob("*.yaml")})
            close = get_close_matches(name[:60], there_are, 1)
            fix = f"name one of: {', '.join(there_are) or 'none'} (files in {SHARED}/)"
            fix = f"did you mean {close[0]}?" if close else fix
            self._complain(doc, place, "unknown_part", f"there is no part {name}", fix)
            return None
        try:
            part = document.read(found[0], name=document.shown(found[0]))
        except FlowError as error:
            self.problems += error.problems
            return None
        self.files += [] if found[0] in self.files else [found[0]]
        if not isinstance(part.content, dict):
            self._complain(part, (), "include", "no blocks in it", f"write {', '.join(NAMED)} as in a script")
            return None
        for key in part.content:
            if key not in (*NAMED, *LISTED, "include", "about"):
                known = ("about", "include", *NAMED, *LISTED)
                close = get_close_matches(key[:60], known, 1)
                fix = f"did you mean {close[0]}?" if close else f"a part may have: {', '.join(known)}"
                self._complain(part, (key,), "unknown_key", f"{key} is no block of a part", fix)
        return part

    def _take(self, part: Document, following: str, doc: Document, place: Path_) -> None:
        """Put a part's blocks in. `doc`, `place`: where it is included."""
        if not following and (at := next(_nexts(part.content, ()), None)) is not None:
            file, line = part.at(*at)
            fix = f"write {{part: {Path(part.file).stem}, next: STEP}}"
            self._complain(doc, place, NEXT, f"the part goes on to `next` ({file}:{line}), which is not named", fix)
        for block in NAMED:
            self._take_named(part, block, following)
        for block in LISTED:
            theirs = part.content.get(block)
            if theirs is None:
                continue
            if not isinstance(theirs, list):
                self._complain(part, (block,), "include", f"{block} is no list", "write `- {heard: …}` lines below it")
                continue
            if not isinstance(ours := self.content.setdefault(block, []), list):
                continue  # the script's own mistake, which is told later
            for i, value in enumerate(theirs):
                self.sources[(block, len(ours))] = (part, (block, i))
                ours.append(_led_on(value, following))

    def _take_named(self, part: Document, block: str, following: str) -> None:
        theirs = part.content.get(block)
        if not isinstance(theirs, dict):
            if theirs is not None:
                self._complain(part, (block,), "include", f"{block} is no block of names", "write `name: …` lines")
            return
        if not isinstance(ours := self.content.setdefault(block, {}), dict):
            return  # the script's own mistake, which is told later
        for name, value in theirs.items():
            place: Path_ = (block, name)
            if place in self.sources:
                other = self.sources[place][0].file
                message = f"{name} of {block} is in {other} too"
                self._complain(part, place, "included_twice", message, "rename one of them")
            elif name not in ours:
                ours[name] = _led_on(value, following)
                self.sources[place] = (part, place)

    def _complain(self, doc: Document, place: Path_, code: str, message: str, fix: str) -> None:
        problem = Problem(*doc.at(*place), code, message, fix)
        if problem not in self.problems:
            self.problems.append(problem)


def _nexts(value: Any, place: Path_) -> Iterator[Path_]:
    if isinstance(value, dict):
        for key, inner in value.items():
            if key == "goto" and inner == NEXT:
                yield (*place, key)
            else:
                yield from _nexts(inner, (*place, key))
    elif isinstance(value, list):
        for i, inner in enumerate(value):
            yield from _nexts(inner, (*place, i))


def _led_on(value: Any, following: str) -> Any:
    """A copy in which `goto: next` is the step that the script named."""
    if isinstance(value, dict):
        return {
            key: following if key == "goto" and inner == NEXT and following else _led_on(inner, following)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_led_on(inner, following) for inner in value]
    return value
