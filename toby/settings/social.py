"""The social service, Django admin, the outbox relay and the timeline consumer."""

from toby.settings.base import *  # noqa: F403  a settings module is its base plus what differs
from toby.settings.base import (
    ADMIN_MIDDLEWARE,
    DATABASE_JOBS,
    INSTALLED_APPS,
    SHARED_DATABASE_APPS,
    SPECTACULAR_SETTINGS,
)
from toby.settings.environment import database, read

SERVICE = "social"
DATABASES = {"default": read("DATABASE_URL", database, like="mysql://user:password@host:3306/toby")}
INSTALLED_APPS = [*INSTALLED_APPS, *SHARED_DATABASE_APPS]
MIDDLEWARE = ADMIN_MIDDLEWARE
ROOT_URLCONF = "toby.social.urls"
CONSUMERS = {
    "timeline": "toby.social.handlers.handlers",
    "timeline-fanout": "toby.social.handlers.chunks",
}
PERIODIC_JOBS = [
    *DATABASE_JOBS,
    ("toby.outbox.jobs.prune", 600),
    ("toby.accounts.jobs.purge_sessions", 3600),
    ("toby.accounts.jobs.purge_expired", 600),
    ("toby.accounts.jobs.delete_accounts", 600),
    ("toby.social.jobs.purge_deleted_posts", 3600),
    ("toby.social.jobs.purge_deleted_comments", 3600),
    ("toby.social.jobs.purge_idempotency_keys", 600),
    ("toby.social.jobs.end_mutes", 10),
    ("toby.social.services.like_counts.fold_likes", 5),
]
SPECTACULAR_SETTINGS = {**SPECTACULAR_SETTINGS, "TITLE": "Toby: social"}
