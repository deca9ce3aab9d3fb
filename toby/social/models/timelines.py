"""Home feeds. A feed is a reader's entries, and the merged posts of those they follow."""

from django.db import models

from toby.social.models.posts import Post, User


class TimelineEntry(models.Model):
    """A post in a reader's home feed, put there by the timeline consumer when it went live."""

    reader = models.ForeignKey(User, on_delete=models.CASCADE, related_name="timeline")
    post = models.ForeignKey(Post, on_delete=models.CASCADE, related_name="+")
    author_id = models.BigIntegerField()
    live_order = models.PositiveBigIntegerField()

    class Meta:
        constraints = (
            models.UniqueConstraint(fields=["reader", "post"], name="a_post_is_in_a_feed_once"),
        )
        indexes = (
            models.Index(fields=["reader", "live_order"], name="feed_newest_first"),
            models.Index(fields=["reader", "author_id"], name="feed_rows_of_an_author"),
        )

    def __str__(self) -> str:
        return f"post {self.post_id} for {self.reader_id}"


class MergedAuthor(models.Model):
    """Somebody who has merged posts: few, since each has had very many followers."""

    user = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True, related_name="+")

    def __str__(self) -> str:
        return f"merged posts of user {self.pk}"
