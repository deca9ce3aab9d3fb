"""The notifications service and its consumers; it shares no database with the others."""

from toby.settings.base import *  # noqa: F403  a settings module is its base plus what differs
from toby.settings.base import DATABASE_JOBS, INSTALLED_APPS, SPECTACULAR_SETTINGS
from toby.settings.environment import database, read

SERVICE = "notifications"
DATABASES = {
    "default": read(
        "NOTIFICATIONS_DATABASE_URL",
        database,
        like="mysql://user:password@host:3306/toby_notifications",
    )
}
INSTALLED_APPS = ["channels", *INSTALLED_APPS, "toby.notifications"]
ROOT_URLCONF = "toby.notifications.urls"
ASGI_APPLICATION = "toby.asgi.application"
CONSUMERS = {
    "notifications": "toby.notifications.handlers.handlers",
    "notification-fanout": "toby.notifications.handlers.chunks",
}
PERIODIC_JOBS = [
    *DATABASE_JOBS,
    ("toby.notifications.jobs.send_digests", 60),
    ("toby.notifications.jobs.purge_digests", 3600),
    ("toby.notifications.jobs.prune", 60),
    ("toby.notifications.services.purge_read_all", 3600),
]
SPECTACULAR_SETTINGS = {**SPECTACULAR_SETTINGS, "TITLE": "Toby: notifications"}
