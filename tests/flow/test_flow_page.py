"""The page on which a script is approved: nothing the robot may say is missing, and it is told in Chinese."""

import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from xml.etree import ElementTree

import pytest

from voicebot.flow.loading import FLOWS, find, load
from voicebot.flow.model import Prompt, Reference, cut
from voicebot.review import chinese
from voicebot.review.page import page
from voicebot.review.sentences import Sentences, sample


@pytest.fixture(scope="module")
def read(everything, everything_folder):
    return review(everything, everything_folder)


def review(flow, folder):
    return ElementTree.fromstring(page(flow, sample(folder)))


def text(found):
    return "".join(found.itertext())


def by_id(document, name):
    [found] = [e for e in document.iter() if e.get("id") == name]
    return found


def expected(flow, prompt):
    """Wordings as the page writes them."""
    return [
        "".join(chinese.slot(flow.script, p.slot) if isinstance(p, Reference) else p for p in wording.parts)
        for wording in (*prompt.wordings, *prompt.otherwise)
    ]


def test_the_index_holds_every_wording_of_every_prompt_once(any_flow, any_folder):
    index = by_id(review(any_flow, any_folder), "index")
    found = {}
    for said in index.iter("div"):
        if (prompt := said.get("data-prompt")) is not None:
            assert prompt not in found
            found[prompt] = [text(e) for e in said.iter("span") if e.get("class") == "wording"]
    assert found == {name: expected(any_flow, prompt) for name, prompt in any_flow.prompts.items()}


def test_each_step_holds_all_that_is_said_there(any_flow, any_folder):
    document = review(any_flow, any_folder)
    sentences = Sentences(any_flow)
    assert {name for name, places in sentences.places.items() if places} == set(sentences.when)
    for prompt, places in sentences.places.items():
        for node in {place.node for place in places}:
            block = by_id(document, "disclosures" if node == "@again" else f"step-{node.lstrip('@')}")
            said = {e.get("data-prompt") for e in block.iter("div")}
            assert prompt in said


def test_links_lead_somewhere_and_ids_are_given_once(any_flow):
    document = ElementTree.fromstring(page(any_flow))
    ids = [e.get("id") for e in document.iter() if e.get("id")]
    assert len(ids) == len(set(ids))
    links = {e.get("href") for e in document.iter() if e.get("href")}
    assert links
    assert {link.removeprefix("#") for link in links} <= set(ids)
    assert all(link.startswith("#") for link in links)


def test_the_page_is_html_without_scripts_or_anything_from_elsewhere(any_flow):
    class Reader(HTMLParser):
        def __init__(self):
            super().__init__()
            self.tags = []

        def handle_starttag(self, tag, attrs):
            self.tags.append((tag, dict(attrs)))

    told = page(any_flow)
    reader = Reader()
    reader.feed(told)
    assert told.startswith("<!DOCTYPE html>")
    assert not {"script", "link", "img", "iframe", "object", "b"} & {tag for tag, _ in reader.tags}
    assert not any(key.startswith("on") or key in ("src", "style") for _, attrs in reader.tags for key in attrs)
    assert "url(" not in told
    assert "http" not in told.replace("http://www.w3.org/2000/svg", "")


@pytest.mark.parametrize(
    ("where", "told"),
    [
        ("facts", "营销"),
        ("facts", "客户风险等级"),
        ("facts", "不低于产品风险等级"),
        ("data", "取值：C1、C2、C3、C4、C5"),
        ("data", "客户在通话中说出（评分）"),
        ("data", "话术设定"),
        ("data", "可以没有"),
        ("data", "123456.78元"),
        ("disclosures", "播完之后，结果才能记为：已告知确认"),
        ("step-opening", "必须告知 · 不可打断 · 须播完"),
        ("step-opening", "这里是公司简称。"),
        ("step-opening", "示例：这里是海川证券。"),
        ("step-opening", "2 种说法，轮流使用："),
        ("step-opening", "由此确认是客户本人"),
        ("step-level", '等级 <高&低> "级"＝预警或平仓'),
        ("step-level", "其他情况"),
        ("step-told", "结果记为「已告知确认」（须已播完：风险揭示）"),
        ("step-told", "设定方案＝定投"),
        ("step-told", "一次通话中前2次"),
        ("step-told", "同时有提问：不回答"),
        ("step-rate", "按 5 满意度＝5"),
        ("step-thanks", "缺少当前资产、满意度、方案中任何一项时，改说："),
        ("step-thanks", "发送消息（模板 fund_note，带上满意度、方案）"),
        ("step-thanks", "通知业务系统（接口 crm，带上满意度，原因：已承诺处理）"),
        ("step-thanks", "转接人工"),
        ("step-bye", "结果记为「未识别结束」；通话已有结果的，保留原结果"),
        ("step-urgent", "登记勿扰"),
        ("step-anywhere", "登记投诉（原因：A&B <c>）"),
        ("step-anywhere", "静候 25 秒，不催促"),
        ("step-anywhere", "把刚才的话再说一遍"),
        ("step-engine", "语音识别中断"),
        ("step-questions", "请先确认您是本人。"),
        ("index", "身份确认前"),
    ],
)
def test_the_page_tells_it_in_chinese(read, where, told):
    assert told in text(by_id(read, where))


def test_the_page_names_the_version_and_why_the_script_is_off(everything, read):
    told = text(read.find("body"))
    assert everything.version in told
    assert everything.version[:12] in told
    assert '本话术已停用：等待审批 <第二版> & "复核"' in told


def test_without_a_sample_there_are_no_examples_of_the_contact(everything):
    assert "示例：这里是" not in page(everything)
    assert "海川证券" not in page(everything)


def test_a_prompt_that_nothing_says_is_marked(everything):
    never = Prompt("never", (cut("不会说的话。"),), (), interruptible=True, disclosure="")
    index = by_id(
        ElementTree.fromstring(page(replace(everything, prompts={**everything.prompts, "never": never}))), "index"
    )
    [row] = [row for row in index.iter("tr") if "不会说的话" in text(row)]
    assert "不会说到" in text(row)


MAKE = """
from voicebot.flow.loading import find, load
from voicebot.review import mermaid, page, svg
from voicebot.review.sentences import sample
flow = load("margin_call")
print(page.page(flow, sample(find("margin_call"))), svg.svg(flow), mermaid.mermaid(flow))
"""


def test_the_same_script_gives_the_same_bytes_in_any_process():
    told = set()
    for seed, zone in (("1", "UTC"), ("2", "Asia/Shanghai")):
        env = {"PYTHONHASHSEED": seed, "PYTHONIOENCODING": "utf-8", "TZ": zone}
        done = subprocess.run([sys.executable, "-c", MAKE], env=env, capture_output=True, check=True, cwd=FLOWS.parent)
        told.add(done.stdout)
    assert len(told) == 1
    assert page(load("margin_call"), sample(find("margin_call"))).encode() in told.pop()
