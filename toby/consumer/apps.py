from django.apps import AppConfig


class ConsumerConfig(AppConfig):
    name = "toby.consumer"
    label = "consumer"
