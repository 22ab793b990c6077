"""Fetching one large file over HTTP: resumed where it was cut, retried with growing pauses, and never trusted.

What has come is in the partial file from the first byte on; a note beside it (`.json`) says where it is from, so that
the next run goes on there. Proxies and certificates are taken from the environment, as `requests` does.
"""

from __future__ import annotations

import errno
import json
import random
import re
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit, urlunsplit

import requests

from voicebot.asr.recognizer import AsrFault

Progress = Callable[[int, int | None], None]  # bytes that are here, bytes of the whole where the server says it

_TIMEOUTS_S = (10.0, 60.0)  # to connect; between two pieces
_TRIES = 5  # in a row without a single byte more
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 60.0
_BLOCK = 1 << 14  # what a cut may cost: `requests` loses the piece that it was reading
_WORTH_ANOTHER_TRY = {408, 425, 429, 500, 502, 503, 504}
_CONTENT_RANGE = re.compile(r"^bytes (?:(\d+)-\d+|\*)/(\d+|\*)$")


@dataclass(frozen=True, slots=True)
class Expected:
    """What is known of the file before it comes.

    `bytes`: its length, None where unknown. `at_most`: more than this is never written. `checked`: its digest will be
    checked, so that a partial file of unproven origin may be gone on with.
    """

    bytes: int | None
    at_most: int
    checked: bool


class _Cut(Exception):
    """The transfer ended early; what has come is kept. `pause_s`: what the server asks to wait."""

    def __init__(self, why: str, pause_s: float = 0.0) -> None:
        super().__init__(why)
        self.pause_s = pause_s


def download(address: str, part: Path, expected: Expected, progress: Progress) -> None:
    """Fetch `address` into `part`, going on with what is there. Returns when the file is whole as the server tells it.

    Raises `AsrFault` with one line: `permanent` for what trying again cannot mend (no such file, another file).
    """
    failures = 0
    with requests.Session() as session:
        session.headers.update({"User-Agent": "voicebot", "Accept-Encoding": "identity"})
        while True:
            before = _size(part)
            try:
                _transfer(session, address, part, expected, progress)
            except _Cut as cut:
                failures = 1 if _size(part) > before else failures + 1
                if failures >= _TRIES:
                    raise AsrFault(f"{public(address)}: {cut}; {_advice(part)}") from cut
                # Half of the pause is by chance, so that many machines do not come back at once.
                pause = _FIRST_PAUSE_S * 2 ** (failures - 1) * random.uniform(0.5, 1.0)  # noqa: S311 - no secret
                time.sleep(min(max(pause, cut.pause_s), _LONGEST_PAUSE_S))
            else:
                return


def forget(part: Path) -> None:
    """Remove a partial file and the note beside it."""
    part.unlink(missing_ok=True)
    _note(part).unlink(missing_ok=True)


def is_web_address(address: str) -> bool:
    """Whether it is an http(s) address with a host."""
    try:
        parts = urlsplit(address)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False


def public(address: str) -> str:
    """The address without a user's name, a password or a signed query: for messages and receipts."""
    parts = urlsplit(address)
    return urlunsplit((parts.scheme, parts.netloc.rpartition("@")[2], parts.path, "", ""))


