"""The OpenAPI documents: what the views say, joined without contradiction, and served."""

import json
from pathlib import Path
from typing import Any

import pytest
from django.test import Client

from deploy import openapi
from tests.house.support import references


@pytest.fixture(scope="module")
def made() -> dict[str, dict[str, Any]]:
    """Each service's document, anew."""
    return {service: openapi.document(name) for service, name in openapi.SERVICES.items()}


@pytest.fixture
def folder(tmp_path: Path, made: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the documents stand, for a call of the command."""
    monkeypatch.setattr(openapi, "FOLDER", tmp_path)
    by_settings = {openapi.SERVICES[service]: content for service, content in made.items()}
    monkeypatch.setattr(openapi, "document", by_settings.__getitem__)
    return tmp_path


def test_the_documents_are_what_the_views_say(made: dict[str, dict[str, Any]]) -> None:
    for name, content in {**made, "toby": openapi.joined(made)}.items():
        written = json.loads((openapi.FOLDER / f"{name}.json").read_text())
        assert written == content, f"{name}.json: run make openapi"


def test_written_ones_pass_the_check_and_are_the_same_each_time(folder: Path) -> None:
    assert openapi.main([]) == 0
    first = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert set(first) == {"auth.json", "social.json", "notifications.json", "toby.json"}
    assert openapi.main(["--check"]) == 0
    assert openapi.main([]) == 0
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == first


@pytest.mark.parametrize("name", ["auth", "social", "notifications", "toby"])
def test_one_that_is_stale_or_missing_fails_the_check_and_stays_as_it_is(
    folder: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    openapi.main([])
    path = folder / f"{name}.json"
    stale = path.read_text().replace('"3.1.1"', '"3.1.0"')
    path.write_text(stale)
    assert openapi.main(["--check"]) == 1
    assert path.read_text() == stale
    path.unlink()
    assert openapi.main(["--check"]) == 1
    for line in capsys.readouterr().err.splitlines():
        assert f"not what the views say: {name}.json; run make openapi" in line


@pytest.mark.parametrize("where", ["paths", "schemas"])
def test_a_name_that_means_two_things_cannot_be_joined(
    made: dict[str, dict[str, Any]], where: str
) -> None:
    other = json.loads(json.dumps(made["social"]))
    named = other["paths"] if where == "paths" else other["components"]["schemas"]
    name = "/api/v1/posts" if where == "paths" else "PostOut"
    named[name] = {"description": "Something else."}
    with pytest.raises(openapi.Unjoinable, match=f"{name} is something else in another service"):
        openapi.joined({"social": made["social"], "notifications": other})


def test_a_document_that_cannot_be_made_is_told_in_the_words_of_who_makes_it() -> None:
    with pytest.raises(openapi.Unjoinable, match=r"(?s)nothing: .*toby\.settings\.nothing"):
        openapi.document("nothing")


def test_the_joined_one_is_served_to_anyone_byte_for_byte() -> None:
    answer = Client().get("/api/v1/openapi.json")
    assert answer.headers["Content-Type"] == "application/json"
    assert answer.content == (openapi.FOLDER / "toby.json").read_bytes()


@pytest.fixture(scope="module")
def joined(made: dict[str, dict[str, Any]]) -> dict[str, Any]:
    return openapi.joined(made)


def test_every_operation_has_a_name_of_its_own_and_says_what_it_does(
    joined: dict[str, Any],
) -> None:
    operations = [one for methods in joined["paths"].values() for one in methods.values()]
    names = [operation["operationId"] for operation in operations]
    assert len(set(names)) == len(names)
    for operation in operations:
        assert operation["responses"]["default"]["content"].keys() == {"application/problem+json"}
        assert set(operation["responses"]) - {"default"}, operation["operationId"]
        assert operation["description"], operation["operationId"]


def test_every_reference_leads_somewhere_and_every_component_is_led_to(
    joined: dict[str, Any],
) -> None:
    start = "#/components/schemas/"
    referred = {ref.removeprefix(start) for ref in references(joined) if ref.startswith(start)}
    assert referred == set(joined["components"]["schemas"])
