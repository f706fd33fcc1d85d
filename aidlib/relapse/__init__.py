"""How long hardship lasts, who leaves, who returns, what predicts it, and whom to visit."""

__all__: list[str] = []
