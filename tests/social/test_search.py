"""Finding posts: what is found by which words, in which order, how it is shown, and by whom.

InnoDB's index tells of what is committed only, so that most of these tests commit.
"""

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from html import unescape
from html.parser import HTMLParser
from io import StringIO
from pathlib import Path
from typing import Any
from unicodedata import combining, normalize
from urllib.parse import urlencode

import pytest
from django.core.management import CommandError, call_command
from django.db import transaction
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from deploy.local.child import wait_until
from tests.common.support import DEADLINE_S, until_it_is_let
from tests.factories import (
    Answer,
    Caller,
    make_draft,
    make_live_post,
    make_moderator,
    make_pending,
    make_user,
    principal,
)
from tests.social.feeds import consume, emitted
from toby.accounts.models import User
from toby.accounts.services import people
from toby.social.models import Post, Revision, SearchEntry
from toby.social.services import departures, moderation, posts, search, takedowns
from toby.social.terms import COMMON, MAX_LENGTH, MAX_TERMS, excerpt, marked, terms_of
from toby.social.words import BETWEEN, folded, indexed, words, written

ATTEMPTS = (Path(__file__).parent / "xss.txt").read_text(encoding="utf-8")[:-1].split("\n%%\n")
committing = pytest.mark.django_db(transaction=True)
pytestmark = pytest.mark.usefixtures("redis")


def ask(q: str, who: User | None = None, **more: Any) -> Answer:
    return Caller(who).get(f"/api/v1/search?{urlencode({'q': q, **more}, errors='replace')}")


def titles(q: str, **more: Any) -> list[str]:
    answer = ask(q, **more)
    assert answer.status == 200
    return [row["title"] for row in answer.body["results"]]


class TestWords:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("Plain words, 3.11!", ["plain", "words", "3", "11"]),
            ("Déjà vu, NAÏVE STRASSE straße", ["deja", "vu", "naive", "strasse", "strasse"]),
            ("Ё и Е: ёлка", ["е", "и", "е", "елка"]),
            ("e\u0301te\u0301 co\u00adoperate", ["ete", "cooperate"]),
            ("ﬁne 𝐁old ½ Ⅳ", ["fine", "bold", "12", "iv"]),
            ("東京へ 2024年", ["東", "京", "へ", "2024", "年"]),
            ("が か", ["が", "か"]),
            ("한국 हिन्दी", ["한국", folded("हिन्दी")]),
            ("snake_case don't \0 \ud800 😀", ["snake", "case", "don", "t"]),
            ("", []),
        ],
    )
    def test_a_text_is_taken_apart(self, text: str, expected: list[str]) -> None:
        assert [word.text for word in words(text)] == expected

    @given(st.text())
    def test_words_stand_where_they_say_and_are_taken_apart_into_themselves(
        self, text: str
    ) -> None:
        end = 0
        for word in words(text):
            assert end <= word.start < word.end <= len(text)
            assert folded(text[word.start : word.end]) == word.text
            end = word.end

    @given(st.text())
    def test_the_index_has_letters_of_no_databases_own(self, text: str) -> None:
        assert set(indexed(text)) <= set("abcdefghijklmnopqrstuvwxyz0123456789_ ")
        assert all(3 <= len(word) <= 84 for word in indexed(text).split())
        assert BETWEEN.strip() not in indexed(text).split()

    @given(*[st.text(st.sampled_from("abø東𐐨"), min_size=1, max_size=8)] * 2)
    def test_what_begins_so_is_written_so(self, word: str, other: str) -> None:
        assert written(word).startswith(written(other)) == word.startswith(other)


class TestTerms:
    @pytest.mark.parametrize(
        ("asked", "expected"),
        [
            ("Moon landing", ["moon", "landing"]),
            ('"moon landing" x', ["moon landing", "x"]),
            ('x "moon landing', ["x", "moon landing"]),
            ("don't 3.11 C++", ["don t", "3 11", "c"]),
            ("moon*", ["moon*"]),
            ('"moon*"', ["moon"]),
            ("mo* moon", ["moon"]),
            ("ever-green*", ["ever green"]),
            ("東京*", ["東 京"]),
            ("東*", ["東"]),
            ("the moon of it", ["moon"]),
            ('"to be or not to be" "to be"', ["to be or not to be"]),
            ("moon MOON Möon", ["moon"]),
            ("+moon -sun (a) ~b @3 <c >d", ["moon", "sun", "b", "3", "c", "d"]),
            ("the of", []),
            ('+-<>()~*"@', []),
            ('""', []),
            ("moon\0sun", ["moon sun"]),
            ("", []),
        ],
    )
    def test_what_is_asked_is_taken_apart(self, asked: str, expected: list[str]) -> None:
        told = [" ".join(term.words) + "*" * term.is_beginning for term in terms_of(asked)]
        assert told == expected

    def test_as_much_as_may_be_asked(self) -> None:
        assert len(terms_of(" ".join(f"word{n}" for n in range(MAX_TERMS)))) == MAX_TERMS
        assert len(terms_of("x" * MAX_LENGTH)) == 1


