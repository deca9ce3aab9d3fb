"""The moderators' desk in Django admin: what to look at, and actions that call services."""

from toby.social.admin.log import ModerationActAdmin
from toby.social.admin.posts import PostAdmin
from toby.social.admin.reports import ReportCaseAdmin
from toby.social.admin.revisions import RevisionAdmin
from toby.social.admin.templates import ReasonTemplateAdmin

__all__ = [
    "ModerationActAdmin",
    "PostAdmin",
    "ReasonTemplateAdmin",
    "ReportCaseAdmin",
    "RevisionAdmin",
]
