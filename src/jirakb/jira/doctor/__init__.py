"""What is wrong with a connector, before it runs? `diagnose` asks the site (examine.py) and says it (findings.py)."""

from jirakb.jira.doctor.examine import Subject, diagnose
from jirakb.jira.doctor.findings import Diagnosis, Estimate, Finding

__all__ = ["Diagnosis", "Estimate", "Finding", "Subject", "diagnose"]
