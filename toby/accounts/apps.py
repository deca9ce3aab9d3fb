from django.apps import AppConfig
from django.contrib.admin import apps as admin_apps


class AccountsConfig(AppConfig):
    name = "toby.accounts"
    label = "accounts"


class TobyAdminConfig(admin_apps.AdminConfig):
    """Django admin, with our own way in."""

    default = False
    default_site = "toby.accounts.admin_site.TobyAdminSite"
