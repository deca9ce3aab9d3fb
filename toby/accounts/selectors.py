"""What can be read of accounts."""

from toby.accounts.models import User
from toby.common.errors import NotFound


def user(user_id: int) -> User:
    """Raises NotFound."""
    found = User.objects.filter(id=user_id).first()
    if found is None:
        raise NotFound
    return found
