"""What the three services share. Reads the environment once, typed (`environment.read`)."""

from datetime import timedelta
from pathlib import Path
from typing import TypedDict

from toby.common.logging import logging_config
from toby.settings.environment import (
    at_least,
    flag,
    long_key,
    mail,
    not_negative,
    one_of,
    origin,
    positive,
    read,
    redis_url,
    words,
)


class Export(TypedDict):
    """The functions that give an export's files, and the one that tells its owner."""

    files: list[str]
    tell: str


ROOT = Path(__file__).resolve().parents[2]

SECRET_KEY = read("TOBY_SECRET_KEY", long_key, like="50 random characters")
# Refresh tokens are derived with it: changing it ends every session.
TOKEN_KEY = read("TOBY_TOKEN_KEY", long_key, like="50 random characters")
DEBUG = read("TOBY_DEBUG", flag, like="0 or 1", default=False)
PUBLIC_ORIGIN = read("TOBY_PUBLIC_ORIGIN", origin, like="https://toby.example")
ALLOWED_HOSTS = read("TOBY_ALLOWED_HOSTS", words, like="toby.example,localhost")
PROCESS_NAME = read("TOBY_PROCESS", str, like="social-1", default="toby")

REDIS_URL = read("REDIS_URL", redis_url, like="redis://127.0.0.1:6379/0")
REDIS_TIMEOUT_S = 0.3
KAFKA_BOOTSTRAP_SERVERS = read("KAFKA_BOOTSTRAP_SERVERS", str, like="127.0.0.1:9092")
# A broker that keeps its log in memory: the relay sends the retained outbox again at each start.
KAFKA_IS_VOLATILE = read("TOBY_KAFKA_VOLATILE", flag, like="0 or 1", default=False)
KAFKA_PARTITIONS = read("TOBY_KAFKA_PARTITIONS", positive, like="6", default=6)
KAFKA_REPLICATION = read("TOBY_KAFKA_REPLICATION", positive, like="3", default=1)

ACCESS_TOKEN_TTL = timedelta(
    seconds=read("TOBY_ACCESS_TOKEN_TTL_S", positive, like="900", default=900)
)
REFRESH_TOKEN_TTL = timedelta(
    seconds=read("TOBY_REFRESH_TOKEN_TTL_S", positive, like="2592000", default=30 * 24 * 3600)
)
# "mail": an account exists once its address is confirmed. "direct": at once, for a closed site.
REGISTRATION = read(
    "TOBY_REGISTRATION", one_of("mail", "direct"), like="mail or direct", default="mail"
)
# After how many approvals without a rejection it is proposed to trust an author; 0 for never.
TRUST_AFTER = read("TOBY_TRUST_AFTER", not_negative, like="10", default=10)
# A post is merged into feeds when they are read, and not written into each, where its author has
# more followers than this when it goes live.
MERGE_OVER = read("TOBY_MERGE_OVER", not_negative, like="10000", default=10_000)
# Whether authors read in their post's history which moderator it was.
NAME_MODERATORS = read("TOBY_NAME_MODERATORS", flag, like="0 or 1", default=False)
# Who has had an account for no longer than this comments once in a while only; 0 for no such rule.
NEW_ACCOUNT_FOR = timedelta(
    seconds=read("TOBY_NEW_ACCOUNT_FOR_S", not_negative, like="86400", default=24 * 3600)
)
NEW_ACCOUNT_COMMENTS_EVERY = timedelta(
    seconds=read("TOBY_NEW_ACCOUNT_COMMENTS_EVERY_S", positive, like="60", default=60)
)
# After how long a post counts half as much for how popular its tags are; `manage.py rescore_tags`
# once it is another.
TAG_HALF_LIFE = timedelta(
    seconds=read("TOBY_TAG_HALF_LIFE_S", at_least(3600), like="604800", default=7 * 24 * 3600)
)
# Older notifications are retracted, read or not.
NOTIFICATIONS_KEPT_FOR = timedelta(
    seconds=read(
        "TOBY_NOTIFICATIONS_KEPT_FOR_S",
        at_least(24 * 3600),
        like="15552000",
        default=180 * 24 * 3600,
    )
)
# Off for tests and benchmarks, whose people all come from one address.
THROTTLES = read("TOBY_THROTTLES", flag, like="1 or 0", default=True)
OUTBOX_RETENTION = timedelta(days=7)
# The ledger must outlive all that an event can come back from: outbox, Kafka, dead letters.
LEDGER_RETENTION = timedelta(days=60)
RELAY_POLL_S = 0.02
MAX_BODY_BYTES = 1024 * 1024
# Who blocks whom, of two users: asked by auth as well, whose tables do not tell.
ARE_APART = "toby.social.selectors.are_apart"
EXPORTS: dict[str, Export] = {
    "account": {
        "files": ["toby.accounts.exports.files", "toby.social.exports.files"],
        "tell": "toby.accounts.exports.tell_owner",
    },
    "notifications": {
        "files": ["toby.notifications.exports.files"],
        "tell": "toby.notifications.exports.tell_owner",
    },
}

