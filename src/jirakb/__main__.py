"""`python -m jirakb` is the `jirakb` command."""

from jirakb.service.cli import main

main()
