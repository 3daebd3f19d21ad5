"""A country in network namespaces: shaped links, real servers, faults; the demo and the benchmarks."""
