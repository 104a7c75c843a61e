"""Readers of every machine format: each holds a report to its published grammar and gives what it tells."""

from __future__ import annotations

import json
import os
import re
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import unquote_to_bytes

from jsonschema import Draft4Validator, Draft7Validator
from lxml import etree

if TYPE_CHECKING:
    from collections.abc import Callable

_SCHEMAS = Path(__file__).parent / "schemas"
_TEXT = {"type": "string", "minLength": 1}


class Told(NamedTuple):
    """One finding as a format tells it; a line that the format does not have is None."""

    path: str
    line: int | None
    code: str
    message: str


def _object(required: dict[str, Any], optional: dict[str, Any] | None = None) -> dict[str, Any]:
    # Keys that neither names are mistyped ones: the originals allow them, we have none.
    return {
        "type": "object",
        "required": list(required),
        "properties": {**required, **(optional or {})},
        "additionalProperties": False,
    }


def _list(items: dict[str, Any], least: int = 0) -> dict[str, Any]:
    return {"type": "array", "items": items, "minItems": least}


_LINE = {"type": "integer", "minimum": 1}

# GitLab, "Code Quality report format" in its documentation; app/validators/json_schemas/codeclimate.json in
# gitlab-org/gitlab; categories and type from Code Climate's SPEC.md.
CODE_QUALITY = _list(
    _object(
        {
            "description": _TEXT,
            "check_name": _TEXT,
            "fingerprint": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
            "severity": {"enum": ["info", "minor", "major", "critical", "blocker"]},
            "location": _object({"path": _TEXT, "lines": _object({"begin": _LINE, "end": _LINE})}),
            "type": {"const": "issue"},
            "categories": _list({"enum": ["Bug Risk", "Security"]}, least=1),
        },
        {"content": _object({"body": _TEXT})},
    )
)

# dist/secret-detection-report-format.json, version 15.0.4, of gitlab-org/security-products/security-report-schemas;
# the algorithms are those of Vulnerabilities::FindingSignature in gitlab-org/gitlab.
_TIME = {"type": "string", "pattern": r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}$"}
_TOOL = _object({"id": _TEXT, "name": _TEXT, "version": _TEXT, "vendor": _object({"name": _TEXT})})
_WHERE = {"file": _TEXT, "start_line": _LINE, "end_line": _LINE}
SECRET_DETECTION = _object(
    {
        "version": {"type": "string", "pattern": r"^[0-9]+\.[0-9]+\.[0-9]+$"},
        "schema": {"type": "string", "pattern": "^https?://.+"},
        "scan": _object(
            {
                "analyzer": _TOOL,
                "scanner": _TOOL,
                "start_time": _TIME,
                "end_time": _TIME,
                "status": {"enum": ["success", "failure"]},
                "type": {"const": "secret_detection"},
            },
            {"messages": _list(_object({"level": {"enum": ["info", "warn", "fatal"]}, "value": _TEXT}), least=1)},
        ),
        "vulnerabilities": _list(
            _object(
                {
                    "id": {"type": "string", "pattern": "^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$"},
                    "identifiers": _list(
                        _object(
                            {"type": _TEXT, "name": _TEXT, "value": _TEXT},
                            {"url": {"type": "string", "pattern": "^https?://.+"}},
                        ),
                        least=1,
                    ),
                    "location": _object({**_WHERE, "commit": _object({"sha": _TEXT})}),
                    "name": {"type": "string", "maxLength": 255},
                    "description": {"type": "string", "maxLength": 1048576},
                    "severity": {"enum": ["Info", "Unknown", "Low", "Medium", "High", "Critical"]},
                    "tracking": _object(
                        {
                            "type": {"const": "source"},
                            "items": _list(
                                _object(
                                    {
                                        **_WHERE,
                                        "signatures": _list(
                                            _object(
                                                {
                                                    "algorithm": {"enum": ["hash", "location", "scope_offset"]},
                                                    "value": _TEXT,
                                                }
                                            ),
                                            least=1,
                                        ),
                                    }
                                )
                            ),
                        }
                    ),
                },
                {"solution": {"type": "string", "maxLength": 7000}},
            )
        ),
    }
)

