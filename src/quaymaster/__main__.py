"""`python -m quaymaster` is the command line."""

from quaymaster.cli import main

if __name__ == "__main__":
    main()
