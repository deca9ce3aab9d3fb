"""Creates an account, or gives an existing one a new password."""

import secrets
from typing import Any

from django.core.management.base import CommandError, CommandParser

from toby.accounts import services
from toby.accounts.models import User, email_key
from toby.accounts.serializers import RegisterIn
from toby.common.command import Command as BaseCommand


class Command(BaseCommand):
    help = "Creates an account; prints its login, with a password made for it."
    prints_json = True

    def add_arguments(self, parser: CommandParser) -> None:
        super().add_arguments(parser)
        parser.add_argument("--email", required=True)
        parser.add_argument("--username", required=True)
        parser.add_argument("--role", choices=["user", "moderator", "admin"], default="user")
        parser.add_argument(
            "--reset-password",
            action="store_true",
            help="if the account is there, give it the role and a new password",
        )
        parser.add_argument("--dry-run", action="store_true", help="say what would be done")

    def handle(self, *args: Any, **options: Any) -> None:
        password = secrets.token_urlsafe(15)
        given = RegisterIn(
            data={
                "email": options["email"],
                "username": options["username"],
                "password": password,
            }
        )
        given.is_valid(raise_exception=True)
        user = User.objects.filter(email_key=email_key(options["email"])).first()
        if user and not options["reset_password"]:
            raise CommandError(
                f"{options['email']} has an account; --reset-password gives it a new password",
                returncode=2,
            )
        if options["dry_run"]:
            self.stdout.write("would reset the password" if user else "would create the account")
            return
        if user:
            services.replace_password(user=user, password=password)
        else:
            user = services.create_user(**given.validated_data, by_operator=True)
        services.set_role(user=user, role=options["role"])
        login = {"email": user.email, "username": user.username, "password": password}
        self.show(login, as_json=options["json"])
