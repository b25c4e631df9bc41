"""What an expression is: dims and shapes, the nodes, operators, reference evaluator."""
