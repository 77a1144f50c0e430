"""A contract suite for LangGraph stores, to be run by anyone against any store; LangGraph ships none.

class TestMyStore(StoreContract):
    @pytest.fixture
    def store(self):
        return MyStore()

Each check runs twice: through the sync methods, and through the async ones on one event loop.
"""

from __future__ import annotations

from .items import ItemContract
from .lookup import LookupContract
from .stores import Face, Later

__all__ = ["Face", "Later", "StoreContract"]


class StoreContract(ItemContract, LookupContract):
    """What a LangGraph store promises. Subclass it, and give it a `store` fixture.

    Attributes:
        differences: names of checks that this store is known to fail, with the reason; they are
            expected to fail.
        searches: whether the store searches text where a query is given.
    """
