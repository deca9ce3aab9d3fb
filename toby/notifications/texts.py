"""How an item reads: a title, a text and a link for each kind."""

from typing import NamedTuple

from toby.notifications.models import Item, Kind


class Text(NamedTuple):
    title: str
    text: str
    link: str


def text_of(item: Item) -> Text:
    who = (item.actor or {}).get("display_name", "")
    username = (item.actor or {}).get("username", "")
    post = item.target.get("title", "")
    link = f"/posts/{item.target.get('slug', '')}"
    match item.kind:
        case Kind.POST_APPROVED:
            return Text("Your post was approved", f"“{post}” is live.", link)
        case Kind.POST_REJECTED:
            return Text("Your post was not approved", str(item.data.get("reason", "")), link)
        case Kind.CHANGES_REQUESTED:
            title = f"Changes to “{post}” are asked for"
            return Text(title, str(item.data.get("remarks", "")), link)
        case Kind.POST_HIDDEN:
            return Text(f"Your post “{post}” was hidden", str(item.data.get("reason", "")), link)
        case Kind.POST_DELETED:
            return Text(f"Your post “{post}” was deleted", str(item.data.get("reason", "")), "")
        case Kind.POST_FEATURED:
            return Text("Your post is featured", f"“{post}” is among what all see first.", link)
        case Kind.POST_PUBLISHED:
            return Text(f"{who} published a post", f"“{post}”", link)
        case Kind.COMMENT_ADDED:
            return Text(f"{who} commented on “{post}”", str(item.data.get("excerpt", "")), link)
        case Kind.POST_LIKED:
            return Text(f"{who} likes “{post}”", "", link)
        case Kind.FOLLOWED:
            return Text(f"{who} follows you", "", f"/people/{username}")
        case Kind.EXPORT_READY:
            return Text("Your export is ready", "It is kept for 7 days.", "/settings/export")
        case _:
            raise ValueError(f"no text for {item.kind}")
