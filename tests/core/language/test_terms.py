"""From text to index terms: one analysis for notes and questions, in every script."""

# ruff: noqa: RUF001 (letters of other scripts look like Latin ones)

import doctest
import threading
import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zettelmem.language import terms as module
from zettelmem.language.terms import MAX_TERM, folded, terms, words_with_terms

SENTENCE = (
    "Yesterday Ana told me that she would finally move to the new apartment in Porto, because the rent of "
    "her old flat was raised again and the owner did not repair the heating."
)


def shared(question: str, note: str) -> set[str]:
    return set(terms(question)) & set(terms(note))


@given(st.text())
def test_any_text_has_terms_without_white_space(text: str) -> None:
    found = terms(text)
    assert found == terms(text)
    assert all(term and len(term) <= MAX_TERM and term.split() == [term] for term in found)
    assert [term for _, of_token in words_with_terms(text) for term in of_token] == found


@given(st.text())
def test_folding_twice_is_folding_once(text: str) -> None:
    assert folded(folded(text)) == folded(text)


@given(st.text(alphabet=st.characters(categories=["L", "N"]), min_size=1))
def test_letters_and_digits_are_never_without_terms(text: str) -> None:
    assert terms(text)


@given(st.lists(st.sampled_from("tea Porto invoices user_name42 ADR-16 茶 แมว".split()), min_size=1))
def test_order_and_repetitions_are_kept(written: list[str]) -> None:
    of_each = [term for word in written for term in terms(f"the {word}")]
    assert terms(f"the {' '.join(written)}") == of_each


@pytest.mark.parametrize("case", [str.lower, str.upper, str.title])
def test_case_does_not_matter(case: type[str]) -> None:
    assert Counter(terms(case("the invoices of our neighbours"))) == Counter(["invoic", "neighbour"])


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("the café", "the cafe"),
        ("the Ｃａｆé", "the café"),
        ("the cafe\u0301", "the café"),
        ("the Łódź", "the Lodz"),
        ("the Straße", "the STRASSE"),
        ("the don\u2019t smoke", "the don't smoke"),
        ("the co\u00adopera\u200dtion", "the cooperation"),
        ("the İstanbul", "the istanbul"),
        ("the x² ½", "the x2 1⁄2"),
        ("مُحَمَّد", "محمد"),
        ("ёлка", "елка"),
        ("ガーデン", "ｶﾞｰﾃﾞﾝ"),
    ],
)
def test_spellings_of_one_word_are_one_word(one: str, other: str) -> None:
    assert terms(one)
    assert set(terms(one)) == set(terms(other))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the user_name42", ["user_name42", "user", "name42", "name", "42"]),
        ("the ADR-16", ["adr-16", "adr", "16"]),
        ("the ADR16", ["adr16", "adr", "16"]),
        ("the src/app/main.py", ["src/app/main.py", "src", "app", "main.py", "main", "py"]),
        ("the C:\\work\\a.txt", ["c:\\work\\a.txt", "c", "work", "a.txt", "txt"]),
        (
            "the ana.b@example.com",
            ["ana.b@example.com", "ana.b", "ana", "b", "example.com", "exampl", "com"],
        ),
        (
            "the https://example.org/tea",
            ["https://example.org/tea", "https", "example.org", "exampl", "org", "tea"],
        ),
        ("the std::vector", ["std::vector", "std", "vector"]),
        ("the v2.0.1", ["v2.0.1", "v2", "v", "2", "0", "1"]),
        ("the 1,200.50", ["1200.50", "1200", "50"]),
        ("the 100,821 and 100821", ["100821", "100821"]),
        ("the 2026-03-04 10:30", ["2026-03-04", "2026", "03", "04", "10:30", "10", "30"]),
        ("the InvoiceMapper", ["invoicemapp", "invoic", "mapper"]),
        ("the HTTPServer", ["httpserver", "http", "server"]),
        ("the __init__ and --flag", ["init", "flag"]),
        ("the C++, C# and F#", ["c++", "c", "c#", "c", "f#", "f"]),
        ("the #harbour of @ana", ["harbour", "ana"]),
        ("the U.S. army", ["us", "armi"]),
        ("the O'Brien's dogs", ["o'brien", "o", "brien", "dog"]),
        ("the self-care", ["self-care", "self", "care"]),
        ("the d41d8cd98f00b204e9800998ecf8427e", ["d41d8cd98f00b204e9800998ecf8427e"]),
    ],
)
def test_identifiers_addresses_and_numbers_stand_whole_and_in_parts(text: str, expected: list[str]) -> None:
    assert terms(text) == expected


