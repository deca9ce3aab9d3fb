"""Exports: asked for, made in the background, told of, and given to their owner alone."""

import asyncio
import json
import random
import zipfile
from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Any

import pytest
from django.test import AsyncClient
from pytest_django import Settings

from tests.clock import Clock
from tests.factories import (
    Caller,
    access_token,
    make_block,
    make_bookmark,
    make_comment,
    make_follow,
    make_like,
    make_live_post,
    make_mute,
    make_report,
    make_user,
    open_session,
)
from tests.notifications.support import approved, consume
from toby.accounts.models import User
from toby.events import ExportReady
from toby.exports import archive
from toby.exports.models import Export, ExportPiece
from toby.exports.services import ask_for_export, prepare_waiting, purge_exports
from toby.notifications.models import Item
from toby.notifications.texts import text_of
from toby.outbox.models import OutboxEvent

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]

MINE = {"account": "/api/v1/users/me/export", "notifications": "/api/v1/notifications/export"}
each_kind = pytest.mark.parametrize("kind", MINE)


@pytest.fixture
def ana() -> User:
    return make_user("ana")


def downloaded(caller: Caller, kind: str) -> dict[str, Any]:
    """The export's files by name, parsed."""
    state = caller.get(MINE[kind]).body
    headers = {"Authorization": f"Bearer {caller.token}"}
    response: Any = caller.client.get(state["file"], headers=headers)
    assert response.status_code == 200
    content = b"".join(response.streaming_content)
    assert len(content) == state["size_bytes"] == int(response["Content-Length"])
    assert response["Content-Type"] == "application/zip"
    assert response["Cache-Control"] == "no-store"
    with zipfile.ZipFile(BytesIO(content)) as found:
        assert found.testzip() is None
        return {name: json.loads(found.read(name)) for name in found.namelist()}


@each_kind
def test_it_is_made_in_the_background_and_kept_for_seven_days(
    ana: User, kind: str, clock: Clock
) -> None:
    caller = Caller(ana)
    assert caller.get(MINE[kind]).code == "not_found"
    asked = caller.post(MINE[kind])
    assert (asked.status, asked.body["state"], asked.body["file"]) == (202, "preparing", None)
    assert caller.get(f"{MINE[kind]}/file").code == "export_not_ready"
    assert caller.post(MINE[kind]).body["asked_at"] == asked.body["asked_at"]
    assert prepare_waiting() == 1
    assert downloaded(caller, kind)
    clock.advance(days=7, seconds=-1)
    assert (purge_exports(), caller.get(MINE[kind]).body["state"]) == (0, "ready")
    clock.advance(seconds=2)
    assert caller.get(MINE[kind]).code == "not_found"
    assert (purge_exports(), ExportPiece.objects.count()) == (1, 0)


@each_kind
def test_it_is_for_its_owner_alone_and_not_for_scripts(ana: User, kind: str) -> None:
    Caller(ana).post(MINE[kind])
    prepare_waiting()
    other = Caller(make_user())
    assert [other.get(path).status for path in (MINE[kind], f"{MINE[kind]}/file")] == [404, 404]
    assert Caller().get(MINE[kind]).status == 401


def test_an_account_is_exported_whole_and_without_secrets(ana: User) -> None:
    ben = make_user("ben")
    post = make_live_post(ana, title="Tides", body="On tides.")
    make_live_post(ben, title="Not hers")
    make_comment(post, ana, body="My own word")
    make_comment(post, ben, body="Not her word")
    make_like(post, ana)
    make_like(make_comment(post, ben), ana)
    make_bookmark(post, ana)
    make_follow(ana, ben)
    make_follow(ben, ana)
    make_block(ana, make_user("cleo"))
    make_block(make_user("dora"), ana)
    make_mute(ana, ben)
    make_report(make_live_post(ben, title="Spam"), ana, note="Her report")
    make_report(make_comment(post, ben), ana, note="Her other report")
    make_report(post, ben, note="Against her")
    tokens = open_session(ana)
    caller = Caller(token=tokens.access)
    caller.post(MINE["account"])
    prepare_waiting()
    found = downloaded(caller, "account")
    assert found["account.json"][0]["email"] == "ana@toby.example"
    assert [row["id"] for row in found["sessions.json"]] == [str(tokens.session_id)]
    assert [row["title"] for row in found["posts.json"]] == ["Tides"]
    assert [row["state"] for row in found["revisions.json"]] == ["approved"]
    assert [row["body"] for row in found["comments.json"]] == ["My own word"]
    for name, column in (
        ("likes.json", "post__slug"),
        ("comment_likes.json", "comment__post__slug"),
        ("bookmarks.json", "post__slug"),
    ):
        assert [row[column] for row in found[name]] == [post.slug]
    assert [row["username"] for row in found["following.json"]] == ["ben"]
    assert [row["username"] for row in found["followers.json"]] == ["ben"]
    assert [row["username"] for row in found["blocks.json"]] == ["cleo"]
    assert [row["username"] for row in found["mutes.json"]] == ["ben"]
    assert "dora" not in json.dumps(found)
    assert [row["act"] for row in found["moderation_log.json"]] == ["submitted"]
    reports = found["reports.json"]
    assert [row["note"] for row in reports] == ["Her report", "Her other report"]
    assert reports[1]["post_slug"] == post.slug
    assert "Against her" not in json.dumps(found)
    assert not {"refresh_hash", "token_hash", "password"} & set(json.dumps(found).split('"'))


