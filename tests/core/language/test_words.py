"""What is read off words: telling ones, names, topics, times, questions."""

# ruff: noqa: RUF001 (letters of other scripts look like Latin ones)

import doctest
import re
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zettelmem.language import languages, words
from zettelmem.language.english import vocabulary as english


def test_words_are_lower_case_in_order_without_stop_words() -> None:
    text = "The Cat didn't eat Ana's fish, but C++ and v2.0!"
    assert words.words(text) == ["cat", "eat", "ana", "fish", "c++", "v2.0"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Ich habe den Tee nicht gekauft, weil er teuer war.", ["tee", "gekauft", "teuer"]),
        ("Elle est dans la cuisine avec son chat.", ["cuisine", "chat"]),
        ("я не люблю чай", ["люблю", "чай"]),
        ("猫，我每天早上喝茶。他在上海的茶馆。", ["猫", "上海", "茶馆"]),
        ("先週の土曜日に友達と鎌倉へ行って、犬を見ました。", ["先週", "土曜日", "友達", "鎌倉", "犬"]),
        ("我在Berlin工作", ["berlin", "工作"]),
        ("แมวชื่อมะลิ", []),
        ("カフェ", ["カフェ"]),
    ],
)
def test_words_of_other_languages_have_their_own_stop_words(text: str, expected: list[str]) -> None:
    assert words.words(text) == expected


def test_names_are_capitalised_words_away_from_a_sentences_start() -> None:
    assert words.names("Yesterday Ana met Ben Howard in New York.") == ["Ana", "Ben Howard", "New York"]
    assert words.names("New York is big. New shoes hurt. The New Year came.") == ["New York", "New Year"]
    assert words.names("Running is fun. Swimming too.") == []
    assert words.names("It was 2024, and NASA called.") == ["2024", "NASA"]


def test_names_begin_with_capitals_of_any_alphabet() -> None:
    assert words.names("We met Łukasz, Émile, Анна.") == ["Łukasz", "Émile", "Анна"]


@pytest.mark.parametrize(
    ("content", "tags"), [("#Porto and #flat_hunt, a#b, #1, ##x1", ["porto", "flat_hunt"]), ("", [])]
)
def test_hashtags_are_words_behind_their_sign(content: str, tags: list[str]) -> None:
    assert words.hashtags(content)[: len(tags)] == tags
    assert "b" not in words.hashtags(content)


def test_a_tag_names_what_is_said_of_it() -> None:
    said = words.plain("We heard Winner, the band, in Porto.")
    assert words.names_it(said, "Winner (band)")
    assert words.names_it(said, "porto")
    assert not words.names_it(said, "win")
    assert not words.names_it(said, "we")
    assert not words.names_it(said, "we heard nothing")


