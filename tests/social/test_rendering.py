"""Markdown: what it becomes, that nothing in it can do harm, and that it has a price limit.

What is allowed is written down here once more, so that a hole made in the module's list is seen.
"""

import re
from concurrent.futures import ThreadPoolExecutor
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toby.social import rendering
from toby.social.rendering import Rendered, render

ATTEMPTS = (Path(__file__).parent / "xss.txt").read_text(encoding="utf-8")[:-1].split("\n%%\n")
REL = 'rel="nofollow ugc noopener"'
CLASS = re.compile(
    "mention|footnotes(-list|-sep)?|footnote-(backref|item|ref)|contains-task-list"
    "|task-list-item(-checkbox)?|language-[A-Za-z0-9_.+#-]{1,40}"
)
ID = re.compile("fn(ref)?[0-9]+(:[0-9]+)?|fn(ref)?-[A-Za-z0-9_-]+-[0-9]+(:[0-9]+)?")
PLAIN = ["p", "br", "pre", "blockquote", "em", "strong", "s", "h1", "h2", "h3", "h4", "h5", "h6"]
PLAIN += ["code", "hr", "section", "sup", "ul", "table", "thead", "tbody", "tr"]
ALLOWED: dict[str, dict[str, str]] = {tag: {} for tag in PLAIN} | {
    "a": {"href": ".*", "title": ".*", "rel": "nofollow ugc noopener", "id": ID.pattern},
    "img": {"src": "https://.*", "alt": ".*", "title": ".*"},
    "input": {"type": "checkbox", "disabled": "", "checked": ""},
    "li": {"id": ID.pattern},
    "ol": {"start": "[0-9]+"},
    "td": {"align": "left|center|right"},
    "th": {"align": "left|center|right"},
}
# How an attempt may stand in a text.
PLACES = [
    "{}",
    "- {}",
    "> {}",
    "# {}",
    "**{}**",
    "[{}](/x)",
    "![{}](https://x.example/x.png)",
    "| {} |\n|---|\n| {} |",
    "x[^n]\n\n[^n]: {}",
    "[r]: {}\n\n[r]",
    "`{}",
    '<a title="{}">',
]


def scheme_of(url: str) -> str:
    """As a browser finds it, which leaves out what is invisible: https://url.spec.whatwg.org/."""
    found = re.match("([A-Za-z][A-Za-z0-9+.-]*):", re.sub("[\0- ]", "", url))
    return found[1].lower() if found else ""


