"""Markdown into HTML that is safe to show, and whom it mentions. No database is asked.

CommonMark with GitHub's tables, strikethrough, task lists, footnotes and bare links, and with
mentions of people. Raw HTML is shown as text. What the parser writes then goes through an allow
list, so that a mistake in one of the two is none in the page.
"""

import html
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice

import nh3
from markdown_it import MarkdownIt
from markdown_it.renderer import RendererHTML
from markdown_it.rules_block import StateBlock, table
from markdown_it.rules_inline import StateInline, linkify
from markdown_it.token import Token
from markdown_it.utils import EnvType, OptionsDict
from mdit_py_plugins.footnote import footnote_plugin
from mdit_py_plugins.footnote.index import footnote_ref

MAX_MENTIONS = 50
MAX_LENGTH = 200_000
# How deep quotes (one each) and lists (two each) may stand in each other, and brackets in a line.
MAX_NESTING = 20
# What a text may cost: a step for each try at a line or at a mark, more for what is slow or long.
# Prose takes 10,000 for 100,000 characters, a dense table 40,000.
MAX_STEPS = 60_000
STEPS_A_CELL, STEPS_A_FOOTNOTE = 3, 10
# Of an address or a title: each is written once, and may be shown by many references to it.
CHARACTERS_A_STEP = 20
MAX_URL_LENGTH = 2000

SCHEMES = {"http", "https", "mailto"}
SCHEME = re.compile(r"\s*([a-z][a-z0-9+.-]*):", re.IGNORECASE)
# auth's rule of what a username is, with what may not stand before and after.
USERNAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{1,28}[A-Za-z0-9]")
BEFORE_NO_MENTION = re.compile(r"[^\W_]|[@/.+-]")
MENTION = re.compile(r"@([A-Za-z0-9_-]++)(?![\w@/]|\.\w)")
WORD = re.compile(r"\S+")
FOOTNOTE = re.compile(r"\[\^[^\s\[\]]{1,100}\]")
NO_CHARACTER = re.compile("[\0\ud800-\udfff]")
PREFIX = re.compile(r"[A-Za-z0-9_-]*")

ATTRIBUTES = {
    "a": {"href", "title", "id"},
    "code": {"class"},
    "img": {"src", "alt", "title"},
    "input": {"type", "checked", "disabled"},
    "li": {"id"},
    "ol": {"start"},
    "td": {"align"},
    "th": {"align"},
}
CLASSES = {
    "a": {"mention", "footnote-backref"},
    "hr": {"footnotes-sep"},
    "input": {"task-list-item-checkbox"},
    "li": {"footnote-item", "task-list-item"},
    "ol": {"contains-task-list", "footnotes-list"},
    "section": {"footnotes"},
    "sup": {"footnote-ref"},
    "ul": {"contains-task-list"},
}
TAGS = {
    *ATTRIBUTES,
    *CLASSES,
    *("p", "br", "pre", "blockquote", "h1", "h2", "h3", "h4", "h5", "h6"),
    *("em", "strong", "s", "table", "thead", "tbody", "tr"),
}
# What the value of an attribute must look like, where the parser lets people choose it.
VALUES = {
    ("code", "class"): re.compile(r"language-[\w.+#-]{1,40}", re.ASCII),
    ("a", "id"): re.compile(r"fnref[\w:-]+", re.ASCII),
    ("li", "id"): re.compile(r"fn[\w:-]+", re.ASCII),
    ("td", "align"): re.compile(r"left|center|right"),
    ("th", "align"): re.compile(r"left|center|right"),
    ("img", "src"): re.compile(r"https://.*", re.IGNORECASE | re.DOTALL),
    ("input", "type"): re.compile(r"checkbox"),
}


