"""A FHIR export as rows: Bundles and bulk NDJSON, resource by resource, nothing read that no study needs."""

from studypkg.records.fhir.reader import read_fhir

__all__ = ["read_fhir"]
