"""What is asked again is done once, and nobody's edit is lost to another's."""

import json
from functools import partial
from typing import Any

import pytest

from tests.clock import Clock
from tests.common.support import together
from tests.factories import Answer, Caller, make_draft, make_live_post, make_moderator, make_user
from toby.accounts.models import User
from toby.outbox.models import OutboxEvent
from toby.social.jobs import purge_idempotency_keys
from toby.social.models import Comment, IdempotencyKey, Post
from toby.social.services.idempotency import once

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]

POSTS = "/api/v1/posts"
TEXT = {"title": "Tides", "body": "They come."}


@pytest.fixture
def ana() -> User:
    return make_user("ana")


def write(caller: Caller, key: str = "", path: str = POSTS, **text: str) -> Answer:
    headers = {"Idempotency-Key": key} if key else {}
    return caller.call("POST", path, {**TEXT, **text} if path == POSTS else text, **headers)


class TestKeys:
    def test_the_same_again_is_made_once_and_answered_alike(self, ana: User) -> None:
        caller = Caller(ana)
        first, second = write(caller, "k1"), write(caller, "k1")
        assert (first.status, second.status) == (201, 201)
        assert first.body == second.body
        assert ("Idempotency-Replayed" in first.headers) is False
        assert second.headers["Idempotency-Replayed"] == "true"
        assert Post.objects.count() == 1

    def test_another_key_nobody_elses_key_and_no_key_make_another(self, ana: User) -> None:
        caller = Caller(ana)
        for key in ("k1", "k2", "", ""):
            write(caller, key)
        write(Caller(make_user()), "k1")
        assert Post.objects.count() == 5

    def test_for_something_else_the_same_key_is_refused(self, ana: User) -> None:
        caller, post = Caller(ana), make_live_post()
        write(caller, "k1")
        assert write(caller, "k1", title="Other").code == "idempotency_key_reused"
        comments = f"{POSTS}/{post.slug}/comments"
        assert write(caller, "k1", comments, body="Hm").status == 422
        assert write(caller, "k2", comments, body="Hm").status == 201
        assert write(caller, "k2", comments, body="Hm").status == 201
        assert Comment.objects.count() == 1
        assert OutboxEvent.objects.filter(type="social.comment_added.v1").count() == 1

    def test_what_was_refused_uses_no_key_up(self, ana: User) -> None:
        caller, draft = Caller(ana), make_draft()
        path = f"{POSTS}/{draft.post.slug}/comments"
        assert write(caller, "k1", path, body="Hm").status == 404
        Post.objects.update(published_at=draft.created_at, live_order=1, version=1)
        assert write(caller, "k1", path, body="Hm").status == 201

    @pytest.mark.parametrize("key", ["x" * 101, "a b", "é", "\x7f"])
    def test_what_is_no_key_is_refused(self, ana: User, key: str) -> None:
        answer = write(Caller(ana), key)
        assert answer.body["errors"][0]["field"] == "Idempotency-Key"

    def test_a_key_is_kept_for_a_day(self, ana: User, clock: Clock) -> None:
        write(Caller(ana), "k1")
        clock.advance(days=1)
        assert purge_idempotency_keys() == 0
        clock.advance(seconds=1)
        assert purge_idempotency_keys() == 1
        assert not IdempotencyKey.objects.exists()

    @pytest.mark.django_db(transaction=True)
    def test_of_many_at_the_same_moment_one_is_done(self) -> None:
        by, made = make_user().principal(), []

        def work() -> bytes:
            made.append(1)
            return json.dumps(len(made)).encode()

        call = partial(once, key="k", by=by, fingerprint="f", work=work)
        results: list[Any] = together([call] * 8)
        assert sorted(results) == [(b"1", False), *[(b"1", True)] * 7]
        assert len(made) == 1


class TestETags:
    def test_an_edit_of_what_has_changed_since_is_refused(self, ana: User) -> None:
        caller = Caller(ana)
        path = f"{POSTS}/{write(caller).body['slug']}"
        seen = caller.get(path).headers["ETag"]
        first = caller.call("PUT", path, TEXT | {"body": "One"}, **{"If-Match": seen})
        assert first.status == 200
        lost = caller.call("PUT", path, TEXT | {"body": "Two"}, **{"If-Match": seen})
        assert (lost.status, lost.code) == (412, "changed_meanwhile")
        assert caller.get(path).body["proposed"]["body"] == "One"
        again = first.headers["ETag"]
        assert caller.get(path).headers["ETag"] == again
        assert caller.call("PUT", path, TEXT, **{"If-Match": again}).status == 200
        assert caller.call("PUT", path, TEXT, **{"If-Match": "*"}).status == 200
        assert caller.call("PUT", path, TEXT).status == 200

    def test_it_changes_with_what_is_live_and_tells_nobody_of_a_draft(self, ana: User) -> None:
        post, caller, mod = make_live_post(ana), Caller(ana), Caller(make_moderator())
        path = f"{POSTS}/{post.slug}"
        public = Caller().get(path).headers["ETag"]
        revision = caller.put(path, TEXT).body
        assert Caller().get(path).headers["ETag"] == public
        assert caller.get(path).headers["ETag"] != public
        submitted = caller.post(f"{path}/submit").body
        at = f"/api/v1/moderation/revisions/{revision['id']}/approve"
        assert mod.post(at, {"version": submitted["version"]}).status == 200
        assert Caller().get(path).headers["ETag"] != public
