"""Prompts cut into pieces that a speaker records."""

import pytest

from voicebot.flow.dialogue import Say, Text, Value
from voicebot.flow.model import Prompt, Reference, cut
from voicebot.flow.pieces import cut_up, files_of


def prompt(*texts, otherwise=()):
    return Prompt("p", tuple(map(cut, texts)), tuple(map(cut, otherwise)), True, "")


def say(*segments):
    return Say("p", tuple(Text(s) if isinstance(s, str) else s for s in segments))


def value(slot, written="…"):
    return Value(slot, "text", written, written)


@pytest.mark.parametrize(
    ("texts", "otherwise", "expected"),
    [
        (["再见。"], [], {"p.wav": "再见。"}),
        (["再见。", "回头见。"], [], {"p.a1.wav": "再见。", "p.b1.wav": "回头见。"}),
        (["是{x}。"], [], {"p.a1.wav": "是"}),
        (["{x}您好，这里是{y}。谢谢"], [], {"p.a1.wav": "您好，这里是", "p.a2.wav": "。谢谢"}),
        (["{x}{y}，{z}！"], [], {}),
        (["请在{x}前。"], ["请尽快。"], {"p.a1.wav": "请在", "p.a2.wav": "前。", "p.otherwise.a1.wav": "请尽快。"}),
        # Said twice between the same slots: recorded once; otherwise each by itself.
        (["问{x}吗？", "问{x}本人吗？"], [], {"p.a1.wav": "问", "p.a2.wav": "吗？", "p.b2.wav": "本人吗？"}),
        (["问{x}吗？", "问{y}吗？"], [], {"p.a1.wav": "问", "p.a2.wav": "吗？", "p.b1.wav": "问", "p.b2.wav": "吗？"}),
        (["对吗？", "{x}对吗？"], [], {"p.a1.wav": "对吗？", "p.b1.wav": "对吗？"}),
    ],
)
def test_pieces_and_their_names(texts, otherwise, expected):
    assert {piece.file: piece.text for piece in cut_up(prompt(*texts, otherwise=otherwise))} == expected


def test_many_wordings_have_letters_too():
    files = [piece.file for piece in cut_up(prompt(*(f"第{i}句" for i in range(28))))]
    assert (files[0], files[25], files[26], files[27]) == ("p.a1.wav", "p.z1.wav", "p.aa1.wav", "p.ab1.wav")
    assert len(set(files)) == 28


def test_a_piece_knows_what_stands_around_it():
    [first, second] = cut_up(prompt("比例为{ratio}，低于{line}。"))
    assert (first.before, first.after) == ((), (Reference("ratio"), "，低于", Reference("line"), "。"))
    assert second.before == ("比例为", Reference("ratio"))


def test_what_is_said_finds_its_files():
    p = prompt("问{x}吗？", "问{x}本人吗？", otherwise=["请问。"])
    assert files_of(p, say("问", value("x"), "吗？")) == ("p.a1.wav", None, "p.a2.wav")
    assert files_of(p, say("问", value("x"), "本人吗？")) == ("p.a1.wav", None, "p.b2.wav")
    assert files_of(p, say("请问。")) == ("p.otherwise.a1.wav",)
    assert files_of(p, say("别的话", value("x"))) == (None, None)
    assert files_of(p, say("问", value("y"), "吗？")) == (None, None, None)


def test_no_two_pieces_of_the_shipped_script_share_a_name(flow):
    pieces = [piece for each in flow.prompts.values() for piece in cut_up(each)]
    assert len({piece.file for piece in pieces}) == len(pieces) > 80
