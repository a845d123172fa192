"""`python -m jirakb.simulator`: a simulated Jira site as a program."""

from jirakb.simulator.simulate import main

main()
