"""Words for seeded sites: topics, titles and Markdown that reads like what people write.

A body is made of blocks, each rendered once, so that 100,000 bodies differ and cost little.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from toby.social.rendering import render
from toby.social.services.search import text_of
from toby.social.words import indexed


def words(text: str) -> list[str]:
    return text.split()


FIRST_NAMES = words(
    "ada ben carla dmitri elif farid greta hana ivan jo kemal lena mira noor oskar priya quinn rosa"
    " sam tomas uma viktor wanda xenia yusuf zoe anton bea chidi dora emil fiona gil hugo iris"
    " jasper kira leo maya nils"
)
LAST_NAMES = words(
    "Abel Brandt Costa Dvorak Eriksen Fischer Grau Haddad Ito Jansen Kaya Lindqvist Moreau Novak"
    " Okafor Petrov Quist Rossi Silva Tanaka Ueda Varga Weiss Yilmaz Zeman"
)
TOPICS = words(
    "gardening cooking cycling photography woodworking astronomy birds bread budgeting camping"
    " ceramics chess climbing coffee compost databases django drawing electronics fermentation"
    " film fishing geology guitar hiking history home-repair houseplants ink jazz kayaking knitting"
    " languages libraries maps mathematics meteorology mushrooms music-theory mythology networks"
    " nutrition open-source origami parenting philosophy poetry pottery printing python radio"
    " restoration running sailing sewing sleep soap statistics street-art swimming tea teaching"
    " theatre trains travel typography urbanism volunteering walking watches weaving writing"
)
ASPECTS = ("for-beginners", "tools", "history", "mistakes", "on-a-budget")
TAGS = [*TOPICS, *(f"{topic}-{aspect}" for aspect in ASPECTS for topic in TOPICS)]

TITLES = (
    "What {n} years of {topic} taught me",
    "A gentle introduction to {topic}",
    "{Topic} without the {noun}",
    "Why I came back to {topic}",
    "The {adjective} side of {topic}",
    "Notes on {topic} and {other}",
    "How to {verb} your first {noun}",
    "{n} {adjective} mistakes in {topic}",
    "Is {topic} still worth it?",
    "From {other} to {topic}: a {adjective} year",
    "The {noun} that changed my {topic}",
    "Against {adjective} {noun}s",
)
TITLES_ELSEWHERE = (
    "Ένα ημερολόγιο κηπουρικής",
    "ثلاثة أخطاء في الخبز",
    "東京の小さな図書館",
    "Заметки о зимнем походе",
    "초보자를 위한 별자리",
)
ADJECTIVES = words(
    "quiet patient stubborn careful ordinary hidden cheap surprising slow honest small generous"
    " difficult forgotten practical seasonal reliable"
)
NOUNS = words(
    "notebook workshop lesson season recipe pattern failure habit shelf mentor kit weekend library"
    " budget ritual test garden winter map teacher"
)
VERBS = words("plan repair choose measure finish share question store trust rebuild test")
SENTENCES = (
    "I began with {topic} because of a {adjective} {noun}; nobody said it would be {adjective2}.",
    "Most people {verb} the {noun} first and only then look at the {noun2}.",
    "It took me a {adjective} {noun} to see that.",
    "If you can {verb} one {noun}, you can {verb} ten, but the second is never like the first.",
    "The {adjective} part is **not** the {noun}; it is knowing when to {verb} it.",
    "There is a {adjective} old rule: *{verb} twice, then {verb2}*.",
    "A friend who has done {topic} for {n} years still keeps a {noun} for every {noun2}.",
    "I would rather {verb} a {adjective} {noun} than buy a new one.",
    "Nothing about this needs money; it needs a {adjective} afternoon and a {noun}.",
    "In {n} attempts I had {n2} that were worth keeping.",
    "What surprised me most is how much {topic} has in common with {other}.",
    "You will want to {verb} early, before the {noun} gets {adjective}.",
    "See the [{noun} guide](https://example.org/{topic}/{noun}) if you prefer a {adjective} list.",
    "That is the whole trick, and it works for {other} as well.",
)
COMMENTS = (
    "This is the {adjective} explanation I was looking for.",
    "I tried it with a {adjective} {noun}, and it worked.",
    "Thank you! The part about the {noun} saved my {noun2}.",
    "I disagree about the {noun}: mine was {adjective} after {n} weeks.",
    "How would you {verb} it without a {noun}?",
    "Has anyone done this for {other}?",
    "Please write more about {topic}.",
    "After {n} years of {topic} I still {verb} it the other way round.",
)
REASONS = (
    "Please say where the pictures come from.",
    "This reads like an advertisement.",
    "There is a post about the same already; please add to that one.",
    "Half of the text is missing.",
)
REMARKS = (
    "Please shorten the introduction.",
    "The second section needs a source.",
    "Could you explain the terms at their first use?",
)
BLOCKS_OF_A_KIND, BLOCKS_OF_A_TOPIC, COMMENT_TEXTS = 60, 4, 500


@dataclass(frozen=True, slots=True)
class Block:
    """`text` and `words` are what it is found by."""

    markdown: str
    html: str
    text: str
    words: str


class Texts:
    """Everything is chosen by `random`: the same state of it gives the same texts."""

    def __init__(self, random: Random, usernames: Sequence[str]) -> None:
        self.random = random
        self.blocks: list[Block] = []
        self.openings = [
            [self.block(self.paragraph(topic)) for _ in range(BLOCKS_OF_A_TOPIC)]
            for topic in TOPICS
        ]
        several = range(BLOCKS_OF_A_KIND)
        self.headings = [self.block(f"## {self.line('The {adjective} {noun}')}") for _ in several]
        self.paragraphs = [self.block(self.paragraph(self.topic())) for _ in range(300)]
        shapes = (self.bullets, self.numbers, self.code, self.quote, self.table, self.tasks)
        self.others = [self.block(shape()) for shape in shapes for _ in several]
        self.thanks = [
            self.block(
                f"Thanks to @{name} for reading a {random.choice(ADJECTIVES)} draft of this."
            )
            for name in usernames[:BLOCKS_OF_A_KIND]
        ]
        self.comments = [self.line(random.choice(COMMENTS)) for _ in range(COMMENT_TEXTS)]

    def block(self, markdown: str) -> int:
        """The number of a new block, rendered."""
        html = render(markdown).html
        text = text_of(html)
        self.blocks.append(Block(markdown, html, text, indexed(text).strip()))
        return len(self.blocks) - 1

    def recipe(self, topic: int) -> tuple[int, ...]:
        """A new body, as numbers of blocks; no two of one kind of list follow each other."""
        pick = self.random.choice
        recipe = [pick(self.openings[topic])]
        for _ in range(pick((0, 1, 1, 2, 2, 3))):
            recipe += (pick(self.headings), pick(self.paragraphs))
            if self.random.random() < 0.5:
                recipe += (pick(self.others), pick(self.paragraphs))
        if self.thanks and self.random.random() < 0.1:
            recipe.append(pick(self.thanks))
        return tuple(recipe)

    def body_of(self, recipe: Sequence[int]) -> str:
        return "\n\n".join(self.blocks[number].markdown for number in recipe)

    def html_of(self, recipe: Sequence[int]) -> str:
        """What `rendering.html_of` says of the body, for any post: no block has footnotes."""
        return "".join(self.blocks[number].html for number in recipe)

    def text_of(self, recipe: Sequence[int]) -> str:
        return " ".join(self.blocks[number].text for number in recipe)

    def words_of(self, recipe: Sequence[int]) -> str:
        """As `indexed` says of the text."""
        return f" {' '.join(self.blocks[number].words for number in recipe)} "

    def title(self, topic: int) -> str:
        if self.random.random() < 0.01:
            return self.random.choice(TITLES_ELSEWHERE)
        line = self.line(self.random.choice(TITLES), topic=TOPICS[topic].replace("-", " "))
        return line[0].upper() + line[1:]

    def line(self, template: str, *, topic: str = "") -> str:
        pick, topic = self.random.choice, topic or self.topic()
        return template.format(
            topic=topic,
            Topic=topic.capitalize(),
            other=self.topic(),
            adjective=pick(ADJECTIVES),
            adjective2=pick(ADJECTIVES),
            noun=pick(NOUNS),
            noun2=pick(NOUNS),
            verb=pick(VERBS),
            verb2=pick(VERBS),
            n=self.random.randint(3, 20),
            n2=self.random.randint(1, 3),
        )

    def topic(self) -> str:
        return self.random.choice(TOPICS)

    def paragraph(self, topic: str) -> str:
        chosen = self.random.sample(SENTENCES, self.random.randint(3, 6))
        return " ".join(self.line(sentence, topic=topic) for sentence in chosen)

    def some(self, template: str) -> list[str]:
        return [self.line(template) for _ in range(self.random.randint(3, 6))]

    def bullets(self) -> str:
        return "\n".join(f"- {line}" for line in self.some("{verb} the {adjective} {noun}"))

    def numbers(self) -> str:
        lines = self.some("{verb} the {noun}, then {verb2} it")
        return "\n".join(f"{number}. {line}" for number, line in enumerate(lines, 1))

    def tasks(self) -> str:
        return "\n".join(f"- [x] {line}" for line in self.some("{verb} a {noun}"))

    def code(self) -> str:
        lines = self.some("{verb}({noun}, {noun2}={n})")
        return "\n".join(["```python", *lines, "```"])

    def quote(self) -> str:
        return f"> {self.paragraph(self.topic())}"

    def table(self) -> str:
        rows = self.some("| {noun} | {n} | {adjective} |")
        return "\n".join(["| what | how many | how |", "|---|---:|---|", *rows])
