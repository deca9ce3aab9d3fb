"""How an item reads: a title, a text and a link for each kind, in the reader's language."""

from gettext import NullTranslations
from typing import Any, NamedTuple

from toby.notifications.languages import catalogue, one_or_more, words
from toby.notifications.models import Item, Kind, Language


class Text(NamedTuple):
    title: str
    text: str
    link: str


# What a moderator says to an author; below it stand the moderator's own words.
SAID = {
    Kind.POST_REJECTED: words("Your post was not approved"),
    Kind.CHANGES_REQUESTED: words("Changes to “{post}” are asked for"),
    Kind.POST_HIDDEN: words("Your post “{post}” was hidden"),
    Kind.POST_DELETED: words("Your post “{post}” was deleted"),
    Kind.COMMENT_HIDDEN: words("Your comment was hidden"),
    Kind.COMMENT_DELETED: words("Your comment was deleted"),
}
WARNED_OF_POST = words("You were warned about your post “{post}”")
WARNED_OF_COMMENT = words("You were warned about your comment")
TAKEN_OFF = words("The author of the post took it off.")
MENTIONED_IN_COMMENT = words("{who} mentioned you in a comment on “{post}”")
MENTIONED_IN_POST = words("{who} mentioned you in “{post}”")


class Titles(NamedTuple):
    """Of an item of one fact, and of one of several. The number of the latter is that of `all`
    facts, or of the `others` than the last."""

    one: str
    several: tuple[str, str]
    number: str


# What others do. Below it stand the comment's words, the last where they are several.
DONE = {
    Kind.COMMENT_ADDED: Titles(
        words("{who} commented on “{post}”"),
        one_or_more(
            "{all} comment on “{post}”, the last by {who}",
            "{all} comments on “{post}”, the last by {who}",
        ),
        "all",
    ),
    Kind.COMMENT_REPLIED: Titles(
        words("{who} replied to your comment on “{post}”"),
        one_or_more(
            "{all} reply to your comment on “{post}”, the last by {who}",
            "{all} replies to your comment on “{post}”, the last by {who}",
        ),
        "all",
    ),
    Kind.COMMENT_LIKED: Titles(
        words("{who} likes your comment on “{post}”"),
        one_or_more(
            "{who} and {others} other like your comment on “{post}”",
            "{who} and {others} others like your comment on “{post}”",
        ),
        "others",
    ),
    Kind.POST_LIKED: Titles(
        words("{who} likes “{post}”"),
        one_or_more(
            "{who} and {others} other like “{post}”",
            "{who} and {others} others like “{post}”",
        ),
        "others",
    ),
    Kind.FOLLOWED: Titles(
        words("{who} follows you"),
        one_or_more("{who} and {others} other follow you", "{who} and {others} others follow you"),
        "others",
    ),
}
# A title and a text that are always the same but for who and what.
PLAIN = {
    Kind.POST_APPROVED: (words("Your post was approved"), words("“{post}” is live.")),
    Kind.POST_FEATURED: (
        words("Your post is featured"),
        words("“{post}” is among what all see first."),
    ),
    Kind.POST_PUBLISHED: (words("{who} published a post"), words("“{post}”")),
    Kind.POST_SUBMITTED: (
        words("{who} submitted “{post}”"),
        words("It waits for a moderator's decision."),
    ),
    Kind.TRUSTED: (
        words("Your posts go live at once now"),
        words("Moderators look at them later."),
    ),
    Kind.EXPORT_READY: (words("Your export is ready"), words("It is kept for 7 days.")),
}


def text_of(item: Item, language: str = Language.ENGLISH) -> Text:
    """In a language that is not known here, in English. Operators say theirs in their own words."""
    if item.kind == Kind.ANNOUNCEMENT:
        return Text(item.data["title"], item.data["text"], item.data["link"])
    said = catalogue(language)
    title, text = template_and_text(item, said)
    return Text(title.format(**filled_in(item)), text, link_of(item))


def filled_in(item: Item) -> dict[str, Any]:
    return {
        "who": (item.actor or {}).get("display_name", ""),
        "post": item.target.get("title", ""),
        "all": item.fact_count,
        "others": item.fact_count - 1,
    }


def template_and_text(item: Item, said: NullTranslations) -> tuple[str, str]:
    """What the title is made of, and the text as it is shown: people's own words are not ours to
    fill in."""
    kind, data = Kind(item.kind), item.data
    excerpt = str(data.get("excerpt", ""))
    if kind in SAID or kind == Kind.WARNED:
        reason = str(data.get("reason") or data.get("remarks", ""))
        if data.get("by") == "post_author":
            reason = said.gettext(TAKEN_OFF)
        warned = WARNED_OF_POST if item.target["type"] == "post" else WARNED_OF_COMMENT
        return said.gettext(SAID.get(kind, warned)), reason
    if kind == Kind.MENTIONED:
        in_comment = "comment_id" in data
        return said.gettext(MENTIONED_IN_COMMENT if in_comment else MENTIONED_IN_POST), excerpt
    if kind in DONE:
        titles = DONE[kind]
        if item.fact_count == 1:
            return said.gettext(titles.one), excerpt
        return said.ngettext(*titles.several, filled_in(item)[titles.number]), excerpt
    if kind in PLAIN:
        title, text = PLAIN[kind]
        return said.gettext(title), said.gettext(text).format(**filled_in(item))
    raise ValueError(f"no text for {item.kind}")


def link_of(item: Item) -> str:
    if item.kind == Kind.EXPORT_READY:
        return "/settings/export"
    if item.kind == Kind.POST_SUBMITTED:
        return f"/admin/social/revision/{item.data['revision_id']}/change/"
    if item.kind == Kind.FOLLOWED:
        username = (item.actor or {}).get("username", "")
        return f"/people/{username}" if item.fact_count == 1 else "/followers"
    if item.kind == Kind.POST_DELETED or "slug" not in item.target:
        return ""
    return f"/posts/{item.target['slug']}"
