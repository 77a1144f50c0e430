"""Questions for all that is known of somebody, such as "What do you know about me?"."""

from __future__ import annotations

from collections.abc import Collection, Iterable

_WORDS = frozenset(
    # English
    "know knows known tell remember recall summarize summarise summary overview describe profile "
    "everything anything something all information info facts notes memory memories thing things "
    "learned stuff who am i me my us we "
    # German, French, Spanish, Italian, Portuguese, Dutch
    "weißt weiß wissen erzähl erzähle erinnerst alles etwas zusammenfassung "
    "sais sait savez savoir raconte raconter parle rappelles souviens tout résumé "
    "sabes sabe saber cuéntame dime háblame recuerdas acuerdas todo algo resumen "
    "sai dimmi parlami raccontami ricordi tutto qualcosa riassunto "
    "conta conte fala fale lembra tudo resumo "
    "weet vertel herinner samenvatting".split()
)


def asks_for_all(words: Iterable[str], people: Collection[str]) -> bool:
    """Whether a question's words ask for nothing in particular.

    Args:
        words: those of a question, in lower case, function words left out.
        people: names in lower case, each word by itself, of those whose words are known.

    >>> asks_for_all(["tell", "ana"], {"ana"}), asks_for_all(["know", "dentist"], {"ana"})
    (True, False)
    """
    found = list(words)
    return bool(found) and all(word in _WORDS or word in people for word in found)
