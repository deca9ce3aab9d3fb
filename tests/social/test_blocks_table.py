"""What a block means for each endpoint. Of a pair, whoever of the two blocks, neither sees a word
or the name of the other, and nothing that one does works on what is the other's.

An endpoint that is in none of the tables fails: HOW_TO_ADD_ONE says what to do.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest

from tests.factories import (
    Answer,
    Caller,
    make_block,
    make_bookmark,
    make_comment,
    make_follow,
    make_like,
    make_live_post,
    make_moderator,
    make_mute,
    make_user,
    principal,
)
from tests.house.support import ENDPOINTS
from toby.accounts.models import User
from toby.events import CommentAdded
from toby.outbox.models import OutboxEvent
from toby.social.services import featuring, timelines

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]

HOW_TO_ADD_ONE = """
Say what a block means for it, in tests/social/test_blocks_table.py:
 - in SHOWN, if it is a GET that may show words, names or pictures of other people: where to look.
   Have `Site` make something of `other` that stands there while nobody blocks.
 - in DONE, if it does something to what is somebody's, or to a person: what to do, with its body.
 - in NOTHING, if it has nothing to do with other people, or is for moderators: why.
Read with `selectors` and querysets that use `apart`; write with `lock_live_post(slug, by)`, which
refuses whoever is apart.
"""

# In everything that the other wrote, and in their name; it can stand in a username and be searched.
UNSEEN = "unseen"
DIRECTIONS = ("nobody", "me", "other")


@dataclass(frozen=True, slots=True)
class Site:
    """`me` and the `other`, who follow each other, and have done all there is to do to what each
    has written, and to what a `third` has."""

    me: User
    other: User
    names: dict[str, object]

    def path(self, place: str) -> str:
        return place.format(**self.names)

    def block(self, who: str) -> None:
        if who == "me":
            make_block(self.me, self.other)
        elif who == "other":
            make_block(self.other, self.me)


@pytest.fixture
def site() -> Site:
    me, third = make_user("me"), make_user("third")
    other = make_user(f"{UNSEEN}-other", display_name=f"The {UNSEEN}")
    for follower, followee in ((me, other), (other, me), (me, third), (other, third)):
        make_follow(follower, followee)
        make_follow(followee, follower)
    mine, thirds = make_live_post(me), make_live_post(third)
    text = {"title": f"{UNSEEN} title", "body": f"{UNSEEN} body"}
    post = make_live_post(other, tags=["sea"], **text)
    featuring.feature_posts(slugs=[post.slug], by=principal(make_moderator()))
    for one in (mine, thirds, post):
        timelines.add_post(post_id=one.pk)
        make_like(one, other)
        make_like(one, me)
        make_bookmark(one, me)
    on_mine, comment = (make_comment(one, other, f"{UNSEEN} comment") for one in (mine, thirds))
    make_comment(mine, third, to=on_mine)
    answered = make_comment(thirds, me)
    make_comment(thirds, other, f"{UNSEEN} reply", to=answered)
    make_comment(post, me)
    make_like(answered, other)
    make_like(comment, me)
    return Site(
        me,
        other,
        {
            "other": other.username,
            "third": third.username,
            "post": post.slug,
            "mine": mine.slug,
            "thirds": thirds.slug,
            "comment": comment.pk,
            "on_mine": on_mine.pk,
            "answered": answered.pk,
        },
    )


# Where the other can be seen while nobody blocks.
SHOWN: dict[str, list[str]] = {
    "GET api/v1/users/<slug:username>": ["users/{other}"],
    "GET api/v1/posts": ["posts", "posts?author={other}", "posts?tag=sea"],
    "GET api/v1/search": ["search?q=unseen", "search?q=title&author={other}"],
    "GET api/v1/posts/<slug:slug>": ["posts/{post}"],
    "GET api/v1/posts/<slug:slug>/comments": ["posts/{thirds}/comments", "posts/{mine}/comments"],
    # Of what somebody else has answered a tombstone is left.
    "GET api/v1/comments/<id:comment_id>": ["comments/{comment}", "comments/{on_mine}"],
    "GET api/v1/comments/<id:comment_id>/replies": ["comments/{answered}/replies"],
    "GET api/v1/comments/<id:comment_id>/thread": [
        "comments/{answered}/thread",
        "comments/{on_mine}/thread",
    ],
    "GET api/v1/feed": ["feed"],
    "GET api/v1/posts/<slug:slug>/likes": ["posts/{thirds}/likes"],
    "GET api/v1/comments/<id:comment_id>/likes": ["comments/{answered}/likes"],
    "GET api/v1/me/comments": ["me/comments"],
    "GET api/v1/me/likes": ["me/likes"],
    "GET api/v1/me/bookmarks": ["me/bookmarks"],
    "GET api/v1/profiles/<slug:username>": ["profiles/{other}"],
    "GET api/v1/profiles/<slug:username>/followers": ["profiles/{third}/followers"],
    "GET api/v1/profiles/<slug:username>/following": ["profiles/{third}/following"],
    "GET api/v1/me/mutes": ["me/mutes"],
    "GET api/v1/posts/featured": ["posts/featured"],
}
# What is done before one looks there: elsewhere it would hide the other already.
BEFORE = {"GET api/v1/me/mutes": lambda site: make_mute(site.me, site.other)}
# But that whoever blocks sees whom they block, to undo it.
SEEN_BY_WHO_BLOCKS = {"GET api/v1/profiles/<slug:username>"}
# InnoDB's index tells of what is committed only.
COMMITTED_ONLY = {"GET api/v1/search"}


class Deed(NamedTuple):
    """Refused to both as if there were nothing there; `who_blocks` is what whoever blocks gets
    where that is something else. In `body`, what stands in braces is one of the site's names."""

    path: str
    body: Any = {}
    who_blocks: int = 404


