"""What must be said, and heard, before something counts: the opening notice, disclosures, the do-not-call wish."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from voicebot.flow.model import Branch, Prompt, Step
from voicebot.flow.rules import precedence
from voicebot.flow.rules.survey import Place, Survey
from voicebot.flow.rules.walk import Walk, takes


def inspect(survey: Survey) -> None:
    """The notice of the opening, disclosures on every way to what needs them, and the do-not-call list."""
    _notice(survey)
    hearing = Walk(survey, ear_lost=False).reached
    for disclosure, spec in survey.script.disclosures.items():
        if spec.needed_for:
            _needed(survey, disclosure, spec.needed_for, hearing)
    for name, listen in survey.listens():
        if told := next((prompt for prompt in listen.ask_again if survey.prompts[prompt].disclosure), ""):
            survey.warn(("steps", name, "listen", "ask_again"), "disclosure_repeated",
                        f"{told} is said again after every answer, and nobody can interrupt it",
                        "ask again with a short question")  # fmt: skip
    _split(survey)
    _do_not_call(survey)


def _first_without(survey: Survey, start: str, has: Callable[[Step], bool]) -> str:
    """A step that listens or ends and that can be come to from `start` by no step that has something, "" if none."""
    seen = {start}
    todo = [start]
    while todo:
        name = todo.pop()
        if has(survey.script.steps[name]):
            continue
        onward = survey.onward(name)
        if not onward:
            return name
        fresh = set(onward) - seen
        seen |= fresh
        todo += fresh
    return ""


def _notice(survey: Survey) -> None:
    """docs/domain.md §3.7: that the voice is synthesised by AI and the call recorded, before anything is asked."""
    for what, words in (
        ("that the voice is synthesised by AI", ("人工智能", "合成")),
        ("that the call is recorded", ("录音",)),
    ):
        saying = {name for name, prompt in survey.prompts.items() if prompt.disclosure and _always_says(prompt, words)}
        if missing := _first_without(survey, survey.script.start, lambda step: not saying.isdisjoint(step.say)):  # noqa: B023 - used at once
            where = "" if missing == survey.script.start else f" on its way to {missing}"
            fix = "say it first, in a prompt that is a disclosure (本次通话语音由人工智能合成，通话将被录音)"
            message = f"the opening does not say {what}{where}"
            survey.add(("steps", survey.script.start), "missing_notice", message, fix)


def _always_says(prompt: Prompt, words: tuple[str, ...]) -> bool:
    return all(word in wording.literal for wording in (*prompt.wordings, *prompt.otherwise) for word in words)


def _needed(survey: Survey, disclosure: str, outcomes: tuple[str, ...], hearing: set[str]) -> None:
    """An outcome counts after its disclosure only: at run time the robot says what is missing and asks again. So a way
    round it does no harm, but the callee is asked about what he was not told; where every way leads round it, the
    script has forgotten it. `hearing`: the steps that a call may come to while the recogniser works.
    """
    walk = Walk(survey, disclosure)
    own = {name: precedence.before_anywhere(survey, name) for name, _ in survey.listens() if name in walk.reached}
    for place, branch in survey.branches():
        if branch.outcome not in outcomes:
            continue
        told: dict[bool, str] = {}  # whether it was told, and a step where that is so
        for name in own if place[0] != "steps" else (str(place[1]),):
            if place[0] == "anywhere" and all(own[name].taker(branch, word) for word in branch.heard or ("",)):
                continue  # the step's own branches come first
            if name not in hearing and not _by_key(survey, name, branch):
                continue
            told |= {mood.told: name for mood in walk.moods.get(name, ()) if takes(branch, mood)}
        if False in told and True not in told:
            survey.add((*place, "outcome"), "missing_disclosure",
                       f"{branch.outcome} needs the disclosure {disclosure}, which no way to it says",
                       f"say it before, in a prompt with `disclosure: {disclosure}`")  # fmt: skip
        elif False in told:
            message = f"{branch.outcome} needs the disclosure {disclosure}, which some way to {told[False]} leaves out"
            fix = "say it on every way to it, or limit the branch to steps after it"
            survey.warn((*place, "outcome"), "maybe_untold", message, fix)


def _by_key(survey: Survey, name: str, branch: Branch) -> bool:
    """Whether a key of a step means what a branch hears: all that is understood once the recogniser is lost."""
    listen = survey.script.steps[name].listen
    return listen is not None and not set(branch.heard).isdisjoint(
        m for m in listen.keys.values() if isinstance(m, str)
    )


def _split(survey: Survey) -> None:
    """A disclosure may have several prompts, one for each kind of client; said together, either alone would count."""
    for name, step in survey.script.steps.items():
        first: dict[str, str] = {}
        for place, prompt in _breath(survey, name, step):
            disclosure = survey.prompts[prompt].disclosure
            if disclosure and first.setdefault(disclosure, prompt) != prompt:
                survey.warn(place, "split_disclosure",
                            f"{first[disclosure]} and {prompt} are both the disclosure {disclosure}, and either alone "
                            "counts as all of it",
                            "put them into one prompt, or give each a disclosure of its own")  # fmt: skip


def _breath(survey: Survey, name: str, step: Step) -> Iterator[tuple[Place, str]]:
    """What a step says, and the one that it goes on to."""
    yield from ((("steps", name, "say", i), prompt) for i, prompt in enumerate(step.say))
    if step.goto is not None and not step.branch:
        following = survey.script.steps[step.goto]
        yield from ((("steps", step.goto, "say", i), prompt) for i, prompt in enumerate(following.say))


def _do_not_call(survey: Survey) -> None:
    """docs/domain.md §3.3: who asks not to be called again is on the list at once, whenever he says so."""
    if not any("do_not_call" in branch.heard and not branch.also for branch in survey.script.urgent):
        survey.add(("urgent",), "missing_do_not_call", "a wish not to be called again is not heard at every moment",
                   "add `- {heard: do_not_call, do: do_not_call, goto: STEP}` to `urgent`")  # fmt: skip
    for place, branch in survey.branches():
        if "do_not_call" in (*branch.heard, *branch.also) and not _lists(survey, branch):
            survey.add(place, "missing_do_not_call", "a wish not to be called again does not reach the list for it",
                       "add `do: do_not_call`, here or in the step it leads to")  # fmt: skip


def _lists(survey: Survey, branch: Branch) -> bool:
    if any(act.act == "do_not_call" for act in branch.do):
        return True
    if branch.goto is None:
        return False
    return not _first_without(survey, branch.goto, lambda step: any(act.act == "do_not_call" for act in step.do))
