"""The extras of the distribution, so that a missing one can be named in the sentence that mends it."""

agent = "agent"
collector = "collector"
dashboards = "dashboards"
lab = "lab"
