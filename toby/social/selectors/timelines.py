"""Home feeds."""

from toby.common.prepared import Listed, Prepared
from toby.common.principals import Principal
from toby.social.models import TimelineEntry, muted
from toby.social.selectors.posts import listed

FEED = Prepared(
    lambda reader: listed(
        TimelineEntry.objects.filter(~muted(reader, "author_id"), reader_id=reader),
        reader,
        "post__",
    )
)


def feed_of(principal: Principal) -> Listed:
    return FEED.of(reader=principal.user_id)
