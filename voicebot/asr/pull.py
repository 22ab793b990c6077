"""Bringing an official model into the models' folder: fetched, checked, unpacked aside, and put there in one step."""

from __future__ import annotations

import errno
import fcntl
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import urlsplit

from voicebot.asr.archive import unpack
from voicebot.asr.catalogue import OfficialModel
from voicebot.asr.download import (
    Expected,
    Progress,
    disk_fault,
    download,
    forget,
    is_web_address,
    public,
    require_room,
)
from voicebot.asr.layout import missing, model_root
from voicebot.asr.manifest import (
    MANIFEST_NAME,
    ArchiveReceipt,
    FileDigest,
    ModelManifest,
    digest,
    digests,
    read_manifest,
    verify_files,
)
from voicebot.asr.recognizer import AsrFault

DOWNLOADS = ".downloads"  # below the models' folder, so that the last step is a rename on one disk
_UNPACKED = 2  # times the archive's length; official models unpack to 1.1 to 1.6 times theirs
_GROWTH, _SPARE = 20, 64_000_000  # an archive that unpacks to more than 20 times itself and 64 MB is no model


@dataclass(frozen=True, slots=True)
class Order:
    """How to pull.

    `address`: instead of the catalogue's; `mirror`: base address in place of the catalogue's scheme and host;
    `archive`: a file that is here already. `sha256`: of the archive, instead of the catalogue's. `accept_unverified`:
    take an archive whose digest nobody named. `replace`: put it in the place of a model of the same name.
    """

    address: str = ""
    mirror: str = ""
    archive: Path | None = None
    sha256: str = ""
    accept_unverified: bool = False
    replace: bool = False


@dataclass(frozen=True, slots=True)
class Pulled:
    """What came of it. `fresh`: false when the model was here already and nothing was done."""

    directory: Path
    manifest: ModelManifest
    fresh: bool


def pull(
    model: OfficialModel, models: Path, order: Order, progress: Progress, trial: Callable[[Path], None] | None = None
) -> Pulled:
    """Install `model` as `models/NAME` with a manifest that names every file's digest.

    Until the last step, which is a rename, nothing is at that place; a partial download stays in `.downloads` and is
    gone on with. `trial` loads the model where the archive is not the one that the catalogue's digest names; it raises
    `AsrFault` for a model that is of no use (another language, damaged). Raises `AsrFault` with one line.
    """
    wanted = order.sha256 or model.sha256 or ""
    if not wanted and not order.accept_unverified:
        message = (
            f"{model.name}: nobody has confirmed a SHA-256 of this archive; get it from the publisher and give "
            "--sha256 HEX, or take what comes with --accept-unverified"
        )
        raise AsrFault(message, permanent=True)
    target, aside = models / model.name, models / DOWNLOADS
    try:
        aside.mkdir(parents=True, exist_ok=True)
        with _alone(aside / f"{model.name}.lock", model.name):
            _mend_replacing(target, aside)
            if target.exists() and not order.replace:
                return Pulled(target, _whole(target), fresh=False)
            archive = order.archive or _fetched(model, _address(model, order), aside, wanted, order, progress)
            receipt = _checked(archive, model, wanted, ours=order.archive is None)
            staging = aside / f"{model.name}.unpacked"
            try:
                _discard(staging)
                require_room(aside, _UNPACKED * receipt.bytes)
                unpack(archive, staging, at_most=_GROWTH * receipt.bytes + _SPARE)
                root = _root(staging, model, archive)
                if trial is not None and receipt.sha256 != model.sha256:
                    _try_out(trial, root, model)
                source = public(_address(model, order)) if order.archive is None else order.archive.name
                manifest = _manifest(model, root, receipt, source)
                (root / MANIFEST_NAME).write_text(manifest.model_dump_json(indent=1) + "\n", encoding="utf-8")
                _put(root, target, aside)
            finally:
                _discard(staging)
            if order.archive is None:
                forget(archive)
            return Pulled(target, manifest, fresh=True)
    except OSError as error:
        raise disk_fault(target, error) from error


def _address(model: OfficialModel, order: Order) -> str:
    address = order.address or model.address
    if order.mirror and not order.address:
        address = order.mirror.rstrip("/") + urlsplit(model.address).path
    if not is_web_address(address):
        raise AsrFault(f"{address!r} is no http(s) address; check it", permanent=True)
    return address


