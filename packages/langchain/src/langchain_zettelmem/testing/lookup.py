"""What a store promises of looking things up: namespaces, search, filters, queries."""

from __future__ import annotations

from typing import Any

import pytest
from langgraph.store.base import (
    GetOp,
    ListNamespacesOp,
    MatchCondition,
    PutOp,
    SearchItem,
    SearchOp,
)

from .stores import USER, Face, StoreUnderTest, keys


class LookupContract(StoreUnderTest):
    """Items are found by namespace, filter and query."""

    # --- namespaces ------------------------------------------------------------------------------

    def test_bad_namespaces_are_refused(self, face: Face) -> None:
        """Empty, with an empty, dotted or NUL label, no string, or below "langgraph"."""
        bad: list[tuple[Any, ...]] = [(), ("",), ("a.b",), ("a", ""), (1,), ("langgraph", "x"), ("a\0",)]
        for namespace in bad:
            with pytest.raises(ValueError):  # noqa: PT011 - stores word it as they like
                face.put(namespace, "k", {"a": 1})

    def test_a_batch_checks_namespaces_too(self, face: Face) -> None:
        """So that ("a.b",) can never stand for ("a", "b")."""
        for op in (GetOp(("a.b",), "k"), PutOp(("a.b",), "k", {}), SearchOp(("a.b",))):
            with pytest.raises(ValueError):  # noqa: PT011
                face.batch([op])

    def test_labels_are_taken_literally(self, face: Face) -> None:
        """What is a wildcard, a separator or a quote elsewhere; case and a last newline count."""
        pairs = [
            "star* starX",
            "q?m qXm",
            "br[ack]et brXacXket",
            "u_1 uX1",
            "a%b axxb",
            "x/y x",
            "A a",
            "it's its",
        ]
        for label, other in [*(pair.split() for pair in pairs), ("line\n", "line")]:
            for namespace in [(label,), (label, "below"), (other,)]:
                face.put(namespace, "k", {"in": "/".join(namespace)})
            assert face.get((label,), "k").value == {"in": label}
            assert {item.namespace for item in face.search((label,))} == {(label,), (label, "below")}
            assert face.list_namespaces(prefix=(label,)) == [(label,), (label, "below")]

    def test_list_namespaces_is_sorted_and_complete(self, face: Face) -> None:
        """Each once, however many items it holds."""
        for namespace in [("b",), ("a", "z"), ("a",), ("a", "b", "c")]:
            face.put(namespace, "1", {"x": 1})
            face.put(namespace, "2", {"x": 1})
        assert face.list_namespaces() == [("a",), ("a", "b", "c"), ("a", "z"), ("b",)]

    def test_list_namespaces_by_prefix_and_suffix(self, face: Face) -> None:
        """Whole labels, with `*` for any one."""
        for namespace in [("u", "ana", "v1"), ("u", "bob", "v2"), ("u", "bob"), ("ux", "bob", "v1")]:
            face.put(namespace, "k", {"x": 1})
        assert face.list_namespaces(prefix=("u",)) == [("u", "ana", "v1"), ("u", "bob"), ("u", "bob", "v2")]
        assert face.list_namespaces(suffix=("v1",)) == [("u", "ana", "v1"), ("ux", "bob", "v1")]
        assert face.list_namespaces(prefix=("u", "*", "v2")) == [("u", "bob", "v2")]
        assert face.list_namespaces(prefix=("*", "bob")) == [
            ("u", "bob"),
            ("u", "bob", "v2"),
            ("ux", "bob", "v1"),
        ]
        assert face.list_namespaces(suffix=("bob", "*")) == [("u", "bob", "v2"), ("ux", "bob", "v1")]
        assert face.list_namespaces(prefix=("u",), suffix=("v1",)) == [("u", "ana", "v1")]

    def test_list_namespaces_takes_several_conditions(self, face: Face) -> None:
        """All of them hold."""
        for namespace in [("a", "b", "c"), ("a", "x", "c"), ("a", "b")]:
            face.put(namespace, "k", {"x": 1})
        wanted = (MatchCondition("prefix", ("a", "b")), MatchCondition("suffix", ("c",)))
        assert face.batch([ListNamespacesOp(match_conditions=wanted)]) == [[("a", "b", "c")]]

    def test_list_namespaces_cut_at_a_depth(self, face: Face) -> None:
        """Without repeating what is the same then."""
        for namespace in [("a", "b", "c"), ("a", "b", "d"), ("a",), ("e", "f", "g")]:
            face.put(namespace, "k", {"x": 1})
        assert face.list_namespaces(max_depth=2) == [("a",), ("a", "b"), ("e", "f")]

    def test_list_namespaces_in_pages(self, face: Face) -> None:
        """`limit` and `offset` count what would be given."""
        for i in range(5):
            face.put(("n", str(i), "x"), "k", {"i": i})
        assert face.list_namespaces(limit=2, offset=1, max_depth=2) == [("n", "1"), ("n", "2")]
        assert face.list_namespaces(offset=5) == []

    def test_an_emptied_namespace_is_not_listed(self, face: Face) -> None:
        """It holds nothing."""
        face.put(USER, "k", {"a": 1})
        face.delete(USER, "k")
        assert face.list_namespaces() == []

    # --- search without a query ------------------------------------------------------------------

    def test_search_sees_the_subtree_by_whole_labels(self, face: Face) -> None:
        """("a",) holds ("a", "b") and not ("ab",); () holds everything."""
        for namespace in [("a",), ("a", "b"), ("ab",)]:
            face.put(namespace, "/".join(namespace), {"x": 1})
        assert sorted(keys(face.search(("a",)))) == ["a", "a/b"]
        assert len(face.search(())) == 3
        assert face.search(("a", "b", "c")) == []

    def test_search_takes_a_list_for_a_prefix(self, face: Face) -> None:
        """As JSON-made callers send it."""
        face.put(USER, "k", {"x": 1})
        assert keys(face.search(list(USER))) == ["k"]

    def test_search_gives_search_items_without_a_score(self, face: Face) -> None:
        """Whole ones, `score` None."""
        face.put(USER, "k", {"x": 1})
        (found,) = face.search(USER)
        assert isinstance(found, SearchItem)
        assert (found.namespace, found.key, found.value, found.score) == (USER, "k", {"x": 1}, None)

    def test_search_gives_the_last_updated_first(self, face: Face) -> None:
        """An update brings an item to the front."""
        for key in "abc":
            face.put(USER, key, {"x": 1})
        face.put(USER, "a", {"x": 2})
        assert keys(face.search(USER)) == ["a", "c", "b"]

    def test_search_in_pages(self, face: Face) -> None:
        """10 by default; pages do not overlap and miss nothing."""
        face.batch([PutOp(USER, f"k{i:02}", {"i": i}) for i in range(25)])
        assert len(face.search(USER)) == 10
        pages = [keys(face.search(USER, limit=10, offset=n)) for n in (0, 10, 20, 30)]
        assert list(map(len, pages)) == [10, 10, 5, 0]
        assert len({key for page in pages for key in page}) == 25

    # --- filters ---------------------------------------------------------------------------------

    def test_filters_select(self, face: Face) -> None:
        """By equality and by operator; several all hold."""
        face.put(USER, "a", {"n": 1, "colour": "red", "on": True})
        face.put(USER, "b", {"n": 2, "colour": "blue", "on": False})
        face.put(USER, "c", {"n": 3, "colour": "red", "on": False})
        cases: list[tuple[dict[str, Any], str]] = [
            ({}, "abc"),
            ({"n": 2}, "b"),
            ({"n": {"$eq": 2}}, "b"),
            ({"n": {"$ne": 2}}, "ac"),
            ({"n": {"$gt": 1}}, "bc"),
            ({"n": {"$gte": 2}}, "bc"),
            ({"n": {"$lt": 2}}, "a"),
            ({"n": {"$lte": 2}}, "ab"),
            ({"n": {"$gt": 1, "$lt": 3}}, "b"),
            ({"n": 1, "colour": "red"}, "a"),
            ({"n": 1, "colour": "blue"}, ""),
            ({"colour": "red"}, "ac"),
            ({"on": True}, "a"),
            ({"nothing": "here"}, ""),
        ]
        assert self.selected(face, cases) == cases

    def test_filters_look_into_dicts_and_lists(self, face: Face) -> None:
        """A dict by the fields that are named, a list as a whole."""
        face.put(USER, "a", {"meta": {"level": 1, "by": {"who": "x"}}, "tags": ["x", "y"]})
        face.put(USER, "b", {"meta": {"level": 2, "by": {"who": "y"}}, "tags": ["x"]})
        face.put(USER, "c", {"meta": {"level": 0, "by": {"who": "y"}}, "tags": []})
        cases: list[tuple[dict[str, Any], str]] = [
            ({"meta": {"level": 1}}, "a"),
            ({"meta": {"level": {"$gte": 1}}}, "ab"),
            ({"meta": {"by": {"who": "y"}, "level": 2}}, "b"),
            ({"tags": ["x", "y"]}, "a"),
            ({"tags": ["y", "x"]}, ""),
            ({"tags": ["x"]}, "b"),
            ({"tags": []}, "c"),
        ]
        assert self.selected(face, cases) == cases

    def selected(
        self, face: Face, cases: list[tuple[dict[str, Any], str]]
    ) -> list[tuple[dict[str, Any], str]]:
        """The filters of `cases`, each with the keys that the store finds by it."""
        found = [keys(face.search(USER, filter=wanted)) for wanted, _ in cases]
        return [(wanted, "".join(sorted(each))) for (wanted, _), each in zip(cases, found, strict=True)]

    def test_a_missing_field_compares_with_nothing(self, face: Face) -> None:
        """`$gt` leaves the item out; it does not fail."""
        face.put(USER, "a", {"n": 1})
        face.put(USER, "b", {"other": 1})
        assert keys(face.search(USER, filter={"n": {"$gt": 0}})) == ["a"]

    def test_unlike_types_compare_with_nothing(self, face: Face) -> None:
        """A word is not greater than a number."""
        face.put(USER, "a", {"n": "many"})
        face.put(USER, "b", {"n": 5})
        assert keys(face.search(USER, filter={"n": {"$gt": 0}})) == ["b"]

    def test_an_unknown_operator_is_refused(self, face: Face) -> None:
        """With ValueError."""
        face.put(USER, "a", {"n": 1})
        with pytest.raises(ValueError, match=r"\$near"):
            face.search(USER, filter={"n": {"$near": 1}})

    def test_filters_come_before_the_limit(self, face: Face) -> None:
        """Pages are pages of what fits."""
        face.batch([PutOp(USER, f"k{i:02}", {"i": i, "odd": i % 2}) for i in range(20)])
        found = [
            *face.search(USER, filter={"odd": 1}, limit=6),
            *face.search(USER, filter={"odd": 1}, limit=6, offset=6),
        ]
        assert sorted(item.value["i"] for item in found) == list(range(1, 20, 2))

    # --- search with a query ---------------------------------------------------------------------

    def put_three(self, face: Face, **how: Any) -> None:
        """Three items about three things."""
        face.put(USER, "tea", {"text": "Ana drinks green tea every morning"}, **how)
        face.put(USER, "car", {"text": "The lorry needs new brakes"}, **how)
        face.put(USER, "dog", {"text": "Rex barks at the postman"}, **how)

    def test_query_ranks_by_meaning(self, face: Face) -> None:
        """The best first, each with a score, scores falling."""
        self.put_three(face)
        for query, key in [("green tea", "tea"), ("lorry brakes", "car"), ("postman barks", "dog")]:
            found = face.search(USER, query=query)
            assert found[0].key == key
            scores = [item.score for item in found]
            assert scores == sorted(scores, reverse=True)

    def test_query_keeps_to_the_prefix(self, face: Face) -> None:
        """However well something elsewhere fits."""
        self.put_three(face)
        face.put(("users", "bob"), "secret", {"text": "green tea green tea"})
        assert "secret" not in keys(face.search(USER, query="green tea"))

    def test_query_with_a_filter(self, face: Face) -> None:
        """Only what fits both."""
        for i in range(30):
            face.put(USER, f"k{i}", {"text": f"green tea number {i}", "i": i})
        found = face.search(USER, query="green tea", filter={"i": {"$gte": 28}})
        assert sorted(keys(found)) == ["k28", "k29"]

    def test_query_in_pages(self, face: Face) -> None:
        """Pages do not overlap."""
        for i in range(12):
            face.put(USER, f"k{i}", {"text": f"green tea number {i}"})
        pages = [keys(face.search(USER, query="green tea", limit=5, offset=n)) for n in (0, 5, 10)]
        assert list(map(len, pages)) == [5, 5, 2]
        assert len({key for page in pages for key in page}) == 12

    def test_query_sees_an_update(self, face: Face) -> None:
        """The new text is found, the old is not what ranks it."""
        self.put_three(face)
        face.put(USER, "tea", {"text": "A sonata in a minor key"})
        face.put(USER, "new", {"text": "green tea"})
        assert face.search(USER, query="minor key sonata")[0].key == "tea"
        assert face.search(USER, query="green tea")[0].key == "new"

    def test_query_forgets_what_was_deleted(self, face: Face) -> None:
        """At once."""
        self.put_three(face)
        face.delete(USER, "tea")
        assert "tea" not in keys(face.search(USER, query="green tea"))

    def test_query_does_not_rank_what_is_not_indexed(self, face: Face) -> None:
        """`index=False` keeps an item out of the ranking, and nowhere else."""
        face.put(USER, "hidden", {"text": "green tea"}, index=False)
        face.put(USER, "shown", {"text": "green leaves"})
        assert [x.key for x in face.search(USER, query="green tea") if x.score is not None] == ["shown"]
        assert face.get(USER, "hidden").value == {"text": "green tea"}
        assert sorted(keys(face.search(USER))) == ["hidden", "shown"]

    def test_query_looks_at_the_given_paths(self, face: Face) -> None:
        """Dotted, indexed and starred paths; the value itself stays whole."""
        value = {
            "a": {"b": "green tea"},
            "list": [{"t": "lorry brakes"}, {"t": "postman"}],
            "rest": "minor key sonata",
        }
        face.put(USER, "paths", value, index=["a.b", "list[*].t"])
        face.put(USER, "other", {"rest": "minor key sonata"})
        assert face.search(USER, query="green tea")[0].key == "paths"
        assert face.search(USER, query="postman")[0].key == "paths"
        assert face.search(USER, query="minor key sonata")[0].key == "other"
        assert face.get(USER, "paths").value == value

    def test_query_may_be_in_any_script(self, face: Face) -> None:
        """Each text is the best answer to itself."""
        texts = ["这是中文", "これは日本語です", "이건 한국어야", "Это русский", "यह रूसी है"]
        for i, text in enumerate(texts):
            face.put(USER, str(i), {"text": text})
        assert [face.search(USER, query=text)[0].key for text in texts] == list("01234")

    def test_query_may_be_any_text(self, face: Face) -> None:
        """Quotes, operators, other scripts, very long."""
        self.put_three(face)
        for query in ['"', "a AND (b OR", "-tea +x:y*", "茶", "\n", "it's", "tea " * 5_000]:
            assert isinstance(face.search(USER, query=query), list)
