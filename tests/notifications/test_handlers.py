"""Who is told of what."""

from dataclasses import replace
from uuid import uuid4

import pytest

from tests.events.support import incoming
from tests.notifications.support import (
    approved,
    assert_counts_are_right,
    commented,
    consume,
    followed,
    gone,
    liked,
    person,
    published,
    unfollowed,
)
from toby.consumer.processing import Processor
from toby.events import (
    AuthorTrusted,
    AuthorWarned,
    ChangesRequested,
    CommentAdded,
    CommentDeleted,
    CommentEdited,
    CommentHidden,
    PostDeleted,
    PostFeatured,
    PostHidden,
    PostRejected,
    PostUnliked,
    UserRegistered,
)
from toby.notifications.handlers import handlers
from toby.notifications.models import Fact, Item, KnownFollow, KnownUser
from toby.notifications.texts import text_of

pytestmark = pytest.mark.django_db

ANA, BEN, CLEO = 1, 2, 3


def test_an_author_is_told_of_approval() -> None:
    consume(approved(ANA))
    item = Item.objects.get()
    assert (item.recipient_id, item.kind, item.target["slug"]) == (ANA, "post_approved", "post-1")
    assert text_of(item).title == "Your post was approved"


def test_an_author_is_told_of_a_rejection_and_its_reason() -> None:
    consume(
        PostRejected(
            post_id=1, revision_id=1, slug="s", title="T", author=person(ANA), reason="Too short"
        )
    )
    assert text_of(Item.objects.get()).text == "Too short"


def test_an_author_is_told_what_to_change() -> None:
    consume(
        ChangesRequested(
            post_id=1,
            revision_id=1,
            slug="s",
            title="T",
            author=person(ANA),
            remarks="Name your sources.",
        )
    )
    text = text_of(Item.objects.get())
    assert (text.title, text.text) == ("Changes to “T” are asked for", "Name your sources.")


def test_an_author_is_told_of_a_like_until_it_is_taken_back() -> None:
    consume(liked(ANA, by=BEN))
    assert text_of(Item.objects.get()).title == "Ana likes “T”"
    consume(PostUnliked(post_id=1, post_author_id=ANA, liker_id=BEN))
    assert Item.objects.get().retracted_at is not None
    assert_counts_are_right(ANA)


def test_an_author_is_told_of_being_featured() -> None:
    consume(PostFeatured(post_id=1, slug="s", title="T", author=person(ANA)))
    item = Item.objects.get()
    assert (item.recipient_id, text_of(item).title) == (ANA, "Your post is featured")


def test_an_author_is_told_that_they_are_trusted() -> None:
    consume(AuthorTrusted(user_id=ANA))
    item = Item.objects.get()
    assert (item.recipient_id, item.kind) == (ANA, "trusted")
    assert text_of(item).title == "Your posts go live at once now"


@pytest.mark.parametrize("batches", [1, 4])
def test_of_a_hidden_post_only_its_author_is_told_any_more(batches: int) -> None:
    events = [
        followed(BEN, ANA),
        published(ANA),
        commented(ANA, by=CLEO),
        PostHidden(post_id=1, slug="s", title="T", author=person(ANA), reason="Disputed."),
    ]
    for part in [events] if batches == 1 else [[event] for event in events]:
        consume(*part)
    shown = Item.objects.filter(retracted_at=None).order_by("seq")
    assert [(item.recipient_id, item.kind) for item in shown] == [
        (ANA, "followed"),
        (ANA, "comment_added"),
        (ANA, "post_hidden"),
    ]
    tombstones = Item.objects.filter(recipient_id=BEN).exclude(retracted_at=None)
    assert tombstones.count() == (1 if batches > 1 else 0)
    assert_counts_are_right(ANA)


