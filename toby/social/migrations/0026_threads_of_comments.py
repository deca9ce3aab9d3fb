from typing import Any

from django.db import migrations, models

ROWS_AT_ONCE = 5_000


def fill(apps: Any, schema_editor: Any) -> None:
    """In order of ids, as what is answered is older than its answer, and in parts, of which each
    reads only the threads of what its comments answer."""
    rows = apps.get_model("social", "Comment").objects.using(schema_editor.connection.alias)
    last = 0
    while True:
        part = list(rows.filter(id__gt=last).order_by("id").only("id", "parent_id")[:ROWS_AT_ONCE])
        if not part:
            return
        answered = {comment.parent_id for comment in part if comment.parent_id}
        threads = dict(rows.filter(id__in=answered).values_list("id", "thread_id"))
        for comment in part:
            comment.thread_id = threads.get(comment.parent_id) or comment.pk
            threads[comment.pk] = comment.thread_id
        rows.bulk_update(part, ["thread_id"], batch_size=500)
        last = part[-1].pk


class Migration(migrations.Migration):
    dependencies = [
        ("social", "0025_feeds_by_reader"),
    ]

    operations = [
        migrations.AddField(
            model_name="comment",
            name="thread_id",
            field=models.BigIntegerField(null=True),
        ),
        migrations.RunPython(fill, migrations.RunPython.noop, elidable=True),
    ]
