"""Is it the name of a person, or the name of a thing? By its form, and by words that no person is called.

No list of people's names is used: it would know the common ones, and the rare ones are those that
identify. What is listed instead are the words that the labels of a study are made of.
"""

# ruff: noqa: E501 (a pattern stands on one line)
from __future__ import annotations

import re
from functools import cache

from studypkg.vocabulary import load_vocabulary

_PARTICLE = (
    r"(van der|van den|van de|van|von der|von|zu|de la|de los|de las|del|de|da|dos|das|do|di|della|du|des|le|la"
    r"|ten|ter|el|al|bin|bint|ibn|abu|abd|y|e|i|ap|mac|mc|st\.?)"
)
_WORD = r"\p{Lu}[\p{Ll}\p{Lu}]*([’'`-]\p{L}+)*"
#: Two to five capitalised words, particles and initials among them; RE2 syntax.
TITLE_CASE = rf"({_WORD}|\p{{Lu}}\.)([ -]({_WORD}|\p{{Lu}}\.?|{_PARTICLE}|(?i:jr|sr|iii?|iv)\.?)){{0,4}} {_WORD}(,? (Jr|Sr|II|III|IV)\.?)?"
#: "Surname, First M."
SURNAME_FIRST = rf"(({_PARTICLE}|{_WORD}) ){{0,2}}{_WORD}, ?({_WORD}|\p{{Lu}}\.)( ({_WORD}|\p{{Lu}}\.?))*"
#: Two to four words of small letters only, particles among them.
SMALL = r"\p{Ll}{2,}([’'-]\p{Ll}+)*( \p{Ll}{1,}([’'-]\p{Ll}+)*){1,4}"
#: Two to four Chinese characters, or Hangul or kana, with or without a dot between.
EAST_ASIAN = r"[\p{Han}]{2,4}|[\p{Han}]{1,6}·[\p{Han}]{1,6}|[\p{Hangul}]{2,4}|[\p{Katakana}ー]{2,8}[ ・][\p{Katakana}ー]{2,8}"
#: Any writing of a person's name.
PERSON = rf"{TITLE_CASE}|{SURNAME_FIRST}|{EAST_ASIAN}"
#: One capitalised word, as in a column of surnames.
ONE_WORD = r"\p{Lu}\p{Ll}{2,}([-'’]\p{Lu}\p{Ll}+)?|[\p{Han}]{2,4}"

