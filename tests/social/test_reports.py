"""What readers report, joined by post or comment, and how moderators resolve it."""

import json
from collections.abc import Callable
from functools import partial
from io import StringIO
from random import Random
from typing import Any

import pytest
from django.core.management import CommandError, call_command
from django.db import IntegrityError, transaction
from django.test import Client

from tests.common.support import together, until_it_is_let
from tests.factories import (
    Caller,
    make_comment,
    make_draft,
    make_live_post,
    make_moderator,
    make_report,
    make_user,
    principal,
)
from toby.accounts.models import User
from toby.accounts.services.deletion import anonymise
from toby.common.errors import Refused
from toby.outbox.models import OutboxEvent
from toby.social.models import (
    Act,
    Comment,
    ModerationAct,
    Post,
    ReasonTemplate,
    Report,
    ReportCase,
)
from toby.social.services import comment_takedowns, posts, reports, resolutions, takedowns
from toby.social.services.departures import forget_person
from toby.social.services.moderation import NotModerator

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]

DESK = "/api/v1/moderation/reports"
PASSWORD = "correct horse battery"
PAST = {"dismiss": "dismissed", "hide": "hidden", "delete": "deleted", "warn": "warned"}
ACTS = list(PAST)
KINDS = ["post", "comment"]


@pytest.fixture
def ana() -> User:
    return make_user("ana")


@pytest.fixture
def moderator() -> User:
    return make_user("mod", role="moderator", password=PASSWORD)


@pytest.fixture
def mod(moderator: User) -> Caller:
    return Caller(moderator)


def target_of(kind: str, author: User | None = None) -> Post | Comment:
    if kind == "post":
        return make_live_post(author, title="Tides", body="They come.")
    return make_comment(make_live_post(title="Tides"), author, body="Buy my watches")


def path(target: Post | Comment) -> str:
    if isinstance(target, Post):
        return f"/api/v1/posts/{target.slug}/report"
    return f"/api/v1/comments/{target.pk}/report"


def resolve(caller: Caller, case: ReportCase, act: str, **more: Any) -> Any:
    body = {
        "act": act,
        "version": case.version,
        **({"reason": "Rude."} if act != "dismiss" else {}),
    }
    return caller.post(f"{DESK}/{case.pk}/resolve", {**body, **more})


def found(caller: Caller, query: str = "") -> list[int]:
    return [row["id"] for row in caller.get(f"{DESK}?{query}").body["results"]]


def events() -> list[str]:
    return [row.type.split(".")[1] for row in OutboxEvent.objects.order_by("id")]


def lines() -> list[tuple[str, str]]:
    acts = ModerationAct.objects.exclude(act__in=["submitted", "approved"]).order_by("id")
    return [(line.act, line.reason) for line in acts]


