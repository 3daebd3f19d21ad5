"""`doxa accept`: runs the acceptance test of a line, keeps its evidence as one file, and writes the Biên bản nghiệm thu.

The test is the agent's (`doxa agent accept`, a child process: agent and collector do not import each other, and what fails in
the one leaves the other standing). `contracted` knows what was promised, `running` starts the test, `bundle` is the file of
evidence, `record` what the paper tells, `settings` what a deployment decides, `checking` compares a file with a hash on paper.
Neither network nor ledger is needed, and nothing is written to a ledger.
"""
