"""How an item reads: a title, a text and a link for each kind."""

from typing import NamedTuple

from toby.notifications.models import Item, Kind


class Text(NamedTuple):
    title: str
    text: str
    link: str


# What a moderator says to an author; below it stand the moderator's own words.
SAID = {
    Kind.POST_REJECTED: "Your post was not approved",
    Kind.CHANGES_REQUESTED: "Changes to “{post}” are asked for",
    Kind.POST_HIDDEN: "Your post “{post}” was hidden",
    Kind.POST_DELETED: "Your post “{post}” was deleted",
    Kind.COMMENT_HIDDEN: "Your comment was hidden",
    Kind.COMMENT_DELETED: "Your comment was deleted",
    Kind.WARNED: "You were warned about {what}",
}


class Titles(NamedTuple):
    """Of an item by how many facts it is made of: one, two, or more, of which `others` are not the
    last."""

    one: str
    two: str
    more: str


# What others do. Below it stand the comment's words, the last where they are several.
DONE = {
    Kind.COMMENT_ADDED: Titles(
        "{who} commented on “{post}”",
        "2 comments on “{post}”, the last by {who}",
        "{all} comments on “{post}”, the last by {who}",
    ),
    Kind.COMMENT_REPLIED: Titles(
        "{who} replied to your comment on “{post}”",
        "2 replies to your comment on “{post}”, the last by {who}",
        "{all} replies to your comment on “{post}”, the last by {who}",
    ),
    Kind.COMMENT_LIKED: Titles(
        "{who} likes your comment on “{post}”",
        "{who} and 1 other like your comment on “{post}”",
        "{who} and {others} others like your comment on “{post}”",
    ),
    Kind.POST_LIKED: Titles(
        "{who} likes “{post}”",
        "{who} and 1 other like “{post}”",
        "{who} and {others} others like “{post}”",
    ),
    Kind.FOLLOWED: Titles(
        "{who} follows you",
        "{who} and 1 other follow you",
        "{who} and {others} others follow you",
    ),
}


def text_of(item: Item) -> Text:
    who = (item.actor or {}).get("display_name", "")
    username = (item.actor or {}).get("username", "")
    post = item.target.get("title", "")
    link = f"/posts/{item.target['slug']}" if "slug" in item.target else ""
    if item.kind in SAID:
        kind = Kind(item.kind)
        words = str(item.data.get("reason") or item.data.get("remarks", ""))
        if item.data.get("by") == "post_author":
            words = "The author of the post took it off."
        what = f"your post “{post}”" if item.target["type"] == "post" else "your comment"
        title = SAID[kind].format(post=post, what=what)
        return Text(title, words, "" if kind == Kind.POST_DELETED else link)
    if item.kind in DONE:
        count = item.fact_count
        titles = DONE[Kind(item.kind)]
        title = titles[min(count, 3) - 1].format(who=who, post=post, all=count, others=count - 1)
        if item.kind == Kind.FOLLOWED:
            link = f"/people/{username}" if count == 1 else "/followers"
        return Text(title, str(item.data.get("excerpt", "")), link)
    match item.kind:
        case Kind.MENTIONED:
            where = f"a comment on “{post}”" if "comment_id" in item.data else f"“{post}”"
            title = f"{who} mentioned you in {where}"
            return Text(title, str(item.data.get("excerpt", "")), link)
        case Kind.POST_APPROVED:
            return Text("Your post was approved", f"“{post}” is live.", link)
        case Kind.POST_FEATURED:
            return Text("Your post is featured", f"“{post}” is among what all see first.", link)
        case Kind.POST_PUBLISHED:
            return Text(f"{who} published a post", f"“{post}”", link)
        case Kind.TRUSTED:
            return Text("Your posts go live at once now", "Moderators look at them later.", "")
        case Kind.EXPORT_READY:
            return Text("Your export is ready", "It is kept for 7 days.", "/settings/export")
        case _:
            raise ValueError(f"no text for {item.kind}")
