"""How long releases take, as ratios to what people would use instead: nox -s benchmark."""
