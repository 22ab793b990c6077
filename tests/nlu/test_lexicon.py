"""The machinery under the lexicon: sounds, views, patterns, the file's form, and what a firm's own file may say."""

from datetime import datetime

import pytest

from voicebot.nlu.errors import LexiconError, NluError
from voicebot.nlu.lexicon import SHIPPED, LexiconUnderstander, load
from voicebot.nlu.lexicon_file import LexiconFile, read_lexicon
from voicebot.nlu.pattern import Pattern
from voicebot.nlu.slots import SLOT_TYPES
from voicebot.nlu.slots.times import CHINA
from voicebot.nlu.sound import fold, same_reading, sound_of, sounds_like
from voicebot.nlu.understanding import Understander
from voicebot.nlu.view import Spelling, lean_view, plain_view

NOW = datetime(2026, 11, 23, 10, tzinfo=CHINA)
NOTHING = Spelling((), (), {})
SMALL = """
intents:
  agree:
    name: 是
    description: 同意
    phrases: [好]
"""


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("ni", "li"),
        ("zhan", "zan"),
        ("chang", "can"),
        ("shi", "si"),
        ("jin", "jing"),
        ("fen", "feng"),
        ("huan", "fan"),
        ("hui", "fei"),
        ("hong", "feng"),
        ("liang", "lian"),
        ("nong", "long"),
    ],
)
def test_sounds_that_are_confused_fall_together(one, other):
    assert fold(one) == fold(other)


@pytest.mark.parametrize(
    ("one", "other"), [("ba", "pa"), ("dian", "tian"), ("hao", "fao"), ("xing", "xiong"), ("zong", "zen"), ("ji", "qi")]
)
def test_sounds_that_are_not_confused_stay_apart(one, other):
    assert fold(one) != fold(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [("展", "占"), ("期", "七"), ("保", "宝"), ("仓", "舱"), ("他", "她"), ("晓", "小"), ("签", "千"), ("还", "换")],
)
def test_homophones(one, other):
    if other in "七千":  # a numeral is believed as written
        assert not same_reading(one, other)
    else:
        assert same_reading(one, other)
        assert sound_of(other) in sounds_like(one)


@pytest.mark.parametrize(
    ("one", "other"), [("买", "卖"), ("哪", "那"), ("不", "补"), ("是", "十"), ("妈", "吗"), ("弟", "的")]
)
def test_opposites_are_never_taken_for_each_other(one, other):
    assert not same_reading(one, other)
    assert sound_of(other) not in sounds_like(one)


@pytest.mark.parametrize(
    ("text", "lean"),
    [
        ("嗯那个我呃知道了啊", "我知道了"),
        ("我我我知道了", "我知道了"),
        ("不不不需要", "不需要"),
        ("就是我", "就是我"),
        ("我就是说一下", "我说一下"),
        ("看看", "看看"),
        ("妈妈", "妈妈"),
        ("这个月", "这个月"),
        ("儿子", "儿子"),
        ("明儿上午", "明上午"),
        ("二十二十", "二十二十"),
        ("喂不是", "不是"),
        ("喂喂", "喂喂"),
    ],
)
def test_the_lean_view_leaves_out_fillers_and_stammers(text, lean):
    assert lean_view(plain_view(text, NOTHING)).text == lean


def test_a_view_knows_where_its_characters_were_heard():
    view = lean_view(plain_view("嗯 我 我 知道 了", NOTHING))
    assert view.text == "我知道了"
    assert view.heard(0, 4) == (4, 10)


def claims(source, text, **words):
    return list(Pattern(source, words).claims(plain_view(text, NOTHING), "it"))


def test_a_pattern_is_matched_by_sound_and_judged_by_spelling():
    exact, alike, confused = (claims("别再打了", text)[0] for text in ("别再打了", "别在大了", "别再打啦了"[:3] + "了"))
    assert exact.evidence == 4
    assert exact.likeness == 1
    assert alike.evidence < exact.evidence
    assert confused.evidence == 4
    assert claims("别再打了", "别再说了") == []


def test_a_short_pattern_is_not_believed_for_its_sound_alone_within_other_words():
    assert claims("打错", "他大挫对手") == []
    assert len(claims("打错了", "大错了")) == 1


def test_gaps_and_word_groups():
    assert len(claims("<i>~知道", "我早就知道", i="我|俺")) == 1
    assert claims("<i>~知道", "我一二三四五知道", i="我|俺") == []
    with pytest.raises(LexiconError, match="no word group <nobody>"):
        Pattern("<nobody>好", {})


