"""A study's screened tables on disk, and every state that they were ever in."""

from studypkg.store.batches import AsOf, Batch
from studypkg.store.folder import Store

__all__ = ["AsOf", "Batch", "Store"]
