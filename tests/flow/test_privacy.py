"""What is hidden, followed through all processes: to lists, screens, mails and rows."""

import json
from typing import Any

import pytest

from deploy.demo import Person, Screen
from tests.flow.support import Toby, database_at, eventually, items_of
from tests.flow.test_digests import (
    NOTIFICATIONS,
    databases_may_be_read,
    digests_to,
    ids_of,
    is_addressed,
    two_hours_pass,
)

__all__ = ["databases_may_be_read"]

pytestmark = pytest.mark.flow

WORD = "xyzzy"


def test_what_was_hidden_is_in_no_list_frame_mail_or_row_any_more(toby: Toby) -> None:
    ana, ben, cleo = (toby.person(name) for name in ("ana", "ben", "cleo"))
    eventually(lambda: is_addressed(toby, cleo), what="the address is known")
    cleo.call("PATCH", "notifications/preferences", {"digest": "hourly"})
    cleo.call("PUT", f"profiles/{ana.name}/follow")
    eventually(lambda: ids_of(ana, "followed"))
    start = cleo.call("GET", "notifications/counts")["token"]
    screen = Screen(cleo)
    screen.open()
    hidden, shown = toby.live_post(ana, f"The {WORD} tides"), toby.live_post(ana, "The moon")
    for post in (hidden, shown):
        toby.comment(ben, post, f"@{cleo.name} see this: {WORD if post is hidden else 'stars'}")
    eventually(lambda: len(ids_of(cleo, "mentioned")) == len(ids_of(cleo, "post_published")) == 2)
    told = items_of(cleo)
    assert WORD in json.dumps(told)
    for _ in told:
        screen.frame("item")
    for item in told:
        two_hours_pass(toby, item["id"])

    reason = {"reason": "No."}
    toby.moderator.call("POST", f"moderation/posts/{hidden['slug']}/hide", reason)
    frames = [screen.frame("item")["item"] for _ in range(2)]
    assert [frame["retracted"] for frame in frames] == [True, True]
    assert {len(frame["title"] + frame["text"] + frame["link"]) for frame in frames} == {0}
    came_back = Screen(cleo)
    came_back.token = start
    came_back.open()
    brought = [came_back.frame("item") for _ in told]
    kept = [items_of(cleo), cleo.call("GET", f"notifications/changes?after={start}"), brought]
    assert WORD not in json.dumps([*kept, frames, rows_of(toby, cleo)])
    assert "stars" in json.dumps(kept)
    toby.stack.manage("notifications", "send_digests")
    (mail,) = eventually(lambda: digests_to(toby, cleo))
    texts = [part.get_payload(decode=True).decode() for part in mail.get_payload()]
    assert all("stars" in text and WORD not in text for text in texts)


def rows_of(toby: Toby, person: Person) -> Any:
    """All that the tables of notifications say of what somebody was told."""
    with (
        database_at(toby.stack.addresses[NOTIFICATIONS]) as connection,
        connection.cursor() as cursor,
    ):
        cursor.execute(
            "SELECT user_id FROM notifications_knownuser WHERE username = %s", [person.name]
        )
        (user_id,) = cursor.fetchone()
        found = []
        for table in ("item", "fact"):
            cursor.execute(
                f"SELECT * FROM notifications_{table} WHERE recipient_id = %s", [user_id]
            )
            found += [[str(value) for value in row] for row in cursor.fetchall()]
        assert found
        return found
