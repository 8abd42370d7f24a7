"""The episode loop: agents meet environments, and every attempt leaves a row and a trace."""
