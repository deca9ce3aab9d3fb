"""The languages that people are told things in: catalogues of gettext, which
`deploy/translations.py` makes of `locale/*/LC_MESSAGES/django.po`. Words stand in the code in
English."""

from functools import cache
from gettext import NullTranslations, translation
from pathlib import Path

from toby.notifications.models import Language

LOCALE = Path(__file__).parent / "locale"


@cache
def catalogue(language: str) -> NullTranslations:
    """Of a language that is not known here, a newer copy's say, the English one."""
    if language not in Language.values or language == Language.ENGLISH:
        return NullTranslations()
    return translation("django", LOCALE, [language])


def words(text: str) -> str:
    """Marks English words that are to be translated, and leaves them as they are."""
    return text


def one_or_more(one: str, more: str) -> tuple[str, str]:
    """As `words`, where their number decides."""
    return one, more
