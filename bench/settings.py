"""The social service as it is served, with the baselines' endpoints beside its own."""

from toby.settings.social import *  # noqa: F403  settings are taken over whole

ROOT_URLCONF = "bench.baselines.urls"
