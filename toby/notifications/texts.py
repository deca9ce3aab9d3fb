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


# What others do in comments, or in a post; below it stand the comment's words.
DONE = {
    Kind.COMMENT_ADDED: "{who} commented on “{post}”",
    Kind.COMMENT_REPLIED: "{who} replied to your comment on “{post}”",
    Kind.COMMENT_LIKED: "{who} likes your comment on “{post}”",
    Kind.MENTIONED: "{who} mentioned you in {where}",
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
        where = f"a comment on “{post}”" if "comment_id" in item.data else f"“{post}”"
        title = DONE[Kind(item.kind)].format(who=who, post=post, where=where)
        return Text(title, str(item.data.get("excerpt", "")), link)
    match item.kind:
        case Kind.POST_APPROVED:
            return Text("Your post was approved", f"“{post}” is live.", link)
        case Kind.POST_FEATURED:
            return Text("Your post is featured", f"“{post}” is among what all see first.", link)
        case Kind.POST_PUBLISHED:
            return Text(f"{who} published a post", f"“{post}”", link)
        case Kind.POST_LIKED:
            return Text(f"{who} likes “{post}”", "", link)
        case Kind.FOLLOWED:
            return Text(f"{who} follows you", "", f"/people/{username}")
        case Kind.TRUSTED:
            return Text("Your posts go live at once now", "Moderators look at them later.", "")
        case Kind.EXPORT_READY:
            return Text("Your export is ready", "It is kept for 7 days.", "/settings/export")
        case _:
            raise ValueError(f"no text for {item.kind}")
