"""From a folder under `dialog_flows/` to a checked `Flow`, or to the list of what is wrong with it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from voicebot.flow import document, include, model, recorded, rules
from voicebot.flow.problems import FlowError, Problem

FLOWS = Path(__file__).resolve().parents[2] / "dialog_flows"
SCRIPT = "flow.yaml"


def load(path_or_name: str | Path, *, flows: Path = FLOWS) -> model.Flow:
    """Read and check a script: a folder, its flow.yaml, or the name of a folder in `flows`. Raises `FlowError`."""
    folder = find(path_or_name, flows=flows)
    flow, problems = _read(folder)
    errors = [problem for problem in problems if problem.severity == "error"]
    if flow is None or errors:
        raise FlowError(errors)
    return flow


def check(path_or_name: str | Path, *, flows: Path = FLOWS) -> list[Problem]:
    """Everything wrong with a script, by line; empty when it may be used. Raises for nothing that a file holds."""
    try:
        folder = find(path_or_name, flows=flows)
    except FlowError as error:
        return list(error.problems)
    return sorted(_read(folder)[1])


def draft(path_or_name: str | Path, *, flows: Path = FLOWS) -> tuple[Path, model.Flow]:
    """A script and its folder, whatever is wrong with its recordings: for the studio. Raises `FlowError`."""
    folder = find(path_or_name, flows=flows)
    flow, problems = _read(folder)
    errors = [p for p in problems if p.severity == "error" and p.code not in recorded.CODES]
    if flow is None or errors:
        raise FlowError(errors)
    return folder, flow


def find(path_or_name: str | Path, *, flows: Path = FLOWS) -> Path:
    """The folder of a script. Raises `FlowError` when there is none."""
    path = Path(path_or_name)
    candidates = [path] if path.is_absolute() or len(path.parts) != 1 else [flows / path, path]
    for candidate in candidates:
        folder = candidate.parent if candidate.name == SCRIPT else candidate
        if _is_file(folder / SCRIPT):
            return folder
    there_are = ", ".join(names(flows=flows)) or "none"
    raise FlowError(
        [Problem(str(path_or_name), 1, "no_such_flow", "there is no such flow", f"name one of: {there_are}")]
    )


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except OSError:  # a name longer than the file system takes
        return False


def names(*, flows: Path = FLOWS) -> list[str]:
    """The flows that are there, by name."""
    return sorted(script.parent.name for script in flows.glob(f"*/{SCRIPT}"))


def version(folder: Path, parts: Iterable[Path] = ()) -> str:
    """sha256 (hex) over the names and contents of all files of a folder, hidden ones left out, and of the shared
    `parts` that its script includes.
    """
    digest = hashlib.sha256()

    def add(name: str, content: bytes) -> None:
        digest.update(f"{name}\0{len(content)}\0".encode())
        digest.update(content)

    for file in sorted(folder.rglob("*"), key=lambda f: f.relative_to(folder).as_posix()):
        inside = file.relative_to(folder)
        if file.is_file() and not any(part.startswith(".") for part in inside.parts):
            add(inside.as_posix(), file.read_bytes())
    for part in sorted(parts):
        add(f"../{part.parent.name}/{part.name}", part.read_bytes())
    return digest.hexdigest()


def _read(folder: Path) -> tuple[model.Flow | None, list[Problem]]:
    file = folder / SCRIPT
    try:
        merged = include.merge(document.read(file, name=_short(file)), (folder.resolve().parent, FLOWS))
    except FlowError as error:
        return None, list(error.problems)
    doc = merged.doc
    try:
        script = model.Script.model_validate(doc.content)
    except ValidationError as error:
        return None, list(_explain(error, doc))
    problems = []
    if script.name != folder.resolve().name:
        fix = f"write `name: {folder.resolve().name}` or rename the folder"
        problems.append(Problem(doc.file, doc.line_of("name"), "name", "the name is not that of the folder", fix))
    prompts, broken = _cut(script, doc)
    if broken:
        return None, problems + broken
    problems += rules.problems(script, prompts, doc, merged.borrowed)
    if all(problem.severity == "warning" for problem in problems):
        script, prompts = rules.without_unused(script, prompts, merged.borrowed)
    audio = recorded.survey(folder, prompts, name=_short(folder / recorded.FOLDER))
    problems += audio.problems
    try:
        version_ = version(folder, merged.parts)
        return model.Flow(script.name, script.kind, version_, script, prompts, audio.takes), problems
    except OSError as error:
        fix = "make every file of the folder readable"
        return None, [
            *problems,
            Problem(str(error.filename), 1, "unreadable", f"cannot read it ({error.strerror})", fix),
        ]


def _short(file: Path) -> str:
    """How messages call a file: as a person would type it."""
    try:
        return file.resolve().relative_to(Path.cwd()).as_posix()
    except ValueError:
        return file.as_posix()


def _cut(script: model.Script, doc: document.Document) -> tuple[Mapping[str, model.Prompt], list[Problem]]:
    prompts, problems = {}, []
    for name, spec in script.prompts.items():
        cut: dict[str, list[model.Wording]] = {"text": [], "otherwise": []}
        for key, texts in (("text", spec.text), ("otherwise", spec.otherwise)):
            for i, text in enumerate(texts):
                try:
                    cut[key].append(model.cut(text))
                except ValueError as error:
                    place = doc.at("prompts", name, key, i)
                    problems.append(Problem(*place, "braces", str(error), "write a slot as {its_name}"))
        interruptible = spec.interruptible and not spec.disclosure
        prompts[name] = model.Prompt(
            name, tuple(cut["text"]), tuple(cut["otherwise"]), interruptible, spec.disclosure
        )  # fmt: skip
    return prompts, problems


# ---------------------------------------------------------------- pydantic's complaints, in an author's words


def _explain(error: ValidationError, doc: document.Document) -> Iterator[Problem]:
    for detail in error.errors(include_url=False, include_input=False):
        place = tuple(detail["loc"])
        code, message, fix = _complaint(detail, place)
        yield Problem(*doc.at(*place), code, message, fix)


_MISSING_FIXES = {
    "no_input": ("missing_no_input", "say what happens when the callee is silent: `no_input: {say: …, goto: …}`"),
    "not_understood": (
        "missing_not_understood",
        "say what happens when the callee is not understood: `not_understood: {say: …, goto: …}`",
    ),
    "ask_again": ("missing_key", "name the prompt that asks once more: `ask_again: …`"),
}


def _complaint(detail: ErrorDetails, place: tuple[str | int, ...]) -> tuple[str, str, str]:
    """(code, message, fix) for one complaint."""
    last = str(place[-1]) if place else "the script"
    where = ".".join(str(part) for part in place if not isinstance(part, int) and part != "[key]") or "the script"
    match detail["type"]:
        case "extra_forbidden":
            known = _keys_at(place[:-1])
            close = get_close_matches(last, known, 1)
            fix = f"did you mean {close[0]}?" if close else f"known here: {', '.join(known)}"
            return "unknown_key", f"{last} is no key here", fix
        case "missing":
            code, fix = _MISSING_FIXES.get(last, ("missing_key", f"add `{last}: …`"))
            return code, f"{where} is missing", fix
        case "value_error":
            message, _, fix = detail["msg"].removeprefix("Value error, ").partition("; ")
            return "invalid", f"{where}: {message}", fix or "mend it as said"
        case _:
            return "invalid", f"{where}: {detail['msg'][0].lower()}{detail['msg'][1:]}", "see docs/flows.md"


_ITEMS: dict[str, type[BaseModel]] = {
    "slots": model.SlotSpec,
    "disclosures": model.DisclosureSpec,
    "prompts": model.PromptSpec,
    "steps": model.Step,
    "answers": model.Answer,
}
_BLOCKS: dict[str, type[BaseModel]] = {
    "urgent": model.Branch,
    "anywhere": model.Branch,
    "branches": model.Branch,
    "listen": model.ListenSpec,
    "no_input": model.Fallback,
    "not_understood": model.Fallback,
    "do": model.ActSpec,
}


def _keys_at(place: tuple[Any, ...]) -> list[str]:
    """The keys a block may have, by its place."""
    words = [part for part in place if isinstance(part, str)]
    if not words:
        block: type[BaseModel] = model.Script
    elif len(words) == 2 and words[0] in _ITEMS:
        block = _ITEMS[words[0]]
    else:
        block = _BLOCKS.get(words[-1], model.Script)
    return sorted(block.model_fields)
