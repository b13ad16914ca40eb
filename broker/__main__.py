"""`python -m quaymaster.broker`: start one broker."""

import sys

from .run import main

if __name__ == "__main__":
    sys.exit(main())