# proto/rdf/jsonschema/DiagnosticResult.jsonschema and reviewdog.proto of reviewdog/reviewdog.
_POSITION = _object({"line": _LINE}, {"column": _LINE})
_RANGE = _object({"start": _POSITION, "end": _POSITION})
RDJSON = _object(
    {
        "source": _object({"name": _TEXT}),
        "diagnostics": _list(
            _object(
                {
                    "message": _TEXT,
                    "location": _object({"path": _TEXT}, {"range": _RANGE}),
                    "severity": {"enum": ["UNKNOWN_SEVERITY", "ERROR", "WARNING", "INFO"]},
                    "code": _object({"value": _TEXT}),
                },
                {"suggestions": _list(_object({"range": _RANGE, "text": {"type": "string"}}), least=1)},
            )
        ),
    }
)


def read(form: str, text: str) -> list[Told]:
    """What a report tells, in its order; an `AssertionError` or the validator's error where it breaks its grammar."""
    return _READERS[form](text)


def _json(text: str) -> list[Told]:
    return [_as_ruff(item) for item in json.loads(text)]


def _json_lines(text: str) -> list[Told]:
    assert not text or text.endswith("\n")
    return [_as_ruff(json.loads(line)) for line in text.splitlines()]


def _as_ruff(item: dict[str, Any]) -> Told:
    return Told(os.path.relpath(item["filename"]), item["location"]["row"], item["code"], item["message"])


@lru_cache
def _sarif_schema() -> Draft4Validator:
    return Draft4Validator(json.loads((_SCHEMAS / "sarif-2.1.0-rtm.5.json").read_text(encoding="utf-8")))


def sarif(text: str) -> list[dict[str, Any]]:
    """The results of a log, which is held to its schema and to the limits of GitHub's code scanning.

    The limits: "SARIF results exceed one or more limits" in GitHub's documentation.
    """
    log = json.loads(text)
    _sarif_schema().validate(log)
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    assert len({rule["id"] for rule in rules}) == len(rules) <= 25_000
    for rule in rules:
        assert len(rule["properties"]["tags"]) <= 20
        score = rule["properties"].get("security-severity")
        assert (score is not None) is ("security" in rule["properties"]["tags"])
        assert score is None or (isinstance(score, str) and 0 < float(score) <= 10)
    results: list[dict[str, Any]] = run["results"]
    assert len(results) <= 25_000
    for result in results:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"]
        assert len(result["locations"]) == 1
        assert set(result["partialFingerprints"]) == {"modalLint/v1"}
        for flow in result.get("codeFlows", ()):
            assert 2 <= len(flow["threadFlows"][0]["locations"]) <= 10_000
    assert len({result["partialFingerprints"]["modalLint/v1"] for result in results}) == len(results)
    assert "snippet" not in text
    assert '"deleted' not in text.replace('"deletedRegion"', "")
    return results


def artifact(location: dict[str, Any]) -> str:
    """The path that a SARIF location names; a relative one is a URI reference without a scheme."""
    uri = location["physicalLocation"]["artifactLocation"]["uri"]
    assert re.fullmatch(r"(file://)?([A-Za-z0-9._~/-]|%[0-9A-F]{2})+", uri), uri
    return os.fsdecode(unquote_to_bytes(uri.removeprefix("file://")))


def _sarif(text: str) -> list[Told]:
    return [
        Told(
            artifact(one["locations"][0]),
            one["locations"][0]["physicalLocation"]["region"]["startLine"],
            one["ruleId"],
            one["message"]["text"].partition("\n")[0],
        )
        for one in sarif(text)
    ]


# Runner.Common/ActionCommand.cs of actions/runner: what begins and ends a command, and how a runner reads escapes.
_COMMAND = re.compile(r"::(error|warning|notice) ([^\r\n]*?)::([^\r\n]*)")
_PROPERTIES = {"file", "line", "col", "endLine", "endColumn", "title"}


def _github(text: str) -> list[Told]:
    return [_command(line) for line in text.split("\n")[:-1]]


def _command(line: str) -> Told:
    found = _COMMAND.fullmatch(line)
    assert found, line
    pairs = [pair.partition("=") for pair in found[2].split(",")]
    properties = {name: _unescaped(value, "%2C", "%3A", "%0D", "%0A", "%25") for name, _, value in pairs}
    assert len(pairs) == len(properties)
    assert set(properties) <= _PROPERTIES
    # IssueCommandExtension: columns are for a range within one line.
    assert ("col" in properties) is (properties["line"] == properties["endLine"])
    code = properties["title"].rpartition("(")[2].rstrip(")")
    message = _unescaped(found[3], "%0D", "%0A", "%25").partition("\n")[0]
    return Told(properties["file"], int(properties["line"]), code, message.partition(f": {code} ")[2])


