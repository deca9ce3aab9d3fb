"""What `manage.py serve` serves: the notifications service, REST and WebSocket."""

from django.core.asgi import get_asgi_application

from toby.common.asgi import with_readable_query

http = with_readable_query(get_asgi_application())

# Imported after Django is set up.
from channels.routing import ProtocolTypeRouter  # noqa: E402

from toby.notifications.routing import route  # noqa: E402

application = ProtocolTypeRouter({"http": http, "websocket": route})
