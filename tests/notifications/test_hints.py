"""What is told of a commit, and in how large messages."""

import pytest

from tests.factories import make_user
from tests.notifications.support import approved, assert_counts_are_right, consume
from tests.notifications.test_sockets import bearer, connected, in_thread, newer, play
from toby.common import session_store
from toby.notifications import hints, hub, live, services
from toby.notifications.hints import Hint, announce, in_messages, run_in_worker
from toby.notifications.places import take_place
from toby.notifications.services import mark

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("redis")]


def test_of_very_many_changes_no_frames_are_sent_and_who_is_connected_reads_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hints, "FRAMES_A_HINT", 2)
    monkeypatch.setattr(services, "MARKED_AT_ONCE", 3)
    ana = make_user("ana")
    consume(*(approved(ana.pk, number) for number in range(8)))
    headers = bearer(ana)

    async def scenario() -> None:
        async with connected(**headers) as socket:
            await socket.frame(of="ready")
            _, told = await in_thread(mark)(user_id=ana.pk, state="read", up_to=8)
            assert [len(hint.frames) for hint in told] == [0, 0, 2]
            await announce(told[:2])
            for seq in range(9, 17):
                item = (await socket.frame(of="item"))["item"]
                assert (item["seq"], item["state"]) == (seq, "read")
            assert (await socket.frame())["unread"] == 0
            # Of what it has read already.
            await announce(told)
            assert await socket.is_silent()

    play(scenario)
    assert_counts_are_right(ana.pk)


@pytest.mark.parametrize("is_connected", [True, False])
def test_only_who_is_connected_is_hinted(is_connected: bool) -> None:
    async def scenario() -> None:
        layer = hints.the_layer()
        channel, group = await layer.new_channel(), hints.shard_group(7)
        await layer.group_add(group, channel)
        if is_connected:
            await in_thread(take_place)(7)
        await in_thread(consume)(approved(7))
        await layer.group_send(group, {"type": "last"})
        told = [(await layer.receive(channel))["type"] for _ in range(1 + is_connected)]
        assert told == ["hints"] * is_connected + ["last"]

    play(scenario)


def test_a_hint_is_not_lost_with_a_connection_that_has_died_while_nothing_was_sent(
    caplog: pytest.LogCaptureFixture,
) -> None:
    for _ in range(2):
        run_in_worker(announce([hint_of(1)]))
        session_store.connection().client_kill_filter(_type="normal", skipme=True)
    assert [record.message for record in caplog.records if record.message == "hint.lost"] == []


@pytest.mark.parametrize(
    ("frames", "messages"),
    [([], []), ([0] * 201, [200, 1]), ([100, 100, 1], [2, 1]), ([150, 100], [1, 1]), ([300], [1])],
)
def test_a_message_is_cut_by_the_frames_in_it(frames: list[int], messages: list[int]) -> None:
    told = [hint_of(count) for count in frames]
    assert [len(part) for part in in_messages(told)] == messages
    assert [hint for part in in_messages(told) for hint in part] == told


def test_what_is_more_than_may_wait_for_a_client_is_read_from_the_database(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ana = make_user("ana")
    hint, headers = newer(ana), bearer(ana)
    monkeypatch.setattr(live, "WINDOW_BYTES", len(hint.frames[0][1]) - 1)

    async def scenario() -> None:
        async with connected(**headers) as socket:
            await socket.frame(of="ready")
            (ours,) = hub.this_hub().sockets()
            ours.deliver(hint)
            # It knows nothing of this.
            assert await socket.is_silent()

    play(scenario)


def hint_of(count: int) -> Hint:
    return Hint(
        user_id=1,
        epoch="000000000000",
        prev=0,
        seq=count,
        unread=0,
        unseen=0,
        frames=[(seq, "{}") for seq in range(1, count + 1)],
    )
