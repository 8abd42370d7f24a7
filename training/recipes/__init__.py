"""One file per recipe; see ``training/recipe.py``."""
