#!/usr/bin/env python
"""Runs a management command; DJANGO_SETTINGS_MODULE says of which service."""

import os
import sys

from django.core.management import execute_from_command_line
from redis.exceptions import ConnectionError as RedisAway
from redis.exceptions import TimeoutError as RedisSilent

from toby.common.sql import is_database_away

if __name__ == "__main__":
    if "DJANGO_SETTINGS_MODULE" not in os.environ:
        print(
            "manage.py: DJANGO_SETTINGS_MODULE is not set; it should be toby.settings.accounts, "
            "toby.settings.social or toby.settings.notifications",
            file=sys.stderr,
        )
        sys.exit(2)
    try:
        execute_from_command_line(sys.argv)
    except Exception as error:
        is_redis = isinstance(error, RedisAway | RedisSilent)
        if "--traceback" in sys.argv or not (is_redis or is_database_away(error)):
            raise
        what = "Redis" if is_redis else "the database"
        print(f"manage.py: {what} cannot be used now: {error}", file=sys.stderr)
        sys.exit(1)
