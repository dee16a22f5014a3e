"""The scrip master of Motilal Oswal's OpenAPI, as CSV or JSON, made instruments; nothing is downloaded.

What the broker's page on it says, and what its files do besides, is told where it is dealt with.
"""

from phalanx.market.motilal_master.master import read_master

__all__ = ["read_master"]
