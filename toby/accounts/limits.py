"""How often accounts may be tried, and by whom. All is counted before any hashing.

A login counts for the pair of account and network, for the network, and for the account. A
network from which the owner has logged in lately is not held back by what others do to the
account, so that nobody can be locked out of a device that they use.
"""

from toby.accounts.models import email_key
from toby.common import session_store
from toby.common.throttles import Rule, count_attempt, network_of

KNOWN_FOR_S = 30 * 24 * 3600
DAY_S = 24 * 3600


def mailbox(email: str) -> str:
    """What reaches one mailbox at the common providers: case, dots and +tags do not count."""
    local, at, domain = email_key(email).rpartition("@")
    return f"{local.partition('+')[0].replace('.', '')}{at}{domain}"


def count_login(email: str, address: str | None) -> None:
    """Raises TooManyAttempts."""
    account, network = mailbox(email), network_of(address)
    rules = [
        Rule("login-pair", f"{account} {network}", burst=10, per_s=30),
        Rule("login-network", network, burst=60, per_s=2),
    ]
    if not is_known(account, network):
        rules.append(Rule("login-account", account, burst=30, per_s=30))
    count_attempt(rules)


def remember_login(email: str, address: str | None) -> None:
    """This network is one from which the owner logs in."""
    key = known_key(mailbox(email), network_of(address))
    session_store.connection().set(key, 1, ex=KNOWN_FOR_S)


def is_known(account: str, network: str) -> bool:
    return bool(session_store.connection().exists(known_key(account, network)))


def known_key(account: str, network: str) -> str:
    return Rule("known", f"{account} {network}", burst=1, per_s=1).key


def count_registration(address: str | None) -> None:
    count_attempt([Rule("register-network", network_of(address), burst=20, per_s=60)])


def count_code_mail(email: str, address: str | None) -> None:
    """Five codes a day to one mailbox."""
    count_attempt(
        [
            Rule("code-mail", mailbox(email), burst=5, per_s=DAY_S / 5),
            Rule("code-network", network_of(address), burst=20, per_s=60),
        ]
    )


def count_code_try(address: str | None) -> None:
    count_attempt([Rule("code-try-network", network_of(address), burst=30, per_s=10)])


def count_reset_mail(email: str, address: str | None) -> None:
    count_attempt(
        [
            Rule("reset-mail", mailbox(email), burst=5, per_s=DAY_S / 5),
            Rule("reset-network", network_of(address), burst=20, per_s=60),
        ]
    )


def count_reset_try(address: str | None) -> None:
    count_attempt([Rule("reset-try-network", network_of(address), burst=20, per_s=30)])


def count_password_try(user_id: int, address: str | None) -> None:
    """Of somebody logged in who says the password again."""
    who = f"{user_id} {network_of(address)}"
    count_attempt([Rule("password-again", who, burst=10, per_s=60)])