CACHES = {
    "default": {
        "BACKEND": "django_redis.cache.RedisCache",
        "LOCATION": read("CACHE_URL", redis_url, like="redis://127.0.0.1:6379/1"),
        "OPTIONS": {
            "SOCKET_CONNECT_TIMEOUT": REDIS_TIMEOUT_S,
            "SOCKET_TIMEOUT": REDIS_TIMEOUT_S,
        },
    }
}
CHANNEL_LAYERS = {
    "default": {
        "BACKEND": "channels_redis.pubsub.RedisPubSubChannelLayer",
        "CONFIG": {
            # By version 3 the client writes each message that comes into a debug log, asked or not:
            # a sixth of all that telling many sockets takes.
            "hosts": [{"address": REDIS_URL, "protocol": 2}],
            "capacity": 10_000,
            # Redis's channels know no databases: two installations on one server need two names.
            "prefix": read("TOBY_LAYER_PREFIX", str, like="toby", default="toby"),
        },
    }
}

EMAIL_BACKEND = "mailer.backend.DbBackend"
# Rows are locked as they are sent; a file would have to lie where every sender can write.
MAILER_USE_FILE_LOCK = False
# A mail may hold a code or a link: nothing of it is kept once it is sent.
MAILER_EMAIL_LOG_MESSAGE_DATA = False
globals().update(
    read("EMAIL_URL", mail, like="smtp://user:password@host:25", default=mail("console:"))
)
DEFAULT_FROM_EMAIL = read("TOBY_MAIL_FROM", str, like="toby@toby.example", default="toby@localhost")

PASSWORD_HASHERS = ["toby.accounts.hashers.Argon2"]
# Django admin's cookie is signed and stored nowhere, where it could be read and used; whether it is
# still good is asked of the session that it names (`toby/accounts/admin_site.py`).
SESSION_ENGINE = "django.contrib.sessions.backends.signed_cookies"
AUTH_USER_MODEL = "accounts.User"
AUTHENTICATION_BACKENDS = ["django.contrib.auth.backends.ModelBackend"]
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": f"django.contrib.auth.password_validation.{name}"}
    for name in (
        "UserAttributeSimilarityValidator",
        "MinimumLengthValidator",
        "CommonPasswordValidator",
        "NumericPasswordValidator",
    )
]

