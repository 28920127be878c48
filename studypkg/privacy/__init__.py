"""Could anyone be recognised? Identifiers stop at the way in, small cells at the way out."""

from studypkg.privacy.bounds import Additive
from studypkg.privacy.disclosure import Breach, audit
from studypkg.privacy.suppression import Released, Statistic, release

__all__ = ["Additive", "Breach", "Released", "Statistic", "audit", "release"]
