"""Columns in which nobody is named: what a screen for identifiers must let pass.

Three lots: columns drawn here from a seed, simulated studies, and the real data sets that are kept with the
tests and the examples, whose columns that do name something are listed by hand.
"""

# ruff: noqa: E501 (lists of words and templates)
from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pandas as pd
import pyreadstat

from studypkg.simulate import Truth, write_network
from studypkg.vocabulary import load_vocabulary

ROOT = Path(__file__).resolve().parent.parent
Column = Callable[[random.Random], str]

WORDS: dict[str, tuple[str, ...]] = {
    "stop reasons": (
        "goals met", "moved away", "lost to follow-up", "insurance ended", "patient's choice", "referred back",
        "surgery", "other", "new injury", "pregnancy", "no benefit", "travel too far", "work", "unknown",
    ),
    "arms": ("Usual Care", "Dry Needling", "Manual Therapy", "Wait List", "Sham Laser", "Home Programme"),
    "regions": ("Low Back", "Left Knee", "Right Shoulder", "Neck", "Both Hips", "Achilles", "Upper Trapezius"),
    "Schmerzort": ("Lendenwirbelsäule", "linkes Knie", "rechte Schulter", "Nacken", "Sprunggelenk", "Hüfte"),
    "motivos": ("sin cambios", "mejor que antes", "dolor leve", "alta voluntaria", "cambio de domicilio"),
    "motifs": ("douleur persistante", "reprise du travail", "fin de traitement", "amélioration nette"),
    "причины": ("боль в спине", "улучшение", "без изменений", "отказ"), "原因": ("疼痛", "好转", "无变化", "停止治疗"),
    "부위": ("허리", "오른쪽 무릎", "고관절", "정상", "안정", "주사", "없음", "신경"), "診断": ("腰痛症", "変形性膝関節症", "肩関節周囲炎", "頚椎症", "五十肩"),
    "诊断": ("腰痛", "颈椎病", "高血压", "白天疼痛", "肩周炎", "常规", "严重", "方法一", "孔源性", "关节炎"),
    "rozpoznanie": ("Ból krzyża", "Zapalenie ścięgna", "Uraz kolana", "Rwa kulszowa", "Skręcenie stawu", "Bark zamrożony"),
    "diagnos": ("Ont i ryggen", "Knäskada", "Frusen skuldra", "Diskbråck", "Nackbesvär", "Artros"),
    "klachten": ("Lage rugpijn", "Nekklachten", "Schouderklachten", "Knieartrose", "Enkelletsel"),
    "अंग": ("कमर दर्द", "घुटना", "कंधा", "गर्दन"), "المنطقة": ("أسفل الظهر", "الركبة اليسرى", "الكتف", "الرقبة"),
    "כאב": ("גב תחתון", "ברך שמאל", "כתף", "צוואר"),
    "ranks": ("very much worse", "much worse", "a little worse", "no change", "a little better", "much better"),
    "degrees of change": (
        "A very great deal better", "A great deal better", "Quite a bit better", "Moderately better", "Somewhat better",
        "A little bit better", "Almost the same, hardly any better at all", "No change", "A little bit worse",
    ),
    "answers": (
        "I have no pain at the moment", "The pain is very mild at the moment", "The pain is moderate at the moment",
        "The pain is fairly severe at the moment", "I can lift heavy weights without extra pain",
        "Pain prevents me from lifting heavy weights off the floor but I can manage if they are well placed",
    ),
    "channels": ("app", "clinic", "paper", "phone", "e-mail", "video"),
    "staff": ("Physical Therapist", "Occupational Therapist", "Athletic Trainer", "Student", "Assistant"),
    "drugs": ("Ibuprofen 400 mg", "Paracetamol 500 mg", "Naproxen", "none", "Diclofenac gel 1%", "Tramadol"),
    "equipment": ("TheraBand Red", "TheraBand Blue", "Swiss Ball", "Kettlebell 8 kg", "Foam Roller", "Bosu Ball"),
    "named tests": ("Lachman Test", "Thomas Test", "Neer Sign", "Hawkins-Kennedy Test", "Star Excursion", "Berg Balance"),
    "instruments": ("Oswestry Disability Index", "Neck Disability Index", "Roland-Morris", "QuickDASH", "KOOS"),
    "conditions": (
        "Adhesive Capsulitis", "Plantar Fasciitis", "Patellofemoral Pain", "De Quervain", "Achilles Tendinopathy",
        "Colles Fracture", "Osgood-Schlatter", "Morton Neuroma", "Baker Cyst", "Tennis Elbow",
    ),
}  # fmt: skip


