from django.apps import AppConfig


class AccountsConfig(AppConfig):
    name = "toby.accounts"
    label = "accounts"
