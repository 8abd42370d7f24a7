"""UniT: the tokenizer of unified latent actions, the policy trained on its tokens, and their sizes."""