def test_believed_words_are_not_taken_for_others():
    believing = Spelling((), ("下午",), {})
    pattern = Pattern("勿再打", {})
    assert list(pattern.claims(plain_view("下午再打", NOTHING), "it"))
    assert not list(pattern.claims(plain_view("下午再打", believing), "it"))
    assert list(Pattern("下午再打", {}).claims(plain_view("下午再打", believing), "it"))


def test_words_of_the_trade_are_spelled_by_their_sound():
    assert Spelling(["展期", "平仓"], (), {}).correct("占期平舱还款") == "展期平仓还款"
    assert Spelling(["平仓"], (), {}).correct("平常") == "平常"  # cang and chang are confused, but not the same
    assert Spelling((), (), {"中千": "中签"}).correct("中千了") == "中签了"


def test_the_page_names_every_intent_and_slot():
    page = (SHIPPED.parents[2] / "docs" / "nlu.md").read_text(encoding="utf-8")
    values = [value for values in load().lexicon.slots.values() for value in values]
    missing = [name for name in [*load().lexicon.intents, *SLOT_TYPES, *values] if f"`{name}`" not in page]
    assert missing == []


def test_the_shipped_understander():
    understander: Understander = load()
    assert understander is load()
    assert understander.name == "lexicon"


def test_a_firm_s_own_lexicon(tmp_path):
    path = tmp_path / "own.yaml"
    path.write_text(SMALL, encoding="utf-8")
    own = load(path)
    assert own.understand("好的吧", now=NOW).top == "agree"
    assert own.understand("再见", now=NOW).top == "unknown"


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ("intents: [", "own.yaml:1: "),
        ("intents: {agree: {name: 是, description: 同意, phrases: [好]}}\nsalots: {}\n", "salots: Extra inputs"),
        (SMALL.replace("name: 是", "nome: 是"), "intents.agree"),
        (SMALL.replace("[好]", "[]"), "intents.agree.phrases"),
        (SMALL.replace("[好]", '["  "]'), "intents.agree.phrases"),
        (SMALL + "    patterns: ['(好']\n", "pattern '(好'"),
        (SMALL + "    patterns: ['<who>好']\n", "no word group <who>"),
        (SMALL + "slots: {method: {sell: ['[卖']}}\n", "pattern '[卖'"),
        (SMALL + "spell: {占七: 展期吧}\n", "differ in length"),
        ("", "own.yaml: "),
        ("- 1", "own.yaml: "),
    ],
)
def test_a_broken_lexicon_is_refused_in_one_line(tmp_path, content, complaint):
    path = tmp_path / "own.yaml"
    path.write_text(content, encoding="utf-8")
    with pytest.raises(NluError) as refused:
        load(path)
    assert complaint in str(refused.value)
    assert "own.yaml" in str(refused.value)
    assert "\n" not in str(refused.value)
    assert refused.value.permanent


def test_a_missing_lexicon(tmp_path):
    with pytest.raises(LexiconError, match=r"nowhere\.yaml"):
        load(tmp_path / "nowhere.yaml")
    binary = tmp_path / "binary.yaml"
    binary.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(LexiconError, match=r"binary\.yaml"):
        read_lexicon(binary)


def test_longer_explanations_win_over_shorter_ones():
    lexicon = LexiconFile.model_validate(
        {
            "masks": ["打新股"],
            "intents": {
                "call": {"name": "打", "description": "打", "phrases": ["打"], "patterns": ["打"]},
                "never": {"name": "别打", "description": "别打", "phrases": ["别打"], "patterns": ["别打"]},
            },
        }
    )
    own = LexiconUnderstander(lexicon)

    def names(text):
        return [intent.name for intent in own.understand(text, now=NOW).intents]

    assert names("别打") == ["never"]
    assert names("打") == ["call"]
    assert names("去打新股") == ["unknown"]
    assert sorted(names("打一下别打")) == ["call", "never"]


def test_negations_may_be_misheard_but_are_never_made_of_other_words():
    assert load().understand("部需要", now=NOW).top == "refuse"
    assert load().understand("枚收到短信", now=NOW).top == "dispute"
    assert not load().understand("我不二十万", now=NOW).has("give_plan")


def test_an_unknown_word_inside_makes_it_less_sure():
    whole, holed = (load().understand(text, now=NOW).intents[0] for text in ("我知道了", "我[unk]知道了"))
    assert whole.name == holed.name == "acknowledged"
    assert holed.confidence < whole.confidence


@pytest.mark.parametrize("text", ["对", "是的", "是我是本人", "对我是"])
def test_asked_who_it_is_a_yes_says_so_before_it_acknowledges_anything(text):
    expecting = {"identity_confirm", "acknowledged", "affirm"}
    meaning = load().understand(text, expecting=expecting, now=datetime(2026, 11, 23, 10, tzinfo=CHINA))
    assert meaning.top == "identity_confirm"
