"""The table of postcodes: how a postcode is found, and that every fault of a file is told with its line and field."""

from pathlib import Path

import pytest

from serve.sourcing import places
from serve.sourcing.places import (
    MalformedPostcodes,
    Place,
    Postcodes,
    UnknownPostcode,
    load_postcodes,
    read_postcodes,
)

HEADER = "country,postcode,latitude,longitude"


def table(*rows: str, header: str = HEADER) -> Postcodes:
    return read_postcodes([f"{line}\n" for line in (header, *rows)])


@pytest.mark.parametrize("postcode", ["SW1A 1AA", "sw1a1aa", " Sw1a  1aA ", "SW1A\t1AA"])
@pytest.mark.parametrize("country", ["GB", " gb", ""])
def test_spaces_and_case_do_not_matter(postcode: str, country: str) -> None:
    assert table("gb,sw1A 1AA,51.501,-0.1416").find(postcode, country) == Place(51.501, -0.1416)


def test_columns_are_found_by_their_titles_and_others_are_left_alone() -> None:
    rows = table("-0.1416,London,51.501,SW1A 1AA,", header="Longitude, city ,LATITUDE,Postcode,")
    assert rows.find("SW1A1AA") == Place(51.501, -0.1416)
    assert rows.find("SW1A1AA", "GB") == Place(51.501, -0.1416), "a table without countries is of one country"
    assert len(rows) == 1


def test_a_postcode_of_several_countries_needs_its_country() -> None:
    rows = table("DE,10115,52.53,13.38", "FR,10115,48.2,4.1", "US,72756,36.3,-94.1")
    assert rows.find("10115", "fr") == Place(48.2, 4.1)
    assert rows.find("72756") == Place(36.3, -94.1)
    found = rows.find("10115")
    assert found == UnknownPostcode("10115", "", ("DE", "FR"))
    assert found.message == "postcode '10115' is of DE, FR; name the country"


@pytest.mark.parametrize(
    ("postcode", "country", "message"),
    [
        ("99 999", "", "postcode '99 999' is not in the table; check it, or send latitude and longitude"),
        ("10115", "US", "postcode '10115' of US is not in the table; check it, or send latitude and longitude"),
        ("", "", "postcode '' is not in the table; check it, or send latitude and longitude"),
    ],
)
def test_an_unknown_postcode_is_a_value_that_names_it(postcode: str, country: str, message: str) -> None:
    found = table("DE,10115,52.53,13.38").find(postcode, country)
    assert isinstance(found, UnknownPostcode)
    assert (found.postcode, found.country, found.message) == (postcode, country, message)


FAULTS = """
    header                             | row                  | line | field     | fault
    postcode,latitude                  | 1,2                  | 1    | longitude | the header names no such column
    postcode,latitude,longitude,City,latitude | 1,2,3,x,2     | 1    | latitude  | twice
    country,postcode,latitude,longitude | DE,10115,52.5       | 3    | longitude | has 3 fields, and the header 4
    country,postcode,latitude,longitude | DE,10115,52.5,13,7  | 3    |           | has 5 fields, and the header 4
    country,postcode,latitude,longitude | ,10115,52.5,13      | 3    | country   | is empty
    country,postcode,latitude,longitude | DE, ,52.5,13        | 3    | postcode  | is not 1 to 16 printable
    country,postcode,latitude,longitude | DE,12345678901234567,52,13 | 3 | postcode | is not 1 to 16 printable
    country,postcode,latitude,longitude | DE,1011\ufffd,52,13 | 3    | postcode  | is not 1 to 16 printable
    country,postcode,latitude,longitude | DE,10115,north,13   | 3    | latitude  | 'north' is not a number of degrees from -90 to 90
    country,postcode,latitude,longitude | DE,10115,90.1,13    | 3    | latitude  | '90.1' is not a number
    country,postcode,latitude,longitude | DE,10115,nan,13     | 3    | latitude  | 'nan' is not a number
    country,postcode,latitude,longitude | DE,10115,52,        | 3    | longitude | '' is not a number of degrees from -180 to 180
    country,postcode,latitude,longitude | DE,10115,52,-181    | 3    | longitude | '-181' is not a number
    country,postcode,latitude,longitude | de,10 117,52,13     | 3    | postcode  | '10117' stands twice
    country,postcode,latitude,longitude | DE,"10115,52,13     | 3    |           | is not CSV
"""  # noqa: E501  # a table


@pytest.mark.parametrize("line", FAULTS.strip().splitlines()[1:])
def test_a_fault_is_told_with_its_line_and_field(line: str) -> None:
    header, row, number, field, fault = (cell.strip() for cell in line.split("|"))
    good = "DE,10117,52.5,13.4"
    with pytest.raises(MalformedPostcodes) as caught:
        table(good, row, header=header)
    assert (caught.value.line, caught.value.field) == (int(number), field)
    assert fault in str(caught.value)


def test_an_empty_file_lacks_its_header() -> None:
    with pytest.raises(MalformedPostcodes, match="line 1, postcode: the header names no such column"):
        read_postcodes([])


def test_a_table_has_a_limit() -> None:
    rows = [f"DE,{number},50,10" for number in range(places.POSTCODES_MAX + 1)]
    assert len(table(*rows[:-1])) == places.POSTCODES_MAX
    with pytest.raises(MalformedPostcodes, match=f"line {places.POSTCODES_MAX + 2}: more than 250,000 postcodes"):
        table(*rows)


def test_a_file_may_have_a_mark_and_empty_lines_and_bytes_that_are_no_text(tmp_path: Path) -> None:
    path = tmp_path / "postcodes.csv"
    path.write_bytes(b"\xef\xbb\xbfpostcode,latitude,longitude,city\r\n\r\n10115,52.53,13.38,K\xf6ln\r\n")
    assert load_postcodes(path).find("10115") == Place(52.53, 13.38)
    path.write_bytes(b"postcode,latitude,longitude\n10115,52.53,13.38\n101\xff5,52,13\n")
    with pytest.raises(MalformedPostcodes, match="line 3, postcode"):
        load_postcodes(path)
