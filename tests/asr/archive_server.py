"""An HTTP server on 127.0.0.1 that serves one archive, as well or as badly as a test wants."""

from __future__ import annotations

import io
import re
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

Files = dict[str, bytes]


@dataclass
class Manners:
    """How the server behaves. `cuts`: after how many bytes of the body each answer in turn breaks off (then no more);
    `statuses`: what the first answers are instead; `ranges`: whether it understands Range; `etag`: None sends none.
    """

    content: bytes
    cuts: list[int] = field(default_factory=list)
    statuses: list[int] = field(default_factory=list)
    ranges: bool = True
    etag: str | None = '"one"'
    tells_length: bool = True
    hold: threading.Event | None = None
    requests: list[tuple[str, dict[str, str]]] = field(default_factory=list)


class Server:
    def __init__(self, address: str, manners: Manners) -> None:
        self.address, self.manners = address, manners

    @property
    def ranges_asked(self) -> list[str | None]:
        return [headers.get("Range") for _, headers in self.manners.requests]


def _handler(manners: Manners) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            manners.requests.append((self.path, dict(self.headers)))
            if manners.statuses:
                self.send_response(manners.statuses.pop(0))
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            start = self._start()
            if start is not None and start >= len(manners.content):
                self.send_response(416)
                self.send_header("Content-Range", f"bytes */{len(manners.content)}")
                self.send_header("Content-Length", "0")
                self.end_headers()
                return
            self.send_response(200 if start is None else 206)
            body = manners.content[start or 0 :]
            if start is not None:
                last = len(manners.content) - 1
                self.send_header("Content-Range", f"bytes {start}-{last}/{len(manners.content)}")
            if manners.tells_length:
                self.send_header("Content-Length", str(len(body)))
            if manners.etag is not None:
                self.send_header("ETag", manners.etag)
            self.end_headers()
            if manners.hold is not None:
                self.wfile.write(body[:10])
                manners.hold.wait(30)
                body = body[10:]
            self.close_connection = True
            self.wfile.write(body[: manners.cuts.pop(0)] if manners.cuts else body)

        def _start(self) -> int | None:
            asked = re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", ""))
            if not asked or not manners.ranges:
                return None
            condition = self.headers.get("If-Range")
            return int(asked[1]) if condition in {None, manners.etag} else None

        def log_message(self, *_args: object) -> None:
            pass

    return Handler


@contextmanager
def serving(manners: Manners) -> Iterator[Server]:
    with ThreadingHTTPServer(("127.0.0.1", 0), _handler(manners)) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield Server(f"http://127.0.0.1:{server.server_port}/models/small.tar.bz2", manners)
        finally:
            server.shutdown()
            thread.join()


def tar_of(files: Files, mode: str = "w:bz2", more: Callable[[tarfile.TarFile], None] = lambda _: None) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode=mode) as tar:
        for name, content in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            tar.addfile(entry, io.BytesIO(content))
        more(tar)
    return made.getvalue()


def zip_of(files: Files) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as opened:
        for name, content in files.items():
            opened.writestr(name, content)
    return made.getvalue()
