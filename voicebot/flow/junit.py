"""What came of scripts' cases as JUnit XML, which build servers read: a suite for each script, a test for each case."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from voicebot.flow.problems import FlowError
from voicebot.flow.replay import CaseResult, FlowResult

# XML 1.0 has no characters for these, whatever a script or a recogniser holds.
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def junit(flows: Sequence[FlowResult], broken: Mapping[str, FlowError]) -> bytes:
    """The whole document, UTF-8. `broken`: scripts that could not be tried, by name; each counts as one error."""
    root = Element("testsuites", name="voicebot flow test")
    for flow in flows:
        _suite(root, flow)
    for name, error in broken.items():
        suite = SubElement(root, "testsuite", name=_xml(name), tests="1", failures="0", errors="1", skipped="0")
        case = SubElement(suite, "testcase", classname=_xml(name), name="flow")
        SubElement(case, "error", message=f"{len(error.problems)} errors in the script").text = _xml(str(error))
    for key in ("tests", "failures", "errors", "skipped"):
        root.set(key, str(sum(int(suite.get(key, "0")) for suite in root)))
    root.set("time", f"{sum(float(suite.get('time', '0')) for suite in root):.3f}")
    indent(root)
    return bytes(tostring(root, encoding="utf-8", xml_declaration=True)) + b"\n"


def _suite(root: Element, flow: FlowResult) -> None:
    suite = SubElement(
        root,
        "testsuite",
        name=_xml(flow.flow.name),
        file=_xml(flow.file),
        tests=str(len(flow.results)),
        failures=str(len(flow.failed)),
        errors="0",
        skipped=str(sum(bool(result.skipped) for result in flow.results)),
        time=f"{sum(result.seconds for result in flow.results):.3f}",
    )
    covered = SubElement(suite, "properties")
    for name, share in (("steps", flow.coverage.steps), ("branches", flow.coverage.branches)):
        SubElement(covered, "property", name=f"coverage.{name}", value=f"{share.percent:.1f}")
    for result in flow.results:
        _case(suite, flow, result)


def _case(suite: Element, flow: FlowResult, result: CaseResult) -> None:
    case = SubElement(
        suite,
        "testcase",
        classname=_xml(flow.flow.name),
        name=_xml(result.case.name),
        file=_xml(flow.file),
        line=str(result.line),
        time=f"{result.seconds:.3f}",
    )
    if result.notes:
        SubElement(case, "system-out").text = _xml("\n".join(result.notes))
    if result.skipped:
        SubElement(case, "skipped", message=_xml(result.skipped))
    elif result.differences:
        place = f"{flow.file}:{result.line}: {result.case.name}"
        told = "\n".join((place, *result.differences, "", *result.transcript))
        SubElement(case, "failure", message=_xml(result.differences[0])).text = _xml(told)


def _xml(text: str) -> str:
    return _NOT_XML.sub("�", text)
