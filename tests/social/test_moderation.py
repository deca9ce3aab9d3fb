"""Deciding on revisions, by API and in Django admin: the same rows, log and events."""

import csv
import json
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.test import Client

from tests.clock import Clock
from tests.common.support import together
from tests.factories import (
    Caller,
    make_draft,
    make_live_post,
    make_moderator,
    make_pending,
    make_user,
    principal,
)
from toby.accounts import services
from toby.accounts.models import User
from toby.common.errors import Refused
from toby.events import Event, PostPublished
from toby.outbox.emit import emit
from toby.outbox.models import OutboxEvent
from toby.social.models import ModerationAct, Post, Revision
from toby.social.services import moderation, posts

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]

PASSWORD = "correct horse battery"


@pytest.fixture
def moderator() -> User:
    return make_user("mod", role="moderator", password=PASSWORD)


def path(revision: Revision, act: str) -> str:
    return f"/api/v1/moderation/revisions/{revision.pk}/{act}"


def by_api(moderator: User, revision: Revision, act: str, reason: str) -> None:
    word = "remarks" if act == "request_changes" else "reason"
    body = {"version": revision.version, **({word: reason} if reason else {})}
    answer = Caller(moderator).post(path(revision, act.replace("_", "-")), body)
    assert answer.status in {200, 204}


def by_api_in_bulk(moderator: User, revision: Revision, act: str, reason: str) -> None:
    chosen = [{"id": revision.pk, "version": revision.version}]
    body = {"act": act, "revisions": chosen, **({"reason": reason} if reason else {})}
    answer = Caller(moderator).post("/api/v1/moderation/decide", body)
    assert [row["ok"] for row in answer.body["results"]] == [True]


def by_admin(moderator: User, revision: Revision, act: str, reason: str) -> None:
    admin_decides(log_in(), [revision], act, reason)


def by_command(moderator: User, revision: Revision, act: str, reason: str) -> None:
    more = ["--reason", reason] if reason else []
    run(act, f"{revision.pk}:{revision.version}", "--by", moderator.username, *more)


def run(*arguments: str) -> Any:
    printed = StringIO()
    call_command("moderation", *arguments, "--json", stdout=printed)
    return json.loads(printed.getvalue())


def log_in() -> Client:
    client = Client()
    login = {"username": "mod@toby.example", "password": PASSWORD}
    assert client.post("/admin/login/", login).status_code == 302
    return client


def admin_decides(client: Client, revisions: list[Revision], act: str, reason: str = "") -> str:
    """Chooses and confirms; returns the page that follows."""
    chosen = {"action": act, "_selected_action": [revision.pk for revision in revisions]}
    page = client.post("/admin/social/revision/", {**chosen, "index": 0})
    assert page.status_code == 200
    for revision in revisions:
        assert revision.body in page.content.decode()
    seen = {f"version-{revision.pk}": revision.version for revision in revisions}
    confirmed = {**chosen, **seen, "confirmed": 1, "reason": reason}
    return client.post("/admin/social/revision/", confirmed, follow=True).content.decode()


WAYS = (by_api, by_api_in_bulk, by_admin, by_command)
# The command only approves and rejects.
WAYS_TO_ASK = WAYS[:3]


