"""From a folder under `dialog_flows/` to a checked `Flow`, or to the list of what is wrong with it."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path

from pydantic import ValidationError

from voicebot.flow import document, include, model, recorded, rules, shape
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
        merged = include.merge(document.read(file, name=document.shown(file)), (folder.resolve().parent, FLOWS))
    except FlowError as error:
        return None, list(error.problems)
    doc = merged.doc
    try:
        script = model.Script.model_validate(doc.content)
    except ValidationError as error:
        return None, list(shape.explain(error, doc))
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
    audio = recorded.survey(folder, prompts, name=document.shown(folder / recorded.FOLDER))
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