def _figures(random_: random.Random, count: int) -> str:
    return "".join(random_.choices("0123456789", k=count))


def _day(random_: random.Random) -> tuple[int, int, int]:
    return random_.randrange(2019, 2026), random_.randrange(1, 13), random_.randrange(1, 29)


CODES: dict[str, Column] = {
    "small whole numbers": lambda r: str(r.randrange(12)),
    "hundreds": lambda r: str(r.randrange(50, 400)),
    "steps a day": lambda r: str(int(r.lognormvariate(8.7, 0.6))),
    "decimals": lambda r: f"{r.gauss(5, 2):.2f}",
    "long decimals": lambda r: repr(r.gauss(0, 1)),
    "decimal commas": lambda r: f"{r.gauss(70, 12):.1f}".replace(".", ","),
    "exponents": lambda r: f"{r.lognormvariate(0, 8):.4E}",
    "money": lambda r: f"${r.randrange(20, 4000):,}.00",
    "percentages": lambda r: f"{r.randrange(101)} %",
    "scores out of ten": lambda r: f"{r.randrange(11)}/10",
    "ranges": lambda r: f"{r.randrange(4, 9)}-{r.randrange(9, 16)}",
    "sets and repetitions": lambda r: f"{r.randrange(1, 5)}x{r.randrange(5, 20)}",
    "blood pressure": lambda r: f"{r.randrange(100, 170)}/{r.randrange(55, 100)}",
    "tempo": lambda r: f"{r.randrange(1, 5)}-{r.randrange(3)}-{r.randrange(1, 5)}",
    "weights with a unit": lambda r: f"{r.randrange(2, 90)}.5 kg",
    "ISO days": lambda r: "{:04}-{:02}-{:02}".format(*_day(r)),
    "US days": lambda r: "{1:02}/{2:02}/{0:04}".format(*_day(r)),
    "German days": lambda r: "{2:02}.{1:02}.{0:04}".format(*_day(r)),
    "days without dashes": lambda r: "{:04}{:02}{:02}".format(*_day(r)),
    "months": lambda r: "{:04}-{:02}".format(*_day(r)),
    "months in words": lambda r: f"{r.choice(('Jan', 'Feb', 'May', 'Oct'))} {r.randrange(2020, 2026)}",
    "times": lambda r: f"{r.randrange(24):02}:{r.randrange(60):02}",
    "times with seconds": lambda r: f"{r.randrange(24):02}:{r.randrange(60):02}:{r.randrange(60):02}",
    "moments": lambda r: "{:04}-{:02}-{:02} ".format(*_day(r)) + f"{r.randrange(24):02}:{r.randrange(60):02}:11",
    "moments with a zone": lambda r: "{:04}-{:02}-{:02}T09:30:00+02:00".format(*_day(r)),
    "seconds since 1970": lambda r: str(r.randrange(1_550_000_000, 1_780_000_000)),
    "milliseconds since 1970": lambda r: str(r.randrange(1_550_000_000_000, 1_780_000_000_000)),
    "row numbers": lambda r: str(r.randrange(1, 200_000)),
    "prefixed codes": lambda r: f"EP{_figures(r, 8)}",
    "dashed codes": lambda r: f"S-{_figures(r, 4)}-{_figures(r, 2)}",
    "site and number": lambda r: f"{_figures(r, 2)}-{_figures(r, 4)}",
    "site and subject": lambda r: f"0{_figures(r, 2)}-{_figures(r, 4)}",
    "site, arm and subject": lambda r: f"00{_figures(r, 1)}-00{_figures(r, 1)}-{_figures(r, 3)}",
    "pairs of billing codes": lambda r: f"{r.choice((97110, 97112, 97140))} {r.choice((97530, 97035, 97014))}",
    "REDCap records": lambda r: f"{_figures(r, 3)}-{r.randrange(1, 90)}",
    "hashes": lambda r: f"{r.getrandbits(128):032x}",
    "short hashes": lambda r: f"{r.getrandbits(32):08x}",
    "UUIDs": lambda r: (h := f"{r.getrandbits(128):032x}") and f"{h[:8]}-{h[8:12]}-{h[12:16]}-{h[16:20]}-{h[20:]}",
    "pseudonyms": lambda r: "P" + "".join(r.choices("ABCDEFGHJKLMNPQRSTUVWXYZ23456789", k=12)),
    "ICD-10": lambda r: f"{r.choice('MSGR')}{_figures(r, 2)}.{_figures(r, 1)}",
    "ICD-10-CM": lambda r: f"S{_figures(r, 2)}.{_figures(r, 3)}{r.choice('ADS')}",
    "CPT": lambda r: str(r.randrange(97010, 97800)),
    "LOINC": lambda r: f"{r.randrange(1000, 99999)}-{r.randrange(10)}",
    "SNOMED": lambda r: r.choice(("279039007", "22253000", "161891005", "57676002", "82423001", "247398009")),
    "ZIP3": lambda r: _figures(r, 3),
    "versions": lambda r: f"{r.randrange(1, 4)}.{r.randrange(12)}.{r.randrange(30)}",
    "vertebrae": lambda r: r.choice(("L4/L5", "L5-S1", "C5/C6", "T12", "C7")),
    "lists of codes": lambda r: ";".join(r.choices(("cold", "heat", "tens", "tape"), k=r.randrange(1, 4))),
    "yes and no": lambda r: r.choice(("yes", "no", "Yes", "NO", "y", "n")),
    "exercises": lambda r: r.choice([t.name for t in load_vocabulary().exercises.values()]),
    "half empty": lambda r: r.choice(("", "", "", "12", "7")),
}  # fmt: skip

