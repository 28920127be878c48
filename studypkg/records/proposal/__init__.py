"""What a file seems to hold, and the `[[sources]]` blocks that would read it."""

from studypkg.records.proposal.facts import Facts
from studypkg.records.proposal.opening import Look, look_into
from studypkg.records.proposal.proposing import Proposal, Proposed, propose

__all__ = ["Facts", "Look", "Proposal", "Proposed", "look_into", "propose"]
