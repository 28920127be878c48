"""Words that clinics write into columns with a closed list, in five languages, as one declared table."""

from __future__ import annotations

from collections.abc import Mapping

from studypkg.columns import Column
from studypkg.records.cells import FLAG_WORDS
from studypkg.vocabulary import Vocabulary, normalise

#: Column → word of the table → what is written for it. Only words that mean one thing in every clinic.
WORDINGS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "sex": {
        "female": (
            "f", "fem", "woman", "w", "weiblich", "frau", "femme", "feminin", "mujer", "femenino", "vrouw",
            "vrouwelijk",
        ),
        "male": (
            "m", "man", "masc", "mann", "mannlich", "männlich", "homme", "masculin", "hombre", "masculino",
            "mannelijk",
        ),
        "other": ("x", "d", "divers", "diverse", "non-binary", "nonbinary", "autre", "otro", "anders"),
        "unknown": ("u", "unk", "unbekannt", "inconnu", "desconocido", "onbekend", "not recorded"),
    },
    "side": {
        "left": ("l", "lt", "li", "links", "gauche", "g", "izquierda", "izquierdo", "izq"),
        "right": ("r", "rt", "re", "rechts", "droite", "droit", "derecha", "derecho", "der"),
        "both": (
            "b", "bilateral", "beide", "beidseits", "bds", "les deux", "bilatéral", "ambos", "ambas",
            "beiderzijds",
        ),
        "unspecified": ("n/s", "not specified", "ohne angabe", "sin especificar", "non précisé"),
    },
    "role": {
        "intake": (
            "initial", "baseline", "first", "first visit", "eval", "evaluation", "initial evaluation",
            "admission", "pre", "start", "erst", "erstbefund", "aufnahme", "eingang", "première", "initiale",
            "entrée", "inicial", "primera", "ingreso", "eerste", "begin",
        ),
        "interim": (
            "progress", "re-evaluation", "reevaluation", "reassessment", "midpoint", "ongoing",
            "zwischenbefund", "zwischen", "verlauf", "intermédiaire", "seguimiento intermedio", "intermedio",
            "tussentijds",
        ),
        "discharge": (
            "final", "last", "last visit", "end", "dc", "d/c", "post", "abschluss", "entlassung", "ende",
            "sortie", "finale", "fin", "alta", "última", "final visit", "ontslag", "laatste", "einde",
        ),
        "follow_up": (
            "followup", "follow-up", "fu", "f/u", "nachuntersuchung", "nachkontrolle", "suivi", "seguimiento",
            "nacontrole", "vervolg",
        ),
    },
    "status": {
        "attended": (
            "kept", "arrived", "completed", "checked out", "present", "seen", "show", "showed",
            "wahrgenommen", "erschienen", "présent", "venu", "asistió", "presente", "aanwezig", "verschenen",
        ),
        "cancelled": (
            "canceled", "cancel", "cx", "abgesagt", "storniert", "annulé", "cancelado", "cancelada",
            "geannuleerd", "afgezegd",
        ),
        "no_show": (
            "noshow", "no-show", "dna", "did not attend", "missed", "absent", "nicht erschienen",
            "absent sans", "ausente", "no asistió", "niet verschenen", "afwezig",
        ),
    },
    "state": {
        "done": (
            "complete", "completed", "yes", "y", "erledigt", "gemacht", "fait", "oui", "hecho", "gedaan",
            "ja",
        ),
        "partial": (
            "partly", "partially", "some", "teilweise", "partiel", "parcial", "gedeeltelijk", "deels",
        ),
        "not_done": (
            "no", "n", "not done", "skipped", "nein", "nicht gemacht", "pas fait", "non", "no hecho",
            "niet gedaan", "nee",
        ),
        "paused": ("on hold", "paused", "pausiert", "en pause", "en pausa", "gepauzeerd"),
    },
    "context": {
        "rest": (
            "at rest", "resting", "ruhe", "in ruhe", "au repos", "repos", "en reposo", "reposo", "in rust",
            "rust",
        ),
        "run": ("running", "laufen", "beim laufen", "en courant", "corriendo", "hardlopen"),
        "worst_24h": (
            "worst", "worst pain", "worst 24h", "worst last 24 hours", "max", "schlimmster", "maximal",
            "pire", "peor", "ergste",
        ),
        "average": ("avg", "mean", "usual", "durchschnitt", "mittel", "moyenne", "promedio", "gemiddeld"),
        "night": ("at night", "nachts", "la nuit", "nuit", "noche", "nacht"),
        "sitting": ("seated", "sitzen", "assis", "sentado", "zittend"),
    },
    "end_reason": {
        "completed": (
            "finished", "goals met", "plan completed", "abgeschlossen", "terminé", "completado", "voltooid",
        ),
        "lost_contact": ("lost to follow-up", "lost", "ltfu", "kontakt verloren", "perdu de vue", "perdido"),
        "referred_out": ("referred", "überwiesen", "adressé", "derivado", "verwezen"),
        "moved_away": ("moved", "umgezogen", "déménagé", "verhuisd"),
        "other": ("sonstiges", "autre", "otro", "anders", "overig"),
    },
    "unit": {
        "reps": ("rep", "repetitions", "wiederholungen", "wdh", "répétitions", "repeticiones", "herhalingen"),
        "steps": ("step", "schritte", "pas", "pasos", "stappen"),
        "seconds": ("s", "sec", "secs", "second", "sekunden", "sek", "secondes", "segundos", "seconden"),
    },
    "body_site": {
        "hip": ("hüfte", "hanche", "cadera", "heup"),
        "knee": ("knie", "genou", "rodilla"),
        "ankle_foot": (
            "ankle", "foot", "fuss", "fuß", "sprunggelenk", "pied", "cheville", "pie", "tobillo", "voet",
            "enkel",
        ),
        "low_back": ("lower back", "lumbar", "back", "lws", "lombaire", "lumbar spine", "onderrug"),
        "neck": ("cervical", "nacken", "hws", "cou", "cuello", "nek"),
        "shoulder": ("schulter", "épaule", "hombro", "schouder"),
        "head": ("kopf", "tête", "cabeza", "hoofd"),
    },
}  # fmt: skip
#: Column → word that means something else where another word stands in the same column: the M of H and M.
UNLESS: Mapping[str, Mapping[str, tuple[str, ...]]] = {"sex": {"m": ("h",)}}
#: Words for yes and no beside those that every flag understands.
YES_NO: Mapping[str, tuple[str, ...]] = {
    "yes": ("y", "ja", "j", "oui", "o", "sí", "si", "s", "wahr", "vrai"),
    "no": ("n", "nein", "non", "nee", "falsch", "faux"),
}
#: Words that mean "not recorded" wherever they stand in a column of numbers or days.
NOT_RECORDED = (
    "NA", "N/A", "n/a", "na", "NaN", "nan", "NULL", "null", "None", "none", "#N/A", ".", "-", "--", "?",
    "k.A.", "k. A.", "keine Angabe", "missing", "not recorded", "unknown", "s/d", "n.d.", "nd",
)  # fmt: skip


def understood(column: Column, vocabulary: Vocabulary) -> Mapping[str, str]:
    """Give the normalised words that the screening of a column takes as they are, and what they mean."""
    if column.kind == "flag":
        return FLAG_WORDS
    section = vocabulary.resolution(column.vocabulary) if column.vocabulary else {}
    return {**section, **{normalise(word): word for word in column.allowed}}


def translated(column: Column, vocabulary: Vocabulary) -> Mapping[str, str]:
    """Give the normalised words that have to be translated first, and what they mean."""
    known = understood(column, vocabulary)
    listed = YES_NO if column.kind == "flag" else WORDINGS.get(column.name, {})
    return {
        plain: meaning
        for meaning, words in listed.items()
        for word in words
        if (plain := normalise(word)) not in known
    }