@pytest.mark.parametrize("of", ["a first text", "an edit"])
@pytest.mark.parametrize(
    ("act", "reason", "ways", "state", "types"),
    [
        ("approve", "", WAYS, "approved", ["post_approved", "post_published"]),
        ("reject", "Too short.", WAYS, "rejected", ["post_rejected"]),
        ("request_changes", "Go on.", WAYS_TO_ASK, "draft", ["changes_requested"]),
    ],
)
def test_a_decision_leaves_the_same_rows_log_and_events_by_every_way(
    moderator: User,
    clock: Clock,
    of: str,
    act: str,
    reason: str,
    ways: Sequence[Callable[[User, Revision, str, str], None]],
    state: str,
    types: list[str],
) -> None:
    author, approver, left = make_user("ana"), make_moderator(), []
    for way in ways:
        revision = (
            edit_of_a_live_post(author, approver) if of == "an edit" else make_pending(author)
        )
        OutboxEvent.objects.all().delete()
        way(moderator, revision, act, reason)
        left.append(what_is_left_of(revision))
    for way, what in zip(ways, left, strict=True):
        assert what == left[0], way.__name__
    decided, log, events = left[0]["revision"], left[0]["log"], left[0]["events"]
    said = decided["remarks"] if act == "request_changes" else decided["reason"]
    assert (decided["state"], said) == (state, reason)
    assert [(line["act"], line["reason"]) for line in log][1:] == [
        ("changes_requested" if act == "request_changes" else state, reason)
    ]
    if of == "an edit":
        types = [name.replace("published", "edited") for name in types]
    assert [event["type"] for event in events] == [f"social.{name}.v1" for name in types]


def edit_of_a_live_post(author: User, approver: User) -> Revision:
    first = make_pending(author, title="Live", body="A live text")
    by = principal(approver)
    moderation.approve_revision(revision_id=first.pk, by=by, version=first.version)
    slug, by = first.post.slug, principal(author)
    posts.propose_edit(slug=slug, by=by, title="New", body="Other words")
    return posts.submit_post(slug=slug, by=by)


def what_is_left_of(revision: Revision) -> dict[str, Any]:
    """Every column of every row and event, but with names where it is the right id or slug."""
    post = Post.objects.get(pk=revision.post_id)
    made_live = ModerationAct.objects.filter(post=post, act="approved").first()
    lines = ModerationAct.objects.filter(revision=revision).order_by("id")
    right = {"post_id": post.pk, "revision_id": revision.pk, "slug": post.slug}

    def named(row: Mapping[str, Any], **more: object) -> dict[str, Any]:
        expected = {**right, **more}
        return {
            name: "right" if name in expected and value == expected[name] else value
            for name, value in row.items()
        }

    return {
        "post": named(
            Post.objects.values().get(pk=post.pk),
            id=post.pk,
            live_order=made_live.pk if made_live else None,
        ),
        "revision": named(
            Revision.objects.values().get(pk=revision.pk),
            id=revision.pk,
            queue_order=lines[0].pk,
        ),
        "log": [named(row, id=line.pk) for row, line in zip(lines.values(), lines, strict=True)],
        "events": [
            {"type": row.type, "topic": row.topic, **named(json.loads(bytes(row.data)))}
            for row in OutboxEvent.objects.order_by("id")
        ],
    }


def test_a_second_approval_publishes_no_second_time(moderator: User) -> None:
    author = make_user()
    post = make_live_post(author)
    first = Post.objects.get().live_order
    OutboxEvent.objects.all().delete()
    Caller(author).put(f"/api/v1/posts/{post.slug}", {"title": "New", "body": "text"})
    Caller(author).post(f"/api/v1/posts/{post.slug}/submit")
    by_api(moderator, Revision.objects.get(open=True), "approve", "")
    types = [row.type for row in OutboxEvent.objects.order_by("id")]
    told = ["social.post_submitted.v1", "social.post_approved.v1", "social.post_edited.v1"]
    assert types == told
    assert Post.objects.get().live_order == first


def test_a_decision_on_what_has_changed_is_409_and_tells_what_it_is_now(moderator: User) -> None:
    revision = make_pending()
    body = {"version": revision.version - 1, "reason": "No."}
    for act in ("approve", "reject"):
        answer = Caller(moderator).post(
            path(revision, act), body if act == "reject" else {"version": body["version"]}
        )
        assert (answer.status, answer.code) == (409, "revision_changed")
        assert answer.body["revision"] == {"state": "pending", "version": revision.version}


def test_what_is_decided_stays_decided(moderator: User) -> None:
    revision = make_pending()
    by_api(moderator, revision, "approve", "")
    for act in ("approve", "reject"):
        body = {"version": revision.version + 1, **({"reason": "No."} if act == "reject" else {})}
        answer = Caller(moderator).post(path(revision, act), body)
        assert (answer.status, answer.code) == (409, "revision_not_pending")
        assert answer.body["revision"]["state"] == "approved"


