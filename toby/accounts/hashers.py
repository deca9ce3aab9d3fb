"""How dear a hash is."""

from django.contrib.auth.hashers import Argon2PasswordHasher


class Argon2(Argon2PasswordHasher):
    """64 MiB twice, in one lane: more than OWASP asks for (19 MiB twice, in one).

    Django's own 100 MiB in eight lanes starts eight threads for each hash, which between them take
    a core from everybody else.
    """

    time_cost = 2
    memory_cost = 64 * 1024
    parallelism = 1
