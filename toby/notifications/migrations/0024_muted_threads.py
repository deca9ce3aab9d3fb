from typing import Any

from django.db import migrations, models
from django.db.models import CharField, F, Value
from django.db.models.functions import Cast, Concat

from toby.common.fields import ExactCharField


def name_posts(apps: Any, schema_editor: Any) -> None:
    rows = apps.get_model("notifications", "Muted").objects.using(schema_editor.connection.alias)
    rows.update(subject=Concat(Value("post:"), Cast(F("post_id"), CharField(max_length=20))))


class Migration(migrations.Migration):
    dependencies = [
        ("notifications", "0023_follow_times"),
    ]

    operations = [
        migrations.RenameModel("MutedPost", "Muted"),
        migrations.AddField(
            model_name="muted",
            name="subject",
            field=ExactCharField(max_length=40, default=""),
            preserve_default=False,
        ),
        migrations.RunPython(name_posts, migrations.RunPython.noop, elidable=True),
        migrations.RemoveConstraint(model_name="muted", name="a_post_is_muted_once"),
        migrations.RemoveField(model_name="muted", name="post_id"),
        migrations.AddConstraint(
            model_name="muted",
            constraint=models.UniqueConstraint(
                fields=("subject", "user_id"), name="all_is_muted_once"
            ),
        ),
        migrations.RenameIndex(
            model_name="muted", new_name="what_a_user_mutes", old_name="muted_posts_of_a_user"
        ),
    ]