#: Columns of the real data sets that do name a person, by file and column; everything else must pass.
_REDCAP = "tests/data/redcap_exports/"
TRUE_FINDINGS: dict[str, frozenset[str]] = {
    f"{_REDCAP}arm-multiple-delete/data.csv": frozenset(["birth_date"]),
    f"{_REDCAP}checkboxes-1/data.csv": frozenset(["desired_result"]),
    f"{_REDCAP}clinical-trial-1/data.csv": frozenset(
        ["name_last", "name_first", "address", "phone", "dob", "email"]
    ),
    f"{_REDCAP}longitudinal/data.csv": frozenset(
        ["patient_document", "first_name", "last_name", "telephone_1", "email", "dob", "comments", "ec_phone",
         "next_of_kin_contact_name", "next_of_kin_contact_address", "next_of_kin_contact_phone", "vob7", "vob14",
         "study_comments"]
    ),
    f"{_REDCAP}repeating-instruments/data.csv": frozenset(["first_name", "dob"]),
    f"{_REDCAP}simple/data.csv": frozenset(
        ["name_first", "name_last", "address", "telephone", "email", "dob", "comments"]
    ),
}  # fmt: skip


def drawn(seed: int) -> dict[str, Column]:
    """List the columns that are drawn here; words are used unevenly, as they are in life, some once only."""
    chance = random.Random(seed)
    columns = dict(CODES)
    for name, words in WORDS.items():
        weights = [chance.random() ** 3 + 0.002 for _ in words]
        columns[name] = lambda r, words=words, weights=weights: r.choices(words, weights)[0]
    return columns


def simulated(seeds: range) -> Iterator[tuple[str, pd.DataFrame]]:
    """Give the tables of simulated studies, as text."""
    for seed in seeds:
        with tempfile.TemporaryDirectory(prefix="clean-") as place:
            write_network(
                Path(place),
                Truth(),
                clinics=3,
                months=2,
                first_month="2026-01",
                seed=seed,
                episodes_per_month=25,
            )
            for path in sorted(Path(place).glob("*.csv")):
                yield f"{path.stem}, seed {seed}", pd.read_csv(path, dtype=str, keep_default_na=False)


def real() -> Iterator[tuple[str, pd.DataFrame]]:
    """Give the real data sets that are kept with the tests and the examples, every column as text."""
    # Dictionaries and lists of events describe the fields; they are no records.
    places = [*sorted((ROOT / "tests/data/").rglob("*")), *sorted((ROOT / "examples").rglob("data/*"))]
    for path in places:
        if "csv_spectrum" in path.parts:
            continue  # cases for parsers, and no records
        frame = _text(path)
        about = path.parent.parent.name == "redcap_exports" and path.name != "data.csv"
        if frame is not None and not about and len(frame.columns) > 1:
            yield str(path.relative_to(ROOT)), frame


def _text(path: Path) -> pd.DataFrame | None:
    if path.suffix in (".csv", ".tsv"):
        try:
            with duckdb.connect() as db:
                return (
                    db.execute("SELECT * FROM read_csv(?, all_varchar=true, header=true)", [str(path)])
                    .df()
                    .fillna("")
                )
        except duckdb.Error:
            return None  # no table: a file that is broken on purpose
    if path.suffix == ".xlsx":
        return pd.read_excel(path, dtype=str, keep_default_na=False)
    if path.suffix in (".sav", ".dta"):
        frame, _ = (pyreadstat.read_sav if path.suffix == ".sav" else pyreadstat.read_dta)(str(path))
        return frame.astype(object).where(frame.notna(), "").astype(str)
    return None
