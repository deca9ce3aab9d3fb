"""Home feeds. A feed is a reader's entries, and the merged posts of those they follow."""

from django.db import models

from toby.social.models.posts import Post, User


class TimelineEntry(models.Model):
    """A post in a reader's home feed, put there by the timeline consumer when it went live.

    The table is nothing but its primary key's tree, in the order in which feeds are read: a post of
    somebody with ten thousand followers is ten thousand rows. A post has one place in lists for
    good, so it is in a feed once. Of reader and post the database asks nothing: rows are written
    under locks of the follow and of the live post.
    """

    pk = models.CompositePrimaryKey("reader_id", "live_order")
    reader = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="timeline", db_constraint=False, db_index=False
    )
    live_order = models.PositiveBigIntegerField()
    # Whoever deletes a post takes its rows out by themselves: timelines.remove_posts.
    post = models.ForeignKey(
        Post, on_delete=models.DO_NOTHING, related_name="+", db_constraint=False, db_index=False
    )
    author_id = models.BigIntegerField()

    def __str__(self) -> str:
        return f"post {self.post_id} for {self.reader_id}"


class MergedAuthor(models.Model):
    """Somebody who has merged posts: few, since each has had very many followers."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True, related_name="+")

    def __str__(self) -> str:
        return f"merged posts of user {self.pk}"
