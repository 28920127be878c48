"""Headings by which clinics call the columns of the tables, in five languages, as one declared table."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from functools import cache

#: Column of the tables → headings, in small letters without accents, signs and blanks at their edges.
#: The order within a line is English, German, French, Spanish, Dutch.
HEADINGS: Mapping[str, tuple[str, ...]] = {
    "patient_id": (
        "patient id", "patient", "pt id", "pat id", "pid", "subject id", "subject", "participant id",
        "participant", "client id", "study id", "pseudonym", "patienten id", "patient nr", "pat nr",
        "id patient", "patiente", "sujet", "id paciente", "paciente", "patient nummer", "deelnemer",
        "usubjid", "subjid",
    ),
    "episode_id": (
        "episode id", "episode", "episode of care", "case id", "case no", "case nr", "case number", "case",
        "referral id", "treatment case", "fall id", "fall nr", "fallnummer", "behandlungsfall", "cas",
        "id episode", "numero de cas", "episodio", "id episodio", "caso", "id caso", "behandelepisode",
        "casus",
    ),
    "clinic_id": (
        "clinic id", "clinic", "site id", "site", "location id", "practice id", "practice", "centre",
        "center", "centre id", "center id", "facility", "klinik", "standort", "praxis", "clinique", "cabinet",
        "site clinique", "clinica", "centro", "sede", "kliniek", "praktijk", "vestiging", "siteid",
    ),
    "therapist_id": (
        "therapist id", "therapist", "provider id", "provider", "clinician id", "clinician", "physio",
        "physiotherapist", "pt", "treating therapist", "therapeut", "behandler", "therapeute", "kine",
        "kinesitherapeute", "terapeuta", "fisioterapeuta", "fysiotherapeut", "behandelaar",
    ),
    "start_date": (
        "start date", "start", "start of care", "soc date", "admission date", "intake date", "first visit",
        "date of first visit", "evaluation date", "eval date", "episode start", "enrolment date",
        "enrollment date", "beginn", "startdatum", "aufnahmedatum", "erstbehandlung", "behandlungsbeginn",
        "date de debut", "debut", "date d admission", "fecha de inicio", "inicio", "fecha de ingreso",
        "fecha inicio", "begindatum", "start datum", "intakedatum",
    ),
    "end_date": (
        "end date", "end", "discharge date", "date of discharge", "last visit", "episode end", "closed",
        "ende", "enddatum", "entlassdatum", "behandlungsende", "abschlussdatum", "date de fin", "fin",
        "date de sortie", "fecha de fin", "fecha de alta", "fecha fin", "alta", "einddatum", "ontslagdatum",
        "einde",
    ),
    "end_reason": (
        "end reason", "discharge reason", "reason for discharge", "discharge status", "outcome of care",
        "entlassgrund", "beendigungsgrund", "abschlussgrund", "motif de fin", "motif de sortie",
        "motivo de alta", "motivo de fin", "reden einde", "ontslagreden",
    ),
    "condition": (
        "condition", "diagnosis", "diagnosis group", "dx", "complaint", "problem", "indication", "diagnose",
        "diagnosegruppe", "beschwerde", "diagnostic", "pathologie", "diagnostico", "patologia", "aandoening",
        "klacht",
    ),
    "side": (
        "side", "body side", "laterality", "affected side", "leg", "seite", "korperseite", "betroffene seite",
        "cote", "lateralite", "lado", "lateralidad", "zijde", "kant",
    ),
    "body_site": (
        "body site", "body part", "body region", "region", "location of pain", "pain site", "pain location",
        "korperregion", "korperstelle", "zone", "partie du corps", "region du corps", "region corporal",
        "parte del cuerpo", "zona", "lichaamsdeel", "regio",
    ),
    "symptom_weeks": (
        "symptom weeks", "weeks since onset", "symptom duration weeks", "duration weeks", "weeks of symptoms",
        "symptomdauer wochen", "wochen seit beginn", "semaines depuis le debut", "semanas de sintomas",
        "weken klachten",
    ),
    "age_years": (
        "age years", "age", "age at intake", "age at baseline", "age in years", "alter", "alter jahre",
        "lebensalter", "edad", "edad anos", "leeftijd", "leeftijd jaren",
    ),
    "sex": ("sex", "gender", "geschlecht", "sexe", "genre", "sexo", "genero", "geslacht"),
    "surgical": (
        "surgical", "surgery", "post op", "postop", "post surgical", "operated", "after surgery", "operiert",
        "nach operation", "opere", "chirurgie", "operado", "cirugia", "geopereerd", "na operatie",
    ),
    "population": (
        "population", "patient group", "kind of person", "gruppe der person", "poblacion", "populatie",
    ),
    "arm": (
        "arm", "treatment arm", "study arm", "group", "treatment group", "allocation", "randomised to",
        "randomized to", "randomisation", "randomization", "gruppe", "studienarm", "behandlungsgruppe",
        "bras", "groupe", "brazo", "grupo", "groep", "behandelgroep",
    ),
    "date": (
        "date", "day", "visit date", "visit day", "date of visit", "service date", "date of service", "dos",
        "session date", "assessment date", "test date", "completed on", "treatment date", "event date",
        "log date", "datum", "tag", "behandlungsdatum", "termin", "messdatum", "erhebungsdatum",
        "date de visite", "date de la visite", "date de seance", "jour", "fecha", "fecha de visita",
        "fecha de sesion", "dia", "bezoekdatum", "behandeldatum", "meetdatum", "dag",
    ),
    "instrument": (
        "instrument", "scale", "questionnaire", "measure", "outcome measure", "test", "fragebogen", "skala",
        "messung", "echelle", "escala", "cuestionario", "vragenlijst", "meetinstrument", "schaal",
    ),
    "context": ("context", "situation", "condition of score", "kontext", "contexte", "contexto"),
    "score": (
        "score", "result", "rating", "points", "value", "total score", "pain", "pain score", "pain level",
        "pain rating", "pain intensity", "wert", "punkte", "punktzahl", "ergebnis", "schmerz", "schmerzwert",
        "schmerzstarke", "schmerzintensitat", "resultat", "valeur", "note obtenue", "douleur",
        "intensite douleur", "puntuacion", "puntaje", "resultado", "valor", "dolor", "intensidad dolor",
        "punten", "pijn", "pijnscore", "resultaat",
    ),
    "role": (
        "role", "type", "time point", "timepoint", "assessment type", "occasion", "phase", "event",
        "zeitpunkt", "messzeitpunkt", "art", "moment", "temps", "momento", "tipo", "tijdstip", "meetmoment",
    ),
    "exercise": (
        "exercise", "exercise name", "movement", "activity", "ubung", "uebung", "exercice", "mouvement",
        "ejercicio", "oefening",
    ),
    "valid_from": (
        "valid from", "from", "prescribed on", "prescription date", "prescribed from", "gultig ab", "ab",
        "verordnet am", "valable du", "prescrit le", "valido desde", "desde", "prescrito el", "geldig vanaf",
        "vanaf",
    ),
    "valid_to": (
        "valid to", "until", "to", "prescribed until", "stopped on", "gultig bis", "bis", "valable jusqu au",
        "jusqu au", "valido hasta", "hasta", "geldig tot", "tot",
    ),
    "sets": ("sets", "prescribed sets", "satze", "saetze", "series", "prescribed series"),
    "count_min": (
        "count min", "reps min", "min reps", "minimum reps", "reps", "repetitions", "wiederholungen",
        "repeticiones", "herhalingen",
    ),
    "count_max": ("count max", "reps max", "max reps", "maximum reps"),
    "unit": ("unit", "units", "einheit", "unite", "unidad", "eenheid"),
    "hold_min_s": ("hold min s", "hold seconds", "min hold", "hold min", "haltezeit"),
    "hold_max_s": ("hold max s", "max hold", "hold max"),
    "sessions_per_week": (
        "sessions per week", "times per week", "frequency per week", "per week", "einheiten pro woche",
        "pro woche", "seances par semaine", "par semaine", "sesiones por semana", "por semana",
        "keer per week", "per week keer",
    ),
    "sets_done": ("sets done", "sets completed", "completed sets", "satze gemacht", "series hechas"),
    "count_done": ("count done", "reps done", "reps completed", "completed reps", "repetitions done"),
    "hold_s": ("hold s", "hold", "held seconds", "hold time"),
    "state": (
        "state", "done", "completed", "session state", "exercise status", "erledigt", "fait", "hecho",
        "gedaan",
    ),
    "source": ("source", "reported by", "quelle", "fuente", "bron"),
    "modality": (
        "modality", "treatment", "intervention", "technique", "manual therapy", "service", "behandlung",
        "massnahme", "technik", "traitement", "modalite", "tratamiento", "modalidad", "tecnica",
        "behandeling", "techniek",
    ),
    "minutes": (
        "minutes", "duration minutes", "mins", "duration min", "treatment minutes", "minuten",
        "dauer minuten", "duree minutes", "minutos", "duracion minutos", "duur minuten",
    ),
    "status": (
        "status", "visit status", "appointment status", "attendance", "attended", "terminstatus",
        "anwesenheit", "statut", "presence", "estado", "asistencia", "afspraakstatus", "aanwezigheid",
    ),
    "kind": (
        "kind", "event type", "event kind", "adverse event", "type of event", "ereignis", "ereignisart",
        "evenement", "type d evenement", "evento", "tipo de evento", "gebeurtenis",
    ),
}  # fmt: skip
#: Headings that name a row and no person: pseudonyms of the patient or of the episode, whichever is wanted.
ROW_KEYS = ("id", "no", "nr", "number", "code", "key", "record id", "nummer", "numero", "case no")

_LETTERS = str.maketrans({"ß": "ss", "æ": "ae", "ø": "o"})


@cache
def words_of(heading: str) -> str:
    """Reduce a heading to its words: small letters, no accents, no signs, `CaseNo` as two words.

    Examples
    --------
    >>> words_of("Case-No."), words_of("VisitDate"), words_of("Körperregion (Schmerz)")
    ('case no', 'visit date', 'korperregion schmerz')
    """
    spaced = re.sub(r"(?<=[a-zà-ÿ])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", heading)
    plain = unicodedata.normalize("NFKD", spaced.casefold().translate(_LETTERS))
    letters = "".join(letter for letter in plain if not unicodedata.combining(letter))
    return re.sub(r"[\W_]+", " ", letters).strip()


def fits(heading: str, column: str) -> int:
    """Say how well a heading names a column of the tables.

    Returns
    -------
    int
        3 its own name, 2 one of its headings, 1 one of them with other words around it, 0 not at all.

    Examples
    --------
    >>> [fits(one, "date") for one in ("date", "Visit day", "Date of visit (mm/dd)", "Score")]
    [3, 2, 1, 0]
    """
    if heading.strip().lower() == column:
        return 3
    words = words_of(heading)
    known = HEADINGS.get(column, ())
    if words in known or words == column.replace("_", " "):
        return 2
    # One short word inside a longer heading says too little: "no of sessions", "start of run".
    within = any(f" {one} " in f" {words} " for one in known if len(one) > 5 or " " in one)
    return 1 if within else 0