@pytest.mark.parametrize(
    ("question", "note"),
    [
        ("adr 16", "ADR-16 says that we keep PostgreSQL."),
        ("100821", "The ticket is 100,821."),
        ("where is main.py", "We moved src/app/main.py yesterday."),
        ("example.com", "Write to ana@example.com."),
        ("invoice mapper", "class InvoiceMapper is slow"),
        ("user name", "The column is user_name."),
        ("INVOICES", "one invoice"),
    ],
)
def test_a_part_finds_the_whole(question: str, note: str) -> None:
    assert shared(question, note)


@pytest.mark.parametrize(
    ("one", "other"), [("passport", "passed"), ("police", "policy"), ("Portugal", "Porto")]
)
def test_words_that_only_begin_alike_share_no_term(one: str, other: str) -> None:
    assert not shared(one, other)
    assert not shared(f"the {one}", f"the {other}")


@pytest.mark.parametrize(
    ("question", "note", "term"),
    [
        ("Who moves houses?", "She moved her house.", "hous"),
        (
            "Wo arbeitet Ana?",
            "Ana hat lange an der Schule gearbeitet, jetzt arbeiten wir zusammen.",
            "arbeit",
        ),
        ("In welchen Häusern wohnt er?", "Das Haus ist alt.", "haus"),
        ("Quelles chansons aime-t-elle ?", "Elle aime la chanson que nous avons écoutée.", "chanson"),
        ("¿Dónde viven mis hermanos?", "Mi hermano está en Porto y mi hermana también.", "herman"),
        ("Onde estão as informações?", "A informação está no livro.", "inform"),
        ("Dove sono i libri?", "Questo è il libro che ho comprato.", "libr"),
        ("Waar zijn de boeken?", "Het boek is van mij.", "boek"),
        ("Gdzie jest książka?", "Moja książka jest na stole.", "ksiazk"),
        ("Где книги?", "Книга лежит на столе.", "книг"),
        ("Πού μένει η Άννα;", "Το σπίτι της Άννας είναι στο Πόρτο.", "ανν"),
        ("أين الكتاب؟", "هذا كتاب جديد", "كتاب"),
        ("किताब कहाँ है?", "यह मेरी किताब है।", "किताब"),
        ("איפה הספר?", "הספר על השולחן", "הספר"),
    ],
)
def test_a_question_shares_stems_with_the_note_that_answers_it(question: str, note: str, term: str) -> None:
    assert term in shared(question, note)


@pytest.mark.parametrize(
    ("question", "note"),
    [
        ("Reiseversicherung München", "Die Reiseversicherung für München haben wir bei der Post gekauft."),
        ("anniversaire Chloé", "L'anniversaire de Chloé est en mai, nous avons déjà le cadeau."),
        ("villamossági vizsga", "A villamossági vizsga nem sikerült, de majd újra megpróbálom."),
        ("kitapçı", "Kitapçı çok güzel bir yer ve her zaman açık."),
    ],
)
def test_a_question_without_function_words_shares_every_word_it_repeats(question: str, note: str) -> None:
    words = set(folded(question).split())
    assert words <= shared(question, note)


