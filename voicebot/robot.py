"""Builds the engines that the settings name. The only place that knows which engine is which."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sip import pjsua
from sip.line import Trunk, TrunkOptions
from tts.cache import CachedVoice
from tts.espeak import EspeakVoice
from tts.voice import Style, Voice
from voicebot.asr import remote
from voicebot.asr.choice import engine_for
from voicebot.asr.layout import engine_of
from voicebot.asr.recognizer import AsrFault, Ear
from voicebot.asr.sherpa import SherpaEar
from voicebot.asr.vosk import VoskEar
from voicebot.call.session import Engines
from voicebot.call.speaking import Speaker
from voicebot.flow.loading import load
from voicebot.flow.model import Flow
from voicebot.nlu.lexicon import load as load_lexicon
from voicebot.settings import Settings
from voicebot.store.ledger import Ledger
from voicebot.store.records import Engines as EngineNames
from voicebot.store.store import Store

log = logging.getLogger(__name__)
_TTS_CACHE_BYTES = 512 * 1024 * 1024
_EARS: dict[str, Callable[[Path], Ear]] = {"vosk": VoskEar, "sherpa": SherpaEar}


def load_ear(settings: Settings, model: str | None = None, engine: str | None = None) -> Ear:
    """The recogniser that `model` names: a folder below `asr_models/` or any other, whose content tells the engine
    ("auto"), or a server's address. `model` and `engine` are the settings' where they are not given. Raises `AsrFault`.
    """
    name, engine = model or settings.asr_model, engine or settings.asr_engine
    if "://" in name:
        ear: Ear = remote.open_ear(name if engine == "auto" or "+" in name.partition("://")[0] else f"{engine}+{name}")
    elif engine == "auto" or engine in _EARS:
        directory = settings.asr_models_dir / name
        ear = _EARS[engine_for(directory) if engine == "auto" else engine](directory)
    else:
        raise AsrFault(f"unknown engine {engine} for a folder: choose auto, {' or '.join(_EARS)}", permanent=True)
    if ear.info.synthetic:
        log.warning("ear %s: trained on synthetic speech only; it hears the softphone, not people", ear.info.model)
    return ear


def try_model(directory: Path) -> None:
    """Load a model that nobody vouches for, to see that it works. Raises `AsrFault`."""
    if engine_of(directory) is not None:
        _EARS[engine_for(directory)](directory)


def make_voice(settings: Settings) -> CachedVoice:
    """The speech engine behind its cache on disk."""
    return CachedVoice(EspeakVoice(), settings.tts_cache_dir, _TTS_CACHE_BYTES)


def load_flow(settings: Settings, name: str) -> Flow:
    """A checked script by its folder's name. Raises `FlowError`."""
    return load(name, flows=settings.flows_dir)


def open_store(settings: Settings, *, durable: bool = False) -> Store:
    """The database, migrated where it is embedded; `durable`: see `Store.open`. Raises `StoreFault`."""
    return Store.open(settings.database_url, durable=durable)


@dataclass(slots=True)
class Robot:
    """Everything one worker process needs to hold calls."""

    settings: Settings
    engines: Engines
    trunk: Trunk
    voice: Voice
    store: Store
    ledger: Ledger

    @property
    def names(self) -> EngineNames:
        """The engines as a record names them."""
        info = self.engines.ear.info
        asr = f"{info.engine}:{info.model}:{info.version}"
        return EngineNames(asr, self.engines.understander.name, self.voice.key, synthetic_ear=info.synthetic)

    @classmethod
    async def open(cls, settings: Settings) -> Robot:
        """Load the models, open the trunk and the database. Raises the parts' faults."""
        store = await asyncio.to_thread(open_store, settings)
        ear = await asyncio.to_thread(load_ear, settings)
        understander = await asyncio.to_thread(load_lexicon)
        voice = make_voice(settings)
        trunk = await pjsua.open_trunk(
            TrunkOptions(
                bind=settings.sip_bind,
                port=settings.sip_port,
                rtp_port=settings.sip_rtp_port,
                channels=settings.sip_channels,
                user=settings.sip_user,
                registrar=settings.sip_registrar,
                username=settings.sip_username,
                password=settings.sip_password.get_secret_value(),
                proxy=settings.sip_proxy,
                codecs=settings.sip_codecs,
            )
        )
        style = Style(variant=settings.tts_variant, rate=settings.tts_rate)
        engines = Engines(trunk, ear, understander, lambda flow: Speaker(voice, style, flow, voice.cache))
        return cls(settings, engines, trunk, voice, store, Ledger(store))

    async def close(self) -> None:
        """Hang up, free the engines. Idempotent."""
        await self.trunk.close()
        await self.voice.close()
        await self.ledger.close()
        await asyncio.to_thread(self.store.close)
