"""Messages about incidents: formed once, kept in an outbox, delivered by each channel at its own pace; intake never waits."""
