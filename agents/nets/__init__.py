"""Networks that several models share: layers, flow matching, quantisation, frozen backbones, embodiments,
checkpoints."""