class Reader(HTMLParser):
    """Reads HTML as a page would, and complains of whatever is not allowed."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.complaints: list[str] = []
        self.tags: list[str] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag not in ALLOWED:
            self.complaints.append(tag)
        needed = {"input": "disabled"} | ({"a": "rel"} if "href" in dict(attrs) else {})
        if tag in needed and needed[tag] not in dict(attrs):
            self.complaints.append(f"{tag} without {needed[tag]}")
        for name, value in attrs:
            self.read_attribute(tag, name, value or "")

    def read_attribute(self, tag: str, name: str, value: str) -> None:
        classes = {"class": f"({CLASS.pattern})( ({CLASS.pattern}))*"}
        pattern = (ALLOWED.get(tag, {}) | classes).get(name)
        if pattern is None or not re.fullmatch(pattern, value, re.DOTALL):
            self.complaints.append(f"{tag} {name}={value}")
        if name in {"href", "src"} and scheme_of(value) not in {"", "http", "https", "mailto"}:
            self.complaints.append(f"{tag} {name}={value}")

    def handle_data(self, data: str) -> None:
        self.text += data

    def handle_comment(self, data: str) -> None:
        self.complaints.append(f"comment {data}")

    def handle_decl(self, decl: str) -> None:
        self.complaints.append(f"declaration {decl}")

    def handle_pi(self, data: str) -> None:
        self.complaints.append(f"instruction {data}")

    def unknown_decl(self, data: str) -> None:
        self.complaints.append(f"declaration {data}")


def read(html: str) -> Reader:
    reader = Reader()
    reader.feed(html)
    reader.close()
    return reader


def html_of(text: str) -> str:
    return render(text).html


def is_as_written(rendered: Rendered, text: str) -> bool:
    return (
        rendered.html.startswith("<pre>")
        and read(rendered.html).text.rstrip("\n") == text.rstrip("\n")
        and rendered.mentions == ()
    )


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("one\ntwo\n\nthree", "<p>one\ntwo</p>\n<p>three</p>\n"),
        ("one  \ntwo", "<p>one<br>\ntwo</p>\n"),
        ("## Title", "<h2>Title</h2>\n"),
        ("*a* **b** ~~c~~ `d`", "<p><em>a</em> <strong>b</strong> <s>c</s> <code>d</code></p>\n"),
        ("> said", "<blockquote>\n<p>said</p>\n</blockquote>\n"),
        ("3. c\n4. d", '<ol start="3">\n<li>c</li>\n<li>d</li>\n</ol>\n'),
        ("---", "<hr>\n"),
        ("```python\n1 < 2\n```", '<pre><code class="language-python">1 &lt; 2\n</code></pre>\n'),
        ("```c++\n```", '<pre><code class="language-c++"></code></pre>\n'),
        ("    code", "<pre><code>code\n</code></pre>\n"),
        ('[a](/b "c")', f'<p><a href="/b" title="c" {REL}>a</a></p>\n'),
        ("[a]\n\n[a]: https://b.example", f'<p><a href="https://b.example" {REL}>a</a></p>\n'),
        ("<ana@b.example>", f'<p><a href="mailto:ana@b.example" {REL}>ana@b.example</a></p>\n'),
        ("![a](https://b.example/c.png)", '<p><img src="https://b.example/c.png" alt="a"></p>\n'),
        ("<b>bold</b>", "<p>&lt;b&gt;bold&lt;/b&gt;</p>\n"),
        ("<div>\n\nx", "<p>&lt;div&gt;</p>\n<p>x</p>\n"),
        ("Fish &amp; chips &copy;", "<p>Fish &amp; chips ©</p>\n"),
        ("", ""),
    ],
)
def test_markdown_becomes_html(text: str, html: str) -> None:
    assert html_of(text) == html


def test_a_table_has_a_head_a_body_and_alignments() -> None:
    assert html_of("| a | b |\n|:-:|---|\n| 1 | *2* |") == (
        '<table>\n<thead>\n<tr>\n<th align="center">a</th>\n<th>b</th>\n</tr>\n</thead>\n'
        '<tbody>\n<tr>\n<td align="center">1</td>\n<td><em>2</em></td>\n</tr>\n</tbody>\n</table>\n'
    )


def test_a_task_has_a_box_that_cannot_be_ticked() -> None:
    box = '<input class="task-list-item-checkbox" disabled="" type="checkbox"'
    assert html_of("- [ ] open\n- [x] done") == (
        f'<ul class="contains-task-list">\n<li class="task-list-item">{box}> open</li>\n'
        f'<li class="task-list-item">{box} checked=""> done</li>\n</ul>\n'
    )


def test_a_footnote_stands_at_the_end_and_each_leads_to_the_other() -> None:
    html = html_of("One[^a], two[^a].\n\n[^a]: The note.\n\nThe end.")
    assert f'<sup class="footnote-ref"><a href="#fn1" id="fnref1" {REL}>[1]</a></sup>' in html
    assert f'<a href="#fn1" id="fnref1:1" {REL}>[1:1]</a>' in html
    assert html.index("The end.") < html.index('<li id="fn1" class="footnote-item"><p>The note.')
    assert f'<a href="#fnref1:1" class="footnote-backref" {REL}>' in html


def test_a_prefix_keeps_the_footnotes_of_two_texts_on_one_page_apart() -> None:
    text = "One[^a] and again[^a].\n\n[^a]: The note."
    found = [re.findall('id="(.*?)"', render(text, prefix=name).html) for name in ("p-1", "c_2")]
    assert found == [
        ["fnref-p-1-1", "fnref-p-1-1:1", "fn-p-1-1"],
        ["fnref-c_2-1", "fnref-c_2-1:1", "fn-c_2-1"],
    ]
    hrefs = re.findall('href="#(.*?)"', render(text, prefix="p-1").html)
    assert set(hrefs) <= set(found[0])


@pytest.mark.parametrize("prefix", ['"', "a b", "a:b", "é", "a\n", "<"])
def test_a_prefix_that_does_not_fit_an_id_is_refused(prefix: str) -> None:
    with pytest.raises(ValueError, match="prefix"):
        render("", prefix=prefix)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("see https://a.example.", "https://a.example"),
        ("(https://a.example/b_c_d(e))", "https://a.example/b_c_d(e)"),
        ("http://a.example/?b=*c*&d", "http://a.example/?b=*c*&amp;d"),
        ("https://medium.example/@ana", "https://medium.example/@ana"),
    ],
)
def test_a_bare_link_is_a_link(text: str, url: str) -> None:
    assert f'<a href="{url}" {REL}>{url}</a>' in html_of(text)


@pytest.mark.parametrize(
    "text",
    ["a.example", "ftp://a.example/", "//a.example/", "`https://a.example`", "x://a.example"],
)
def test_what_is_no_bare_link_stays_text(text: str) -> None:
    assert "a" not in read(html_of(text)).tags


@pytest.mark.parametrize("url", ["https://a.example/" + "b" * 2000, "ftp://a.example", "x:y"])
def test_a_link_that_is_not_allowed_is_shown_as_written(url: str) -> None:
    assert html_of(f"[a]({url})") == f"<p>[a]({url})</p>\n"
    assert html_of(url) == f"<p>{url}</p>\n"


@pytest.mark.parametrize("url", ["http://a.example/b.png", "/b.png", "//a.example/b.png"])
def test_an_image_not_from_https_is_the_words_that_describe_it(url: str) -> None:
    assert html_of(f"![a *small* <cat>]({url})") == "<p>a small &lt;cat&gt;</p>\n"


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("@Ana, @bob-b and @c_3.", ["Ana", "bob-b", "c_3"]),
        ("(@ana) *@bob* __@eve__ ~~@dan~~", ["ana", "bob", "eve", "dan"]),
        ("@ana-", ["ana"]),
        ("@ana's", ["ana"]),
        ("é @ana", ["ana"]),
        ("# @ana\n\n- @bob\n\n| @eve |\n|---|", ["ana", "bob", "eve"]),
        ("x[^1]\n\n[^1]: @ana", ["ana"]),
        ("@" + "a" * 30, ["a" * 30]),
    ],
)
def test_a_mention_is_a_link_to_who_is_called_so(text: str, names: list[str]) -> None:
    html, mentions = render(text).html, render(text).mentions
    for name in names:
        assert f'<a href="/people/{name}" class="mention" {REL}>@{name}</a>' in html
    assert mentions == tuple(name.lower() for name in names)


@pytest.mark.parametrize(
    "text",
    [
        "ana@bob.example",
        "<ana@bob.example>",
        "ana.@bob and ana+@bob and ana-@bob and /@bob",
        "@bob.example",
        "@bob@social.example",
        "@bob/x",
        "@ab",
        "@" + "a" * 31,
        "@-ana @_ana @é",
        "@anaé",
        "é@ana",
        "@@ana",
        r"\@ana",
        "`@ana`",
        "```\n@ana\n```",
        "    @ana",
        "[@ana](/x)",
        "[*so @ana*](/x)",
        "![@ana](https://a.example/b.png)",
        "![@ana](http://a.example/b.png)",
        "https://a.example/@ana?b=@ana",
        "[a]: /b '@ana'",
        "[^1]: @ana",
    ],
)
def test_what_is_no_mention_mentions_nobody(text: str) -> None:
    rendered = render(text)
    assert rendered.mentions == ()
    assert "mention" not in rendered.html


def test_whoever_is_mentioned_is_named_once_and_fifty_are_named() -> None:
    assert render("@Bob @ana @BOB @bob").mentions == ("bob", "ana")
    names = [f"name{number}" for number in range(60)]
    rendered = render(" ".join(f"@{name}" for name in names))
    assert rendered.mentions == tuple(names[:50])
    assert rendered.html.count('class="mention"') == 60


def test_there_are_many_attempts() -> None:
    assert len(set(ATTEMPTS)) >= 200


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=range(len(ATTEMPTS)))
def test_an_attempt_does_no_harm(attempt: str) -> None:
    for place in PLACES:
        rendered = render(place.replace("{}", attempt))
        assert read(rendered.html).complaints == [], rendered.html
        # What is read once more is read alike: nothing turns into something else on the way.
        assert rendering.CLEANER.clean(rendered.html) == rendered.html


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=range(len(ATTEMPTS)))
def test_an_attempt_does_no_harm_even_where_the_parser_lets_it_through(attempt: str) -> None:
    """Read by a page and written once more, as editors do, it does none either."""
    for html in (attempt, f"<p>{attempt}</p>", f'<a href="{attempt}">x</a>'):
        cleaned = rendering.CLEANER.clean(html)
        assert read(cleaned).complaints == [], cleaned
        again = rendering.CLEANER.clean(cleaned)
        assert read(again).complaints == [], again


@pytest.mark.parametrize("attempt", ATTEMPTS, ids=range(len(ATTEMPTS)))
def test_an_attempt_does_no_harm_even_without_the_allow_list(attempt: str) -> None:
    for place in PLACES:
        html = rendering.PARSER.render(place.replace("{}", attempt), {})
        # These are seen to later.
        html = re.sub(' style="text-align:(left|center|right)"| class="language-[^"]*"', "", html)
        assert set(read(html).complaints) <= {"a without rel"}, html


@pytest.mark.parametrize(
    "html",
    [
        "<script>alert(1)</script>",
        '<a href="/x" onclick="alert(1)">x</a>',
        '<a href="java\nscript:alert(1)">x</a>',
        '<a href="/x" class="other" rel="nofollow ugc noopener">x</a>',
        '<img src="http://a.example/b.png">',
        '<p id="x">',
        '<a href="/x">x</a>',
        '<input type="checkbox">',
        "<!-- x -->",
    ],
)
def test_the_reader_complains(html: str) -> None:
    assert read(html).complaints


def test_every_link_that_is_written_carries_its_rel() -> None:
    links = "[a](/b) https://a.example <https://a.example> @ana x[^1]\n\n[^1]: y"
    html = html_of(links)
    assert html.count("<a ") == html.count(REL) == 6


MENTION_LINK = re.compile('<a href="/people/[^"]*" class="mention" rel="[^"]*">(@[^<]*)</a>')
SNIPPETS = [
    *(
        "[",
        "]",
        "(",
        ")",
        "![",
        "](",
        "^",
        "[^a]",
        "[^a]: ",
        "[a]",
        "[a]: ",
        "[x] ",
        "<",
        "<b ",
        "<!--",
    ),
    *(
        "`",
        "```",
        "*",
        "**",
        "_",
        "~~",
        ">",
        "- ",
        "1. ",
        "#",
        "|",
        "|-|",
        "=",
        "---",
        "    ",
        "\t",
    ),
    *(
        "http://",
        "https://a.b/",
        "javascript:",
        ":",
        "@",
        "@ana",
        "&",
        "&amp;",
        "&#x6a;",
        "\\",
        "'",
        '"',
    ),
    *(
        " ",
        "\n",
        "\n\n",
        "\r",
        "\f",
        "\x85",
        "\u2028",
        "\u202e",
        "\0",
        "\ud800",
        "%00",
        "%ed%a0%80",
        "xn--",
    ),
]


@settings(max_examples=500, deadline=None, derandomize=True, database=None)
@given(text=st.lists(st.sampled_from(SNIPPETS) | st.text(max_size=3), max_size=40).map("".join))
def test_no_text_raises_or_does_harm_and_each_is_always_rendered_alike(text: str) -> None:
    rendered = render(text, prefix="p")
    assert read(rendered.html).complaints == [], rendered.html
    assert len(rendered.mentions) <= 50
    assert all(re.fullmatch("[a-z0-9_-]{3,30}", name) for name in rendered.mentions)
    assert render(text, prefix="p") == rendered


@settings(max_examples=200, deadline=None, derandomize=True, database=None)
@given(text=st.lists(st.sampled_from(SNIPPETS) | st.text(max_size=3), max_size=40).map("".join))
def test_those_who_are_not_there_are_the_same_text_without_a_link(text: str) -> None:
    all_linked, none_linked = render(text), render(text, linked=lambda names: ())
    assert render(text, linked=lambda names: names) == all_linked
    assert none_linked.mentions == ()
    assert 'class="mention"' not in none_linked.html
    assert MENTION_LINK.sub(r"\1", all_linked.html) == none_linked.html


def test_threads_do_not_disturb_each_other() -> None:
    texts = [f"@name{number} x[^1] https://a.example\n\n[^1]: y {number}" for number in range(200)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(render, texts)) == [render(text) for text in texts]


def times(unit: str, length: int = 100_000) -> str:
    return (unit * (length // len(unit) + 1))[:length]


TALL = "[^a]: x\n[a]: https://a.example/\n\n"
COSTLY = {
    "brackets": times("["),
    "pairs of brackets": times("[", 50_000) + times("]", 50_000),
    "links in links": times("[a]("),
    "images in images": times("!["),
    "quotes": times(">"),
    "quotes on each line": times("> a\n"),
    "quotes that end": times(">> \na\n"),
    "stars": times("*"),
    "emphasis in emphasis": times("*a **b ", 50_000) + times("c** d* ", 50_000),
    "backticks": times("`", 200_000),
    "more and more backticks": " ".join("`" * number for number in range(600)),
    "lists in lists": times("- "),
    "deeper and deeper lists": "".join(f"{'  ' * depth}- a\n" for depth in range(300)),
    "short items": times("-\n"),
    "short paragraphs": times("a\n\n"),
    "a wide table": "|a" * 10_000 + "|\n" + "|-" * 10_000 + "|\n" + "a\n" * 10_000,
    "a long table": "a|b\n-|-\n" + times("a\n"),
    "tables of empty cells": times("a|" * 50 + "\n" + "-|" * 50 + "\n" + "a\n" * 1000 + "\n"),
    "tables in a row": times("a|b\n-|-\n> x\n"),
    "footnotes without an end": TALL + times("[^a"),
    "footnotes used often": TALL + times("[^a]"),
    "footnotes used not quite so often": TALL + times("[^a]", 60_000),
    "footnotes in footnotes": times("[^a]: "),
    "references used often": f"[a]: /{'b' * 1900}\n\n" + times("[a] "),
    "titles used often": f"[a]: /b '{'c' * 50_000}'\n\n" + times("[a] ", 50_000),
    "references without an end": times("[a]: b '\n"),
    "a long link": "https://" + times("a"),
    "links without an end": times("https://]"),
    "links without a gap": times("https://a.b/"),
    "autolinks": times("<https://a"),
    "ats": times("@"),
    "mentions": times("@ana "),
    "entities": times("&#"),
    "spaces": times(" "),
    "nothing": times("\0"),
    "empty lines": times("\n"),
}


@pytest.mark.parametrize("name", COSTLY)
def test_a_costly_text_comes_to_an_end_and_becomes_no_long_page(name: str) -> None:
    assert len(html_of(COSTLY[name])) < 2_000_000


@pytest.mark.parametrize(
    "name",
    [
        "brackets",
        "quotes",
        "quotes that end",
        "a wide table",
        "a long table",
        "tables of empty cells",
        "footnotes used not quite so often",
        "titles used often",
        "links without a gap",
    ],
)
def test_a_text_that_would_cost_too_much_is_shown_as_written(name: str) -> None:
    assert is_as_written(render(COSTLY[name]), COSTLY[name])


@pytest.mark.parametrize(("mark", "tag", "depth"), [("> ", "blockquote", 19), ("- ", "li", 9)])
def test_what_is_nested_too_deep_is_shown_as_written_and_never_left_out(
    mark: str, tag: str, depth: int
) -> None:
    html = html_of(mark * depth + "x")
    assert (html.count(f"<{tag}>"), read(html).text.strip()) == (depth, "x")
    for deeper in (depth + 1, depth + 2, depth + 3, 1000):
        assert is_as_written(render(mark * deeper + "x"), mark * deeper + "x")


def test_a_text_is_rendered_up_to_a_length() -> None:
    assert html_of("a" * rendering.MAX_LENGTH).startswith("<p>")
    text = "@ana <b>" + "a" * rendering.MAX_LENGTH
    assert is_as_written(render(text), text)


def test_a_long_text_of_the_usual_kind_costs_much_less_than_it_may() -> None:
    prose = ("Some *words* with [a link](https://a.example/b) by @ana.\n" * 8 + "\n") * 210
    table = "| a | b | c |\n|---|---|---|\n" + "| a few words | **more** words | 12345 |\n" * 2000
    items = "- [x] something to do, with `code`\n" * 2500
    for text in (prose, table, items):
        assert 75_000 < len(text) <= 110_000
        assert not html_of(text).startswith("<pre>")
