"""Two clinics for the tests of pages: one of ordinary size, one too small for everything."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

from sample_pages import clinic_document


@pytest.fixture(scope="session")
def ordinary():
    return clinic_document()


@pytest.fixture(scope="session")
def tiny():
    return clinic_document(0.1, clinic="clinic_06", clinic_name="Mill Lane clinic")
