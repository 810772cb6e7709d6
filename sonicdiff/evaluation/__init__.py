"""How good a model is: evaluators trained apart from it, scores with their intervals, tables and contact sheets (the paper's section 4)."""
