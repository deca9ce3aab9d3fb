"""One settings module a service; `base` holds what they share."""
