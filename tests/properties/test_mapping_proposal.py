"""Whatever a file holds, a proposed block is understood, and no cell stands in it."""

import csv
import io
import tempfile
from pathlib import Path

import duckdb
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from studypkg.errors import StudyError
from studypkg.records.proposal import look_into, propose
from studypkg.records.proposal.block import understood
from studypkg.records.proposal.headings import HEADINGS
from studypkg.schema import TABLES
from studypkg.vocabulary import load_vocabulary

#: Headings that are known, and any other text.
heading = st.one_of(
    st.sampled_from(sorted({word for words in HEADINGS.values() for word in words})),
    st.sampled_from(["NPRS_w0", "nprs worst wk4", "lefs_baseline", "pain 12 months", "pk1", "pk2"]),
    st.text(st.characters(codec="utf-8", exclude_characters="\r\n\0"), min_size=1, max_size=12),
)
#: Cells of many kinds; each ends in letters that no heading, word or remark of the package holds.
cell = st.one_of(
    st.integers(-200, 99_999).map(lambda n: f"{n}"),
    st.dates().map(str),
    st.text(st.characters(codec="utf-8", exclude_characters='\r\n\0"'), max_size=10).map(
        lambda t: f"{t}qzxqzx"
    ),
    st.sampled_from(
        ["", "NA", "yes", "nein", "Baseline", "7/10", "7,5", "1.234", "03/04/2026", "13.02.2026"]
    ),
)


@given(st.data())
@settings(
    max_examples=40, deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.large_base_example],
)  # fmt: skip
def test_a_block_is_understood_and_holds_no_cell(data):
    header = data.draw(st.lists(heading, min_size=2, max_size=6, unique_by=lambda text: text.strip().lower()))
    one = st.tuples(*(cell for _ in header))
    rows = data.draw(st.lists(one, min_size=1, max_size=6)) * data.draw(st.sampled_from([1, 5]))
    text = io.StringIO()
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows([header, *rows])
    wanted = data.draw(st.sampled_from([None, *TABLES]))
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        file = Path(folder) / "file.csv"
        file.write_text(text.getvalue(), encoding="utf-8")
        try:
            looks = look_into(connection, file, Path(folder))
        except StudyError as fault:
            assert "qzxqzx" not in str(fault)
            return
        for look in looks:
            found = propose(
                connection,
                look,
                "file.csv",
                tables=TABLES,
                vocabulary=load_vocabulary(),
                flagged={},
                wanted=wanted,
            )
            assert "qzxqzx" not in str(found)
            for table, block in found.blocks.items():
                (source,) = understood(block)
                assert source.table == table
                named = {
                    *source.columns.values(),
                    *(s.column for s in (source.melt.series if source.melt else ())),
                }
                assert named <= {name.strip() for name in header}