class TestReporting:
    @pytest.mark.parametrize("kind", KINDS)
    def test_what_many_report_is_one_case(self, ana: User, mod: Caller, kind: str) -> None:
        target = target_of(kind, ana)
        for reason in ("spam", "spam", "abuse"):
            assert Caller(make_user()).post(path(target), {"reason": reason}).status == 204
        (case,) = mod.get(DESK).body["results"]
        assert (case["kind"], case["report_count"], case["version"]) == (kind, 3, 3)
        assert case["reasons"] == {"spam": 2, "abuse": 1}
        assert (case["author"]["username"], case["title"]) == ("ana", "Tides")
        assert case["comment_id"] == (target.pk if kind == "comment" else None)
        assert case["excerpt"] == target.body
        assert ReportCase.objects.get().status == "live"

    @pytest.mark.parametrize("kind", KINDS)
    def test_whoever_reports_twice_has_reported_once(self, kind: str) -> None:
        target, caller = target_of(kind), Caller(make_user())
        assert caller.post(path(target), {"reason": "spam", "note": "First"}).status == 204
        assert caller.post(path(target), {"reason": "abuse"}).status == 204
        case = ReportCase.objects.get()
        assert (case.version, case.reasons, case.report_count) == (1, {"spam": 1}, 1)
        assert Report.objects.get().note == "First"

    @pytest.mark.parametrize("kind", KINDS)
    def test_nobody_reports_their_own(self, ana: User, kind: str) -> None:
        answer = Caller(ana).post(path(target_of(kind, ana)), {"reason": "spam"})
        assert (answer.status, answer.code) == (403, "own_content")
        assert not ReportCase.objects.exists()

    @pytest.mark.parametrize("kind", KINDS)
    def test_what_is_not_seen_is_not_there(self, ana: User, moderator: User, kind: str) -> None:
        target = target_of(kind, ana)
        by = principal(moderator)
        if isinstance(target, Post):
            takedowns.hide_post(slug=target.slug, by=by, reason="x")
        else:
            comment_takedowns.hide_comment(comment_id=target.pk, by=by, reason="x")
        for person in (make_user(), ana, moderator):
            assert Caller(person).post(path(target), {"reason": "spam"}).status == 404
        assert Caller().post(path(target), {"reason": "spam"}).status == 401

    def test_a_comment_on_what_is_not_live_is_not_there_either(self, moderator: User) -> None:
        comment = make_comment(make_live_post())
        takedowns.hide_post(slug=comment.post.slug, by=principal(moderator), reason="x")
        assert Caller(make_user()).post(path(comment), {"reason": "spam"}).status == 404
        draft = make_draft()
        assert Caller(draft.post.author).post(path(draft.post), {"reason": "spam"}).status == 404

    @pytest.mark.parametrize(
        "body", [{}, {"reason": "boring"}, {"reason": "spam", "note": "x" * 1001}, {"note": "x"}]
    )
    def test_what_is_no_report_is_refused(self, body: dict[str, str]) -> None:
        assert Caller(make_user()).post(path(make_live_post()), body).code == "invalid_input"

    def test_what_is_resolved_can_be_reported_again(self, mod: Caller) -> None:
        post, reader = make_live_post(), make_user()
        resolve(mod, make_report(post, reader), "dismiss")
        again = make_report(post, reader)
        assert ReportCase.objects.count() == 2
        assert found(mod) == [again.pk]

    def test_the_database_knows_one_open_case_and_one_report_of_each(self) -> None:
        post, reader = make_live_post(), make_user()
        case = make_report(post, reader)
        moment = {
            "first_reported_at": case.first_reported_at,
            "last_reported_at": case.last_reported_at,
        }
        for wrong in (
            lambda: ReportCase.objects.create(post=post, author=post.author, **moment),
            lambda: ReportCase.objects.create(author=post.author, **moment),
            lambda: ReportCase.objects.create(post=post, author=post.author, open=None, **moment),
            lambda: Report.objects.create(
                case=case, reporter=reader, reason="spam", at=case.last_reported_at
            ),
        ):
            with pytest.raises(IntegrityError), transaction.atomic():
                wrong()


