"""HTML and SVG without accidents: whatever is not markup is escaped, whatever XML cannot hold is left out."""

from __future__ import annotations

import re

# Characters that XML 1.0 has no place for.
_IMPOSSIBLE = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_VOID = frozenset({"br", "col", "hr", "meta", "wbr"})


class Markup(str):
    """Text that is markup already."""

    __slots__ = ()


Child = str | float | None


def escaped(text: str) -> str:
    """Plain text as it stands between tags and in quoted attributes."""
    text = _IMPOSSIBLE.sub("", text).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return text.replace('"', "&quot;").replace("'", "&#39;")


def joined(*children: Child) -> Markup:
    """One after the other; None is nothing."""
    return Markup("".join(c if isinstance(c, Markup) else escaped(_text(c)) for c in children if c is not None))


def element(name: str, /, *children: Child, **attributes: Child) -> Markup:
    """A tag with what is in it. `class_` is `class`, `stroke_width` is `stroke-width`; an attribute that is None is
    left out.
    """
    told = [
        f' {key.rstrip("_").replace("_", "-")}="{escaped(_text(v))}"' for key, v in attributes.items() if v is not None
    ]
    if name in _VOID:
        return Markup(f"<{name}{''.join(told)}/>")
    return Markup(f"<{name}{''.join(told)}>{joined(*children)}</{name}>")


def _text(value: Child) -> str:
    """Numbers in their shortest form, so that the same drawing has the same bytes everywhere."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
