"""Pulling models from a server on this machine: resumed, checked, unpacked with care, all or nothing."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import io
import os
import random
import signal
import subprocess
import sys
import tarfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.asr.archive_server import Manners, Server, serving, tar_of, zip_of
from voicebot.asr import download as downloading
from voicebot.asr import pull as pulling
from voicebot.asr.archive import unpack
from voicebot.asr.catalogue import OfficialModel, find_official, load_catalogue
from voicebot.asr.inventory import Shelved, inventory
from voicebot.asr.manifest import MANIFEST_NAME, digests, read_manifest
from voicebot.asr.pull import DOWNLOADS, Order, Pulled, pull
from voicebot.asr.recognizer import AsrFault

NAME = "small"
FILES = {
    "small/am/final.mdl": random.Random(1).randbytes(300_000),
    "small/conf/model.conf": b"--sample-frequency=16000\n",
    "small/graph/HCLG.fst": random.Random(2).randbytes(100_000),
}
ARCHIVE = tar_of(FILES)
PIECE = downloading._BLOCK  # what is read at a time; the rest of a cut piece is lost
KEPT = 3 * PIECE


def model(content: bytes = ARCHIVE, **changes: object) -> OfficialModel:
    facts = {
        "name": NAME,
        "engine": "vosk",
        "architecture": "kaldi",
        "version": "1",
        "language": "zh",
        "sample_rate": 16000,
        "licence": "Apache-2.0",
        "bytes": len(content),
        "exact": True,
        "address": "https://models.example.org/models/small.tar.bz2",
        "sha256": hashlib.sha256(content).hexdigest(),
        "sources": {"address": "a", "licence": "b", "sha256": "c"},
    }
    return OfficialModel.model_validate({**facts, **changes})


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloading, "_FIRST_PAUSE_S", 0.001)
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "asr_models"


@pytest.fixture
def server() -> Iterator[Server]:
    with serving(Manners(ARCHIVE)) as one:
        yield one


def silent(_here: int, _total: int | None) -> None:
    pass


def pulled(models: Path, server: Server, wanted: OfficialModel | None = None, **order: object) -> Pulled:
    return pull(wanted or model(), models, Order(address=server.address, **order), silent)  # type: ignore[arg-type]


def refused(do: Callable[[], object], *words: str, permanent: bool = True) -> None:
    with pytest.raises(AsrFault) as fault:
        do()
    message = str(fault.value)
    assert "\n" not in message
    for word in words:
        assert word in message
    assert fault.value.permanent is permanent


def left(models: Path) -> set[str]:
    """What a pull left behind beside models."""
    return {path.name for path in (models / DOWNLOADS).iterdir()} - {f"{NAME}.lock"}


def test_a_model_is_installed_whole(models: Path, server: Server) -> None:
    told: list[tuple[int, int | None]] = []
    done = pull(model(), models, Order(address=server.address), lambda here, total: told.append((here, total)))
    assert done.fresh
    assert done.directory == models / NAME
    for name, content in FILES.items():
        assert (models / name).read_bytes() == content
    manifest = read_manifest(models / NAME)
    assert manifest is not None
    assert manifest.files == digests(models / NAME)
    assert manifest.archive is not None
    assert manifest.archive.verified
    assert (manifest.engine, manifest.licence, manifest.synthetic) == ("vosk", "Apache-2.0", False)
    assert manifest.source == server.address
    assert told[-1] == (len(ARCHIVE), len(ARCHIVE))
    assert left(models) == set()


def test_what_is_there_is_not_replaced_unless_told(models: Path, server: Server) -> None:
    pulled(models, server)
    (models / NAME / "mine").write_text("x")
    assert not pulled(models, server).fresh
    assert (models / NAME / "mine").exists()
    assert pulled(models, server, replace=True).fresh
    assert not (models / NAME / "mine").exists()
    (models / NAME / "am" / "final.mdl").unlink()
    refused(lambda: pulled(models, server), "final.mdl is missing", "--force")
    (models / NAME / MANIFEST_NAME).unlink()
    refused(lambda: pulled(models, server), "was not pulled", "--force")


@pytest.mark.parametrize("cuts", [[KEPT + 5], [KEPT + 5, 1, 2 * KEPT], [0, 7]])
def test_a_cut_connection_is_gone_on_with(models: Path, server: Server, cuts: list[int]) -> None:
    server.manners.cuts = list(cuts)
    assert pulled(models, server).fresh
    places = [None, *(sum(cut - cut % PIECE for cut in cuts[: i + 1]) for i in range(len(cuts)))]
    assert server.ranges_asked == [f"bytes={place}-" if place else None for place in places]
    assert (models / NAME / "am" / "final.mdl").read_bytes() == FILES["small/am/final.mdl"]


def test_the_next_run_goes_on_where_the_last_stopped(models: Path, server: Server) -> None:
    server.manners.cuts = [KEPT] + [0] * 10
    refused(
        lambda: pulled(models, server), "the connection broke", "MB are kept", "same command again", permanent=False
    )
    assert not (models / NAME).exists()
    assert (models / DOWNLOADS / f"{NAME}.part").stat().st_size == KEPT
    server.manners.cuts.clear()
    server.manners.requests.clear()
    assert pulled(models, server).fresh
    assert server.ranges_asked == [f"bytes={KEPT}-"]
    assert server.manners.requests[0][1]["If-Range"] == '"one"'
    assert left(models) == set()


def test_a_whole_partial_file_needs_no_more(models: Path, server: Server) -> None:
    (models / DOWNLOADS).mkdir(parents=True)
    (models / DOWNLOADS / f"{NAME}.part").write_bytes(ARCHIVE)
    note = f'{{"address": "{server.address}", "validator": "\\"one\\""}}'
    (models / DOWNLOADS / f"{NAME}.part.json").write_text(note)
    assert pulled(models, server).fresh
    assert server.ranges_asked == [f"bytes={len(ARCHIVE)}-"]


@pytest.mark.parametrize("change", ["no ranges", "another file", "another address", "no note", "longer"])
def test_it_starts_again_where_going_on_would_mix_two_files(models: Path, server: Server, change: str) -> None:
    server.manners.cuts = [KEPT] + [0] * 10
    with contextlib.suppress(AsrFault):
        pulled(models, server)
    server.manners.cuts.clear()
    part = models / DOWNLOADS / f"{NAME}.part"
    note = part.with_name(part.name + ".json")
    part.write_bytes(bytes(KEPT))  # going on with it would give a wrong digest
    if change == "no ranges":
        server.manners.ranges = False
    elif change == "another file":
        server.manners.etag = '"two"'
    elif change == "another address":
        note.write_text(note.read_text().replace("small.tar", "other.tar"))
    elif change == "no note":
        note.unlink()
    else:
        part.write_bytes(ARCHIVE + b"more")
    assert pulled(models, server).fresh


@pytest.mark.parametrize(
    ("etag", "known", "resumes"), [(None, True, True), (None, False, False), ('W/"weak"', False, False)]
)
def test_without_a_strong_validator_only_a_digest_allows_going_on(
    models: Path, server: Server, etag: str | None, known: bool, resumes: bool
) -> None:
    server.manners.etag = etag
    server.manners.cuts = [KEPT]
    pulled(models, server, None if known else model(sha256=None), accept_unverified=not known)
    assert server.ranges_asked == [None, f"bytes={KEPT}-" if resumes else None]


def test_a_busy_server_is_asked_again(models: Path, server: Server) -> None:
    server.manners.statuses = [503, 429, 500]
    assert pulled(models, server).fresh


@pytest.mark.parametrize(
    ("status", "words", "permanent"),
    [
        (404, ("404", "no such file", "mirror"), True),
        (403, ("403", "refuses access"), True),
        (401, ("401", "password"), True),
        (418, ("418", "check the address"), True),
        (503, ("503", "same command again"), False),
    ],
)
def test_what_the_server_refuses(
    models: Path, server: Server, status: int, words: tuple[str, ...], permanent: bool
) -> None:
    server.manners.statuses = [status] * 10
    refused(lambda: pulled(models, server), *words, permanent=permanent)
    assert not (models / NAME).exists()


def test_no_server_and_no_address(models: Path, server: Server) -> None:
    with serving(Manners(b"")) as gone:
        pass
    refused(lambda: pulled(models, gone), "cannot be reached", permanent=False)
    for address in ("ftp://127.0.0.1/x.zip", "small.zip", "http://", "http://[::1", "http://127.0.0.1:notaport/x.zip"):
        refused(lambda address=address: pull(model(), models, Order(address=address), silent), "no http(s) address")


def test_a_wrong_digest_installs_nothing_and_is_not_kept(models: Path, server: Server) -> None:
    wrong = "0" * 64
    refused(lambda: pulled(models, server, model(sha256=wrong)), wrong, hashlib.sha256(ARCHIVE).hexdigest(), "nothing")
    assert not (models / NAME).exists()
    assert left(models) == set()
    assert pulled(models, server, model(sha256=wrong), sha256=hashlib.sha256(ARCHIVE).hexdigest()).fresh


def test_another_length_is_refused_before_it_comes(models: Path, server: Server) -> None:
    refused(lambda: pulled(models, server, model(bytes=len(ARCHIVE) + 1)), f"offers {len(ARCHIVE)} bytes")
    assert left(models) == set()


def test_a_short_file_of_a_server_that_tells_no_length(models: Path, server: Server) -> None:
    server.manners.tells_length = False
    server.manners.content = ARCHIVE[:-100]
    refused(lambda: pulled(models, server), f"{len(ARCHIVE) - 100} bytes instead of {len(ARCHIVE)}")
    server.manners.content = ARCHIVE + bytes(10)
    refused(lambda: pulled(models, server), "more than")
    assert not (models / NAME).exists()


def test_an_unknown_digest_is_taken_only_if_told(models: Path, server: Server) -> None:
    unknown = model(sha256=None)
    refused(lambda: pulled(models, server, unknown), "--sha256", "--accept-unverified")
    assert server.manners.requests == []
    receipt = pulled(models, server, unknown, accept_unverified=True).manifest.archive
    assert receipt is not None
    assert not receipt.verified
    assert receipt.sha256 == hashlib.sha256(ARCHIVE).hexdigest()


def test_what_nobody_vouches_for_is_tried_out(models: Path, server: Server) -> None:
    tried: list[Path] = []

    def useless(directory: Path) -> None:
        tried.append(directory)
        raise AsrFault(f"{directory}: this model knows no Chinese; choose a Mandarin model", permanent=True)

    order = Order(address=server.address, accept_unverified=True)
    refused(lambda: pull(model(sha256=None), models, order, silent, useless), "small: this model knows no Chinese")
    assert len(tried) == 1
    assert not (models / NAME).exists()
    assert pull(model(), models, Order(address=server.address), silent, useless).fresh  # the catalogue vouches
    assert len(tried) == 1


def test_a_mirror_takes_the_place_of_the_host(models: Path, server: Server) -> None:
    base = server.address.removesuffix("/models/small.tar.bz2")
    done = pull(model(), models, Order(mirror=base.replace("//", "//user:secret@") + "/copies/"), silent)
    path, headers = server.manners.requests[0]
    assert path == "/copies/models/small.tar.bz2"
    assert headers["Authorization"].startswith("Basic ")
    assert "secret" not in (models / NAME / MANIFEST_NAME).read_text()
    assert done.manifest.source == f"{base}/copies/models/small.tar.bz2"
    server.manners.statuses = [404]
    with pytest.raises(AsrFault) as fault:
        pull(model(), models, Order(mirror=base.replace("//", "//user:secret@"), replace=True), silent)
    assert "secret" not in str(fault.value)


def test_a_proxy_of_the_environment_is_used(models: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", server.address.removesuffix("/models/small.tar.bz2"))
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.delenv("NO_PROXY", raising=False)
    assert pull(model(), models, Order(address="http://models.example.org/x.tar.bz2"), silent).fresh
    assert server.manners.requests[0][0] == "http://models.example.org/x.tar.bz2"


def test_from_a_file_without_any_network(models: Path, tmp_path: Path) -> None:
    file = tmp_path / "a.tar.bz2"
    file.write_bytes(ARCHIVE)
    assert pull(model(), models, Order(archive=file), silent).manifest.source == "a.tar.bz2"
    file.write_bytes(ARCHIVE[:-1])
    refused(lambda: pull(model(), models, Order(archive=file, replace=True), silent), "SHA-256")
    assert file.exists()
    assert (models / NAME / MANIFEST_NAME).exists()
    missing = Order(archive=tmp_path / "b.zip", replace=True)
    refused(lambda: pull(model(), models, missing, silent), "b.zip", "no such file")


SHAPES = {
    "flat": {name.removeprefix("small/"): content for name, content in FILES.items()},
    "own folder": FILES,
    "two folders deep": {f"outer/inner/{name}": content for name, content in FILES.items()},
    "beside others": {**FILES, "README.md": b"x", "licences/a": b"y", "._small": b"mac", "__MACOSX/small/x": b"mac"},
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("form", ["zip", "tar.bz2", "tar.gz"])
def test_any_shape_and_form_of_archive(models: Path, shape: str, form: str) -> None:
    files = SHAPES[shape]
    content = zip_of(files) if form == "zip" else tar_of(files, "w:bz2" if form == "tar.bz2" else "w:gz")
    with serving(Manners(content)) as server:
        pulled(models, server, model(content))
    assert (models / NAME / "am" / "final.mdl").read_bytes() == FILES["small/am/final.mdl"]
    assert not list((models / NAME).rglob("._*"))


def _entry(name: str, kind: bytes, target: str = "") -> Callable[[tarfile.TarFile], None]:
    def add(tar: tarfile.TarFile) -> None:
        entry = tarfile.TarInfo(name)
        entry.type, entry.linkname = kind, target
        tar.addfile(entry)

    return add


def _zip_link() -> bytes:
    made = io.BytesIO(zip_of(FILES))
    with zipfile.ZipFile(made, "a") as opened:
        link = zipfile.ZipInfo("small/link")
        link.external_attr = 0o120777 << 16
        opened.writestr(link, "/etc/passwd")
    return made.getvalue()


HARMFUL = {
    "climbs out": (tar_of({**FILES, "../escaped": b"x"}), "leads out"),
    "climbs out of a zip": (zip_of({**FILES, "small/../../escaped": b"x"}), "leads out"),
    "absolute": (tar_of({**FILES, "/tmp/escaped": b"x"}), "leads out"),
    "absolute in a zip": (zip_of({**FILES, "/tmp/escaped": b"x"}), "leads out"),
    "windows": (zip_of({**FILES, "small\\..\\escaped": b"x"}), "leads out"),
    "symbolic link out": (tar_of(FILES, more=_entry("small/link", tarfile.SYMTYPE, "../../../escaped")), "leads out"),
    "absolute link": (tar_of(FILES, more=_entry("small/link", tarfile.SYMTYPE, "/etc/passwd")), "leads out"),
    "hard link out": (tar_of(FILES, more=_entry("small/link", tarfile.LNKTYPE, "../escaped")), "leads out"),
    "link to nothing": (tar_of(FILES, more=_entry("small/link", tarfile.SYMTYPE, "nothing")), "not in it"),
    "link to itself": (tar_of(FILES, more=_entry("small/link", tarfile.SYMTYPE, "link")), "not in it"),
    "link in a zip": (_zip_link(), "link or device"),
    "device": (tar_of(FILES, more=_entry("small/null", tarfile.CHRTYPE)), "device"),
    "fifo": (tar_of(FILES, more=_entry("small/pipe", tarfile.FIFOTYPE)), "device"),
    "bomb": (tar_of({**FILES, "small/zeros": bytes(90_000_000)}), "unpacks to more"),
    "bomb in a zip": (zip_of({**FILES, "small/zeros": bytes(90_000_000)}), "unpacks to more"),
    "many files": (tar_of({f"small/{i}": b"" for i in range(10_001)}), "more than 10000 files"),
    "one name twice": (tar_of(FILES, more=lambda tar: tar.addfile(tarfile.TarInfo("small/am/final.mdl"))), "twice"),
    "file as folder": (tar_of({**FILES, "small/am": b"x"}), "twice"),
    "a page": (b"<html>please log in</html>" * 100, "no zip"),
    "empty": (b"", "no zip"),
    "cut tar": (ARCHIVE[:-5000], "damaged or cut off"),
    "cut zip": (zip_of(FILES)[:-5000], "damaged or cut off"),
    "garbled": (ARCHIVE[:1000] + bytes(1000) + ARCHIVE[2000:], "damaged or cut off"),
    "other engine": (tar_of({"other/tokens.txt": b"a 0\n", "other/model.onnx": b"x"}), "am/final.mdl is missing"),
    "no model": (tar_of({"a/x": b"", "b/y": b"", "c": b""}), "it holds a, b, c"),
}


@pytest.mark.parametrize("harm", HARMFUL)
def test_a_harmful_or_useless_archive_leaves_nothing(models: Path, tmp_path: Path, harm: str) -> None:
    content, word = HARMFUL[harm]
    with serving(Manners(content)) as server:
        wanted = model(max(content, b"x"), bytes=max(1, len(content)), sha256=hashlib.sha256(content).hexdigest())
        if not content:
            wanted = wanted.model_copy(update={"exact": False})
        refused(lambda: pulled(models, server, wanted), word)
    assert not (models / NAME).exists()
    assert not list(tmp_path.rglob("escaped"))
    assert not Path("/tmp/escaped").exists()
    assert not any(name.endswith(".unpacked") for name in left(models))


def test_a_link_inside_becomes_a_copy(tmp_path: Path) -> None:
    archive = tmp_path / "a.tar.bz2"
    archive.write_bytes(tar_of({"m/a": b"one"}, more=_entry("m/b", tarfile.SYMTYPE, "a")))
    unpack(archive, tmp_path / "out", at_most=100)
    assert (tmp_path / "out" / "m" / "b").read_bytes() == b"one"
    assert not (tmp_path / "out" / "m" / "b").is_symlink()


def test_two_at_once(models: Path, server: Server) -> None:
    server.manners.hold = threading.Event()
    done: list[Pulled] = []
    first = threading.Thread(target=lambda: done.append(pulled(models, server)))
    first.start()
    while not server.manners.requests:
        time.sleep(0.01)
    refused(lambda: pulled(models, server), "another process", permanent=False)
    server.manners.hold.set()
    first.join()
    assert done[0].fresh
    assert not pulled(models, server).fresh


PULL = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs ignore it
from pathlib import Path
from tests.asr.test_asr_pull import model, silent
from voicebot.asr.pull import Order, pull
pull(model(), Path(sys.argv[1]), Order(address=sys.argv[2]), silent)
"""


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_an_interruption_leaves_nothing_at_the_target(models: Path, server: Server, end: signal.Signals) -> None:
    server.manners.hold = threading.Event()
    command = [sys.executable, "-c", PULL, str(models), server.address]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": "."}) as process:
        while not server.manners.requests:
            time.sleep(0.01)
        time.sleep(0.2)
        process.send_signal(end)
        assert process.wait(30) != 0
    server.manners.hold.set()
    assert not (models / NAME).exists()
    server.manners.hold = None
    assert pulled(models, server).fresh  # the lock died with its holder


