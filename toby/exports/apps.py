from django.apps import AppConfig


class ExportsConfig(AppConfig):
    name = "toby.exports"
    label = "exports"
