"""What came of a visit: the team's minutes, the published report, its figures, and the open data."""
