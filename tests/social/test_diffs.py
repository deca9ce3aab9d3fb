"""What a diff says, that it is right to the letter, and that it has a price limit."""

import random
from itertools import pairwise

import pytest
from django.utils.safestring import SafeString
from hypothesis import example, given, settings
from hypothesis import strategies as st

from toby.social import diffs
from toby.social.diffs import Change, as_html, word_diff


def marked(old: str, new: str) -> str:
    """The diff as a person would write it: [-removed-] and {+added+}."""
    signs = {"same": "{}", "removed": "[-{}-]", "added": "{{+{}+}}"}
    return "".join(signs[kind].format(text) for kind, text in word_diff(old, new))


def without(kind: str, changes: list[Change]) -> str:
    return "".join(change.text for change in changes if change.kind != kind)


def assert_is_right(old: str, new: str) -> None:
    changes = word_diff(old, new)
    assert without("added", changes) == old
    assert without("removed", changes) == new
    assert all(change.text for change in changes)
    for one, next_one in pairwise(changes):
        assert (one.kind, next_one.kind) != ("added", "removed")
        assert one.kind != next_one.kind


@pytest.mark.parametrize(
    ("old", "new", "diff"),
    [
        ("", "", ""),
        ("same", "same", "same"),
        ("", "new", "{+new+}"),
        ("old", "", "[-old-]"),
        ("The quick fox", "The slow fox", "The[- quick-]{+ slow+} fox"),
        ("The fox", "The red, red fox", "The{+ red, red+} fox"),
        ("It is good.", "It is good!", "It is good[-.-]{+!+}"),
        ("a b c", "a  b c", "a[- b-]{+  b+} c"),
        ("one\ntwo\nthree\n", "one\nthree\n", "one\n[-two\n-]three\n"),
        ("one\nthree\n", "one\ntwo\nthree\n", "one\n{+two\n+}three\n"),
        ("It was good.\n", "It was bad.\nMore.\n", "It was[- good-]{+ bad+}.\n{+More.\n+}"),
        ("no end", "no end\n", "no end{+\n+}"),
        ("Grüße, Ana", "Grüße, Élise", "Grüße,[- Ana-]{+ Élise+}"),
    ],
)
def test_words_that_changed_are_marked(old: str, new: str, diff: str) -> None:
    assert marked(old, new) == diff


def test_a_word_is_compared_with_the_words_of_its_own_line() -> None:
    old = "the first line\nunchanged\nthe second line\n"
    new = "the first row\nunchanged\nthe second row\n"
    assert marked(old, new) == (
        "the first[- line-]{+ row+}\nunchanged\nthe second[- line-]{+ row+}\n"
    )


def test_two_lines_with_little_in_common_are_not_torn_to_pieces() -> None:
    old, new = "Completely other words in here\n", "Nothing like that is in the text\n"
    assert word_diff(old, new) == [Change("removed", old), Change("added", new)]


PARTS = st.sampled_from(
    ["a", "b", "the", " ", "  ", "\n", "\n\n", ".", ",", "\r\n", "\t", "é", "\u2028"]
)
TEXTS = st.lists(PARTS | st.text(max_size=2), max_size=40).map("".join)
CHECK = settings(max_examples=300, deadline=None, derandomize=True, database=None)


@CHECK
@given(old=TEXTS, new=TEXTS)
@example(old="\n", new="")
@example(old="a\n\nb", new="a\nb")
@example(old="\x1c", new="\x85")
@example(old="\ud800", new="\0")
def test_a_diff_is_right_to_the_letter(old: str, new: str) -> None:
    assert_is_right(old, new)


