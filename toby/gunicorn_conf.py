"""How gunicorn serves auth and social: `gunicorn -c python:toby.gunicorn_conf`.

Threads rather than sync workers: a request mostly waits for the database. One process a copy, since
copies are what nginx balances over.
"""

from toby.common.logging import logging_config

wsgi_app = "toby.wsgi"
worker_class = "gthread"
workers = 1
threads = 8
# Longer than nginx keeps its connections, so that none is closed as a request arrives.
keepalive = 75
control_socket_disable = True
logconfig_dict = {
    **logging_config(),
    "loggers": {
        **logging_config()["loggers"],
        "gunicorn.error": {"level": "INFO", "handlers": [], "propagate": True},
        # toby.common.middleware says the same, with the request id.
        "gunicorn.access": {"level": "CRITICAL", "handlers": [], "propagate": False},
    },
}
