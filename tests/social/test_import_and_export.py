"""Posts from Markdown files and into them: what is taken, what is refused, and each once."""

import json
import os
import signal
import subprocess
import sys
import time
from io import StringIO
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from tests.common.support import DEADLINE_S, together, until_it_is_let
from tests.factories import (
    Caller,
    make_draft,
    make_live_post,
    make_moderator,
    make_user,
    principal,
)
from toby.accounts.models import User
from toby.outbox.models import OutboxEvent
from toby.social import markdown_files
from toby.social.jobs import RESTORABLE_FOR, purge_deleted_posts
from toby.social.markdown_files import MAX_FILE_BYTES, BadFile
from toby.social.models import ImportedFile, Post, Revision, State
from toby.social.services import departures, posts
from toby.social.services.imports import Outcome, import_file

ROOT = Path(__file__).resolve().parents[2]
GOOD = "---\ntitle: A walk\ntags: [Tea, walking]\n---\n\nIt *rained*.\n"

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("redis")]


@pytest.fixture
def ana() -> User:
    return make_user("ana")


@pytest.fixture
def folder(tmp_path: Path, ana: User) -> Path:
    return tmp_path


def put(folder: Path, name: str, text: str | bytes = GOOD) -> Path:
    file = folder / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def run(*arguments: object, code: int = 0) -> Any:
    """What the command prints with --json; `code` is what it ends with."""
    printed = StringIO()
    try:
        call_command(*map(str, arguments), "--json", stdout=printed, stderr=StringIO())
    except CommandError as error:
        assert error.returncode == code, error
        assert code
    else:
        assert not code
    return json.loads(printed.getvalue() or "null")


def imported(folder: Path, *more: object, code: int = 0) -> Any:
    return run("import_posts", folder, "--author", "ana", *more, code=code)


def titles() -> list[str]:
    return sorted(Revision.objects.values_list("title", flat=True))


class TestImporting:
    def test_a_file_becomes_a_draft_as_its_author_would_have_written_it(
        self, folder: Path, ana: User
    ) -> None:
        cover = "cover_url: https://x.example/a.png"
        put(folder, "a.md", GOOD.replace("tags", f"{cover}\ntags"))
        assert imported(folder)["imported"] == 1
        revision = Revision.objects.get()
        assert (revision.title, revision.body) == ("A walk", "It *rained*.")
        assert (revision.tags, revision.cover_url) == (["tea", "walking"], cover.split()[1])
        assert (revision.state, revision.post.author) == (State.DRAFT, ana)

    def test_folders_in_it_are_looked_through_but_nothing_hidden(self, folder: Path) -> None:
        for name in ("b/c.markdown", "b/d.MD", ".git/e.md", "b/.f.md", "g.txt"):
            put(folder, name, f"---\ntitle: {name}\n---\nx")
        assert imported(folder)["imported"] == 2
        assert titles() == ["b/c.markdown", "b/d.MD"]

    def test_what_says_where_it_came_from_decides_nothing(self, folder: Path) -> None:
        put(folder, "a.md", "---\ntitle: A\nauthor: ben\ndate: 2020-01-01\nslug: b\n---\nx")
        assert imported(folder)["imported"] == 1
        assert Post.objects.get().author.username == "ana"

    def test_values_are_the_strings_that_they_look_like(self, folder: Path) -> None:
        put(folder, "a.md", "---\ntitle: 2024-01-01\ntags: [yes, 1984, 'null']\n---\nx")
        imported(folder)
        revision = Revision.objects.get()
        assert (revision.title, revision.tags) == ("2024-01-01", ["yes", "1984", "null"])

    def test_line_ends_and_a_byte_order_mark_do_not_matter(self, folder: Path) -> None:
        put(folder, "a.md", b"\xef\xbb\xbf---\r\ntitle: A\r\n---\r\n    code\r\nx\r\n")
        imported(folder)
        assert Revision.objects.get().body == "    code\nx"

    def test_they_are_submitted_with_what_follows_from_it(self, folder: Path) -> None:
        put(folder, "a.md")
        imported(folder, "--submit")
        assert Revision.objects.get().state == State.PENDING
        assert [e.type for e in OutboxEvent.objects.all()] == ["social.post_submitted.v1"]

    def test_they_are_published_in_a_moderators_name(self, folder: Path) -> None:
        make_moderator("mod")
        put(folder, "a.md")
        imported(folder, "--publish-as", "mod")
        (row,) = Caller().get("/api/v1/posts?author=ana").body["results"]
        assert row["tags"] == ["tea", "walking"]

    @pytest.mark.parametrize("wrong", ["ana", "ben", "nobody"])
    def test_but_in_nobodys_who_may_not(self, folder: Path, wrong: str) -> None:
        make_user("ben")
        put(folder, "a.md")
        imported(folder, "--publish-as", wrong, code=2)
        assert not Post.objects.exists()

    def test_nor_in_the_authors_own_who_moderates(self, folder: Path) -> None:
        make_moderator("mod")
        put(folder, "a.md")
        run("import_posts", folder, "--author", "mod", "--publish-as", "mod", code=2)
        assert not Post.objects.exists()

    def test_a_dry_run_makes_nothing_and_tells_the_same(self, folder: Path) -> None:
        put(folder, "a.md")
        put(folder, "b.md", "no front matter")
        dry = imported(folder, "--dry-run", code=1)
        assert not Post.objects.exists()
        assert imported(folder, code=1) == dry

    def test_who_or_what_is_not_there_is_told_in_one_line(self, folder: Path) -> None:
        imported(folder / "none", code=2)
        run("import_posts", folder, "--author", "nobody", code=2)

    def test_of_an_empty_folder_nothing_is_imported(self, folder: Path) -> None:
        assert imported(folder)["imported"] == 0


