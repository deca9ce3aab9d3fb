"""How an account comes to be: confirmed by a code that was mailed, or made at once."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID, uuid4

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone

from toby.accounts import codes, limits, mails
from toby.accounts.codes import WrongCode
from toby.accounts.models import HeldUsername, Registration, User, email_key, username_key
from toby.accounts.passwords import hash_password, refuse_weak_password
from toby.accounts.secrets import make_code
from toby.common.errors import Refused
from toby.events import AddressConfirmed, UserRegistered
from toby.outbox.emit import emit

HELD_FOR = timedelta(days=1)
RESERVED = frozenset(
    (
        "about",
        "admin",
        "administrator",
        "api",
        "auth",
        "deleted",
        "help",
        "me",
        "moderator",
        "notifications",
        "null",
        "posts",
        "root",
        "search",
        "security",
        "settings",
        "social",
        "support",
        "system",
        "toby",
        "undefined",
        "user",
        "users",
        "www",
    )
)


class EmailTaken(Refused):
    """There is an account with this e-mail address already."""

    status, code = 409, "email_taken"


class UsernameTaken(Refused):
    """This username is taken."""

    status, code = 409, "username_taken"


@dataclass(frozen=True, kw_only=True, slots=True)
class Pending:
    """A registration that waits for its code, of `code_ttl_s` seconds."""

    id: UUID
    code_ttl_s: int


def register(
    *, email: str, username: str, password: str, display_name: str = "", address: str | None = None
) -> Pending:
    """Holds the username and mails a code. The answer and the work done are the same for an
    address that has an account, whose owner gets another mail.

    Raises InvalidInput for a weak password, UsernameTaken, TooManyAttempts.
    """
    limits.count_registration(address)
    limits.count_code_mail(email, address)
    refuse_weak_password(password, User(email=email, username=username, display_name=display_name))
    code, now = make_code(), timezone.now()
    registration = Registration(
        id=uuid4(),
        email=email.strip(),
        email_key=email_key(email),
        username=username,
        username_key=username_key(username),
        display_name=display_name,
        password=hash_password(password),
        created_at=now,
        expires_at=now + HELD_FOR,
    )
    codes.renew(registration, code)
    try:
        with transaction.atomic():
            Registration.objects.filter(
                username_key=registration.username_key, expires_at__lt=now
            ).delete()
            refuse_taken_username(registration.username_key)
            registration.is_decoy = User.objects.filter(email_key=registration.email_key).exists()
            registration.save(force_insert=True)
            mail_code(registration, code)
    except IntegrityError as error:
        raise UsernameTaken from error
    return Pending(id=registration.id, code_ttl_s=codes.TTL_S)


def resend_code(*, registration_id: UUID, address: str | None = None) -> Pending:
    """Mails a new code; the old one is void. For an id that is not known, nothing is told."""
    limits.count_code_try(address)
    code = make_code()
    with transaction.atomic():
        registration = pending(registration_id)
        if registration is not None:
            limits.count_code_mail(registration.email, address)
            codes.renew(registration, code)
            registration.save(update_fields=codes.COLUMNS)
            mail_code(registration, code)
    return Pending(id=registration_id, code_ttl_s=codes.TTL_S)


def confirm(*, registration_id: UUID, code: str, address: str | None = None) -> User:
    """Makes the account. Raises WrongCode, whatever is wrong, and TooManyAttempts."""
    limits.count_code_try(address)
    with transaction.atomic():
        registration = pending(registration_id)
        if registration is not None and codes.use(registration, code):
            registration.delete()
            return make_user(
                email=registration.email,
                username=registration.username,
                display_name=registration.display_name,
                hashed_password=registration.password,
            )
    # Raised after the commit, which keeps count of the tries.
    raise WrongCode


def create_user(
    *,
    email: str,
    username: str,
    password: str,
    display_name: str = "",
    by_operator: bool = False,
) -> User:
    """Makes an account without a mail to confirm it: for operators, who may take a reserved
    username, and for closed sites.

    Raises InvalidInput for a weak password, EmailTaken and UsernameTaken.
    """
    refuse_weak_password(password, User(email=email, username=username, display_name=display_name))
    hashed = hash_password(password)
    with transaction.atomic():
        if User.objects.filter(email_key=email_key(email)).exists():
            raise EmailTaken
        if not by_operator:
            refuse_taken_username(username_key(username))
        if Registration.objects.filter(
            username_key=username_key(username), expires_at__gte=timezone.now()
        ).exists():
            raise UsernameTaken
        return make_user(
            email=email, username=username, display_name=display_name, hashed_password=hashed
        )


def make_user(*, email: str, username: str, display_name: str, hashed_password: str) -> User:
    """The row, its event and a welcome. Raises EmailTaken and UsernameTaken."""
    user = User(
        email=email.strip(),
        email_key=email_key(email),
        username=username,
        username_key=username_key(username),
        display_name=display_name,
        password=hashed_password,
        created_at=timezone.now(),
    )
    try:
        with transaction.atomic():
            user.save(force_insert=True)
    except IntegrityError as error:
        if User.objects.filter(email_key=user.email_key).exists():
            raise EmailTaken from error
        raise UsernameTaken from error
    emit(UserRegistered(user_id=user.pk, user=user.person(), version=user.version))
    emit(AddressConfirmed(user_id=user.pk, email=user.email, version=user.version))
    mails.welcome(user.email, username=user.username)
    return user


def refuse_taken_username(key: str) -> None:
    """Raises UsernameTaken. Registrations hold theirs by a unique constraint."""
    held = HeldUsername.objects.filter(username_key=key, expires_at__gte=timezone.now())
    taken = User.objects.filter(username_key=key)
    if key in RESERVED or taken.exists() or held.exists():
        raise UsernameTaken


def pending(registration_id: UUID) -> Registration | None:
    return (
        Registration.objects.select_for_update()
        .filter(id=registration_id, expires_at__gte=timezone.now())
        .first()
    )


def mail_code(registration: Registration, code: str) -> None:
    if registration.is_decoy:
        mails.already_registered(registration.email)
    else:
        mails.confirm_registration(registration.email, username=registration.username, code=code)


def is_by_mail() -> bool:
    return bool(settings.REGISTRATION == "mail")
