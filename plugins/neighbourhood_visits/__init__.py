"""Neighbourhood visits: residents ask before elected officials walk through, and read the answers after."""
