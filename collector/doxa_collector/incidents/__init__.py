"""Incidents: alarms that belong together become one, with its members, its most likely cause and its history."""
