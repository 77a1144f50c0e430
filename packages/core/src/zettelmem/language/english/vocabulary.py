"""What the rules know of English: lists of words and patterns, no logic.

Each pattern is a tuple of alternatives, and a test reaches every one of them. An alternative is a regular
expression for whole words.
"""

from __future__ import annotations

from typing import NamedTuple

STOP_WORDS = frozenset(
    """a about above absolutely actually after again against all almost also although always am amazing
    among an and another any anyone anything are around as at away awesome back be became because become
    been before being below best better between both but by bye came can cannot come cool could day days
    definitely did do does doing done down during each either else enough even ever every everyone
    everything far feel few finally first for found from full further gave get gets getting give given
    glad go goes going gone good got great guys had happen happened has have having he hear heard her
    here hers herself hey hi him himself his hope how however i if in indeed into is it its itself just
    keep kind knew know known last later least less let like little long look looked looking looks lot
    lots love loved luckily made make makes making many may maybe me mean meant might mine more most
    much must my myself need needed needs never new next nice no nobody none nor not nothing now of off
    often oh ok okay on once one ones only onto or other others our ours out over own people per perhaps
    please put quite rather really recently right said same saw say says see seem seemed seems seen
    several shall she should since so some someone something soon sorry sounds still such sure take
    taken takes taking tell thank thanks that the their theirs them themselves then there these they
    thing things think this those though thought through thus time times to today together told tomorrow
    too took totally toward tried try trying two under unfortunately until up upon us use used uses
    using very via want wanted wants was way we week weeks well went were what whatever when where
    whether which while who whom whose why will with within without wonderful would wow yeah year years
    yes yesterday yet you your yours yourself""".split()
)
"""Words that name no subject: function words, and what people say in every conversation."""

STOP_WORDS_IN_NAMES = frozenset({"New", "Great", "Good", "Last", "Little", "Long", "Near"})
"""Stop words that begin names: New York, Great Britain, Good Friday."""

WHEN = (
    r"yesterday|today|tonight|tomorrow",
    r"(?:last|next|this|past|coming) (?:night|week|weekend|month|year|summer|winter|spring|fall|autumn)s?",
    r"ago",
    r"(?:19|20)\d\d",
    r"january|february|(?-i:March)|april|june|july|august|september|october|november|december",
    r"(?:mon|tues|wednes|thurs|fri|satur|sun)days?",
    r"in (?:march|may)",
    r"since",
)
"""Words that name a time."""

ASKS_WHEN = (
    r"when",
    r"what (?:date|day|month|year|time)",
    r"how long",
    r"which (?:day|month|year)",
)
"""Phrases that want to know a time."""

_ANYONE = r"(?:i|you|he|she|it|we|they)"
_ANYBODY_NAMED = r"(?:my|your|his|her|its|our|their|the|this|that|these|those|there|anyone|anybody)"
_AUXILIARY = (
    r"(?:is|are|am|was|were|do|does|did|has|have|had|can|could|will|would|should|shall|might|must"
    r"|isn't|aren't|wasn't|weren't|don't|doesn't|didn't|haven't|hasn't|can't|couldn't|won't|wouldn't|shouldn't)"
)
QUESTION = (
    rf"(?:what|who|whom|whose|where|when|why|how|which) {_AUXILIARY}(?! more)",
    r"(?:what|who|where|when|why|how)(?:'s|'re|'d)",
    rf"(?:what|which|whose) \w+ {_AUXILIARY}",
    r"how (?:many|much|long|old|far|often|big|tall|come)",
    r"what (?:about|kind of|sort of|else|time|day|date|year)",
    r"why not",
    rf"(?:is|are|was|were|isn't|aren't|wasn't|weren't) (?:{_ANYONE}|{_ANYBODY_NAMED})",
    rf"(?:has|can|could|would|will|should|hasn't|can't|couldn't|wouldn't|won't|shouldn't)"
    rf" (?:{_ANYONE}|{_ANYBODY_NAMED})",
    r"(?:do|have|don't|haven't) (?:i|you|we|they)",
    rf"(?:does|did|doesn't|didn't) {_ANYONE}",
    r"(?:(?:can|could|will|would) you )?(?:please )?(?:tell|remind) me"
    r" (?:what|who|where|when|why|how|which|if)",
    r"do you (?:know|remember)",
    r"any idea",
)
"""How a sentence without a question mark begins when it asks."""

