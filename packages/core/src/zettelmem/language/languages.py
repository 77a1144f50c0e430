"""Which language a text is in, and the function words of each language.

Function words carry a sentence's grammar and not its subject. They say which language a text is in, and
they are left out of its terms. The lists follow those of the Snowball project
(https://snowballstem.org), shortened to what people write in messages.
"""

# ruff: noqa: RUF001 (letters of other scripts look like Latin ones)

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

MAX_JUDGED = 300
"""Words that say which language a text is in."""
UNSURE = "unsure"
"""The language of Latin words where no function word and no letter speaks for any."""

ENGLISH = frozenset(
    """a about above after again against all also am an and any are as at be because been before being
    below between both but by can cannot could did do does doing down during each few for from further
    had has have having he her here hers herself him himself his how i if in into is it its itself just
    let me more most must my myself no nor not now of off on once only or other ought our ours ourselves
    out over own same shall she should so some such than that the their theirs them themselves then
    there these they this those through to too under until up us very was we were what when where which
    while who whom whose why will with would you your yours yourself yourselves""".split()
)

OTHERS = {
    language: frozenset(listed.split())
    for language, listed in {
        "german": (
            "aber alle allem allen aller alles als also am an auch auf aus bei bin bis bist da damit "
            "dann das dass daß dein deine dem den denn der des dich die dies diese diesem diesen dieser "
            "dieses dir doch dort du durch ein eine einem einen einer eines er es etwas euch euer für "
            "gegen hab habe haben hast hat hatte hatten hier hin hinter ich ihm ihn ihnen ihr ihre "
            "ihrem ihren ihrer im in indem ins ist ja jede jedem jeden jeder jetzt kann kein keine "
            "keinen können könnte man mein meine meinem meinen meiner mich mir mit muss musste nach "
            "nicht nichts noch nun nur ob oder ohne sehr sein seine seinem seinen seiner seit sich sie "
            "sind so soll sollte um und uns unser unsere unserer unter viel vom von vor wann war waren "
            "warst warum was weil welche welchem welchen welcher welches wem wen wenn wer werde werden "
            "wessen wie wieder wieviel will wir wird wirst wo woher wohin wollen wurde wurden würde zu "
            "zum zur zwischen über"
        ),
        "french": (
            "ai aie aient alors après as au aucun aussi autre aux avait avant avec avez avoir avons car "
            "ce cela ces cet cette ceux chez comme comment dans de depuis des dit donc dont du elle "
            "elles en encore entre es est et eu eux fait fut ici il ils je la le les leur leurs lui ma "
            "mais me mes moi moins mon même ne ni nos notre nous on ont ou où par parce pas pendant peu "
            "peut plus pour pourquoi qu quand que quel quelle quelles quels qui quoi sa sans se sera "
            "ses si son sont sous suis sur ta te tes toi ton tous tout toute très tu un une va vers vos "
            "votre vous y ça étaient était étant été être"
        ),
        "spanish": (
            "a al algo antes aquí aunque cada casi como con contra cual cuales cuando cuál cuáles "
            "cuándo cuánto cuántos cómo de del desde donde durante dónde e el ella ellas ellos en entre "
            "era eran eres es esa esas ese eso esos estaba estado estar estas este esto estos estoy "
            "está están fue fueron ha había han has hasta hay he la las le les lo los me mi mis mucho "
            "muy más mí nada ni no nos nosotros nuestra nuestro o os otra otro para pero poco por "
            "porque que quien quién quiénes qué se sea ser si sido sin sobre son soy su sus sí también "
            "te tengo tiene tienen todo todos tu tus tú un una uno unos usted vive y ya yo él"
        ),
        "portuguese": (
            "a ao aos aquela aquele as até com como da das de dela dele depois do dos e ela elas ele "
            "eles em entre era essa esse esta estava este está estão eu foi for foram há isso isto já "
            "lhe mais mas me mesmo meu meus minha minhas muito na nas nem no nos nossa nosso num numa "
            "não nós o onde os ou para pela pelas pelo pelos por porque quais qual quando quanto que "
            "quem quê se seja sem ser será seu seus sua suas são só também te tem tenho teu tinha tua "
            "têm um uma você vocês às é"
        ),
        "italian": (
            "a ad agli ai al alla alle allo anche ancora avere aveva c che chi ci come con contro cosa "
            "cui da dagli dai dal dalla dalle dei del della delle dello di dove due e ed era erano "
            "essere fa fra gli ha hai hanno ho i il in io la le lei li lo loro lui ma mi mia mie miei "
            "mio molto ne negli nei nel nella nelle noi non nostra nostro o per perché più qual quale "
            "quali quando quanto quella quelle quelli quello questa queste questi questo se sei si sia "
            "siamo sono sta stato su sua sue sugli sui sul sulla suo suoi ti tra tu tua tuo tutti tutto "
            "un una uno vi voi è"
        ),
        "dutch": (
            "aan al alles als altijd andere ben bij daar dan dat de der deze die dit doch doen door dus "
            "een eens en er ge geen geweest haar had heb hebben heeft hem het hier hij hoe hun iemand "
            "iets ik in is ja je jij jouw kan kon kunnen maar me meer men met mij mijn moet na naar "
            "niet niets nog nu of om omdat ons onze ook op over reeds te tegen toch toen tot u uit uw "
            "van veel voor waar waarom want waren was wat we wel werd wie wij wil woont worden wordt "
            "zal ze zei zelf zich zij zijn zo zonder zou"
        ),
        "swedish": (
            "alla allt att av blev bli blir de dem den denna deras dess dessa det detta dig din dina "
            "ditt du där då efter ej eller en er era ett från för ha hade han hans har henne hennes hon "
            "honom hur här i icke ingen inom inte jag ju kan kunde man med mellan men mig min mina mitt "
            "mot mycket nu när någon något några och om oss på samma sedan sig sin sina sitta själv "
            "skulle som så till under upp ut utan vad var vara varför varit vart vem vi vid vilka "
            "vilken vilket vår våra än är åt över"
        ),
        "danish": (
            "ad af alle alt anden at blev blive bliver da de dem den denne der deres det dette dig din "
            "disse dog du efter eller en end er et for fra ham han hans har havde have hende hendes her "
            "hos hun hvad hvem hvis hvor hvordan hvorfor hvornår i ikke ind jeg jer jo kunne man mange "
            "med meget men mig min mine mit mod ned noget nogle nu når og også om op os over på sig sin "
            "sine skal skulle som sådan thi til ud under var vi vil ville vor være været"
        ),
        "norwegian": (
            "alle at av bare begge ble bli blir da de deg dem den denne der deres det dette di din ditt "
            "du eg ein eller en er et ett etter for fordi fra før hadde han hans har her hos hun hva "
            "hvem hvilken hvor hvordan hvorfor i ikke inn ja jeg kan kom kun kunne man mange med meg "
            "meget mellom men mer min mitt mot mye ned noe noen nå når og også om opp oss over på seg "
            "selv si sin sitt skal skulle slik som så til ut uten var vi vil ville vår være vært"
        ),
        "finnish": (
            "ei eikä en että he hän hänen ja jo joka jos jotka kanssa koska kuin kuka kun me mihin "
            "miksi mikä milloin missä mitkä mitä mutta myös ne niin niitä nyt ole olen olet oli olin "
            "olla on ovat se sekä sen siellä siitä sinä sitä tai te tämä tässä vaan vai vain"
        ),
        "hungarian": (
            "a ahol aki akkor amely ami az azok azt be csak de egy egyik el ellen ez ezek ezt fel hanem "
            "hogy hogyan hol igen is itt ki kik le lehet lesz ma meg mert mi mikor milyen mint mit "
            "miért most már nagyon nekem nem ott pedig sem szerint també te ti vagy valaki van volt "
            "voltak és ő ők"
        ),
        "polish": (
            "a albo ale by być był była było były co czy dla do gdy gdzie go i ich ja jak jako jego jej "
            "jest jestem kiedy kto która które który lub ma mam mi mnie moja moje mój na nad nich nie "
            "nim o od on ona oni oraz po pod przed przez przy się są ta tak także tam te tego ten też "
            "to tu twój ty tylko u w we wie z za ze że"
        ),
        "czech": (
            "a aby ale ani asi bez bude by byl byla bylo být co což dnes do ho i jak jako je jeho její "
            "jen ještě jsem jsi jsme jsou já k kam kde kdo kdy která které který kteří ma mezi mi moje "
            "má mám můj na nad ne nebo není o od on ona oni po pod pro protože proč před při s se si so "
            "svůj ta tak také tam ten to tu tvůj ty u už v ve z za ze že"
        ),
        "romanian": (
            "a aceasta această acest ai al am ar are as au avea ca care ce cel cine cu cum când cât că "
            "da dar de deci despre din după e ea ei el era este eu fi foarte fost iar la le lor lui mai "
            "mea meu mi mie noi nu o pe pentru prin sa sale sau se sunt sunteți să ta te toate tot tu "
            "un una unde unei unui voi vă îi îl îmi în îți și"
        ),
        "turkish": (
            "ama bana ben beni benim bir biri biz bizim bu buna bunu bunun da daha de değil diye en "
            "gibi hangi hem hep her hiç ile ise için kadar kaç ki kim mi mu mü mı nasıl ne neden nerede "
            "nereye niçin o olan olarak oldu on ona onu onun siz sizin var ve veya ya yok zaman çok "
            "çünkü şey şu"
        ),
        "indonesian": (
            "ada adalah akan aku anda apa atau bagaimana bahwa belum berapa bisa bukan dalam dan dapat "
            "dari dengan di dia dimana hanya harus ia ini itu jika juga kami kamu kapan karena ke "
            "kepada kita lebih mana mengapa mereka nya oleh pada saat saja sangat saya sebagai sebuah "
            "sedang seorang siapa sudah telah tersebut tidak untuk yang"
        ),
        "catalan": (
            "això al als amb aquest aquesta com de del dels des el ella ells els en era eren es està et "
            "fa ha han he hi i jo la les li llur lo ma meu meva mi molt més na no nosaltres o on per "
            "perquè però quan que qui què s'ha sense ser seu seva si sobre sóc són també tinc tot tu té "
            "un una uns viu és"
        ),
    }.items()
}
"""By the Snowball name of the language; Latin script."""

