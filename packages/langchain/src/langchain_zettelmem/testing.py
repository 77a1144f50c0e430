"""A contract suite for LangGraph stores, to be run by anyone against any store; LangGraph ships none.

class TestMyStore(StoreContract):
    @pytest.fixture
    def store(self):
        return MyStore()

Each check runs twice: through the sync methods, and through the async ones on one event loop.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from typing import Any, ClassVar

import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal
from langgraph.store.base import (
    BaseStore,
    GetOp,
    Item,
    ListNamespacesOp,
    MatchCondition,
    PutOp,
    SearchItem,
    SearchOp,
)

Later = Callable[[float], None]
USER = ("users", "ana")


class Face:
    """A store's methods, called in one colour: plainly, or as coroutines on a loop of their own."""

    def __init__(self, store: BaseStore, portal: BlockingPortal | None) -> None:
        self._store = store
        self._portal = portal

    def __getattr__(self, name: str) -> Callable[..., Any]:
        if self._portal is None:
            method: Callable[..., Any] = getattr(self._store, name)
            return method
        return partial(self._awaited, getattr(self._store, f"a{name}"))

    def _awaited(self, method: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        assert self._portal is not None
        return self._portal.call(partial(method, *args, **kwargs))


def keys(items: list[SearchItem]) -> list[str]:
    """The keys, in order."""
    return [item.key for item in items]


class StoreContract:
    """What a LangGraph store promises. Subclass it, and give it a `store` fixture.

    Attributes:
        differences: names of checks that this store is known to fail, with the reason; they are
            expected to fail.
        searches: whether the store searches text where a query is given.
    """

    differences: ClassVar[Mapping[str, str]] = {}
    searches: ClassVar[bool] = True

    @pytest.fixture
    def store(self) -> BaseStore:
        """An empty store, indexing the whole value."""
        raise NotImplementedError("give the suite a fixture named 'store'")

    @pytest.fixture
    def later(self) -> Later | None:
        """What lets minutes pass for the store; None where nothing does, and TTL is not checked."""
        return None

    @pytest.fixture(params=["sync", "async"])
    def face(self, request: pytest.FixtureRequest, store: BaseStore) -> Iterator[Face]:
        """The store in one colour."""
        name: str = request.node.originalname
        if name in self.differences:
            mark = pytest.mark.xfail(reason=self.differences[name], strict=True)
            request.applymarker(mark)
        if name.startswith("test_query") and not self.searches:
            pytest.skip("this store searches no text")
        if request.param == "sync":
            yield Face(store, None)
            return
        with start_blocking_portal() as portal:
            yield Face(store, portal)

    @pytest.fixture
    def wait(self, store: BaseStore, later: Later | None) -> Later:
        """`later`, where there is one."""
        if later is None or not store.supports_ttl:
            pytest.skip("no TTL, or no clock to turn")
        return later

    # --- put, get, delete ------------------------------------------------------------------------

    def test_get_gives_what_was_put(self, face: Face) -> None:
        """Key, namespace and value, as an Item."""
        face.put(USER, "k", {"text": "tea"})
        item = face.get(USER, "k")
        assert isinstance(item, Item)
        assert (item.namespace, item.key, item.value) == (USER, "k", {"text": "tea"})

    def test_values_come_back_unchanged(self, face: Face) -> None:
        """Nested, empty, unicode, null, floats and order of keys."""
        value = {
            "z": [1, 2.5, None, True, "ü 茶 🍵", [], {}],
            "a": {"deep": {"deeper": [{"x": ""}]}},
            "": "no name",
            "$odd.key": -1,
        }
        face.put(USER, "k", value)
        assert face.get(USER, "k").value == value
        assert list(face.get(USER, "k").value) == list(value)

    def test_an_empty_value_is_a_value(self, face: Face) -> None:
        """`{}` is stored; only None deletes."""
        face.put(USER, "k", {})
        assert face.get(USER, "k").value == {}

    def test_get_of_nothing_is_none(self, face: Face) -> None:
        """No error for a key or a namespace that is not there."""
        assert face.get(USER, "k") is None

    def test_put_replaces_the_value(self, face: Face) -> None:
        """It does not merge."""
        face.put(USER, "k", {"a": 1})
        face.put(USER, "k", {"b": 2})
        assert face.get(USER, "k").value == {"b": 2}

    def test_the_stored_value_is_a_copy(self, face: Face) -> None:
        """Changing what was put, after the put, changes nothing."""
        value = {"text": "tea"}
        face.put(USER, "k", value)
        value["text"] = "coffee"
        assert face.get(USER, "k").value == {"text": "tea"}

    def test_a_read_value_is_a_copy(self, face: Face) -> None:
        """Changing what was read changes nothing."""
        face.put(USER, "k", {"list": [1]})
        face.get(USER, "k").value["list"].append(2)
        assert face.get(USER, "k").value == {"list": [1]}

    def test_keys_become_strings(self, face: Face) -> None:
        """`put` and `get` take what `str` makes a key of."""
        face.put(USER, 7, {"n": 7})
        assert face.get(USER, "7").key == "7"

    def test_keys_may_hold_anything(self, face: Face) -> None:
        """Paths, dots, spaces, quotes, other scripts."""
        odd = ["/memories/a.md", "a.b", "a b", 'it\'s "it"', "茶", "a%_\\b"]
        for i, key in enumerate(odd):
            face.put(USER, key, {"i": i})
        assert [face.get(USER, key).value["i"] for key in odd] == list(range(len(odd)))

    def test_namespaces_do_not_share_keys(self, face: Face) -> None:
        """One key in two namespaces is two items; neither parent nor child has it."""
        face.put(("a", "b"), "k", {"n": 1})
        face.put(("a", "c"), "k", {"n": 2})
        assert face.get(("a", "b"), "k").value == {"n": 1}
        assert face.get(("a",), "k") is None
        assert face.get(("a", "b", "c"), "k") is None

    def test_delete_removes(self, face: Face) -> None:
        """From reads and from searches, and again without an error."""
        face.put(USER, "k", {"a": 1})
        face.delete(USER, "k")
        face.delete(USER, "k")
        assert face.get(USER, "k") is None
        assert face.search(USER) == []

    def test_a_deleted_key_can_be_put_again(self, face: Face) -> None:
        """With the new value and a new creation time."""
        face.put(USER, "k", {"a": 1})
        first = face.get(USER, "k").created_at
        face.delete(USER, "k")
        face.put(USER, "k", {"a": 2})
        item = face.get(USER, "k")
        assert item.value == {"a": 2}
        assert item.created_at > first

    # --- times -----------------------------------------------------------------------------------

    def test_times_have_a_zone(self, face: Face) -> None:
        """Both are aware, in UTC, and equal for a new item."""
        face.put(USER, "k", {"a": 1})
        item = face.get(USER, "k")
        assert item.created_at.utcoffset() == item.updated_at.utcoffset() == timedelta(0)
        assert abs(item.updated_at - item.created_at) < timedelta(seconds=1)

    def test_an_update_keeps_created_at(self, face: Face) -> None:
        """And moves `updated_at` on."""
        face.put(USER, "k", {"a": 1})
        before = face.get(USER, "k")
        face.put(USER, "k", {"a": 2})
        after = face.get(USER, "k")
        assert after.created_at == before.created_at
        assert after.updated_at > before.updated_at

    def test_the_same_value_again_is_an_update(self, face: Face) -> None:
        """`updated_at` says when it was last put, not when it last differed."""
        face.put(USER, "k", {"a": 1})
        before = face.get(USER, "k").updated_at
        face.put(USER, "k", {"a": 1})
        assert face.get(USER, "k").updated_at > before

    def test_a_read_changes_no_times(self, face: Face) -> None:
        """Neither get nor search."""
        face.put(USER, "k", {"a": 1})
        first = face.get(USER, "k")
        found = face.search(USER)[0]
        assert (found.created_at, found.updated_at) == (first.created_at, first.updated_at)

    # --- batch -----------------------------------------------------------------------------------

    def test_batch_answers_in_order(self, face: Face) -> None:
        """One result an operation; None for a put."""
        face.put(USER, "k", {"a": 1})
        done = face.batch(
            [
                GetOp(USER, "no"),
                PutOp(USER, "j", {"b": 2}),
                SearchOp(USER),
                GetOp(USER, "k"),
                ListNamespacesOp(),
            ]
        )
        assert done[0] is None
        assert done[1] is None
        assert keys(done[2]) == ["k"]
        assert done[3].value == {"a": 1}
        assert done[4] == [USER]

    def test_batch_takes_a_generator(self, face: Face) -> None:
        """Any iterable of operations."""
        face.batch(PutOp(USER, f"k{i}", {"i": i}) for i in range(3))
        assert len(face.search(USER)) == 3

    def test_an_empty_batch_does_nothing(self, face: Face) -> None:
        """And gives an empty list."""
        assert face.batch([]) == []

    def test_batch_reads_see_the_state_before_it(self, face: Face) -> None:
        """Whatever the order of the operations."""
        face.put(USER, "k", {"v": "old"})
        done = face.batch(
            [
                PutOp(USER, "k", {"v": "new"}),
                PutOp(("other",), "k", {"v": "elsewhere"}),
                GetOp(USER, "k"),
                SearchOp(()),
                ListNamespacesOp(),
            ]
        )
        assert done[2].value == {"v": "old"}
        assert [item.value for item in done[3]] == [{"v": "old"}]
        assert done[4] == [USER]
        assert face.get(USER, "k").value == {"v": "new"}

    def test_the_last_put_of_a_batch_wins(self, face: Face) -> None:
        """A delete is a put of None."""
        face.batch([PutOp(USER, "k", {"v": 1}), PutOp(USER, "k", {"v": 2})])
        assert face.get(USER, "k").value == {"v": 2}
        face.batch([PutOp(USER, "k", None), PutOp(USER, "k", {"v": 3})])
        assert face.get(USER, "k").value == {"v": 3}
        face.batch([PutOp(USER, "k", {"v": 4}), PutOp(USER, "k", None)])
        assert face.get(USER, "k") is None

    def test_equal_values_in_one_batch(self, face: Face) -> None:
        """Each is an item of its own."""
        face.batch([PutOp(USER, key, {"text": "the same"}) for key in "abc"])
        assert sorted(keys(face.search(USER))) == ["a", "b", "c"]

    def test_batch_spans_namespaces(self, face: Face) -> None:
        """Puts and reads of many namespaces in one call."""
        face.batch([PutOp(("n", str(i)), "k", {"i": i}) for i in range(5)])
        found = face.batch([GetOp(("n", str(i)), "k") for i in reversed(range(5))])
        assert [item.value["i"] for item in found] == [4, 3, 2, 1, 0]

    def test_an_unknown_operation_is_refused(self, face: Face) -> None:
        """With ValueError, and nothing of the batch is written."""
        with pytest.raises(ValueError, match=r"(?i)unknown operation"):
            face.batch([PutOp(USER, "k", {"a": 1}), ("get", USER, "k")])
        assert face.get(USER, "k") is None

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

    # --- time to live ----------------------------------------------------------------------------

    def test_an_item_expires(self, face: Face, wait: Later) -> None:
        """It is neither read, nor found, nor listed any more."""
        face.put(USER, "k", {"text": "tea"}, ttl=10)
        face.put(("other",), "k", {"text": "tea"}, ttl=None)
        wait(11)
        assert face.get(USER, "k") is None
        assert keys(face.search((), limit=5)) == ["k"]
        assert face.search(USER, query="tea") == []
        assert face.list_namespaces() == [("other",)]

    def test_a_read_refreshes_the_time(self, face: Face, wait: Later) -> None:
        """By get and by search."""
        face.put(USER, "k", {"text": "tea"}, ttl=10)
        wait(8)
        assert face.get(USER, "k") is not None
        wait(8)
        assert keys(face.search(USER)) == ["k"]
        wait(8)
        assert keys(face.search(USER, query="tea")) == ["k"]
        wait(11)
        assert face.get(USER, "k") is None

    def test_a_read_may_leave_the_time_alone(self, face: Face, wait: Later) -> None:
        """`refresh_ttl=False`."""
        face.put(USER, "k", {"text": "tea"}, ttl=10)
        wait(8)
        assert face.get(USER, "k", refresh_ttl=False) is not None
        assert face.search(USER, refresh_ttl=False) != []
        wait(3)
        assert face.get(USER, "k") is None

    def test_a_put_starts_the_time_anew(self, face: Face, wait: Later) -> None:
        """And one without a TTL ends it."""
        face.put(USER, "k", {"v": 1}, ttl=10)
        face.put(USER, "j", {"v": 1}, ttl=10)
        wait(8)
        face.put(USER, "k", {"v": 2}, ttl=10)
        face.get(USER, "j")
        face.put(USER, "j", {"v": 2})
        wait(8)
        assert face.get(USER, "k").value == {"v": 2}
        wait(100)
        assert face.get(USER, "j").value == {"v": 2}

    def test_an_expired_key_can_be_put_again(self, face: Face, wait: Later) -> None:
        """As a new item."""
        face.put(USER, "k", {"v": 1}, ttl=10)
        first = face.get(USER, "k").created_at
        wait(30)
        face.put(USER, "k", {"v": 2})
        assert face.get(USER, "k").value == {"v": 2}
        assert face.get(USER, "k").created_at > first

    def test_sweeping_removes_what_expired(self, face: Face, wait: Later) -> None:
        """And tells how many."""
        face.put(USER, "k", {"v": 1}, ttl=10)
        face.put(USER, "j", {"v": 1})
        wait(11)
        assert face.sweep_ttl() == 1
        assert face.sweep_ttl() == 0
        assert keys(face.search(USER)) == ["j"]

    # --- many at once ----------------------------------------------------------------------------

    def test_concurrent_writers_lose_nothing(self, face: Face) -> None:
        """8 threads, each with its own items, and each reading only its own namespace."""

        def work(n: int) -> list[Any]:
            space = ("worker", str(n))
            for i in range(5):
                face.batch([PutOp(space, f"k{i}", {"n": n, "i": i}), GetOp(space, "k0")])
            return [item.value for item in face.search(space)]

        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(work, range(8)))
        for n, values in enumerate(found):
            assert sorted(value["i"] for value in values) == list(range(5))
            assert {value["n"] for value in values} == {n}
