"""Every contract and its golden file: what is sent, what is understood, what may never be in it."""

import dataclasses
import json
import re
import typing
from collections.abc import Iterator
from typing import Any

import pytest

from tests.events.support import golden, golden_types
from toby.events import FANOUT, TOPICS, BadEvent, Person
from toby.events.envelope import contracts

SECRET = re.compile(r"token|password|secret|hash|digest|e_?mail|cookie|(^|_)code", re.IGNORECASE)
every_contract = pytest.mark.parametrize("type", sorted(contracts()))


def test_every_contract_has_a_golden_file_and_every_golden_file_a_contract() -> None:
    assert golden_types() == set(contracts())


@every_contract
def test_the_producer_writes_what_the_golden_file_says(type: str) -> None:
    file = golden(type)
    event = contracts()[type].from_json(json.dumps(file.data).encode())
    assert json.loads(event.to_json()) == file.data
    assert (event.topic, event.key_value) == (file.topic, file.key)


@every_contract
def test_the_consumer_reads_what_the_golden_file_says(type: str) -> None:
    file = golden(type)
    envelope = file.envelope()
    assert isinstance(envelope.data, contracts()[type])
    assert json.loads(json.dumps(dataclasses.asdict(envelope.data))) == file.data
    assert {name: raw.decode() for name, raw in envelope.headers()} == file.headers
    assert envelope.request_id == file.headers["ce_requestid"]


@every_contract
def test_a_golden_file_shows_every_field(type: str) -> None:
    fields = {field.name for field in dataclasses.fields(contracts()[type])}
    assert set(golden(type).data) == fields


@every_contract
def test_a_field_that_is_not_known_is_passed_over(type: str) -> None:
    file = golden(type)
    later = {**file.data, "added_later": {"nested": [1]}}
    contract = contracts()[type]
    assert contract.from_json(json.dumps(later).encode()) == file.envelope().data


@every_contract
def test_a_missing_field_is_refused(type: str) -> None:
    file, contract = golden(type), contracts()[type]
    for field in dataclasses.fields(contract):
        if field.default is dataclasses.MISSING:
            rest = {name: value for name, value in file.data.items() if name != field.name}
            with pytest.raises(BadEvent, match=field.name):
                contract.from_json(json.dumps(rest).encode())


@every_contract
@pytest.mark.parametrize("wrong", [None, [], 1.5, True, {}])
def test_a_field_of_another_type_is_refused(type: str, wrong: object) -> None:
    file, contract = golden(type), contracts()[type]
    for name, right in file.data.items():
        if isinstance(right, list) and isinstance(wrong, list):
            continue
        with pytest.raises(BadEvent, match=type):
            contract.from_json(json.dumps({**file.data, name: wrong}).encode())


@every_contract
def test_a_number_is_not_taken_from_text_nor_text_from_a_number(type: str) -> None:
    file, contract = golden(type), contracts()[type]
    for name, value in file.data.items():
        if isinstance(value, int | str):
            wrong = str(value) if isinstance(value, int) else 5
            with pytest.raises(BadEvent):
                contract.from_json(json.dumps({**file.data, name: wrong}).encode())


@every_contract
def test_a_contract_says_its_topic_and_which_of_its_fields_orders_it(type: str) -> None:
    contract = contracts()[type]
    assert contract.topic in TOPICS
    assert contract.key in {field.name for field in dataclasses.fields(contract)}
    assert re.fullmatch(r"(accounts|social|notifications)\.[a-z]+(_[a-z]+)*\.v[1-9][0-9]*", type)
    assert contract.topic in {f"toby.{type.partition('.')[0]}", FANOUT}


@every_contract
def test_an_event_cannot_be_changed_nor_made_with_a_field_too_few_or_too_many(type: str) -> None:
    contract, fields = contracts()[type], golden(type).envelope().data
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(fields, contract.key, 0)
    with pytest.raises(TypeError):
        contract()
    with pytest.raises(TypeError):
        dataclasses.replace(fields, undeclared=1)  # type: ignore[call-arg]


@every_contract
def test_no_event_has_a_field_that_sounds_like_a_secret(type: str) -> None:
    """But for the address that digests go to: docs/adr/0028-digests.md."""
    known = ["email"] if type == "accounts.address_confirmed.v1" else []
    assert list(secret_names(contracts()[type])) == known


def test_a_field_that_sounds_like_a_secret_is_found_however_deep() -> None:
    @dataclasses.dataclass
    class Inner:
        contact_email: str

    @dataclasses.dataclass
    class Outer:
        person: Person
        inner: Inner
        maybe: tuple[Inner, ...] | None
        refresh_token: str

    hints = {"person": Person, "inner": Inner, "maybe": tuple[Inner, ...] | None}
    found = list(secret_names(Outer, {**hints, "refresh_token": str}))
    assert found == ["contact_email", "contact_email", "refresh_token"]


def secret_names(cls: Any, hints: dict[str, Any] | None = None) -> Iterator[str]:
    """The names in `cls` and all it is made of that sound like secrets."""
    for name, hint in (hints or typing.get_type_hints(cls)).items():
        if name in {"type", "topic", "key"}:
            continue
        if SECRET.search(name):
            yield name
        for part in parts(hint):
            if dataclasses.is_dataclass(part):
                yield from secret_names(part, {f.name: f.type for f in dataclasses.fields(part)})


def parts(hint: Any) -> Iterator[Any]:
    """`tuple[A, ...] | None` is made of A, None and the rest."""
    yield hint
    for inner in typing.get_args(hint):
        yield from parts(inner)