BY_SCRIPT = {
    "russian": frozenset(
        """а без более больше бы был была были было быть в вам вас ваш весь во вот все всё всех вы где да
        даже для до его ее её если есть еще ещё же за и из или им их к как какая какой когда кто куда ли
        лучше меня мне много может мой моя мои мы на над нам нас наш не него нее ней нет ни них но ну о об
        однако он она они оно от очень перед по под после потому почему при про с сам свой своя себя сейчас
        со так также такой там тебя тем теперь то тоже только том тот ту ты у уже хотя чего чем что чтобы
        эта эти это этого этой этом этот я""".split()
    ),
    "greek": frozenset(
        """αλλά αν από αυτή αυτό αυτός για δεν εγώ είμαι είναι εκεί εμείς ένα ένας έχει έχω η ήταν θα και
        κάποιος μας με μετά μη μην μια μου μπορεί να ο οι όπως όταν ότι όχι ποια ποιο ποιος ποιοι πολύ
        πότε που πού προς πως πώς σαν σας σε στα στη στην στις στο στον στους σου τα τη την της τι τις το
        τον του τους των ως""".split()
    ),
    "arabic": frozenset(
        """أن أنا أنت أو أي إذا إلا إلى إن الذي التي الذين أين بعد بل بين تلك ثم حتى حيث ذلك على عن عند عندما
        غير في قبل قد كان كانت كل كم كما كيف لا لكن لم لماذا لن له لها ليس لي ما ماذا متى مع من منذ هذا هذه
        هل هم هنا هناك هو هي و يا""".split()
    ),
    "hindi": frozenset(
        """अपना अपनी अपने और इस इसका इसके उनका उनके उस उसका उसके एक ऐसे और का कि किस किसी की कुछ के कैसे को कौन
        क्या क्यों गया जब जो तक तो था थी थे दिया द्वारा न नहीं ने पर पे बहुत भी मुझे में मेरा मेरी मेरे मैं यह
        या ये रहा रही रहे लिए लेकिन वह वे से हम हमारे ही हुआ हुई हुए हूँ है हैं हो होता होती होते""".split()
    ),
    "han": frozenset("的了是在和与也都就而及着或呢吗吧啊呀嘛们这那之"),
    "hebrew": frozenset(
        """אבל או אותו אותה אז איך אין איפה אל אם אני אנחנו את אתה גם הוא היא הם היה היתה הייתי זה זאת יש כי
        כל כן כמה לא לי לך לו מה מי מתי על עם רק של שלו שלי שלך""".split()
    ),
}
"""For the languages and scripts that the letters alone give away."""

