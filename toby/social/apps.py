from django.apps import AppConfig


class SocialConfig(AppConfig):
    name = "toby.social"
    label = "social"