def _fetched(model: OfficialModel, address: str, aside: Path, wanted: str, order: Order, progress: Progress) -> Path:
    """The whole archive, in `.downloads`."""
    part = aside / f"{model.name}.part"
    here = part.stat().st_size if part.exists() else 0
    require_room(aside, max(0, model.bytes - here) + _UNPACKED * model.bytes)
    # An operator's own digest may belong to another build of the archive, of another length.
    exact = model.exact and not order.sha256
    expected = Expected(model.bytes if exact else None, model.bytes if exact else 4 * model.bytes, checked=bool(wanted))
    download(address, part, expected, progress)
    return part


def _checked(archive: Path, model: OfficialModel, wanted: str, *, ours: bool) -> ArchiveReceipt:
    """Hold the archive against the digest; a wrong one of ours is thrown away."""
    try:
        seen: FileDigest = digest(archive)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise AsrFault(f"{archive}: {why}; name the model's archive", permanent=True) from error
    if wanted and seen.sha256 != wanted.lower():
        if ours:
            forget(archive)
        length = ""
        if model.exact and seen.bytes != model.bytes:
            length = f" ({seen.bytes} bytes instead of {model.bytes})"
        message = (
            f"{model.name}: the archive's SHA-256 is {seen.sha256}{length} and {wanted} was expected; nothing is "
            "installed: check the address, the mirror or --sha256"
        )
        raise AsrFault(message, permanent=True)
    fetched = datetime.now(UTC).isoformat(timespec="seconds")
    return ArchiveReceipt(bytes=seen.bytes, sha256=seen.sha256, verified=bool(wanted), fetched=fetched)


def _root(staging: Path, model: OfficialModel, archive: Path) -> Path:
    root = model_root(staging, model.engine)
    if root is None:
        names = sorted(path.name for path in staging.iterdir())
        found = ", ".join(names[:5]) + (", …" if len(names) > 5 else "") or "nothing"
        lacking = missing(staging / names[0] if len(names) == 1 else staging, model.engine)
        what = f"{lacking} is missing; it holds {found}"
        raise AsrFault(f"{archive.name}: holds no {model.engine} model ({what}); nothing is installed", permanent=True)
    return root


def _try_out(trial: Callable[[Path], None], root: Path, model: OfficialModel) -> None:
    try:
        trial(root)
    except AsrFault as fault:
        told = str(fault).replace(str(root), model.name)
        raise AsrFault(f"{told}; nothing is installed", permanent=fault.permanent) from fault


def _manifest(model: OfficialModel, root: Path, receipt: ArchiveReceipt, source: str) -> ModelManifest:
    return ModelManifest(
        name=model.name,
        version=model.version,
        engine=model.engine,
        language=model.language,
        licence=model.licence,
        synthetic=_calls_itself_synthetic(root),
        description=model.note,
        source=source,
        files=digests(root),
        archive=receipt,
    )


def _calls_itself_synthetic(root: Path) -> bool:
    """A model of ours under another's name still says what it is; of official ones none is."""
    try:
        own = read_manifest(root)
    except AsrFault:  # some other program's file of that name
        return False
    return own is not None and own.synthetic


def _whole(target: Path) -> ModelManifest:
    """The manifest of a model that is in place. Raises `AsrFault` if it is not whole."""
    advice = "; --force replaces it"
    try:
        manifest = read_manifest(target)
        if manifest is not None:
            verify_files(target, manifest, contents=False)
            return manifest
    except AsrFault as fault:
        raise AsrFault(f"{fault}{advice}", permanent=True) from fault
    raise AsrFault(f"{target}: is there, but was not pulled by this command{advice}", permanent=True)


def _put(root: Path, target: Path, aside: Path) -> None:
    """Rename into place. An older model of that name leaves only when the new one stands."""
    old = _old(target, aside)
    _discard(old)
    if target.exists():
        target.rename(old)
    try:
        root.rename(target)
    except OSError:
        if old.exists():
            old.rename(target)
        raise
    _discard(old)


def _mend_replacing(target: Path, aside: Path) -> None:
    """A pull that died between the two renames left the older model aside: put it back."""
    old = _old(target, aside)
    if old.exists() and not target.exists():
        old.rename(target)


def _old(target: Path, aside: Path) -> Path:
    return aside / f"{target.name}.old"


def _discard(folder: Path) -> None:
    if folder.is_symlink():
        folder.unlink()
    elif folder.exists():
        shutil.rmtree(folder)


@contextmanager
def _alone(lock: Path, name: str) -> Iterator[None]:
    """Hold the model's lock, which the system frees when the process ends, however it ends."""
    with lock.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in {errno.EWOULDBLOCK, errno.EACCES}:
                raise
            raise AsrFault(f"{name}: is being pulled by another process; wait until it is done") from error
        yield
