"""The `snmp` meter's engine: an interface of the line's terminal polled in a short-lived child, counters made into rates."""
