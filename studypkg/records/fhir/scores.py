"""Scores from Observations and questionnaires: each instrument by its code, each unit as it is declared."""

from __future__ import annotations

from dataclasses import dataclass

from studypkg.errors import ConfigError
from studypkg.records.fhir.codings import declared_tokens, vocabulary_tokens
from studypkg.records.fhir.linking import link
from studypkg.records.fhir.reading import Reading
from studypkg.records.quoting import literal
from studypkg.vocabulary import load_vocabulary

COLUMNS = ("episode_id", "date", "instrument", "context", "score", "role")
#: Statuses of results that stand. A result that is not final is no result yet.
_STANDING = ("final", "amended", "corrected", "completed")
#: Units that mean points of the instrument's own scale.
_POINTS = (
    "",
    "none",
    "1",
    "{score}",
    "score",
    "{points}",
    "points",
    "point",
    "{nrs}",
    "{0-10}",
    "/10",
    "{score}/10",
)
#: Units that are named where they do not fit; any other text may be anything and is not repeated.
_SHOWN = ("mm", "cm", "%", "{score}", "{t-score}", "s", "min", "h", "d", "wk")
OTHER = "another measurement"
_NUMBER = "-?[0-9]{1,30}([.][0-9]{1,40})?([eE][+-]?[0-9]{1,3})?"


@dataclass(frozen=True)
class Rule:
    """What one code, or one item, is a score of, and the units in which it is accepted.

    Parameters
    ----------
    instrument, context
        Words of the study.
    units
        Accepted unit to the factor that makes points of it: 10 for a line measured in centimetres where
        the scale counts millimetres.
    """

    instrument: str
    context: str
    units: dict[str, float]


def score_rules(reading: Reading) -> tuple[dict[str, str], dict[str, Rule]]:
    """Say which codes and items are scores, and of what.

    Returns
    -------
    tuple
        From token to the name of a rule, and the rules.

    Raises
    ------
    ConfigError
        If two keys of the declaration mean one code.
    """
    vocabulary = load_vocabulary()
    tokens = vocabulary_tokens(vocabulary.instruments.values())
    rules = {name: Rule(name, "", _units(name, None)) for name in set(tokens.values())}
    declared = reading.options.instruments
    own = declared_tokens({key: key for key in declared}, f"{reading.place} instruments")
    if len(own) < len(declared):
        raise ConfigError(f"{reading.place} instruments: two keys mean the same code. Keep one of them.")
    words = vocabulary.resolution("instruments")
    for token, key in own.items():
        one = declared[key]
        instrument = words.get(one.instrument.casefold(), one.instrument)
        rules[f"declared {key}"] = Rule(instrument, one.context, _units(instrument, one.unit))
        # A declaration without a system also stands above what the vocabulary says of the code.
        for known in [known for known in tokens if token.startswith("|") and known.endswith(token)]:
            del tokens[known]
        tokens[token] = f"declared {key}"
    return tokens, rules


def _units(instrument: str, declared: str | None) -> dict[str, float]:
    """Give the units in which scores of an instrument are accepted."""
    if declared is not None:
        return dict.fromkeys(("", "none") if declared in ("", "none") else (declared.lower(),), 1.0)
    scale = load_vocabulary().instruments.get(instrument)
    if scale is not None and instrument.startswith("vas"):
        # A line of 100 mm: without its unit a mark at 7 may be 7 mm or 7 cm.
        return {"mm": 1.0, "cm": 10.0, "{mm}": 1.0}
    units = dict.fromkeys(_POINTS, 1.0)
    if scale is not None and (scale.minimum, scale.maximum) == (0, 100):
        units["%"] = 1.0
        for narrow in ("{0-10}", "/10", "{score}/10"):
            del units[narrow]
    elif scale is None or scale.maximum != 10:
        units |= {"{t-score}": 1.0, "{tscore}": 1.0}
    return units


def find_scores(reading: Reading, rules: dict[str, Rule], episodes: str) -> str:
    """Make the table of the scores.

    Returns
    -------
    str
        Name of a table with `place`, `nth` (which score of its resource), `fate`, `reason` and `COLUMNS`.
    """
    name, table = reading.table("scores"), reading.table("rules")
    reading.sql(f"CREATE OR REPLACE TEMP TABLE {table} (term VARCHAR, instrument VARCHAR, context VARCHAR)")
    reading.sql(f"CREATE OR REPLACE TEMP TABLE {table}_units (term VARCHAR, unit VARCHAR, factor DOUBLE)")
    connection = reading.connection
    if rules:
        connection.executemany(
            f"INSERT INTO {table} VALUES (?, ?, ?)", [(k, r.instrument, r.context) for k, r in rules.items()]
        )
        connection.executemany(
            f"INSERT INTO {table}_units VALUES (?, ?, ?)",
            [(k, unit, factor) for k, r in rules.items() for unit, factor in r.units.items()],
        )
    made = " UNION ALL ".join(_select(reading, kind) for kind in ("Observation", "QuestionnaireResponse"))
    shown = ", ".join(map(literal, sorted({*_SHOWN, *(u for rule in rules.values() for u in rule.units)})))
    plain = f"regexp_full_match(s.value, '{_NUMBER}')"
    good = f"{plain} AND s.kind IN ('quantity', 'integer', 'coding', 'string') AND u.factor IS NOT NULL"
    reading.sql(
        f"""CREATE OR REPLACE TEMP TABLE {name} AS SELECT s.place, s.nth, s.patient, s.encounter, s.day,
        s.fate,
        coalesce(r.instrument, '') AS instrument, nullif(r.context, '') AS context,
        CASE WHEN {good} AND u.factor = 1 THEN s.value
            WHEN {good} THEN round(s.value::DOUBLE * u.factor, 6)::VARCHAR
            WHEN s.value IS NULL THEN ''
            WHEN s.kind = 'bound' THEN s.value || ' as a bound'
            WHEN s.kind = 'several' THEN s.value || ' and more'
            WHEN {plain} THEN s.value || ' ' || CASE WHEN s.unit IN ('', 'none') THEN 'without a unit'
            WHEN lower(s.unit) IN ({shown}) THEN s.unit ELSE 'another unit' END
            ELSE s.value END AS score,
        CASE WHEN len(s.terms) > 1 THEN 'two_instruments' WHEN s.kind = 'coded' THEN 'a_word'
            WHEN s.value IS NULL THEN 'no_value' WHEN s.kind = 'bound' THEN 'a_bound'
            WHEN s.kind = 'several' THEN 'several_answers' WHEN NOT {plain} THEN 'no_number'
            WHEN u.factor IS NULL THEN 'unit_does_not_fit' END AS reason
        FROM ({made}) s LEFT JOIN {table} r ON r.term = s.terms[1] AND len(s.terms) = 1
        LEFT JOIN {table}_units u ON u.term = r.term AND u.unit = lower(s.unit)"""
    )
    link(reading, name, episodes, around=True)
    _add_role(reading, name, episodes)
    return name


