"""What a store promises of its items: putting, getting, batches, times, and time to live."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from langgraph.store.base import (
    GetOp,
    Item,
    ListNamespacesOp,
    PutOp,
    SearchOp,
)

from .stores import USER, Face, Later, StoreUnderTest, keys


class ItemContract(StoreUnderTest):
    """Items are kept as they were put, and no longer than they should be."""

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
