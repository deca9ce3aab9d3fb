from typing import Any

import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models

ROWS_A_STATEMENT = 100_000
COLUMNS = "reader_id, live_order, post_id, author_id"


def copy(apps: Any, schema_editor: Any) -> None:
    """In parts, each a transaction of its own where the tables are: one statement would keep what
    it writes in the log until its end."""
    with schema_editor.connection.cursor() as cursor:
        cursor.execute("SELECT COALESCE(MAX(id), 0) FROM social_timelineentry")
        last = cursor.fetchone()[0]
        for first in range(0, last, ROWS_A_STATEMENT):
            cursor.execute(
                f"INSERT INTO social_feedentry ({COLUMNS}) SELECT {COLUMNS}"
                " FROM social_timelineentry WHERE id > %s AND id <= %s",
                [first, first + ROWS_A_STATEMENT],
            )


class Migration(migrations.Migration):

    dependencies = [
        ('social', '0024_likes_not_folded'),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        # Of a copy that was ended in the middle, where a table that is made stays.
        migrations.RunSQL("DROP TABLE IF EXISTS social_feedentry", migrations.RunSQL.noop, elidable=True),
        migrations.CreateModel(
            name='FeedEntry',
            fields=[
                ('pk', models.CompositePrimaryKey('reader_id', 'live_order', blank=True, editable=False, primary_key=True, serialize=False)),
                ('reader', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.CASCADE, related_name='timeline', to=settings.AUTH_USER_MODEL)),
                ('live_order', models.PositiveBigIntegerField()),
                ('post', models.ForeignKey(db_constraint=False, db_index=False, on_delete=django.db.models.deletion.DO_NOTHING, related_name='+', to='social.post')),
                ('author_id', models.BigIntegerField()),
            ],
        ),
        migrations.RunPython(copy, migrations.RunPython.noop, atomic=False, elidable=True),
        migrations.DeleteModel(name='TimelineEntry'),
        migrations.RenameModel(old_name='FeedEntry', new_name='TimelineEntry'),
    ]