class TestAgain:
    def test_each_file_is_there_once(self, folder: Path) -> None:
        for name in ("a.md", "b.md"):
            put(folder, name)
        assert imported(folder)["imported"] == 2
        put(folder, "c.md")
        again = imported(folder)
        assert (again["imported"], again["there"]) == (1, 2)
        assert Post.objects.count() == 3

    def test_one_that_changed_is_left_alone_and_told(self, folder: Path) -> None:
        put(folder, "a.md")
        imported(folder)
        put(folder, "a.md", GOOD.replace("walk", "run"))
        again = imported(folder)
        assert (again["changed"], again["files"][0]["file"]) == (1, "a.md")
        assert titles() == ["A walk"]

    def test_or_proposed_if_that_is_asked_for(self, folder: Path) -> None:
        make_moderator("mod")
        put(folder, "a.md")
        imported(folder, "--publish-as", "mod")
        put(folder, "a.md", GOOD.replace("walk", "run"))
        assert imported(folder, "--update", "--dry-run")["updated"] == 1
        assert imported(folder, "--update")["updated"] == 1
        assert imported(folder, "--update")["there"] == 1
        post = Post.objects.get()
        assert (post.title, titles()) == ("A walk", ["A run", "A walk"])

    def test_what_cannot_be_proposed_now_is_told_and_stays_to_do(self, folder: Path) -> None:
        put(folder, "a.md")
        imported(folder, "--submit")
        put(folder, "a.md", GOOD.replace("walk", "run"))
        refused = imported(folder, "--update", code=1)
        assert "waits for a moderator" in refused["files"][0]["reason"]
        posts.withdraw_post(slug=Post.objects.get().slug, by=principal(Post.objects.get().author))
        assert imported(folder, "--update")["updated"] == 1

    def test_one_that_was_deleted_does_not_come_back(self, folder: Path, ana: User) -> None:
        put(folder, "a.md")
        imported(folder)
        posts.delete_post(slug=Post.objects.get().slug, by=principal(ana))
        Post.objects.update(deleted_at=Post.objects.get().created_at - 2 * RESTORABLE_FOR)
        assert purge_deleted_posts() == 1
        assert imported(folder)["there"] == 1
        put(folder, "a.md", GOOD.replace("walk", "run"))
        assert imported(folder, "--update", code=1)["skipped"] == 1
        assert not Post.objects.exists()

    def test_two_authors_have_files_of_one_name(self, folder: Path) -> None:
        make_user("ben")
        put(folder, "a.md")
        imported(folder)
        assert run("import_posts", folder, "--author", "ben")["imported"] == 1

    def test_nothing_is_left_of_what_somebody_imported_who_is_gone(
        self, folder: Path, ana: User
    ) -> None:
        put(folder, "a.md")
        imported(folder)
        departures.forget_person(user_id=ana.pk)
        assert not ImportedFile.objects.exists()

    def test_if_a_step_is_refused_nothing_of_the_file_is_done(self, ana: User) -> None:
        text = {"title": "A", "body": "x"}
        with pytest.raises(Exception, match="Only moderators"):
            import_file(
                by=principal(ana), path="a", digest="d", text=text, approve_as=principal(ana)
            )
        assert not ImportedFile.objects.exists()
        assert not Post.objects.exists()
        assert not OutboxEvent.objects.exists()


