"""The list of notifications: what it shows, how it is narrowed, and what a page of it costs."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID, uuid4

import pytest
from django.db import connection
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from tests.common.support import rows_read
from tests.factories import Caller, make_user
from tests.notifications.support import (
    approved,
    assert_counts_are_right,
    commented,
    consume,
    followed,
    unfollowed,
)
from toby.accounts.models import User
from toby.common.writing import insert_lines
from toby.notifications.inboxes import inbox_of
from toby.notifications.models import Inbox, Item, Kind, State
from toby.notifications.services import mark

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]

LIST = "/api/v1/notifications"
BEN = 1_000_001


def posts_of(rows: Iterable[dict[str, Any]]) -> list[int]:
    return [row["target"]["id"] for row in rows]


def ids_of(user: User, *posts: int) -> list[UUID]:
    items = Item.objects.filter(recipient_id=user.pk)
    return [item.id for item in items if item.target.get("id") in posts]


def read_posts(user: User, *posts: int) -> None:
    mark(user_id=user.pk, state="read", ids=ids_of(user, *posts))


class TestFilters:
    def test_without_one_all_is_listed_the_newest_first_but_what_was_taken_back(
        self, ana: User
    ) -> None:
        consume(approved(ana.pk, 1), approved(ana.pk, 2), approved(ana.pk, 3))
        consume(followed(BEN, ana.pk))
        consume(unfollowed(BEN, ana.pk))
        read_posts(ana, 2)
        mark(user_id=ana.pk, state="seen", up_to=1)
        rows = Caller(ana).get(LIST).body["results"]
        assert posts_of(rows) == [3, 2, 1]
        assert [row["state"] for row in rows] == ["unseen", "read", "seen"]

    def test_unread_ones_are_those_that_are_unseen_or_seen(self, ana: User) -> None:
        consume(*(approved(ana.pk, post) for post in range(1, 5)))
        read_posts(ana, 2, 4)
        mark(user_id=ana.pk, state="seen", up_to=1)
        assert posts_of(Caller(ana).get(f"{LIST}?unread=1").body["results"]) == [3, 1]

    def test_a_kind_by_itself_and_only_the_unread_of_it(self, ana: User) -> None:
        consume(approved(ana.pk, 1), commented(ana.pk, by=BEN, post_id=1), approved(ana.pk, 2))
        read_posts(ana, 1)
        caller = Caller(ana)
        rows = caller.get(f"{LIST}?kind=post_approved").body["results"]
        assert posts_of(rows) == [2, 1]
        rows = caller.get(f"{LIST}?kind=post_approved&unread=1").body["results"]
        assert posts_of(rows) == [2]
        assert caller.get(f"{LIST}?kind=trusted").body["results"] == []

    def test_nobody_sees_what_others_are_told(self, ana: User) -> None:
        consume(approved(ana.pk, 1))
        other = Caller(make_user("ben"))
        for query in ("", "?unread=1", "?kind=post_approved"):
            assert other.get(LIST + query).body["results"] == []

    @pytest.mark.parametrize(
        ("query", "field"),
        [
            ("kind=", "kind"),
            ("kind=post_exploded", "kind"),
            ("kind=POST_APPROVED", "kind"),
            ("kind=post_approved%00", "kind"),
            ("unread=", "unread"),
            ("unread=0", "unread"),
            ("unread=true", "unread"),
            ("archived=2", "archived"),
        ],
    )
    def test_what_is_no_filter_is_refused(self, ana: User, query: str, field: str) -> None:
        answer = Caller(ana).get(f"{LIST}?{query}")
        assert (answer.status, answer.body["errors"][0]["field"]) == (400, field)


class TestTheArchive:
    def test_what_is_archived_is_listed_by_itself_and_counts_as_read(self, ana: User) -> None:
        consume(*(approved(ana.pk, post) for post in range(1, 4)))
        mark(user_id=ana.pk, state="archive", ids=ids_of(ana, 1, 3))
        caller = Caller(ana)
        assert posts_of(caller.get(LIST).body["results"]) == [2]
        assert posts_of(caller.get(f"{LIST}?unread=1").body["results"]) == [2]
        rows = caller.get(f"{LIST}?archived=1").body["results"]
        assert posts_of(rows) == [3, 1]
        assert {row["state"] for row in rows} == {"archived"}
        assert caller.get(f"{LIST}?archived=1&kind=trusted").body["results"] == []
        assert caller.get(f"{LIST}?archived=1&unread=1").body["results"] == []
        assert caller.get(f"{LIST}/{rows[0]['id']}").body == rows[0]
        inbox = assert_counts_are_right(ana.pk)
        assert (inbox.unread, inbox.unseen) == (1, 1)

    def test_it_is_filled_and_emptied_by_ids_or_up_to_a_place_as_often_as_one_likes(
        self, ana: User
    ) -> None:
        consume(*(approved(ana.pk, post) for post in range(1, 5)))
        caller, one = Caller(ana), str(ids_of(ana, 4)[0])
        for given in ({"up_to": 2}, {"ids": [one]}) * 2:
            answer = caller.call("POST", f"{LIST}/archive", given)
            assert answer.status == 200
        assert (answer.body["unread"], answer.body["unseen"]) == (1, 1)
        assert answer.body["token"].endswith("-7")
        assert posts_of(caller.get(LIST).body["results"]) == [3]
        for given in ({"up_to": 1}, {"ids": [one]}) * 2:
            answer = caller.call("POST", f"{LIST}/unarchive", given)
        rows = caller.get(LIST).body["results"]
        assert [(*posts_of([row]), row["state"]) for row in rows] == [
            (4, "read"),
            (3, "unseen"),
            (1, "read"),
        ]
        assert answer.body["token"].endswith("-9")
        assert assert_counts_are_right(ana.pk).unread == 1

    def test_what_is_new_again_comes_back_from_it(self, ana: User) -> None:
        consume(followed(BEN, ana.pk))
        mark(user_id=ana.pk, state="archive", up_to=1)
        consume(followed(BEN + 1, ana.pk))
        caller = Caller(ana)
        assert caller.get(f"{LIST}?archived=1").body["results"] == []
        (row,) = caller.get(LIST).body["results"]
        assert (row["state"], row["fact_count"], row["seq"]) == ("unseen", 2, row["content_seq"])
        assert assert_counts_are_right(ana.pk).unread == 1

    def test_what_is_taken_back_leaves_it_and_what_loses_a_fact_stays_in_it(
        self, ana: User
    ) -> None:
        consume(followed(BEN, ana.pk), followed(BEN + 1, ana.pk))
        mark(user_id=ana.pk, state="archive", up_to=2)
        consume(unfollowed(BEN, ana.pk))
        caller = Caller(ana)
        (row,) = caller.get(f"{LIST}?archived=1").body["results"]
        assert row["fact_count"] == 1
        consume(unfollowed(BEN + 1, ana.pk))
        assert caller.get(f"{LIST}?archived=1").body["results"] == []
        assert assert_counts_are_right(ana.pk).unread == 0

    def test_to_mark_one_of_it_as_unread_brings_it_back_but_up_to_is_of_the_list(
        self, ana: User
    ) -> None:
        consume(*(approved(ana.pk, post) for post in range(1, 4)))
        read_posts(ana, 1)
        mark(user_id=ana.pk, state="archive", ids=ids_of(ana, 2, 3))
        mark(user_id=ana.pk, state="unread", up_to=3)
        caller = Caller(ana)
        assert posts_of(caller.get(f"{LIST}?unread=1").body["results"]) == [1]
        mark(user_id=ana.pk, state="unread", ids=ids_of(ana, 2))
        rows = caller.get(f"{LIST}?unread=1").body["results"]
        assert posts_of(rows) == [2, 1]
        assert {row["state"] for row in rows} == {"seen"}
        assert assert_counts_are_right(ana.pk).unread == 2

    def test_to_see_and_to_read_what_is_in_it_changes_nothing(self, ana: User) -> None:
        consume(approved(ana.pk, 1))
        mark(user_id=ana.pk, state="archive", up_to=1)
        for state in ("seen", "read", "archive"):
            for given in ({"up_to": 9}, {"ids": ids_of(ana, 1)}):
                assert mark(user_id=ana.pk, state=state, **given)[1] == []


class TestPages:
    def test_they_miss_and_double_nothing_while_their_rows_are_read(self, ana: User) -> None:
        """Who reads what is on a page goes on from there all the same."""
        consume(*(approved(ana.pk, post) for post in range(1, 21)))
        read_posts(ana, 5, 6, 15)
        caller, found = Caller(ana), []
        path = f"{LIST}?unread=1&kind=post_approved&limit=4"
        while path:
            page = caller.get(path).body
            found += posts_of(page["results"])
            read_posts(ana, *posts_of(page["results"])[:2])
            path = page["next"]
        assert found == [post for post in range(20, 0, -1) if post not in {5, 6, 15}]

    def test_one_can_go_back(self, ana: User) -> None:
        consume(*(approved(ana.pk, post) for post in range(1, 10)))
        read_posts(ana, 4, 8)
        caller = Caller(ana)
        second = caller.get(caller.get(f"{LIST}?limit=3").body["next"]).body
        assert posts_of(second["results"]) == [6, 5, 4]
        assert posts_of(caller.get(second["previous"]).body["results"]) == [9, 8, 7]

    def test_a_cursor_of_another_list_is_refused(self, ana: User) -> None:
        consume(*(approved(ana.pk, post) for post in range(1, 5)))
        caller = Caller(ana)
        cursor = caller.get(f"{LIST}?limit=1").body["next"].partition("cursor=")[2]
        assert caller.get(f"{LIST}?limit=1&cursor={cursor}").status == 200
        for other in ("unread=1", "kind=post_approved"):
            assert caller.get(f"{LIST}?limit=1&{other}&cursor={cursor}").status == 400

    @pytest.mark.parametrize("query", ["", "?unread=1", "?kind=post_approved&unread=1"])
    def test_the_number_of_queries_is_constant(
        self, ana: User, query: str, django_assert_num_queries: DjangoAssertNumQueries
    ) -> None:
        consume(*(approved(ana.pk, post) for post in range(1, 60)))
        # The language, and the page.
        caller = Caller(ana)
        with django_assert_num_queries(2):
            page = caller.get(LIST + query).body
        with django_assert_num_queries(2):
            assert len(caller.get(page["next"]).body["results"]) == 20


def fill(user: User, count: int, kind: Kind, state: State) -> None:
    """Items as if they had come one after the other, without the time that takes."""
    now, last = timezone.now(), inbox_of(user.pk).last_seq
    names = ["id", "recipient_id", "kind", "group_key", "seq", "content_seq", "fact_count"]
    names += ["target", "data", "state", "created_at", "updated_at"]
    lines: Iterable[tuple[Any, ...]] = (
        (uuid4().hex, user.pk, kind, f"{kind}:{seq}", seq, seq, 1, {"type": "post", "id": seq}, {})
        + (state, now, now)
        for seq in range(last + 1, last + count + 1)
    )
    insert_lines(Item, names, lines)
    Inbox.objects.filter(user_id=user.pk).update(last_seq=last + count)


@pytest.mark.django_db(transaction=True)
def test_a_page_costs_the_same_whatever_else_is_there(ana: User) -> None:
    """What is listed lies between thousands that are not, tombstones above all."""
    if connection.vendor == "sqlite":
        pytest.skip("SQLite does not tell how many rows it reads")
    few = [(Kind.POST_APPROVED, State.UNSEEN), (Kind.POST_APPROVED, State.READ)]
    many = [(Kind.POST_LIKED, State.GONE), (Kind.FOLLOWED, State.READ)]
    many.append((Kind.POST_APPROVED, State.ARCHIVED))
    for kind, state in (*few, *many, *few, many[0], *few):
        fill(ana, 15 if (kind, state) in few else 2000, kind, state)
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE TABLE notifications_item")
    caller, bad = Caller(ana), {}
    for query in (
        "",
        "unread=1",
        "kind=post_approved",
        "kind=post_approved&unread=1",
        "archived=1",
    ):
        path, place = f"{LIST}?{query}&limit=20", 0
        while path and place < 4:
            before = rows_read()
            page = caller.get(path).body
            if (read := rows_read() - before) > 300:
                bad[query, place] = read
            path, place = page["next"], place + 1
    assert not bad
