from django.apps import AppConfig


class NotificationsConfig(AppConfig):
    name = "toby.notifications"
    label = "notifications"
