"""Commands that try one part by hand: ears, voice, understanding."""

from __future__ import annotations

import asyncio
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from tts import wav
from tts.normalise import readable
from tts.voice import Style
from voicebot.asr.evaluate import evaluate
from voicebot.asr.recognizer import confidence_of
from voicebot.asr.transcribe import transcribe
from voicebot.cli.terminal import Json, Wrong, open_settings, out, print_json
from voicebot.nlu import lexicon
from voicebot.report import SYNTHETIC_EAR
from voicebot.robot import load_ear, make_voice

ModelName = Annotated[str | None, typer.Option("--model", help="A model below asr_models/, or its folder.")]
EngineName = Annotated[
    str | None, typer.Option("--engine", help="vosk or sherpa; auto, the default, goes by the model's folder.")
]

asr_app = typer.Typer(no_args_is_help=True, help="Ears: 语音识别.")
tts_app = typer.Typer(no_args_is_help=True, help="The voice: 语音合成.")
nlu_app = typer.Typer(no_args_is_help=True, help="Understanding: 语义理解.")


@asr_app.command("transcribe")
def asr_transcribe(
    file: Annotated[Path, typer.Argument(help="Mono WAV, FLAC or Ogg of any rate.")],
    model: ModelName = None,
    engine: EngineName = None,
    as_json_: Json = False,
) -> None:
    """Write down what is said in a recording."""
    settings = open_settings("ERROR")
    ear = load_ear(settings, model, engine)
    finals = transcribe(ear, file)
    if as_json_:
        print_json(
            {
                "text": "".join(t.text for t in finals),
                "written": "".join(t.written for t in finals),
                "confidence": round(confidence_of(finals), 3),
                "synthetic_ear": ear.info.synthetic,
                "model": ear.info.model,
                "segments": [
                    {
                        "text": t.text,
                        "written": t.written,
                        "confidence": round(t.confidence, 3),
                        "words": [
                            {"text": w.text, "start_ms": w.start_ms, "end_ms": w.end_ms, "confidence": w.confidence}
                            for w in t.words
                        ],
                    }
                    for t in finals
                ],
            }
        )
        return
    for transcript in finals:
        written = f"  [dim]〔{escape(transcript.written)}〕[/]" if transcript.written != transcript.text else ""
        out.print(f"{escape(transcript.text)}{written}", soft_wrap=True)
    if ear.info.synthetic:
        Console(stderr=True).print(f"[yellow]{SYNTHETIC_EAR}[/]", soft_wrap=True)


@asr_app.command("eval")
def asr_eval(
    manifest: Annotated[
        Path,
        typer.Option("--manifest", help='JSON lines {"audio": …, "text": …}, the files (WAV, FLAC, Ogg) beside it.'),
    ],
    model: ModelName = None,
    engine: EngineName = None,
    codec: Annotated[str | None, typer.Option("--codec", help="pcma or pcmu: through the telephone first.")] = None,
    as_json_: Json = False,
) -> None:
    """Measure the ear on your own recordings: character error rate, sentences right, real-time factor, and how many
    were heard wrongly with a confidence of 0.9 and more.
    """
    settings = open_settings("ERROR")
    result = evaluate(load_ear(settings, model, engine), manifest, codec)
    if as_json_:
        print_json(result)
        return
    out.print(
        f"{result['utterances']} utterances · CER {result['cer']:.2%} · "
        f"sentences right {result['sentence_accuracy']:.2%} · real-time factor {result['rtf']:.3f} · "
        f"wrong though sure {result['confident_wrong']:.2%}"
    )
    for name, values in result["by"].items():
        for value, rates in values.items():
            out.print(
                f"  {name}={value}: CER {rates['cer']:.2%}, sentences right {rates['sentence_accuracy']:.2%}, "
                f"wrong though sure {rates['confident_wrong']:.2%}"
            )


@tts_app.command("say")
def tts_say(
    text: Annotated[str, typer.Argument(help="What to say, in Chinese; figures are read as a script's text would be.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The WAV file to write (8 kHz, mono, 16 bit).")],
    variant: Annotated[str, typer.Option("--variant", help="The engine's speaker, such as f2 or m3.")] = "",
    rate: Annotated[int, typer.Option("--rate", min=80, max=450, help="Words a minute.")] = 185,
) -> None:
    """Speak a text into a WAV file."""
    settings = open_settings("ERROR")

    async def work() -> bytes:
        voice = make_voice(settings)
        try:
            return await voice.render(readable(text), Style(variant=variant or settings.tts_variant, rate=rate))
        finally:
            await voice.close()

    pcm = asyncio.run(work())
    try:
        wav.write(output, pcm)
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise Wrong(f"{output}: {why}: name a file in a folder you may write") from None
    out.print(f"{output}: {len(pcm) / 16000:.1f} s")


@nlu_app.command("parse")
def nlu_parse(
    text: Annotated[str, typer.Argument(help="What the callee said.")],
    expecting: Annotated[
        list[str] | None, typer.Option("--expecting", help="An intent that the step waits for; repeatable.")
    ] = None,
    as_json_: Json = False,
) -> None:
    """Show the intents and slots of an utterance."""
    settings = open_settings()
    meaning = lexicon.load().understand(text, expecting=expecting or (), now=datetime.now(settings.zone))
    if as_json_:
        print_json(
            {
                "text": meaning.text,
                "intents": [{"name": i.name, "confidence": round(i.confidence, 3)} for i in meaning.intents],
                "slots": [
                    {"type": s.type, "text": s.text, "value": s.value, "start": s.start, "end": s.end}
                    for s in meaning.slots
                ],
            }
        )
        return
    for intent in meaning.intents:
        out.print(f"{intent.name}  {intent.confidence:.2f}")
    for slot in meaning.slots:
        out.print(f"{slot.type} = {slot.value}  〔{slot.text}〕")
