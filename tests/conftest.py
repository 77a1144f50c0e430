"""What every test stands on: no network, and the benchmark data where it is there."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests import no_network

os.environ["HF_HUB_OFFLINE"] = "1"  # read once, when huggingface_hub is imported
no_network.arm()

# A busy machine is no reason to fail: how fast things are is what benchmarks tell.
settings.register_profile("patient", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("patient")

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(autouse=True)
def network_untouched() -> Iterator[None]:
    """Fail a test that tried to leave this machine, even if the error was swallowed."""
    no_network.attempts.clear()
    yield
    attempts = list(no_network.attempts)
    no_network.attempts.clear()
    if attempts:
        pytest.fail("the network was tried: " + "; ".join(attempts))


@pytest.fixture(scope="session")
def benchmark_data() -> Path:
    """The folder with the benchmark files: $ZETTELMEM_DATA, or shared/data beside the checkout."""
    default = ROOT.parent / "shared" / "data"
    folder = Path(os.environ.get("ZETTELMEM_DATA") or default)
    if not folder.is_dir():
        pytest.skip(f"no benchmark data: {folder} is not there; name its folder in ZETTELMEM_DATA")
    return folder