# What one may do to the other and what is theirs while nobody blocks.
DONE: dict[str, list[Deed]] = {
    "POST api/v1/posts/<slug:slug>/comments": [
        Deed("posts/{post}/comments", {"body": "Hm"}),
        Deed("posts/{thirds}/comments", {"body": "Hm", "reply_to": "{comment}"}),
    ],
    "PUT api/v1/posts/<slug:slug>/like": [Deed("posts/{post}/like")],
    "DELETE api/v1/posts/<slug:slug>/like": [Deed("posts/{post}/like")],
    "PUT api/v1/comments/<id:comment_id>/like": [
        Deed("comments/{comment}/like"),
        Deed("comments/{on_mine}/like"),
    ],
    "DELETE api/v1/comments/<id:comment_id>/like": [
        Deed("comments/{comment}/like"),
        Deed("comments/{on_mine}/like"),
    ],
    "PUT api/v1/posts/<slug:slug>/bookmark": [Deed("posts/{post}/bookmark")],
    "POST api/v1/posts/<slug:slug>/report": [Deed("posts/{post}/report", {"reason": "spam"})],
    # On one's own post.
    "DELETE api/v1/comments/<id:comment_id>": [Deed("comments/{on_mine}")],
    "POST api/v1/comments/<id:comment_id>/report": [
        Deed("comments/{comment}/report", {"reason": "spam"}),
        Deed("comments/{on_mine}/report", {"reason": "spam"}),
    ],
    "PUT api/v1/profiles/<slug:username>/follow": [Deed("profiles/{other}/follow", {}, 409)],
    "DELETE api/v1/profiles/<slug:username>/follow": [Deed("profiles/{other}/follow", {}, 204)],
    "PUT api/v1/profiles/<slug:username>/mute": [Deed("profiles/{other}/mute", {}, 204)],
    "DELETE api/v1/profiles/<slug:username>/mute": [Deed("profiles/{other}/mute", {}, 204)],
    "DELETE api/v1/me/followers/<slug:username>": [Deed("me/followers/{other}", {}, 204)],
}

ACCOUNT = "of one's own account"
OWN = "of what is one's own"
MODERATORS = "moderators decide on what is there, whatever they block, and whoever blocks them"
NOTICES = "by events: tests/notifications/"
NOTHING = {
    "POST api/v1/auth/register": ACCOUNT,
    "POST api/v1/auth/verify-email": ACCOUNT,
    "POST api/v1/auth/resend-code": ACCOUNT,
    "POST api/v1/auth/login": ACCOUNT,
    "POST api/v1/auth/refresh": ACCOUNT,
    "POST api/v1/auth/logout": ACCOUNT,
    "POST api/v1/auth/logout-all": ACCOUNT,
    "GET api/v1/auth/sessions": ACCOUNT,
    "DELETE api/v1/auth/sessions": ACCOUNT,
    "DELETE api/v1/auth/sessions/<uuid:session_id>": ACCOUNT,
    "POST api/v1/auth/password/forgot": ACCOUNT,
    "POST api/v1/auth/password/reset": ACCOUNT,
    "POST api/v1/auth/password/change": ACCOUNT,
    "GET api/v1/auth/tokens": ACCOUNT,
    "POST api/v1/auth/tokens": ACCOUNT,
    "DELETE api/v1/auth/tokens/<uuid:token_id>": ACCOUNT,
    "POST api/v1/auth/tokens/trade": ACCOUNT,
    "POST api/v1/auth/email/undo": ACCOUNT,
    "POST api/v1/users/me/email": ACCOUNT,
    "POST api/v1/users/me/email/confirm": ACCOUNT,
    "GET api/v1/users/me": ACCOUNT,
    "PATCH api/v1/users/me": ACCOUNT,
    "DELETE api/v1/users/me": ACCOUNT,
    "POST api/v1/auth/deletion/undo": ACCOUNT,
    "GET api/v1/users/me/export": ACCOUNT,
    "POST api/v1/users/me/export": ACCOUNT,
    "GET api/v1/users/me/export/file": "of what one did oneself, to whom too",
    "POST api/v1/posts": OWN,
    "POST api/v1/preview": OWN,
    "PUT api/v1/posts/<slug:slug>": OWN,
    "DELETE api/v1/posts/<slug:slug>": OWN,
    "POST api/v1/posts/<slug:slug>/submit": OWN,
    "POST api/v1/posts/<slug:slug>/withdraw": OWN,
    "GET api/v1/posts/<slug:slug>/revisions": OWN,
    "GET api/v1/me/posts": OWN,
    "DELETE api/v1/posts/<slug:slug>/bookmark": OWN,
    "PATCH api/v1/comments/<id:comment_id>": OWN,
    "PUT api/v1/posts/<slug:slug>/comments-closed": OWN,
    "DELETE api/v1/posts/<slug:slug>/comments-closed": OWN,
    "PUT api/v1/profiles/<slug:username>/block": "else who blocks first could not be blocked",
    "DELETE api/v1/profiles/<slug:username>/block": "undone by whoever blocks",
    "GET api/v1/feed/new": "how many, of those whom one follows",
    "GET api/v1/me/blocks": "of those whom one blocks oneself",
    "GET api/v1/tags": "of words that many use",
    "GET api/v1/tags/popular": "of words that many use",
    "GET api/v1/tags/featured": "of words that many use",
    "GET api/v1/tags/<str:name>": "of words that many use",
    **{e.name: MODERATORS for e in ENDPOINTS if e.route.startswith("api/v1/moderation/")},
    **{e.name: NOTICES for e in ENDPOINTS if e.service == "notifications"},
}