_THINGS = frozenset(
    ["a", "about", "above", "absent", "absence", "active", "activity", "acute", "adherence", "advice", "advised", "after", "afternoon", "age", "all", "am", "an", "and", "ankle", "anterior", "any", "aquatic", "arm", "arms", "as", "assessment", "assessed", "assisted", "at", "attended", "average", "back", "bad", "balance", "band", "barbell", "baseline", "before", "below", "better", "between", "bike", "bilateral", "blue", "board", "body", "both", "brace", "bridge", "bridges", "by", "calf", "cancelled", "care", "category", "central", "centre", "center", "change", "changed", "chart", "chest", "chronic", "clam", "class", "clinic", "clinical", "code", "cold", "combined", "complete", "completed", "completion", "condition", "control", "controls", "core", "cough", "cross", "crossover", "cycle", "cycling", "daily", "data", "date", "day", "days", "declined", "deep", "degree", "delayed", "deviation", "did", "diagnosis", "diary", "diet", "difference", "dip", "direct", "discharge", "discharged", "discontinued", "disease", "distal", "dizziness", "do", "does", "done", "dose", "double", "down", "drop", "dropped", "drug", "dry", "due", "during", "ear", "early", "east", "eccentric", "elbow", "elevated", "end", "episode", "error", "event", "every", "exercise", "exercises", "extended", "extension", "external", "extra", "eye", "face", "failed", "failure", "female", "few", "fever", "final", "first", "flare", "flat", "flexion", "flexor", "flow", "foot", "for", "forward", "free", "frequency", "from", "front", "full", "function", "gait", "general", "gentle", "glute", "gluteal", "good", "graft", "grade", "green", "grip", "group", "groups", "had", "half", "hamstring", "hand", "handheld", "has", "head", "headache", "health", "healthy", "heat", "heavy", "heel", "high", "hip", "his", "home", "hospital", "hot", "hour", "hours", "ice", "if", "improved", "in", "inactive", "incomplete", "index", "injection", "injury", "inner", "intake", "intensity", "intention", "intermediate", "internal", "interim", "into", "is", "isometric", "items", "job", "joint", "jump", "just", "kg", "kick", "knee", "known", "label", "large", "laser", "last", "late", "lateral", "left", "leg", "legs", "less", "lesion", "level", "lift", "light", "limb", "limited", "lift", "line", "list", "lock", "log", "long", "loss", "lost", "low", "lower", "lumbar", "lunge", "lunges", "machine", "major", "male", "manual", "massage", "mat", "max", "maximal", "mean", "medial", "medical", "medication", "medium", "method", "mid", "middle", "mild", "min", "minimal", "minor", "minute", "minutes", "missed", "missing", "mixed", "mobile", "mobility", "moderate", "month", "monthly", "months", "more", "morning", "most", "motion", "motor", "moved", "much", "muscle", "nausea", "neck", "needling", "negative", "nerve", "neutral", "never", "new", "next", "night", "no", "non", "none", "normal", "north", "nose", "not", "number", "obese", "of", "off", "old", "on", "once", "one", "only", "open", "or", "other", "others", "out", "outcome", "outer", "outside", "over", "overall", "overweight", "pain", "partial", "participant", "past", "patient", "per", "percent", "performed", "period", "phase", "physical", "physician", "pilot", "placebo", "plan", "plane", "plank", "plus", "poor", "population", "position", "positive", "post", "posterior", "practice", "pre", "prescribed", "present", "press", "pressure", "primary", "private", "problem", "program", "programme", "protocol", "proximal", "public", "pull", "push", "quad", "quadriceps", "quality", "question", "race", "radial", "raise", "randomised", "randomized", "range", "rare", "rate", "rear", "reason", "recovered", "recovery", "red", "referred", "referral", "refused", "regional", "registered", "rehab", "related", "release", "relief", "report", "reported", "resistance", "response", "rest", "result", "return", "reverse", "right", "roll", "rotation", "rotator", "row", "run", "runner", "running", "rural", "sample", "scale", "scheduled", "score", "screen", "screening", "seated", "second", "secondary", "self", "sensor", "serious", "session", "set", "severe", "sham", "short", "shoulder", "show", "side", "single", "site", "sitting", "sleep", "slide", "slight", "small", "soft", "some", "sore", "soreness", "south", "specific", "spinal", "spine", "split", "sport", "sports", "squat", "squats", "staff", "stair", "stand", "standard", "standing", "start", "state", "step", "steps", "still", "stomach", "stop", "straight", "strain", "strength", "stretch", "stretching", "strong", "study", "subacute", "subject", "supine", "support", "surgery", "surgical", "swelling", "symptom", "symptoms", "table", "tape", "tapering", "taping", "task", "team", "tendon", "test", "the", "then", "therapy", "thigh", "third", "three", "time", "times", "tired", "to", "toe", "total", "training", "trial", "treadmill", "treated", "treatment", "trunk", "twice", "two", "type", "ulnar", "unable", "under", "unit", "unknown", "unrelated", "unsupervised", "up", "upper", "urban", "use", "usual", "value", "very", "view", "visit", "visits", "vomiting", "waist", "wait", "waiting", "walk", "walking", "wall", "warm", "was", "weak", "week", "weekly", "weeks", "weight", "weights", "well", "west", "white", "wide", "with", "withdrawn", "within", "without", "work", "worse", "worst", "wound", "wrist", "year", "years", "yellow", "yes", "young", "zero", "allocated", "allocation", "analysis", "arthritis", "intervention", "informed", "consent", "eligible", "excluded", "enrolled", "lived", "stopped", "unit", "hospital", "university", "department", "school", "state", "county", "city", "street", "river", "lake", "mountain", "valley", "united", "kingdom", "america", "american", "europe", "european", "asian", "african", "black", "hispanic", "latino", "caucasian", "native", "pacific", "islander", "married", "divorced", "widowed", "separated", "employed", "unemployed", "retired", "student", "full-time", "part-time", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday", "january", "february", "march", "april", "june", "july", "august", "september", "october", "november", "december", "spring", "summer", "autumn", "winter", "schmerz", "keine", "links", "rechts", "woche", "wochen", "tag", "tage", "ja", "nein", "nicht", "abbruch", "behandlung", "gruppe", "kontrolle", "therapie", "dolor", "izquierda", "derecha", "semana", "sin", "con", "grupo", "tratamiento", "ninguno", "mejor", "peor", "dos", "una", "douleur", "gauche", "droite", "semaine", "sans", "avec", "groupe", "traitement", "aucun", "mieux", "pire", "wheel", "chair", "cable", "foam", "roller", "strap", "elastic", "rope", "bench", "ball", "bird", "bug", "dog", "cat", "cow", "dead", "monster", "seal", "swan", "hundred", "copenhagen", "nordic", "romanian", "bulgarian", "farmer", "pigeon", "child", "cobra", "thomas", "stage", "tier", "wave", "cohort", "batch", "north-east"]
)  # fmt: skip
_ENDINGS = re.compile(
    r"(itis|osis|opathy|algia|ectomy|plasty|otomy|oscopy|emia|uria|tion|tions|sion|ness|ology|graphy|gram|meter"
    r"|ing|ings|ical|ular|ative|ture|ency|ancy|ility|ively|ized|ised|cular|acic|ible|able|ment|ments|hood|ship|ively"
    r"|ylline|idine|azole|profen|codone|cillin|statin|amine|olol|pril|sartan|etine|parin|mycin|triptan|triptyline"
    r"|barbital|acetamol|coxib|pentin|balin|pirate)$"
)
#: A word has so many letters at least before its ending tells anything: "King" and "Clement" are people.
_ENDING_FROM = 8
#: Words of one letter or figure say nothing.
_SPLIT = re.compile(r"[\W\d_]+")


@cache
def _known_things() -> frozenset[str]:
    vocabulary = load_vocabulary()
    words: set[str] = set(_THINGS)
    for section in (
        vocabulary.exercises, vocabulary.modalities, vocabulary.conditions, vocabulary.stop_rules,
        vocabulary.populations, vocabulary.instruments,
    ):  # fmt: skip
        for term in section.values():
            for text in (term.id, term.name, *term.aliases):
                words.update(w for w in _SPLIT.split(text.casefold()) if len(w) > 2)
    return frozenset(words)


def names_a_thing(text: str) -> bool:
    """Say whether a text has a word that a label of a study has, and a person's name has not.

    Examples
    --------
    >>> names_a_thing("Usual Care"), names_a_thing("Rotator Cuff"), names_a_thing("Plantar Fasciitis")
    (True, True, True)
    >>> names_a_thing("Ngozi Adeyemi"), names_a_thing("van der Berg, Sanne")
    (False, False)
    """
    words = [word for word in _SPLIT.split(text.casefold()) if word]
    things = _known_things()
    return any(
        (len(word) > 1 and word in things and word not in _ALSO_NAMES)
        or (len(word) >= _ENDING_FROM and _ENDINGS.search(word) is not None)
        for word in words
    )


#: In both worlds; they do not clear a text of being a name.
_ALSO_NAMES = frozenset(
    ["al", "an", "april", "august", "cross", "da", "de", "do", "el", "general", "he", "in", "la", "le", "may", "june", "king", "long", "may", "old", "rose", "summer", "thomas", "white", "young", "black", "green", "brown", "child", "major", "wall", "west", "north", "east", "short", "small", "strong", "best", "two", "sans", "con", "dos", "am", "do"]
)  # fmt: skip