class TestTopics:
    """No topic is better than a wrong one."""

    @pytest.mark.parametrize(
        "fact",
        [
            "class InvoiceMapper",
            "The class InvoiceMapper maps invoices to rows.",
            "The operations team is on call.",
            "Pain point: the build is slow.",
            "The tests run in CI.",
            "The team runs the tests before each release.",
            "The health check answers on port 8080.",
            "Move the home directory first.",
            "The library reads the file twice.",
            "Of course the job failed again.",
            "The client retries the request.",
            "Two child processes of the parent process hang.",
            "That is a novel approach.",
            "Use cat to print it.",
            "The price is fine.",
            "A match of the pattern starts a race.",
            "The band of the filter is too wide.",
            "Draw the box first.",
            "She has a degree of freedom.",
            "The trip counter overflows.",
        ],
    )
    def test_a_word_with_a_second_sense_shows_no_topic(self, fact: str) -> None:
        assert words.topics(fact) == []

    @pytest.mark.parametrize(
        ("content", "topic"),
        [
            ("My sister called.", "family"),
            ("The baby and the other children slept.", "family"),
            ("Ana is allergic to nuts.", "health"),
            ("The doctor looked at my knee.", "health"),
            ("A colleague left.", "work"),
            ("The interview is at the office.", "work"),
            ("She went to college.", "education"),
            ("She studied for the course and took a degree.", "education"),
            ("We need a hotel.", "travel"),
            ("The flight was the best of the trip.", "travel"),
            ("The kitchen is blue.", "home"),
            ("They rent a house.", "home"),
            ("Lunch was late.", "food"),
            ("He cooked and we ate.", "food"),
            ("She plays tennis.", "sport"),
            ("The coach watched the game.", "sport"),
            ("He plays the violin.", "music"),
            ("The band made an album.", "music"),
            ("We saw the museum.", "art"),
            ("She likes to draw and to paint.", "art"),
            ("He writes poetry.", "reading"),
            ("I am reading a book.", "reading"),
            ("Two dogs barked.", "pets"),
            ("The vet saw the cat.", "pets"),
            ("The mortgage is high.", "money"),
            ("We paid the tax.", "money"),
            ("My laptop broke.", "technology"),
            ("The program has no code.", "technology"),
        ],
    )
    def test_one_clear_word_or_two_likely_ones_show_a_topic(self, content: str, topic: str) -> None:
        assert words.topics(content) == [topic]

    def test_one_likely_word_in_two_forms_is_one_word(self) -> None:
        assert words.topics("The class and the classes.") == []

    def test_the_topic_with_most_words_comes_first(self) -> None:
        assert words.topics("My sister has a dog, a kitten and two cats.") == ["pets", "family"]

    def test_a_word_belongs_to_one_topic(self) -> None:
        listed = [word for topic in english.TOPICS.values() for word in " ".join(topic).split()]
        assert len(listed) == len(set(listed))

    def test_every_topic_needs_and_has_two_different_likely_words(self) -> None:
        for topic, (_, likely) in english.TOPICS.items():
            assert words.topics(likely) == [topic]


def only(alternative: str) -> re.Pattern[str]:
    return re.compile(rf"(?<!\w)(?:{alternative})(?!\w)", re.IGNORECASE)


WHEN = [
    "We met yesterday.",
    "We meet next weekend.",
    "two weeks ago",
    "It was 2024.",
    "In June she left.",
    "Not on Mondays.",
    "She left in May.",
    "It has rained since.",
]
ASKS_WHEN = ["When did Ana move?", "What year was it?", "How long did it take?", "Which month was it?"]
QUESTIONS = [
    "what is my address",
    "where's Ana",
    "which shirt did he buy",
    "how many are there",
    "what about lunch",
    "why not",
    "is the door open",
    "could she swim",
    "do you swim",
    "did he swim",
    "can you tell me where Ana lives",
    "ok, do you remember the name",
    "any idea where she lives",
]
PATTERNS = [
    (english.WHEN, WHEN),
    (english.ASKS_WHEN, ASKS_WHEN),
    (english.QUESTION, QUESTIONS),
]


@pytest.mark.parametrize(("alternatives", "sentences"), PATTERNS, ids=["when", "asks when", "question"])
def test_every_alternative_of_a_pattern_is_reached(
    alternatives: tuple[str, ...], sentences: list[str]
) -> None:
    assert len(alternatives) == len(sentences)
    for alternative, sentence in zip(alternatives, sentences, strict=True):
        assert only(alternative).search(sentence), alternative


@given(st.data())
def test_whatever_an_alternative_matches_is_matched_by_its_pattern(data: st.DataObject) -> None:
    """Also the alternatives inside of one are reached."""
    for alternatives, reads in (
        (english.WHEN, words.says_when),
        (english.ASKS_WHEN, words.asks_when),
        (english.QUESTION, words.asks),
    ):
        phrase = data.draw(
            st.sampled_from(alternatives).flatmap(lambda each: st.from_regex(each, fullmatch=True))
        )
        assert reads(f"{phrase} tea"), phrase


@pytest.mark.parametrize("content", WHEN)
def test_a_time_is_told(content: str) -> None:
    assert words.says_when(content)


@pytest.mark.parametrize("content", ["She likes tea.", "It may rain.", "The march was long.", "room 12024"])
def test_no_time_is_told(content: str) -> None:
    assert not words.says_when(content)


