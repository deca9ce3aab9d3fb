"""The servers that Toby needs, each a class with the interface of `Server`."""

from deploy.local.servers.base import Server, ServerFailed, Unavailable
from deploy.local.servers.brokers import Kafka, Tansu
from deploy.local.servers.databases import Database, MariaDB, MySQL
from deploy.local.servers.nginx import Nginx
from deploy.local.servers.redis import Redis, Valkey

__all__ = [
    "Database",
    "Kafka",
    "MariaDB",
    "MySQL",
    "Nginx",
    "Redis",
    "Server",
    "ServerFailed",
    "Tansu",
    "Unavailable",
    "Valkey",
]