@pytest.mark.parametrize("step", ["unpack", "digests", "_put"])
def test_an_interruption_while_installing(
    models: Path, server: Server, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def interrupted(*_args: object, **_named: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(pulling, step, interrupted)
        with pytest.raises(KeyboardInterrupt):
            pulled(models, server)
    assert not (models / NAME).exists()
    assert left(models) == {f"{NAME}.part", f"{NAME}.part.json"}
    server.manners.requests.clear()
    assert pulled(models, server).fresh
    assert server.ranges_asked == [f"bytes={len(ARCHIVE)}-"]  # nothing came twice


def test_the_older_model_stays_if_the_new_one_cannot_be_put(
    models: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    pulled(models, server)
    (models / NAME / "mine").write_text("x")
    rename = Path.rename

    def fails(self: Path, target: Path) -> Path:
        if target == models / NAME and self.parent.name.endswith(".unpacked"):
            raise OSError(errno.EACCES, "Permission denied")
        return rename(self, target)

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", fails)
        refused(lambda: pulled(models, server, replace=True), "permission denied")
    assert (models / NAME / "mine").exists()
    # And a process that died between the two renames is mended by the next.
    (models / NAME).rename(models / DOWNLOADS / f"{NAME}.old")
    assert not pulled(models, server).fresh
    assert (models / NAME / "mine").exists()


def test_a_full_disk(models: Path, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = downloading.shutil._ntuple_diskusage(10, 10, 1000)
    with monkeypatch.context() as patched:
        patched.setattr(downloading.shutil, "disk_usage", lambda _: usage)
        refused(lambda: pulled(models, server), "are needed", "make room")
    assert server.manners.requests == []

    def full(*_args: object) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(downloading, "_receive", full)
        refused(lambda: pulled(models, server), "the disk is full", "make room")
    with monkeypatch.context() as patched:
        patched.setattr("voicebot.asr.archive._Room.copy", full)
        refused(lambda: pulled(models, server), "the disk is full", "make room")
    assert not (models / NAME).exists()
    assert pulled(models, server).fresh


def test_a_models_folder_that_is_none(tmp_path: Path, server: Server) -> None:
    (tmp_path / "file").write_text("x")
    refused(lambda: pulled(tmp_path / "file", server), "file")


# What there is.


def rows(models: Path, **options: bool) -> dict[str, Shelved]:
    return {row.name: row for row in inventory(models, [model(), model(name="other")], **options)}


def test_the_inventory_tells_what_is_here_and_what_could_be(models: Path, server: Server) -> None:
    assert {name: row.state for name, row in rows(models).items()} == {NAME: "available", "other": "available"}
    pulled(models, server)
    (models / "stray").mkdir()
    (models / "other" / "deep").mkdir(parents=True)
    unpacked = models / "byhand"
    for name, content in SHAPES["flat"].items():
        (unpacked / name).parent.mkdir(parents=True, exist_ok=True)
        (unpacked / name).write_bytes(content)
    found = rows(models)
    assert {name: row.state for name, row in found.items()} == {
        NAME: "installed",
        "stray": "damaged",
        "other": "damaged",
        "byhand": "installed",
    }
    assert (found[NAME].verified, found[NAME].licence, found[NAME].synthetic) == (True, "Apache-2.0", False)
    assert (found["byhand"].engine, found["byhand"].licence, found["byhand"].synthetic) == ("vosk", "", None)
    assert "no vosk or sherpa-onnx model" in found["stray"].fault


def test_a_damaged_folder_is_a_row_like_others(models: Path, server: Server) -> None:
    pulled(models, server)
    mdl = models / NAME / "am" / "final.mdl"
    mdl.write_bytes(bytes(len(mdl.read_bytes())))
    assert rows(models)[NAME].state == "installed"  # the lengths are right
    assert "another content" in rows(models, contents=True)[NAME].fault
    mdl.write_bytes(b"")
    assert "bytes instead of" in rows(models)[NAME].fault
    (models / NAME / MANIFEST_NAME).write_text("{")
    assert "not a model manifest" in rows(models)[NAME].fault
    (models / NAME / MANIFEST_NAME).unlink()
    for name in FILES:
        inner = models / NAME / name
        inner.parent.mkdir(parents=True, exist_ok=True)
        inner.write_bytes(b"x")
    mdl.unlink()
    assert "move it up" in rows(models)[NAME].fault


def test_the_catalogue_is_sound() -> None:
    catalogue = load_catalogue()
    names = [one.name for one in catalogue]
    assert len(set(names)) == len(names)
    assert {"vosk-model-small-cn-0.22", "vosk-model-cn-0.22"} <= set(names)
    assert {one.architecture for one in catalogue if one.engine == "sherpa-onnx"} == {"transducer", "ctc", "paraformer"}
    assert all(one.address.rpartition("/")[2].startswith(one.name) for one in catalogue)


@pytest.mark.parametrize(
    ("name", "near"),
    [("small-cn", "vosk-model-small-cn-0.22"), ("vosk-model-cn", "vosk-model-cn-0.22"), ("qqq", "models list")],
)
def test_a_wrong_name_is_told_the_nearest(name: str, near: str) -> None:
    refused(lambda: find_official(name, load_catalogue()), name, near)
