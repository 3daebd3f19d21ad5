"""Acceptance of a line (methods.md §4): steps of fixed rate, RFC 6349 figures, loaded latency, one outcome with reasons.

Standards followed: the idea of ITU-T Y.1564's configuration test (steps of the contracted rate) with the capacity metric
of RFC 9097 at a fixed rate, RFC 6349 for TCP, RFC 4821/8899 for the path MTU. RFC 2544 is never run on a live line
(RFC 6815). `contract` says what is promised, `course` what will be sent, `judgement` what follows from readings, `conduct`
does it in order, `instruments` measures, `result` keeps the evidence, `words` and `command` speak with people.
"""
