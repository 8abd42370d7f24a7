"""Vision tasks: a humanoid that sees with a camera in its head and does something with what stands around it."""
