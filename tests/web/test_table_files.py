"""Tables as files: what programs and papers get of the same rows, and what a spreadsheet must never run."""

import csv
import io
import json
import math
from datetime import UTC, datetime

import factories
import pyarrow.parquet
import pytest
from django.db import OperationalError, connection
from hypothesis import given, settings
from hypothesis import strategies as st
from psycopg.errors import QueryCanceled

from frontier_app.tables.files import FORMATS, ROWS_AT_MOST, Column, Interval, latex, table_response

COLUMNS = (
    Column("checkpoint", "checkpoint"),
    Column("solved_rate", "solved", best="high", interval=True),
    Column("wrong_rate", "wrong", best="low"),
    Column("samples", "samples"),
)
ROWS = [
    ("low_1", Interval(0.612, 0.021, 880), 0.2504, 880),
    ("high & more", Interval(0.6121, math.nan), 0.25, 1200),
    ("a = −0.5", None, math.nan, None),
]


def file_of(format: str, columns=COLUMNS, rows=ROWS) -> bytes:
    response = table_response("Runs of a/b", format, columns, rows)
    assert response.status_code == 200
    assert response["Content-Disposition"] == f'attachment; filename="runs-of-ab.{format}"'
    return response.content


def test_programs_get_every_digit_and_nothing_for_what_is_missing():
    head, *body = csv.reader(io.StringIO(file_of("csv").decode()))
    assert head == ["checkpoint", "solved_rate", "solved_rate_half_width", "solved_rate_n", "wrong_rate", "samples"]
    assert body == [
        ["low_1", "0.612", "0.021", "880", "0.2504", "880"],
        ["high & more", "0.6121", "", "", "0.25", "1200"],
        ["a = −0.5", "", "", "", "", ""],
    ]


def test_json_and_parquet_hold_the_same_rows():
    rows = json.loads(file_of("json"))
    assert rows[0]["solved_rate"] == 0.612
    assert rows[2] == dict.fromkeys(rows[0]) | {"checkpoint": "a = −0.5"}
    assert pyarrow.parquet.read_table(io.BytesIO(file_of("parquet"))).to_pylist() == rows


def test_parquet_keeps_types_and_writes_a_mixed_column_as_text():
    moment = datetime(2026, 3, 1, 12, tzinfo=UTC)
    columns = [("tags", "tags"), ("config", "config"), ("mixed", "mixed"), ("made", "made"), ("unknown", "unknown")]
    rows = [(["dp", "graphs"], {"seed": 1}, 3, moment, None), ([], {}, "three", None, None)]
    table = pyarrow.parquet.read_table(io.BytesIO(file_of("parquet", columns, rows)))
    first = table.to_pylist()[0]
    assert first == {
        "tags": ["dp", "graphs"],
        "config": '{"seed": 1}',
        "mixed": "3",
        "made": moment,
        "unknown": None,
    }


def test_a_paper_gets_intervals_dashes_and_the_best_in_bold():
    # 0.612 and 0.6121 are written alike, so both are best; the smallest share of wrong answers is.
    assert file_of("md").decode().splitlines() == [
        "| checkpoint | solved | wrong | samples |",
        "| --- | ---: | ---: | ---: |",
        "| low\\_1 | **0.612 ± 0.021** | **0.250** | 880 |",
        "| high & more | **0.612** | **0.250** | 1200 |",
        "| a = −0.5 | — | — | — |",
    ]
    body = file_of("tex").decode()
    assert "\\begin{tabular}{lrrr}\n\\toprule\n" in body
    assert "low\\_1 & \\textbf{0.612} $\\pm$ 0.021 & \\textbf{0.250} & 880 \\\\" in body
    assert "high \\& more & \\textbf{0.612} & \\textbf{0.250} & 1200 \\\\" in body
    assert "a = $-$0.5 & --- & --- & --- \\\\\n\\bottomrule" in body


def test_one_row_has_no_best():
    assert "textbf" not in file_of("tex", rows=ROWS[:1]).decode()


