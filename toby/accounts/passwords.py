"""Passwords: Argon2, one at a time a process, since each takes 0.15 s of CPU."""

from threading import Lock
from typing import TYPE_CHECKING

from django.contrib.auth.hashers import check_password, make_password
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError

from toby.common.errors import InvalidInput

if TYPE_CHECKING:
    from toby.accounts.models import User

_one_at_a_time = Lock()


def hash_password(password: str) -> str:
    with _one_at_a_time:
        return make_password(password)


def is_password_of(user: "User | None", password: str) -> bool:
    """Does the same work whether or not there is such a user."""
    with _one_at_a_time:
        if user is None:
            make_password(password)
            return False
        return check_password(password, user.password)


def refuse_weak_password(password: str, user: "User") -> None:
    """Raises InvalidInput with all that Django's validators say."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise InvalidInput(
            *(
                ("password", problem.code or "invalid", " ".join(problem.messages))
                for problem in error.error_list
            )
        ) from error
