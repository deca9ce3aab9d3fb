"""Who is told of comments, of replies, and of being mentioned; and what is taken back of it."""

from dataclasses import replace

import pytest

from tests.notifications.support import (
    assert_counts_are_right,
    blocked,
    commented,
    consume,
    deliver,
    followed,
    gone,
    muted,
    person,
    published,
)
from toby.events import (
    CommentAdded,
    CommentDeleted,
    CommentEdited,
    CommentHidden,
    CommentLiked,
    CommentRestored,
    CommentUnliked,
    Event,
    PostEdited,
    PostHidden,
    PostRestored,
    UserDeleted,
    UserRegistered,
)
from toby.notifications.models import Item, Kind
from toby.notifications.services import mute, unmute
from toby.notifications.texts import text_of

pytestmark = pytest.mark.django_db

ANA, BEN, CLEO, DAN = 1, 2, 3, 4


def told() -> dict[int, list[str]]:
    """What each sees, in the order in which it came."""
    found: dict[int, list[str]] = {}
    for item in Item.objects.filter(retracted_at=None).order_by("recipient_id", "content_seq"):
        found.setdefault(item.recipient_id, []).append(item.kind)
        assert_counts_are_right(item.recipient_id)
    return found


def edited(
    comment: CommentAdded, *, mentions: tuple[int, ...] = (), unmentions: tuple[int, ...] = ()
) -> CommentEdited:
    return CommentEdited(
        comment_id=comment.comment_id,
        post_id=comment.post_id,
        post_slug=comment.post_slug,
        post_title=comment.post_title,
        post_author_id=comment.post_author_id,
        author=comment.author,
        excerpt="Better said",
        parent_author_id=comment.parent_author_id,
        version=2,
        mentions=mentions,
        unmentions=unmentions,
    )


def post_hidden(post_id: int) -> PostHidden:
    return PostHidden(post_id=post_id, slug="s", title="T", author=person(ANA), reason="x")


def post_edited(author_id: int, **changes: tuple[int, ...]) -> PostEdited:
    return PostEdited(
        post_id=1, slug="post-1", title="Post 1", author=person(author_id), version=2, **changes
    )


ADDED, REPLIED, MENTIONED = ["comment_added"], ["comment_replied"], ["mentioned"]


@pytest.mark.parametrize(
    ("comment", "kinds"),
    [
        (commented(ANA, by=BEN, answering=CLEO), {ANA: ADDED, CLEO: REPLIED}),
        (commented(ANA, by=BEN, answering=ANA), {ANA: REPLIED}),
        (commented(ANA, BEN, answering=CLEO, mentions=(CLEO,)), {ANA: ADDED, CLEO: REPLIED}),
        (commented(ANA, by=BEN, mentions=(ANA, CLEO)), {ANA: ADDED, CLEO: MENTIONED}),
        (commented(ANA, by=ANA, answering=BEN), {BEN: REPLIED}),
        (commented(ANA, by=BEN, answering=BEN), {ANA: ADDED}),
        (commented(ANA, by=ANA, answering=ANA, mentions=(CLEO,)), {CLEO: MENTIONED}),
    ],
)
def test_each_is_told_of_a_comment_once_as_what_is_most_to_them(
    comment: CommentAdded, kinds: dict[int, list[str]]
) -> None:
    consume(comment)
    assert told() == kinds


def test_how_it_reads() -> None:
    consume(
        commented(ANA, by=BEN, answering=CLEO, mentions=(DAN,)),
        published(ANA, post_id=2, mentions=(DAN,)),
    )
    texts = {(item.recipient_id, item.target["id"]): text_of(item) for item in Item.objects.all()}
    assert texts == {
        (ANA, 1): ("Ben commented on “Post 1”", "Well said", "/posts/post-1"),
        (CLEO, 1): ("Ben replied to your comment on “Post 1”", "Well said", "/posts/post-1"),
        (DAN, 1): ("Ben mentioned you in a comment on “Post 1”", "Well said", "/posts/post-1"),
        (DAN, 2): ("Ana mentioned you in “Post 2”", "", "/posts/post-2"),
    }


def test_who_is_mentioned_in_a_post_is_told_of_that_and_not_that_it_is_published() -> None:
    consume(followed(BEN, ANA), followed(CLEO, ANA), published(ANA, mentions=(BEN, DAN, ANA)))
    assert told() == {
        ANA: ["followed"],
        BEN: ["mentioned"],
        CLEO: ["post_published"],
        DAN: ["mentioned"],
    }