@pytest.mark.parametrize("query", ASKS_WHEN)
def test_a_time_is_asked_for(query: str) -> None:
    assert words.asks_when(query)


def test_another_question_asks_for_no_time() -> None:
    assert not words.asks_when("Where does Ana live?")


@pytest.mark.parametrize(
    "content",
    [
        "Really? ",
        "Is it far? :)",
        "Is it far?! \U0001f602",
        "\u201cReally?\u201d",
        "真的吗\uff1f",
        "حقا\u061f",
        "Πού είναι;",
        "Πού είναι\u037e",
        "Ինչո՞ւ։",
        "እንዴት ነህ\u1367",
        "Really\u203d",
        "他喜欢茶吗。",
        "名前は何ですか。",
        "어디에 갑니까? ",
        "어디에 있습니까.",
        "เขาชอบชาไหม",
        *QUESTIONS,
        "I am new here. where is the office",
        "Ok, so who\u2019s there",
    ],
)
def test_a_question_is_known_in_every_script_and_in_english_without_a_mark(content: str) -> None:
    assert words.asks(content)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "   ",
        "Yes.",
        "Really? Yes.",
        "She asked: is it far? I said no",
        "What a day",
        "What I like is tea",
        "What is more, she left.",
        "Which reminds me of tea",
        "How nice",
        "Do it",
        "Have the report ready by noon",
        "Did yoga today",
        "I know what is wrong",
        "On: yes; no;",
        "我喜欢茶。",
        "ดี",
    ],
)
def test_what_tells_does_not_ask(content: str) -> None:
    assert not words.asks(content)


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Where does Ana live", "english"),
        ("I don't smoke", "english"),
        ("Ana", languages.UNSURE),
        ("Wo arbeitet Ana", "german"),
        ("une chanson pour toi", "french"),
        ("mi hermano también", "spanish"),
        ("não sei", "portuguese"),
        ("anche questo libro", "italian"),
        ("waar zijn de boeken", "dutch"),
        ("jag vet inte vad", "swedish"),
        ("jeg ved ikke hvornår", "danish"),
        ("jeg vet ikke noe", "norwegian"),
        ("missä sinä olet", "finnish"),
        ("hogy vagy most", "hungarian"),
        ("gdzie jest książka", "polish"),
        ("kde jsem byl", "czech"),
        ("unde este cartea și", "romanian"),
        ("kitap nerede çok", "turkish"),
        ("tidak untuk kami", "indonesian"),
        ("perquè aquest nen també", "catalan"),
    ],
)
def test_a_language_is_known_by_its_function_words(text: str, language: str) -> None:
    assert languages.language_of(text.split()) == language


@given(st.text())
def test_any_text_can_be_read(content: str) -> None:
    assert not set(words.words(content)) & english.STOP_WORDS
    assert all(0 < len(name) <= words.MAX_NAME for name in words.names(content))
    assert all(tag == tag.lower() for tag in words.hashtags(content))
    assert set(words.topics(content)) <= set(english.TOPICS)
    for question in (words.says_when, words.asks_when, words.asks):
        assert question(content) in (True, False)


@pytest.mark.parametrize(
    "content",
    [
        "A. " * 300_000,
        "Ab cd. " * 100_000,
        "a" * 1_000_000,
        "A " * 500_000,
        "A'" * 500_000,
        "1 " * 500_000,
        "#" * 1_000_000,
        ". " * 500_000,
        "and " * 250_000,
        "?" * 1_000_000,
        "α ; " * 250_000,
        "\u055e" * 1_000_000,
    ],
)
def test_a_megabyte_is_read_at_once(content: str) -> None:
    """No pattern runs away, and only the head is read: each takes milliseconds, not minutes."""
    began = time.process_time()
    for read in (words.words, words.names, words.hashtags, words.topics, words.says_when, words.asks):
        read(content)
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize("module", [words, languages])
def test_the_examples_are_so(module: object) -> None:
    assert doctest.testmod(module).failed == 0  # type: ignore[arg-type]