def test_nobody_decides_on_their_own(moderator: User) -> None:
    revision = make_pending(moderator)
    answer = Caller(moderator).post(path(revision, "approve"), {"version": revision.version})
    assert (answer.status, answer.code) == (403, "own_revision")


def test_a_draft_is_not_there_for_moderators(moderator: User) -> None:
    draft = make_draft()
    answer = Caller(moderator).post(path(draft, "approve"), {"version": draft.version})
    assert answer.status == 404
    assert Caller(moderator).get("/api/v1/moderation/queue").body["results"] == []


@pytest.mark.parametrize("reason", ["", "   ", None])
def test_a_rejection_needs_a_reason(moderator: User, reason: str | None) -> None:
    revision = make_pending()
    body = {"version": revision.version, "reason": reason}
    assert Caller(moderator).post(path(revision, "reject"), body).status == 400
    with pytest.raises(moderation.ReasonMissing):
        moderation.reject_revision(
            revision_id=revision.pk,
            by=principal(moderator),
            version=revision.version,
            reason=reason or "",
        )


def test_the_service_asks_who_it_is_whoever_calls_it() -> None:
    revision = make_pending()
    with pytest.raises(moderation.NotModerator):
        moderation.approve_revision(
            revision_id=revision.pk, by=principal(make_user()), version=revision.version
        )


@pytest.mark.parametrize("act", ["approve", "reject"])
def test_if_emitting_fails_nothing_has_changed(act: str, monkeypatch: pytest.MonkeyPatch) -> None:
    revision = make_pending()
    for module in ("moderation", "steps"):
        monkeypatch.setattr(f"toby.social.services.{module}.emit", raise_an_error)
    by = principal(make_moderator())
    with pytest.raises(RuntimeError):
        if act == "approve":
            moderation.approve_revision(revision_id=revision.pk, by=by, version=revision.version)
        else:
            moderation.reject_revision(
                revision_id=revision.pk, by=by, version=revision.version, reason="No."
            )
    assert Revision.objects.get().state == "pending"
    assert Post.objects.get().published_at is None
    assert ModerationAct.objects.count() == 1
    assert OutboxEvent.objects.count() == 1


