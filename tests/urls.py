"""All that the three services answer, for tests in one process."""

from toby.accounts.urls import urlpatterns as accounts
from toby.common.urls import handler400, handler403, handler404, handler500
from toby.notifications.urls import urlpatterns as notifications
from toby.social.urls import urlpatterns as social

__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]

urlpatterns = [*accounts, *social, *notifications]
