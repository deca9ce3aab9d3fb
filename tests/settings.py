"""All three services in one process and one database: what the unit tests and mypy see."""

import os
from datetime import timedelta

# Where tests.servers has not said otherwise (mypy): nothing is connected to.
for name, value in {
    "TOBY_SECRET_KEY": "a key for tests, long enough to be accepted",
    "TOBY_TOKEN_KEY": "another key for tests, long enough as well",
    "TOBY_PUBLIC_ORIGIN": "http://127.0.0.1:8000",
    "TOBY_ALLOWED_HOSTS": "127.0.0.1,localhost,testserver",
    "DATABASE_URL": "sqlite:///var/test/unit.sqlite3",
    "REDIS_URL": "redis://127.0.0.1:1/5",
    "CACHE_URL": "redis://127.0.0.1:1/6",
    "KAFKA_BOOTSTRAP_SERVERS": "127.0.0.1:1",
}.items():
    os.environ.setdefault(name, value)

from toby.settings.base import *  # noqa: F403, E402  a settings module is its base plus what differs
from toby.settings.base import ADMIN_MIDDLEWARE, INSTALLED_APPS, SHARED_DATABASE_APPS  # noqa: E402
from toby.settings.environment import database, read  # noqa: E402

SERVICE = "social"
DATABASES = {"default": read("DATABASE_URL", database, like="a database URL")}
if "sqlite3" in DATABASES["default"]["ENGINE"]:
    # In memory it would be one connection for all threads, and no lock between them.
    DATABASES["default"]["TEST"] = {"NAME": f"{DATABASES['default']['NAME']}.unit"}
INSTALLED_APPS = ["channels", *INSTALLED_APPS, *SHARED_DATABASE_APPS, "toby.notifications"]
MIDDLEWARE = ADMIN_MIDDLEWARE
ROOT_URLCONF = "tests.urls"
CONSUMERS = {"notifications": "toby.notifications.handlers.handlers"}
PERIODIC_JOBS = [("toby.outbox.jobs.prune", 600)]
THROTTLES = False
NEW_ACCOUNT_FOR = timedelta(0)
REGISTRATION = "direct"
# Otherwise each test client would scan all static files at its start.
WHITENOISE_AUTOREFRESH = True
