"""`python -m holdfast.client.cli`, the same as `holdfast`."""

from holdfast.client.cli import main

main()
