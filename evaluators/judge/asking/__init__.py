"""How questions are pursued: the loop, retries, the budget, and answers on disk."""
