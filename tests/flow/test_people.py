"""What people do among each other, and whom it reaches, through nginx and every process."""

from dataclasses import dataclass
from typing import Any

import pytest

from deploy.demo import Failed, Person, Screen
from tests.flow.support import Toby, eventually, items_of

pytestmark = pytest.mark.flow
Item = dict[str, Any]


class Notifications(Screen):
    """Somebody's, kept open from now on."""

    def __init__(self, reader: Person) -> None:
        super().__init__(reader)
        self.items: dict[str, Item] = {}
        self.open()

    def show(self, *kinds: str) -> list[Item]:
        """Takes frames until what is there tells of facts of these kinds, and of no more. Returns
        the items, the oldest first; what is listed is the same."""
        # What was done to different posts comes in any order.
        while self.kinds() != sorted(kinds):
            try:
                item = self.frame("item")["item"]
            except Failed:
                assert self.kinds() == sorted(kinds)
                raise
            self.items[item["id"]] = item
        assert items_of(self.reader) == self.there()
        return self.there()

    def kinds(self) -> list[str]:
        return sorted(item["kind"] for item in self.there() for _ in range(item["fact_count"]))

    def there(self) -> list[Item]:
        there = [item for item in self.items.values() if not item["retracted"]]
        return sorted(there, key=lambda item: item["content_seq"])


def test_who_follows_is_told_of_a_post_and_has_it_in_their_feed(toby: Toby) -> None:
    ana, ben = toby.person("ana"), toby.person("ben")
    anas, bens = Notifications(ana), Notifications(ben)
    follow(ben, ana)
    [followed] = anas.show("followed")
    assert followed["actor"]["username"] == ben.name
    assert relations(ben, ana) == {"followed_by_me"}
    assert relations(ana, ben) == {"follows_me"}

    post = toby.live_post(ana)
    anas.show("followed", "post_approved")
    [published] = bens.show("post_published")
    assert (published["target"]["slug"], published["actor"]["username"]) == (post["slug"], ana.name)
    eventually(lambda: slugs(ben, "feed") == [post["slug"]])
    assert counts(ben, ana) == {"followers": 1, "following": 0, "posts": 1}
    assert counts(ana, ben) == {"followers": 0, "following": 1, "posts": 0}
    assert people(ben, f"profiles/{ana.name}/followers") == [ben.name]
    assert people(ana, f"profiles/{ben.name}/following") == [ana.name]

    ben.call("DELETE", f"profiles/{ana.name}/follow")
    anas.show("post_approved")
    eventually(lambda: slugs(ben, "feed") == [])
    assert counts(ben, ana) == {"followers": 0, "following": 0, "posts": 1}
    assert relations(ben, ana) == relations(ana, ben) == set()


def test_an_author_is_told_of_a_like_until_it_is_undone(toby: Toby) -> None:
    ana, ben = toby.person("ana"), toby.person("ben")
    anas, post = Notifications(ana), toby.live_post(ana)
    like = f"posts/{post['slug']}/like"
    for _ in range(2):
        ben.call("PUT", like)
    _, told = anas.show("post_approved", "post_liked")
    assert told["actor"]["username"] == ben.name
    assert likes(ben, post) == {"like_count": 1, "liked_by_me": True}
    assert likes(ana, post) == {"like_count": 1, "liked_by_me": False}
    assert people(ana, f"posts/{post['slug']}/likes") == [ben.name]

    ben.call("DELETE", like)
    anas.show("post_approved")
    assert anas.items[told["id"]]["retracted"]
    assert (anas.items[told["id"]]["title"], anas.items[told["id"]]["actor"]) == ("", None)
    assert likes(ben, post) == {"like_count": 0, "liked_by_me": False}
    assert slugs(ben, "me/likes") == []
    ben.call("PUT", like)
    anas.show("post_approved", "post_liked")


