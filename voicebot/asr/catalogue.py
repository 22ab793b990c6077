"""The official models that can be pulled: `catalogue.yaml` beside this file, checked."""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, model_validator

from voicebot.asr.recognizer import AsrFault

_FILE = Path(__file__).with_name("catalogue.yaml")
ARCHIVE_ENDINGS = (".zip", ".tar.bz2", ".tar.gz", ".tgz")

Sha256 = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


def _archive_address(address: str) -> str:
    if urlsplit(address).scheme != "https" or not address.endswith(ARCHIVE_ENDINGS):
        raise ValueError(f"an https address that ends in one of {', '.join(ARCHIVE_ENDINGS)} is expected")
    return address


class OfficialModel(BaseModel):
    """A model of another maker, as its archive is published.

    `bytes`: the archive's length, exact or (`exact` false) an estimate. `sha256`: of the archive, None where no two
    sources agree on one. `sources`: field → where the fact is from. `sample_rate` in Hz.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]
    engine: Literal["vosk", "sherpa-onnx"]
    architecture: Literal["kaldi", "transducer", "ctc", "paraformer"]
    version: str
    language: str
    sample_rate: int
    licence: str
    bytes: Annotated[int, Field(gt=0)]
    exact: bool
    address: Annotated[str, AfterValidator(_archive_address)]
    sha256: Sha256 | None
    note: str = ""
    sources: dict[str, str]

    @model_validator(mode="after")
    def _facts_have_sources(self) -> OfficialModel:
        if missing := {"address", "licence", "sha256"} - self.sources.keys():
            raise ValueError(f"{self.name}: no source for {', '.join(sorted(missing))}")
        return self


@lru_cache(maxsize=1)
def load_catalogue() -> tuple[OfficialModel, ...]:
    """Every official model, in the order of the file."""
    entries = yaml.safe_load(_FILE.read_text(encoding="utf-8"))
    return tuple(TypeAdapter(list[OfficialModel]).validate_python(entries))


def find_official(name: str, catalogue: Sequence[OfficialModel]) -> OfficialModel:
    """The model of that name. Raises `AsrFault(permanent=True)` that tells the nearest names."""
    by_name = {model.name: model for model in catalogue}
    if name in by_name:
        return by_name[name]
    near = difflib.get_close_matches(name, by_name, n=3, cutoff=0.5) or [one for one in by_name if name in one][:3]
    hint = f"did you mean {' or '.join(near)}?" if near else "`voicebot models list` names those there are"
    raise AsrFault(f"no official model is called {name}: {hint}", permanent=True)
