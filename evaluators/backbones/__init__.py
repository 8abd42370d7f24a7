"""Networks that metrics look through: weights are found in installed packages and checked before they are read."""
