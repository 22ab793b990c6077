"""The settings of an installation, from environment variables that begin with VOICEBOT_.

The robot runs from a source checkout (`pip install --editable .`): data folders lie beside the code by default. An
empty variable counts as not set; a VOICEBOT_ variable that nothing reads is refused, because a misspelt one would
otherwise change nothing in silence. Variables that begin with VOICEBOT_TEST_ belong to the tests and are left alone.
"""

from __future__ import annotations

import difflib
import os
import re
from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

ROOT: Final = Path(__file__).resolve().parents[1]
PREFIX: Final = "VOICEBOT_"
HOST_NAME: Final = re.compile(r"^[A-Za-z0-9._-]{0,64}$")
_TEST_PREFIX: Final = PREFIX + "TEST_"


class SettingsFault(Exception):
    """A setting is wrong: one line that names it and says what is expected. Always permanent."""

    permanent = True


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # OSError: a folder of the zone data base, such as "Asia"
        raise ValueError("no such time zone; an IANA name is expected, such as Asia/Shanghai") from None
    return name


def _web_address(address: str) -> str:
    try:
        parts = urlsplit(address)
    except ValueError:
        parts = urlsplit("")
    if address and not (parts.scheme in {"http", "https"} and parts.hostname):
        raise ValueError("an address such as https://mirror.example.com/models is expected")
    return address


Folder = Annotated[Path, AfterValidator(lambda path: path.expanduser().absolute())]


class Settings(BaseSettings):
    """Each field is the variable VOICEBOT_<FIELD>. Paths are absolute; times in s say so."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="forbid", frozen=True)

    database_url: str = Field(default=f"sqlite:///{ROOT / 'var' / 'voicebot.db'}", repr=False)  # may hold a password
    recordings_dir: Folder = ROOT / "recordings"
    flows_dir: Folder = ROOT / "dialog_flows"
    personas_dir: Folder = ROOT / "personas"
    timezone: Annotated[str, AfterValidator(_zone)] = "Asia/Shanghai"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    workers: int = Field(default=1, ge=1, le=256)
    host_name: Annotated[str, Field(pattern=HOST_NAME.pattern)] = ""  # this machine's own name where it is empty
    policy_file: Folder = ROOT / "voicebot" / "campaign" / "policy.yaml"
    trunks_file: Folder | None = None  # several trunks; one, made of the SIP settings, without it
    trunk_channels: int = Field(
        default=200, ge=1, le=10_000
    )  # calls at once over that one trunk, of all hosts together
    trunk_calls_per_second: float = Field(default=5.0, gt=0, le=1000)

    asr_models_dir: Folder = ROOT / "asr_models"
    asr_model: str = "zh-8k-synthetic"  # a folder below `asr_models_dir`, or any other; the engine follows from it
    asr_engine: Literal["auto", "vosk", "sherpa"] = "auto"
    # Where models are pulled from instead of their publishers' hosts: this base address and the path of the original.
    models_mirror: Annotated[str, AfterValidator(_web_address)] = Field(default="", repr=False)  # may hold a password
    # A model trained on synthetic speech hears no people. "tests": it calls loopback addresses and `sip_test_numbers`.
    synthetic_ear_for: Literal["tests", "everyone"] = "tests"

    tts_engine: Literal["pyttsx3"] = "pyttsx3"
    tts_cache_dir: Folder = ROOT / "var" / "tts"
    tts_variant: str = ""
    tts_rate: int = Field(default=185, ge=80, le=450)  # words a minute, as espeak counts them

    sip_bind: str = "127.0.0.1"
    sip_port: int = Field(default=0, ge=0, le=65535)  # 0: any free port
    sip_rtp_port: int = Field(default=0, ge=0, le=65535)  # first of the range; 0: the engine's choice
    sip_user: str = "voicebot"
    sip_registrar: str = ""
    sip_username: str = ""
    sip_password: SecretStr = SecretStr("")
    sip_proxy: str = ""
    sip_test_numbers: Annotated[tuple[str, ...], NoDecode] = ()
    sip_codecs: Annotated[tuple[str, ...], NoDecode] = ("PCMA", "PCMU")
    sip_channels: int = Field(default=4, ge=1, le=4)  # calls at once in one worker; pjsua2's wheel allows 4
    ring_timeout_s: float = Field(default=45.0, gt=0, le=180)

    @field_validator("sip_codecs", "sip_test_numbers", mode="before")
    @classmethod
    def _by_comma(cls, value: object) -> object:
        """In the environment several values stand as `PCMA,PCMU`."""
        return tuple(part.strip() for part in value.split(",")) if isinstance(value, str) else value

    @field_validator("sip_codecs")
    @classmethod
    def _codec_names(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name.upper() for name in value)

    @field_validator("sip_registrar", "sip_proxy")
    @classmethod
    def _sip_address(cls, value: str) -> str:
        """`host:port` alone will do."""
        return value if not value or value.lower().startswith(("sip:", "sips:")) else f"sip:{value}"

    @field_validator("log_level", mode="before")
    @classmethod
    def _upper(cls, value: object) -> object:
        return value.upper() if isinstance(value, str) else value

    @property
    def trunk_host(self) -> str:
        """Where plain numbers are sent: "host" or "host:port", "" if nobody said."""
        address = (self.sip_proxy or self.sip_registrar).partition(":")[2]
        return address.rpartition("@")[2].partition(";")[0]

    @property
    def zone(self) -> ZoneInfo:
        """The zone in which days and calling hours are counted."""
        return ZoneInfo(self.timezone)


def load_settings() -> Settings:
    """Read the environment. Raises `SettingsFault` with one line, which never shows a value."""
    known = [PREFIX + field.upper() for field in Settings.model_fields]
    for name in sorted(os.environ):
        variable = name.upper()
        if variable.startswith(PREFIX) and not variable.startswith(_TEST_PREFIX) and variable not in known:
            near = difflib.get_close_matches(variable, known, n=1, cutoff=0.0)[0]
            raise SettingsFault(f"unknown setting {name}: did you mean {near}?")
    try:
        return Settings()
    except ValidationError as invalid:
        first = invalid.errors(include_url=False, include_input=False, include_context=False)[0]
        name, expected = str(first["loc"][0]).upper(), first["msg"].removeprefix("Value error, ")
        raise SettingsFault(f"{PREFIX}{name}: {expected[:1].lower()}{expected[1:]}") from None
