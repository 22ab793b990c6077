"""How pjsua2's endpoint is set up: its configuration, transport and codecs.

Belongs to the SIP thread (`sip.pjsua_thread`): nothing here may be called in another.
"""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pjsua2 as pj

from sip.line import SipFault, TrunkOptions

SLOTS = 4  # PJSUA_MAX_CALLS, compiled into the wheel


def silence_library() -> None:
    """Keep the library off standard output; call before `libCreate`."""
    # `libCreate` prints six lines to standard output before any configuration is read; `--json` output must stay clean.
    for library in Path(pj.__file__).parent.glob("_pjsua2*.so"):
        with suppress(OSError, AttributeError):
            ctypes.CDLL(str(library)).pj_log_set_level(0)


def endpoint_config() -> Any:
    """An `EpConfig`: no worker thread, 8 kHz, 20 ms, nothing held back."""
    config = pj.EpConfig()
    config.logConfig.level = config.logConfig.consoleLevel = 0
    agent = config.uaConfig
    agent.threadCnt = 0  # with a thread of its own, DISCONNECTED events were lost
    agent.mainThreadOnly = False
    agent.maxCalls = SLOTS
    agent.userAgent = "voicebot"
    media = config.medConfig
    # 8 kHz throughout: a 16 kHz port costs 20 ms more; no voice activity gate and no echo canceller on a telephone
    # line whose far end we recognise; a jitter buffer that starts empty and holds back 60 ms at most before it adapts.
    media.clockRate, media.audioFramePtime = 8000, 20
    media.noVad, media.ecTailLen = True, 0
    media.jbInit, media.jbMinPre, media.jbMaxPre, media.jbMax = 0, 0, 60, 200
    return config


def open_transport(endpoint: Any, options: TrunkOptions) -> int:
    """Open the UDP socket and return its transport's id; raises `SipFault` (permanent)."""
    transport = pj.TransportConfig()
    transport.port = options.port
    if options.bind != "0.0.0.0":  # noqa: S104  # compared, not bound
        transport.boundAddress = transport.publicAddress = options.bind
    try:
        return int(endpoint.transportCreate(pj.PJSIP_TRANSPORT_UDP, transport))
    except pj.Error as error:
        where = f"UDP port {options.port} on {options.bind}" if options.port else f"a UDP port on {options.bind}"
        reason = str(error.reason)
    if "in use" in reason:
        raise SipFault(f"{where} is in use by another program", permanent=True)
    raise SipFault(f"cannot open {where}: {reason}", permanent=True)


def choose_codecs(endpoint: Any, codecs: Sequence[str]) -> None:
    """Offer and accept these codecs only, in this order; raises `SipFault` (permanent) for one it has not."""
    known = [str(codec.codecId) for codec in endpoint.codecEnum2()]
    for codec in known:
        endpoint.codecSetPriority(codec, 0)
    for rank, wanted in enumerate(codecs):
        found = [codec for codec in known if codec.upper().startswith(wanted.upper() + "/")]
        if not found:
            names = ", ".join(sorted({codec.split("/")[0] for codec in known}))
            raise SipFault(f"codec {wanted} is unknown to this engine, which has {names}", permanent=True)
        endpoint.codecSetPriority(found[0], 255 - rank)
