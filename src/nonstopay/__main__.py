"""`python -m nonstopay` is the command line."""

from nonstopay.cli.main import main

main()
