import django.db.models.deletion
from django.db import migrations, models

COLUMNS = ("title", "body", "tags", "author")
NAMES = ", ".join(COLUMNS)


def of(row):
    return ", ".join(f"{row}.{column}" for column in COLUMNS)


ADD = f"INSERT INTO social_search_words (rowid, {NAMES}) VALUES (new.post_id, {of('new')});"
REMOVE = (
    f"INSERT INTO social_search_words (social_search_words, rowid, {NAMES})"
    f" VALUES ('delete', old.post_id, {of('old')});"
)
MAKE = {
    "mysql": [f"CREATE FULLTEXT INDEX social_search_words ON social_searchentry ({NAMES})"],
    # The words are kept once, in the model's table; triggers keep the index in step with it.
    "sqlite": [
        f"CREATE VIRTUAL TABLE social_search_words USING fts5({NAMES},"
        " content='social_searchentry', content_rowid='post_id', tokenize=\"ascii tokenchars '_'\")",
        f"CREATE TRIGGER search_words_added AFTER INSERT ON social_searchentry BEGIN {ADD} END",
        "CREATE TRIGGER search_words_removed AFTER DELETE ON social_searchentry"
        f" BEGIN {REMOVE} END",
        "CREATE TRIGGER search_words_changed AFTER UPDATE ON social_searchentry"
        f" BEGIN {REMOVE} {ADD} END",
    ],
}
REMOVE_ALL = {
    "mysql": ["DROP INDEX social_search_words ON social_searchentry"],
    "sqlite": [
        "DROP TRIGGER search_words_added",
        "DROP TRIGGER search_words_removed",
        "DROP TRIGGER search_words_changed",
        "DROP TABLE social_search_words",
    ],
}


def make(apps, schema_editor):
    for statement in MAKE[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


def unmake(apps, schema_editor):
    for statement in REMOVE_ALL[schema_editor.connection.vendor]:
        schema_editor.execute(statement)


class Migration(migrations.Migration):

    dependencies = [
        ('social', '0009_comments'),
    ]

    operations = [
        migrations.CreateModel(
            name='SearchEntry',
            fields=[
                ('post', models.OneToOneField(on_delete=django.db.models.deletion.CASCADE, primary_key=True, related_name='search_entry', serialize=False, to='social.post')),
                ('title', models.TextField()),
                ('body', models.TextField()),
                ('tags', models.TextField()),
                ('author', models.TextField()),
                ('text', models.TextField()),
                ('live_order', models.PositiveBigIntegerField()),
            ],
        ),
        # MySQL and MariaDB end a transaction before such a statement: it is run in none.
        migrations.RunPython(make, unmake, atomic=False),
    ]
