"""Seeds a site of any size, for benchmarks and for trying things: people, posts in every state with
their log, comments, likes, follows and home feeds, as the services would have left them.

The one place that writes past the services, which would take an hour for 100,000 posts: rows go in
by the thousand, no event is emitted and nobody is told. So notifications stay empty, and their
service does not know who follows whom: what a seeded author publishes later comes into feeds, and
into no follower's notifications.
"""

from toby.social.seeding.planning import UNTIL
from toby.social.seeding.rows import seed_site

__all__ = ["UNTIL", "seed_site"]
