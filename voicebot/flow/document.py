"""YAML read with the line of everything in it, so that every later complaint can point at its place.

Stricter than YAML: no anchors, aliases or tags (a reviewer reads what is there), no key twice, only plain scalars.
`yes`, `on` and dates stay text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from voicebot.flow.problems import FlowError, Problem

MAX_BYTES = 8_000_000  # ten thousand steps are some 4 MB
_MAX_DEPTH = 20

# libyaml reads some 30 times faster; PyYAML's wheels carry it, a build from source may not.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

Path_ = tuple[str | int, ...]


class Document:
    """YAML as plain dicts, lists and scalars (`content`), with `at` for every place in it. `file`: its name in
    problems; `sources`: for what was taken over from other documents, where it lies there.
    """

    def __init__(
        self,
        file: str,
        content: Any,
        lines: Mapping[Path_, int],
        sources: Mapping[Path_, tuple[Document, Path_]] | None = None,
    ) -> None:
        self.file = file
        self.content = content
        self._lines = lines
        self._sources = sources or {}

    def at(self, *place: str | int) -> tuple[str, int]:
        """File and line of the key or list item at this place, or of the nearest one around it. A key or index that
        the author left out, because what is there can be written without, is passed over.
        """
        for end in range(len(place), 0, -1):
            if (source := self._sources.get(place[:end])) is not None:
                other, its_place = source
                return other.at(*its_place, *place[end:])
        there: Path_ = ()
        for part in place:
            if (*there, part) in self._lines:
                there = (*there, part)
        return self.file, self._lines.get(there, 1) if there else 1

    def line_of(self, *place: str | int) -> int:
        """The line alone."""
        return self.at(*place)[1]

    def with_content(self, content: Any, sources: Mapping[Path_, tuple[Document, Path_]]) -> Document:
        """The same document with other content, some of it from other documents (`sources`: place → document and
        place there).
        """
        return Document(self.file, content, self._lines, sources)


def read(path: Path, *, name: str, strings: bool = False) -> Document:
    """Read a YAML file. `name`: how problems call it; `strings`: every scalar stays as written ("128.50").
    Raises `FlowError` with the lines at fault, for anything at all that the file may hold.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise FlowError(
            [Problem(name, 1, "unreadable", f"cannot read it ({error.strerror})", "give a file that can be read")]
        ) from error
    if len(data) > MAX_BYTES:
        raise FlowError([Problem(name, 1, "too_big", f"over {MAX_BYTES} bytes", "split the script")])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise FlowError([Problem(name, line, "encoding", "not UTF-8", "save the file as UTF-8")]) from error
    return parse(text, name=name, strings=strings)


def parse(text: str, *, name: str, strings: bool = False) -> Document:
    """As `read`, of a text."""
    try:
        _refuse_cleverness(text, name)
        root = yaml.compose(text, Loader=_LOADER)
    except yaml.MarkedYAMLError as error:
        # What was never closed is to be mended where it began.
        unclosed = any(what in (error.context or "") for what in ("a flow", "a quoted"))
        mark = (error.context_mark if unclosed else None) or error.problem_mark or error.context_mark
        line = mark.line + 1 if mark is not None else 1
        message = f"not YAML: {error.problem or error.context}"
        raise FlowError([Problem(name, line, "yaml", message, "mend the indentation or quotes")]) from error
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        # A character that YAML refuses (PyYAML gives its index in the text), or an escape beyond Unicode.
        position = getattr(error, "position", 0)
        line = text.count("\n", 0, position) + 1
        raise FlowError(
            [Problem(name, line, "yaml", "not YAML: a character that must not be here", "remove it")]
        ) from error
    if root is None:
        raise FlowError([Problem(name, 1, "empty", "nothing in it", "write the script")])
    builder = _Builder(name, strings=strings)
    content = builder.build(root, ())
    if builder.problems:
        raise FlowError(builder.problems)
    return Document(name, content, builder.lines)


def _refuse_cleverness(text: str, name: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        line = event.start_mark.line + 1 if event.start_mark is not None else 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            fix = "write the words out where they are needed"
            raise FlowError([Problem(name, line, "alias", "anchors and aliases are not read", fix)])
        if getattr(event, "tag", None):
            fix = "remove the word with the exclamation mark, or quote the text"
            raise FlowError([Problem(name, line, "tag", "tags are not read", fix)])
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > _MAX_DEPTH:
            raise FlowError([Problem(name, line, "too_deep", f"nested over {_MAX_DEPTH} deep", "flatten it")])


class _Builder:
    def __init__(self, name: str, *, strings: bool) -> None:
        self.name = name
        self.strings = strings
        self.lines: dict[Path_, int] = {}
        self.problems: list[Problem] = []

    def build(self, node: yaml.Node, place: Path_) -> Any:
        self.lines.setdefault(place, node.start_mark.line + 1)
        if isinstance(node, yaml.MappingNode):
            return self._mapping(node, place)
        if isinstance(node, yaml.SequenceNode):
            return [self.build(item, (*place, i)) for i, item in enumerate(node.value)]
        return self._scalar(node)

    def _mapping(self, node: yaml.MappingNode, place: Path_) -> dict[str, Any]:
        mapping: dict[str, Any] = {}
        for key_node, value_node in node.value:
            line = key_node.start_mark.line + 1
            key = key_node.value
            if not isinstance(key_node, yaml.ScalarNode) or not key or _surrogate(key):
                self._complain(line, "key", "a key must be a word", "write `word: value`")
                continue
            if key in mapping:
                first = self.lines[(*place, key)]
                self._complain(line, "duplicate_key", f"{key} is here twice (first in line {first})", "keep one")
                continue
            self.lines[(*place, key)] = line
            mapping[key] = self.build(value_node, (*place, key))
        return mapping

    def _scalar(self, node: yaml.Node) -> str | int | float | bool | None:
        text: str = node.value
        if _surrogate(text):
            self._complain(node.start_mark.line + 1, "encoding", "half a character", "write the character itself")
        plain = isinstance(node, yaml.ScalarNode) and not node.style
        if plain and text in ("", "~", "null"):
            return None
        if plain and not self.strings:
            if re.fullmatch(r"-?[0-9]{1,15}", text):
                return int(text)
            if re.fullmatch(r"-?[0-9]{1,15}\.[0-9]{1,15}", text):
                return float(text)
            if text in ("true", "false"):
                return text == "true"
        return text

    def _complain(self, line: int, code: str, message: str, fix: str) -> None:
        self.problems.append(Problem(self.name, line, code, message, fix))


def shown(path: Path) -> str:
    """How messages call a file: as a person would type it."""
    try:
        return path.resolve().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return path.as_posix()


def _surrogate(text: str) -> bool:
    return any("\ud800" <= c <= "\udfff" for c in text)
