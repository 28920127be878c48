"""An invented study from the schema, with known true effects."""

from studypkg.simulate.faults import FAULT_KINDS, Fault
from studypkg.simulate.network import WARM_UP_MONTHS, ClinicMonth, simulate_block, simulate_network
from studypkg.simulate.people import Clinic, clinic_of
from studypkg.simulate.truth import Truth
from studypkg.simulate.writing import Written, write_network

__all__ = [
    "FAULT_KINDS",
    "WARM_UP_MONTHS",
    "Clinic",
    "ClinicMonth",
    "Fault",
    "Truth",
    "Written",
    "clinic_of",
    "simulate_block",
    "simulate_network",
    "write_network",
]