@pytest.mark.parametrize("text", ["=1+1", "+1", "@SUM(A1)", "-cmd|' /C calc'!A0", "-1+1|cmd", "\t=1", " =1", "＝1"])
def test_no_spreadsheet_runs_a_cell(text):
    (_, [cell, number]) = csv.reader(io.StringIO(file_of("csv", [(text, ""), ("b", "")], [(text, -0.5)]).decode()))
    assert cell == f"'{text}"
    assert number == "-0.5"


def test_text_that_is_a_negative_number_stays_one():
    assert b"\r\n-0.5\r\n" in file_of("csv", [("a", "a")], [("-0.5",)])


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.text(), st.none() | st.floats(allow_nan=False, allow_infinity=False)), max_size=5))
def test_what_is_written_as_json_comes_back_whole(rows):
    found = json.loads(file_of("json", [("name", ""), ("value", "")], rows))
    assert [(row["name"], row["value"]) for row in found] == rows
    body = list(csv.reader(io.StringIO(file_of("csv", [("name", ""), ("value", "")], rows).decode(), newline="")))[1:]
    assert [float(value) if value else None for _, value in body] == [value for _, value in rows]


@given(st.text(alphabet="ab\\{}$&#%_^~<>|"))
def test_latex_text_holds_no_sign_that_commands(text):
    bare = latex(text)
    for known in ("\\textbackslash{}", "\\textasciicircum{}", "\\textasciitilde{}"):
        bare = bare.replace(known, "")
    for known in ("\\textless{}", "\\textgreater{}", "\\textbar{}", *(f"\\{sign}" for sign in "{}$&#%_")):
        bare = bare.replace(known, "")
    assert set(bare) <= {"a", "b"}


def test_an_unknown_format_is_refused_before_a_row_is_read():
    def never():
        raise AssertionError
        yield

    response = table_response("runs", "xlsx", COLUMNS, never())
    assert response.status_code == 400
    assert response.content.decode() == "A table comes as csv, json, parquet, md, tex; “xlsx” is none of them."
    assert "text/plain" in response["Content-Type"]


def test_more_rows_than_a_file_may_hold_are_refused():
    response = table_response("runs", "csv", [("a", "a")], ((1,) for _ in range(ROWS_AT_MOST + 1)))
    assert response.status_code == 400
    assert "filter the list" in response.content.decode()


@pytest.mark.parametrize("format", FORMATS)
def test_an_empty_list_is_an_empty_file_with_its_columns(format):
    assert b"wrong" in file_of(format, rows=[]) or format == "json"


def stopped_over_the_filter(execute, sql, params, many, context):
    """The database as it is when its patience with one filter is at an end."""
    if "slow-run" in str(params):
        raise OperationalError("canceling statement due to statement timeout") from QueryCanceled()
    return execute(sql, params, many, context)


SLOW = "q=name+%3D+slow-run"


@pytest.mark.django_db
def test_a_filter_that_takes_the_database_too_long_is_told_in_one_sentence(client_of):
    factories.study(problems=1)
    client, said = client_of(factories.bob()), "This filter takes the database too long"
    with connection.execute_wrapper(stopped_over_the_filter):
        for page in ("runs/", "checkpoints/", "evaluations/"):
            answer = client.get(f"/studies/miniature/{page}?format=csv&{SLOW.replace('name', names(page))}")
            assert (answer.status_code, said in answer.content.decode()) == (422, True), page
        answer = client.get(f"/studies/miniature/runs/?format=csv&group=coverage&{SLOW}")
        assert (answer.status_code, said in answer.content.decode()) == (422, True)
        assert said in client.get(f"/studies/miniature/runs/?group=coverage&{SLOW}").content.decode()
        form = {"all": "1", "q": "name = slow-run"}
        cancelled = client.post("/studies/miniature/runs/cancel/", form, follow=True)
    assert f"Nothing was cancelled: {said}" in cancelled.content.decode()


def names(page: str) -> str:
    return "checkpoint" if page == "evaluations/" else "name"
