"""The full-text index as the ORM may ask it: FULLTEXT on MariaDB and MySQL, FTS5 on SQLite."""

from collections.abc import Sequence
from typing import Any

from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.models import Func, Lookup, TextField
from django.db.models.sql.compiler import SQLCompiler

from toby.social.terms import Term, for_mysql, for_sqlite


class HasTerms(Lookup):
    """Whether a row of SearchEntry has all the terms.

    A lookup, since the ORM compares any other condition with True on MySQL, where this is a number.
    """

    prepare_rhs = False

    def __init__(self, terms: Sequence[Term]) -> None:
        columns = ("title", "body", "tags", "author")
        super().__init__(
            Func(*columns, template="%(expressions)s", output_field=TextField()), tuple(terms)
        )

    def as_mysql(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper
    ) -> tuple[str, list[Any]]:
        columns, _ = self.process_lhs(compiler, connection)
        return f"MATCH ({columns}) AGAINST (%s IN BOOLEAN MODE)", [for_mysql(self.rhs)]

    def as_sqlite(
        self, compiler: SQLCompiler, connection: BaseDatabaseWrapper
    ) -> tuple[str, list[Any]]:
        table = compiler.quote_name_unless_alias("social_searchentry")
        found = "SELECT rowid FROM social_search_words WHERE social_search_words MATCH %s"
        return f"{table}.post_id IN ({found})", [for_sqlite(self.rhs)]
