"""`python -m tests.crash`: the crash campaign under its short name."""

import sys

from tests.campaign.crash import main

if __name__ == "__main__":
    sys.exit(main())