def test_the_notifications_of_a_person_are_exported(ana: User) -> None:
    consume(approved(ana.pk), approved(make_user().pk, post_id=2))
    caller = Caller(ana)
    caller.post(MINE["notifications"])
    prepare_waiting()
    found = downloaded(caller, "notifications")
    assert [row["kind"] for row in found["notifications.json"]] == ["post_approved"]
    assert found["inbox.json"] == [{"last_seq": 1, "unread": 1, "unseen": 1, "language": "en"}]


def test_the_owner_is_told_of_an_account_by_event_and_of_notifications_at_once(ana: User) -> None:
    for kind in MINE:
        ask_for_export(kind=kind, user_id=ana.pk)
    assert prepare_waiting() == 2
    event = OutboxEvent.objects.get(type=ExportReady.type)
    consume(ExportReady.from_json(bytes(event.data)))
    items = Item.objects.filter(recipient_id=ana.pk).order_by("seq")
    assert {item.target["kind"] for item in items} == set(MINE)
    assert {text_of(item).title for item in items} == {"Your export is ready"}


def test_one_that_is_asked_for_later_is_another_and_is_told_again(ana: User) -> None:
    for _ in range(2):
        ask_for_export(kind="notifications", user_id=ana.pk)
        assert prepare_waiting() == 1
    assert Export.objects.count() == 1
    assert Item.objects.filter(recipient_id=ana.pk).count() == 2


def test_five_a_day_can_be_had(ana: User, settings: Settings) -> None:
    settings.THROTTLES = True
    caller = Caller(ana)
    answers = [caller.post(MINE["account"]) for _ in range(6)]
    assert [answer.status for answer in answers] == [202] * 5 + [429]


def test_one_that_cannot_be_made_has_failed_in_the_end_and_holds_nobody_up(
    ana: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail_for_ana(user_id: int) -> Iterator[archive.File]:
        yield "good.json", [1]
        if user_id == ana.pk:
            raise RuntimeError("bad row")

    monkeypatch.setattr("toby.notifications.exports.files", fail_for_ana)
    ask_for_export(kind="notifications", user_id=ana.pk)
    ben = make_user()
    ask_for_export(kind="notifications", user_id=ben.pk)
    assert prepare_waiting() == 1
    states = dict(Export.objects.values_list("user_id", "state"))
    assert states == {ana.pk: "failed", ben.pk: "ready"}
    caller = Caller(ana)
    assert caller.get(f"{MINE['notifications']}/file").code == "export_not_ready"
    monkeypatch.undo()
    assert caller.post(MINE["notifications"]).body["state"] == "preparing"
    assert prepare_waiting() == 1


def test_one_that_was_broken_off_is_made_anew(ana: User) -> None:
    export = ask_for_export(kind="notifications", user_id=ana.pk)
    ExportPiece.objects.create(export=export, number=0, content=b"half of it")
    assert prepare_waiting() == 1
    assert downloaded(Caller(ana), "notifications")


def test_a_large_one_is_stored_and_given_in_pieces(
    ana: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    noise = random.Random(1)

    def files(user_id: int) -> Iterator[archive.File]:
        yield "noise.json", (noise.randbytes(1000).hex() for _ in range(1000))

    monkeypatch.setattr("toby.notifications.exports.files", files)
    ask_for_export(kind="notifications", user_id=ana.pk)
    prepare_waiting()
    sizes = [len(piece.content) for piece in ExportPiece.objects.order_by("number")]
    assert len(sizes) > 3
    assert set(sizes[:-1]) == {archive.PIECE_BYTES}
    assert len(downloaded(Caller(ana), "notifications")["noise.json"]) == 1000


@pytest.mark.django_db(transaction=True)
def test_over_asgi_it_is_streamed_as_well(
    ana: User, monkeypatch: pytest.MonkeyPatch, files_of_noise: Callable[[int], object]
) -> None:
    monkeypatch.setattr("toby.notifications.exports.files", files_of_noise)
    ask_for_export(kind="notifications", user_id=ana.pk)
    prepare_waiting()
    token = access_token(ana)

    async def get() -> bytes:
        response: Any = await AsyncClient().get(
            f"{MINE['notifications']}/file", headers={"Authorization": f"Bearer {token}"}
        )
        return b"".join([piece async for piece in response.streaming_content])

    with zipfile.ZipFile(BytesIO(asyncio.run(get()))) as found:
        assert len(json.loads(found.read("noise.json"))) == 400


@pytest.fixture
def files_of_noise() -> Callable[[int], object]:
    def files(user_id: int) -> Iterator[archive.File]:
        yield "noise.json", (random.Random(n).randbytes(1000).hex() for n in range(400))

    return files
