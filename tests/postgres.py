"""A PostgreSQL server of one's own, from Debian's package: for `.ci/run`, and for tests that kill or move it.

    python3 tests/postgres.py start FOLDER     prints the URL that VOICEBOT_TEST_POSTGRES wants
    python3 tests/postgres.py stop FOLDER

It needs nothing but the standard library. The server trusts whoever can reach it, listens on one address (127.0.0.1
unless told otherwise) and keeps everything, its socket too, in FOLDER. PostgreSQL refuses to run as root: root becomes
the user `postgres`, whom the package makes.
"""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

USER = "voicebot"
DATABASE = "test"
# The machine itself does not crash in a test, so nothing need wait for the disk. Commits are handed to the system all
# the same: with synchronous_commit=off a server that dies forgets fences, and the calls behind them are placed again.
_SETTINGS = ("fsync=off", "full_page_writes=off", "synchronous_commit=on", "max_connections=300")


def programs() -> Path | None:
    """Where the newest installed server's programs are; None without any."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda file: int(file.parts[-3]))
    if found:
        return found[-1].parent
    elsewhere = shutil.which("initdb")
    return Path(elsewhere).resolve().parent if elsewhere else None


class Postgres:
    """A server in `folder`, stopped until `start`. `within`: words before each command (`ip netns exec NAME`)."""

    def __init__(self, folder: Path, *, host: str = "127.0.0.1", port: int = 0, within: Sequence[str] = ()) -> None:
        self.folder = folder.absolute()
        self.host = host
        self.port = port or _kept_port(self.folder) or _free_port()
        self._within = tuple(within)

    @property
    def url(self) -> str:
        """Of a database whose user may make others."""
        return f"postgresql://{USER}@{self.host}:{self.port}/{DATABASE}"

    def start(self) -> str:
        """Make the cluster if there is none, start the server, wait until it answers, and give the URL."""
        data = self.folder / "data"
        fresh = not (data / "PG_VERSION").exists()
        if fresh:
            self.folder.mkdir(parents=True, exist_ok=True)
            if os.getuid() == 0:
                os.chown(self.folder, *_postgres_user())
            self._run("initdb", "-D", str(data), "-U", USER, "-A", "trust", "-E", "UTF8", "--no-locale", "-N")
            self._allow(data)
        (self.folder / "port").write_text(str(self.port))
        settings = [*_SETTINGS, f"listen_addresses={self.host}", f"unix_socket_directories={self.folder}"]
        options = " ".join(f"-c {setting}" for setting in settings)
        log = self.folder / "server.log"
        self._run("pg_ctl", "-D", str(data), "-l", str(log), "-w", "-o", f"-p {self.port} {options}", "start")
        if fresh:
            self._run("createdb", "-h", str(self.folder), "-p", str(self.port), "-U", USER, DATABASE)
        return self.url

    def stop(self, *, at_once: bool = False) -> None:
        """Stop it; `at_once`: as a crash would, without a word to its clients. Nothing to do if it does not run."""
        data = self.folder / "data"
        if (data / "postmaster.pid").exists():
            self._run("pg_ctl", "-D", str(data), "-m", "immediate" if at_once else "fast", "-w", "stop")

    def _allow(self, data: Path) -> None:
        """Let in whoever comes from the server's own network, where that is not the loopback."""
        if self.host != "127.0.0.1":
            with (data / "pg_hba.conf").open("a") as rules:
                rules.write("host all all samenet trust\n")

    def _run(self, program: str, *arguments: str) -> None:
        folder = programs()
        if folder is None:
            raise SystemExit("no PostgreSQL server is installed (Debian: apt-get install postgresql)")
        command = [*self._within, str(folder / program), *arguments]
        as_user: dict[str, int | Sequence[int]] = {}
        if os.getuid() == 0 and not self._within:
            uid, gid = _postgres_user()
            as_user = {"user": uid, "group": gid, "extra_groups": []}
        elif self._within:  # `ip netns exec` is root's; its command is not
            command = [*self._within, "setpriv", "--reuid=postgres", "--regid=postgres", "--clear-groups"]
            command += [str(folder / program), *arguments]
        # Not a pipe: the server would keep it open and nobody would see its end.
        with (self.folder / "commands.log").open("ab") as log:
            done = subprocess.run(
                command, cwd=self.folder, stdin=subprocess.DEVNULL, stdout=log, stderr=log, timeout=120, **as_user
            )
        if done.returncode:
            said = (self.folder / "commands.log").read_text(errors="replace")[-600:]
            raise SystemExit(f"{program} failed: {said}")


def _postgres_user() -> tuple[int, int]:
    try:
        entry = pwd.getpwnam("postgres")
    except KeyError:
        raise SystemExit("PostgreSQL does not run as root, and there is no user `postgres`: install Debian's") from None
    return entry.pw_uid, entry.pw_gid


def _kept_port(folder: Path) -> int:
    kept = folder / "port"
    return int(kept.read_text()) if kept.exists() else 0


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main(arguments: Sequence[str]) -> None:
    """`start FOLDER` or `stop FOLDER`."""
    if len(arguments) != 2 or arguments[0] not in ("start", "stop"):
        raise SystemExit("start FOLDER or stop FOLDER is expected")
    server = Postgres(Path(arguments[1]))
    if arguments[0] == "start":
        print(server.start())  # noqa: T201 - what the caller asked for
    else:
        server.stop()


if __name__ == "__main__":
    main(sys.argv[1:])
