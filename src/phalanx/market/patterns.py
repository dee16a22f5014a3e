"""What the texts of an instrument look like, each as a whole."""

import re
from typing import Final

EXCHANGE: Final = re.compile(r"[A-Z]+", re.ASCII)
TOKEN: Final = re.compile(
    r"[!-9;-~]+", re.ASCII
)  # printable, no blank; a colon would split the key
# Begins with a letter or digit, so that no spreadsheet takes it for a formula; a colon would look
# like a key and could name another instrument.
NAME: Final = re.compile(r"[A-Za-z0-9](?:[ -9;-~]*[!-9;-~])?", re.ASCII)
COMPANY: Final = re.compile(r"[A-Za-z0-9](?:[ -~]*[!-~])?", re.ASCII)
WORD: Final = re.compile(r"[A-Z0-9_-]+", re.ASCII)
ISIN: Final = re.compile(r"[A-Z]{2}[A-Z0-9]{9}[0-9]", re.ASCII)
CURRENCY: Final = re.compile(r"[A-Z]{3,5}", re.ASCII)
DATE: Final = re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])", re.ASCII)
FLAG: Final = re.compile(r"true|false", re.ASCII)
