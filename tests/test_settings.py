"""Settings come from the environment, and a wrong one is refused in one line."""

import os
from pathlib import Path

import pytest

from voicebot.settings import PREFIX, ROOT, SettingsFault, load_settings


@pytest.fixture(autouse=True)
def _bare_environment(monkeypatch):
    for name in [name for name in os.environ if name.upper().startswith(PREFIX)]:
        monkeypatch.delenv(name)


def test_the_defaults_lie_in_the_checkout():
    settings = load_settings()
    assert (ROOT / "pyproject.toml").is_file()
    assert settings.database_url == f"sqlite:///{ROOT}/var/voicebot.db"
    assert settings.recordings_dir == ROOT / "recordings"
    assert settings.flows_dir == ROOT / "dialog_flows"
    assert settings.asr_model == "zh-8k-synthetic"
    assert settings.zone.key == "Asia/Shanghai"
    assert settings.sip_codecs == ("PCMA", "PCMU")


@pytest.mark.parametrize(
    ("variable", "value", "field", "expected"),
    [
        ("VOICEBOT_DATABASE_URL", "postgresql://db/voicebot", "database_url", "postgresql://db/voicebot"),
        ("VOICEBOT_SIP_PORT", "5062", "sip_port", 5062),
        ("voicebot_sip_port", "5063", "sip_port", 5063),
        ("VOICEBOT_SIP_PORT", "", "sip_port", 0),
        ("VOICEBOT_SIP_CODECS", "pcmu, PCMA", "sip_codecs", ("PCMU", "PCMA")),
        ("VOICEBOT_LOG_LEVEL", "debug", "log_level", "DEBUG"),
        ("VOICEBOT_RING_TIMEOUT_S", "20", "ring_timeout_s", 20.0),
        ("VOICEBOT_TTS_RATE", "210", "tts_rate", 210),
        ("VOICEBOT_RECORDINGS_DIR", "elsewhere", "recordings_dir", Path.cwd() / "elsewhere"),
        ("VOICEBOT_FLOWS_DIR", "~/flows", "flows_dir", Path.home() / "flows"),
    ],
)
def test_a_variable_sets_its_field(monkeypatch, variable, value, field, expected):
    monkeypatch.setenv(variable, value)
    assert getattr(load_settings(), field) == expected


@pytest.mark.parametrize(
    ("variable", "value", "line"),
    [
        ("VOICEBOT_SIP_PRT", "5060", "unknown setting VOICEBOT_SIP_PRT: did you mean VOICEBOT_SIP_PORT?"),
        ("VOICEBOT_DATABASE", "x", "unknown setting VOICEBOT_DATABASE: did you mean VOICEBOT_DATABASE_URL?"),
        ("VOICEBOT_SIP_PORT", "70000", "VOICEBOT_SIP_PORT: input should be less than or equal to 65535"),
        ("VOICEBOT_SIP_CHANNELS", "5", "VOICEBOT_SIP_CHANNELS: input should be less than or equal to 4"),
        ("VOICEBOT_ASR_ENGINE", "whisper", "VOICEBOT_ASR_ENGINE: input should be 'auto', 'vosk' or 'sherpa'"),
        ("VOICEBOT_MODELS_MIRROR", "mirror.example.com", "VOICEBOT_MODELS_MIRROR: an address such as https://"),
        ("VOICEBOT_MODELS_MIRROR", "https://", "VOICEBOT_MODELS_MIRROR: an address such as https://"),
        ("VOICEBOT_TIMEZONE", "Asia", "VOICEBOT_TIMEZONE: no such time zone"),
        ("VOICEBOT_TIMEZONE", "../../etc/passwd", "VOICEBOT_TIMEZONE: no such time zone"),
        ("VOICEBOT_RING_TIMEOUT_S", "soon", "VOICEBOT_RING_TIMEOUT_S: input should be a valid number"),
    ],
)
def test_a_wrong_setting_is_refused_in_one_line(monkeypatch, variable, value, line):
    monkeypatch.setenv(variable, value)
    with pytest.raises(SettingsFault) as refused:
        load_settings()
    assert str(refused.value).startswith(line)
    assert "\n" not in str(refused.value)
    assert refused.value.permanent


def test_variables_of_the_tests_are_left_alone(monkeypatch):
    monkeypatch.setenv("VOICEBOT_TEST_POSTGRES", "postgresql://localhost/x")
    load_settings()


def test_secrets_do_not_show(monkeypatch):
    monkeypatch.setenv("VOICEBOT_SIP_PASSWORD", "hunter2")
    monkeypatch.setenv("VOICEBOT_DATABASE_URL", "postgresql://voicebot:hunter2@db/voicebot")
    settings = load_settings()
    assert "hunter2" not in repr(settings) + str(settings)
    assert settings.sip_password.get_secret_value() == "hunter2"


@pytest.mark.parametrize("given", ["sbc.example:5080", "sip:sbc.example:5080", "sip:robot@sbc.example:5080;lr"])
def test_a_trunk_is_named_with_or_without_its_scheme(monkeypatch, given):
    monkeypatch.setenv("VOICEBOT_SIP_PROXY", given)
    assert load_settings().trunk_host == "sbc.example:5080"
    assert load_settings().sip_proxy.startswith("sip:")