def _select(reading: Reading, kind: str) -> str:
    """Write the SQL of every score of a type; a resource without any has one row with its fate."""
    days = ["day"]
    if "issued" in reading.options.date_fallback and kind == "Observation":
        days.append("issued")
    current, other, standing = reading.current(kind), OTHER, ", ".join(map(literal, _STANDING))
    extra = "NULL"
    if kind == "QuestionnaireResponse":
        other = "no item of it is a score of the study"
        extra = "CASE WHEN old THEN 'in the shape of DSTU2, which is not read' END"
    encounters = f"(SELECT id, min(day) AS day FROM {reading.table('Encounter')} GROUP BY id)"
    if "encounter" in reading.options.date_fallback:
        visited = f"{current} c LEFT JOIN {encounters} v ON v.id = c.encounter"
        current = f"(SELECT c.*, v.day AS visit_day FROM {visited})"
        days.append("visit_day")
    every = f"""SELECT *, coalesce({extra}, CASE WHEN len(scores) = 0 OR scores IS NULL THEN '{other}' END,
        {reading.fates(kind)}, CASE WHEN status IS NULL THEN 'without a status'
        WHEN status NOT IN ({standing}) THEN 'not final: ' || status END,
        CASE WHEN len(list_filter(scores, lambda s: s.kind <> 'absent')) = 0 THEN
        'no value, and it says why not' END
        ) AS fate FROM {current}"""
    nothing = "struct_pack(terms := []::VARCHAR[], value := NULL::VARCHAR, unit := '', kind := 'none')"
    return f"""SELECT place, nth, patient, encounter, coalesce({", ".join(days)}, '') AS day, fate,
        s.terms AS terms, s.value AS value, s.unit AS unit, s.kind AS kind FROM (
        SELECT place, patient, encounter, {", ".join(days)}, fate,
            unnest(CASE WHEN fate IS NULL THEN list_filter(scores, lambda s: s.kind <> 'absent')
                ELSE [{nothing}] END) AS s,
            generate_subscripts(CASE WHEN fate IS NULL THEN list_filter(scores, lambda s: s.kind <> 'absent')
                ELSE [{nothing}] END, 1) AS nth FROM ({every}))"""


def _add_role(reading: Reading, name: str, episodes: str) -> None:
    """Write what each score was for, by the declared rule."""
    rule = reading.options.role
    if rule is None:
        raise ConfigError(
            f"{reading.place}: FHIR does not say which score is the first and which the last of an "
            f"episode. Declare "
            f'role = "by_order" under [sources.fhir] (first of the episode: intake; last on or after its '
            f"end: "
            f'discharge; else interim), or one role for all, such as role = "interim".'
        )
    made = f"{name}_roles"
    role = literal(rule)
    source = name
    if rule == "by_order":
        counts = "c.fate IS NULL AND c.reason IS NULL AND fhir_date(c.day) IS NOT NULL"
        group = f"PARTITION BY {counts}, c.episode_id, c.instrument, c.context"
        source = (
            f"(SELECT c.*, e.last AS ended, CASE WHEN {counts} THEN row_number() OVER ({group} "
            f"ORDER BY fhir_date(c.day), c.place, c.nth) END AS nth_score, count(*) OVER ({group}) AS scores "
            f"FROM {name} c LEFT JOIN (SELECT DISTINCT episode_id, last FROM {episodes} WHERE fate IS "
            f"NULL) e "
            f"USING (episode_id))"
        )
        role = (
            "CASE WHEN nth_score IS NULL OR nth_score = 1 THEN 'intake' "
            "WHEN nth_score = scores AND fhir_date(day) >= ended THEN 'discharge' ELSE 'interim' END"
        )
    reading.sql(
        f'CREATE OR REPLACE TEMP TABLE {made} AS SELECT *, day AS "date", {role} AS role FROM {source}'
    )
    reading.sql(f"DROP TABLE {name}")
    reading.sql(f"ALTER TABLE {made} RENAME TO {name}")
