"""Geography with time: provinces, districts and communes, what they were called when, and what became of them.

A place is known by (code, first day): codes are reused, and names come back elsewhere. The shipped table (`data/`) is
what an open data set says; a deployment lays the official list over it (`doxa places import`).
"""
