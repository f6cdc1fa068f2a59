"""What a publisher gives as the reference of a record is kept only where it is an address of the web."""

import io
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from socdefenders.feeds import PARSERS, Hints
from socdefenders.feeds.fields import link
from socdefenders.model import Observable

HASH = "0f" * 16


def csv(header: str, row: str) -> str:
    return f"{header}\n{row}\n"


RECORDS = {
    "csv": csv("indicator,reference", "192.0.2.1,LINK"),
    "threatfox": csv("ioc_value,ioc_type,reference", "192.0.2.1:1,ip:port,LINK"),
    "threatfox-json": json.dumps({"1": [{"ioc_value": "192.0.2.1:1", "ioc_type": "ip:port", "reference": "LINK"}]}),
    "urlhaus": csv("id,dateadded,url,urlhaus_link", "1,2026-01-01,http://192.0.2.1/a,LINK"),
    "urlhaus-json": json.dumps([{"url": "http://192.0.2.1/a", "urlhaus_link": "LINK"}]),
    "phishtank": csv("phish_id,url,phish_detail_url", "1,http://192.0.2.1/a,LINK"),
    "phishtank-json": json.dumps([{"url": "http://192.0.2.1/a", "phish_detail_url": "LINK"}]),
    "misp": json.dumps({"Event": {"info": "x", "Attribute": [{"type": "md5", "value": HASH, "comment": "LINK"}]}}),
    "stix": json.dumps(
        {
            "type": "bundle",
            "objects": [
                {
                    "type": "indicator",
                    "pattern": "[ipv4-addr:value = '192.0.2.1']",
                    "external_references": [{"url": "LINK"}],
                }
            ],
        }
    ),
}


@pytest.mark.parametrize("format_", RECORDS)
@pytest.mark.parametrize(
    "address", ["https://report.example/1", "javascript:alert(1)", "httpx://report.example", "seen"]
)
def test_a_reference_is_a_web_address_or_none(format_: str, address: str) -> None:
    stream = io.BytesIO(RECORDS[format_].replace("LINK", address).encode())
    (item,) = PARSERS[format_].parse(stream, Hints())
    assert isinstance(item, Observable), item
    assert item.reference_url == (address if address.startswith("https://") else None)


@given(st.text() | st.sampled_from(["HTTPS://a.example", " http://a.example ", "http:/a"]) | st.integers() | st.none())
def test_any_field_is_a_web_address_or_none(value: object) -> None:
    found = link(value)
    assert found is None or found.lower().startswith(("http://", "https://"))
    assert (found is None) or found in str(value).replace("\0", "\ufffd")