BAD = {
    "nothing": b"",
    "no front matter": b"# A title\n\nA text\n",
    "front matter without an end": b"---\ntitle: A\n\nA text\n",
    "no title": b"---\ntags: [tea]\n---\nA text\n",
    "an empty title": b"---\ntitle:\n---\nA text\n",
    "a title that is a list": b"---\ntitle: [a]\n---\nA text\n",
    "no body": b"---\ntitle: A\n---\n",
    "an empty body": b"---\ntitle: A\n---\n\n\n   \n",
    "a body in front matter": b"---\ntitle: A\nbody: b\n---\nA text\n",
    "tags that are no list": b"---\ntitle: A\ntags: tea\n---\nA text\n",
    "eleven tags": b"---\ntitle: A\ntags: [a,b,c,d,e,f,g,h,i,j,k]\n---\nA text\n",
    "a tag that is none": b"---\ntitle: A\ntags: ['!']\n---\nA text\n",
    "a cover by http": b"---\ntitle: A\ncover_url: http://x.example/a.png\n---\nA text\n",
    "what is misspelt": b"---\ntitle: A\ntagz: [tea]\n---\nA text\n",
    "no YAML": b"---\ntitle: [A\n---\nA text\n",
    "tabs": b"---\ntitle:\n\tA\n---\nA text\n",
    "a list": b"---\n- A\n---\nA text\n",
    "a word": b"---\nA\n---\nA text\n",
    "two documents": b"---\ntitle: A\n--- b\ntitle: B\n---\nA text\n",
    "a key twice": b"---\ntitle: A\ntitle: B\n---\nA text\n",
    "a key that is a list": b"---\n? [a]\n: b\n---\nA text\n",
    "an alias": b"---\ntitle: &a A\ntags: [*a]\n---\nA text\n",
    "a bomb": b"---\na: &a [x,x]\nb: &b [*a,*a]\nc: &c [*b,*b]\ntitle: [*c]\n---\nA text\n",
    "nested without end": b"---\ntitle: " + b"[" * 5000 + b"\n---\nA text\n",
    "an object": b"---\ntitle: !!python/object/apply:os.system [ls]\n---\nA text\n",
    "long front matter": b"---\ntitle: A\n# " + b"x" * 10_000 + b"\n---\nA text\n",
    "Latin-1": "---\ntitle: Grün\n---\nA text\n".encode("latin-1"),
    "UTF-16": GOOD.encode("utf-16"),
    "binary": b"\x7fELF\0\1\2",
    "a null character": b"---\ntitle: A\n---\nA\0text\n",
    "a control character in front matter": b"---\ntitle: A\x07\n---\nA text\n",
    "too long a body": b"---\ntitle: A\n---\n" + b"x" * 100_001,
    "a huge file": b"---\ntitle: A\n---\n" + b"x" * MAX_FILE_BYTES,
}


class TestWhatIsNoPost:
    @pytest.mark.parametrize("what", BAD)
    def test_it_is_told_with_its_reason_and_all_others_are_imported(
        self, folder: Path, what: str
    ) -> None:
        put(folder, "a.md")
        put(folder, "bad.md", BAD[what])
        put(folder, "c.md")
        result = imported(folder, code=1)
        assert (result["imported"], result["skipped"]) == (2, 1)
        (told,) = result["files"]
        assert told["file"] == "bad.md"
        assert 5 < len(told["reason"]) < 300
        assert "\n" not in told["reason"]
        assert titles() == ["A walk", "A walk"]

    def test_a_file_of_any_size_costs_no_more_than_a_look(self, folder: Path) -> None:
        with (folder / "a.md").open("wb") as file:
            file.truncate(10**12)
        assert "bytes" in imported(folder, code=1)["files"][0]["reason"]

    def test_links_are_not_followed_wherever_they_lead(self, folder: Path, tmp_path: Path) -> None:
        inside = folder / "inside"
        secret = put(folder, "outside/secret.md")
        inside.mkdir()
        (inside / "a.md").symlink_to(secret)
        (inside / "b.md").symlink_to("/dev/zero")
        (inside / "c.md").symlink_to(folder / "none")
        (inside / "folder").symlink_to(secret.parent)
        told = imported(inside, code=1)["files"]
        assert {row["file"]: row["reason"] for row in told} == dict.fromkeys(
            ["a.md", "b.md", "c.md", "folder"], "it is a symbolic link"
        )

    def test_what_is_no_file_is_told(self, folder: Path) -> None:
        os.mkfifo(folder / "a.md")
        (folder / "b.md").mkdir()
        assert [row["reason"] for row in imported(folder, code=1)["files"]] == ["it is no file"]

    def test_a_name_that_is_no_utf_8_or_obeyed_by_terminals_is_shown_as_what_it_is(
        self, folder: Path
    ) -> None:
        put(folder, os.fsdecode(b"\xff.md"))
        put(folder, "\x1b[2J.md", "x")
        told = imported(folder, code=1)["files"]
        assert [row["file"] for row in told] == ["\\x1b[2J.md", "\\udcff.md"]

    def test_too_long_a_path_is_told(self, folder: Path) -> None:
        put(folder, "/".join(["x" * 200] * 3) + "/a.md")
        assert "characters" in imported(folder, code=1)["files"][0]["reason"]

    def test_without_json_it_is_a_table_on_a_terminal(self, folder: Path) -> None:
        put(folder, "a.md", "x")
        printed = StringIO()
        with pytest.raises(CommandError):
            call_command("import_posts", folder, "--author", "ana", stdout=printed)
        assert "a.md  it does not begin with front matter" in printed.getvalue()