@CHECK
@given(old=TEXTS, new=TEXTS, steps=st.integers(0, 300))
def test_it_is_right_whatever_it_may_cost(old: str, new: str, steps: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(diffs, "MAX_STEPS", steps)
        assert_is_right(old, new)


@CHECK
@given(text=TEXTS)
def test_a_text_beside_itself_is_the_same(text: str) -> None:
    assert word_diff(text, text) == ([Change("same", text)] if text else [])


def numbers(count: int, sign: str = "") -> list[str]:
    """Words or lines in a disorder that is always the same, none of them twice."""
    found = [f"{sign}{number}" for number in range(count)]
    random.Random(count).shuffle(found)
    return found


COSTLY = {
    "no word in common": (" ".join(numbers(17_000, "a")), " ".join(numbers(17_000, "b"))),
    "no line in common": ("\n".join(numbers(17_000, "a")), "\n".join(numbers(17_000, "b"))),
    "one word only": ("word " * 20_000, "word " * 19_000),
    "one word only, within others": (f"a {'word ' * 20_000}b", f"c {'word ' * 19_000}d"),
    "two words that change places": ("a b " * 25_000, "b a " * 25_000),
    "two lines that change places": ("a\nb\n" * 25_000, "b\na\n" * 25_000),
    "every other word": (
        " ".join(f"x a{number}" for number in range(14_000)),
        " ".join(f"x b{number}" for number in range(14_000)),
    ),
    "every other line": (
        "\n".join(f"x\na{number}" for number in range(14_000)),
        "\n".join(f"x\nb{number}" for number in range(14_000)),
    ),
    "another order": ("\n".join(numbers(17_000)), "\n".join(sorted(numbers(17_000)))),
    "backwards": ("\n".join(sorted(numbers(17_000))), "\n".join(sorted(numbers(17_000))[::-1])),
    "single characters": ("a" * 100_000, "b" * 100_000),
    "spaces": (" \t" * 50_000, "\t " * 50_000),
    "empty lines": ("\n" * 100_000, " \n" * 50_000),
}


@pytest.mark.parametrize("name", COSTLY)
def test_a_costly_comparison_comes_to_an_end_and_is_right(name: str) -> None:
    assert_is_right(*COSTLY[name])


@pytest.mark.parametrize(
    "name", ["no word in common", "no line in common", "one word only, within others", "backwards"]
)
def test_what_would_cost_too_much_is_replaced_as_a_whole(name: str) -> None:
    kinds = [change.kind for change in word_diff(*COSTLY[name]) if len(change.text) > 20]
    assert kinds == ["removed", "added"]


def test_lines_are_replaced_where_words_would_cost_too_much() -> None:
    old = f"first\n{COSTLY['two words that change places'][0]}\nunchanged\nlast but one\nend\n"
    new = f"first\n{COSTLY['two words that change places'][1]}\nunchanged\nlast but two\nend\n"
    assert [(kind, text[:9]) for kind, text in word_diff(old, new)] == [
        ("same", "first\n"),
        ("removed", "a b a b a"),
        ("added", "b a b a b"),
        ("same", "unchanged"),
        ("removed", " one"),
        ("added", " two"),
        ("same", "\nend\n"),
    ]


def test_a_long_text_is_still_compared_word_by_word() -> None:
    words = numbers(16_000)
    lines = [" ".join(words[start : start + 100]) for start in range(0, 16_000, 100)]
    old = "\n\n".join(lines)
    new = old.replace(f" {words[50]} ", " here ").replace(f" {words[15_950]} ", " there ")
    assert [change for change in word_diff(old, new) if change.kind != "same"] == [
        Change("removed", f" {words[50]}"),
        Change("added", " here"),
        Change("removed", f" {words[15_950]}"),
        Change("added", " there"),
    ]


def test_what_one_line_has_cost_the_next_cannot_spend(monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = "b a a c\n", "d a a e\n"
    words, line = "[-b-]{+d+} a a[- c-]{+ e+}\n", f"[-{old}-]{{+{new}+}}"
    texts = f"{old}same\n{old}", f"{new}same\n{new}"
    for steps, diff in [
        (100, f"{words}same\n{words}"),
        (60, f"{words}same\n{line}"),
        (20, f"{line}same\n{line}"),
    ]:
        monkeypatch.setattr(diffs, "MAX_STEPS", steps)
        assert marked(*texts) == diff


def test_words_that_occur_often_are_compared_like_others() -> None:
    often = "p" + " a b c d" * 60
    assert marked(often, often.replace("p", "p q")) == often.replace("p", "p{+ q+}")
    assert marked(f"{often} e", f"p q{often[1:]}") == f"p{{+ q+}}{often[1:]}[- e-]"


@pytest.mark.parametrize(
    ("old", "new", "diff"),
    [
        ("x\nx\n1\n", "x\nx\n2\n", "x\nx\n[-1-]{+2+}\n"),
        ("1\nx\nx\n", "2\nx\nx\n", "[-1-]{+2+}\nx\nx\n"),
    ],
)
def test_what_both_begin_and_end_with_costs_nothing(
    monkeypatch: pytest.MonkeyPatch, old: str, new: str, diff: str
) -> None:
    monkeypatch.setattr(diffs, "MAX_STEPS", 0)
    assert marked(old, new) == diff


def test_lines_that_each_side_has_once_hold_a_costly_text_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(diffs, "MAX_STEPS", 0)
    assert marked("x\n1\nx\n2\nx\ny\n3\n", "y\n1\ny\n2\nx\nx\n3\n") == (
        "[-x-]{+y+}\n1\n[-x-]{+y+}\n2\nx\n[-y-]{+x+}\n3\n"
    )


def test_anchors_are_the_most_that_stand_in_the_same_order() -> None:
    assert diffs.anchors_of("abcdxx", "cabdyx") == [(0, 1), (1, 2), (3, 3)]
    assert diffs.anchors_of("aab", "ab") == [(2, 1)]
    assert diffs.anchors_of("xx", "yy") == []


def test_changes_are_marked_in_html_and_everything_is_escaped() -> None:
    html = as_html(word_diff("<b>&amp; old {}</b>", "<b>&amp; new {}</b>"))
    assert isinstance(html, SafeString)
    assert html == ("&lt;b&gt;&amp;amp;<del> old</del><ins> new</ins> {}&lt;/b&gt;")


@CHECK
@given(old=TEXTS | st.just("<del>"), new=st.text("<>&'\"a \n", max_size=30))
def test_no_text_can_write_html(old: str, new: str) -> None:
    html = str(as_html(word_diff(old, new)))
    for tag in ("<del>", "</del>", "<ins>", "</ins>"):
        html = html.replace(tag, "")
    assert not {"<", ">", '"', "'"} & set(html)


def test_what_is_the_same_for_long_is_folded() -> None:
    lines = [f"{number}\n" for number in range(7)]
    assert as_html([Change("same", "".join(lines[:6]))]) == "0\n1\n2\n3\n4\n5\n"
    assert as_html([Change("same", "".join(lines))]) == "0\n1\n…\n5\n6\n"


def test_what_changed_is_never_folded() -> None:
    text = "line\n" * 20
    html = as_html([Change("removed", text), Change("added", text)])
    assert html == f"<del>{text}</del><ins>{text}</ins>"
