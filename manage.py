#!/usr/bin/env python
"""Runs a management command; DJANGO_SETTINGS_MODULE says of which service."""

import os
import sys

from django.core.management import execute_from_command_line
from django.db import InterfaceError, OperationalError
from redis.exceptions import RedisError

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
    except (InterfaceError, OperationalError, RedisError) as error:
        if "--traceback" in sys.argv:
            raise
        what = "Redis" if isinstance(error, RedisError) else "the database"
        print(f"manage.py: {what} cannot be used now: {error}", file=sys.stderr)
        sys.exit(1)
