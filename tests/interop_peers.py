"""Other people's phones as far ends: baresip and SIPp, each in its own process on 127.0.0.1. Test-only.

The fixtures `baresip` and `sipp` are in tests/conftest.py; they skip where the Debian packages are not installed.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import socket
import wave
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.sip.scripts import alaw_encode

HOST = "127.0.0.1"
START_S = 10.0


def write_wav(path: Path, pcm: bytes) -> Path:
    """s16le at 8000 Hz, mono."""
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, 8000, 0, "NONE", ""))
        file.writeframes(pcm)
    return path


def read_wav(path: Path) -> bytes:
    """s16le at 8000 Hz, mono; also of a file whose writer was ended before it closed the file."""
    with wave.open(str(path), "rb") as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 8000), path
        return file.readframes(file.getnframes())


def free_port() -> int:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


def _listens(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.bind((HOST, port))
        except OSError:
            return True
        return False


@dataclass(frozen=True, slots=True)
class Peer:
    """A running phone. `workdir` is its own; `uri` answers calls."""

    port: int
    workdir: Path

    @property
    def uri(self) -> str:
        return f"sip:callee@{HOST}:{self.port}"

    def heard(self) -> bytes:
        """baresip only: what it decoded of our voice, s16le at 8000 Hz; whole once the call ended."""
        (path,) = self.workdir.glob("dump-*-dec.wav")
        return read_wav(path)


@contextlib.asynccontextmanager
async def _running(workdir: Path, port: int, *command: str) -> AsyncIterator[Peer]:
    if shutil.which(command[0]) is None:
        pytest.skip(f"{command[0]} is not installed (Debian: apt-get install baresip sip-tester)")
    with (workdir / "output.txt").open("wb") as output:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=workdir, stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output
        )
    try:
        deadline = asyncio.get_running_loop().time() + START_S
        while not _listens(port):
            said = (workdir / "output.txt").read_text(errors="replace")[-500:]
            assert process.returncode is None, f"{command[0]} ended: {said}"
            assert asyncio.get_running_loop().time() < deadline, f"{command[0]} does not listen: {said}"
            await asyncio.sleep(0.02)
        yield Peer(port, workdir)
    finally:
        if process.returncode is None:
            process.terminate()
            try:
                await asyncio.wait_for(process.wait(), 3)
            except TimeoutError:
                process.kill()
                await process.wait()


_BARESIP = """\
poll_method epoll
sip_listen {host}:{port}
rtp_ports {rtp}-{rtp_end}
jitter_buffer_delay 2-5
audio_source aufile,{wav}
audio_player aubridge,none
audio_alert aubridge,none
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
snd_path {workdir}
module_path {modules}
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
module_app account.so
module_app menu.so
"""


def baresip_answering(workdir: Path, wav: Path) -> contextlib.AbstractAsyncContextManager[Peer]:
    """A baresip that answers every call at once, plays `wav` (s16le, 8000 Hz, mono) and keeps what it hears."""
    port, rtp = free_port(), free_port() & ~1
    modules = next((path for path in Path("/usr/lib").glob("**/baresip/modules")), Path("/usr/lib/baresip/modules"))
    (workdir / "config").write_text(
        _BARESIP.format(
            host=HOST, port=port, rtp=rtp, rtp_end=min(rtp + 40, 65534), wav=wav, workdir=workdir, modules=modules
        )
    )
    (workdir / "accounts").write_text(
        f"<sip:callee@{HOST}:{port}>;regint=0;answermode=auto;audio_codecs=PCMA/8000/1,PCMU/8000/1\n"
    )
    (workdir / "contacts").write_text("")
    return _running(workdir, port, "baresip", "-f", str(workdir))


_SIPP = """\
<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE scenario SYSTEM "sipp.dtd">
<scenario name="answer">
<recv request="INVITE" crlf="true"><action>
  <ereg regexp=".*" search_in="hdr" header="From:" assign_to="1"/>
  <ereg regexp="sip:[^&gt;]*" search_in="hdr" header="Contact:" assign_to="2"/>
</action></recv>
<Reference variables="1,2"/>
<send><![CDATA[
SIP/2.0 180 Ringing
{headers}Content-Length: 0

]]></send>
<pause milliseconds="{ring_ms}"/>
<send retrans="500"><![CDATA[
SIP/2.0 200 OK
{headers}Content-Type: application/sdp
Content-Length: [len]

v=0
o=sipp 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [media_ip]
t=0 0
m=audio [media_port] RTP/AVP 8 101
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
a=fmtp:101 0-15

]]></send>
<recv request="ACK" crlf="true"/>
{media}{ending}</scenario>
"""
_SIPP_HEADERS = """\
[last_Via:]
[last_From:]
[last_To:];tag=[pid]SIPpTag[call_number]
[last_Call-ID:]
[last_CSeq:]
Contact: <sip:[local_ip]:[local_port];transport=[transport]>
"""
_SIPP_MEDIA = '<nop><action><exec rtp_stream="{file},{loops},8"/></action></nop>\n'
_SIPP_HANG_UP = """\
<pause milliseconds="{ms}"/>
<send retrans="500"><![CDATA[
BYE [$2] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:callee@[local_ip]:[local_port]>;tag=[pid]SIPpTag[call_number]
To:[$1]
Call-ID: [call_id]
CSeq: 1 BYE
Max-Forwards: 70
Content-Length: 0

]]></send>
<recv response="200"/>
"""
_SIPP_WAIT_BYE = """\
<recv request="BYE" crlf="true"/>
<send><![CDATA[
SIP/2.0 200 OK
[last_Via:]
[last_From:]
[last_To:]
[last_Call-ID:]
[last_CSeq:]
Content-Length: 0

]]></send>
"""


def sipp_answering(
    workdir: Path,
    wav: Path | None = None,
    *,
    hang_up_after_s: float | None = None,
    repeat: bool = False,
    ring_s: float = 0.1,
) -> contextlib.AbstractAsyncContextManager[Peer]:
    """A SIPp that answers every call and streams `wav` (s16le, 8000 Hz, mono) as A-law, once or again and again.

    Without a `wav` it echoes our own voice. Hangs up by itself after so many seconds, else waits for our BYE.
    """
    port, rtp = free_port(), free_port() & ~1
    media = ""
    if wav is not None:
        coded = workdir / "speech.alaw"
        coded.write_bytes(alaw_encode(read_wav(wav)))  # SIPp sends a file's bytes as they are, a header too
        media = _SIPP_MEDIA.format(file=coded, loops=-1 if repeat else 1)
    ending = _SIPP_WAIT_BYE if hang_up_after_s is None else _SIPP_HANG_UP.format(ms=int(hang_up_after_s * 1000))
    scenario = workdir / "answer.xml"
    scenario.write_text(_SIPP.format(headers=_SIPP_HEADERS, ring_ms=int(ring_s * 1000), media=media, ending=ending))
    options = ["-sf", str(scenario), "-i", HOST, "-p", str(port), "-mi", HOST, "-mp", str(rtp), "-nostdin"]
    if wav is None:
        options.append("-rtp_echo")
    return _running(workdir, port, "sipp", *options)
