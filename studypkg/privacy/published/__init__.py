"""What lies in the folder of reports, read back file by file, as a stranger could."""

from studypkg.privacy.published.piece import Opaque, Table, Text
from studypkg.privacy.published.reading import read_published

__all__ = ["Opaque", "Table", "Text", "read_published"]
