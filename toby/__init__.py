"""Toby: the back end of a moderated social-publishing site, run as three services."""