@pytest.mark.parametrize(
    ("question", "note"),
    [
        (
            "猫叫什么名字",
            "上周末我们一起去了西湖边上的那家老茶馆，点了龙井，聊了很久。后来我的猫叫咪咪，它的名字是妹妹取的。"
            "回家的路上下起了小雨，我们没有带伞，只好在桥下等了半个小时。",
        ),
        (
            "犬の名前は何ですか",
            "先週の土曜日に友達と鎌倉へ行って、海の近くの喫茶店で昼ご飯を食べました。うちの犬の名前はハチで、"
            "とても元気です。帰りの電車はとても混んでいて、座れませんでした。",
        ),
        (
            "แมวชื่ออะไร",
            "เมื่อวานนี้ฉันไปตลาดกับแม่และซื้อผลไม้มาเยอะมาก แมวชื่อมะลิอายุสองปี ตอนเย็นฝนตกหนักเลยต้องนั่งรถแท็กซี่กลับบ้าน",
        ),
        ("서울에 살아요?", "지난달에 부산에서 서울로 이사했고, 지금은 서울에서 동생과 함께 살아요."),
    ],
)
def test_words_without_blanks_between_them_are_found_in_long_notes(question: str, note: str) -> None:
    unlike = "Ana moved to Porto. 天気がいい。今天下雨。ฝนตก 비가 와요."
    assert len(shared(question, note)) >= 2
    assert len(shared(question, note)) > len(shared(question, unlike))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("喝茶", ["喝", "喝茶", "茶"]),
        ("猫", ["猫"]),
        ("カフェ", ["カフ", "フェ"]),
        ("ดี", ["ดี"]),
        ("서울에", ["서울", "울에"]),
        ("在Berlin工作", ["在", "berlin", "工", "工作", "作"]),
    ],
)
def test_scripts_without_blanks_become_pairs_of_characters(text: str, expected: list[str]) -> None:
    assert terms(text) == expected


def test_one_chinese_character_is_found_inside_a_run() -> None:
    assert shared("茶", "我每天早上喝茶看书") == {"茶"}


@pytest.mark.parametrize("text", ["who are you", "The Who", "WHO ARE YOU", "wo bist du", "You didn't"])
def test_a_text_of_function_words_alone_keeps_them(text: str) -> None:
    assert {folded(word) for word in text.split()} <= set(terms(text))


def test_function_words_are_left_out_of_any_other_text() -> None:
    assert terms("Who are you, and why didn't they tell us about tea?") == ["tell", "tea"]
    assert terms("Ich habe den Tee nicht gekauft") == ["tee", "gekauft"]
    assert terms("я не люблю чай") == ["любл", "люблю", "ча", "чай"]


def test_an_acronym_is_no_function_word() -> None:
    assert terms("the IT department in the US") == ["it", "depart", "us"]


@pytest.mark.parametrize(
    "text",
    [
        SENTENCE,
        "Juan de la Cruz met Ana when she was in Rome.",
        "Die Hard was on television, and the man saw it.",
        "Los Angeles is in the US; Le Monde and Der Spiegel are papers.",
    ],
)
def test_foreign_names_do_not_make_an_english_text_foreign(text: str) -> None:
    found = terms(f"{text} Museums.")
    assert "museum" in found
    assert "museums" not in found


def test_terms_come_with_the_word_as_it_is_written() -> None:
    assert words_with_terms("the two Invoices of 茶馆") == [
        ("two", ("two",)),
        ("Invoices", ("invoic",)),
        ("茶", ("茶",)),
        ("茶馆", ("茶馆",)),
        ("馆", ("馆",)),
    ]


def test_a_hundred_words_take_a_fraction_of_a_millisecond() -> None:
    paragraph = (SENTENCE + " ") * 3
    terms(paragraph)
    began = time.process_time()
    for _ in range(100):
        terms(paragraph)
    hundred_words = (time.process_time() - began) / len(paragraph.split())
    assert hundred_words < 0.15e-3 * 3  # three times what it may take, for a busy machine


@pytest.mark.parametrize(
    "piece", ["a", "A ", "a/", "a'", "1,", "1a", "aB", "_", "'", "茶", "แ", "\u0301", "é-", "☃", "😀a"]
)
def test_a_long_text_is_read_to_its_end(piece: str) -> None:
    text = piece * (300_000 // len(piece)) + " the harbour"
    began = time.process_time()
    assert terms(text)[-1] == "harbour"
    assert time.process_time() - began < 5


def test_threads_get_the_same_terms() -> None:
    texts = [f"running{'s' * (number % 7)} invoices{number} libraries generously" for number in range(200)]
    expected = [terms(text) for text in texts]
    found: list[list[list[str]]] = []
    threads = [
        threading.Thread(target=lambda: found.append([terms(text) for text in texts])) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [expected] * 4


def test_the_examples_are_so() -> None:
    assert doctest.testmod(module).failed == 0
