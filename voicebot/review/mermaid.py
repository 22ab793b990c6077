"""The graph as Mermaid text, for documents that draw it themselves (GitHub, GitLab, many wikis)."""

from __future__ import annotations

from voicebot.flow.model import Flow
from voicebot.review import chinese
from voicebot.review.graph import Node, graph

_SHAPES = {"end": ("([", "])"), "urgent": ("{{", "}}"), "anywhere": ("{{", "}}"), "engine": ("{{", "}}")}
_SPECIAL = frozenset("\"#&'<>\\`|")
_CLASSES = (
    "classDef step fill:#ffffff,stroke:#24507f,color:#1d2733",
    "classDef end_ fill:#f6f7f9,stroke:#5b6875,color:#1d2733",
    "classDef urgent fill:#fdf5f4,stroke:#a3322b,color:#1d2733",
    "classDef anywhere fill:#fdf9f0,stroke:#8a5a00,color:#1d2733",
    "classDef engine fill:#f6f7f9,stroke:#5b6875,color:#1d2733",
    "classDef questions fill:#f3f9f6,stroke:#2f6b4f,color:#1d2733",
)


def mermaid(flow: Flow) -> str:
    """A flow chart whose lines carry what the callee says; silence and not being understood are dotted."""
    drawn = graph(flow)
    lines = ["flowchart LR", f"  %% {flow.name} {flow.version}", *(f"  {told}" for told in _CLASSES)]
    lines.append(f"  s0((拨通)) --> {_id(drawn.start)}")
    lines += [f"  {_node(node)}" for node in drawn.nodes]
    for node, way in drawn.edges:
        arrow = "-.->" if way.cause in ("fallback", "engine") else "-->"
        lines.append(f"  {_id(node.id)} {arrow}|{_quoted(*way.labels)}| {_id(way.target)}")
    return "\n".join(lines) + "\n"


def _id(name: str) -> str:
    """No word of Mermaid's own, such as `end`."""
    return f"b_{name[1:]}" if name.startswith("@") else f"s_{name}"


def _node(node: Node) -> str:
    told = [f"{node.number} {node.title}" if node.number else node.title]
    if node.kind == "end":
        told += [chinese.ending(outcome) for outcome in node.outcomes]
    staying = [way.label for way in node.exits if not way.target]
    told += [f"（{'；'.join(staying)}）"] if node.kind == "questions" else []
    opens, closes = _SHAPES.get(node.kind, ("[", "]"))
    return f"{_id(node.id)}{opens}{_quoted(*told)}{closes}:::{'end_' if node.kind == 'end' else node.kind}"


def _quoted(*lines: str) -> str:
    """Text in quotes, whatever it holds: Mermaid's entities are written with # instead of &."""
    return '"' + "<br/>".join(_plain(line) for line in lines) + '"'


def _plain(line: str) -> str:
    return "".join(f"#{ord(c)};" if c in _SPECIAL or not c.isprintable() else c for c in " ".join(line.split()))
