"""The auth service."""

from toby.settings.base import *  # noqa: F403  a settings module is its base plus what differs
from toby.settings.base import (
    INSTALLED_APPS,
    SHARED_DATABASE_APPS,
    SILENCED_SYSTEM_CHECKS,
    SPECTACULAR_SETTINGS,
)
from toby.settings.environment import database, read

SERVICE = "auth"
DATABASES = {"default": read("DATABASE_URL", database, like="mysql://user:password@host:3306/toby")}
INSTALLED_APPS = [*INSTALLED_APPS, *SHARED_DATABASE_APPS]
ROOT_URLCONF = "toby.accounts.urls"
SPECTACULAR_SETTINGS = {**SPECTACULAR_SETTINGS, "TITLE": "Toby: auth"}
# Admin is installed for its table, which refers to users, but served by social.
SILENCED_SYSTEM_CHECKS = [*SILENCED_SYSTEM_CHECKS, "admin.E408", "admin.E409", "admin.E410"]