def test_if_the_second_event_of_an_approval_fails_the_first_has_not_happened_either(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    revision = make_pending()

    def emit_all_but(event: Event) -> None:
        if isinstance(event, PostPublished):
            raise RuntimeError
        emit(event)

    monkeypatch.setattr("toby.social.services.steps.emit", emit_all_but)
    with pytest.raises(RuntimeError):
        moderation.approve_revision(
            revision_id=revision.pk, by=principal(make_moderator()), version=revision.version
        )
    assert Revision.objects.get().state == "pending"
    assert Post.objects.get().live_order is None
    assert OutboxEvent.objects.count() == 1


def test_what_is_based_on_a_text_that_is_no_longer_live_is_409(moderator: User) -> None:
    author = make_user()
    post = make_live_post(author)
    caller = Caller(author)
    caller.put(f"/api/v1/posts/{post.slug}", {"title": "New", "body": "text"})
    Post.objects.filter(pk=post.pk).update(version=2)
    assert caller.post(f"/api/v1/posts/{post.slug}/submit").code == "base_changed"
    Post.objects.filter(pk=post.pk).update(version=1)
    assert caller.post(f"/api/v1/posts/{post.slug}/submit").status == 200
    Post.objects.filter(pk=post.pk).update(version=2)
    revision = Revision.objects.get(open=True)
    answer = Caller(moderator).post(path(revision, "approve"), {"version": revision.version})
    assert (answer.status, answer.code) == (409, "base_changed")
    assert Post.objects.get().title != "New"


def test_the_answer_of_an_approval_is_the_post(moderator: User) -> None:
    revision = make_pending(title="Tides")
    answer = Caller(moderator).post(path(revision, "approve"), {"version": revision.version})
    assert (answer.body["title"], answer.body["slug"]) == ("Tides", revision.post.slug)
    assert answer.body["published_at"] is not None


@pytest.mark.django_db(transaction=True)
def test_of_two_who_decide_at_the_same_moment_one_wins_and_there_is_one_decision() -> None:
    for _ in range(5):
        revision = make_pending()
        OutboxEvent.objects.all().delete()
        first, second = principal(make_moderator()), principal(make_moderator())

        pk, version = revision.pk, revision.version
        approve = partial(moderation.approve_revision, revision_id=pk, version=version)
        reject = partial(moderation.reject_revision, revision_id=pk, version=version)
        decisions: list[Callable[[], object]] = [
            partial(approve, by=first),
            partial(reject, by=second, reason="No."),
        ]
        outcomes = together(decisions)
        refused = [one for one in outcomes if isinstance(one, Refused)]
        assert [one.status for one in refused] == [409]
        assert ModerationAct.objects.filter(revision=revision).count() == 2
        types = {row.type for row in OutboxEvent.objects.all()}
        assert types in (
            {"social.post_rejected.v1"},
            {"social.post_approved.v1", "social.post_published.v1"},
        )


def test_the_queue_is_oldest_first_in_pages_of_constant_queries(
    moderator: User, django_assert_num_queries: Callable[..., object]
) -> None:
    revisions = [make_pending() for _ in range(5)]
    caller = Caller(moderator)
    with django_assert_num_queries(1):  # type: ignore[attr-defined]
        first = caller.get("/api/v1/moderation/queue?limit=3").body
    assert [row["id"] for row in first["results"]] == [r.pk for r in revisions[:3]]
    second = caller.get(first["next"]).body
    assert [row["id"] for row in second["results"]] == [r.pk for r in revisions[3:]]
    assert caller.get(second["previous"]).body["results"] == first["results"]


class TestCommand:
    def test_it_lists_what_waits_and_says_what_it_would_do(self, moderator: User) -> None:
        revision = make_pending(title="Tides")
        row = run("queue")[0]
        assert (row["revision"], row["title"]) == (f"{revision.pk}:{revision.version}", "Tides")
        assert run("queue", "--author", "nobody") == []
        assert run("approve", row["revision"], "--by", "mod", "--dry-run") == [
            {"revision": revision.pk, "would": "approve"}
        ]
        assert Revision.objects.get().state == "pending"

    def test_what_is_refused_is_told_and_the_rest_is_done(
        self, moderator: User, capsys: pytest.CaptureFixture[str]
    ) -> None:
        good, stale = make_pending(), make_pending()
        chosen = (f"{good.pk}:{good.version}", f"{stale.pk}:{stale.version + 1}")
        with pytest.raises(CommandError, match="not all") as error:
            call_command("moderation", "approve", *chosen, "--by", "mod", "--json")
        assert error.value.returncode == 1
        rows = json.loads(capsys.readouterr().out)
        assert [row["done"] for row in rows] == [True, False]
        assert "not the one that was looked at" in rows[1]["refused"]

    def test_the_log_is_exported_for_programs_and_for_spreadsheets(self, moderator: User) -> None:
        revision = make_pending(title="Tides")
        by_command(moderator, revision, "reject", '=HYPERLINK("x"), "quoted"')

        def printed(*options: str) -> list[str]:
            out = StringIO()
            call_command("moderation", "log", *options, stdout=out)
            return out.getvalue().splitlines()

        lines = [json.loads(line) for line in printed("--json")]
        assert [(line["act"], line["slug"]) for line in lines] == [
            ("submitted", revision.post.slug),
            ("rejected", revision.post.slug),
        ]
        rows = list(csv.DictReader(printed("--csv", "--actor", "MOD")))
        assert [row["reason"] for row in rows] == ['\'=HYPERLINK("x"), "quoted"']
        assert len(printed("--act", "submitted")) == 2

    @pytest.mark.parametrize(
        "arguments",
        [
            ("log", "--act", "danced"),
            ("approve", "1:1", "--by", "nobody"),
            ("approve", "1:1", "--by", "reader"),
            ("approve", "one", "--by", "mod"),
            ("approve", "1", "--by", "mod"),
            ("approve", "1:²", "--by", "mod"),
            ("approve", "999:1", "--by", "mod", "--dry-run"),
            ("queue", "--limit", "0"),
        ],
    )
    def test_what_cannot_be_is_one_line_and_exit_code_2(
        self, moderator: User, arguments: tuple[str, ...]
    ) -> None:
        make_user("reader")
        with pytest.raises(CommandError) as error:
            run(*arguments)
        assert error.value.returncode == 2
        assert "\n" not in str(error.value)


class TestAdmin:
    def test_several_are_rejected_at_once_and_a_stale_one_is_told(self, moderator: User) -> None:
        fresh, stale = make_pending(body="The fresh one"), make_pending(body="The stale one")
        client = log_in()
        stale_as_seen = Revision.objects.get(pk=stale.pk)
        Revision.objects.filter(pk=stale.pk).update(version=stale.version + 1)
        page = admin_decides(client, [fresh, stale_as_seen], "reject", "Not for us.")
        assert f"Rejected: {fresh.title}" in page
        assert f"{stale.title}: The revision is not the one that was looked at." in page
        states = dict(Revision.objects.values_list("pk", "state"))
        assert states == {fresh.pk: "rejected", stale.pk: "pending"}

    def test_without_a_reason_nothing_is_rejected(self, moderator: User) -> None:
        revision = make_pending()
        admin_decides(log_in(), [revision], "reject")
        assert Revision.objects.get().state == "pending"

    def test_of_an_edit_one_reads_what_it_changes_and_how_it_will_look(
        self, moderator: User
    ) -> None:
        author = make_user()
        post = make_live_post(author, body="The tide comes *early*. <b>")
        text = {"title": "T", "body": "The tide comes *late*. <b>"}
        Caller(author).put(f"/api/v1/posts/{post.slug}", text)
        Caller(author).post(f"/api/v1/posts/{post.slug}/submit")
        revision, client = Revision.objects.get(open=True), log_in()
        page = client.get(f"/admin/social/revision/{revision.pk}/change/").content.decode()
        assert "<em>late</em>" in page
        chosen = {"action": "approve", "_selected_action": revision.pk, "index": 0}
        confirming = client.post("/admin/social/revision/", chosen).content.decode()
        for shown in (page, confirming):
            assert "<del>early</del><ins>late</ins>" in shown.replace("</del> ", "</del>")
            assert "social/desk.css" in shown
            assert "*. &lt;b&gt;" in shown
            assert "<b>" not in shown

    def test_of_an_edit_one_reads_which_title_tags_and_cover_it_changes(
        self, moderator: User
    ) -> None:
        author = make_user()
        post = make_live_post(author, title="Old")
        new = {"title": "New", "body": "b", "tags": ["sea"], "cover_url": "https://a.example/1.png"}
        Caller(author).put(f"/api/v1/posts/{post.slug}", new)
        Caller(author).post(f"/api/v1/posts/{post.slug}/submit")
        revision, client = Revision.objects.get(open=True), log_in()
        chosen = {"action": "approve", "_selected_action": revision.pk, "index": 0}
        for page in (
            client.get(f"/admin/social/revision/{revision.pk}/change/"),
            client.post("/admin/social/revision/", chosen),
        ):
            shown = page.content.decode()
            for change in ("<del>Old</del><ins>New</ins>", "<ins>sea</ins>", "<ins>https://a"):
                assert change in shown

    def test_what_somebody_else_has_dealt_with_meanwhile_is_told(self, moderator: User) -> None:
        decided, changed, fresh = (make_pending(title=title) for title in ("One", "Two", "Three"))
        other, client = principal(make_moderator()), log_in()
        chosen = {"action": "approve", "_selected_action": [decided.pk, changed.pk, fresh.pk]}
        versions = {f"version-{row.pk}": row.version for row in (decided, changed, fresh)}
        moderation.reject_revision(
            revision_id=decided.pk, by=other, version=decided.version, reason="No."
        )
        moderation.request_changes(
            revision_id=changed.pk, by=other, version=changed.version, remarks="Go on."
        )
        body = {**chosen, **versions, "confirmed": 1}
        page = client.post("/admin/social/revision/", body, follow=True).content.decode()
        assert "One: Only a pending revision can be decided on." in page
        assert "Not in the queue any more: 1 of what you chose." in page
        assert "Approved: Three" in page
        assert "Two" not in page
        again = client.post("/admin/social/revision/", {**body, "_selected_action": changed.pk})
        assert again.status_code == 302

    def test_a_revision_has_buttons_and_links_to_its_neighbours_in_the_queue(
        self, moderator: User
    ) -> None:
        first, second, third = (make_pending() for _ in range(3))
        moderation.approve_revision(
            revision_id=second.pk, by=principal(make_moderator()), version=second.version
        )
        client = log_in()

        def page(revision: Revision) -> str:
            path = f"/admin/social/revision/{revision.pk}/change/"
            return client.get(path).content.decode()

        def link(name: str, to: Revision) -> str:
            return f'class="toby-{name}" href="/admin/social/revision/{to.pk}/change/"'

        assert link("next", third) in page(first)
        assert "toby-previous" not in page(first)
        assert link("previous", first) in page(second)
        assert link("next", third) in page(second)
        assert "toby-next" not in page(third)
        assert 'value="approve"' in page(first)
        assert 'value="approve"' not in page(second)

    def test_changes_are_asked_for_with_one_remark(self, moderator: User) -> None:
        revision = make_pending()
        admin_decides(log_in(), [revision], "request_changes", "Name your sources.")
        found = Revision.objects.get()
        assert (found.state, found.remarks) == ("draft", "Name your sources.")

    def test_what_somebody_else_has_claimed_is_left_alone_unless_one_says_so(
        self, moderator: User
    ) -> None:
        revision, client = make_pending(), log_in()
        other = principal(make_moderator("other"))
        moderation.claim_revision(revision_id=revision.pk, by=other)
        assert "other" in client.get("/admin/social/revision/").content.decode()
        page = admin_decides(client, [revision], "approve")
        assert "Somebody else is reading this revision." in page
        body = {
            "action": "approve",
            "_selected_action": revision.pk,
            f"version-{revision.pk}": revision.version,
            "confirmed": 1,
            "override": "on",
        }
        client.post("/admin/social/revision/", body)
        assert Revision.objects.get().state == "approved"

    def test_claiming_and_leaving_to_others(self, moderator: User) -> None:
        revision, client = make_pending(), log_in()
        for act, claimed_by in (("claim", moderator), ("release", None)):
            chosen = {"action": act, "_selected_action": revision.pk, "index": 0}
            assert client.post("/admin/social/revision/", chosen).status_code == 302
            assert Revision.objects.get().claimed_by == claimed_by

    def test_posts_are_hidden_deleted_and_brought_back(self, moderator: User) -> None:
        post, client = make_live_post(title="Tides", body="They come."), log_in()

        def act(act: str, reason: str = "") -> str:
            chosen = {"action": act, "_selected_action": post.pk, "index": 0}
            if reason:
                page = client.post("/admin/social/post/", chosen)
                assert "They come." in page.content.decode()
                chosen |= {"confirmed": 1, "reason": reason}
            return client.post("/admin/social/post/", chosen, follow=True).content.decode()

        statuses = []
        for name, reason in (("hide", "x"), ("unhide", ""), ("remove", "x"), ("restore", "")):
            assert "Tides" in act(name, reason)
            statuses.append(Post.objects.get().status)
        assert statuses == ["hidden", "live", "deleted", "live"]
        assert "The post is not in a state in which this can be done." in act("restore")
        for status in ("live", "hidden", "deleted"):
            page = client.get(f"/admin/social/post/?status={status}").content.decode()
            assert (post.slug in page) == (status == "live")

    def test_the_log_is_shown_though_what_it_speaks_of_is_gone(self, moderator: User) -> None:
        make_live_post()
        Post.objects.get().delete()
        client, line = log_in(), ModerationAct.objects.latest("pk")
        assert client.get("/admin/social/moderationact/").status_code == 200
        assert client.get(f"/admin/social/moderationact/{line.pk}/change/").status_code == 200

    def test_it_opens_on_the_queue_and_shows_no_drafts(self, moderator: User) -> None:
        pending, draft = make_pending(title="Waiting"), make_draft(title="Unfinished")
        client = log_in()
        page = client.get("/admin/social/revision/").content.decode()
        assert pending.title in page
        assert draft.title not in page
        assert client.get(f"/admin/social/revision/{pending.pk}/change/").status_code == 200
        assert client.get(f"/admin/social/revision/{draft.pk}/change/").status_code == 302

    def test_nothing_is_added_changed_or_deleted_there(self, moderator: User) -> None:
        post, client = make_live_post(), log_in()
        revision, act = Revision.objects.get(), ModerationAct.objects.latest("pk")
        for model, pk in (("post", post.pk), ("revision", revision.pk), ("moderationact", act.pk)):
            assert client.get(f"/admin/social/{model}/add/").status_code == 403
            assert client.post(f"/admin/social/{model}/{pk}/change/", {}).status_code == 403
            assert client.post(f"/admin/social/{model}/{pk}/delete/", {}).status_code == 403
            assert "delete_selected" not in client.get(f"/admin/social/{model}/").content.decode()

    def test_nobody_decides_on_their_own_there_either(self, moderator: User) -> None:
        revision = make_pending(moderator)
        page = admin_decides(log_in(), [revision], "approve")
        assert "Nobody decides on their own." in page
        assert Revision.objects.get().state == "pending"

    def test_who_is_no_moderator_sees_and_decides_nothing(self, moderator: User) -> None:
        """Not without logging in, and not any more once the role is gone."""
        revision = make_pending(body="The secret one")
        client = log_in()
        services.set_role(user=moderator, role="user")
        confirmed = {
            "action": "approve",
            "_selected_action": revision.pk,
            f"version-{revision.pk}": revision.version,
            "confirmed": 1,
        }
        for visitor in (client, Client()):
            for page in ("revision/", f"revision/{revision.pk}/change/", "post/", "moderationact/"):
                answer = visitor.get(f"/admin/social/{page}")
                assert answer.status_code == 302
                assert answer.headers["Location"].startswith("/admin/login/")
            assert visitor.post("/admin/social/revision/", confirmed).status_code == 302
        assert Revision.objects.get().state == "pending"

    def test_a_form_from_elsewhere_decides_nothing(self, moderator: User) -> None:
        revision = make_pending()
        client = log_in()
        client.handler.enforce_csrf_checks = True
        confirmed = {
            "action": "approve",
            "_selected_action": revision.pk,
            f"version-{revision.pk}": revision.version,
            "confirmed": 1,
        }
        assert client.post("/admin/social/revision/", confirmed).status_code == 403
        assert Revision.objects.get().state == "pending"

    @pytest.mark.parametrize("version", ["", "x", "-1", "²", "9" * 5000])
    def test_a_version_that_is_none_is_a_stale_one(self, moderator: User, version: str) -> None:
        revision = make_pending()
        body = {
            "action": "approve",
            "_selected_action": revision.pk,
            f"version-{revision.pk}": version,
            "confirmed": 1,
        }
        page = log_in().post("/admin/social/revision/", body, follow=True).content.decode()
        assert "The revision is not the one that was looked at." in page
        assert Revision.objects.get().state == "pending"


def raise_an_error(event: object) -> None:
    raise RuntimeError
