"""Shared parts of scripts (`include`): opening, identity, closing. What a script has of its own wins over a part's.

A part is a YAML file `shared/<name>.yaml` beside the scripts, with any of the blocks of a script. Where one of its
steps goes on to `next`, the script says which step that is.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from voicebot.flow import document
from voicebot.flow.document import Document, Path_
from voicebot.flow.problems import FlowError, Problem

SHARED = "shared"
NEXT = "next"
_NAMED = ("slots", "disclosures", "answers", "steps", "prompts")
_LISTED = ("urgent", "anywhere")
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

    def include(self, doc: Document, trail: tuple[str, ...]) -> None:
        wanted = doc.content["include"]
        if not isinstance(wanted, list):
            self._complain(doc, ("include",), "include", "no list", "write `include: [opening, closing]`")
            return
        for i, item in enumerate(wanted):
            place: Path_ = ("include", i)
            name, following = self._item(doc, place, item)
            if not name:
                continue
            if name in trail:
                way = " → ".join((*trail, name))
                self._complain(doc, place, "recursive_include", f"{way} comes back to itself", "remove one of them")
                continue
            if len(self.files) >= _MOST_PARTS:
                self._complain(doc, place, "include", f"over {_MOST_PARTS} parts", "put them together")
                return
            part = self._read(doc, place, name)
            if part is None:
                continue
            if isinstance(part.content.get("include"), list) or "include" in part.content:
                self.include(part, (*trail, name))
            self._take(part, following)

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
            fix = f"name one of: {', '.join(there_are) or 'none'} (files in {SHARED}/)"
            self._complain(doc, place, "unknown_part", f"there is no part {name}", fix)
            return None
        try:
            part = document.read(found[0], name=f"{SHARED}/{name}.yaml")
        except FlowError as error:
            self.problems += error.problems
            return None
        self.files += [] if found[0] in self.files else [found[0]]
        if not isinstance(part.content, dict):
            self._complain(part, (), "include", "no blocks in it", f"write {', '.join(_NAMED)} as in a script")
            return None
        for key in part.content:
            if key not in (*_NAMED, *_LISTED, "include", "about"):
                fix = f"a part may have: about, {', '.join((*_NAMED, *_LISTED))}"
                self._complain(part, (key,), "unknown_key", f"{key} is no block of a part", fix)
        return part

    def _take(self, part: Document, following: str) -> None:
        for block in _NAMED:
            theirs = part.content.get(block)
            if not isinstance(theirs, dict):
                if theirs is not None:
                    self._complain(part, (block,), "include", f"{block} is no block of names", "see docs/flows.md")
                continue
            if not isinstance(ours := self.content.setdefault(block, {}), dict):
                continue  # the script's own mistake, which is told later
            for name, value in theirs.items():
                place: Path_ = (block, name)
                if place in self.sources and self.sources[place][0].file != part.file:
                    other = self.sources[place][0].file
                    message = f"{name} of {block} is in {other} too"
                    self._complain(part, place, "included_twice", message, "rename one of them")
                elif name not in ours:
                    ours[name] = self._led_on(part, place, value, following)
                    self.sources[place] = (part, place)
        for block in _LISTED:
            theirs = part.content.get(block)
            ours = self.content.setdefault(block, []) if theirs is not None else []
            if not isinstance(theirs, list) or not isinstance(ours, list):
                continue
            for i, value in enumerate(theirs):
                self.sources[(block, len(ours))] = (part, (block, i))
                ours.append(self._led_on(part, (block, i), value, following))

    def _led_on(self, part: Document, place: Path_, value: Any, following: str) -> Any:
        """A copy in which `goto: next` is the step that the script named."""
        for at in _nexts(value, place):
            if not following:
                fix = f"write {{part: {Path(part.file).stem}, next: STEP}}"
                self._complain(part, at, "next", "the script does not say which step is `next`", fix)
                return value
        return _replaced(value, following)

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


def _replaced(value: Any, following: str) -> Any:
    if isinstance(value, dict):
        return {
            key: following if key == "goto" and inner == NEXT else _replaced(inner, following)
            for key, inner in value.items()
        }
    if isinstance(value, list):
        return [_replaced(inner, following) for inner in value]
    return copy.deepcopy(value)
