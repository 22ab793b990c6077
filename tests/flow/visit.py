"""A small sound script with everything in it, and the shared part it begins with: what the tests of rules spoil."""

from pathlib import Path

FLOW = """\
name: visit
title: 回访
kind: service
about: 两融客户回访
include: [{part: opening, next: told}]
start: opening
out_of_turns: bye
ear_lost: deaf
slots:
  ratio: {type: percent, below: line}
  line: {type: percent}
  phone: {type: digits, optional: true, before_identity: true}
  time: {type: datetime, source: callee, hears: callback_time, before_identity: true}
  score: {type: integer, source: callee, hears: score}
  product:
    type: choice
    choices: [基金, 本地债]
  mood: {type: text, source: script, before_identity: true}
disclosures:
  warning: {needed_for: [acknowledged, will_do]}
urgent:
  - {heard: complaint, outcome: complaint, do: complaint, goto: sorry}
anywhere:
  - {heard: busy, given: time, outcome: callback, do: {act: callback, slots: time}, goto: bye}
  - {heard: busy, outcome: callback, do: callback, say: later, goto: bye}
answers:
  ask_ratio: {say: tell_ratio, before_identity: first_you}
  ask_identity: {say: who_calls}
steps:
  told:
    say: warning
    listen:
      keys: {1: acknowledged, 2: transfer_human}
      ask_again: clear
      no_input: {say: clear_keys, goto: bye}
      not_understood: {say: [clear, clear_keys], goto: bye}
      branches:
        - {heard: [acknowledged, affirm], outcome: acknowledged, goto: which}
        - {heard: will_do, outcome: will_do, set: {mood: 愿意}, goto: which}
        - {heard: deny, at_most: 1, say: clear_keys, wait_s: 8}
        - {heard: [deny, transfer_human], do: {act: lead, reason: 需人工}, goto: bye}
  which:
    branch:
      - {slot: product, is: 基金, goto: funds}
      - {slot: ratio, at_least: line, goto: bye}
    goto: rate
  funds: {say: about_product, goto: rate}
  rate:
    say: ask_score
    listen:
      keys: {1: {slot: score, value: 1}, 5: {slot: score, value: 5}}
      ask_again: ask_score
      no_input: {goto: bye}
      not_understood: {goto: bye}
      branches:
        - {given: score, goto: thanks}
  thanks:
    do: {act: message, template: thanks, slots: score}
    say: [thanks, scored]
    goto: bye
  deaf:
    say: deaf
    listen:
      keys: {1: callback}
      ask_again: deaf
      no_input: {goto: bye}
      not_understood: {goto: bye}
      branches:
        - {heard: callback, outcome: callback, do: callback, goto: bye}
  sorry:
    say: sorry
    end: true
  bye:
    outcome: not_understood
    say: bye
    end: true
prompts:
  first_you: 请先确认您是本人。
  warning:
    disclosure: warning
    text: 您的比例是{ratio}，低于{line}。
  clear: 您清楚了吗？
  clear_keys:
    - 清楚请按一，要人工请按二。
    - 您清楚的话请按一，转人工请按二。
  tell_ratio: 是{ratio}。
  who_calls: {text: "这里是{firm}，电话{phone}。", otherwise: "这里是{firm}。"}
  later: 好的，稍后再联系您。
  about_product: 您持有{product}。
  ask_score: 请打分，不满意按一，满意按五。
  thanks: 谢谢您。
  scored: {text: "您打了{score}分。", otherwise: 您打了分。}
  deaf: 抱歉，听不清，稍后再打请按一。
  sorry: {text: "抱歉，您{mood}反馈，我们会回复您。", otherwise: "抱歉，我们会回复您。"}
  bye: 再见。
"""

PART = """\
about: 开场白，核实身份
slots:
  firm: {type: text, before_identity: true}
  name: {type: name, before_identity: true}
disclosures:
  notice: {}
urgent:
  - {heard: do_not_call, outcome: do_not_call, goto: no_more}
  - {heard: not_self, identified: false, outcome: not_self, goto: no_more_words}
steps:
  opening:
    say: [notice, who]
    listen:
      keys: {1: identity_confirm}
      ask_again: who
      no_input: {say: who_keys, goto: no_more_words}
      not_understood: {say: who_keys, goto: no_more_words}
      branches:
        - {heard: [identity_confirm, affirm], identified: true, goto: next}
        - {heard: deny, goto: no_more_words}
  no_more:
    do: do_not_call
    say: no_more
    end: true
  no_more_words:
    outcome: not_understood
    say: goodbye
    end: true
prompts:
  notice:
    disclosure: notice
    text: 这里是{firm}，本次通话语音由人工智能合成，通话将被录音。
  who: 请问您是{name}吗？
  who_keys: 是{name}本人请按一。
  no_more: 今后不再拨打，再见。
  goodbye: 打扰了，再见。
"""


def written(flows: Path, flow: str = FLOW, **parts: str) -> Path:
    """The folder of a script `visit` in a folder of scripts, with its shared parts (`opening` if no other is given)."""
    folder = flows / "visit"
    (flows / "shared").mkdir(exist_ok=True)
    folder.mkdir(exist_ok=True)
    (folder / "flow.yaml").write_text(flow, encoding="utf-8")
    for name, text in {"opening": PART, **parts}.items():
        (flows / "shared" / f"{name}.yaml").write_text(text, encoding="utf-8")
    return folder