def test_each_is_told_once_of_a_comment_by_what_it_is_to_them(toby: Toby) -> None:
    ana, ben, cleo, dan = (toby.person(name) for name in ("ana", "ben", "cleo", "dan"))
    anas, bens, cleos, dans = (Notifications(person) for person in (ana, ben, cleo, dan))
    post = toby.live_post(ana)
    first = comment(ben, post, "First")
    anas.show("post_approved", "comment_added")
    everybody = f"Not so, @{ben.name}: ask @{dan.name}, or @{ana.name}, or @{cleo.name} herself"
    reply = comment(cleo, post, everybody, to=first)
    *_, added = anas.show("post_approved", "comment_added", "comment_added")
    [replied] = bens.show("comment_replied")
    [mentioned] = dans.show("mentioned")
    for told in (added, replied, mentioned):
        assert told["actor"]["username"] == cleo.name
        assert told["data"] == {"comment_id": reply, "thread_id": first, "excerpt": everybody}
    cleo.call("PUT", f"comments/{first}/like")
    bens.show("comment_replied", "comment_liked")
    assert post_seen(dan, post)["comment_count"] == 2

    cleo.call("DELETE", f"comments/{reply}")
    anas.show("post_approved", "comment_added")
    bens.show("comment_liked")
    dans.show()
    cleos.show()
    assert post_seen(dan, post)["comment_count"] == 1


