"""`python -m clients.cli`, the same as `holdfast`."""

from clients.cli import main

main()
