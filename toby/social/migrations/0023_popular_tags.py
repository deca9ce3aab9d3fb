import toby.common.fields
from django.db import migrations, models
from django.db.models.functions import Substr

from toby.social import popularity


def fill_in(apps, schema_editor):
    """Tags that were there before know how they begin, and how popular they are."""
    tags, under = apps.get_model("social", "Tag").objects, apps.get_model("social", "PostTag").objects
    tags.update(initial=Substr("name", 1, 1), initials=Substr("name", 1, 2))
    for tag in tags.filter(post_count__gt=0).iterator():
        times = under.filter(tag=tag).order_by("-live_order").values_list("post__published_at", flat=True)
        score = popularity.total(map(popularity.weight, times), tag.post_count)
        if score is not None:
            place = popularity.place(score, tag.pk)
            tags.filter(pk=tag.pk).update(score=score, popular_order=place)


class Migration(migrations.Migration):

    dependencies = [
        ('social', '0022_graph'),
    ]

    operations = [
        migrations.AddField(
            model_name='tag',
            name='initial',
            field=toby.common.fields.ExactCharField(default='', max_length=1),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='tag',
            name='initials',
            field=toby.common.fields.ExactCharField(default='', max_length=2),
            preserve_default=False,
        ),
        migrations.AddField(
            model_name='tag',
            name='score',
            field=models.FloatField(null=True),
        ),
        migrations.AddField(
            model_name='tag',
            name='popular_order',
            field=models.PositiveBigIntegerField(db_index=True, null=True),
        ),
        migrations.RunPython(fill_in, migrations.RunPython.noop),
        migrations.AddIndex(
            model_name='tag',
            index=models.Index(fields=['initial', 'post_count'], name='most_used_of_an_initial'),
        ),
        migrations.AddIndex(
            model_name='tag',
            index=models.Index(fields=['initials', 'post_count'], name='most_used_of_two_initials'),
        ),
    ]
