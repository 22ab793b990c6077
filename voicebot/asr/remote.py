"""The engines that are servers, by the name before the `+` of `VOICEBOT_ASR_MODEL=ENGINE+ws://HOST:PORT`."""

from __future__ import annotations

from voicebot.asr import funasr, paddlespeech
from voicebot.asr.conversation import Patience
from voicebot.asr.recognizer import AsrFault
from voicebot.asr.server import ServerEar

_ENGINES = {"paddlespeech": paddlespeech.open_ear, "funasr": funasr.open_ear}


def open_ear(setting: str, patience: Patience | None = None) -> ServerEar:
    """The ear behind a server's address. Raises `AsrFault` for a wrong setting and for a server that is not there."""
    engine = setting.partition("+")[0]
    if engine not in _ENGINES:
        known = " or ".join(_ENGINES)
        raise AsrFault(
            f"VOICEBOT_ASR_MODEL: no engine {engine[:40]!r} that is a server; {known} is expected before +ws://",
            permanent=True,
        )
    return _ENGINES[engine](setting, patience)