AMBIGUOUS = frozenset(
    """a ad ai al allen also am an and ani are as at au avant bare be bei ben bin biz by c ca can
    car care ce che chi co com come comment con da dai dan das de dei del della den der des det di
    dia die dies do dog door dove du due e ea ed ego el ella ellen em en end era eu fa fan far for
    go had ham han hans has hat have hay he her hi him ho hon how i il in inn is ja je jen jo k kan
    ki kim ko la las le les li lo los ma made man mana me men mer met mi mia mine mis mod most my ne
    no non not o of ole on once op or oss ou our out over par pas per plus po pod pour pro s sa sale
    san sea self sense si sin sit so some son su sue sul sur ta tan te ten than the ti till to ton
    too u un under up us v va van ve vest vi via vide ville von w want war was we well wen will with
    y ya yang yo z za ze""".split()
)
"""Words of the other languages that English texts hold too, as words or in names; they prove nothing."""

LETTERS = {
    "german": frozenset("ß"),
    "spanish": frozenset("ñ¿¡"),
    "portuguese": frozenset("ãõ"),
    "french": frozenset("œ"),
    "italian": frozenset("ì"),
    "danish": frozenset("ø"),
    "norwegian": frozenset("ø"),
    "hungarian": frozenset("őű"),
    "polish": frozenset("ąęłńśźż"),
    "czech": frozenset("ěřůž"),
    "romanian": frozenset("șță"),
    "turkish": frozenset("ğış"),
}
"""The letters that speak for a language, each as much as a function word does."""

