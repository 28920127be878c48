"""What came when, and what it changed: batches of new, corrected, withdrawn and waiting rows."""

from studypkg.records.history.batch import Delivery, Moment, start_run, take_in
from studypkg.records.history.keeping import Keeper
from studypkg.records.history.table import Run

__all__ = ["Delivery", "Keeper", "Moment", "Run", "start_run", "take_in"]