def _unescaped(text: str, *escapes: str) -> str:
    for escape in escapes:
        text = text.replace(escape, chr(int(escape[-2:], 16)))
    return text


def _azure(text: str) -> list[Told]:
    return [_logged(line) for line in text.split("\n")[:-1]]


def _logged(line: str) -> Told:
    """Command.TryParse of microsoft/azure-pipelines-agent: the first bracket ends the properties."""
    assert line.startswith("##vso[task.logissue ")
    assert "\r" not in line
    head, _, message = line.removeprefix("##vso[task.logissue ").partition("]")
    pairs = [pair.partition("=") for pair in head.split(";")]
    assert pairs.pop() == ("", "", "")
    told = {name: _azure_text(value, "%3B", "%0D", "%0A", "%5D") for name, _, value in pairs}
    assert list(told) == ["type", "sourcepath", "linenumber", "columnnumber", "code"]
    assert told["type"] in ("error", "warning")
    assert os.path.isabs(told["sourcepath"])
    path = os.path.relpath(told["sourcepath"])
    return Told(path, int(told["linenumber"]), told["code"], _azure_text(message, "%0D", "%0A"))


def _azure_text(text: str, *escapes: str) -> str:
    return _unescaped(text, *escapes).replace("%AZP25", "%")


def _gitlab(text: str) -> list[Told]:
    issues = json.loads(text)
    Draft7Validator(CODE_QUALITY).validate(issues)
    assert len({one["fingerprint"] for one in issues}) == len(issues)
    return [
        Told(
            one["location"]["path"],
            one["location"]["lines"]["begin"],
            one["check_name"],
            one["description"].rpartition(" (")[0],
        )
        for one in issues
    ]


def _gitlab_secrets(text: str) -> list[Told]:
    report = json.loads(text)
    Draft7Validator(SECRET_DETECTION).validate(report)
    found = report["vulnerabilities"]
    assert len({one["id"] for one in found}) == len(found)
    return [
        Told(
            one["location"]["file"],
            one["location"]["start_line"],
            one["identifiers"][0]["value"],
            one["description"],
        )
        for one in found
    ]


@lru_cache
def _junit_schema() -> Any:
    return etree.XMLSchema(etree.parse(str(_SCHEMAS / "junit-4.xsd")))


def _junit(text: str) -> list[Told]:
    assert text.isascii()
    root = etree.fromstring(text.encode())
    _junit_schema().assertValid(root)
    suites = list(root)
    for attribute in ("tests", "failures", "errors"):
        assert int(root.get(attribute)) == sum(int(suite.get(attribute)) for suite in suites)
    names = [(case.get("classname"), case.get("name")) for suite in suites for case in suite]
    assert len(set(names)) == len(names) >= 1
    told = []
    for suite in suites:
        assert len(suite) == int(suite.get("tests"))
        for case in suite:
            for result in case:
                code = case.get("name").partition(" ")[0]
                assert result.tag == ("error" if code == "MS001" else "failure")
                line = re.match(r".*?:(?:cell \d+:)?(\d+):\d+: MS", result.text, re.DOTALL)
                assert line
                told.append(Told(suite.get("name"), int(line[1]), code, result.get("message")))
    assert len(told) == sum(int(root.get(name)) for name in ("failures", "errors"))
    return told


def _rdjson(text: str) -> list[Told]:
    report = json.loads(text)
    Draft7Validator(RDJSON).validate(report)
    return [
        Told(
            one["location"]["path"],
            one["location"].get("range", {}).get("start", {}).get("line"),
            one["code"]["value"],
            one["message"].partition("\n")[0],
        )
        for one in report["diagnostics"]
    ]


_READERS: dict[str, Callable[[str], list[Told]]] = {
    "json": _json,
    "json-lines": _json_lines,
    "sarif": _sarif,
    "github": _github,
    "gitlab": _gitlab,
    "gitlab-secrets": _gitlab_secrets,
    "junit": _junit,
    "rdjson": _rdjson,
    "azure": _azure,
}
MACHINE_FORMATS = tuple(_READERS)
