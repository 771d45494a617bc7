"""Long and delayed work: one queue, its worker, and what each kind of job does."""