class TestExporting:
    def test_what_is_live_comes_back_as_it_was(self, tmp_path: Path, ana: User) -> None:
        odd = 'Un "titre": #1 — {x}, [y]\u2028z & \U0001f600'
        texts: list[dict[str, Any]] = [
            {"title": odd, "body": "---\n\n# x\n\n    code\n---\n", "tags": ["tea", "1984"]},
            {"title": "yes", "body": "It *rained*.", "cover_url": "https://x.example/a.png"},
            {"title": "'2024-01-01'", "body": "- [x] a\n\n```\n---\n```"},
        ]
        for text in texts:
            make_live_post(ana, **text)
        assert run("export_posts", tmp_path / "new" / "folder")["written"] == 3
        make_moderator("mod")
        make_user("ben")
        again = run(
            "import_posts", tmp_path / "new" / "folder", "--author", "ben", "--publish-as", "mod"
        )
        assert again["imported"] == 3
        columns = ("title", "tags", "cover_url")
        mine, copied = (
            sorted(
                (*values, body.strip("\n"))
                for *values, body in Post.objects.filter(author=author).values_list(
                    *columns, "body"
                )
            )
            for author in (ana, User.objects.get(username="ben"))
        )
        assert mine == copied
        assert odd in [title for title, *_ in mine]

    def test_only_what_is_live_is_written(self, tmp_path: Path, ana: User) -> None:
        make_draft(ana)
        gone, hidden = make_live_post(ana), make_live_post(ana)
        posts.delete_post(slug=gone.slug, by=principal(ana))
        Post.objects.filter(pk=hidden.pk).update(hidden_at=hidden.published_at)
        live = make_live_post(ana)
        posts.propose_edit(slug=live.slug, by=principal(ana), title="Secret", body="Secret")
        assert run("export_posts", tmp_path)["written"] == 1
        (file,) = tmp_path.iterdir()
        assert file.name == f"{live.slug}.md"
        assert "Secret" not in file.read_text()

    def test_of_one_author_or_with_one_tag(self, tmp_path: Path, ana: User) -> None:
        make_live_post(ana, tags=["tea"])
        make_live_post(ana)
        make_live_post(tags=["tea"])
        assert run("export_posts", tmp_path / "a", "--author", "ANA")["written"] == 2
        assert run("export_posts", tmp_path / "b", "--tag", "#Tea")["written"] == 2
        both = ("--tag", "tea", "--author", "ana")
        assert run("export_posts", tmp_path / "c", *both)["written"] == 1
        assert run("export_posts", tmp_path / "d", "--tag", "none")["written"] == 0

    @pytest.mark.parametrize("wrong", [("--author", "nobody"), ("--tag", "!")])
    def test_who_or_what_cannot_be_is_told_in_one_line(
        self, tmp_path: Path, wrong: tuple[str, str]
    ) -> None:
        run("export_posts", tmp_path / "new", *wrong, code=2)
        assert not (tmp_path / "new").exists()

    def test_where_it_cannot_write_it_says_so(self, tmp_path: Path) -> None:
        run("export_posts", put(tmp_path, "file"), code=2)

    def test_again_nothing_is_written_anew(self, tmp_path: Path, ana: User) -> None:
        make_live_post(ana)
        run("export_posts", tmp_path)
        before = [file.stat().st_mtime_ns for file in tmp_path.iterdir()]
        again = run("export_posts", tmp_path)
        assert (again["written"], again["there"]) == (0, 1)
        assert [file.stat().st_mtime_ns for file in tmp_path.iterdir()] == before

    @pytest.mark.parametrize("is_link", [False, True])
    def test_what_differs_is_overwritten_only_by_force(
        self, tmp_path: Path, ana: User, is_link: bool
    ) -> None:
        folder, elsewhere = tmp_path / "folder", put(tmp_path, "elsewhere", "mine")
        file = folder / f"{make_live_post(ana).slug}.md"
        put(folder, file.name, "mine")
        if is_link:
            file.unlink()
            file.symlink_to(elsewhere)
        told = run("export_posts", folder, code=1)
        assert (told["different"], told["files"]) == (1, [file.name])
        assert file.read_text() == "mine"
        assert run("export_posts", folder, "--force", "--dry-run")["written"] == 1
        assert file.read_text() == "mine"
        assert run("export_posts", folder, "--force")["written"] == 1
        assert "A title" in file.read_text()
        assert not file.is_symlink()
        assert elsewhere.read_text() == "mine"

    def test_nor_is_a_link_that_leads_nowhere(self, tmp_path: Path, ana: User) -> None:
        file = tmp_path / f"{make_live_post(ana).slug}.md"
        file.symlink_to(tmp_path / "none")
        assert run("export_posts", tmp_path, code=1)["different"] == 1
        assert file.is_symlink()

    def test_a_dry_run_writes_nothing(self, tmp_path: Path, ana: User) -> None:
        make_live_post(ana)
        assert run("export_posts", tmp_path / "new", "--dry-run")["written"] == 1
        assert not (tmp_path / "new").exists()

    def test_all_pages_are_written(
        self, tmp_path: Path, ana: User, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("toby.social.management.commands.export_posts.AT_ONCE", 2)
        for _ in range(5):
            make_live_post(ana)
        assert run("export_posts", tmp_path)["written"] == 5


def test_a_bad_file_says_why() -> None:
    with pytest.raises(BadFile, match="aliases"):
        markdown_files.parse("---\ntitle: &a A\ntags: [*a]\n---\nx")


@pytest.mark.django_db(transaction=True)
def test_of_two_imports_at_once_each_file_is_taken_by_one() -> None:
    ana = principal(make_user("ana"))

    def one() -> Outcome:
        text = {"title": "A", "body": "x"}
        return until_it_is_let(lambda: import_file(by=ana, path="a", digest="d", text=text))

    assert sorted(map(str, together([one] * 4))) == ["imported", "there", "there", "there"]
    assert Post.objects.count() == 1


FILES, EVERY_BAD = 300, 100


def database_url() -> str:
    name = str(connection.settings_dict["NAME"])
    if connection.vendor == "sqlite":
        return f"sqlite:///{name}"
    return urlsplit(os.environ["DATABASE_URL"])._replace(path=f"/{name}").geturl()


def start(folder: Path, **environment: str) -> subprocess.Popen[str]:
    """The command as operators run it, on the database of this test."""
    return subprocess.Popen(
        [sys.executable, "manage.py", "import_posts", str(folder), "--author", "ana", "--submit"],
        cwd=ROOT,
        env={
            **os.environ,
            "DJANGO_SETTINGS_MODULE": "toby.settings.social",
            "DATABASE_URL": database_url(),
            **environment,
        },
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_until_imported(count: int) -> None:
    deadline = time.monotonic() + DEADLINE_S
    while ImportedFile.objects.count() < count:
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.django_db(transaction=True)
def test_killed_in_the_middle_and_run_again_each_good_file_is_there_once(tmp_path: Path) -> None:
    make_user("ana")
    for number in range(FILES):
        is_bad = number % EVERY_BAD == 50
        put(tmp_path, f"{number:03}.md", "bad" if is_bad else f"---\ntitle: T{number}\n---\nx")
    good = sorted(f"T{number}" for number in range(FILES) if number % EVERY_BAD != 50)
    for count in (5, 100):
        with start(tmp_path) as process:
            wait_until_imported(count)
            process.kill()
        assert process.returncode == -signal.SIGKILL
        assert count <= ImportedFile.objects.count() < len(good)
        assert Post.objects.count() == ImportedFile.objects.count()
    with start(tmp_path, TOBY_CRASH_AT="import.made") as process:
        process.communicate(timeout=DEADLINE_S)
    assert process.returncode == -signal.SIGKILL
    with start(tmp_path) as process:
        output, errors = process.communicate(timeout=DEADLINE_S)
    assert (process.returncode, "050.md" in output) == (1, True)
    assert "Traceback" not in errors
    assert titles() == good
    assert set(Revision.objects.values_list("state", flat=True)) == {State.PENDING}
    assert OutboxEvent.objects.count() == len(good)
    assert ImportedFile.objects.values("post").distinct().count() == len(good)
