"""The engine of the speed meter: TCP payload over many streams, one thread, one epoll, arrived segments as the clock."""