@pytest.mark.parametrize("batches", ["one", "many"])
def test_an_edit_of_a_post_tells_those_who_are_new_and_takes_back_from_those_who_are_gone(
    batches: str,
) -> None:
    events = [
        published(ANA, mentions=(BEN, CLEO)),
        published(ANA, post_id=2, mentions=(BEN,)),
        post_edited(ANA, mentions=(DAN,), unmentions=(BEN,)),
    ]
    deliver(events, batches)
    assert told() == {BEN: ["mentioned"], CLEO: ["mentioned"], DAN: ["mentioned"]}
    assert Item.objects.get(recipient_id=BEN, retracted_at=None).target["id"] == 2


@pytest.mark.parametrize("batches", ["one", "many"])
def test_an_edit_of_a_comment_does_so_too_and_says_to_all_what_it_says_now(batches: str) -> None:
    comment = commented(ANA, by=BEN, answering=CLEO, mentions=(DAN, 5))
    deliver([comment, edited(comment, mentions=(ANA, CLEO, 6), unmentions=(DAN,))], batches)
    assert told() == {
        ANA: ["comment_added"],
        CLEO: ["comment_replied"],
        5: ["mentioned"],
        6: ["mentioned"],
    }
    assert {item.data["excerpt"] for item in Item.objects.filter(retracted_at=None)} == {
        "Better said"
    }


@pytest.mark.parametrize("event", [CommentHidden, CommentDeleted])
@pytest.mark.parametrize("batches", ["one", "many"])
def test_what_anybody_was_told_of_a_comment_goes_with_it(
    event: type[CommentHidden | CommentDeleted], batches: str
) -> None:
    comment, other = (commented(ANA, by=BEN, answering=CLEO, mentions=(DAN,)) for _ in "ab")
    deliver([comment, other, gone(comment, event)], batches)
    assert told() == {
        ANA: ["comment_added"],
        BEN: [f"comment_{'hidden' if event is CommentHidden else 'deleted'}"],
        CLEO: ["comment_replied"],
        DAN: ["mentioned"],
    }
    left = Item.objects.filter(retracted_at=None, data__comment_id=other.comment_id)
    assert left.count() == 3


def test_what_anybody_was_told_about_a_post_goes_with_it() -> None:
    consume(
        published(ANA, mentions=(BEN,)), commented(ANA, by=BEN, answering=CLEO, mentions=(DAN,))
    )
    consume(post_hidden(1))
    assert told() == {ANA: ["comment_added", "post_hidden"]}


@pytest.mark.parametrize("batches", ["one", "many"])
def test_whose_comment_is_liked_is_told_until_it_is_taken_back_or_the_comment_is_gone(
    batches: str,
) -> None:
    comment = commented(ANA, by=CLEO)
    likes = comment_liked(comment, by=BEN), comment_liked(comment, by=DAN, name="Dan")
    deliver([comment, *likes], batches)
    liked = Item.objects.filter(recipient_id=CLEO, kind="comment_liked")
    assert text_of(liked.get()) == (
        "Dan and 1 other like your comment on “Post 1”",
        "Well said",
        "/posts/post-1",
    )
    consume(
        CommentUnliked(
            comment_id=comment.comment_id, comment_author_id=CLEO, post_id=1, liker_id=BEN
        )
    )
    assert told()[CLEO] == ["comment_liked"]
    assert text_of(liked.get()).title == "Dan likes your comment on “Post 1”"
    consume(gone(comment, CommentDeleted))
    assert told() == {CLEO: ["comment_deleted"]}


def test_of_a_comment_that_is_back_its_author_no_longer_hears_that_it_was_out_of_sight() -> None:
    comment, other = commented(ANA, by=CLEO), commented(BEN, by=CLEO, post_id=2)
    taken = gone(comment, CommentHidden), gone(comment, CommentDeleted), gone(other, CommentHidden)
    consume(*taken)
    assert told() == {CLEO: ["comment_hidden", "comment_deleted", "comment_hidden"]}
    back = CommentRestored(comment_id=comment.comment_id, post_id=1, author=comment.author)
    consume(back)
    assert told() == {CLEO: ["comment_hidden"]}


