"""What the watching rooms share: subjects, severities, facts and alarms. `presence`, `alerts`, `incidents` and `notify` stand on it."""
