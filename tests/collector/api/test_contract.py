"""The API against its own description: schemathesis asks whatever the description allows and forbids."""

import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from schemathesis.config import SchemathesisConfig
from schemathesis.engine import events, from_schema
from schemathesis.specs.openapi.definitions import OPENAPI_31
from sqlalchemy import Engine
from tests.collector.api.conftest import CLOSED, INTERNAL, PUBLIC, Ask, app_over

from doxa_collector.api.openapi import describe
from doxa_collector.api.resources import all_resources
from doxa_collector.web import access

KNOWN = {
    "site": "dong-dang", "link": "fixed", "meter": "speed", "path.plan": "d-ha-tinh", "path.month": CLOSED, "path.id": "7",
    "path.code": "06184",
}  # fmt: skip
UNSAYABLE = ("urn:doxa:problem:bad-cursor", "urn:doxa:problem:no-span")
"""Refusals of what a schema cannot forbid: a cursor that we did not give, a span that ends before it begins."""


@pytest.fixture(scope="module")
def served(filled: Engine, tokens_file: Any) -> Iterator[Any]:
    """An app that does not shut out a client with many wrong tokens, and whose papers cost nothing."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(access, "_FAILURES", 10**9)
        patch.setattr("doxa_collector.api.workshop.Workshop._made", lambda *_: b"a paper")
        yield app_over(filled, tokens_file)


def run(app: Any, token: str, mode: str, examples: int, parameters: dict[str, str]) -> tuple[list[str], Any, Any]:
    """What is wrong, how often each status came, and how often each check was made."""
    headers = {"Authorization": f"Bearer {token}"}
    generation = {"mode": mode, "max-examples": examples, "deterministic": True, "database": "none", "no-shrink": True}
    config = SchemathesisConfig.from_dict(
        {
            "headers": headers, "generation": generation, "parameters": parameters,
            "phases": {"stateful": {"enabled": False}},
        }
    )  # fmt: skip
    api = schemathesis.openapi.from_asgi("/api/v1/openapi.json", app, config=config, headers=headers)
    wrong, asked, checks = [], Counter[int](), Counter[str]()
    for event in from_schema(api).execute():
        if isinstance(event, events.NonFatalError | events.FatalError):
            wrong.append(str(getattr(event, "value", event)))
        if not isinstance(event, events.ScenarioFinished):
            continue
        for case, done in event.recorder.checks.items():
            response = event.recorder.interactions[case].response
            asked[response.status_code if response else 0] += 1
            for check in done:
                checks[check.name] += 1
                if response is not None and check.failure_info is not None and not _unsayable(check.name, response):
                    wrong.append(f"{response.request.url}: {check.name}: {check.failure_info.failure}")
    return wrong, asked, checks


@pytest.mark.slow
def test_every_answer_is_as_described_and_every_wrong_question_is_refused(served: Any) -> None:
    wrong, asked, checks = run(served, INTERNAL, "all", 8, {})
    assert wrong == []
    assert min(asked[200], asked[404]) > 50, asked
    assert min(asked[400], asked[405]) > 20, asked
    assert asked[401] > 5, asked
    assert {
        "response_schema_conformance",
        "negative_data_rejection",
        "unsupported_method",
        "ignored_auth",
    } <= checks.keys()
    assert {"response_headers_conformance", "content_type_conformance", "not_a_server_error"} <= checks.keys()


@pytest.mark.slow
@pytest.mark.parametrize("token", [INTERNAL, PUBLIC])
def test_what_there_is_is_given_as_described_to_every_scope(served: Any, token: str) -> None:
    wrong, asked, _ = run(served, token, "positive", 6, KNOWN)
    assert wrong == [] or (token == PUBLIC and all("positive_data_acceptance" in one and "403" in one for one in wrong))
    assert asked[200] > 50, asked


def _unsayable(check: str, response: Any) -> bool:
    return check == "positive_data_acceptance" and json.loads(response.content).get("type") in UNSAYABLE


def test_the_description_is_valid_by_the_schema_of_openapi(ask: Ask) -> None:
    found = ask("/openapi.json").json()
    assert found["openapi"] == "3.1.0"
    assert found == describe(all_resources())
    errors = [str(error) for error in jsonschema_rs.validator_for(OPENAPI_31).iter_errors(found)]
    assert errors == []
    for name, schema in found["components"]["schemas"].items():
        assert jsonschema_rs.meta.is_valid({"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}), name


def test_every_parameter_and_field_is_described(ask: Ask) -> None:
    found = ask("/openapi.json").json()
    for path, one in found["paths"].items():
        for parameter in one["get"]["parameters"]:
            says = parameter["schema"]
            assert parameter["description"].endswith("."), (path, parameter["name"])
            assert says.keys() & {"enum", "pattern", "maximum", "maxLength", "format", "anyOf", "default"}, (
                path,
                parameter,
            )
    for name, schema in found["components"]["schemas"].items():
        if name not in ("Text", "Problem"):
            assert all(one["description"].endswith((".", ")")) for one in schema["properties"].values()), name
