"""What is stored depends on what was delivered, and on nothing that differs between two machines."""

import shutil

import pytest
from clinic_folder import STUDY, Clinic


@pytest.fixture
def clinic(tmp_path):
    return Clinic(tmp_path).declare(STUDY).edit("assessments", 5, "score", "x").write()


def test_hash_seed_and_threads_change_no_byte(clinic, tmp_path):
    stored = []
    for seed, threads in (("0", "1"), ("7", "2"), ("4242", "4")):
        shutil.rmtree(clinic.folder / "data", ignore_errors=True)
        outcome = clinic.ingest_apart(PYTHONHASHSEED=seed, OMP_NUM_THREADS=threads)
        assert outcome.code == 0, outcome.said
        stored.append({name: data for name, data in clinic.state().items() if name.endswith(".parquet")})
    assert stored[0] == stored[1] == stored[2]
    assert set(stored[0]) == {"episodes.parquet", "assessments.parquet"}