def require_room(folder: Path, needed: int) -> None:
    """Raise `AsrFault` when the disk of `folder` has less than `needed` bytes left."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        message = f"{folder}: {needed / 1e6:.0f} MB are needed and {free / 1e6:.0f} MB are free; make room"
        raise AsrFault(message, permanent=True)


def disk_fault(path: Path, error: OSError) -> AsrFault:
    """What a failed write means, in one line."""
    if error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return AsrFault(f"{path.parent}: the disk is full; make room and run the same command again", permanent=True)
    why = (error.strerror or str(error)).lower()
    return AsrFault(f"{path}: {why}; the models' folder must be one that you may write", permanent=True)


def _transfer(session: requests.Session, address: str, part: Path, expected: Expected, progress: Progress) -> None:
    """One request. Raises `_Cut` for what another may mend."""
    have, validator = _resumable(part, address, expected)
    headers = {"Range": f"bytes={have}-"} if have else {}
    if have and validator:
        headers["If-Range"] = validator
    try:
        with session.get(address, headers=headers, stream=True, timeout=_TIMEOUTS_S) as response:
            start, total = _judged(response, address, have, part)
            if start is None:  # the partial file was whole already
                return
            _check_length(address, total, expected)
            _write_note(part, address, response)
            try:
                with part.open("r+b" if start else "wb") as file:
                    file.seek(start)
                    file.truncate()
                    here = _receive(response, file, start, total, expected, progress)
            except requests.RequestException:
                raise
            except OSError as error:
                raise disk_fault(part, error) from error
    except requests.RequestException as error:
        raise _explained(error, address) from error
    if total is not None and here != total:
        raise _Cut(f"the connection ended after {here} of {total} bytes")


def _receive(
    response: requests.Response, file: IO[bytes], start: int, total: int | None, expected: Expected, progress: Progress
) -> int:
    """Write what comes; gives how many bytes are here at the end."""
    here = start
    progress(here, total)
    for block in response.iter_content(_BLOCK):
        here += len(block)
        if here > expected.at_most:
            message = f"{public(response.url)}: sends more than {expected.at_most} bytes, so it is not the model"
            raise AsrFault(message, permanent=True)
        file.write(block)
        progress(here, total)
    return here


def _judged(response: requests.Response, address: str, have: int, part: Path) -> tuple[int | None, int | None]:
    """Where this answer's content starts (None: nothing is left to fetch) and how long the whole is."""
    status = response.status_code
    if status == 206:
        range_ = _CONTENT_RANGE.match(response.headers.get("Content-Range", ""))
        if range_ and range_[1] is not None and int(range_[1]) == have:
            return have, None if range_[2] == "*" else int(range_[2])
        forget(part)
        raise _Cut("the server answered with another range than was asked for")
    if status == 416:
        range_ = _CONTENT_RANGE.match(response.headers.get("Content-Range", ""))
        if range_ and range_[2] == str(have):
            return None, have
        forget(part)
        raise _Cut("the server has another file than the one begun")
    if status == 200:
        length = response.headers.get("Content-Length", "")
        return 0, int(length) if length.isdigit() else None
    if status in _WORTH_ANOTHER_TRY:
        wait = response.headers.get("Retry-After", "")
        raise _Cut(f"the server answers {status} {response.reason}", float(wait) if wait.isdigit() else 0.0)
    hints = {
        401: "it asks for a password: put user and password into the address or into ~/.netrc",
        403: "it refuses access: is the address right, and may this machine fetch it?",
        404: "there is no such file: check the address or the mirror",
        407: "the proxy asks for a password: see HTTPS_PROXY",
        410: "the file is gone: check the address or the mirror",
    }
    hint = hints.get(status, "check the address or the mirror")
    raise AsrFault(f"{public(address)}: the server answers {status} {response.reason}; {hint}", permanent=True)


def _check_length(address: str, total: int | None, expected: Expected) -> None:
    if total is not None and expected.bytes is not None and total != expected.bytes:
        message = (
            f"{public(address)}: the server offers {total} bytes and the model's archive has {expected.bytes}; "
            "check the address or the mirror"
        )
        raise AsrFault(message, permanent=True)


def _explained(error: requests.RequestException, address: str) -> Exception:
    """What went wrong on the way: `_Cut` if another try may do better, else a fault."""
    where = public(address)
    if isinstance(error, requests.exceptions.SSLError):
        hint = "the certificate is not trusted; behind a firm's proxy name its CA file in REQUESTS_CA_BUNDLE"
        return AsrFault(f"{where}: {hint}", permanent=True)
    if isinstance(error, requests.exceptions.TooManyRedirects):
        return AsrFault(f"{where}: is redirected without end; check the address or the mirror", permanent=True)
    if isinstance(error, (ValueError, requests.exceptions.InvalidURL)):  # also schemes that nobody knows
        return AsrFault(f"{where}: is no http(s) address; check it", permanent=True)
    if isinstance(error, requests.exceptions.ProxyError):
        return _Cut("the proxy cannot be reached; see HTTPS_PROXY and HTTP_PROXY")
    if isinstance(error, requests.exceptions.Timeout):
        return _Cut("the server does not answer in time")
    if isinstance(error, requests.exceptions.ConnectionError):
        # `requests` has one class for both; urllib3 words a cut transfer so.
        cut = "Connection broken" in str(error) or "Read timed out" in str(error)
        return _Cut("the connection broke" if cut else "the server cannot be reached; is there a network?")
    return _Cut("the connection broke")


def _advice(part: Path) -> str:
    have = _size(part)
    kept = f"; {have / 1e6:.1f} MB are kept and gone on with" if have else ""
    return f"run the same command again when it is mended{kept}"


def _resumable(part: Path, address: str, expected: Expected) -> tuple[int, str]:
    """How much of the partial file may be gone on with, and the validator it came with ("": none)."""
    have = _size(part)
    if not have:
        return 0, ""
    try:
        note = json.loads(_note(part).read_text(encoding="utf-8"))
        origin, validator = str(note["address"]), str(note["validator"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0, ""
    # Another server's validator says nothing here, and without one only a digest can tell a mixture of two files.
    if origin != public(address) or not (validator or expected.checked):
        return 0, ""
    return have, validator


def _write_note(part: Path, address: str, response: requests.Response) -> None:
    """If-Range takes strong validators only (RFC 9110, 13.1.5)."""
    etag = response.headers.get("ETag", "")
    validator = etag if etag.startswith('"') else response.headers.get("Last-Modified", "")
    try:
        _note(part).write_text(json.dumps({"address": public(address), "validator": validator}), encoding="utf-8")
    except OSError as error:
        raise disk_fault(part, error) from error


def _note(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