def test_for_every_endpoint_it_is_said_what_a_block_means() -> None:
    said = [*SHOWN, *DONE, *NOTHING]
    there = {endpoint.name for endpoint in ENDPOINTS}
    assert not there - set(said), f"{sorted(there - set(said))}{HOW_TO_ADD_ONE}"
    assert not set(said) - there, f"gone by now: {sorted(set(said) - there)}"
    assert len(said) == len(set(said)), "in one table each"


def cases(table: dict[str, Any]) -> pytest.MarkDecorator:
    committed = pytest.mark.django_db(transaction=True)
    found = [
        pytest.param(
            name, case, id=f"{name} {case}", marks=committed if name in COMMITTED_ONLY else ()
        )
        for name, each in table.items()
        for case in each
    ]
    return pytest.mark.parametrize(("name", "case"), found)


@cases(SHOWN)
@pytest.mark.parametrize("who_blocks", DIRECTIONS)
def test_of_a_pair_neither_sees_the_other(
    site: Site, name: str, case: str, who_blocks: str
) -> None:
    BEFORE.get(name, id)(site)
    path, caller = f"/api/v1/{site.path(case)}", Caller(site.me)
    # What was seen before is not shown from a cache.
    assert UNSEEN in words(caller.get(path).body, path)
    site.block(who_blocks)
    seen = who_blocks == "nobody" or (who_blocks == "me" and name in SEEN_BY_WHO_BLOCKS)
    assert (UNSEEN in words(caller.get(path).body, path)) == seen


def words(body: Any, path: str) -> str:
    """What is shown, but for what was asked for."""
    if "results" in body:
        return str(body["results"])
    return str({**body, "instance": ""}).replace(path, "")


@cases(DONE)
@pytest.mark.parametrize("who_blocks", DIRECTIONS)
def test_nothing_works_on_what_is_the_others(
    site: Site, name: str, case: Deed, who_blocks: str
) -> None:
    caller, method = Caller(site.me), name.partition(" ")[0]

    def act(names: dict[str, object]) -> Answer:
        body = {key: names.get(str(value).strip("{}"), value) for key, value in case.body.items()}
        return caller.call(method, f"/api/v1/{case.path.format(**names)}", body or None)

    site.block(who_blocks)
    before = OutboxEvent.objects.count()
    answer = act(site.names)
    if who_blocks == "nobody":
        assert answer.status in {201, 204}
    elif who_blocks == "me" and case.who_blocks != 404:
        assert answer.status == case.who_blocks
    else:
        not_there = {**site.names, "other": "nobody-x", "post": "nothing"}
        not_there |= {"comment": 999_999_999, "on_mine": 999_999_999}
        missing = act(not_there)
        assert answer.status == missing.status == 404
        assert {**answer.body, "request_id": ""} == {**missing.body, "request_id": ""}
        assert OutboxEvent.objects.count() == before


@pytest.mark.parametrize("place", ["posts/{mine}/comments", "posts/{thirds}/comments"])
@pytest.mark.parametrize("who_blocks", DIRECTIONS)
def test_neither_mentions_the_other(site: Site, place: str, who_blocks: str) -> None:
    site.block(who_blocks)
    body = {"body": f"Look, @{site.other.username}"}
    said = Caller(site.me).post(f"/api/v1/{site.path(place)}", body).body
    event = CommentAdded.from_json(bytes(OutboxEvent.objects.latest("id").data))
    mentioned = who_blocks == "nobody"
    assert ('class="mention"' in said["html"]) == mentioned
    assert event.mentions == (site.other.pk,) * mentioned
