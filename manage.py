#!/usr/bin/env python
"""Runs a management command; DJANGO_SETTINGS_MODULE says of which service."""

import os
import sys

from django.core.management import execute_from_command_line

if __name__ == "__main__":
    if "DJANGO_SETTINGS_MODULE" not in os.environ:
        print(
            "manage.py: DJANGO_SETTINGS_MODULE is not set; it should be toby.settings.accounts, "
            "toby.settings.social or toby.settings.notifications",
            file=sys.stderr,
        )
        sys.exit(2)
    execute_from_command_line(sys.argv)