QUESTION_LEAD = r"(?:(?:and|so|but|ok|okay|hey|hi|then|also|well|please),? )*"
"""Words that may stand before it."""


class Topic(NamedTuple):
    """Words of a topic, each form by itself.

    Attributes:
        sure: words that have hardly another sense: one of them is enough.
        likely: words that have one: two that differ are enough.
    """

    sure: str
    likely: str


TOPICS = {
    "family": Topic(
        "mother mothers mom mum mommy father fathers dad daddy parents sister sisters brother brothers "
        "daughter daughters grandma grandpa grandmother grandfather grandparents grandson granddaughter "
        "grandchildren wife husband cousin cousins aunt uncle nephew niece kids toddler",
        "family families son sons children wedding baby babies sibling siblings",
    ),
    "health": Topic(
        "doctors hospital hospitals illness surgery surgeon clinic medication medications medicine allergy "
        "allergies allergic therapist dentist asthma physiotherapy",
        "doctor health healthy ill sick pain pains painful injury injuries injured knee knees diet diets "
        "therapy diagnosed diagnosis",
    ),
    "work": Topic(
        "boss colleague colleagues coworker coworkers workmates salary career careers internship",
        "job jobs office meeting meetings interview interviews business deadline promotion project projects "
        "work worked working",
    ),
    "education": Topic(
        "school schools college university universities exam exams teacher teachers students homework "
        "graduated graduation tuition kindergarten",
        "student class classes courses degree degrees study studies studied studying teach teaches teaching",
    ),
    "travel": Topic(
        "vacation vacations airport airports hotel hotels roadtrip passport passports travelled traveled "
        "travelling traveling holidays",
        "travel travels trip trips flight flights fly flew tour tours visit visits visited visiting holiday",
    ),
    "home": Topic(
        "apartment apartments kitchen furniture landlord landlady roommate roommates bedroom bedrooms",
        "house houses home rent rented renting flat flats garden gardens gardening neighbour neighbours "
        "neighbor neighbors neighbourhood neighborhood",
    ),
    "food": Topic(
        "food foods dinner lunch breakfast restaurant restaurants meal meals vegan vegetarian coffee tea "
        "cooking baking",
        "recipe recipes cook cooks cooked bake bakes baked eat eats eating ate dish dishes taste tasted",
    ),
    "sport": Topic(
        "sport sports gym yoga swimming basketball football soccer hiking hiked hikes marathon marathons "
        "workout workouts tennis jogging teammate teammates tournament tournaments",
        "game games matches coach player players race races swim cycling championship hike scored",
    ),
    "music": Topic(
        "music musician musicians song songs concert concerts guitar piano violin singer singers singing "
        "dancer dancers choir",
        "band bands sing album albums dance dances danced dancing",
    ),
    "art": Topic(
        "paintings painter painters pottery museum museums theatre theater movie movies artist artists "
        "sculpture sculptures photography",
        "art paint painted painting draw drawing drawings photo photos film films gallery galleries",
    ),
    "reading": Topic(
        "novels poem poems poetry bookstore bookshop novelist",
        "book books reading novel author authors library libraries",
    ),
    "pets": Topic("dog dogs cats pets puppy puppies kitten kittens", "cat pet vet"),
    "money": Topic(
        "money mortgage mortgages loan loans",
        "savings paid pay pays paying budget bank banks tax taxes price prices invoice invoices cost costs",
    ),
    "technology": Topic(
        "computer computers laptop laptops software database databases server servers website websites "
        "coding deploy deploys deployed deployment smartphone smartphones app apps",
        "code phone phones program programs programming internet",
    ),
}
"""Broad classes of what people talk about, and the words that they talk about them with."""