class TestReading:
    def test_the_longest_reported_first_in_pages(self, mod: Caller) -> None:
        cases = [make_report(make_live_post()).pk for _ in range(5)]
        page = mod.get(f"{DESK}?limit=2").body
        ids = [row["id"] for row in page["results"]]
        while page["next"]:
            page = mod.get(page["next"]).body
            ids += [row["id"] for row in page["results"]]
        assert ids == cases

    def test_by_kind_and_by_author(self, ana: User, mod: Caller) -> None:
        post, comment = make_report(make_live_post(ana)), make_report(target_of("comment"))
        assert found(mod, "kind=post") == [post.pk]
        assert found(mod, "kind=comment") == [comment.pk]
        assert found(mod, "author=ANA") == [post.pk]
        assert mod.get(f"{DESK}?kind=all").code == "invalid_input"

    @pytest.mark.parametrize("kind", KINDS)
    def test_one_case_tells_who_said_what_of_which_text(self, mod: Caller, kind: str) -> None:
        target = target_of(kind)
        make_report(target, make_user("ben"), note=" An advertisement. ")
        case = make_report(target, make_user("cleo"), reason="abuse")
        read = mod.get(f"{DESK}/{case.pk}").body
        said = [(row["reporter"], row["reason"], row["note"]) for row in read["reports"]]
        assert said == [("ben", "spam", "An advertisement."), ("cleo", "abuse", "")]
        assert (read["text"], read["target_status"]) == (target.body, "live")
        assert (read["resolution"], read["resolved_by"], read["resolved_at"]) == (None, None, None)
        resolve(mod, case, "hide")
        read = mod.get(f"{DESK}/{case.pk}").body
        assert (read["target_status"], read["resolution"]) == ("hidden", "hidden")
        assert read["resolved_by"] == "mod"
        assert found(mod) == []

    def test_of_very_many_reports_the_first_hundred_are_shown(
        self, mod: Caller, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("toby.social.selectors.reporting.MOST_REPORTS", 2)
        post = make_live_post()
        case = [make_report(post) for _ in range(3)][-1]
        read = mod.get(f"{DESK}/{case.pk}").body
        assert (len(read["reports"]), read["report_count"]) == (2, 3)

    @pytest.mark.parametrize("kind", KINDS)
    def test_nobody_learns_who_reported_their_own(
        self, ana: User, moderator: User, mod: Caller, kind: str
    ) -> None:
        """Not even moderators, nor from the log or an export of theirs."""
        target, reporter = target_of(kind, moderator), make_user("informer")
        case = make_report(target, reporter, note="informer's words")
        assert found(mod) == []
        assert mod.get("/api/v1/moderation/queue/counts").body["reports"] == 0
        assert mod.get(f"{DESK}/{case.pk}").status == 404
        assert "informer" not in admin(f"{case.pk}/change/") + admin()
        answer = resolve(mod, case, "dismiss")
        assert (answer.status, answer.code) == (403, "own_content")
        other = Caller(make_moderator("other"))
        assert found(other) == [case.pk]
        assert other.get("/api/v1/moderation/queue/counts").body["reports"] == 1
        assert resolve(other, case, "warn").status == 204
        told = "".join(bytes(row.data).decode() for row in OutboxEvent.objects.all())
        assert "informer" not in told
        assert "informer" not in str(mod.get("/api/v1/moderation/log").body)

    def test_the_author_learns_nothing_from_the_history_of_what_was_dismissed(
        self, ana: User, mod: Caller
    ) -> None:
        post = make_live_post(ana)
        resolve(mod, make_report(post), "dismiss", reason="Quarrelsome reader.")
        resolve(mod, make_report(post), "warn")
        history = Caller(ana).get(f"/api/v1/posts/{post.slug}/revisions").body["acts"]
        assert [act["act"] for act in history] == ["submitted", "approved", "warned"]


class TestResolving:
    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("act", ACTS)
    def test_each_way_changes_what_it_should_with_one_line_and_one_event(
        self, ana: User, moderator: User, mod: Caller, act: str, kind: str
    ) -> None:
        target = target_of(kind, ana)
        case = make_report(target)
        OutboxEvent.objects.all().delete()
        assert resolve(mod, case, act).status == 204
        done = ReportCase.objects.get()
        past = PAST[act]
        assert (done.open, done.resolution, done.resolved_by) == (None, past, moderator)
        assert done.status == (past if act in {"hide", "delete"} else "live")
        prefix = {"dismiss": "report_", "warn": ""}.get(
            act, "comment_" if kind == "comment" else ""
        )
        assert lines() == [(f"{prefix}{past}", "" if act == "dismiss" else "Rude.")]
        line = ModerationAct.objects.latest("id")
        assert (line.comment_id, line.post_id) == (
            (target.pk, target.post_id) if isinstance(target, Comment) else (None, target.pk)
        )
        told = {"dismiss": [], "warn": ["author_warned"]}
        assert events() == told.get(act, [f"{kind}_{past}"])
        if act != "dismiss":
            event = OutboxEvent.objects.get()
            data = json.loads(bytes(event.data))
            assert (data["author"]["username"], data["reason"]) == ("ana", "Rude.")
            assert event.key == str(line.post_id)

    @pytest.mark.parametrize("act", ACTS)
    def test_what_is_resolved_or_has_changed_is_409_and_tells_how_it_stands(
        self, mod: Caller, act: str
    ) -> None:
        post = make_live_post()
        case = make_report(post)
        make_report(post)
        answer = resolve(mod, case, act)
        assert (answer.status, answer.code) == (409, "case_changed")
        assert answer.body["case"] == {"state": "open", "version": 2}
        now = ReportCase.objects.get()
        assert resolve(mod, now, "dismiss").status == 204
        answer = resolve(mod, now, act)
        assert (answer.status, answer.code) == (409, "case_resolved")
        assert answer.body["case"] == {"state": "dismissed", "version": 2}
        assert lines() == [("report_dismissed", "")]

    @pytest.mark.parametrize("act", ["hide", "delete", "warn"])
    def test_all_but_a_dismissal_needs_a_reason_which_may_be_a_templates(
        self, mod: Caller, act: str
    ) -> None:
        case = make_report(make_live_post())
        assert resolve(mod, case, act, reason=" ").code == "reason_missing"
        assert resolve(mod, case, act, template="none").code == "unknown_template"
        ReasonTemplate.objects.create(name="rude", text="Be kind.")
        assert resolve(mod, case, act, template="rude", reason="Please.").status == 204
        assert lines()[-1][1] == "Be kind.\n\nPlease."

    def test_only_moderators_resolve_and_only_what_is_there(self, mod: Caller) -> None:
        case = make_report(make_live_post())
        with pytest.raises(NotModerator):
            resolutions.resolve_case(
                case_id=case.pk, by=principal(make_user()), act="dismiss", version=1
            )
        answer = mod.post(f"{DESK}/{case.pk + 1}/resolve", {"act": "dismiss", "version": 1})
        assert answer.status == 404
        assert mod.get(f"{DESK}/{case.pk + 1}").status == 404
        assert resolve(mod, case, "dance").code == "invalid_input"

    def test_what_a_moderator_took_down_otherwise_is_resolved_by_that(
        self, ana: User, moderator: User, mod: Caller
    ) -> None:
        post, comment = target_of("post"), target_of("comment")
        other, by = make_report(make_live_post()), principal(moderator)
        make_report(post), make_report(comment)
        assert isinstance(post, Post)
        takedowns.hide_post(slug=post.slug, by=by, reason="x")
        comment_takedowns.remove_comment(comment_id=comment.pk, by=by, reason="x")
        assert found(mod) == [other.pk]
        assert sorted(
            ReportCase.objects.filter(open=None).values_list("resolution", flat=True)
        ) == [
            "deleted",
            "hidden",
        ]

    def test_but_nobody_so_settles_what_is_said_against_their_own(self, moderator: User) -> None:
        post = make_live_post(moderator)
        case = make_report(post)
        takedowns.hide_post(slug=post.slug, by=principal(moderator), reason="x")
        assert ReportCase.objects.get(open=True) == case

    def test_what_its_author_deleted_can_still_be_warned_of_but_not_hidden(
        self, ana: User, mod: Caller
    ) -> None:
        post = make_live_post(ana)
        case = make_report(post)
        posts.delete_post(slug=post.slug, by=principal(ana))
        answer = resolve(mod, case, "hide")
        assert (answer.code, answer.body["post_status"]) == ("wrong_status", "deleted")
        assert ReportCase.objects.get().open
        assert resolve(mod, case, "warn").status == 204

    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("act", ["hide", "delete", "warn"])
    def test_if_emitting_fails_nothing_has_changed(
        self, moderator: User, act: str, kind: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        case = make_report(target_of(kind))
        for module in ("resolutions", "takedowns", "comment_takedowns"):
            monkeypatch.setattr(f"toby.social.services.{module}.emit", raise_an_error)
        with pytest.raises(RuntimeError):
            resolutions.resolve_case(
                case_id=case.pk, by=principal(moderator), act=act, version=1, reason="x"
            )
        left = ReportCase.objects.get()
        assert (left.open, left.resolution, left.status, lines()) == (True, "", "live", [])


@pytest.mark.django_db(transaction=True)
class TestAtOnce:
    @pytest.mark.parametrize("kind", KINDS)
    def test_of_two_who_resolve_one_wins_and_there_is_one_event(self, kind: str) -> None:
        for first, second in (("hide", "delete"), ("warn", "hide"), ("dismiss", "warn")):
            case = make_report(target_of(kind))
            OutboxEvent.objects.all().delete()
            ModerationAct.objects.get_queryset()._raw_delete("default")
            outcomes = together(
                [
                    partial(
                        until_it_is_let,
                        partial(
                            resolutions.resolve_case,
                            case_id=case.pk,
                            by=principal(make_moderator()),
                            act=act,
                            version=1,
                            reason="x",
                        ),
                    )
                    for act in (first, second)
                ]
            )
            refused = [one for one in outcomes if isinstance(one, Exception)]
            assert [(type(one), one.status) for one in refused if isinstance(one, Refused)] == [
                (resolutions.CaseResolved, 409)
            ]
            assert len(refused) == 1
            done = ReportCase.objects.get(pk=case.pk).resolution
            assert len(lines()) == 1
            assert len(events()) == (done != "dismissed")

    @pytest.mark.parametrize("kind", KINDS)
    def test_of_many_who_report_all_are_counted_in_one_case(self, kind: str) -> None:
        target = target_of(kind)
        again = make_user()
        reporters = [again, again, make_user(), make_user()]
        outcomes = together(
            [partial(until_it_is_let, partial(make_report, target, one)) for one in reporters]
        )
        assert not [one for one in outcomes if isinstance(one, Exception)]
        case = ReportCase.objects.get()
        assert (case.version, case.report_count, case.reports.count()) == (3, 3, 3)

    def test_whoever_reports_while_it_is_resolved_is_in_it_or_in_the_next(self) -> None:
        for _ in range(3):
            post = make_live_post()
            case, by = make_report(post), principal(make_moderator())
            call = partial(
                resolutions.resolve_case, case_id=case.pk, by=by, act="dismiss", version=1
            )
            report = partial(
                reports.report_post, slug=post.slug, by=principal(make_user()), reason="spam"
            )
            resolved, reported = together(
                [partial(until_it_is_let, call), partial(until_it_is_let, report)]
            )
            assert reported is None
            cases = ReportCase.objects.filter(post=post).order_by("id")
            if isinstance(resolved, resolutions.CaseChanged):
                assert list(cases.values_list("version", "open")) == [(2, True)]
            else:
                assert list(cases.values_list("version", "open")) == [(1, None), (1, True)]


def test_whatever_is_done_in_any_order_what_is_reported_and_counted_is_right() -> None:
    """Random steps, the same each time; Act's values that test_states leaves out are reached."""
    random, done = Random(5), set()
    people = {name: principal(make_user(name)) for name in ("author", "ben", "cleo")}
    people |= {name: principal(make_moderator(name)) for name in ("mod", "mod2")}
    mod, post = people["mod"], make_live_post(User.objects.get(username="author"))
    comments = [make_comment(post, User.objects.get(username="ben")) for _ in range(3)]
    for _ in range(300):
        by, comment = people[random.choice(list(people))], random.choice(comments)
        case = random.choice([*ReportCase.objects.order_by("-id")[:2], None])
        act = random.choice(ACTS)
        steps: list[Callable[[], object]] = [
            partial(reports.report_post, slug=post.slug, by=by, reason="spam"),
            partial(reports.report_comment, comment_id=comment.pk, by=by, reason="abuse"),
            partial(comment_takedowns.restore_comment, comment_id=comment.pk, by=mod),
            partial(takedowns.unhide_post, slug=post.slug, by=mod),
            partial(takedowns.restore_post, slug=post.slug, by=mod),
        ]
        if case:
            given: dict[str, Any] = {"case_id": case.pk, "version": case.version, "act": act}
            steps += [partial(resolutions.resolve_case, by=by, **given, reason="x")] * 3
        before = everything()
        try:
            random.choice(steps)()
        except Refused:
            assert everything() == before
        post.refresh_from_db()
        seen = [one.pk for one in Comment.objects.live().filter(post=post)]
        assert post.comment_count == len(seen)
        for one in ReportCase.objects.all():
            assert one.report_count == one.version == one.reports.count()
            assert one.author_id not in one.reports.values_list("reporter_id", flat=True)
            assert one.resolved_by_id != one.author_id
            taken_down = isinstance(one.target, Comment) and one.status != "live"
            assert not (one.open and taken_down)
        done |= {line.act for line in ModerationAct.objects.all()}
    assert {
        Act.COMMENT_HIDDEN,
        Act.COMMENT_DELETED,
        Act.COMMENT_RESTORED,
        Act.REPORT_DISMISSED,
        Act.WARNED,
    } <= done


def everything() -> list[Any]:
    models = (Post, Comment, ReportCase, Report, ModerationAct, OutboxEvent)
    return [list(model._default_manager.order_by("pk").values()) for model in models]


class TestErasure:
    def test_what_the_deleted_reported_stays_without_their_words_and_name(
        self, mod: Caller
    ) -> None:
        ben = make_user("ben")
        case = make_report(make_live_post(), ben, note="My own words")
        anonymise(ben)
        forget_person(user_id=ben.pk)
        read = mod.get(f"{DESK}/{case.pk}").body
        assert (read["report_count"], read["reports"][0]["reason"]) == (1, "spam")
        assert read["reports"][0]["note"] == ""
        assert "ben" not in read["reports"][0]["reporter"]

    def test_reports_go_with_what_is_gone(self, ana: User) -> None:
        post = make_live_post(ana)
        make_report(post), make_report(make_comment(post))
        forget_person(user_id=ana.pk)
        assert not ReportCase.objects.exists()
        assert not Report.objects.exists()


class TestCommand:
    def test_it_lists_what_is_reported(self, ana: User) -> None:
        case = make_report(make_live_post(ana, title="Tides"))
        make_report(target_of("comment"))

        def run(*arguments: str) -> Any:
            printed = StringIO()
            call_command("moderation", "reports", *arguments, "--json", stdout=printed)
            return json.loads(printed.getvalue())

        assert [row["kind"] for row in run()] == KINDS
        assert len(run("--limit", "1")) == 1
        (row,) = run("--author", "ANA")
        assert (row["case"], row["author"], row["reports"], row["reasons"], row["title"]) == (
            f"{case.pk}:1",
            "ana",
            1,
            "spam",
            "Tides",
        )
        with pytest.raises(CommandError):
            run("--limit", "0")


def admin(page: str = "", body: dict[str, Any] | None = None) -> str:
    """As the moderator `mod`: what a page of the cases shows, or what comes of a form."""
    client = Client()
    client.post("/admin/login/", {"username": "mod@toby.example", "password": PASSWORD})
    at = f"/admin/social/reportcase/{page}"
    answer = client.get(at, follow=True) if body is None else client.post(at, body, follow=True)
    assert answer.status_code == 200
    return str(answer.content.decode())


@pytest.mark.usefixtures("moderator")
class TestAdmin:
    @pytest.mark.parametrize("kind", KINDS)
    @pytest.mark.parametrize("act", ACTS)
    def test_cases_are_resolved_with_a_reason_for_all(self, act: str, kind: str) -> None:
        cases = [make_report(target_of(kind)) for _ in range(2)]
        name = "remove" if act == "delete" else act
        chosen = {"action": name, "_selected_action": [case.pk for case in cases], "index": 0}
        page = admin(body=chosen)
        assert cases[0].body in page
        assert ('name="reason"' in page) == (act != "dismiss")
        seen = {f"version-{case.pk}": case.version for case in cases}
        page = admin(body={**chosen, **seen, "confirmed": 1, "reason": "Rude."})
        assert str(page).count(f": {cases[0].title}") == 2
        past = PAST[act]
        assert set(ReportCase.objects.values_list("resolution", flat=True)) == {past}
        assert [reason for _, reason in lines()] == ["" if act == "dismiss" else "Rude."] * 2

    def test_what_has_changed_or_is_resolved_meanwhile_is_told(self, mod: Caller) -> None:
        changed, resolved = make_report(make_live_post()), make_report(make_live_post())
        chosen = {"action": "dismiss", "_selected_action": [changed.pk, resolved.pk]}
        seen = {f"version-{case.pk}": case.version for case in (changed, resolved)}
        assert changed.post is not None
        make_report(changed.post)
        resolve(mod, resolved, "warn")
        page = admin(body={**chosen, **seen, "confirmed": 1})
        assert "There are more reports than those that were looked at." in page
        assert "Somebody has resolved these reports already." in page
        assert ReportCase.objects.get(pk=changed.pk).open

    def test_without_a_reason_nobody_is_warned(self) -> None:
        case = make_report(make_live_post())
        body = {"action": "warn", "_selected_action": case.pk, f"version-{case.pk}": 1}
        assert "This needs a reason" in admin(body={**body, "confirmed": 1, "reason": " "})
        assert ReportCase.objects.get().open

    def test_a_case_shows_the_text_and_who_said_what_escaped(self) -> None:
        post = make_live_post(title="Tides", body="They <b>come</b>.")
        case = make_report(post, make_user("ben"), note="<script>alert(1)</script>")
        page = admin(f"{case.pk}/change/")
        assert "They &lt;b&gt;come&lt;/b&gt;." in page
        assert "ben: Spam. &lt;script&gt;alert(1)&lt;/script&gt;" in page

    def test_it_opens_on_what_is_open(self, mod: Caller) -> None:
        done, waiting = (
            make_report(make_live_post(title=title)) for title in ("Done with", "Waiting")
        )
        comment = make_report(make_comment(make_live_post(title="Other")))
        resolve(mod, done, "dismiss")
        page = admin()
        assert waiting.title in page
        assert done.title not in page
        assert done.title in admin("?state=resolved")
        assert comment.title in admin("?kind=comment")
        assert waiting.title not in admin("?kind=comment")

    def test_nothing_is_added_changed_or_deleted_there(self) -> None:
        case = make_report(make_live_post())
        client = Client()
        client.post("/admin/login/", {"username": "mod@toby.example", "password": PASSWORD})
        at = "/admin/social/reportcase/"
        assert client.get(f"{at}add/").status_code == 403
        for act in ("change", "delete"):
            assert client.post(f"{at}{case.pk}/{act}/", {}).status_code == 403


def raise_an_error(event: object) -> None:
    raise RuntimeError(event)