@pytest.mark.parametrize(("reason", "told"), [("", []), ("Copied.", ["post_deleted"])])
def test_all_about_a_deleted_post_is_taken_back(reason: str, told: list[str]) -> None:
    consume(followed(BEN, ANA), published(ANA), commented(ANA, by=CLEO), commented(ANA, CLEO, 2))
    consume(PostDeleted(post_id=1, slug="s", title="T", author=person(ANA), reason=reason))
    about = Item.objects.filter(retracted_at=None).exclude(kind="followed")
    assert [item.kind for item in about.order_by("seq")] == ["comment_added", *told]
    assert about.order_by("seq")[0].target["id"] == 2
    assert_counts_are_right(ANA)


def test_followers_are_told_when_a_post_first_goes_live_and_nobody_else() -> None:
    consume(followed(BEN, ANA), followed(CLEO, ANA), unfollowed(CLEO, ANA), published(ANA))
    told = Item.objects.filter(kind="post_published").values_list("recipient_id", flat=True)
    assert list(told) == [BEN]


def test_a_follow_earlier_in_the_same_batch_counts() -> None:
    consume(followed(BEN, ANA), published(ANA))
    assert Item.objects.filter(recipient_id=BEN, kind="post_published").exists()


def test_a_comment_is_told_to_the_posts_author_but_not_when_it_is_their_own() -> None:
    consume(commented(ANA, by=BEN), commented(ANA, by=ANA))
    item = Item.objects.get()
    assert item.actor is not None
    assert (item.recipient_id, item.actor["id"]) == (ANA, BEN)


@pytest.mark.parametrize("batches", [1, 2])
@pytest.mark.parametrize(
    ("event", "kind"), [(CommentHidden, "hidden"), (CommentDeleted, "deleted")]
)
def test_of_a_comment_that_is_taken_down_only_its_author_is_told_any_more(
    event: type[CommentHidden | CommentDeleted], kind: str, batches: int
) -> None:
    told, other = commented(ANA, by=BEN), commented(ANA, by=CLEO)
    if batches == 1:
        consume(told, other, gone(told, event))
    else:
        consume(told, other)
        consume(gone(told, event))
    assert Item.objects.get(recipient_id=ANA, retracted_at=None).data["comment_id"] == (
        other.comment_id
    )
    item = Item.objects.get(recipient_id=BEN)
    assert (item.kind, text_of(item)) == (
        f"comment_{kind}",
        (f"Your comment was {kind}", "Rude.", ""),
    )
    assert told.post_title not in str(item.target) + str(item.data)
    for user_id in (ANA, BEN):
        assert_counts_are_right(user_id)


def deleted(told: CommentAdded, by: str) -> CommentDeleted:
    return replace(gone(told, CommentDeleted), reason="", deleted_by=by)


def test_of_a_comment_that_its_author_deleted_nobody_is_told_any_more() -> None:
    told = commented(ANA, by=BEN)
    consume(told)
    consume(deleted(told, by="author"))
    item = Item.objects.get()
    assert (item.recipient_id, item.data) == (ANA, {})
    assert item.retracted_at is not None
    assert_counts_are_right(ANA)


def test_who_wrote_it_is_told_that_the_posts_author_took_it_off() -> None:
    told = commented(ANA, by=BEN)
    consume(told, deleted(told, by="post_author"))
    item = Item.objects.get(retracted_at=None)
    title, text = "Your comment was deleted", "The author of the post took it off."
    assert (item.recipient_id, text_of(item)) == (BEN, (title, text, ""))


