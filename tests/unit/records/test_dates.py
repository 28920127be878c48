"""Date orders and decimal signs: taken from the values where they leave no doubt, asked for where they do."""

import duckdb
import pytest

from studypkg.records.dates import Ambiguous, DateOrder, DecimalSign, detect_date_order, detect_decimal


@pytest.fixture
def column():
    connection = duckdb.connect()

    def making(values):
        connection.execute("CREATE OR REPLACE TABLE t (x VARCHAR)")
        for value in values:
            connection.execute("INSERT INTO t VALUES (?)", [value])
        return connection, "t", "x"

    yield making
    connection.close()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        (["2025-04-03", None, ""], DateOrder("ymd", ("%Y-%m-%d",))),
        (["2025/04/03"], DateOrder("ymd", ("%Y/%m/%d",))),
        (["03/04/2025", "13/04/2025"], DateOrder("dmy", ("%d/%m/%Y",))),
        (["03/04/2025", "04/13/2025"], DateOrder("mdy", ("%m/%d/%Y",))),
        (["3.4.2025"], DateOrder("dmy", ("%d.%m.%Y",))),
        (["31-12-2025"], DateOrder("dmy", ("%d-%m-%Y",))),
        (["4/13/2025 1:05 PM"], DateOrder("mdy", ("%m/%d/%Y %I:%M %p",))),
        (["2025-04-03T10:00:00"], DateOrder("ymd", ("%Y-%m-%dT%H:%M:%S",))),
        ([], DateOrder("ymd", ("%Y-%m-%d",))),
        (["soon", "45"], DateOrder("ymd", ("%Y-%m-%d",))),
    ],
)
def test_the_order_that_the_values_leave(column, values, expected):
    assert detect_date_order(*column(values)) == expected


def test_the_formats_read_back_the_day_they_stand_for(column):
    connection, *_ = place = column(["4/13/2025", "4/2/2025 09:30", "4-1-2025"])
    found = detect_date_order(*place)
    days = connection.execute(
        "SELECT CAST(try_strptime(x, ?) AS DATE)::VARCHAR FROM t", [list(found.formats)]
    ).fetchall()
    assert [day for (day,) in days] == ["2025-04-13", "2025-04-02", "2025-04-01"]


@pytest.mark.parametrize("cut", ["/", "-"])
def test_no_day_above_twelve_is_asked(column, cut):
    found = detect_date_order(*column([f"03{cut}04{cut}2025", f"12{cut}12{cut}2025"]))
    assert isinstance(found, Ambiguous)
    assert found.candidates == (f"%d{cut}%m{cut}%Y", f"%m{cut}%d{cut}%Y")
    assert "2 dates" in found.reason


def test_two_orders_in_one_column_are_asked(column):
    found = detect_date_order(*column(["13/04/2025", "04/14/2025", "04/15/2025"]))
    assert isinstance(found, Ambiguous)
    assert "1 dates can only be day-month-year and 2 only" in found.reason


@pytest.mark.parametrize(
    ("value", "word"),
    [("03/04/25", "two digits"), ("45678", "Excel"), ("45678.5", "Excel"), ("20250403", "eight digits")],
)
def test_years_of_two_digits_and_day_numbers_are_refused(column, value, word):
    found = detect_date_order(*column([value, value]))
    assert isinstance(found, Ambiguous)
    assert word in found.reason
    assert value not in found.reason


def test_a_slip_is_left_to_the_screening(column):
    values = ["2025-04-03"] * 5 + ["03/04/2025", "31/02", "NA"]
    assert detect_date_order(*column(values)) == DateOrder("ymd", ("%Y-%m-%d",))


def test_words_for_missing_are_no_values(column):
    assert detect_decimal(*column(["1.5", "9,9"]), missing=("9,9",)) == DecimalSign(".")
    found = detect_date_order(*column(["01/01/1900", "13/04/2025"]), missing=("13/04/2025",))
    assert isinstance(found, Ambiguous)


@pytest.mark.parametrize(
    ("values", "sign"),
    [
        (["1", "2", "-3"], "."),
        (["1.5", "2", ".25", "1E-5"], "."),
        (["1,5", "2"], ","),
        (["1.234", "1.5"], "."),
        (["0.234"], "."),
        (["1,234", "2,5"], ","),
        (["7/10", "x", None], "."),
    ],
)
def test_the_sign_that_the_values_leave(column, values, sign):
    assert detect_decimal(*column(values)) == DecimalSign(sign)


@pytest.mark.parametrize(
    ("values", "word"),
    [
        (["1.234,5"], "thousands marks"),
        (["1,234.5"], "thousands marks"),
        (["1,5", "1.5"], "1 numbers hold a point and 1 a comma"),
        (["1,234", "12"], "comma before exactly three digits"),
        (["1.234", "12"], "point before exactly three digits"),
    ],
)
def test_signs_that_can_mean_two_things_are_asked(column, values, word):
    found = detect_decimal(*column(values))
    assert isinstance(found, Ambiguous)
    assert word in found.reason
