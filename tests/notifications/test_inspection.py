"""`manage.py inspect_inbox`: what operators are shown of an inbox."""

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from tests.notifications.support import approved, commented, consume, followed, unfollowed
from toby.events import CommentHidden
from toby.notifications.models import Fact, Inbox, Item, KnownUser
from toby.notifications.services import mark

pytestmark = pytest.mark.django_db

ANA, BEN, CEM = 1, 2, 3


@pytest.fixture(autouse=True)
def _known() -> None:
    know(ANA, "Ana")


def know(user_id: int, username: str) -> None:
    KnownUser.objects.create(
        user_id=user_id, username=username, display_name=username, version=user_id
    )


def printed(*arguments: str) -> str:
    output = io.StringIO()
    call_command("inspect_inbox", *arguments, stdout=output)
    return output.getvalue()


def shown(*arguments: str) -> dict[str, Any]:
    told = json.loads(printed(*arguments, "--json"))
    assert isinstance(told, dict)
    return told


def test_the_inbox_and_its_items_are_shown_the_newest_first_each_with_its_facts() -> None:
    consume(approved(ANA), followed(BEN, ANA), followed(CEM, ANA))
    mark(user_id=ANA, state="read", up_to=1)
    told = shown("ana")
    inbox = Inbox.objects.get(user_id=ANA)
    assert told["username"] == "Ana"
    assert told["inbox"] == {
        "user_id": ANA,
        "epoch": inbox.epoch,
        "last_seq": 4,
        "floor_seq": 0,
        "unread": 1,
        "unseen": 1,
        "closed": False,
    }
    follows, approval = told["items"]
    assert (follows["kind"], follows["seq"], follows["content_seq"]) == ("followed", 3, 3)
    assert (follows["state"], follows["fact_count"], follows["retracted"]) == ("unseen", 2, None)
    assert follows["group"].startswith("follows:")
    assert [(fact["actor_id"], fact["act"]) for fact in follows["facts"]] == [
        (CEM, f"follow:{CEM}"),
        (BEN, f"follow:{BEN}"),
    ]
    assert (approval["state"], approval["seq"], approval["content_seq"]) == ("read", 4, 1)
    (fact,) = approval["facts"]
    assert fact["event_id"] == str(Fact.objects.get(item_id=approval["id"]).event_id)


def test_a_table_has_a_line_for_each_fact_and_tells_what_was_taken_back() -> None:
    consume(followed(BEN, ANA), followed(CEM, ANA))
    consume(unfollowed(BEN, ANA))
    lines = [line.split() for line in printed("Ana").splitlines()]
    assert lines[0][:3] == ["username", "user_id", "epoch"]
    assert lines[1][:2] == ["Ana", str(ANA)]
    assert lines[3][:3] == ["id", "kind", "group"]
    assert lines[4][:2] == [str(Item.objects.get().id), "followed"]
    assert lines[4][-2:] == [str(CEM), f"follow:{CEM}"]
    # The second line is of the same item, and says when the fact was taken back.
    assert lines[5][1:3] == [str(BEN), f"follow:{BEN}"]
    assert len(lines[5]) == 5
    assert len(lines) == 6


def test_nobodys_words_are_shown_least_of_all_what_was_taken_back() -> None:
    comment = commented(ANA, BEN)
    consume(comment, approved(ANA, 9))
    assert "Well said" not in printed("Ana") + printed("Ana", "--json")
    hidden = CommentHidden(
        comment_id=comment.comment_id,
        post_id=1,
        post_author_id=ANA,
        author=comment.author,
        excerpt=comment.excerpt,
        reason="Not here.",
    )
    consume(hidden)
    told = printed("Ana") + printed("Ana", "--json")
    assert not {"Well said", "Post 1", "Post 9", "Ben"} & set(told.split('"'))
    assert [item["kind"] for item in shown("Ana")["items"] if item["retracted"]] == [
        "comment_added"
    ]


def test_so_many_items_and_facts_are_shown_as_one_asks_for() -> None:
    consume(*(approved(ANA, number) for number in range(1, 5)))
    consume(*(followed(number, ANA) for number in range(10, 15)))
    told = shown("Ana", "--limit", "2", "--facts", "3")["items"]
    assert [item["kind"] for item in told] == ["followed", "post_approved"]
    assert [fact["actor_id"] for fact in told[0]["facts"]] == [14, 13, 12]
    assert told[0]["fact_count"] == 5


def test_who_was_told_nothing_yet_has_no_inbox_and_gets_none_by_being_looked_at() -> None:
    assert printed("Ana") == "none\n"
    assert shown("Ana") == {"username": "Ana", "inbox": None, "items": []}
    assert not Inbox.objects.exists()


class TestNames:
    def test_a_person_is_found_by_username_in_any_case_or_by_id(self) -> None:
        consume(approved(ANA))
        for name in ("ana", "ANA", str(ANA), f"id:{ANA}"):
            assert shown(name)["inbox"]["user_id"] == ANA

    def test_a_username_that_looks_like_an_id_comes_first_unless_the_id_is_said(self) -> None:
        know(BEN, str(ANA))
        consume(approved(ANA), approved(BEN))
        assert shown(str(ANA))["inbox"]["user_id"] == BEN
        assert shown(f"id:{ANA}")["inbox"]["user_id"] == ANA

    def test_two_of_one_name_are_told_apart_by_id(self) -> None:
        """One has given it up, and what is known of that comes later."""
        know(BEN, "ana")
        assert refused("Ana") == f"Ana is more than one: id:{ANA}, id:{BEN}"

    @pytest.mark.parametrize("name", ["nobody", "99", "id:99", "id:x", "id:", "9" * 40, "-1", "é"])
    def test_who_is_not_known_is_one_line(self, name: str) -> None:
        assert refused(name) == f"nobody is known as {name}"


@pytest.mark.parametrize("option", ["--limit", "--facts"])
@pytest.mark.parametrize("value", ["0", "-1", "1001"])
def test_a_limit_out_of_bounds_is_one_line(option: str, value: str) -> None:
    assert refused("Ana", f"{option}={value}") == f"{option}: from 1 to 1000"


def refused(*arguments: str) -> str:
    with pytest.raises(CommandError) as error:
        call_command("inspect_inbox", *arguments)
    assert error.value.returncode == 2
    return str(error.value)
