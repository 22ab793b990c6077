"""Headers of our own in an INVITE, checked before anything is sent."""

from __future__ import annotations

import re
from collections.abc import Mapping

from sip.line import SipFault

_NAME = re.compile(r"X-[A-Za-z0-9-]{1,62}")
# Visible ASCII and spaces between: a line break would begin a header of somebody else's.
_VALUE = re.compile(r"[!-~](?:[ -~]{0,254}[!-~])?")


def check_headers(headers: Mapping[str, str]) -> None:
    """Refuse what is no `X-` header or would not stay within its line: `SipFault(permanent=True)`."""
    for name, value in headers.items():
        if not _NAME.fullmatch(name):
            raise SipFault(
                f"not a header of our own: {name!r}: write X- and up to 62 letters, digits, -", permanent=True
            )
        if not _VALUE.fullmatch(value):
            raise SipFault(f"the header {name} takes 1 to 256 visible ASCII characters on one line", permanent=True)