def test_of_a_post_that_is_back_its_author_no_longer_hears_that_it_was_out_of_sight() -> None:
    for post_id in (1, 2):
        consume(post_hidden(post_id))
    assert told() == {ANA: ["post_hidden", "post_hidden"]}
    consume(PostRestored(post_id=1, slug="post-1", author=person(ANA)))
    assert told() == {ANA: ["post_hidden"]}
    consume(post_hidden(1))
    assert told() == {ANA: ["post_hidden", "post_hidden"]}


def test_whose_comment_is_liked_is_not_told_under_the_post_of_somebody_apart() -> None:
    comment = commented(ANA, by=CLEO)
    consume(comment_liked(comment, by=BEN), blocked(ANA, CLEO), comment_liked(comment, by=DAN))
    assert CLEO not in told()


def test_of_a_muted_thread_nobody_is_told_what_is_said_and_liked_in_it() -> None:
    mute(user_id=CLEO, subject="thread:70")
    own, reply = commented(ANA, by=CLEO), commented(ANA, by=BEN, answering=CLEO)
    named = commented(ANA, by=BEN, answering=DAN, mentions=(CLEO,))
    consume(
        replace(reply, thread_id=70),
        replace(named, thread_id=70),
        replace(edited(commented(ANA, by=BEN), mentions=(CLEO,)), thread_id=70),
        replace(comment_liked(own, by=BEN), thread_id=70),
    )
    assert told() == {ANA: ["comment_added"], DAN: ["comment_replied"]}
    for thread_id in (7, 71, 0):
        consume(replace(commented(DAN, by=BEN, answering=CLEO), thread_id=thread_id))
    assert told()[CLEO] == ["comment_replied"] * 3
    unmute(user_id=CLEO, subject="thread:70")
    consume(replace(comment_liked(own, by=DAN), thread_id=70))
    assert Item.objects.get(kind="comment_liked").data["thread_id"] == 70


def comment_liked(comment: CommentAdded, by: int, name: str = "Ben") -> CommentLiked:
    return CommentLiked(
        comment_id=comment.comment_id,
        comment_author_id=comment.author.user_id,
        excerpt=comment.excerpt,
        post_id=comment.post_id,
        post_slug=comment.post_slug,
        post_title=comment.post_title,
        post_author_id=comment.post_author_id,
        liker=person(by, name),
    )


@pytest.mark.parametrize("apart", [blocked(CLEO, BEN), blocked(BEN, CLEO), muted(CLEO, BEN)])
def test_nobody_is_mentioned_or_answered_by_whom_they_do_not_want_to_hear(apart: Event) -> None:
    comment = commented(ANA, by=BEN, answering=CLEO)
    consume(apart, comment, commented(ANA, by=BEN, mentions=(CLEO,)))
    consume(edited(comment, mentions=(CLEO,)), published(BEN, mentions=(CLEO,)))
    assert told() == {ANA: ["comment_added"]}
    assert Item.objects.get(retracted_at=None).fact_count == 2


def test_of_a_deleted_account_its_comments_stay_without_a_name_and_not_those_under_its_posts() -> (
    None
):
    registered = [UserRegistered(user_id=who, user=person(who), version=1) for who in (ANA, BEN)]
    consume(
        *registered,
        published(BEN, post_id=2, mentions=(CLEO,)),
        commented(DAN, by=BEN, answering=CLEO, mentions=(5,)),
        commented(ANA, by=DAN, answering=CLEO),
    )
    consume(UserDeleted(user_id=BEN, version=2), UserDeleted(user_id=ANA, version=2))
    late = commented(ANA, by=DAN, answering=CLEO)
    consume(late, replace(commented(DAN, by=BEN, mentions=(6,)), post_id=7))
    assert told() == {
        5: ["mentioned"],
        6: ["mentioned"],
        CLEO: ["comment_replied"],
        DAN: ["comment_added", "comment_added"],
    }
    actors = Item.objects.filter(retracted_at=None).values_list("actor", flat=True)
    assert {actor["display_name"] for actor in actors if actor} == {"Deleted user"}


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_has_words(kind: Kind) -> None:
    target = {"type": "post", "id": 1, "slug": "post-1", "title": "Post 1"}
    actor = {"username": "ben", "display_name": "Ben"}
    data = {"title": "Of operators", "text": "", "link": "", "revision_id": 1}
    for fact_count in (1, 2, 3):
        item = Item(kind=kind, target=target, actor=actor, data=data, fact_count=fact_count)
        assert text_of(item).title