class OnlyMarks(HTMLParser):
    """What a page would make of a highlight."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text, self.others, self.hits = "", [], []
        self.inside = False
        self.feed(html)
        self.close()

    text: str
    others: list[str]
    hits: list[str]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag != "mark" or attrs or self.inside:
            self.others.append(tag)
        self.inside = True
        self.hits.append("")

    def handle_endtag(self, tag: str) -> None:
        if tag != "mark":
            self.others.append(tag)
        self.inside = False

    def handle_data(self, data: str) -> None:
        self.text += data
        if self.inside:
            self.hits[-1] += data

    def handle_comment(self, data: str) -> None:
        self.others.append(data)

    def handle_decl(self, decl: str) -> None:
        self.others.append(decl)

    def handle_pi(self, data: str) -> None:
        self.others.append(data)

    def unknown_decl(self, data: str) -> None:
        self.others.append(data)


class TestHighlights:
    @pytest.mark.parametrize(
        ("text", "asked", "expected"),
        [
            ("The Moon is a moon", "moon", "The <mark>Moon</mark> is a <mark>moon</mark>"),
            ("Über uns", "uber", "<mark>Über</mark> uns"),
            ("moon & moonlight", "moon*", "<mark>moon</mark> &amp; <mark>moonlight</mark>"),
            ("moon landing, moon", '"moon landing"', "<mark>moon landing</mark>, moon"),
            ("a b c", '"a b" "b c"', "<mark>a b c</mark>"),
            ("<moon>", "moon", "&lt;<mark>moon</mark>&gt;"),
            ("東京都", "京", "東<mark>京</mark>都"),
            ("nothing", "moon", "nothing"),
        ],
    )
    def test_hits_are_marked(self, text: str, asked: str, expected: str) -> None:
        assert marked(text, terms_of(asked)) == expected

    def test_an_excerpt_begins_before_the_first_hit_and_ends_at_a_space(self) -> None:
        text = "word " * 100 + "moon " + "rest " * 100
        found = excerpt(text, terms_of("moon"))
        assert found.startswith("…word ")
        assert found.endswith("rest…")
        assert "<mark>moon</mark>" in found
        assert 150 <= len(found) <= 220

    def test_a_hit_at_the_end_is_shown_with_more_before_it(self) -> None:
        found = excerpt("word " * 100 + "moon", terms_of("moon"))
        assert found.endswith("word <mark>moon</mark>")
        assert 180 <= len(found) <= 220

    def test_of_a_short_text_the_excerpt_is_all(self) -> None:
        assert excerpt("A moon", terms_of("moon")) == "A <mark>moon</mark>"
        assert excerpt("A sun", terms_of("moon")) == "A sun"
        assert excerpt("", terms_of("moon")) == ""

    def test_a_word_without_end_makes_no_excerpt_without_end(self) -> None:
        found = excerpt("x" * 5000, terms_of("xxx*"))
        assert found == f"<mark>{'x' * 200}</mark>…"

    @pytest.mark.parametrize("attempt", ATTEMPTS)
    def test_nothing_in_a_text_becomes_more_than_text(self, attempt: str) -> None:
        for asked in ("alert", "scr*", '"onerror alert"', attempt[:MAX_LENGTH].replace(" ", "")):
            for html in (marked(attempt, terms_of(asked)), excerpt(attempt, terms_of(asked))):
                page = OnlyMarks(html)
                assert page.others == []
                assert page.text.strip("…") in attempt.replace("\r", "")

    @given(st.text(), st.text(max_size=30))
    @example("<b>&amp;</b>", "amp")
    def test_a_highlight_is_the_text(self, text: str, asked: str) -> None:
        html = marked(text, terms_of(" ".join(asked.split()[:MAX_TERMS])))
        assert unescape(html.replace("<mark>", "").replace("</mark>", "")) == text


# Of each post: title, body, tags, and its author's username and display name.
Text = tuple[str, str, list[str], str]
AUTHORS = {"ana-lee": "Ana María Lee", "ben": "", "moonwalker": "Neil"}
CORPUS: list[Text] = [
    ("The Moon landing", "How they *landed* on the moon in 1969.", ["space", "nasa"], "ana-lee"),
    ("Sun and moon", "moon moon moon, the sun & a moon landing", [], "ben"),
    ("Landing gear", "No satellite here: moonlight only", ["moon"], "ana-lee"),
    ("Cafe", "Das Café, déjà vu, naïve; ÜBER und über", ["coffee-shop"], "ben"),
    ("To be or not to be", "That is the question, is it not?", [], "moonwalker"),
    ("Python 3.11", "`don't` use C, use Go.\n\n| a | b |\n|---|---|\n| c | d |", ["go"], "ben"),
    ("東京都の月", "京都と東京へ行く moon", ["日本"], "ana-lee"),
    ("Ёлка", "ёлки и ель. Москва\n\nмосковский метрополитен", [], "ben"),
    ("x" * 100, "y" * 90 + "z", [], "ben"),
    ("Gear moon", "landing", ["space"], "ben"),
    ("Moon", "Moon", ["moon"], "moonwalker"),
]
PIECES = ["moon", "Moon", "MOON", "landing", "sun", "moonl", "moonlight", "mo", "gear", "3.11"]
PIECES += ["the", "to", "be", "or", "not", "is", "the moon", "moon landing", "don't", "don", "t"]
PIECES += ["café", "cafe", "uber", "Ü", "東京", "京", "月", "日本", "елка", "ёл", "моск", "c", "go"]
PIECES += ["ana", "ana-lee", "lee", "maria", "neil", "space", "nasa", "coffee", "shop", "zzz", "qq"]
PIECES += ["x" * 100, "y" * 40, "missing", "a", "b", "1969", "%", "_", "qqmoon", "satellite"]
SIGNS = [
    " ",
    " ",
    " ",
    " ",
    "*",
    "* ",
    '"',
    '"',
    "+",
    "-",
    "<",
    ">",
    "(",
    ")",
    "~",
    "@",
    "\0",
    "\\",
]
SIGNS += ["&", "|", ":", "^", "'", "`", "#", "OR", " AND ", " NOT ", " NEAR(", "{", "}", "%", "_"]


class Model:
    """The same, by looking at every post, and with nothing of the search's own. Words are told
    apart by their first 82 letters."""

    def __init__(self, rows: Sequence[Text]) -> None:
        self.rows = [
            (title, [[title], [text], tags, [name, AUTHORS[name]]])
            for title, text, tags, name in rows
        ]

    def words(self, text: str) -> list[str]:
        apart = normalize("NFKD", text.casefold())
        found, word = list[str](), ""
        for c in apart:
            if "\u3040" <= c <= "\u30ff" or "\u4e00" <= c <= "\u9fff":
                found, word = [*found, word, c], ""
            elif c.isalnum():
                word += c
            elif not combining(c):
                found, word = [*found, word], ""
        return [one[:82] for one in [*found, word] if one]

    def terms(self, asked: str) -> list[tuple[list[str], bool]]:
        found: list[tuple[list[str], bool]] = []
        for n, part in enumerate(asked.split('"')):
            for one in [part] if n % 2 else part.split():
                words = self.words(one)
                star = not n % 2 and one.endswith("*") and len(words) == 1 and words[0] < "\u3000"
                if words and not (len(words[0]) < 3 if star else all(w in COMMON for w in words)):
                    found.append((words, star))
        return found

    def has(self, texts: list[str], term: tuple[list[str], bool]) -> bool:
        looked_for, star = term
        for there in map(self.words, texts):
            for n in range(len(there)):
                if star and there[n].startswith(looked_for[0]):
                    return True
                if not star and there[n : n + len(looked_for)] == looked_for:
                    return True
        return False

    def titles(self, asked: str) -> list[str]:
        terms, found = self.terms(asked), list[tuple[int, int, str]]()
        distinct = [term for n, term in enumerate(terms) if term not in terms[:n]]
        for place, (title, texts) in enumerate(self.rows):
            if distinct and all(any(self.has(each, t) for each in texts) for t in distinct):
                score = 0
                for t in distinct:
                    about = self.has(texts[2], t) or self.has(texts[3], t)
                    score += 4 if self.has(texts[0], t) else 2 if about else 0
                found.append((score, place, title))
        return [title for _, _, title in sorted(found, reverse=True)]


def make_corpus() -> None:
    authors = {name: make_user(name, display_name=shown) for name, shown in AUTHORS.items()}
    for title, body, tags, name in CORPUS:
        make_live_post(authors[name], title=title, body=body, tags=tags)


def shown(rows: Sequence[Text]) -> list[Text]:
    """As they are read, not as they are written."""
    table = "don't use C, use Go. a b c d"
    return [(t, table if "|" in body else body, tags, name) for t, body, tags, name in rows]


@committing
def test_whatever_is_asked_what_is_found_is_what_a_reader_of_all_posts_finds() -> None:
    make_corpus()
    model, caller = Model(shown(CORPUS)), Caller()
    asked_for = {"found": 0}

    @settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
    @given(st.lists(st.sampled_from(PIECES) | st.sampled_from(SIGNS), max_size=12).map("".join))
    @example('"moon landing" gear')
    @example("moonl* landing")
    @example("don't")
    def compare(asked: str) -> None:
        answer = caller.get(f"/api/v1/search?{urlencode({'q': asked})}&limit=100")
        if answer.status == 400:
            assert len(asked) > MAX_LENGTH or len(model.terms(asked)) > MAX_TERMS
            return
        found = [row["title"] for row in answer.body["results"]]
        assert found == model.titles(asked)
        asked_for["found"] += bool(found)

    @settings(max_examples=150, deadline=None)
    @given(st.text(max_size=MAX_LENGTH + 10))
    @example("\ud800 \0 \uffff \U0010ffff")
    @example('"' * 200)
    @example("* " * 100)
    @example("+" * 100 + "(" * 100)
    def survive(asked: str) -> None:
        assert ask(asked).status in {200, 400}

    compare()
    survive()
    assert asked_for["found"] > 20


@committing
class TestFinding:
    def test_relevance_comes_before_recency(self) -> None:
        for title, body, tags in [
            ("Moon landing", "x", []),
            ("Sun", "moon landing", ["moon"]),
            ("Moon", "landing", []),
            ("Landing", "the moon", []),
            ("New", "moon landing, moon landing", []),
        ]:
            make_live_post(title=title, body=body, tags=tags)
        found = titles("moon landing")
        assert found == ["Moon landing", "Landing", "Moon", "Sun", "New"]

    def test_pages_follow_each_other_both_ways_while_posts_come_and_go(self) -> None:
        author = make_user()
        for n in range(7):
            make_live_post(author, title=f"Moon {n}" if n % 2 else f"Sun {n}", body="moon")
        seen, link = [], f"/api/v1/search?{urlencode({'q': 'moon', 'limit': 2})}"
        pages = []
        while link:
            page = Caller().get(link).body
            pages.append(page)
            seen += [row["title"] for row in page["results"]]
            link = page["next"]
            if len(pages) == 1:
                make_live_post(author, title="Moon new", body="x")
        assert seen == ["Moon 5", "Moon 3", "Moon 1", "Sun 6", "Sun 4", "Sun 2", "Sun 0"]
        back = Caller().get(pages[2]["previous"]).body
        assert back["results"] == pages[1]["results"]

    def test_a_cursor_of_another_search_is_refused(self) -> None:
        for _ in range(2):
            make_live_post(title="Moon and sun")
        link = ask("moon", limit=1).body["next"]
        assert Caller().get(link).status == 200
        assert Caller().get(link.replace("q=moon", "q=sun")).status == 400

    def test_author_and_tag_narrow_it(self) -> None:
        ana = make_user("ana")
        make_live_post(ana, title="Moon 1", tags=["space"])
        make_live_post(ana, title="Moon 2")
        make_live_post(title="Moon 3", tags=["space"])
        assert titles("moon", author="ANA") == ["Moon 2", "Moon 1"]
        assert titles("moon", tag="space") == ["Moon 3", "Moon 1"]
        assert titles("moon", tag="space", author="ana") == ["Moon 1"]
        assert titles("moon", author="nobody") == titles("moon", tag="nothing") == []

    def test_what_is_found_is_a_post_as_lists_show_it_and_why(self) -> None:
        make_live_post(title="A *moon* & more", body="To the **moon** <b>\n\n- and\n- back")
        row = ask("moon").body["results"][0]
        highlights = row.pop("highlights")
        assert row == Caller().get("/api/v1/posts").body["results"][0]
        assert highlights == {
            "title": "A *<mark>moon</mark>* &amp; more",
            "excerpt": "To the <mark>moon</mark> &lt;b&gt; and back",
        }

    def test_a_hit_beyond_what_excerpts_are_taken_from_is_found_all_the_same(self) -> None:
        """Of so much InnoDB writes its index to the disk meanwhile, which hides it for a moment."""
        make_live_post(body="word " * 10_000 + "moon")
        assert wait_until(lambda: ask("moon").body["results"] != [], timeout_s=DEADLINE_S)
        highlights = ask("moon").body["results"][0]["highlights"]
        assert highlights["excerpt"].startswith("word word")
        assert "<mark>" not in highlights["excerpt"]

    @pytest.mark.parametrize(
        "attempt", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>']
    )
    def test_no_text_gets_out_of_a_highlight(self, attempt: str) -> None:
        make_live_post(title=attempt, body=f"{attempt} `{attempt}` [x](javascript:{attempt})")
        for html in ask("alert").body["results"][0]["highlights"].values():
            assert OnlyMarks(html).others == []
            assert OnlyMarks(html).hits[0] == "alert"

    def test_too_much_is_refused_and_nothing_finds_nothing(self) -> None:
        make_live_post()
        for q in ("x" * (MAX_LENGTH + 1), " ".join("abcdefghijk")):
            refused = ask(q)
            assert (refused.status, refused.body["errors"][0]["field"]) == (400, "q")
        assert Caller().get("/api/v1/search").body["results"] == []
        assert titles("") == titles("the") == []


WHO = ("anonymous", "other", "author", "moderator")


@committing
class TestVisibility:
    """What is not live is found by nobody, not even by those who may read it elsewhere."""

    def found(self, word: str = "secretword") -> set[str]:
        author, moderator = User.objects.get(username="author"), make_moderator()
        people = [None, make_user(), author, moderator]
        answers = [ask(word, who) for who in people]
        return {w for w, a in zip(WHO, answers, strict=True) if a.body["results"]}

    def test_drafts_and_what_waits(self) -> None:
        author = make_user("author")
        make_draft(author, title="Secretword", body="secretword", tags=["secretword"])
        make_pending(author, title="Secretword", body="secretword", tags=["secretword"])
        assert self.found() == set()

    def test_an_edit_of_a_live_one_until_it_is_approved(self) -> None:
        author = make_user("author")
        post = make_live_post(author, title="Oldword")
        by = principal(author)
        posts.propose_edit(slug=post.slug, by=by, title="Secretword", body="secretword")
        revision = posts.submit_post(slug=post.slug, by=by)
        assert self.found() == set()
        assert self.found("oldword") == set(WHO)
        moderation.approve_revision(
            revision_id=revision.pk, by=principal(make_moderator()), version=revision.version
        )
        assert self.found() == set(WHO)
        assert self.found("oldword") == set()

    def test_what_is_hidden_or_deleted_and_back(self) -> None:
        author = make_user("author")
        slug, by = make_live_post(author, title="Secretword").slug, principal(make_moderator())
        for down, up in [
            (partial(takedowns.hide_post, reason="x"), takedowns.unhide_post),
            (partial(takedowns.remove_post, reason="x"), takedowns.restore_post),
        ]:
            assert self.found() == set(WHO)
            down(slug=slug, by=by)
            assert self.found() == set()
            up(slug=slug, by=by)
        posts.delete_post(slug=slug, by=principal(author))
        assert self.found() == set()

    def test_whose_author_is_gone(self) -> None:
        author = make_user("author")
        make_live_post(author, title="Secretword")
        departures.forget_person(user_id=author.pk)
        assert self.found() == set()
        assert not SearchEntry.objects.exists()

    def test_a_row_that_should_not_be_there_shows_nothing(self) -> None:
        make_live_post(make_user("author"), title="Secretword")
        Post.objects.update(hidden_at="2026-01-01T00:00Z")
        assert self.found() == set()


@committing
def test_a_post_is_found_by_its_authors_new_name() -> None:
    ana, ben = make_user("ana", display_name="Ana Lee"), make_user("ben")
    make_live_post(ana, title="Hers")
    make_live_post(ben, title="His")
    people.change_profile(by=principal(ana), display_name="Ana Smith")
    consume(emitted())
    assert titles("smith") == titles("ana") == ["Hers"]
    assert titles("lee") == []
    assert titles("ben") == ["His"]


@committing
def test_a_name_that_changes_waits_for_who_is_indexing_a_post_by_the_old_one(
    elsewhere: ThreadPoolExecutor,
) -> None:
    ana = make_user("ana", display_name="Ana Lee")
    post = make_live_post(ana, title="Hers")
    SearchEntry.objects.all().delete()
    with transaction.atomic():
        search.index(Post.objects.select_for_update().get(pk=post.pk))
        # SQLite lets one write at a time: there the other waits to begin.
        changing = elsewhere.submit(change_name_and_tell, ana, "Ana Smith")
        with pytest.raises(TimeoutError):
            changing.result(0.3)
    changing.result(DEADLINE_S)
    assert (titles("smith"), titles("lee")) == (["Hers"], [])


def change_name_and_tell(user: User, name: str) -> None:
    people.change_profile(by=principal(user), display_name=name)
    until_it_is_let(partial(search.index_author, user_id=user.pk))


def rebuild(*options: str) -> Any:
    printed = StringIO()
    call_command("rebuild_search", "--json", *options, stdout=printed)
    return json.loads(printed.getvalue())


@pytest.mark.django_db
class TestRebuilding:
    def test_it_makes_what_is_missing_wrong_or_too_much_right(self) -> None:
        live = [make_live_post(title=f"Moon {n}") for n in range(5)]
        make_draft()
        right = list(SearchEntry.objects.order_by("pk").values())
        SearchEntry.objects.filter(pk=live[0].pk).delete()
        SearchEntry.objects.filter(pk=live[1].pk).update(title=" wrong ")
        Post.objects.filter(pk=live[4].pk).update(hidden_at="2026-01-01T00:00Z")
        wrong = list(SearchEntry.objects.order_by("pk").values())
        expected = {"posts": 5, "added": 1, "changed": 1, "removed": 1}
        assert rebuild("--dry-run") == {**expected, "dry_run": True}
        assert list(SearchEntry.objects.order_by("pk").values()) == wrong
        assert rebuild("--at-once", "2") == {**expected, "dry_run": False}
        assert list(SearchEntry.objects.order_by("pk").values()) == right[:4]
        assert rebuild() == {"posts": 4, "added": 0, "changed": 0, "removed": 0, "dry_run": False}

    def test_one_that_went_live_before_bodies_were_rendered_is_found_by_its_body(self) -> None:
        post = make_live_post(body="**moon**")
        Post.objects.update(html="")
        SearchEntry.objects.all().delete()
        rebuild()
        assert SearchEntry.objects.get(pk=post.pk).text == "moon"

    @pytest.mark.parametrize("at_once", ["0", "-1", "1001"])
    def test_what_cannot_be_is_told_in_one_line(self, at_once: str) -> None:
        with pytest.raises(CommandError) as refused:
            call_command("rebuild_search", "--at-once", at_once)
        assert refused.value.returncode == 2
        assert "\n" not in str(refused.value)


@committing
def test_what_becomes_of_a_post_while_it_is_rebuilt_comes_after_it(
    elsewhere: ThreadPoolExecutor,
) -> None:
    post, by = make_live_post(title="Moon"), principal(make_moderator())
    SearchEntry.objects.all().delete()
    hide = partial(takedowns.hide_post, slug=post.slug, by=by, reason="x")
    with transaction.atomic():
        assert sum(part.added for part in search.rebuild()) == 1
        hiding = elsewhere.submit(until_it_is_let, hide)
        with pytest.raises(TimeoutError):
            hiding.result(0.3)
    hiding.result(DEADLINE_S)
    assert titles("moon") == []
    assert not SearchEntry.objects.exists()


@committing
def test_a_rebuild_waits_for_what_becomes_of_a_post(elsewhere: ThreadPoolExecutor) -> None:
    post, by = make_live_post(title="Moon"), principal(make_moderator())
    SearchEntry.objects.all().delete()
    with transaction.atomic():
        takedowns.hide_post(slug=post.slug, by=by, reason="x")
        rebuilding = elsewhere.submit(until_it_is_let, lambda: list(search.rebuild()))
        with pytest.raises(TimeoutError):
            rebuilding.result(0.3)
    rebuilding.result(DEADLINE_S)
    assert not SearchEntry.objects.exists()


@pytest.mark.django_db
def test_what_is_undone_leaves_the_index_as_it_was() -> None:
    post = make_live_post(title="Moon")
    before = list(SearchEntry.objects.values())

    class Undone(Exception):
        pass

    with pytest.raises(Undone), transaction.atomic():
        takedowns.hide_post(slug=post.slug, by=principal(make_moderator()), reason="x")
        assert not SearchEntry.objects.exists()
        raise Undone
    assert list(SearchEntry.objects.values()) == before
    assert not Revision.objects.filter(open=True).exists()
