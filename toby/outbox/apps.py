from django.apps import AppConfig


class OutboxConfig(AppConfig):
    name = "toby.outbox"
    label = "outbox"