def test_what_one_liked_kept_and_said_is_found_among_ones_own(toby: Toby) -> None:
    ana, ben = toby.person("ana"), toby.person("ben")
    first, second = (toby.live_post(ana, title) for title in ("First", "Second"))
    newest_first = [second["slug"], first["slug"]]
    for post in (first, second):
        ben.call("PUT", f"posts/{post['slug']}/like")
        ben.call("PUT", f"posts/{post['slug']}/bookmark")
        comment(ben, post, f"On {post['slug']}")
    assert slugs(ben, "me/likes") == slugs(ben, "me/bookmarks") == newest_first
    said = ben.call("GET", "me/comments")["results"]
    assert [one["body"] for one in said] == [f"On {slug}" for slug in newest_first]
    assert [one["post"]["slug"] for one in said] == newest_first
    assert all(slugs(ana, mine) == [] for mine in ("me/likes", "me/bookmarks"))
    assert post_seen(ben, first)["bookmarked_by_me"]
    assert not post_seen(ana, first)["bookmarked_by_me"]
    ben.call("DELETE", f"posts/{second['slug']}/bookmark")
    assert slugs(ben, "me/bookmarks") == [first["slug"]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Friends:
    """Ana and Ben, who follow each other, with all that they have done to each other's posts and
    to one of Cleo's; their notifications are open."""

    ana: Person
    ben: Person
    cleo: Person
    anas: Notifications
    bens: Notifications
    anas_post: Item
    bens_post: Item
    cleos_post: Item
    # Ben's, on Ana's post; and what Ana and Cleo have answered.
    by_ben: int
    by_ana: int
    by_cleo: int
    # Ben's, on Cleo's post, and Ana's on Ben's.
    at_cleos: int
    at_bens: int

    def pairs(self) -> list[tuple[Person, Person, Item]]:
        """Each of the two, the other, and the other's post."""
        return [(self.ana, self.ben, self.bens_post), (self.ben, self.ana, self.anas_post)]


@pytest.fixture
def friends(toby: Toby) -> Friends:
    ana, ben, cleo = (toby.person(name) for name in ("ana", "ben", "cleo"))
    anas, bens = Notifications(ana), Notifications(ben)
    follow(ben, ana)
    anas.show("followed")
    follow(ana, ben)
    bens.show("followed")
    anas_post, bens_post, cleos_post = (toby.live_post(person) for person in (ana, ben, cleo))
    ben.call("PUT", f"posts/{anas_post['slug']}/like")
    by_ben = comment(ben, anas_post, "A word of Ben's")
    by_ana = comment(ana, anas_post, "A word of Ana's", to=by_ben)
    by_cleo = comment(cleo, anas_post, "A word of Cleo's", to=by_ben)
    at_cleos = comment(ben, cleos_post, f"Come over, @{ana.name}")
    at_bens = comment(ana, bens_post, "I have come over")
    ana.call("PUT", f"posts/{bens_post['slug']}/bookmark")
    anas.show(
        "followed",
        "post_approved",
        "post_published",
        "post_liked",
        "comment_added",
        "comment_added",
        "mentioned",
    )
    bens.show(
        "followed",
        "post_published",
        "post_approved",
        "comment_replied",
        "comment_replied",
        "comment_added",
    )
    eventually(lambda: slugs(ana, "feed") == [bens_post["slug"]])
    eventually(lambda: slugs(ben, "feed") == [anas_post["slug"]])
    return Friends(
        ana=ana,
        ben=ben,
        cleo=cleo,
        anas=anas,
        bens=bens,
        anas_post=anas_post,
        bens_post=bens_post,
        cleos_post=cleos_post,
        by_ben=by_ben,
        by_ana=by_ana,
        by_cleo=by_cleo,
        at_cleos=at_cleos,
        at_bens=at_bens,
    )


def block(blocker: Person, blocked: Person) -> None:
    blocker.call("PUT", f"profiles/{blocked.name}/block")


def test_a_block_takes_back_what_the_two_were_told_of_each_other_and_ends_their_follows(
    friends: Friends,
) -> None:
    ana, ben, cleo = friends.ana, friends.ben, friends.cleo
    block(ben, ana)
    # What Cleo said on Ana's post stays for Ana to read, and not for Ben.
    _, told = friends.anas.show("post_approved", "comment_added")
    assert told["data"]["comment_id"] == friends.by_cleo
    friends.bens.show("post_approved")
    for one in (ana, ben):
        assert slugs(one, "feed") == []
        assert counts(cleo, one) == {"followers": 0, "following": 0, "posts": 1}
        for people_of in ("followers", "following"):
            assert people(cleo, f"profiles/{one.name}/{people_of}") == []


def test_from_a_block_on_neither_sees_the_other(friends: Friends) -> None:
    ana, ben, cleo = friends.ana, friends.ben, friends.cleo
    theirs = {
        ana: [
            f"users/{ben.name}",
            f"profiles/{ben.name}",
            f"posts/{friends.bens_post['slug']}",
            f"comments/{friends.at_cleos}",
        ],
        ben: [
            f"users/{ana.name}",
            f"posts/{friends.anas_post['slug']}",
            f"comments/{friends.by_ana}",
            f"comments/{friends.at_bens}",
        ],
    }
    # Twice, so that each copy of the service has shown it.
    for _ in range(2):
        assert {status_of(one, path) for one in theirs for path in theirs[one]} == {200}
    block(ben, ana)
    for _ in range(2):
        assert {status_of(one, path) for one in theirs for path in theirs[one]} == {404}
    assert relations(ben, ana) == {"blocked_by_me"}
    for one, other, _ in friends.pairs():
        assert slugs(one, f"posts?author={other.name}") == []
    assert slugs(ana, "me/bookmarks") == slugs(ben, "me/likes") == []
    # Where others have answered it is seen that something was there.
    assert comments(ana, friends.anas_post) == {friends.by_ben: ""}
    assert comments(ana, friends.cleos_post) == comments(ben, friends.bens_post) == {}
    assert comments(cleo, friends.anas_post) == {friends.by_ben: "A word of Ben's"}
    assert likes(cleo, friends.anas_post)["like_count"] == 1


def test_from_a_block_on_neither_reaches_the_other(toby: Toby, friends: Friends) -> None:
    ana, ben = friends.ana, friends.ben
    block(ben, ana)
    friends.anas.show("post_approved", "comment_added")
    for one, other, post in friends.pairs():
        for act in ("like", "bookmark"):
            assert one.try_to("PUT", f"posts/{post['slug']}/{act}")[0] == 404
        path, said = f"posts/{post['slug']}/comments", {"body": "Let me in"}
        assert one.try_to("POST", path, said)[0] == 404
        comment(one, friends.cleos_post, f"Do you hear me, @{other.name}?")
        toby.live_post(one, f"Without {other.name}")
    assert ana.try_to("PUT", f"comments/{friends.at_cleos}/like")[0] == 404
    assert ben.try_to("PUT", f"comments/{friends.at_bens}/like")[0] == 404
    assert ana.try_to("PUT", f"profiles/{ben.name}/follow")[0] == 404
    assert ben.try_to("PUT", f"profiles/{ana.name}/follow")[1]["code"] == "blocked_by_you"
    assert_all_is_told(toby)
    friends.anas.show("post_approved", "comment_added", "post_approved")
    friends.bens.show("post_approved", "post_approved")


def test_after_an_unblock_they_see_each_other_and_neither_follows(
    toby: Toby, friends: Friends
) -> None:
    ana, ben = friends.ana, friends.ben
    block(ben, ana)
    friends.bens.show("post_approved")
    ben.call("DELETE", f"profiles/{ana.name}/block")
    assert_all_is_told(toby)
    assert relations(ana, ben) == relations(ben, ana) == set()
    assert slugs(ana, "feed") == slugs(ben, "feed") == []
    assert comments(ana, friends.anas_post) == {friends.by_ben: "A word of Ben's"}
    assert slugs(ana, "me/bookmarks") == [friends.bens_post["slug"]]
    comment(ana, friends.bens_post, "Are we friends again?")
    follow(ben, ana)
    # What was taken back has not come back.
    friends.anas.show("post_approved", "comment_added", "followed")
    friends.bens.show("post_approved", "comment_added")
    eventually(lambda: slugs(ben, "feed") == [friends.anas_post["slug"]])


def test_the_muted_are_left_out_of_feed_and_notifications_and_of_nothing_else(toby: Toby) -> None:
    ana, ben, cleo = (toby.person(name) for name in ("ana", "ben", "cleo"))
    anas, bens, cleos = (Notifications(person) for person in (ana, ben, cleo))
    anas_post, bens_post = toby.live_post(ana), toby.live_post(ben)
    anas.show("post_approved")
    bens.show("post_approved")
    follow(ana, ben)
    bens.show("post_approved", "followed")
    eventually(lambda: slugs(ana, "feed") == [bens_post["slug"]])
    heard = comment(ben, anas_post, "Heard")
    anas.show("post_approved", "comment_added")

    ana.call("PUT", f"profiles/{ben.name}/mute", {})
    assert slugs(ana, "feed") == []
    # What she does comes in order: now it is known that she mutes him.
    follow(ana, cleo)
    cleos.show("followed")
    unheard = comment(ben, anas_post, f"Unheard, @{ana.name}")
    comment(cleo, anas_post, "In between")
    toby.live_post(ben, "Not for Ana")
    ana.call("PUT", f"posts/{bens_post['slug']}/like")
    bens.show("post_approved", "followed", "post_approved", "post_liked")
    assert_all_is_told(toby)
    *_, told = anas.show("post_approved", "comment_added", "comment_added")
    assert told["actor"]["username"] == cleo.name
    assert slugs(ana, "feed") == []
    assert relations(ana, ben) == {"followed_by_me", "muted_by_me"}
    assert relations(ben, ana) == {"follows_me"}
    assert len(slugs(ana, f"posts?author={ben.name}")) == 2
    assert {heard, unheard} < set(comments(ana, anas_post))

    ana.call("DELETE", f"profiles/{ben.name}/mute")
    assert_all_is_told(toby)
    eventually(lambda: len(slugs(ana, "feed")) == 2)
    comment(ben, anas_post, "Heard again")
    *_, told = anas.show("post_approved", "comment_added", "comment_added", "comment_added")
    assert told["text"] == "Heard again"


def assert_all_is_told(toby: Toby) -> None:
    """What was done until now has been consumed, all of it, and once."""
    row = toby.reconcile()
    assert (row["missing"], row["duplicate"]) == (0, 0)


def follow(follower: Person, followee: Person) -> None:
    follower.call("PUT", f"profiles/{followee.name}/follow")


def comment(by: Person, post: Item, body: str, *, to: int = 0) -> int:
    """The id of a comment on the post, or of a reply."""
    said = {"body": body, "reply_to": to} if to else {"body": body}
    return int(by.call("POST", f"posts/{post['slug']}/comments", said)["id"])


def comments(reader: Person, post: Item) -> dict[int, str]:
    """What the reader sees on the post, but for replies, by id."""
    page = reader.call("GET", f"posts/{post['slug']}/comments")
    return {one["id"]: one["body"] for one in page["results"]}


def post_seen(reader: Person, post: Item) -> dict[str, Any]:
    return dict(reader.call("GET", f"posts/{post['slug']}"))


def likes(reader: Person, post: Item) -> dict[str, Any]:
    seen = post_seen(reader, post)
    return {name: seen[name] for name in ("like_count", "liked_by_me")}


def status_of(reader: Person, path: str) -> int:
    return reader.try_to("GET", path)[0]


def slugs(reader: Person, path: str) -> list[str]:
    return [post["slug"] for post in reader.call("GET", path)["results"]]


def people(reader: Person, path: str) -> list[str]:
    return [row["user"]["username"] for row in reader.call("GET", path)["results"]]


def counts(reader: Person, whose: Person) -> dict[str, int]:
    seen = reader.call("GET", f"profiles/{whose.name}")
    names = {"followers": "follower_count", "following": "following_count", "posts": "post_count"}
    return {name: seen[field] for name, field in names.items()}


def relations(reader: Person, whose: Person) -> set[str]:
    """Which of the profile's flags are up."""
    seen = reader.call("GET", f"profiles/{whose.name}")
    return {name for name, value in seen.items() if value is True}
