"""Human and humanoid motion: fifteen key points, one format, and readers of the field's formats."""
