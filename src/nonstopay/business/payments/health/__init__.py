"""How well each way to pay works just now, judged by what became of the latest payments."""