INSTALLED_APPS = [
    "django.contrib.contenttypes",
    "django.contrib.staticfiles",
    "rest_framework",
    "drf_spectacular",
    "drf_spectacular_sidecar",
    "mailer",
    "toby.common",
    "toby.consumer",
    "toby.exports",
]
# What auth and social both install, since their rows refer to each other.
SHARED_DATABASE_APPS = [
    "django.contrib.auth",
    "django.contrib.messages",
    "toby.accounts.apps.TobyAdminConfig",
    "toby.accounts",
    "toby.social",
    "toby.outbox",
]
# What is done wherever there is a database: (function, seconds between two runs).
DATABASE_JOBS = [
    ("toby.common.mail_queue.retry_deferred_mail", 60),
    ("toby.common.mail_queue.purge_sent_mail", 60),
    ("toby.consumer.jobs.prune", 3600),
    ("toby.exports.services.prepare_waiting", 2),
    ("toby.exports.services.purge_exports", 600),
]
MIDDLEWARE = [
    "toby.common.middleware.request_context",
    "django.middleware.security.SecurityMiddleware",
    "django.middleware.common.CommonMiddleware",
]
ADMIN_MIDDLEWARE = [
    *MIDDLEWARE,
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
]
TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ]
        },
    }
]
APPEND_SLASH = False
STATIC_URL = "/static/"
WHITENOISE_USE_FINDERS = True
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"
USE_TZ = True
TIME_ZONE = "UTC"
LANGUAGE_CODE = "en-gb"
LOGGING = logging_config()
LOGGING_CONFIG = "logging.config.dictConfig"
DATA_UPLOAD_MAX_MEMORY_SIZE = MAX_BODY_BYTES

SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
SECURE_CONTENT_TYPE_NOSNIFF = True
SECURE_REFERRER_POLICY = "same-origin"
CSRF_TRUSTED_ORIGINS = [PUBLIC_ORIGIN]
SESSION_COOKIE_SECURE = CSRF_COOKIE_SECURE = PUBLIC_ORIGIN.startswith("https://")
SECURE_HSTS_SECONDS = 31_536_000 if SESSION_COOKIE_SECURE else 0
SECURE_HSTS_INCLUDE_SUBDOMAINS = SECURE_HSTS_PRELOAD = SECURE_SSL_REDIRECT = False
X_FRAME_OPTIONS = "DENY"
SILENCED_SYSTEM_CHECKS = [
    "security.W002",  # X-Frame-Options: the admin's settings have it, and nginx sets it elsewhere
    "security.W003",  # CSRF: only the admin goes by cookies
    "security.W004",  # HSTS is set where the origin is https
    "security.W005",  # subdomains are not this site's to bind
    "security.W008",  # nginx ends TLS
    "security.W012",  # cookies are secure where the origin is https
    "security.W016",
    "security.W021",  # preload is the operator's decision
]

REST_FRAMEWORK = {
    "DEFAULT_AUTHENTICATION_CLASSES": ["toby.common.authentication.BearerAuthentication"],
    "DEFAULT_PERMISSION_CLASSES": ["toby.common.permissions.Undeclared"],
    "DEFAULT_PARSER_CLASSES": ["toby.common.parsers.BoundedJSONParser"],
    "DEFAULT_RENDERER_CLASSES": ["toby.common.renderers.JSONRenderer"],
    "DEFAULT_CONTENT_NEGOTIATION_CLASS": "toby.common.renderers.AlwaysJSON",
    "DEFAULT_SCHEMA_CLASS": "toby.common.openapi.Schema",
    "EXCEPTION_HANDLER": "toby.common.errors.exception_handler",
    "UNAUTHENTICATED_USER": None,
    "UNAUTHENTICATED_TOKEN": None,
}
SPECTACULAR_SETTINGS = {
    "OAS_VERSION": "3.1.1",
    "VERSION": "1",
    "SERVE_INCLUDE_SCHEMA": False,
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "REDOC_DIST": "SIDECAR",
    "SCHEMA_PATH_PREFIX": "/api/v1",
    "ENFORCE_NON_BLANK_FIELDS": True,
    "ENUM_GENERATE_CHOICE_DESCRIPTION": False,
    "POSTPROCESSING_HOOKS": ["toby.common.openapi.describe_problems"],
}