# Of casefolded usernames, those that are to be links.
Linked = Callable[[Sequence[str]], Collection[str]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rendered:
    """`mentions` are casefolded usernames, each once, in the order in which they are mentioned."""

    html: str
    mentions: tuple[str, ...] = ()


class TooCostly(Exception):
    """The text would take more than MAX_STEPS, or is nested too deep."""


def render(text: str, *, prefix: str = "", linked: Linked | None = None) -> Rendered:
    """The text as HTML. The ids of its footnotes carry the prefix: letters, digits, - and _.
    `linked` is asked once which of at most MAX_MENTIONS names are mentions; the rest stays text.
    Without it all are, of whom nobody knows yet whether they are there.

    Raises nothing for any text, and takes well under a second for 100,000 characters: MAX_NESTING
    bounds how deep it recurses, MAX_STEPS how many lines, marks and cells it looks at, and how
    often it repeats a referenced address. A text beyond these, or beyond MAX_LENGTH, is shown as it
    was written, without mentions.
    """
    if not PREFIX.fullmatch(prefix):
        raise ValueError("a prefix is made of letters, digits, - and _")
    text = NO_CHARACTER.sub("\ufffd", text)
    env: EnvType = {"docId": prefix} if prefix else {}
    try:
        if len(text) > MAX_LENGTH:
            raise TooCostly
        tokens = PARSER.parse(text, env)
        spend(env, sum(map(length_of_attributes, every(tokens))) // CHARACTERS_A_STEP)
    except TooCostly:
        return Rendered(html=f"<pre>{html.escape(text)}</pre>\n")
    align_by_attribute(tokens)
    mentions = mentions_in(tokens)
    if linked is not None:
        wanted = set(linked(mentions)) if mentions else set()
        mentions = tuple(name for name in mentions if name in wanted)
        unlink_all_but(wanted, tokens)
    unsafe = PARSER.renderer.render(tokens, PARSER.options, env)
    return Rendered(html=CLEANER.clean(unsafe), mentions=mentions)


def every(tokens: Sequence[Token]) -> Iterator[Token]:
    """The tokens and those inside them, but for the words that describe an image."""
    return chain.from_iterable((token, *(token.children or ())) for token in tokens)


def length_of_attributes(token: Token) -> int:
    return sum(len(str(value)) for value in token.attrs.values())


def align_by_attribute(tokens: Sequence[Token]) -> None:
    """As GitHub does: a style would need a hole in the page's Content-Security-Policy."""
    for token in tokens:
        if style := token.attrs.pop("style", None):
            token.attrs["align"] = str(style).removeprefix("text-align:")


def mentions_in(tokens: Sequence[Token]) -> tuple[str, ...]:
    names = (mentioned(token) for token in every(tokens) if token.markup == "mention")
    return tuple(islice(dict.fromkeys(names), MAX_MENTIONS))


def mentioned(token: Token) -> str:
    return str(token.meta["name"]).casefold()


def unlink_all_but(wanted: Collection[str], tokens: Sequence[Token]) -> None:
    for token in tokens:
        if token.children:
            token.children = list(without_links(token.children, wanted))


def without_links(tokens: Sequence[Token], wanted: Collection[str]) -> Iterator[Token]:
    """Without the opening and closing of mentions of others than those."""
    closing = False
    for token in tokens:
        if token.markup == "mention" and mentioned(token) not in wanted:
            closing = True
        elif closing and token.type == "link_close":
            closing = False
        else:
            yield token


def spend(env: EnvType, steps: int) -> None:
    env["steps"] = env.get("steps", 0) + steps
    if env["steps"] > MAX_STEPS:
        raise TooCostly


def count_line(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """Stands before all rules for blocks and matches nothing: it counts what they look at."""
    spend(state.env, 1)
    if state.level >= MAX_NESTING:
        raise TooCostly
    return False


def count_mark(state: StateInline, silent: bool) -> bool:
    """The same for what stands in a line."""
    spend(state.env, 1)
    return False


def bounded_table(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A table whose cells are paid for before they are made: short rows are filled up."""
    is_table = table(state, start, end, True)
    if silent or not is_table:
        return is_table
    rows = 0
    while start + rows < end and not state.isEmpty(start + rows):
        rows += 1
    columns = state.src.count("|", state.bMarks[start], state.eMarks[start]) + 1
    spend(state.env, STEPS_A_CELL * rows * columns)
    return table(state, start, end, False)


def bounded_footnote(state: StateInline, silent: bool) -> bool:
    """A footnote's name has an end: otherwise each [^ would be followed to the end of the text."""
    if not (FOOTNOTE.match(state.src, state.pos) and footnote_ref(state, silent)):
        return False
    spend(state.env, STEPS_A_FOOTNOTE)
    return True


def bounded_link(state: StateInline, silent: bool) -> bool:
    """A bare link, paid for by what is looked at: one that is refused is begun anew at each ://."""
    if not state.src.startswith("://", state.pos):
        return False
    word = WORD.match(state.src, state.pos)
    assert word is not None
    spend(state.env, (len(state.pending) + len(word[0])) // CHARACTERS_A_STEP)
    return linkify(state, silent)


def mention(state: StateInline, silent: bool) -> bool:
    """@name as a link to who is called so. Whether there is somebody is not known here."""
    if state.linkLevel or (state.pos and BEFORE_NO_MENTION.match(state.src, state.pos - 1)):
        return False
    found = MENTION.match(state.src, state.pos)
    name = found[1].rstrip("_-") if found else ""
    if not USERNAME.fullmatch(name):
        return False
    if not silent:
        opening = state.push("link_open", "a", 1)
        opening.attrs = {"href": f"/people/{name}", "class": "mention"}
        opening.markup, opening.meta = "mention", {"name": name}
        state.push("text", "", 0).content = f"@{name}"
        state.push("link_close", "a", -1)
    state.pos += 1 + len(name)
    return True


class Renderer(RendererHTML):
    def image(self, tokens: Sequence[Token], idx: int, options: OptionsDict, env: EnvType) -> str:
        """An image that is not fetched over https is shown as the words that describe it."""
        if VALUES["img", "src"].fullmatch(str(tokens[idx].attrs["src"])):
            return super().image(tokens, idx, options, env)
        return html.escape(self.renderInlineAsText(tokens[idx].children, options, env))


class Parser(MarkdownIt):
    def validateLink(self, url: str) -> bool:  # noqa: N802  markdown-it's name
        """What is refused here stays text."""
        scheme = SCHEME.match(url)
        return len(url) <= MAX_URL_LENGTH and (scheme is None or scheme[1].lower() in SCHEMES)


def make_parser() -> Parser:
    # Blocks that are deeper than the parser's own limit would be left out, so ours comes first.
    options = {"html": False, "alerts": False, "maxNesting": MAX_NESTING + 2}
    parser = Parser("gfm-like2", options, renderer_cls=Renderer)
    parser.use(footnote_plugin, inline=False)
    parser.block.ruler.at("table", bounded_table, {"alt": ["paragraph", "reference"]})
    ended_by_others = ["paragraph", "reference", "blockquote", "list"]
    parser.block.ruler.before("table", "count", count_line, {"alt": ended_by_others})
    # Its other half looks for addresses of e-mail, at a cost that nothing bounds.
    parser.core.ruler.disable("linkify")
    parser.inline.ruler.at("linkify", bounded_link)
    parser.inline.ruler.at("footnote_ref", bounded_footnote)
    parser.inline.ruler.before("text", "count", count_mark)
    parser.inline.ruler.after("linkify", "mention", mention)
    return parser


def allowed(tag: str, attribute: str, value: str) -> str | None:
    pattern = VALUES.get((tag, attribute))
    return value if pattern is None or pattern.fullmatch(value) else None


PARSER = make_parser()
CLEANER = nh3.Cleaner(
    tags=TAGS,
    attributes=ATTRIBUTES,
    allowed_classes=CLASSES,
    attribute_filter=allowed,
    url_schemes=SCHEMES,
    url_relative="pass_through",
    link_rel="nofollow ugc noopener",
    set_tag_attribute_values={"input": {"disabled": ""}},
)


def html_of(body: str, *, of_post: int) -> str:
    """A post's body as HTML; its footnotes' ids are its own on a page with others."""
    return render(body, prefix=post_prefix(of_post)).html


def html_of_comment(body: str, *, of_comment: int) -> str:
    """As html_of."""
    return render(body, prefix=comment_prefix(of_comment)).html


def post_prefix(post_id: int) -> str:
    return f"p{post_id}-"


def comment_prefix(comment_id: int) -> str:
    return f"c{comment_id}-"
