"""Runs the service's periodic jobs, until it is stopped."""

from typing import Any

from django.core.management.base import CommandParser

from toby.common.command import Command as BaseCommand
from toby.common.periodic import Periodic
from toby.common.sql import is_database_trouble
from toby.common.worker import Worker


class Command(BaseCommand):
    help = "Runs periodic jobs: in one process at a time, others stand by."
    prints_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--once", action="store_true", help="run all jobs now, and end")

    def handle(self, *args: Any, **options: Any) -> None:
        periodic = Periodic()
        if options["once"]:
            self.table(list(periodic.run_all()), as_json=options["json"])
            return
        with periodic.lock:
            Worker(periodic.step, idle_s=1.0, retriable=is_database_trouble).run()
