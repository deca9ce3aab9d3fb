"""Comments through random steps by random people: after each of them counts, and what each order
shows, are what a naive reader of all rows finds."""

from collections import Counter
from datetime import timedelta
from typing import Any

import pytest
from django.db import transaction
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from tests.factories import make_comment, make_live_post, make_user, principal
from tests.social.test_states import ACTS_OF_COMMENTS
from toby.accounts.models import User
from toby.common.errors import Refused
from toby.common.principals import Principal
from toby.outbox.models import OutboxEvent
from toby.social import selectors
from toby.social.jobs import RESTORABLE_FOR, purge_deleted_comments
from toby.social.models import (
    Comment,
    EarlierText,
    ModerationAct,
    Post,
    ReportCase,
    top_order,
)
from toby.social.services import closing, comment_takedowns, comments

pytestmark = pytest.mark.usefixtures("redis")

WHO = st.sampled_from(["ana", "ben", "ben", "cleo", "mod"])
MODERATORS = st.sampled_from(["mod", "mod", "mod", "ben"])
# Which of the comments that there are, counted from the newest.
WHICH = st.integers(0, 11)
SELDOM = st.sampled_from([False, False, False, True])
# What was done in all runs together, and what of it was refused.
DONE: Counter[str] = Counter()


class Steps(RuleBasedStateMachine):
    """Every rule calls a service as anybody; what is refused must change nothing."""

    def __init__(self) -> None:
        super().__init__()
        self.people: dict[str, Principal] = {}
        self.users: dict[str, User] = {}

    @initialize()
    def begin(self) -> None:
        """With a post of ana's and a few comments in a thread."""
        self.savepoint = transaction.atomic()
        self.savepoint.__enter__()
        for name in ("ana", "ben", "cleo"):
            self.users[name] = make_user()
        self.users["mod"] = make_user(role="moderator")
        self.people = {name: principal(user) for name, user in self.users.items()}
        self.post = make_live_post(self.users["ana"])
        self.number = 0
        first = make_comment(self.post, self.users["ben"])
        self.make_thread(first)

    def make_thread(self, first: Comment) -> None:
        second = make_comment(self.post, self.users["cleo"], to=first)
        make_comment(self.post, self.users["ben"], to=second)

    def teardown(self) -> None:
        if self.people:
            DONE.update(ModerationAct.objects.values_list("act", flat=True))
            transaction.set_rollback(True)
            self.savepoint.__exit__(None, None, None)

    def attempt(self, name: str, service: Any, **given: Any) -> bool:
        """Whether it was done; if it was refused, nothing has changed."""
        before = self.everything()
        try:
            with transaction.atomic():
                service(**given)
        except Refused:
            assert self.everything() == before
            DONE[f"{name} refused"] += 1
            return False
        DONE[name] += 1
        return True

    def everything(self) -> list[Any]:
        models = (Post, Comment, EarlierText, ModerationAct, ReportCase, OutboxEvent)
        return [list(model._default_manager.order_by("pk").values()) for model in models]

    def chosen(self, which: int) -> Comment:
        there = list(Comment.objects.order_by("-id"))
        return there[which % len(there)] if there else Comment(pk=0)

    @rule(who=WHO, which=WHICH, answers=st.sampled_from([True, True, False]))
    def write(self, who: str, which: int, answers: bool) -> None:
        parent = self.chosen(which)
        closed = Post.objects.get().comments_closed_at is not None
        self.number += 1
        done = self.attempt(
            "write",
            comments.add_comment,
            slug=self.post.slug,
            by=self.people[who],
            body=f"Body {self.number}",
            reply_to=parent.pk if answers else None,
        )
        may = not answers or (parent.pk != 0 and parent.status == "live")
        assert done == (may and not closed)

    @rule(which=WHICH, by_another=SELDOM, stale=SELDOM)
    def edit(self, which: int, by_another: bool, stale: bool) -> None:
        comment = self.chosen(which)
        by = self.people["ana" if by_another else self.writer_of(comment)]
        tag = selectors.comment_etag(comment.version - stale)
        self.number += 1
        given = {"comment_id": comment.pk, "by": by, "body": f"Body {self.number}"}
        done = self.attempt("edit", comments.edit_comment, **given, if_match=tag)
        own = comment.pk != 0 and comment.author_id == by.user_id
        assert done == (own and comment.status == "live" and not stale)

    @rule(who=WHO, which=WHICH, own=st.booleans())
    def delete(self, who: str, which: int, own: bool) -> None:
        comment = self.chosen(which)
        by = self.people[self.writer_of(comment) if own else who]
        done = self.attempt("delete", comments.delete_comment, comment_id=comment.pk, by=by)
        if comment.pk:
            own = comment.author_id == by.user_id and comment.status != "deleted"
            on_own_post = by == self.people["ana"] and comment.status == "live"
            assert done == (own or on_own_post)

    @rule(who=MODERATORS, which=WHICH, hides=st.booleans())
    def take_down(self, who: str, which: int, hides: bool) -> None:
        comment, by = self.chosen(which), self.people[who]
        service = comment_takedowns.hide_comment if hides else comment_takedowns.remove_comment
        name = "hide" if hides else "remove"
        done = self.attempt(name, service, comment_id=comment.pk, by=by, reason="x")
        allowed = {"live"} if hides else {"live", "hidden"}
        assert done == (comment.pk != 0 and by.is_moderator and comment.status in allowed)

    @rule(who=MODERATORS, which=WHICH)
    def restore(self, who: str, which: int) -> None:
        comment, by = self.chosen(which), self.people[who]
        service = comment_takedowns.restore_comment
        done = self.attempt("restore", service, comment_id=comment.pk, by=by)
        there = comment.pk != 0 and bool(comment.body)
        assert done == (there and by.is_moderator and comment.status != "live")

    @rule(which=WHICH)
    def purge(self, which: int) -> None:
        """Some of what is deleted was deleted long ago."""
        deleted = Comment.objects.filter(deleted_at__isnull=False)
        ids = list(deleted.order_by("id").values_list("id", flat=True))[: which + 1]
        at = self.post.created_at - RESTORABLE_FOR - timedelta(seconds=1)
        Comment.objects.filter(id__in=ids).update(deleted_at=at)
        DONE["purge"] += purge_deleted_comments()
        for left in Comment.objects.filter(id__in=ids):
            assert (left.body, left.html) == ("", "")
            assert left.replies.exists()
            assert not left.earlier_texts.exists()

    @rule(which=WHICH, change=st.integers(-2, 3))
    def like(self, which: int, change: int) -> None:
        comment = self.chosen(which)
        count = max(0, comment.like_count + change)
        rows = Comment.objects.filter(pk=comment.pk)
        rows.update(like_count=count, top_order=top_order(count, comment.pk))

    @rule(who=st.sampled_from(["ana", "mod"]), opener=st.sampled_from(["ana", "mod", "ana", ""]))
    def close(self, who: str, opener: str) -> None:
        """For a while, mostly: else little would be written."""
        self.attempt("close", closing.close_comments, slug=self.post.slug, by=self.people[who])
        for name in filter(None, (opener, opener and "mod")):
            self.attempt("open", closing.open_comments, slug=self.post.slug, by=self.people[name])

    def writer_of(self, comment: Comment) -> str:
        wrote = [name for name, by in self.people.items() if by.user_id == comment.author_id]
        return wrote[0] if wrote else "ben"

    @precondition(lambda self: self.people)
    @invariant()
    def counts_and_lists_are_what_a_naive_reader_finds(self) -> None:
        rows = list(Comment.objects.order_by("id"))
        below: dict[int | None, list[Comment]] = {}
        for row in rows:
            below.setdefault(row.parent_id, []).append(row)

        def is_shown(comment: Comment) -> bool:
            return comment.status == "live" or any(map(is_shown, below.get(comment.pk, ())))

        shown = {row.pk for row in rows if is_shown(row)}
        assert Post.objects.get().comment_count == sum(row.status == "live" for row in rows)
        for row in rows:
            replies = [reply.pk for reply in below.get(row.pk, ()) if reply.pk in shown]
            assert row.reply_count == len(replies), row
            assert row.is_shown == (row.pk in shown)
        orders: dict[str, Any] = {
            "oldest": lambda row: row.pk,
            "newest": lambda row: -row.pk,
            "top": lambda row: (-row.like_count, row.pk),
        }
        for sort, key in orders.items():

            def in_order(parent_id: int | None, key: Any = key) -> list[Comment]:
                there = (row for row in below.get(parent_id, ()) if row.pk in shown)
                return sorted(there, key=key)

            def read(comment: Comment, depth: int, among: Any = in_order) -> Any:
                yield (comment.pk, depth)
                for reply in among(comment.pk):
                    yield from read(reply, depth + 1)

            column, _, oldest_first = selectors.SORTS[sort]
            order = column if oldest_first else f"-{column}"
            roots = selectors.comments_on(self.post, seen_by=None).order_by(order)
            assert [row.pk for row in roots] == [row.pk for row in in_order(None)]
            for row in rows:
                replies_to = selectors.replies_to(row, seen_by=None).order_by(order)
                assert [r.pk for r in replies_to] == [r.pk for r in in_order(row.pk)]
            for row in in_order(None):
                found = selectors.thread(row, seen_by=None, sort=sort)
                assert [(one.comment.pk, one.depth) for one in found] == list(read(row, 0))


@pytest.mark.django_db
def test_whatever_is_done_by_whomever_counts_and_lists_are_right() -> None:
    run_state_machine_as_test(
        Steps,
        settings=settings(
            max_examples=30,
            # The same steps each time, so that what was reached can be asserted.
            derandomize=True,
            stateful_step_count=25,
            deadline=None,
            suppress_health_check=list(HealthCheck),
            # Finding a shorter way to a failure takes minutes.
            phases=[Phase.explicit, Phase.generate],
        ),
    )
    acts = {"write", "edit", "delete", "hide", "remove", "restore", "purge", "close", "open"}
    refused = {f"{act} refused" for act in acts - {"purge", "close"}}
    assert acts | refused | set(ACTS_OF_COMMENTS) <= set(DONE), DONE