@pytest.mark.parametrize("batches", [1, 2])
def test_of_an_edited_comment_is_told_what_it_says_now_and_it_is_not_new_for_that(
    batches: int,
) -> None:
    told, other = commented(ANA, by=BEN), commented(ANA, by=CLEO, post_id=2)
    edited = CommentEdited(
        comment_id=told.comment_id,
        post_id=told.post_id,
        post_author_id=ANA,
        author=told.author,
        excerpt="Better said",
        parent_author_id=0,
        version=2,
    )
    if batches == 1:
        consume(told, other, edited)
    else:
        consume(told, other)
        Item.objects.update(read_at=Item.objects.earliest("seq").created_at)
        consume(edited)
    texts = {item.data["comment_id"]: item.data["excerpt"] for item in Item.objects.all()}
    assert texts == {told.comment_id: "Better said", other.comment_id: other.excerpt}
    changed = Item.objects.latest("seq")
    assert changed.data["comment_id"] == told.comment_id
    assert changed.content_seq < changed.seq
    assert (changed.read_at is None) == (batches == 1)
    consume(deleted(told, by="author"), edited)
    assert "said" not in str(Item.objects.exclude(retracted_at=None).get().data)


def test_why_a_comment_was_taken_down_is_told_though_its_post_goes_too() -> None:
    told = commented(ANA, by=BEN)
    deleted_post = PostDeleted(post_id=1, slug="s", title="T", author=person(ANA))
    consume(told, gone(told, CommentHidden), deleted_post)
    assert Item.objects.get(retracted_at=None).recipient_id == BEN


def test_an_unfollow_takes_the_notification_back_and_leaves_a_tombstone_that_says_nothing() -> None:
    consume(followed(BEN, ANA))
    consume(unfollowed(BEN, ANA))
    item = Item.objects.get()
    assert item.retracted_at is not None
    assert (item.actor, item.target, item.fact_count) == (None, {}, 0)
    inbox = assert_counts_are_right(ANA)
    assert (inbox.unread, inbox.unseen, inbox.last_seq) == (0, 0, 2)


def test_follow_and_unfollow_in_one_batch_leave_a_tombstone() -> None:
    consume(followed(BEN, ANA), unfollowed(BEN, ANA))
    assert Item.objects.get().retracted_at is not None
    assert Fact.objects.get().retracted_at is not None
    assert_counts_are_right(ANA)


def test_an_older_follow_that_comes_late_brings_nothing_back() -> None:
    consume(unfollowed(BEN, ANA, version=2))
    consume(followed(BEN, ANA, version=1))
    assert not KnownFollow.objects.get().active
    assert not Item.objects.exists()


def test_the_same_event_delivered_again_is_one_fact() -> None:
    event, event_id = approved(ANA), uuid4()
    processor = Processor("notifications", handlers)
    processor.process([incoming(event, event_id=event_id)])
    processor.process([incoming(event, event_id=event_id), incoming(event, event_id=event_id)])
    assert Fact.objects.count() == Item.objects.count() == 1
    assert assert_counts_are_right(ANA).last_seq == 1


def test_an_older_version_of_a_user_changes_nothing() -> None:
    consume(UserRegistered(user_id=ANA, user=person(ANA, "New"), version=2))
    consume(UserRegistered(user_id=ANA, user=person(ANA, "Old"), version=1))
    assert KnownUser.objects.get().display_name == "New"


@pytest.mark.parametrize("comment_id", [0, 5])
def test_a_warning_stays_whatever_becomes_of_what_it_is_about(comment_id: int) -> None:
    warned = AuthorWarned(
        post_id=1,
        comment_id=comment_id,
        post_slug="tides",
        post_title="Tides",
        author=person(BEN),
        excerpt="Buy my watches" if comment_id else "",
        reason="Be kind.",
    )
    consume(warned)
    consume(PostDeleted(post_id=1, slug="tides", title="Tides", author=person(BEN)))
    item = Item.objects.get(recipient_id=BEN, retracted_at=None)
    what = "your comment" if comment_id else "your post “Tides”"
    link = "" if comment_id else "/posts/tides"
    assert (item.kind, text_of(item)) == (
        "warned",
        (f"You were warned about {what}", "Be kind.", link),
    )
    assert ("Tides" in str(item.target) + str(item.data)) == (not comment_id)
    assert_counts_are_right(BEN)
