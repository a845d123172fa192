"""`python -m jirakb.simulator`: a simulated Jira site as a program."""

from jirakb.simulator.simulate import main, simulate

__all__ = ["main", "simulate"]

if __name__ == "__main__":
    main()
