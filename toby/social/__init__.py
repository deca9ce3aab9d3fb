"""Posts, moderation, following, comments and the home feed: the social service."""
