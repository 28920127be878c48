"""The same work by threads, processes and a Dask cluster gives the same bits."""

from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context

import pytest

from studypkg.errors import ConfigError, ModelError
from studypkg.models import fit_lmm

FORMULA = "pain ~ weeks * adherence + sex + (1 + weeks | patient) + (1 | device) + (1 | clinic)"


@pytest.fixture(scope="module")
def alone(visits_file):
    return fit_lmm(FORMULA, visits_file, partition_rows=300)


@pytest.fixture(scope="module")
def cluster():
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=1,
        threads_per_worker=2,
        processes=False,
        dashboard_address=None,
        protocol="tcp",
        host="127.0.0.1",
    ) as local:
        yield local


def same_bits(one, other):
    assert one.params.equals(other.params)
    assert one.vcov.equals(other.vcov)
    assert one.ranef().equals(other.ranef())


def test_threads(visits_file, alone):
    with ThreadPoolExecutor(2) as pool:
        same_bits(fit_lmm(FORMULA, visits_file, executor=pool, partition_rows=300), alone)


def test_processes(visits_file, alone):
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        same_bits(fit_lmm(FORMULA, visits_file, executor=pool, partition_rows=300), alone)


def test_a_cluster_by_its_address_and_by_its_client(cluster, visits_file, alone, tmp_path):
    options = {"partition_rows": 300, "scratch": tmp_path}
    assert cluster.scheduler_address.startswith("tcp://")
    same_bits(fit_lmm(FORMULA, visits_file, executor=cluster.scheduler_address, **options), alone)
    with cluster.get_client() as client:
        same_bits(fit_lmm(FORMULA, visits_file, executor=client, **options), alone)
    assert list(tmp_path.iterdir()) == []


def test_faults_of_workers_come_back_as_they_are(cluster, visits_file):
    with pytest.raises(ModelError, match="is not a finite number"):
        fit_lmm(
            "pain ~ np.log(weeks) + (1 | patient)",
            visits_file,
            executor=cluster.scheduler_address,
            partition_rows=300,
        )


def test_nobody_at_the_address(visits_file):
    pytest.importorskip("distributed")
    with pytest.raises(ConfigError, match="No Dask scheduler answers"):
        fit_lmm(FORMULA, visits_file, executor="nonsense://nowhere")