_SCRIPT_RANGES = (
    ("\u0370", "\u03ff", "greek"),
    ("\u0400", "\u052f", "russian"),
    ("\u0530", "\u058f", "armenian"),
    ("\u0590", "\u05ff", "hebrew"),
    ("\u0600", "\u077f", "arabic"),
    ("\u0900", "\u097f", "hindi"),
    ("\u0b80", "\u0bff", "tamil"),
    ("\u1f00", "\u1fff", "greek"),
)
_FUNCTION_WORDS = {"english": ENGLISH, UNSURE: ENGLISH, **OTHERS, **BY_SCRIPT}
_NONE: frozenset[str] = frozenset()


def function_words(language: str) -> frozenset[str]:
    """The function words of a language, in lower case with accents; none for one that is not known."""
    return _FUNCTION_WORDS.get(language, _NONE)


def language_by_letter(letter: str) -> str | None:
    """The language that the script of a letter stands for; None for Latin and for other scripts."""
    for first, last, language in _SCRIPT_RANGES:
        if first <= letter <= last:
            return language
    return None


def language_of(words: Sequence[str]) -> str:
    """The language of the Latin words of a text: the one that most function words and letters speak for.

    English where another language has as many; `UNSURE` where nothing speaks for any.

    >>> language_of("Wo arbeitet Ana ?".split()), language_of(["Ana"])
    ('german', 'unsure')
    """
    head = [word.lower() for word in words[:MAX_JUDGED]]
    if sum(map(_english_alone().__contains__, head)) * 4 > len(head):
        return "english"
    speaks_for = _evidence()
    counts = {"english": 0}
    for word in head:
        for language in speaks_for.get(word, ()):
            counts[language] = counts.get(language, 0) + 1
    letters = {*"".join(head)}
    for language, own in LETTERS.items():
        counts[language] = counts.get(language, 0) + len(own & letters)
    counts["english"] += sum(1 for word in head if word.endswith("n't"))
    best = max(counts, key=counts.__getitem__)
    if counts[best] > counts["english"]:
        return best
    return "english" if counts["english"] else UNSURE


@cache
def _evidence() -> dict[str, tuple[str, ...]]:
    """The languages that each function word speaks for; English only where no other language has it."""
    languages: dict[str, tuple[str, ...]] = {}
    for language, listed in OTHERS.items():
        for word in listed - AMBIGUOUS:
            languages[word] = (*languages.get(word, ()), language)
    for word in _english_alone():
        languages[word] = ("english",)
    return languages


@cache
def _english_alone() -> frozenset[str]:
    """The function words that only English has."""
    return ENGLISH.difference(*OTHERS.values())
